"""Flat encodings of genotypes that every space has: one-hot options, operation counts, adjacency, node values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from nasbench.types import BoolArray, FloatArray, GenotypeArray

if TYPE_CHECKING:
    from nasbench.spaces.base import Space
    from nasbench.spaces.values import AdjacencyArrays

ROWS_IN_CACHE = 4_096
"""Genotypes encoded at a time, so that what is computed of them stays in the processor's cache."""


def onehot(space: Space, genotypes: GenotypeArray) -> FloatArray:
    """Option at each position of `(n, d)` genotypes, one-hot; shape `(n, sum(cardinalities))`."""
    width, starts = sum(space.cardinalities), np.cumsum((0, *space.cardinalities[:-1]))
    encoded = np.zeros((len(genotypes), width))
    places = np.arange(min(len(genotypes), ROWS_IN_CACHE))[:, None] * width + starts
    for first in range(0, len(genotypes), ROWS_IN_CACHE):
        rows = genotypes[first : first + ROWS_IN_CACHE]
        encoded[first : first + ROWS_IN_CACHE].reshape(-1)[places[: len(rows)] + rows] = 1.0
    return encoded


def counts(space: Space, genotypes: GenotypeArray) -> FloatArray:
    """Number of nodes of each op in `(n, d)` genotypes; shape `(n, len(ops))`."""
    nodes: FloatArray = _labels(space, space.adjacency_arrays(genotypes)).sum(axis=1).astype(np.float64)
    return nodes


def adjacency(space: Space, genotypes: GenotypeArray) -> FloatArray:
    """Upper triangle of the adjacency matrix of `(n, d)` genotypes, then the op of each node one-hot.

    Shape `(n, v (v - 1) / 2 + v len(ops))` with `v = max_nodes`.
    """
    graphs, v = space.adjacency_arrays(genotypes), space.max_nodes
    upper = graphs.adjacency[:, *np.triu_indices(v, 1)]  # (n, v (v - 1) / 2)
    labels = _labels(space, graphs).reshape(len(genotypes), v * len(space.ops))
    return np.concatenate([upper, labels], axis=1).astype(np.float64)


def values(space: Space, genotypes: GenotypeArray) -> FloatArray:
    """Numeric attributes of `(n, d)` genotypes, node by node; shape `(n, max_nodes len(attributes))`."""
    return space.node_values(genotypes).reshape(len(genotypes), space.max_nodes * len(space.attributes))


def _labels(space: Space, graphs: AdjacencyArrays) -> BoolArray:
    """Op of each node, one-hot, all false where there is no node; shape `(n, v, len(ops))`."""
    labels: BoolArray = (graphs.ops[:, :, None] == np.arange(len(space.ops))) & graphs.mask[:, :, None]
    return labels


ENCODERS: dict[str, Callable[[Space, GenotypeArray], FloatArray]] = {
    "onehot": onehot,
    "counts": counts,
    "adjacency": adjacency,
    "values": values,
}
"""Encoders by the name of their encoding."""
