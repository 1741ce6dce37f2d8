"""The contract of a search space: genotypes as integer vectors, with graphs, strings, keys, edits and networks."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.spaces import enumeration, features, genotype_checks, interchange, neighbourhood
from nasbench.spaces.graph_checks import check_graph
from nasbench.spaces.hashing import hash_digits
from nasbench.spaces.values import AdjacencyArrays, NetworkSettings, Option
from nasbench.types import Architecture, BoolArray, FloatArray, GenotypeArray, KeyArray

if TYPE_CHECKING:
    import networkx as nx
    import torch
    from ConfigSpace import ConfigurationSpace
    from matplotlib.figure import Figure
    from optuna import Trial

    from nasbench.tasks import Task


class Space(ABC):
    """A set of architectures, each a *genotype*: an int8 vector of length `len(cardinalities)`.

    Position `p` of a genotype holds one of `cardinalities[p]` options, counted from 0. If every combination is an
    architecture, a subclass states `cardinalities`, `ops` and `max_nodes` and writes `adjacency_arrays`, `graph`,
    `_from_graph`, `to_string`, `_from_string` and `network`. Otherwise it also overrides `contains`, `invalid`, `size`,
    `repair`, `sample`, `mutate`, `crossover`, `enumerate` and `neighbours` (or the faster, batched `_neighbours_of`).
    If two genotypes can be one network, it overrides `canonical`.

    Array methods take `(n, d)` genotypes, are vectorised, and trust their input: foreign input is tested once, by
    `check` or `genotype`. Randomness is always a generator argument.
    """

    name: str
    """Name in the registry."""
    paper: str
    """Authors, year, title or identifier of the paper that defines the space."""
    cardinalities: tuple[int, ...]
    """Number of options at each position of a genotype."""
    ops: tuple[str, ...]
    """Labels of graph nodes, input and output included."""
    max_nodes: int
    """Maximum number of nodes of a graph: `v` of `AdjacencyArrays`."""
    task: ClassVar[str] = "image_classification"
    """Name of the task its networks are trained for; see `nasbench.tasks`."""
    zero_ops: tuple[str, ...] = ()
    """Subset of `ops` that output nothing: a node reached only through them gets no information."""
    identity_ops: tuple[str, ...] = ()
    """Subset of `ops` that output their input unchanged."""
    weightless_ops: tuple[str, ...] = ()
    """Subset of `ops` that compute something without weights: poolings, sums, activations."""
    attributes: tuple[str, ...] = ()
    """Numeric node attributes of a graph, besides `op`."""
    captions: ClassVar[Mapping[str, str]] = {}
    """Format of the `attributes` that pictures show below the operation: `{"level": "P{}"}`."""
    feature_kinds: tuple[str, ...] = ("onehot", "counts", "adjacency")
    """Flat encodings that `features` computes."""
    every_combination: ClassVar[bool] = True
    """Whether every combination of options is an architecture; false in any class that overrides `contains`."""
    batched_neighbours: ClassVar[bool] = True
    """Whether `_neighbours_of` finds the neighbours; false in any class that overrides `neighbours` instead."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Set the two facts that follow from the methods a class overrides, so that no author can forget them."""
        super().__init_subclass__(**kwargs)
        if cls.contains is not Space.contains:
            cls.every_combination = False
        if cls.neighbours is not Space.neighbours:
            cls.batched_neighbours = False

    @property
    def trainable(self) -> bool:
        """Whether the space has networks; if not (a table measured elsewhere), `network` refuses."""
        return True

    @property
    def modules(self) -> tuple[str, ...]:
        """Modules named in the constructor's arguments, which `network` imports."""
        return ()

    @property
    def node_cells(self) -> tuple[int, ...]:
        """The cell of the network that each of the `max_nodes` nodes belongs to, counted from 0; here one cell.

        Predictors tell equal operations of different cells apart, such as those of normal and reduction cells.
        """
        return (0,) * self.max_nodes

    def meaning(self, op: str) -> str:
        """The name that tells what an operation computes, where its own does not: here it does."""
        return op

    # --- membership ---------------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Number of genotypes."""
        return math.prod(self.cardinalities)

    def invalid(self, genotypes: GenotypeArray) -> list[str | None]:
        """Reason why each of `(n, d)` in-range genotypes is no architecture of this space, or None if it is one."""
        return [None] * len(genotypes)

    def contains(self, genotypes: GenotypeArray) -> BoolArray:
        """Whether each of `(n, d)` in-range genotypes is an architecture of this space; shape `(n,)`."""
        return np.ones(len(genotypes), dtype=bool)

    def check(self, genotypes: npt.ArrayLike) -> GenotypeArray:
        """The genotypes as an int8 array `(n, d)`.

        Raises:
            InputError: They are not integers, have the wrong length, hold an unknown option, or are no architectures
                of this space; the message names the first offender and the reason.
        """
        return genotype_checks.checked(self, genotypes, self._options)

    def repair(self, raw: GenotypeArray) -> tuple[GenotypeArray, BoolArray]:
        """Nearest architectures to `(n, d)` vectors of independent choices, and which rows have one; here identity.

        This lets a policy or another library's optimiser choose each position independently.
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
        """Inverse of `graph` up to isomorphism; names and order of nodes carry no meaning."""

    @abstractmethod
    def _from_string(self, text: str) -> Sequence[int]:
        """Inverse of `to_string`."""

    def genotype(self, architecture: Architecture) -> GenotypeArray:
        """The checked genotype `(d,)` of an architecture in any form.

        Args:
            architecture: Genotype, graph, published string, or the genotype as text with all its numbers (`"3,1,0"`).

        Raises:
            InputError: It is not an architecture of this space; the message says why.
        """
        vector: Any = architecture
        if isinstance(architecture, str):
            numbers = architecture.replace(",", " ").strip("[]() \n").split()
            numeric = len(numbers) > 1 and all(re.fullmatch("-?[0-9]{1,18}", number) for number in numbers)
            if numeric and len(numbers) == len(self.cardinalities):
                vector = [int(number) for number in numbers]
            else:
                try:
                    vector = self._from_string(architecture.strip())
                except InputError as error:
                    if not numeric:
                        raise
                    lengths = f"as numbers it has {len(self.cardinalities)}, got {len(numbers)}"
                    raise InputError(f"{error}; {lengths}") from error
        elif hasattr(architecture, "nodes"):
            graph = cast("nx.DiGraph[Any]", architecture)
            self._check_graph(graph)
            vector = self._from_graph(graph)
        return genotype_checks.checked_one(self, vector)

    def _check_graph(self, graph: nx.DiGraph[Any]) -> None:
        """Checks of a foreign graph before `_from_graph`; raises `InputError`."""
        check_graph(self, graph)

    def draw(self, genotype: GenotypeArray) -> Figure:
        """A matplotlib figure of one architecture `(d,)`: its graph in layers, operations coloured, with a legend.

        A notebook shows it as the last line of a cell; `savefig` writes it to a file.
        """
        from nasbench.spaces.drawing import picture

        return picture(self, genotype)

    # --- named choices, and other optimisers --------------------------------------------------------------------

    @property
    def choice_names(self) -> tuple[str, ...]:
        """Name of each position of a genotype, all different."""
        return tuple(f"position_{position}" for position in range(len(self.cardinalities)))

    def option_names(self, position: int) -> tuple[Option, ...]:
        """Names of the options at one position, all different: strings or numbers."""
        return tuple(range(self.cardinalities[position]))

    def to_config(self, architecture: Architecture) -> dict[str, Option]:
        """The architecture as named options: choice name -> option name.

        Raises:
            InputError: It is not an architecture of this space.
        """
        return interchange.named(self, self.genotype(architecture))

    def from_config(self, config: Mapping[str, Any]) -> GenotypeArray:
        """The genotype `(d,)` of named options: a dictionary, or a configuration of `config_space`.

        A combination that is no architecture is repaired by `repair`.

        Raises:
            InputError: A name or an option is unknown or missing, or the combination cannot be repaired.
        """
        return interchange.from_names(self, config)

    def config_space(self, seed: int | None = None) -> ConfigurationSpace:
        """This space for ConfigSpace optimisers: one categorical hyperparameter for each position.

        Raises:
            MissingExtraError: ConfigSpace is not installed.
        """
        return interchange.config_space(self, seed)

    def optuna(self, trial: Trial) -> GenotypeArray:
        """The genotype `(d,)` suggested by an Optuna trial, one categorical parameter for each position.

        To start from a known architecture: `study.enqueue_trial(space.to_config(architecture))`.

        Raises:
            optuna.TrialPruned: The combination is no architecture and cannot be repaired.
        """
        return interchange.from_trial(self, trial)

    # --- neighbourhood ------------------------------------------------------------------------------------------

    def sample(self, n: int, rng: np.random.Generator) -> GenotypeArray:
        """`n` genotypes `(n, d)`, uniform and with replacement."""
        return (rng.random((n, len(self.cardinalities))) * self._options).astype(np.int8)

    def neighbours(self, genotype: GenotypeArray) -> GenotypeArray:
        """All architectures `(k, d)` one edit away from `(d,)`: one of each key, never itself, and mutual."""
        return self._neighbours_of(genotype[None])[0]

    def neighbours_of(self, genotypes: GenotypeArray) -> tuple[GenotypeArray, KeyArray]:
        """The `neighbours` `(k, d)` of `(n, d)` genotypes in order, and the row `(k,)` each of them belongs to."""
        return neighbourhood.neighbours_of(self, genotypes)

    def _neighbours_of(self, genotypes: GenotypeArray) -> tuple[GenotypeArray, KeyArray]:
        """One batch of `neighbours_of`; here every position takes each other option."""
        return neighbourhood.single_changes(genotypes, self._options)

    def mutate(self, genotypes: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """One random neighbour of each of `(n, d)` genotypes; here a uniform position takes another option."""
        return neighbourhood.random_change(genotypes, self._options, rng)

    def crossover(self, a: GenotypeArray, b: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """Children `(n, d)` that take each position from one of two parents `(n, d)` with equal probability."""
        return np.where(rng.random(a.shape) < 0.5, a, b)

    def distance(self, a: GenotypeArray, b: GenotypeArray) -> npt.NDArray[np.int64]:
        """Number of positions at which `(n, d)` and `(n, d)` differ; shape `(n,)`."""
        differing: KeyArray = np.count_nonzero(a != b, axis=-1)
        return differing

    # --- enumeration --------------------------------------------------------------------------------------------

    def enumerate(self, chunk: int = enumeration.ROWS_PER_CHUNK) -> Iterator[GenotypeArray]:
        """All genotypes in arrays of at most `chunk` rows, the last position fastest (in order of `code`)."""
        return enumeration.combinations(self, chunk)

    def enumerate_unique(self, chunk: int = enumeration.ROWS_PER_CHUNK) -> Iterator[GenotypeArray]:
        """The canonical genotype of each class of isomorphic graphs, in order of `code`.

        Each array holds the representatives among `chunk` genotypes, so it can be short.
        """
        for genotypes in self.enumerate(chunk):
            yield genotypes[(self.canonical(genotypes) == genotypes).all(axis=1)]

    def unique(self, by: str = "key") -> GenotypeArray:
        """One canonical genotype of each class, `(m, d)` in order of `code`; enumerated once, read-only.

        Args:
            by: `"key"` for the rows of `enumerate_unique`, `"function_key"` for the first row of each function.

        Raises:
            InputError: The space has more than `enumeration.MAX_ENUMERATED` genotypes, or no such key.
        """
        if by not in ("key", "function_key"):
            raise InputError(f"classes are those of 'key' or 'function_key', got {by!r}")
        return self._unique_networks if by == "key" else self._unique_functions

    def sample_unique(self, n: int, rng: np.random.Generator, by: str = "key") -> GenotypeArray:
        """`n` rows of `unique(by)` `(n, d)`, uniform over classes and with replacement; raises like `unique`.

        In contrast, `sample` is uniform over genotypes: a class with more genotypes is drawn more often.
        """
        classes = self.unique(by)
        return classes[rng.integers(0, len(classes), size=n)]

    @cached_property
    def _unique_networks(self) -> GenotypeArray:
        return enumeration.unique_networks(self)

    @cached_property
    def _unique_functions(self) -> GenotypeArray:
        return enumeration.unique_functions(self, self._unique_networks)

    # --- identity -----------------------------------------------------------------------------------------------

    def code(self, genotypes: GenotypeArray) -> KeyArray:
        """One number for each genotype `(n, d)`, or for one `(d,)`: its positions as digits, the first the highest.

        If that needs more than 63 bits, a fixed 63-bit hash of the digits: two given genotypes collide with
        probability 2^-63, and any two of a million with probability 5 * 10^-8.
        """
        if not self.countable:
            return hash_digits(genotypes, self._options)
        if genotypes.ndim == 1:
            code: KeyArray = self._weights.dot(genotypes)
            return code
        codes: KeyArray = np.einsum("...d,d->...", genotypes, self._weights)  # unlike @, makes no int64 copy
        return codes

    def decode(self, codes: npt.NDArray[np.int64]) -> GenotypeArray:
        """Inverse of `code`.

        Raises:
            InputError: The space is not `countable`, so its codes are hashes.
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
        """`cardinalities` as an array; shape `(d,)`."""
        return np.array(self.cardinalities, dtype=np.int64)

    @cached_property
    def _weights(self) -> KeyArray:
        """Place value of each position in `code`; shape `(d,)`."""
        return np.cumprod((1, *self.cardinalities[:0:-1]), dtype=np.int64)[::-1].copy()

    def canonical(self, genotypes: GenotypeArray) -> GenotypeArray:
        """One representative `(n, d)` for all genotypes with isomorphic labelled graphs."""
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
        """The graphs of `(n, d)` genotypes as padded dense arrays, nodes in the order of `graph`."""

    def node_values(self, genotypes: GenotypeArray) -> FloatArray:
        """Numeric `attributes` of the nodes of `(n, d)` genotypes; shape `(n, max_nodes, len(attributes))`.

        Nodes are in the order of `adjacency_arrays`; 0 where a node or its attribute is missing.
        """
        if self.attributes:
            raise NotImplementedError(f"{type(self).__name__} names attributes but does not write node_values")
        return np.zeros((len(genotypes), self.max_nodes, 0))

    def features(self, genotypes: GenotypeArray, kind: str = "onehot") -> FloatArray:
        """Flat encoding `(n, f)` of `(n, d)` genotypes.

        Args:
            genotypes: The architectures.
            kind: `"onehot"` (each position), `"counts"` (nodes by operation), `"adjacency"` (upper triangle of the
                adjacency matrix, then each node's operation one-hot), `"values"` (numeric attributes, node by node),
                or another one of `feature_kinds`.
        """
        if kind != "onehot" and kind not in self.feature_kinds:
            raise InputError(f"unknown encoding {kind!r} for {self.name}; known: {', '.join(self.feature_kinds)}")
        encoder = features.ENCODERS.get(kind)
        return self._features(genotypes, kind) if encoder is None else encoder(self, genotypes)

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
