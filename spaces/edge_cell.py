"""Cells of four nodes with an operation on each of their six edges, as in NAS-Bench-201 (Dong & Yang, 2020)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from itertools import permutations
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.spaces.base import Space
from nasbench.spaces.hashing import finalise
from nasbench.spaces.values import AdjacencyArrays
from nasbench.types import BoolArray, FloatArray, GenotypeArray, KeyArray

if TYPE_CHECKING:
    import networkx as nx

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""Source and target of each operation, in the order of the published strings and of the genotype."""
PATHS = ((3,), (0, 4), (1, 5), (0, 2, 5))
"""The four paths from input to output, as positions of a genotype."""
NONE = 0
"""The zero operation, the first operation of every such space."""
ZERO, SAME, LINEAR, LEARNT = range(4)
"""Roles of operations: output nothing, the input unchanged, a fixed linear map of it, or a learnt function."""
Roles: TypeAlias = tuple[tuple[int, ...], ...]
"""Role of each operation (second index) on each of `EDGES` (first index)."""


class EdgeCellSpace(Space):
    """All assignments of one of `operations` to each of `EDGES`; node 0 is the input, node 3 the output.

    A genotype holds the index in `operations` of the operation of each edge. The graph has nodes 0 to 7 for the input,
    the six operations and the output; edges join consecutive operations. A `none` is a node too.

    A subclass states `operations`, `roles`, `zero_ops` and `identity_ops`, and writes `to_string`,
    `_from_string` and `network`.
    """

    operations: ClassVar[tuple[str, ...]]
    """Published names of the operations; the first outputs nothing."""
    roles: ClassVar[tuple[Roles, ...]]
    """Roles of the operations in each kind of cell of a network."""
    feature_kinds = ("onehot", "counts", "adjacency", "paths")

    def __init__(self) -> None:
        self.cardinalities = (len(self.operations),) * len(EDGES)
        self.ops = ("input", *self.operations, "output")
        self.max_nodes = len(EDGES) + 2

    @property
    def choice_names(self) -> tuple[str, ...]:
        """`edge_0_1` and so on: source and target of the edge."""
        return tuple(f"edge_{source}_{target}" for source, target in EDGES)

    def option_names(self, position: int) -> tuple[str, ...]:
        """The published names of the operations."""
        return self.operations

    # --- graph --------------------------------------------------------------------------------------------------

    def graph(self, genotype: GenotypeArray) -> nx.DiGraph[int]:
        """The cell `(6,)` as a directed graph of 8 nodes with attribute `op`."""
        import networkx as nx

        graph: nx.DiGraph[int] = nx.DiGraph()
        labels = ("input", *(self.operations[op] for op in genotype), "output")
        graph.add_nodes_from((node, {"op": label}) for node, label in enumerate(labels))
        graph.add_edges_from(_GRAPH_EDGES)
        return graph

    def _from_graph(self, graph: nx.DiGraph[Any]) -> list[int]:
        if len(graph) != self.max_nodes:
            raise InputError(
                f"a cell graph of {self.name} has {self.max_nodes} nodes (input, six operations, output), "
                f"got {len(graph)}; an operation `none` is a node too"
            )
        labels = dict(graph.nodes(data="op"))
        heads = dict(graph.adjacency())
        place = {node: _PLACES.get(degrees, -1) for node, degrees in _degrees(heads).items()}
        edges = [(place[tail], place[head]) for tail, following in heads.items() for head in following]
        if len(edges) != len(_GRAPH_EDGES) or set(edges) != set(_GRAPH_EDGES):
            raise InputError(
                f"the graph is not a cell of {self.name}: its edges must join consecutive operations "
                "of the complete graph of four nodes, as in `graph`"
            )
        source, *operations, sink = (labels[node] for node in sorted(place, key=place.__getitem__))
        if source != "input" or sink != "output" or not set(operations) <= set(self.operations):
            raise InputError(
                f"a cell graph of {self.name} has op 'input' on its first node only and 'output' on its last only"
            )
        return [self.operations.index(op) for op in operations]

    # --- identity -----------------------------------------------------------------------------------------------

    def live(self, genotypes: GenotypeArray) -> BoolArray:
        """Whether each operation of `(n, 6)` genotypes is on a path from input to output without `none`; `(n, 6)`."""
        return _live(genotypes)

    def prune(self, genotypes: GenotypeArray) -> GenotypeArray:
        """The genotypes `(n, 6)` with `none` in place of every operation that is not `live`."""
        return np.where(self.live(genotypes), genotypes, np.int8(NONE))

    def is_constant(self, genotypes: GenotypeArray) -> BoolArray:
        """Whether each of `(n, 6)` cells is constant, because no path leads to its output; `(n,)`."""
        return np.logical_not(self.live(genotypes).any(axis=1))

    def pruned_key(self, genotypes: GenotypeArray) -> KeyArray:
        """Equal exactly where cells are equal after `prune`; `(n,)`."""
        return self.code(self.prune(genotypes))

    def function_key(self, genotypes: GenotypeArray) -> KeyArray:
        """Equal exactly where learnt operations can be matched so that equal weights give equal outputs; `(n,)`.

        These rules are applied, and no others (`roles` states the operations they hold for):

        1. Operations that get no information from the input, or do not reach the output, are left out: adding zero
           changes nothing, and an operation on zero gives zero. (One simplification: a convolution of zero is the shift
           of its batch normalisation, which starts at zero but is trained.)
        2. A `SAME` operation is the identity.
        3. Sums are commutative and associative, and count multiplicity: `x + x` is not `x`.
        4. A `LINEAR` operation maps a sum to the sum of the mapped terms.
        5. Each `LEARNT` operation has weights of its own: two of a kind on the same input are two different terms,
           while one whose output is used twice is the same term twice.

        Returns:
            The `code` of the first cell of the class; shape `(n,)`.
        """
        return _function_classes(self.roles)[self.code(genotypes)]

    # --- encodings ----------------------------------------------------------------------------------------------

    def adjacency_arrays(self, genotypes: GenotypeArray) -> AdjacencyArrays:
        """The graphs of `(n, 6)` genotypes as dense arrays; all graphs have the same 8 nodes and edges."""
        n, v = len(genotypes), self.max_nodes
        adjacency = np.zeros((n, v, v), dtype=bool)
        adjacency[:, *np.array(_GRAPH_EDGES).T] = True
        ops = np.empty((n, v), dtype=np.int8)
        ops[:, 0], ops[:, 1:-1], ops[:, -1] = 0, genotypes + 1, len(self.ops) - 1
        return AdjacencyArrays(adjacency, ops, np.ones((n, v), dtype=bool))

    def _features(self, genotypes: GenotypeArray, kind: str) -> FloatArray:
        """Path encoding (White et al., 2021): whether each sequence of operations is a path from input to output.

        Sequences of one to three of the `k` operations other than `none`: k + k^2 + k^3 features.
        """
        k = len(self.operations) - 1
        present = np.zeros((len(genotypes), k + k**2 + k**3))
        rows = np.arange(len(genotypes))
        for path in PATHS:
            operations = genotypes[:, path].astype(np.int64) - 1  # `none` is -1
            column = operations @ k ** np.arange(len(path))[::-1] + (0, k, k + k**2)[len(path) - 1]
            passes = (operations >= 0).all(axis=1)
            present[rows[passes], column[passes]] = 1.0
        return present


_GRAPH_EDGES = (
    *((0, 1 + p) for p, (source, _) in enumerate(EDGES) if source == 0),
    *((1 + p, 1 + q) for p, (_, end) in enumerate(EDGES) for q, (source, _) in enumerate(EDGES) if end == source),
    *((1 + p, len(EDGES) + 1) for p, (_, end) in enumerate(EDGES) if end == 3),
)


def _degrees(heads: Mapping[Any, Collection[Any]]) -> dict[Any, tuple[int, ...]]:
    """By node: its in-degree and out-degree, and the sums of the out-degrees before and of the in-degrees after it."""
    inward, before = dict.fromkeys(heads, 0), dict.fromkeys(heads, 0)
    for following in heads.values():
        outward = len(following)
        for head in following:
            inward[head] += 1
            before[head] += outward
    return {
        node: (inward[node], len(following), before[node], sum([inward[head] for head in following]))
        for node, following in heads.items()
    }


_PLACES = {
    degrees: node
    for node, degrees in _degrees(
        {node: [head for tail, head in _GRAPH_EDGES if tail == node] for node in range(len(EDGES) + 2)}
    ).items()
}
"""The graph has no symmetry: its nodes differ in their degrees, so that there is at most one match."""


def first_of_class(values: npt.ArrayLike) -> KeyArray:
    """Position of the first value equal to each of `n` values; shape `(n,)`."""
    _, first, inverse = np.unique(values, axis=0, return_index=True, return_inverse=True)
    return first[inverse.reshape(-1)]


def _live(genotypes: GenotypeArray) -> BoolArray:
    passes = genotypes != NONE
    live = np.zeros(passes.shape, dtype=bool)
    for path in PATHS:
        live[:, path] |= passes[:, path].all(axis=1, keepdims=True)
    return live


@cache
def _function_classes(roles: tuple[Roles, ...]) -> KeyArray:
    """Class of every code: cells with equal fingerprints in every kind of cell."""
    options = len(roles[0][0])
    codes = np.arange(options ** len(EDGES))
    genotypes = (codes[:, None] // options ** np.arange(len(EDGES))[::-1] % options).astype(np.int8)
    genotypes = np.where(_live(genotypes), genotypes, np.int8(NONE))
    return first_of_class(np.stack([_fingerprints(genotypes, np.array(kind)) for kind in roles], axis=1))


def _fingerprints(genotypes: GenotypeArray, roles: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Outputs of `(n, 6)` cells on numbers modulo 2^64 in place of images; shape `(n,)`.

    A linear map is a multiplication by a constant, a learnt operation a hash of its number and its input. The numbering
    of learnt operations carries no meaning, so the hashed outputs under all numberings are added up.
    """
    role = roles[np.arange(len(EDGES)), genotypes]  # (n, 6)
    learnt = role == LEARNT
    place = np.cumsum(learnt, axis=1) - 1  # number of each learnt operation in its cell
    fingerprint = np.zeros(len(genotypes), dtype=np.uint64)
    for k in range(len(EDGES) + 1):
        rows = np.flatnonzero(learnt.sum(axis=1) == k)
        for numbering in permutations(range(k)):
            numbers = np.array((*numbering, 0))[place[rows]]
            fingerprint[rows] += finalise(_output(genotypes[rows], role[rows], numbers))
    return fingerprint


def _output(
    genotypes: GenotypeArray, roles: npt.NDArray[np.int64], numbers: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint64]:
    """Outputs of `(n, 6)` cells with learnt operations numbered by `numbers` `(n, 6)`; see `_fingerprints`; `(n,)`."""
    nodes = np.zeros((len(EDGES) - 2, len(genotypes)), dtype=np.uint64)
    nodes[0] = 0x9E3779B97F4A7C15
    for (source, end), op, role, number in zip(EDGES, genotypes.T, roles.T, numbers.T, strict=True):
        x = nodes[source]
        weights = (8 * op.astype(np.int64) + number).astype(np.uint64)
        learnt = np.where(x == 0, x, finalise(x + finalise(weights + np.uint64(1))))
        linear = x * np.uint64(0xD1342543DE82EF95)
        nodes[end] += np.select([role == ZERO, role == SAME, role == LINEAR], [np.uint64(0), x, linear], learnt)
    output: npt.NDArray[np.uint64] = nodes[-1]
    return output
