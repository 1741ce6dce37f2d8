"""NAS-Bench-101: cells of at most seven vertices and nine edges, with operations on vertices (Ying et al., 2019)."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache
from itertools import combinations, permutations, product
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.spaces.base import Space
from nasbench.spaces.hashing import hash_digits
from nasbench.spaces.values import AdjacencyArrays, NetworkSettings
from nasbench.tasks.images import ImageClassification
from nasbench.types import BoolArray, FloatArray, GenotypeArray, KeyArray

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from nasbench.tasks import Task

OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
VERTICES, EDGES = 7, 9
"""Maximum number of vertices (input and output included) and of edges of a cell."""
PAIRS = tuple(combinations(range(VERTICES), 2))
"""Source and target of each of the 21 possible edges, in the order of the genotype."""
INTERIOR, OUTPUT = VERTICES - 2, VERTICES - 1

IntArray = npt.NDArray[np.int64]


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
        return int(_matrices().offsets[-1])

    def contains(self, genotypes: GenotypeArray) -> BoolArray:
        """Whether each of `(n, 26)` in-range genotypes is a pruned cell of at most nine edges; shape `(n,)`."""
        matrix = _matrices().lookup[_edge_code(genotypes)]
        present = _matrices().vertices[matrix, None] - 2 > np.arange(INTERIOR)  # (n, 5)
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
        adjacency = _square(raw) & present[:, :, None] & present[:, None, :]
        present[:, 1:OUTPUT] = _alive(adjacency)
        adjacency &= present[:, :, None] & present[:, None, :]
        order = np.argsort(~present[:, 1:OUTPUT], axis=1, kind="stable")
        ops = np.where(present[:, 1:OUTPUT], raw[:, len(PAIRS) :], np.int8(0))
        genotypes = np.concatenate([_renumber(adjacency, order), np.take_along_axis(ops, order, axis=1)], axis=1)
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
        genotype[: len(PAIRS)] = square[*_PAIR_INDEX]
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
        return _ranked(rng.integers(0, self.size, size=n))

    def enumerate(self, chunk: int = 65_536) -> Iterator[GenotypeArray]:
        """All genotypes in order of `code`, in arrays of at most `chunk` rows."""
        for start in range(0, self.size, chunk):
            yield _ranked(np.arange(start, min(start + chunk, self.size)))

    def _neighbours_of(self, genotypes: GenotypeArray) -> tuple[GenotypeArray, KeyArray]:
        """The canonical genotype of each class one edit away from each of `(n, 26)` genotypes.

        An edit changes the operation of a vertex, adds or removes an edge, or adds or removes a vertex with one edge in
        and one edge out. Every edit has an inverse, so neighbours are mutual up to `key`, and every cell can be reached
        from every other.
        """
        edits = _edits()
        matrix = _matrices().lookup[_edge_code(genotypes)]
        owner, edit = _spread(edits.starts, matrix)
        canonical = self.canonical(_edit(genotypes[owner], edits.targets[edit], edits.sources[edit]))
        _, first = np.unique(owner * math.prod(self.cardinalities) + self.code(canonical), return_index=True)
        return canonical[first], owner[first]

    def mutate(self, genotypes: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """A random neighbour (up to `key`) of each of `(n, 26)` genotypes, by a uniformly drawn edit."""
        edits = _edits()
        matrix = _matrices().lookup[_edge_code(genotypes)]
        edit = rng.integers(edits.starts[matrix], edits.starts[matrix + 1])
        return _edit(genotypes, edits.targets[edit], edits.sources[edit])

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
        forms = _canonical_forms()
        matrix = _matrices().lookup[_edge_code(genotypes)]
        owner, numbering = _spread(forms.starts, matrix)
        candidates = _DIGITS[_op_code(genotypes)[owner, None], forms.sources[numbering]] @ _OP_BASE
        first = np.searchsorted(owner, np.arange(len(genotypes)))
        smallest = np.minimum.reduceat(candidates, first) if len(first) else candidates
        return np.concatenate([_matrices().bits[forms.targets[matrix]], _DIGITS[smallest]], axis=1)

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
        squares = _square(genotypes).astype(np.int8)
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
        merged, _ = self.repair(np.concatenate([squares[simple][:, *_PAIR_INDEX], ops[simple]], axis=1))
        keys[rows[simple]] = self.key(merged)
        keys[rows[~simple]] = _multigraph_key(squares[~simple], ops[~simple])
        return keys

    def published_hash(self, genotypes: GenotypeArray) -> list[str]:
        """Hash of each of `(n, 26)` cells in NAS-Bench-101: 32 hexadecimal digits (MD5, `hash_module`)."""
        return [_published_hash(*self.matrix(genotype)) for genotype in genotypes]

    # --- encodings ----------------------------------------------------------------------------------------------

    def adjacency_arrays(self, genotypes: GenotypeArray) -> AdjacencyArrays:
        """The graphs of `(n, 26)` genotypes as dense arrays padded to 7 nodes, in the order of `graph`."""
        matrix = _matrices().lookup[_edge_code(genotypes)]
        last = _matrices().vertices[matrix] - 1
        ops = np.zeros((len(genotypes), VERTICES), dtype=np.int8)
        ops[:, 1:OUTPUT] = genotypes[:, len(PAIRS) :]
        ops[np.arange(len(ops)), last] = self.ops.index("output")
        return AdjacencyArrays(_matrices().dense[matrix], ops, np.arange(VERTICES) <= last[:, None])

    def _features(self, genotypes: GenotypeArray, kind: str) -> FloatArray:
        """Path encoding (White et al., 2021): whether each sequence of operations is a path from input to output.

        Sequences of zero to five operations, by length and then in the order of `OPERATIONS`: 364 features.
        """
        rows, path = np.nonzero((_edge_code(genotypes)[:, None] & _PATH_EDGES) == _PATH_EDGES)  # of the 32 paths
        column = (genotypes[:, len(PAIRS) :] - 1) @ _PATH_DIGITS + _PATH_FIRST  # (n, 32)
        present = np.zeros((len(genotypes), len(_OPS)))
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


# --- operations and paths -----------------------------------------------------------------------------------------

_OPS = np.array(
    [[*ops, *(0,) * (INTERIOR - k)] for k in range(INTERIOR + 1) for ops in product((1, 2, 3), repeat=k)], dtype=np.int8
)
"""All vectors of operations, by number of vertices and then in order; shape `(364, 5)`."""
_OPS_START = np.cumsum([0, *(len(OPERATIONS) ** k for k in range(INTERIOR))])
"""Row of `_OPS` at which the vectors of `k` operations begin; also the first column of paths of `k` operations."""
_OP_BASE = (1 + len(OPERATIONS)) ** np.arange(INTERIOR)[::-1]
_DIGITS = np.array(list(product(range(1 + len(OPERATIONS)), repeat=INTERIOR)), dtype=np.int8)
"""Inverse of `_op_code`; shape `(1024, 5)`."""
_PATHS = [path for k in range(INTERIOR + 1) for path in combinations(range(1, OUTPUT), k)]
"""All possible paths from input to output, as tuples of interior vertices."""
_PAIR_INDEX = np.array(PAIRS).T
_EDGE_BITS = 1 << np.arange(len(PAIRS))[::-1]
_BIT_OF_PAIR = dict(zip(PAIRS, _EDGE_BITS.tolist(), strict=True))
_PATH_EDGES = np.array([sum(_BIT_OF_PAIR[edge] for edge in zip((0, *p), (*p, OUTPUT), strict=True)) for p in _PATHS])
_PATH_FIRST = np.array([_OPS_START[len(p)] for p in _PATHS])
_PATH_DIGITS = np.array(
    [[len(OPERATIONS) ** (len(p) - 1 - p.index(v)) if v in p else 0 for p in _PATHS] for v in range(1, OUTPUT)]
)


def _edge_code(genotypes: GenotypeArray) -> IntArray:
    """The 21 bits of each matrix as a number; shape `(n,)`."""
    return genotypes[:, : len(PAIRS)] @ _EDGE_BITS


def _op_code(genotypes: GenotypeArray) -> IntArray:
    """The five operations as a number in base 4; shape `(n,)`."""
    return genotypes[:, len(PAIRS) :] @ _OP_BASE


def _square(genotypes: GenotypeArray) -> BoolArray:
    """Adjacency matrices with the output always as vertex 6; shape `(n, 7, 7)`."""
    square = np.zeros((len(genotypes), VERTICES, VERTICES), dtype=bool)
    square[:, *_PAIR_INDEX] = genotypes[:, : len(PAIRS)] > 0
    return square


def _reason(genotype: GenotypeArray) -> str:
    """Reason why a genotype `(26,)` is outside the space."""
    square = _square(genotype[None])[0]
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


# --- matrices -----------------------------------------------------------------------------------------------------


class _Matrices(NamedTuple):
    """The 6,472 adjacency matrices `m` of pruned cells, in order of their code.

    Attributes:
        bits: The 21 bits of each matrix; shape `(m, 21)`.
        lookup: Index of the matrix with each of 2^21 codes, -1 if there is none.
        vertices: Number of vertices; shape `(m,)`.
        offsets: Number of genotypes of all earlier matrices; shape `(m + 1,)`.
        dense: Matrices with vertices numbered without a gap, padded; shape `(m, 7, 7)`.
    """

    bits: GenotypeArray
    lookup: npt.NDArray[np.int16]
    vertices: IntArray
    offsets: IntArray
    dense: BoolArray


def _ends(codes: npt.NDArray[np.int32]) -> tuple[list[BoolArray], list[BoolArray]]:
    """Whether each vertex has an edge in, and an edge out, in matrices of `(n,)` codes; one array per vertex."""
    masks = [
        [sum(bit for pair, bit in _BIT_OF_PAIR.items() if pair[end] == v) for v in range(VERTICES)] for end in (1, 0)
    ]
    has_in, has_out = ([(codes & mask) != 0 for mask in by_vertex] for by_vertex in masks)
    return has_in, has_out


def _pruned(codes: npt.NDArray[np.int32]) -> BoolArray:
    """Whether each of `(n,)` codes is a pruned cell of at most nine edges with vertices numbered without a gap.

    Edges lead to larger numbers, so a vertex with an edge in and an edge out is on a path from input to output.
    """
    has_in, has_out = _ends(codes)
    edges = np.zeros(len(codes), dtype=np.int8)
    for bit in _BIT_OF_PAIR.values():
        edges += (codes & bit) > 0
    valid: BoolArray = has_out[0] & has_in[OUTPUT] & (edges <= EDGES)
    for v in range(1, OUTPUT):
        valid &= has_in[v] == has_out[v]
        if v > 1:
            valid &= has_in[v - 1] | ~has_in[v]
    return valid


@lru_cache(maxsize=1)
def _matrices() -> _Matrices:
    blocks = np.arange(1 << len(PAIRS), dtype=np.int32).reshape(-1, 2**16)
    codes = np.concatenate([block[_pruned(block)] for block in blocks])
    lookup = np.full(blocks.size, -1, dtype=np.int16)
    lookup[codes] = np.arange(len(codes))
    bits = ((codes[:, None] & _EDGE_BITS) > 0).astype(np.int8)
    has_in, _ = _ends(codes)
    vertices = 2 + np.count_nonzero(has_in[1:OUTPUT], axis=0)
    offsets = np.concatenate([[0], np.cumsum(len(OPERATIONS) ** (vertices - 2))])
    dense = np.zeros((len(codes), VERTICES, VERTICES), dtype=bool)
    for (u, v), present in zip(PAIRS, bits.T, strict=True):
        dense[np.arange(len(codes)), u, vertices - 1 if v == OUTPUT else v] |= present > 0
    return _Matrices(bits, lookup, vertices, offsets, dense)


def _ranked(indices: IntArray) -> GenotypeArray:
    """Genotypes `(n, 26)` by rank in the order of `code`."""
    matrices = _matrices()
    matrix = np.searchsorted(matrices.offsets, indices, side="right") - 1
    ops = _OPS[_OPS_START[matrices.vertices[matrix] - 2] + indices - matrices.offsets[matrix]]
    return np.concatenate([matrices.bits[matrix], ops], axis=1)


def _spread(starts: IntArray, matrix: npt.NDArray[np.integer[Any]]) -> tuple[IntArray, IntArray]:
    """Row and number of all entries `starts[m]` to `starts[m + 1]` of each of `n` matrices `m`."""
    counts = np.diff(starts)[matrix]
    owner = np.repeat(np.arange(len(matrix)), counts)
    return owner, (starts[matrix] - np.cumsum(counts) + counts)[owner] + np.arange(len(owner))


def _alive(adjacency: BoolArray) -> BoolArray:
    """Whether each interior vertex of `(n, v, v)` matrices is on a path from first to last vertex; `(n, v - 2)`."""
    n, v, _ = adjacency.shape
    forward, backward = np.zeros((n, v), dtype=bool), np.zeros((n, v), dtype=bool)
    forward[:, 0], backward[:, -1] = True, True
    for i in range(1, v):
        forward[:, i] = (adjacency[:, :, i] & forward).any(axis=1)
        backward[:, -1 - i] = (adjacency[:, -1 - i] & backward).any(axis=1)
    return (forward & backward)[:, 1:-1]


def _renumber(square: BoolArray, order: IntArray) -> GenotypeArray:
    """The 21 bits `(n, 21)` of `(n, 7, 7)` matrices with interior vertices in a new `order` `(n, 5)`."""
    n = len(square)
    vertices = np.concatenate([np.zeros((n, 1), int), 1 + order, np.full((n, 1), OUTPUT)], axis=1)
    source, target = _PAIR_INDEX
    bits: GenotypeArray = square[np.arange(n)[:, None], vertices[:, source], vertices[:, target]].astype(np.int8)
    return bits


# --- numberings ---------------------------------------------------------------------------------------------------


class _CanonicalForms(NamedTuple):
    """The smallest matrix isomorphic to each of `m` matrices, and the `p` numberings that lead to it.

    Attributes:
        targets: Index of the smallest matrix; shape `(m,)`.
        starts: Numberings `starts[i]` to `starts[i + 1]` belong to matrix `i`; shape `(m + 1,)`.
        sources: Old place of each of the five operations; shape `(p, 5)`.
    """

    targets: IntArray
    starts: IntArray
    sources: IntArray


@lru_cache(maxsize=1)
def _canonical_forms() -> _CanonicalForms:
    matrices = _matrices()
    numberings = np.array(list(permutations(range(INTERIOR))))  # (120, 5): new place of each interior vertex
    vertices = np.pad(1 + numberings, ((0, 0), (1, 1)))
    vertices[:, OUTPUT] = OUTPUT
    source, target = vertices[:, _PAIR_INDEX[0]], vertices[:, _PAIR_INDEX[1]]  # (120, 21)
    refused = 1 << len(PAIRS)  # above any code: marks edges to smaller numbers
    weights = np.full((VERTICES, VERTICES), refused)
    weights[*_PAIR_INDEX] = _EDGE_BITS
    codes = (matrices.bits @ weights[source, target].T.astype(np.float64)).astype(np.int64)  # (m, 120), exact
    moved = ((numberings != np.arange(INTERIOR)) * np.arange(1, VERTICES - 1)).max(axis=1)  # last moved vertex
    codes[moved > matrices.vertices[:, None] - 2] = refused  # absent vertices must not move
    smallest = codes.min(axis=1)
    matrix, numbering = np.nonzero(codes == smallest[:, None])
    starts = np.searchsorted(matrix, np.arange(len(codes) + 1))
    return _CanonicalForms(matrices.lookup[smallest].astype(np.int64), starts, np.argsort(numberings)[numbering])


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


# --- edits --------------------------------------------------------------------------------------------------------

_CONSTANT_COLUMN, _SHIFTED_COLUMN = INTERIOR, INTERIOR + 1 + len(OPERATIONS)
_EDIT_OPTIONS = np.concatenate(
    [
        _DIGITS,
        np.tile(np.arange(1 + len(OPERATIONS), dtype=np.int8), (len(_DIGITS), 1)),
        *(1 + (_DIGITS - 1 + shift) % len(OPERATIONS) for shift in range(1, len(OPERATIONS))),
    ],
    axis=1,
)
"""Operations that an edit can put at a vertex, for each vector of operations; shape `(1024, 19)`.

Columns: the five operations, each constant operation, then the five operations shifted by one and by two.
"""


class _Edits(NamedTuple):
    """Edits of each matrix that lead to a cell of the space.

    Attributes:
        starts: Edits `starts[i]` to `starts[i + 1]` belong to matrix `i`; shape `(m + 1,)`.
        targets: Index of the matrix after the edit; shape `(e,)`.
        sources: Column of `_EDIT_OPTIONS` for each of the five operations; shape `(e, 5)`.
    """

    starts: IntArray
    targets: IntArray
    sources: IntArray


@lru_cache(maxsize=1)
def _edits() -> _Edits:
    matrices = _matrices()
    squares = _square(matrices.bits)
    before: BoolArray = squares.copy()  # before[m, u, v]: v is u, or a path leads from u to v
    before[:, np.arange(VERTICES), np.arange(VERTICES)] = True
    for w in range(1, OUTPUT):
        np.logical_or(before, before[:, :, [w]] & before[:, [w], :], out=before)
    present: BoolArray = np.arange(VERTICES) < matrices.vertices[:, None] - 1
    present[:, OUTPUT] = True
    free = matrices.vertices - 1  # the first absent vertex, or the output
    room = EDGES - matrices.bits.sum(axis=1)  # further edges allowed
    blocks: list[tuple[IntArray, BoolArray, IntArray]] = []

    def copies(where: BoolArray) -> tuple[IntArray, BoolArray, IntArray]:
        """One edit of each selected matrix: indices, and copies of matrices and sources to be edited in place."""
        rows = np.flatnonzero(where)
        blocks.append((rows, squares[rows], np.tile(np.arange(INTERIOR), (len(rows), 1))))
        return blocks[-1]

    for u, v in permutations(range(VERTICES), 2):
        acyclic: BoolArray = present[:, u] & present[:, v] & ~before[:, v, u]
        _, square, _ = copies(squares[:, u, v] | (acyclic & (room >= 1)))
        square[:, u, v] ^= True  # add or remove the edge
        for op in range(1, 1 + len(OPERATIONS)):
            rows, square, sources = copies(acyclic & (room >= 2) & (free < OUTPUT))
            index, new = np.arange(len(rows)), free[rows]
            square[index, u, new] = square[index, new, v] = True  # add a vertex
            sources[index, new - 1] = _CONSTANT_COLUMN + op
    for w in range(1, OUTPUT):
        _, square, sources = copies((squares[:, w].sum(axis=1) == 1) & (squares[:, :, w].sum(axis=1) == 1))
        square[:, w] = square[:, :, w] = False  # remove the vertex
        sources[:, w - 1] = _CONSTANT_COLUMN
        for shift in range(len(OPERATIONS) - 1):
            _, _, sources = copies(present[:, w])
            sources[:, w - 1] = _SHIFTED_COLUMN + shift * INTERIOR + w - 1  # another operation

    rows, square, sources = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    depth = np.zeros((len(rows), VERTICES), dtype=np.int8)  # edges on the longest path to each vertex
    for _ in range(VERTICES - 1):
        depth = (square * (depth + np.int8(1))[:, :, None]).max(axis=1)
    depth[~square.any(axis=1) & ~square.any(axis=2)] = VERTICES
    order = np.argsort(depth[:, 1:OUTPUT], axis=1, kind="stable")
    targets = matrices.lookup[_edge_code(_renumber(square, order))].astype(np.int64)  # -1: no pruned cell
    valid = np.argsort(rows, kind="stable")
    valid = valid[targets[valid] >= 0]
    starts = np.searchsorted(rows[valid], np.arange(len(squares) + 1))
    return _Edits(starts, targets[valid], np.take_along_axis(sources, order, axis=1)[valid])


def _edit(genotypes: GenotypeArray, targets: IntArray, sources: IntArray) -> GenotypeArray:
    """Genotypes `(n, 26)` after one edit each."""
    return np.concatenate([_matrices().bits[targets], _EDIT_OPTIONS[_op_code(genotypes)[:, None], sources]], axis=1)


# --- published hash -----------------------------------------------------------------------------------------------


def module_hash(matrix: npt.NDArray[Any], labels: Sequence[int]) -> str:
    """Graph hash of NAS-Bench-101: equal for isomorphic graphs, and for some others.

    Args:
        matrix: Adjacency matrix of zeros and ones; shape `(v, v)`.
        labels: -1 for the input, operation number of each interior vertex, -2 for the output.

    Returns:
        32 hexadecimal digits.
    """
    hashes = [_md5(str(node)) for node in zip(matrix.sum(1).tolist(), matrix.sum(0).tolist(), labels, strict=True)]
    squares = matrix.T.tolist(), matrix.tolist()
    sources, targets = ([[v for v, edge in enumerate(row) if edge] for row in square] for square in squares)
    for _ in labels:
        before, after = (["".join(sorted([hashes[u] for u in near])) for near in ends] for ends in (sources, targets))
        hashes = [_md5("|".join(parts)) for parts in zip(before, after, hashes, strict=True)]
    return _md5(str(sorted(hashes)))


def _published_hash(matrix: npt.NDArray[np.int8], ops: list[str]) -> str:
    return module_hash(matrix, [-1, *(OPERATIONS.index(op) for op in ops[1:-1]), -2])


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
