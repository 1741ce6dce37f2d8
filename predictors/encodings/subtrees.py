"""Weisfeiler-Lehman subtree kernel of cells (Shervashidze et al., 2011; on cells NAS-BOWL, Ru et al., 2021)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from nasbench.predictors.encodings.flow import flow
from nasbench.predictors.inputs import Inputs
from nasbench.spaces.base import Space
from nasbench.spaces.features import ROWS_IN_CACHE
from nasbench.spaces.hashing import mix
from nasbench.types import BoolArray, FloatArray, GenotypeArray

LabelArray = npt.NDArray[np.uint64]
SUCCESSOR, PREDECESSOR = np.uint64(1), np.uint64(2)
"""Marks that tell a label that follows from one that leads to a node."""
CELLS_AT_ONCE = 256
"""Cells whose counts of all labels that they have are one array, of some megabytes."""


class Subtrees(NamedTuple):
    """Nodes of `n` cells and the labels that Weisfeiler-Lehman iterations give them, hashed to 64 bits.

    Labels mean the same in all cells, so cells that were never seen before can be compared with others.

    Attributes:
        labels: Label of each node after 0 to `h` iterations; shape `(n, 1 + h, v)`.
        nodes: True where there is a node; shape `(n, v)`.
    """

    labels: LabelArray
    nodes: BoolArray


def subtrees(space: Space, genotypes: GenotypeArray, iterations: int) -> Subtrees:
    """Labels of the nodes of `(n, d)` genotypes: at first their operation and the cell of the network they belong to.

    Nodes are the live ones of the flow; identities are replaced by the connections they make. A cell without any live
    node counts as a single node with a label of its own. Numeric attributes of nodes are left to other encodings.
    """
    parts = [
        _subtrees(space, genotypes[start : start + ROWS_IN_CACHE], iterations)
        for start in range(0, max(len(genotypes), 1), ROWS_IN_CACHE)
    ]
    return Subtrees(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def subtrees_of(inputs: Inputs, iterations: int) -> Subtrees:
    """The subtrees of canonical inputs; of those that are encoded as a whole, computed once."""
    if not inputs.whole:
        return subtrees(inputs.space, inputs.genotypes, iterations)
    everything, encoded, selected = inputs.whole
    name = f"subtrees/{iterations}"  # no feature has such a name
    if name not in encoded:
        encoded[name] = subtrees_of(everything, iterations)
    labels, nodes = encoded[name]
    return Subtrees(labels[selected], nodes[selected])


def _subtrees(space: Space, genotypes: GenotypeArray, iterations: int) -> Subtrees:
    cells = flow(space, genotypes)
    nodes = cells.live & ~cells.identity
    kinds = 1 + cells.labels.argmax(axis=2) + len(space.ops) * cells.cells
    labels = relabelled(np.where(nodes, kinds, 0).astype(np.uint64), cells.edges.astype(np.uint64), iterations)
    nodes[:, 0] |= ~nodes.any(axis=1)
    return Subtrees(labels, nodes)


def relabelled(labels: LabelArray, edges: LabelArray, iterations: int) -> LabelArray:
    """Labels after 0 to `h` iterations; shape `(n, 1 + h, v)`.

    In each, a node gets a hash of its label, of the multiset of its predecessors' labels, and of its successors'. The
    hash of a multiset is the sum of its members' hashes, so parallel edges count. Two different labels among `m` are
    equal with a probability below m^2 / 2^65.

    Args:
        labels: First labels; shape `(n, v)`.
        edges: Number of edges from node to node; shape `(n, v, v)`.
        iterations: `h`.
    """
    reverse = np.ascontiguousarray(edges.transpose(0, 2, 1))
    every = [labels]
    for _ in range(iterations):
        own = mix(labels)
        after = (edges @ mix(own ^ SUCCESSOR)[:, :, None])[:, :, 0]  # (n, v)
        before = (reverse @ mix(own ^ PREDECESSOR)[:, :, None])[:, :, 0]
        labels = mix(mix(own + before) + after)
        every.append(labels)
    return np.stack(every, axis=1)


def products(a: Subtrees, b: Subtrees) -> Iterator[FloatArray]:
    """Kernel of each iteration by itself, from 0 to h: the dot product of the counts of labels; shape `(n, m)`.

    A label that only one of two cells has adds nothing to their product.
    """
    for first, second in zip(a.labels.transpose(1, 0, 2), b.labels.transpose(1, 0, 2), strict=True):
        result = np.empty((len(first), len(second)))
        for start in range(0, len(first), CELLS_AT_ONCE):
            rows = slice(start, start + CELLS_AT_ONCE)
            names, counts = _counts(first[rows], a.nodes[rows])
            result[rows] = (_counts_of(names, second, b.nodes) @ counts).T
        yield result


def squares(cells: Subtrees) -> Iterator[FloatArray]:
    """Product of each cell with itself in each iteration, to which all its labels add; shape `(n,)`.

    It is the number of pairs of nodes, in either order, whose labels are equal.
    """
    both = cells.nodes[:, :, None] & cells.nodes[:, None, :]
    for labels in cells.labels.transpose(1, 0, 2):
        equal = both & (labels[:, :, None] == labels[:, None, :])
        yield np.count_nonzero(equal, axis=(1, 2)).astype(np.float64)


def similarities(a: Subtrees, b: Subtrees) -> Iterator[FloatArray]:
    """Normalised kernel of each iteration by itself, from 0 to h: 1 for equal counts; shape `(n, m)`."""
    for product, first, second in zip(products(a, b), squares(a), squares(b), strict=True):
        size = np.outer(first, second)
        yield np.divide(product, np.sqrt(size, out=size), out=size)


def _counts(labels: LabelArray, nodes: BoolArray) -> tuple[LabelArray, FloatArray]:
    """The labels that occur, increasing, and how many nodes of each cell have them; shape `(number of labels, n)`.

    Args:
        labels: Shape `(n, v)`.
        nodes: True where there is a node; shape `(n, v)`.
    """
    names, rows = np.unique(labels[nodes], return_inverse=True)
    counts = np.zeros((len(names), len(nodes)))
    np.add.at(counts, (rows, np.nonzero(nodes)[0]), 1.0)
    return names, counts


def _counts_of(names: LabelArray, labels: LabelArray, nodes: BoolArray) -> Any:
    """Number of nodes with each of the given labels, as a sparse matrix `(n, number of names)`; others do not count.

    Args:
        names: Labels, increasing; not empty.
        labels: Shape `(n, v)`.
        nodes: True where there is a node; shape `(n, v)`.
    """
    places = np.minimum(np.searchsorted(names, labels), len(names) - 1)
    known = nodes & (names[places] == labels)
    starts = np.concatenate([[0], known.sum(axis=1).cumsum()])
    columns = places[known]
    return csr_array((np.ones(len(columns)), columns, starts), shape=(len(labels), len(names)))
