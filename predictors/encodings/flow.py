"""Flow of information through cells: no dead nodes, and identities replaced by the connections they make.

An operation that no information passes through says nothing about accuracy, and an identity only says who is connected
with whom. On NAS-Bench-201 the flow explains far more per training architecture than the one-hot encoding does.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nasbench.spaces.base import Space
from nasbench.types import BoolArray, FloatArray, GenotypeArray, IntArray


class Flow(NamedTuple):
    """Information flow through `n` cells of at most `v` nodes, in an order in which edges lead to later nodes.

    Attributes:
        edges: Number of paths from node to node that lead through identities only; shape `(n, v, v)`.
        labels: Each node's operation, one-hot; zero where there is no node; shape `(n, v, ops)`.
        live: Nodes on an open path from an input to an output; shape `(n, v)`.
        inputs: Live nodes that nothing leads to; shape `(n, v)`.
        outputs: Live nodes that lead to nothing; shape `(n, v)`.
        identity: Live nodes whose operation is the identity; shape `(n, v)`.
        cells: The cell of the network that each node belongs to, as in `Space.node_cells`; shape `(n, v)`.
    """

    edges: FloatArray
    labels: FloatArray
    live: BoolArray
    inputs: BoolArray
    outputs: BoolArray
    identity: BoolArray
    cells: IntArray


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
    parts = np.broadcast_to(np.array(space.node_cells), live.shape)
    result = Flow(total, labels, live, inputs & live, outputs & live, identity, parts)
    return _sorted(result) if np.tril(total).any() else result


def _sorted(cells: Flow) -> Flow:
    """The same flow, its nodes by the length of the longest path that leads to them."""
    depth: FloatArray = np.zeros(cells.live.shape)
    for _ in range(depth.shape[1] - 1):
        depth = np.maximum(depth, ((depth + 1)[:, :, None] * (cells.edges > 0)).max(axis=1))
    order = depth.argsort(axis=1, kind="stable")
    rows = np.arange(len(order))[:, None]
    return Flow(
        cells.edges[rows[:, :, None], order[:, :, None], order[:, None, :]],
        cells.labels[rows, order],
        cells.live[rows, order],
        cells.inputs[rows, order],
        cells.outputs[rows, order],
        cells.identity[rows, order],
        cells.cells[rows, order],
    )
