"""NAS-Bench-101: cells of at most seven vertices and nine edges, with operations on vertices (Ying et al., 2019)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import combinations, permutations
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.spaces.base import Space
from nasbench.spaces.hashing import hash_digits
from nasbench.spaces.nb101_hash import cell_hash
from nasbench.spaces.nb101_tables import (
    DIGITS,
    EDGES,
    INTERIOR,
    OP_BASE,
    OPERATIONS,
    OPS,
    OUTPUT,
    PAIR_INDEX,
    PAIRS,
    PATH_DIGITS,
    PATH_EDGES,
    PATH_FIRST,
    VERTICES,
    IntArray,
    edge_code,
    edit_table,
    edited,
    matrix_table,
    numbering_table,
    op_code,
    ranked,
    renumbered,
    spread,
    squares_of,
)
from nasbench.spaces.values import AdjacencyArrays, NetworkSettings
from nasbench.tasks.images import ImageClassification
from nasbench.types import BoolArray, FloatArray, GenotypeArray, KeyArray

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from nasbench.tasks import Task


class NB101(Space):
    """The cells of NAS-Bench-101 (Ying et al., ICML 2019, arXiv:1902.09635): 1,293,208 genotypes of 423,624 networks.

    A genotype holds 21 bits, the upper triangle of the adjacency matrix row by row (`PAIRS`), and the operation of
    each of the five interior vertices: 0 if absent, otherwise its index in `OPERATIONS` plus one. Vertex 0 is the input
    and vertex 6 the output for any number `v` of vertices; the interior vertices are 1 to `v - 2`. Graphs, matrices and
    dense arrays number the vertices without a gap, so their output is `v - 1`.

    Every genotype is a pruned cell: each vertex lies on a path from the input to the output. Foreign cells (graphs,
    matrices, vectors of independent choices) are pruned like the published `ModelSpec`.
    """

    name = "nb101"
    paper = "Ying et al. (2019), NAS-Bench-101, arXiv:1902.09635"
    weightless_ops = ("maxpool3x3",)
    feature_kinds = ("onehot", "counts", "adjacency", "paths")

    def __init__(self) -> None:
        self.cardinalities = (2,) * len(PAIRS) + (1 + len(OPERATIONS),) * INTERIOR
        self.ops = ("input", *OPERATIONS, "output")
        self.max_nodes = VERTICES

    @property
    def choice_names(self) -> tuple[str, ...]:
        """`edge_0_1` and so on for the 21 edges, then `op_1` to `op_5` for the interior vertices."""
        edges = (f"edge_{source}_{target}" for source, target in PAIRS)
        return (*edges, *(f"op_{vertex}" for vertex in range(1, OUTPUT)))

    def option_names(self, position: int) -> tuple[str | int, ...]:
        """0 and 1 for an edge; `absent` and the published names for a vertex."""
        return (0, 1) if position < len(PAIRS) else ("absent", *OPERATIONS)

    # --- membership ---------------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Number of genotypes: 1,293,208."""
        return int(matrix_table().offsets[-1])

    def contains(self, genotypes: GenotypeArray) -> BoolArray:
        """Whether each of `(n, 26)` in-range genotypes is a pruned cell of at most nine edges; shape `(n,)`."""
        matrix = matrix_table().lookup[edge_code(genotypes)]
        present = matrix_table().vertices[matrix, None] - 2 > np.arange(INTERIOR)  # (n, 5)
        result: BoolArray = (matrix >= 0) & ((genotypes[:, len(PAIRS) :] > 0) == present).all(axis=1)
        return result

    def invalid(self, genotypes: GenotypeArray) -> list[str | None]:
        """First rule that each of `(n, 26)` in-range genotypes breaks, or None."""
        inside = self.contains(genotypes)
        return [None if ok else _reason(genotype) for ok, genotype in zip(inside, genotypes, strict=True)]

    def repair(self, raw: GenotypeArray) -> tuple[GenotypeArray, BoolArray]:
        """Prune `(n, 26)` vectors of independent choices like the published `ModelSpec`, and renumber the vertices.

        Absent vertices and their edges are removed first, then vertices on no path from input to output. Rows left with
        no path at all, or with more than nine edges, are not repaired. Genotypes of the space stay unchanged.
        """
        present = np.ones((len(raw), VERTICES), dtype=bool)
        present[:, 1:OUTPUT] = raw[:, len(PAIRS) :] > 0
        adjacency = squares_of(raw) & present[:, :, None] & present[:, None, :]
        present[:, 1:OUTPUT] = _alive(adjacency)
        adjacency &= present[:, :, None] & present[:, None, :]
        order = np.argsort(~present[:, 1:OUTPUT], axis=1, kind="stable")
        ops = np.where(present[:, 1:OUTPUT], raw[:, len(PAIRS) :], np.int8(0))
        genotypes = np.concatenate([renumbered(adjacency, order), np.take_along_axis(ops, order, axis=1)], axis=1)
        ok = self.contains(genotypes)
        return np.where(ok[:, None], genotypes, raw), ok

    # --- graph, matrix and string -------------------------------------------------------------------------------

    def graph(self, genotype: GenotypeArray) -> nx.DiGraph[int]:
        """The cell `(26,)` as a directed graph of nodes 0 (input) to `v - 1` (output) with attribute `op`."""
        import networkx as nx

        matrix, ops = self.matrix(genotype)
        graph: nx.DiGraph[int] = nx.DiGraph()
        graph.add_nodes_from((node, {"op": op}) for node, op in enumerate(ops))
        graph.add_edges_from(zip(*(ends.tolist() for ends in np.nonzero(matrix)), strict=True))
        return graph

    def _from_graph(self, graph: nx.DiGraph[Any]) -> Sequence[int]:
        import networkx as nx

        labels: dict[Any, Any] = dict(graph.nodes(data="op"))
        ends = [[node for node, label in labels.items() if label == end] for end in ("input", "output")]
        if [len(nodes) for nodes in ends] != [1, 1]:
            raise InputError(
                f"a cell of {self.name} has one node of op 'input' and one of op 'output', "
                f"got {len(ends[0])} and {len(ends[1])}"
            )
        (source,), (sink,) = ends
        live = (nx.descendants(graph, source) | {source}) & (nx.ancestors(graph, sink) | {sink})
        order = list(nx.topological_sort(graph.subgraph(live)))
        matrix = [[int(graph.has_edge(u, v)) for v in order] for u in order]
        return list(self.from_matrix(matrix, [labels[node] for node in order]))

    def matrix(self, genotype: GenotypeArray) -> tuple[npt.NDArray[np.int8], list[str]]:
        """The published form of a cell `(26,)`: upper-triangular matrix `(v, v)` and the name of each vertex."""
        cell = self.adjacency_arrays(genotype[None])
        v = int(cell.mask.sum())
        return cell.adjacency[0, :v, :v].astype(np.int8), [self.ops[op] for op in cell.ops[0, :v]]

    def from_matrix(self, matrix: npt.ArrayLike, ops: Sequence[str]) -> GenotypeArray:
        """The genotype `(26,)` of a published pair of adjacency matrix and names; dangling vertices are pruned.

        Args:
            matrix: Upper-triangular, of zeros and ones; shape `(v, v)`. Before pruning it may be larger than a cell.
            ops: `"input"`, then a name of `OPERATIONS` for each interior vertex, then `"output"`.

        Raises:
            InputError: The pair is malformed, or is no cell of this space after pruning.
        """
        try:
            array = np.asarray(matrix)
        except ValueError as error:
            raise InputError("the matrix must have rows of one length") from error
        if array.ndim != 2 or array.shape[0] != array.shape[1] or len(array) != len(ops) or len(ops) < 2:
            raise InputError(
                f"expected a square matrix and an op for each of its rows, got shape {array.shape} and {len(ops)} ops"
            )
        if array.dtype.kind not in "biu" or not np.isin(array, (0, 1)).all() or np.tril(array).any():
            raise InputError("the matrix must hold integers 0 and 1, and no 1 on or below the diagonal")
        if ops[0] != "input" or ops[-1] != "output":
            raise InputError(f"ops must begin with 'input' and end with 'output', got {ops[0]!r} and {ops[-1]!r}")
        for op in ops[1:-1]:
            if op not in OPERATIONS:
                close = get_close_matches(str(op), OPERATIONS, n=1)
                hint = f"did you mean {close[0]!r}? " if close else ""
                raise InputError(f"unknown operation {op!r}: {hint}known are {', '.join(OPERATIONS)}")
        live = [0, *(1 + np.flatnonzero(_alive(array[None] > 0)[0])), len(ops) - 1]
        edges = array[np.ix_(live, live)]
        if not edges[0].any():
            raise InputError("no path leads from the input to the output; add an edge")
        if len(live) > VERTICES or edges.sum() > EDGES:
            raise InputError(
                f"the cell has {len(live)} vertices and {edges.sum()} edges after pruning; "
                f"{self.name} has at most {VERTICES} and {EDGES}"
            )
        places = [*range(len(live) - 1), OUTPUT]
        square = np.zeros((VERTICES, VERTICES), dtype=np.int8)
        square[np.ix_(places, places)] = edges
        genotype = np.zeros(len(self.cardinalities), dtype=np.int8)
        genotype[: len(PAIRS)] = square[*PAIR_INDEX]
        genotype[len(PAIRS) : len(PAIRS) + len(live) - 2] = [1 + OPERATIONS.index(ops[vertex]) for vertex in live[1:-1]]
        return genotype

    def to_string(self, genotype: GenotypeArray) -> str:
        """The published pair as JSON: `{"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}`."""
        matrix, ops = self.matrix(genotype)
        return json.dumps({"matrix": matrix.tolist(), "ops": ops})

    def _from_string(self, text: str) -> Sequence[int]:
        form = '{"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}'
        try:
            cell = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"expected a cell of {self.name} as JSON like {form}, got {text[:80]!r}") from error
        if not isinstance(cell, dict) or set(cell) != {"matrix", "ops"} or not isinstance(cell["ops"], list):
            raise InputError(f"expected a cell of {self.name} as JSON like {form}, got {text[:80]!r}")
        return list(self.from_matrix(cell["matrix"], cell["ops"]))

    # --- neighbourhood ------------------------------------------------------------------------------------------

    def sample(self, n: int, rng: np.random.Generator) -> GenotypeArray:
        """`n` genotypes `(n, 26)`, uniform over all 1,293,208 and with replacement.

        A network with more genotypes is drawn more often; `sample_unique` is uniform over networks.
        """
        return ranked(rng.integers(0, self.size, size=n))

    def enumerate(self, chunk: int = 65_536) -> Iterator[GenotypeArray]:
        """All genotypes in order of `code`, in arrays of at most `chunk` rows."""
        for start in range(0, self.size, chunk):
            yield ranked(np.arange(start, min(start + chunk, self.size)))

    def _neighbours_of(self, genotypes: GenotypeArray) -> tuple[GenotypeArray, KeyArray]:
        """The canonical genotype of each class one edit away from each of `(n, 26)` genotypes.

        An edit changes the operation of a vertex, adds or removes an edge, or adds or removes a vertex with one edge in
        and one edge out. Every edit has an inverse, so neighbours are mutual up to `key`, and every cell can be reached
        from every other.
        """
        edits = edit_table()
        matrix = matrix_table().lookup[edge_code(genotypes)]
        owner, edit = spread(edits.starts, matrix)
        canonical = self.canonical(edited(genotypes[owner], edits.targets[edit], edits.sources[edit]))
        _, first = np.unique(owner * math.prod(self.cardinalities) + self.code(canonical), return_index=True)
        return canonical[first], owner[first]

    def mutate(self, genotypes: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """A random neighbour (up to `key`) of each of `(n, 26)` genotypes, by a uniformly drawn edit."""
        edits = edit_table()
        matrix = matrix_table().lookup[edge_code(genotypes)]
        edit = rng.integers(edits.starts[matrix], edits.starts[matrix + 1])
        return edited(genotypes, edits.targets[edit], edits.sources[edit])

    def crossover(self, a: GenotypeArray, b: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """Children `(n, 26)` that take each position from one of two parents, pruned; one parent if that fails."""
        children, ok = self.repair(super().crossover(a, b, rng))
        parent = np.where(rng.random((len(a), 1)) < 0.5, a, b)
        return np.where(ok[:, None], children, parent)

    def distance(self, a: GenotypeArray, b: GenotypeArray) -> IntArray:
        """Number of positions at which the canonical forms of `(n, 26)` and `(n, 26)` differ; shape `(n,)`."""
        return super().distance(self.canonical(a), self.canonical(b))

    # --- identity -----------------------------------------------------------------------------------------------

    def canonical(self, genotypes: GenotypeArray) -> GenotypeArray:
        """The genotype `(n, 26)` with the smallest `code` among all topological numberings. Exact, not a hash.

        The smallest matrix, and the numberings that lead to it, are tabulated for each of the 6,472 matrices. That
        leaves the smallest vector of operations over these numberings, often one and at most 24.
        """
        forms = numbering_table()
        matrix = matrix_table().lookup[edge_code(genotypes)]
        owner, numbering = spread(forms.starts, matrix)
        candidates = DIGITS[op_code(genotypes)[owner, None], forms.sources[numbering]] @ OP_BASE
        first = np.searchsorted(owner, np.arange(len(genotypes)))
        smallest = np.minimum.reduceat(candidates, first) if len(first) else candidates
        return np.concatenate([matrix_table().bits[forms.targets[matrix]], DIGITS[smallest]], axis=1)

    def function_key(self, genotypes: GenotypeArray) -> KeyArray:
        """Equal exactly where learnt parts can be matched so that equal weights give equal outputs; `(n,)`.

        These rules are applied, and no others, for channels that divide evenly (else some vertices have one more):

        1. Vertices on no path from input to output are left out; a genotype has none.
        2. Sums are commutative and associative, and count multiplicity: `x + x` is not `x`. The same holds for the
           concatenation before the output, because learnt operations follow it.
        3. Convolutions are learnt, and so is the projection of the input to each vertex that reads it: two of them with
           the same sources are two different functions.
        4. A max-pool is not learnt: two max-pools with the same sources, other than the input, are the same function,
           and may be one vertex whose output is used twice.

        The 423,624 classes of `key` become 419,052.
        """
        keys = self.key(genotypes)
        squares = squares_of(genotypes).astype(np.int8)
        pools = genotypes[:, len(PAIRS) :] == 1 + OPERATIONS.index("maxpool3x3")
        pools &= squares[:, 0, 1:OUTPUT] == 0
        twins = np.zeros(len(genotypes), dtype=bool)
        for a, b in combinations(range(INTERIOR), 2):
            twins |= pools[:, a] & pools[:, b] & (squares[:, :, 1 + a] == squares[:, :, 1 + b]).all(axis=1)
        rows = np.flatnonzero(twins)
        squares, pools, ops = squares[rows], pools[rows], genotypes[rows, len(PAIRS) :].copy()
        for a, b in sorted(combinations(range(INTERIOR), 2), key=itemgetter(1)):  # the sources of b are merged already
            same = pools[:, a] & pools[:, b] & (squares[:, :, 1 + a] == squares[:, :, 1 + b]).all(axis=1)
            squares[same, 1 + a] += squares[same, 1 + b]
            squares[same, 1 + b] = squares[same, :, 1 + b] = ops[same, b] = 0
            pools[same, b] = False
        simple = (squares <= 1).all(axis=(1, 2))
        merged, _ = self.repair(np.concatenate([squares[simple][:, *PAIR_INDEX], ops[simple]], axis=1))
        keys[rows[simple]] = self.key(merged)
        keys[rows[~simple]] = _multigraph_key(squares[~simple], ops[~simple])
        return keys

    def published_hash(self, genotypes: GenotypeArray) -> list[str]:
        """Hash of each of `(n, 26)` cells in NAS-Bench-101: 32 hexadecimal digits (MD5, `hash_module`)."""
        return [cell_hash(*self.matrix(genotype)) for genotype in genotypes]

    # --- encodings ----------------------------------------------------------------------------------------------

    def adjacency_arrays(self, genotypes: GenotypeArray) -> AdjacencyArrays:
        """The graphs of `(n, 26)` genotypes as dense arrays padded to 7 nodes, in the order of `graph`."""
        matrix = matrix_table().lookup[edge_code(genotypes)]
        last = matrix_table().vertices[matrix] - 1
        ops = np.zeros((len(genotypes), VERTICES), dtype=np.int8)
        ops[:, 1:OUTPUT] = genotypes[:, len(PAIRS) :]
        ops[np.arange(len(ops)), last] = self.ops.index("output")
        return AdjacencyArrays(matrix_table().dense[matrix], ops, np.arange(VERTICES) <= last[:, None])

    def _features(self, genotypes: GenotypeArray, kind: str) -> FloatArray:
        """Path encoding (White et al., 2021): whether each sequence of operations is a path from input to output.

        Sequences of zero to five operations, by length and then in the order of `OPERATIONS`: 364 features.
        """
        rows, path = np.nonzero((edge_code(genotypes)[:, None] & PATH_EDGES) == PATH_EDGES)  # of the 32 paths
        column = (genotypes[:, len(PAIRS) :] - 1) @ PATH_DIGITS + PATH_FIRST  # (n, 32)
        present = np.zeros((len(genotypes), len(OPS)))
        present[rows, column[rows, path]] = 1.0
        return present

    # --- network ------------------------------------------------------------------------------------------------

    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> torch.nn.Module:
        """The published network: stem, stages of cells with a max-pool between them, head.

        The published size is `NetworkSettings(channels=128, cells=3, stages=3)`. Channels that do not divide evenly go
        to the vertices with smaller numbers, as published; so isomorphic cells can differ by a few parameters.
        """
        from nasbench.spaces.networks.nb101 import network

        images = ImageClassification.expect(task)
        return network(*self.matrix(genotype), images.shape[0], images.classes, settings)


def _reason(genotype: GenotypeArray) -> str:
    """Reason why a genotype `(26,)` is outside the space."""
    square = squares_of(genotype[None])[0]
    ops = genotype[len(PAIRS) :]
    into, out = square.any(axis=0), square.any(axis=1)
    for v, op in enumerate(ops, start=1):
        if op == 0 and (into[v] or out[v]):
            return f"vertex {v} is absent (operation 0) but has an edge"
        if op > 0 and v > 1 and ops[v - 2] == 0:
            return f"vertex {v} follows vertex {v - 1}, which is absent; number the vertices without a gap"
        if op > 0 and not (into[v] and out[v]):
            return f"vertex {v} has no edge {'out' if into[v] else 'in'}, so it is on no path from input to output"
    if not out[0] or not into[OUTPUT]:
        return "no path leads from the input to the output"
    return f"it has {square.sum()} edges, allowed are {EDGES}"


def _alive(adjacency: BoolArray) -> BoolArray:
    """Whether each interior vertex of `(n, v, v)` matrices is on a path from first to last vertex; `(n, v - 2)`."""
    n, v, _ = adjacency.shape
    forward, backward = np.zeros((n, v), dtype=bool), np.zeros((n, v), dtype=bool)
    forward[:, 0], backward[:, -1] = True, True
    for i in range(1, v):
        forward[:, i] = (adjacency[:, :, i] & forward).any(axis=1)
        backward[:, -1 - i] = (adjacency[:, -1 - i] & backward).any(axis=1)
    return (forward & backward)[:, 1:-1]


def _multigraph_key(squares: GenotypeArray, ops: GenotypeArray) -> KeyArray:
    """Keys of multigraphs `(n, 7, 7)` with operations `(n, 5)`, equal exactly for isomorphic ones; shape `(n,)`.

    The least hash over all numberings of the interior vertices, with a collision probability of 2^-62; above any
    `code`.
    """
    options = np.array([1 + EDGES] * VERTICES**2 + [1 + len(OPERATIONS)] * INTERIOR)
    least = np.full(len(squares), np.iinfo(np.int64).max)
    for numbering in permutations(range(INTERIOR)):
        order = [0, *(1 + place for place in numbering), OUTPUT]
        digits = [squares[:, order][:, :, order].reshape(-1, VERTICES**2), ops[:, numbering]]
        np.minimum(least, hash_digits(np.concatenate(digits, axis=1), options), out=least)
    return least | (1 << 62)
