"""Spaces from dictionaries of named choices, in which every combination is an architecture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.errors import InputError
from nasbench.imports import function
from nasbench.spaces import interchange
from nasbench.spaces.base import Space
from nasbench.spaces.values import AdjacencyArrays, NetworkSettings, Option
from nasbench.types import FloatArray, GenotypeArray

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from nasbench.tasks import Task

MAX_OPTIONS = 126
"""Maximum number of options of all choices: each is an op, and with input and output op indices are int8."""


class ChoiceSpace(Space):
    """All combinations of named choices: `ChoiceSpace({"depth": [1, 2, 3], "pool": ["max", "avg"]})`.

    A genotype holds the index of the chosen option of each choice. The graph is the chain of the input, a node of op
    `name=value` for each choice in the order of the dictionary, and the output; a number is also the numeric attribute
    `value` of its node. Every genotype is an architecture of its own.

    Args:
        options: Choice name -> options: strings, numbers or truth values.
        name: Name of the space.
        paper: Source of the space.
        build: `"module:function"` of a function `(choices, task, settings)` that builds the torch network of a
            dictionary of choices. Without it there are no networks, as for a table of results measured elsewhere.

    Raises:
        InputError: There is nothing to choose, or a name or an option is not acceptable; the message says why.
    """

    name = "choices"
    paper = "named choices"

    def __init__(
        self,
        options: Mapping[str, Iterable[Option]],
        name: str | None = None,
        paper: str | None = None,
        build: str | None = None,
    ) -> None:
        self.name, self.paper = name or self.name, paper or self.paper
        self.options = {key: [*map(_plain, values)] for key, values in _items(options)}
        self.build = build
        _check(self.name, self.options)
        self.cardinalities = tuple(len(values) for values in self.options.values())
        labels = (f"{key}={value}" for key, values in self.options.items() for value in values)
        self.ops = ("input", *labels, "output")
        self.max_nodes = len(self.options) + 2
        self._first_op = np.cumsum((1, *self.cardinalities[:-1]))  # index in `ops` of the first option of each choice
        numbers = [value if _is_number(value) else None for values in self.options.values() for value in values]
        self._numbers = [None, *numbers, None]
        if any(number is not None for number in numbers):
            self.attributes = ("value",)
            self.feature_kinds = (*Space.feature_kinds, "values")

    @property
    def trainable(self) -> bool:
        """Whether there is a `build`, or a subclass overrides `network`."""
        return self.build is not None or type(self).network is not ChoiceSpace.network

    @property
    def modules(self) -> tuple[str, ...]:
        """The module of `build`."""
        return () if self.build is None else (self.build.partition(":")[0],)

    @property
    def choice_names(self) -> tuple[str, ...]:
        """Names of the choices."""
        return tuple(self.options)

    def option_names(self, position: int) -> tuple[Option, ...]:
        """Options of one choice."""
        return tuple(self.options[self.choice_names[position]])

    # --- graph and string ---------------------------------------------------------------------------------------

    def graph(self, genotype: GenotypeArray) -> nx.DiGraph[int]:
        """The architecture `(d,)` as a directed path with attributes `op` and, for numbers, `value`."""
        import networkx as nx

        graph: nx.DiGraph[int] = nx.path_graph(self.max_nodes, create_using=nx.DiGraph)
        for node, op in enumerate(self._labels(genotype[None])[0]):
            graph.nodes[node].update(self._data(op))
        return graph

    def _data(self, op: int) -> dict[str, Any]:
        """Attributes of a node with this op index."""
        number = self._numbers[op]
        return {"op": self.ops[op]} | ({} if number is None else {"value": number})

    def _from_graph(self, graph: nx.DiGraph[Any]) -> list[int]:
        import networkx as nx

        path: nx.DiGraph[int] = nx.path_graph(self.max_nodes, create_using=nx.DiGraph)
        if not graph.is_directed() or not nx.is_isomorphic(graph, path):
            raise InputError(f"a graph of {self.name} is a directed path of {self.max_nodes} nodes, this one is not")
        ends = [range(1), *map(range, self._first_op, self._first_op + self.cardinalities), range(len(self.ops))[-1:]]
        genotype = []
        for node, allowed in zip(nx.topological_sort(graph), ends, strict=True):
            data = graph.nodes[node]
            op = next((op for op in allowed if self.ops[op] == data.get("op")), None)
            if op is None:
                known = ", ".join(self.ops[op] for op in allowed)
                raise InputError(f"node {node!r} has op {data.get('op')!r}; at its place {self.name} allows {known}")
            if data.get("value") != self._numbers[op]:
                raise InputError(
                    f"node {node!r} has op {self.ops[op]!r} but value {data.get('value')!r}; it is {self._numbers[op]}"
                )
            genotype.append(op - allowed[0])
        return genotype[1:-1]

    def to_string(self, genotype: GenotypeArray) -> str:
        """Named choices, as in `depth=2,kernel=5,pool=max`."""
        return interchange.to_string(self, genotype)

    def _from_string(self, text: str) -> list[int]:
        return interchange.from_string(self, text)

    # --- encodings ----------------------------------------------------------------------------------------------

    def adjacency_arrays(self, genotypes: GenotypeArray) -> AdjacencyArrays:
        """The graphs of `(n, d)` genotypes as dense arrays, all paths of `d + 2` nodes."""
        n, v = len(genotypes), self.max_nodes
        adjacency = np.tile(np.eye(v, k=1, dtype=bool), (n, 1, 1))
        return AdjacencyArrays(adjacency, self._labels(genotypes), np.ones((n, v), dtype=bool))

    def node_values(self, genotypes: GenotypeArray) -> FloatArray:
        """Chosen numbers in `(n, d)` genotypes, 0 for other options; shape `(n, d + 2, 0 or 1)`."""
        numbers = np.array([0 if number is None else number for number in self._numbers], dtype=np.float64)
        return numbers[self._labels(genotypes)][:, :, None][..., : len(self.attributes)]

    def _labels(self, genotypes: GenotypeArray) -> GenotypeArray:
        """Index in `ops` of each node of `(n, d)` genotypes; shape `(n, d + 2)`."""
        ops = np.zeros((len(genotypes), self.max_nodes), dtype=np.int8)
        ops[:, 1:-1], ops[:, -1] = genotypes + self._first_op, len(self.ops) - 1
        return ops

    # --- network ------------------------------------------------------------------------------------------------

    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> torch.nn.Module:
        """The network built by `build` from the choices of one genotype `(d,)`.

        Raises:
            InputError: There is no `build`, it cannot be imported, or it returns no network.
        """
        import torch

        if self.build is None:
            raise InputError(
                f"{self.name} has no networks: it has no function that builds them; pass build='module:function'"
            )
        network = function(self.build, "choices", "task", "settings")(self.to_config(genotype), task, settings)
        if not isinstance(network, torch.nn.Module):
            raise InputError(f"{self.build} returns {type(network).__name__}, not a torch.nn.Module")
        return network


def _items(options: Mapping[str, Iterable[Option]]) -> Iterable[tuple[str, Iterable[Option]]]:
    if not isinstance(options, Mapping):
        raise InputError(f"choices are a dictionary of names and lists of options, got {type(options).__name__}")
    for name, values in options.items():
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            raise InputError(f"the options of {name!r} are a list, got {values!r}")
        yield name, values


def _plain(value: Any) -> Any:
    """Python number for a numpy number, which JSON does not have."""
    return value.item() if isinstance(value, np.generic) else value


def _is_number(value: Option) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check(space: str, options: Mapping[str, list[Option]]) -> None:
    total = sum(map(len, options.values()))
    if total > MAX_OPTIONS:
        raise InputError(
            f"{space} has {total} options in all, but a space has at most {MAX_OPTIONS}; take fewer values"
        )
    for name, values in options.items():
        interchange.check_word("name of a choice", name)
        if not values:
            raise InputError(f"{space}: the choice {name!r} has no options")
        for value in values:
            if isinstance(value, str):
                interchange.check_word(f"option of {name!r}", value)
            elif not isinstance(value, (int, float)) or not math.isfinite(value):
                raise InputError(f"{space}: {value!r} cannot be an option of {name!r}; take strings and finite numbers")
        for position, value in enumerate(values):
            same = [other for other in values[:position] if other == value or str(other) == str(value)]
            if same:
                raise InputError(
                    f"{space}: the choice {name!r} has {same[0]!r} and {value!r}, which are the same as text"
                )
    if math.prod(map(len, options.values())) < 2:
        raise InputError(f"{space} leaves nothing to choose; add a choice of at least two options")
