"""Tables of NAS-Bench-101: all pruned matrices, their smallest numberings, and their edits; built on first use."""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations, permutations, product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nasbench.arrays import read_only
from nasbench.types import BoolArray, GenotypeArray

OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
VERTICES, EDGES = 7, 9
"""Maximum number of vertices (input and output included) and of edges of a cell."""
PAIRS = tuple(combinations(range(VERTICES), 2))
"""Source and target of each of the 21 possible edges, in the order of the genotype."""
INTERIOR, OUTPUT = VERTICES - 2, VERTICES - 1

IntArray = npt.NDArray[np.int64]

# --- operations and paths -----------------------------------------------------------------------------------------

OPS = read_only(
    np.array(
        [[*ops, *(0,) * (INTERIOR - k)] for k in range(INTERIOR + 1) for ops in product((1, 2, 3), repeat=k)],
        dtype=np.int8,
    )
)
"""All vectors of operations, by number of vertices and then in order; shape `(364, 5)`."""
_OPS_START = read_only(np.cumsum([0, *(len(OPERATIONS) ** k for k in range(INTERIOR))]))
"""Row of `OPS` at which the vectors of `k` operations begin; also the first column of paths of `k` operations."""
OP_BASE = read_only((1 + len(OPERATIONS)) ** np.arange(INTERIOR)[::-1])
DIGITS = read_only(np.array(list(product(range(1 + len(OPERATIONS)), repeat=INTERIOR)), dtype=np.int8))
"""Inverse of `op_code`; shape `(1024, 5)`."""
_PATHS = [path for k in range(INTERIOR + 1) for path in combinations(range(1, OUTPUT), k)]
"""All possible paths from input to output, as tuples of interior vertices."""
PAIR_INDEX = read_only(np.array(PAIRS).T)
_EDGE_BITS = read_only(1 << np.arange(len(PAIRS))[::-1])
_BIT_OF_PAIR = dict(zip(PAIRS, _EDGE_BITS.tolist(), strict=True))
PATH_EDGES = read_only(
    np.array([sum(_BIT_OF_PAIR[edge] for edge in zip((0, *p), (*p, OUTPUT), strict=True)) for p in _PATHS])
)
PATH_FIRST = read_only(np.array([_OPS_START[len(p)] for p in _PATHS]))
PATH_DIGITS = read_only(
    np.array(
        [[len(OPERATIONS) ** (len(p) - 1 - p.index(v)) if v in p else 0 for p in _PATHS] for v in range(1, OUTPUT)]
    )
)


def edge_code(genotypes: GenotypeArray) -> IntArray:
    """The 21 bits of each matrix as a number; shape `(n,)`."""
    return genotypes[:, : len(PAIRS)] @ _EDGE_BITS


def op_code(genotypes: GenotypeArray) -> IntArray:
    """The five operations as a number in base 4; shape `(n,)`."""
    return genotypes[:, len(PAIRS) :] @ OP_BASE


def squares_of(genotypes: GenotypeArray) -> BoolArray:
    """Adjacency matrices with the output always as vertex 6; shape `(n, 7, 7)`."""
    square = np.zeros((len(genotypes), VERTICES, VERTICES), dtype=bool)
    square[:, *PAIR_INDEX] = genotypes[:, : len(PAIRS)] > 0
    return square


# --- matrices -----------------------------------------------------------------------------------------------------


class Matrices(NamedTuple):
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
def matrix_table() -> Matrices:
    """The matrices of all cells."""
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
    return Matrices(bits, lookup, vertices, offsets, dense)


def ranked(indices: IntArray) -> GenotypeArray:
    """Genotypes `(n, 26)` by rank in the order of `code`."""
    matrices = matrix_table()
    matrix = np.searchsorted(matrices.offsets, indices, side="right") - 1
    ops = OPS[_OPS_START[matrices.vertices[matrix] - 2] + indices - matrices.offsets[matrix]]
    return np.concatenate([matrices.bits[matrix], ops], axis=1)


def spread(starts: IntArray, matrix: npt.NDArray[np.integer[Any]]) -> tuple[IntArray, IntArray]:
    """Row and number of all entries `starts[m]` to `starts[m + 1]` of each of `n` matrices `m`."""
    counts = np.diff(starts)[matrix]
    owner = np.repeat(np.arange(len(matrix)), counts)
    return owner, (starts[matrix] - np.cumsum(counts) + counts)[owner] + np.arange(len(owner))


def renumbered(square: BoolArray, order: IntArray) -> GenotypeArray:
    """The 21 bits `(n, 21)` of `(n, 7, 7)` matrices with interior vertices in a new `order` `(n, 5)`."""
    n = len(square)
    vertices = np.concatenate([np.zeros((n, 1), int), 1 + order, np.full((n, 1), OUTPUT)], axis=1)
    source, target = PAIR_INDEX
    bits: GenotypeArray = square[np.arange(n)[:, None], vertices[:, source], vertices[:, target]].astype(np.int8)
    return bits


# --- numberings ---------------------------------------------------------------------------------------------------


class CanonicalForms(NamedTuple):
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
def numbering_table() -> CanonicalForms:
    """The smallest matrix and its numberings, for each of `matrix_table`."""
    matrices = matrix_table()
    numberings = np.array(list(permutations(range(INTERIOR))))  # (120, 5): new place of each interior vertex
    vertices = np.pad(1 + numberings, ((0, 0), (1, 1)))
    vertices[:, OUTPUT] = OUTPUT
    source, target = vertices[:, PAIR_INDEX[0]], vertices[:, PAIR_INDEX[1]]  # (120, 21)
    refused = 1 << len(PAIRS)  # above any code: marks edges to smaller numbers
    weights = np.full((VERTICES, VERTICES), refused)
    weights[*PAIR_INDEX] = _EDGE_BITS
    codes = (matrices.bits @ weights[source, target].T.astype(np.float64)).astype(np.int64)  # (m, 120), exact
    moved = ((numberings != np.arange(INTERIOR)) * np.arange(1, VERTICES - 1)).max(axis=1)  # last moved vertex
    codes[moved > matrices.vertices[:, None] - 2] = refused  # absent vertices must not move
    smallest = codes.min(axis=1)
    matrix, numbering = np.nonzero(codes == smallest[:, None])
    starts = np.searchsorted(matrix, np.arange(len(codes) + 1))
    return CanonicalForms(matrices.lookup[smallest].astype(np.int64), starts, np.argsort(numberings)[numbering])


# --- edits --------------------------------------------------------------------------------------------------------

_CONSTANT_COLUMN, _SHIFTED_COLUMN = INTERIOR, INTERIOR + 1 + len(OPERATIONS)
_EDIT_OPTIONS = read_only(
    np.concatenate(
        [
            DIGITS,
            np.tile(np.arange(1 + len(OPERATIONS), dtype=np.int8), (len(DIGITS), 1)),
            *(1 + (DIGITS - 1 + shift) % len(OPERATIONS) for shift in range(1, len(OPERATIONS))),
        ],
        axis=1,
    )
)
"""Operations that an edit can put at a vertex, for each vector of operations; shape `(1024, 19)`.

Columns: the five operations, each constant operation, then the five operations shifted by one and by two.
"""


class Edits(NamedTuple):
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
def edit_table() -> Edits:
    """The edits of each of `matrix_table`."""
    matrices = matrix_table()
    squares = squares_of(matrices.bits)
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
    targets = matrices.lookup[edge_code(renumbered(square, order))].astype(np.int64)  # -1: no pruned cell
    valid = np.argsort(rows, kind="stable")
    valid = valid[targets[valid] >= 0]
    starts = np.searchsorted(rows[valid], np.arange(len(squares) + 1))
    return Edits(starts, targets[valid], np.take_along_axis(sources, order, axis=1)[valid])


def edited(genotypes: GenotypeArray, targets: IntArray, sources: IntArray) -> GenotypeArray:
    """Genotypes `(n, 26)` after one edit each."""
    return np.concatenate([matrix_table().bits[targets], _EDIT_OPTIONS[op_code(genotypes)[:, None], sources]], axis=1)
