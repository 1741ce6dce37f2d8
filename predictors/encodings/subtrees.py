"""Weisfeiler-Lehman subtree kernel of cells (Shervashidze et al., 2011; on cells NAS-BOWL, Ru et al., 2021)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from nasbench.predictors.encodings.flow import flow
from nasbench.spaces.base import Space
from nasbench.spaces.features import ROWS_IN_CACHE
from nasbench.spaces.hashing import mix
from nasbench.types import BoolArray, FloatArray, GenotypeArray

LabelArray = npt.NDArray[np.uint64]
SUCCESSOR, PREDECESSOR = np.uint64(1), np.uint64(2)
"""Marks that tell a label that follows from one that leads to a node."""


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
    nodes = np.concatenate([a.nodes, b.nodes])
    for labels in np.concatenate([a.labels, b.labels]).transpose(1, 0, 2):
        counts = _counts(labels, nodes)
        yield (counts[: len(a.nodes)] @ counts[len(a.nodes) :].T).toarray()


def squares(cells: Subtrees) -> Iterator[FloatArray]:
    """Product of each cell with itself in each iteration, to which all its labels add; shape `(n,)`."""
    for labels in cells.labels.transpose(1, 0, 2):
        yield _counts(labels, cells.nodes).power(2).sum(axis=1)


def similarities(a: Subtrees, b: Subtrees) -> Iterator[FloatArray]:
    """Normalised kernel of each iteration by itself, from 0 to h: 1 for equal counts; shape `(n, m)`."""
    for product, first, second in zip(products(a, b), squares(a), squares(b), strict=True):
        yield product / np.sqrt(np.outer(first, second))


def _counts(labels: LabelArray, nodes: BoolArray) -> Any:
    """Number of nodes with each label that occurs, as a sparse matrix `(n, number of labels)`.

    Args:
        labels: Shape `(n, v)`.
        nodes: True where there is a node; shape `(n, v)`.
    """
    names, columns = np.unique(labels[nodes], return_inverse=True)
    starts = np.concatenate([[0], nodes.sum(axis=1).cumsum()])
    counts = csr_array((np.ones(len(columns)), columns, starts), shape=(len(nodes), len(names)))
    counts.sum_duplicates()
    return counts
