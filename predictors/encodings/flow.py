"""Flow of information through cells: no dead nodes, and identities replaced by the connections they make.

An operation that no information passes through says nothing about accuracy, and an identity only says who is connected
with whom. On NAS-Bench-201 the flow explains far more per training architecture than the one-hot encoding does.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nasbench.spaces.base import Space
from nasbench.types import BoolArray, FloatArray, GenotypeArray


class Flow(NamedTuple):
    """Information flow through `n` cells of at most `v` nodes.

    Attributes:
        edges: Number of paths from node to node that lead through identities only; shape `(n, v, v)`.
        labels: Each node's operation, one-hot; zero where there is no node; shape `(n, v, ops)`.
        live: Nodes on an open path from an input to an output; shape `(n, v)`.
        inputs: Live nodes that nothing leads to; shape `(n, v)`.
        outputs: Live nodes that lead to nothing; shape `(n, v)`.
        identity: Live nodes whose operation is the identity; shape `(n, v)`.
    """

    edges: FloatArray
    labels: FloatArray
    live: BoolArray
    inputs: BoolArray
    outputs: BoolArray
    identity: BoolArray


def flow(space: Space, genotypes: GenotypeArray) -> Flow:
    """The flow of `(n, d)` genotypes."""
    adjacency, ops, mask = space.adjacency_arrays(genotypes)
    inputs, outputs = mask & ~adjacency.any(axis=1), mask & ~adjacency.any(axis=2)
    passing = mask & ~np.isin(ops, [space.ops.index(op) for op in space.zero_ops])
    edges = adjacency & passing[:, :, None] & passing[:, None, :]
    forward, backward = inputs & passing, outputs & passing
    for _ in range(space.max_nodes - 1):
        forward = forward | (forward[:, None, :] @ edges)[:, 0]
        backward = backward | (edges @ backward[:, :, None])[:, :, 0]
    live = forward & backward
    identity = live & np.isin(ops, [space.ops.index(op) for op in space.identity_ops])
    direct = (edges & live[:, :, None] & live[:, None, :]).astype(np.float64)
    total = step = direct
    while (step := (step * identity[:, None, :]) @ direct).any():  # one more identity on the way
        total = total + step
    total = total * ~identity[:, :, None] * ~identity[:, None, :]
    labels = ((ops[:, :, None] == np.arange(len(space.ops))) & mask[:, :, None]).astype(np.float64)
    return Flow(total, labels, live, inputs & live, outputs & live, identity)
