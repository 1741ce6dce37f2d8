"""What a search space is: genotypes as integer vectors, their graphs, strings, moves, keys, encodings and networks."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.spaces import interchange
from nasbench.types import Architecture, BoolArray, FloatArray, GenotypeArray, KeyArray

if TYPE_CHECKING:
    import networkx as nx
    import torch
    from ConfigSpace import ConfigurationSpace
    from matplotlib.figure import Figure
    from optuna import Trial

    from nasbench.tasks import Task

BLOCK = 2**16
"""Genotypes that are worked on at once where many would take much memory."""
Option: TypeAlias = str | int | float
"""The name of an option: what it is called, or the number that it stands for."""


class AdjacencyArrays(NamedTuple):
    """Labelled graphs of `n` architectures, padded to `v` nodes.

    Attributes:
        adjacency: `adjacency[a, i, j]` is true where architecture `a` has the edge i -> j; shape `(n, v, v)`.
        ops: Index of each node's label in `Space.ops`, 0 where there is no node; shape `(n, v)`.
        mask: True where there is a node; shape `(n, v)`.
    """

    adjacency: BoolArray
    ops: GenotypeArray
    mask: BoolArray


@dataclass(frozen=True)
class NetworkSettings:
    """Size of the network that is built around a cell.

    Attributes:
        channels: Channels after the stem; doubled at each reduction.
        cells: Cells in each of the stages.
        stages: Stages; between two of them the image is halved and the channels are doubled.
    """

    channels: int = 16
    cells: int = 5
    stages: int = 3


class Space(ABC):
    """A set of architectures, each a *genotype*: an int8 vector of length `len(cardinalities)`.

    Position `p` of a genotype holds one of `cardinalities[p]` options, counted from 0. Where every combination is an
    architecture, a subclass states `cardinalities`, `ops` and `max_nodes` and writes `adjacency_arrays`, `graph`,
    `_from_graph`, `to_string`, `_from_string` and `network`. Where not, it also overrides `invalid`, `size`, `repair`,
    `sample`, `mutate`, `crossover`, `enumerate`, `neighbours` (or `_neighbours_of` many, which is faster) and, where
    two genotypes can be one network, `canonical`.

    Methods on arrays take `(n, d)` genotypes, are vectorised, and trust their input: `check` (or `genotype`) is the
    border at which foreign input is tested. Randomness is always a passed generator.
    """

    name: str
    """Name in the registry."""
    paper: str
    """Authors, year, title or identifier of the paper that defines the space."""
    cardinalities: tuple[int, ...]
    """Number of options at each position of a genotype."""
    ops: tuple[str, ...]
    """Labels that the nodes of a graph can have (input and output included)."""
    max_nodes: int
    """Most nodes that a graph has: `v` of `AdjacencyArrays`."""
    task: ClassVar[str] = "image_classification"
    """Name of the task that its networks are trained for; see `nasbench.tasks`."""
    zero_ops: tuple[str, ...] = ()
    """Those of `ops` that pass nothing on: what only they lead to does not reach the output."""
    identity_ops: tuple[str, ...] = ()
    """Those of `ops` that pass on their input as it is."""
    attributes: tuple[str, ...] = ()
    """Numeric attributes that the nodes of a graph have besides `op`."""
    captions: ClassVar[Mapping[str, str]] = {}
    """Those of `attributes` that pictures show below the operation, and how: `{"level": "P{}"}`."""
    feature_kinds: tuple[str, ...] = ("onehot", "counts", "adjacency")
    """Flat encodings that `features` knows."""

    @property
    def trainable(self) -> bool:
        """Whether it has networks; where not, as for a table that was measured elsewhere, `network` refuses."""
        return True

    @property
    def modules(self) -> tuple[str, ...]:
        """Modules named in the constructor's arguments, which `network` will import."""
        return ()

    # --- membership ---------------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Number of genotypes."""
        return math.prod(self.cardinalities)

    def invalid(self, genotypes: GenotypeArray) -> list[str | None]:
        """For each of `(n, d)` in-range genotypes, why it is no architecture of this space, or None."""
        return [None] * len(genotypes)

    def contains(self, genotypes: GenotypeArray) -> BoolArray:
        """Which of `(n, d)` in-range genotypes are architectures of this space; shape `(n,)`."""
        return np.ones(len(genotypes), dtype=bool)

    def check(self, genotypes: npt.ArrayLike) -> GenotypeArray:
        """The genotypes as an int8 array `(n, d)`.

        Raises:
            InputError: They are not integers, have another length, hold an option that does not exist, or are no
                architectures of this space; the message names the first offender and the reason.
        """
        try:
            array = np.asarray(genotypes)
        except ValueError as error:
            raise InputError(f"genotypes of {self.name} have rows of one length; got rows of several") from error
        if array.ndim != 2 or array.shape[1] != len(self.cardinalities):
            raise InputError(
                f"genotypes of {self.name} have shape (n, {len(self.cardinalities)}), got {array.shape}"
                f"; pass one row of {len(self.cardinalities)} integers for each architecture"
            )
        if not np.issubdtype(array.dtype, np.integer):
            raise InputError(f"genotypes of {self.name} are integers, got {array.dtype}; convert them first")
        result = np.empty(array.shape, dtype=np.int8)
        for start in range(0, len(array), BLOCK):  # in little memory
            result[start : start + BLOCK] = self._checked(array[start : start + BLOCK], start)
        return result

    def _checked(self, array: npt.NDArray[np.integer[Any]], first: int) -> GenotypeArray:
        """Some rows of an array `(n, d)` of integers, tested one by one; `first` is the number of the first."""
        if array.dtype == np.int8 and max(self.cardinalities) < 128:  # negative ones are the large ones without a sign
            outside = array.view(np.uint8) >= self._options.astype(np.uint8)
        else:
            outside = (array < 0) | (array >= self._options)
        if outside.any():
            row, position = map(int, np.argwhere(outside)[0])
            raise InputError(
                f"genotype {first + row} {array[row].tolist()} is not in {self.name}: position {position} is "
                f"{array[row, position]}, allowed are 0 to {self.cardinalities[position] - 1}"
            )
        result = array.astype(np.int8)
        inside = self.contains(result)
        if not inside.all():
            row = int(np.argmin(inside))
            reason = self.invalid(result[row : row + 1])[0]
            raise InputError(f"genotype {first + row} {array[row].tolist()} is not in {self.name}: {reason}")
        return result

    def _checked_indices(self, indices: npt.ArrayLike) -> KeyArray:
        """Numbers of architectures in published tables as an array `(n,)`, tested to lie from 0 to `size - 1`."""
        array = np.asarray(indices)
        if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
            raise InputError(f"indices are a vector of integers, got {array.dtype} of shape {array.shape}")
        outside = (array < 0) | (array >= self.size)
        if outside.any():
            raise InputError(f"index {array[outside][0]} is not in {self.name}; it has 0 to {self.size - 1}")
        return array.astype(np.int64)

    def repair(self, raw: GenotypeArray) -> tuple[GenotypeArray, BoolArray]:
        """Nearest reading of `(n, d)` vectors of independent choices as architectures, and which could be read.

        What lets a policy or another library's optimiser choose each position by itself. Identity here.
        """
        return raw, np.ones(len(raw), dtype=bool)

    # --- one architecture ---------------------------------------------------------------------------------------

    @abstractmethod
    def graph(self, genotype: GenotypeArray) -> nx.DiGraph[int]:
        """The architecture `(d,)` as a directed graph with node attribute `op`."""

    @abstractmethod
    def to_string(self, genotype: GenotypeArray) -> str:
        """The architecture `(d,)` in the published string form."""

    @abstractmethod
    def _from_graph(self, graph: nx.DiGraph[Any]) -> Sequence[int]:
        """Inverse of `graph` up to isomorphism; node names and their order carry no meaning."""

    @abstractmethod
    def _from_string(self, text: str) -> Sequence[int]:
        """Inverse of `to_string`."""

    def genotype(self, architecture: Architecture) -> GenotypeArray:
        """The checked genotype `(d,)` of an architecture given as genotype, graph or published string.

        Raises:
            InputError: It is not an architecture of this space; the message says why.
        """
        vector: Any
        if isinstance(architecture, str):
            vector = self._from_string(architecture.strip())
        elif hasattr(architecture, "nodes"):
            graph = cast("nx.DiGraph[Any]", architecture)
            self._check_graph(graph)
            vector = self._from_graph(graph)
        elif architecture is None or isinstance(architecture, dict | set | int | float):
            raise InputError(
                f"an architecture of {self.name} is a genotype of {len(self.cardinalities)} integers, a networkx graph "
                f"or a string, got {type(architecture).__name__}"
            )
        else:
            vector = architecture
        row: GenotypeArray | None = self._plain(vector)
        if row is None:
            row = self.check([vector])[0]
        return row

    def _plain(self, vector: Any) -> GenotypeArray | None:
        """A genotype of a space without rules given as a list, checked without arrays, which take longer; else None."""
        if (
            type(vector) is not list
            or len(vector) != len(self.cardinalities)
            or type(self).contains is not Space.contains
        ):
            return None
        for value, options in zip(vector, self.cardinalities, strict=True):
            if type(value) is not int or not 0 <= value < options:
                return None
        return np.array(vector, dtype=np.int8)

    def read(self, text: str) -> GenotypeArray:
        """The checked genotype `(d,)` that a person writes: the published string, or several numbers as `3,1,0`.

        Raises:
            InputError: It is not an architecture of this space; the message says why.
        """
        numbers = text.replace(",", " ").strip("[]() \n").split()
        whole = len(numbers) > 1 and all(re.fullmatch("-?[0-9]{1,18}", number) for number in numbers)
        return self.genotype([int(number) for number in numbers] if whole else text)

    def _check_graph(self, graph: nx.DiGraph[Any]) -> None:
        """Test what holds for the graphs of every space: directed, of known ops, no cycle, an output that is reached.

        Raises:
            InputError: It does not hold; says of which node.
        """
        import networkx as nx

        if not isinstance(graph, nx.DiGraph) or graph.is_multigraph():
            raise InputError(f"a graph of {self.name} is a networkx.DiGraph, got {type(graph).__name__}")
        labels: dict[Any, Any] = dict(graph.nodes(data="op"))
        for node, label in labels.items():
            if label not in self.ops:
                raise InputError(f"node {node!r} has op {label!r}; ops of {self.name} are {', '.join(self.ops)}")
        if not nx.is_directed_acyclic_graph(graph):
            tail, head = nx.find_cycle(graph)[-1][:2]
            raise InputError(f"the edge {tail!r} -> {head!r} closes a cycle; a graph of {self.name} has none")
        inputs, outputs = ([node for node, label in labels.items() if label == end] for end in ("input", "output"))
        if not inputs or not outputs:
            raise InputError(
                f"a graph of {self.name} has nodes of op 'input' and 'output', got {len(inputs)} and {len(outputs)}"
            )
        reached = set(inputs).union(*(nx.descendants(graph, node) for node in inputs))
        for node in outputs:
            if node not in reached:
                raise InputError(f"no way leads from a node of op 'input' to {node!r} (output); add an edge")

    def draw(self, genotype: GenotypeArray) -> Figure:
        """A matplotlib figure of one architecture `(d,)`: its graph in layers, operations coloured, with a legend.

        A notebook shows it where it is the last line of a cell; `savefig` writes it to a file.
        """
        from nasbench.spaces.drawing import picture

        return picture(self, genotype)

    # --- names, and other optimisers ----------------------------------------------------------------------------

    @property
    def choice_names(self) -> tuple[str, ...]:
        """A name for each position of a genotype, all different."""
        return tuple(f"position_{position}" for position in range(len(self.cardinalities)))

    def option_names(self, position: int) -> tuple[Option, ...]:
        """What the options at one position are called, all different: strings or numbers."""
        return tuple(range(self.cardinalities[position]))

    def to_config(self, architecture: Architecture) -> dict[str, Option]:
        """The genotype of an architecture with names: the name of each position and of the option it has.

        Raises:
            InputError: It is not an architecture of this space.
        """
        return interchange.named(self, self.genotype(architecture))

    def from_config(self, config: Mapping[str, Any]) -> GenotypeArray:
        """The genotype `(d,)` of named options: a dictionary, or a configuration of `config_space`.

        A combination that is no architecture is read as `repair` reads it.

        Raises:
            InputError: A name or an option is unknown or missing, or the combination cannot be read.
        """
        return interchange.from_names(self, config)

    def config_space(self, seed: int | None = None) -> ConfigurationSpace:
        """This space for optimisers that speak ConfigSpace: one categorical hyperparameter for each position.

        Raises:
            MissingExtraError: ConfigSpace is not installed.
        """
        return interchange.config_space(self, seed)

    def optuna(self, trial: Trial) -> GenotypeArray:
        """The genotype `(d,)` that an Optuna trial suggests, one categorical parameter for each position.

        To begin with an architecture that is known: `study.enqueue_trial(space.to_config(architecture))`.

        Raises:
            optuna.TrialPruned: The combination is no architecture, and cannot be read as one.
        """
        return interchange.from_trial(self, trial)

    # --- moves --------------------------------------------------------------------------------------------------

    def sample(self, n: int, rng: np.random.Generator) -> GenotypeArray:
        """`n` genotypes `(n, d)`, uniform and with replacement."""
        return (rng.random((n, len(self.cardinalities))) * self._options).astype(np.int8)

    def neighbours(self, genotype: GenotypeArray) -> GenotypeArray:
        """All architectures `(k, d)` one edit away from `(d,)`: one of each key, never itself, and mutual."""
        return self._neighbours_of(genotype[None])[0]

    def neighbours_of(self, genotypes: GenotypeArray) -> tuple[GenotypeArray, KeyArray]:
        """The `neighbours` of each of `(n, d)` genotypes, those of the first before those of the second and so on.

        Returns:
            The neighbours, shape `(k, d)`, and the row of `genotypes` whose neighbour each is, shape `(k,)`.
        """
        if type(self).neighbours is not Space.neighbours:  # a space that writes the neighbours of one only
            found = [self.neighbours(genotype) for genotype in genotypes]
            rows = [np.full(len(part), row) for row, part in enumerate(found)]
        else:
            starts = range(0, len(genotypes), _NEIGHBOURHOODS)
            parts = [self._neighbours_of(genotypes[start : start + _NEIGHBOURHOODS]) for start in starts]
            found = [part for part, _ in parts]
            rows = [start + owner for start, (_, owner) in zip(starts, parts, strict=True)]
        return np.concatenate([genotypes[:0], *found]), np.concatenate([np.zeros(0, dtype=np.int64), *rows])

    def _neighbours_of(self, genotypes: GenotypeArray) -> tuple[GenotypeArray, KeyArray]:
        """What `neighbours_of` returns; here every position takes each other option."""
        positions = np.repeat(np.arange(len(self.cardinalities)), self._options - 1)
        others = np.concatenate([np.arange(options - 1, dtype=np.int8) for options in self.cardinalities])
        neighbours = np.repeat(genotypes[:, None], len(positions), axis=1)  # (n, k, d)
        neighbours[:, np.arange(len(positions)), positions] = others + (others >= genotypes[:, positions])
        return neighbours.reshape(-1, len(self.cardinalities)), np.repeat(np.arange(len(genotypes)), len(positions))

    def mutate(self, genotypes: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """One random neighbour of each of `(n, d)` genotypes; here a uniform position takes another option."""
        result = genotypes.copy()
        where, what = rng.random((2, len(result)))
        free = np.flatnonzero(self._options > 1)
        positions = free[(where * len(free)).astype(np.int64)]
        options = self._options[positions]
        at = np.arange(len(result)), positions
        result[at] = (result[at] + 1 + (what * (options - 1)).astype(np.int64)) % options
        return result

    def crossover(self, a: GenotypeArray, b: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """Children `(n, d)` that take each position from one of the two parents `(n, d)` with equal chance."""
        return np.where(rng.random(a.shape) < 0.5, a, b)

    def enumerate(self, chunk: int = 65_536) -> Iterator[GenotypeArray]:
        """All genotypes in arrays of at most `chunk` rows, the last position fastest (in order of `code`)."""
        for start in range(0, self.size, chunk):
            numbers = np.arange(min(chunk, self.size - start))
            if self.countable:
                yield self.decode(start + numbers)
            else:
                yield _digits(start + numbers.astype(object), self.cardinalities)

    def enumerate_unique(self, chunk: int = 65_536) -> Iterator[GenotypeArray]:
        """One genotype, the canonical one, of each class of isomorphic graphs, in order of `code`.

        The arrays hold at most `chunk` rows, and less where a stretch of genotypes holds few representatives.
        """
        for genotypes in self.enumerate(chunk):
            yield genotypes[(self.canonical(genotypes) == genotypes).all(axis=1)]

    def unique(self, by: str = "key") -> GenotypeArray:
        """One canonical genotype of each class, all at once `(m, d)` in order of `code`; enumerated once, read only.

        Args:
            by: `"key"`, for the rows of `enumerate_unique`, or `"function_key"`, for the first of them of each class.

        Raises:
            InputError: The space has more than `ENUMERABLE` genotypes, or no such key.
        """
        if by not in ("key", "function_key"):
            raise InputError(f"classes are those of 'key' or 'function_key', got {by!r}")
        return self._unique if by == "key" else self._unique_functions

    def sample_unique(self, n: int, rng: np.random.Generator, by: str = "key") -> GenotypeArray:
        """`n` rows of `unique` `(n, d)`, uniform and with replacement: every class has the same chance.

        Not so in `sample`, which draws a class as often as it has genotypes.

        Raises:
            InputError: The space has more than `ENUMERABLE` genotypes, or no such key.
        """
        classes = self.unique(by)
        return classes[rng.integers(0, len(classes), size=n)]

    @cached_property
    def _unique(self) -> GenotypeArray:
        if self.size > ENUMERABLE:
            raise InputError(
                f"{self.name} has {self.size:,} genotypes, more than the {ENUMERABLE:,} that are enumerated "
                "to find its classes; use `sample`, which is uniform over genotypes"
            )
        unique = np.concatenate(list(self.enumerate_unique()))
        unique.flags.writeable = False
        return unique

    @cached_property
    def _unique_functions(self) -> GenotypeArray:
        step = 65_536
        keys = [self.function_key(self._unique[start : start + step]) for start in range(0, len(self._unique), step)]
        unique = self._unique[np.sort(np.unique(np.concatenate(keys), return_index=True)[1])]
        unique.flags.writeable = False
        return unique

    def distance(self, a: GenotypeArray, b: GenotypeArray) -> npt.NDArray[np.int64]:
        """Number of positions at which `(n, d)` and `(n, d)` differ; shape `(n,)`."""
        differing: KeyArray = np.count_nonzero(a != b, axis=-1)
        return differing

    # --- identity -----------------------------------------------------------------------------------------------

    def code(self, genotypes: GenotypeArray) -> KeyArray:
        """One number for each genotype `(n, d)`, or for one `(d,)`: its positions as digits, the first the highest.

        Where that would need more than 63 bits, a fixed hash of the digits to 63 bits: two genotypes have the same by
        a chance of 2^-63, and of a million genotypes any two have by one of 5 * 10^-8.
        """
        if not self.countable:
            return hash_digits(genotypes, self._options)
        if genotypes.ndim == 1:
            code: KeyArray = self._weights.dot(genotypes)
            return code
        codes: KeyArray = np.einsum("...d,d->...", genotypes, self._weights)  # unlike @ makes no copy as int64
        return codes

    def decode(self, codes: npt.NDArray[np.int64]) -> GenotypeArray:
        """Inverse of `code`.

        Raises:
            InputError: The space is not `countable`, so that its codes are hashes.
        """
        if not self.countable:
            raise InputError(f"codes of {self.name} are hashes, which cannot be decoded; keep the genotypes")
        return (codes[:, None] // self._weights % self._options).astype(np.int8)

    @cached_property
    def countable(self) -> bool:
        """Whether every genotype has a number below 2^63, so that `code` can be inverted."""
        return math.prod(self.cardinalities) < 1 << 63

    @cached_property
    def _options(self) -> KeyArray:
        return np.array(self.cardinalities, dtype=np.int64)

    @cached_property
    def _weights(self) -> KeyArray:
        return np.cumprod((1, *self.cardinalities[:0:-1]), dtype=np.int64)[::-1].copy()

    def canonical(self, genotypes: GenotypeArray) -> GenotypeArray:
        """One representative `(n, d)` for all genotypes whose labelled graphs are isomorphic."""
        return genotypes

    def key(self, genotypes: GenotypeArray) -> KeyArray:
        """Equal exactly where the labelled graphs are isomorphic (the same network, at the same cost); `(n,)`."""
        return self.code(self.canonical(genotypes))

    def function_key(self, genotypes: GenotypeArray) -> KeyArray:
        """Equal exactly where the networks compute the same family of functions; `(n,)`. Coarser than `key`."""
        return self.key(genotypes)

    # --- encodings ----------------------------------------------------------------------------------------------

    @abstractmethod
    def adjacency_arrays(self, genotypes: GenotypeArray) -> AdjacencyArrays:
        """The graphs of `(n, d)` genotypes as padded dense arrays; node order is that of `graph`."""

    def node_values(self, genotypes: GenotypeArray) -> FloatArray:
        """The `attributes` of the nodes of `(n, d)` genotypes; shape `(n, max_nodes, len(attributes))`.

        Node order is that of `adjacency_arrays`; 0 where there is no node, or where it lacks the attribute.
        """
        if self.attributes:
            raise NotImplementedError(f"{type(self).__name__} names attributes but does not write node_values")
        return np.zeros((len(genotypes), self.max_nodes, 0))

    def features(self, genotypes: GenotypeArray, kind: str = "onehot") -> FloatArray:
        """Flat encoding `(n, f)` of `(n, d)` genotypes.

        Args:
            genotypes: The architectures.
            kind: `"onehot"` (each position), `"counts"` (nodes by operation), `"adjacency"` (upper triangle of the
                adjacency matrix, then each node's operation one-hot), `"values"` (the numeric attributes, node by
                node), or what else `feature_kinds` names.
        """
        if kind == "onehot":
            width, starts = sum(self.cardinalities), np.cumsum((0, *self.cardinalities[:-1]))
            onehot = np.zeros((len(genotypes), width))
            places = np.arange(min(len(genotypes), _CHUNK))[:, None] * width + starts
            for first in range(0, len(genotypes), _CHUNK):
                part = genotypes[first : first + _CHUNK]
                onehot[first : first + _CHUNK].reshape(-1)[places[: len(part)] + part] = 1.0
            return onehot
        if kind not in self.feature_kinds:
            raise InputError(f"unknown encoding {kind!r} for {self.name}; known: {', '.join(self.feature_kinds)}")
        if kind == "values":
            return self.node_values(genotypes).reshape(len(genotypes), self.max_nodes * len(self.attributes))
        cells = self.adjacency_arrays(genotypes)
        labels = (cells.ops[:, :, None] == np.arange(len(self.ops))) & cells.mask[:, :, None]  # (n, v, ops)
        if kind == "counts":
            counts: FloatArray = labels.sum(axis=1).astype(np.float64)
            return counts
        if kind == "adjacency":
            upper = cells.adjacency[:, *np.triu_indices(self.max_nodes, 1)]  # (n, v (v - 1) / 2)
            return np.concatenate(
                [upper, labels.reshape(len(genotypes), self.max_nodes * len(self.ops))], axis=1
            ).astype(np.float64)
        return self._features(genotypes, kind)

    def _features(self, genotypes: GenotypeArray, kind: str) -> FloatArray:
        """Encodings that a subclass adds to `feature_kinds`."""
        raise NotImplementedError(f"{type(self).__name__} names {kind!r} in feature_kinds but does not compute it")

    # --- networks -----------------------------------------------------------------------------------------------

    @abstractmethod
    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> torch.nn.Module:
        """The trainable network of one architecture `(d,)`.

        Args:
            genotype: The architecture.
            task: What it is trained for, with the sizes of its inputs and outputs.
            settings: Width and depth.

        Raises:
            InputError: Networks of this space are not trained for such a task.
        """


ENUMERABLE = 2_000_000
"""Most genotypes of a space that are held at once to find its classes."""
_CHUNK = 4_096
"""Rows encoded at a time, so that they stay in the cache."""
_NEIGHBOURHOODS = 256
"""Architectures whose neighbours, some hundred each, are found at a time."""


def _digits(numbers: npt.NDArray[Any], choices: tuple[int, ...]) -> GenotypeArray:
    """The genotypes `(n, d)` with these numbers `(n,)`, which are Python's integers of any size."""
    columns = []
    for options in reversed(choices):
        columns.append(numbers % options)
        numbers = numbers // options
    return np.stack(columns[::-1], axis=1).astype(np.int8)


def hash_digits(genotypes: GenotypeArray, options: KeyArray) -> KeyArray:
    """63 bits for each of `(n, d)` genotypes, the same on every machine: words of whole digits, mixed by SplitMix64."""
    hashed = np.zeros(len(genotypes), dtype=np.uint64)
    word, room = np.zeros(len(genotypes), dtype=np.uint64), 1 << 64
    for digits, option in zip(genotypes.T, options.tolist(), strict=True):
        if room < option:
            hashed, word, room = mix(hashed ^ word), np.zeros(len(genotypes), dtype=np.uint64), 1 << 64
        word = word * np.uint64(option) + digits.astype(np.uint64)
        room //= option
    return (mix(hashed ^ word) >> np.uint64(1)).astype(np.int64)


def mix(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The output function of SplitMix64 (Steele et al., 2014), a bijection of 64 bits."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
