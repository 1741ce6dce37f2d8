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
    live = _reached(edges, inputs & passing) & _reached(edges.transpose(0, 2, 1), outputs & passing)
    identity = live & np.isin(ops, [space.ops.index(op) for op in space.identity_ops])
    direct = (edges & live[:, :, None] & live[:, None, :]).astype(np.float64)
    total, rows = direct.copy(), np.flatnonzero(identity.any(axis=1))
    step = direct[rows]
    while len(rows):  # one more identity on the way
        step = (step * identity[rows, None, :]) @ direct[rows]
        goes_on = step.any(axis=(1, 2))
        rows, step = rows[goes_on], step[goes_on]
        total[rows] += step
    total = total * ~identity[:, :, None] * ~identity[:, None, :]
    labels = ((ops[:, :, None] == np.arange(len(space.ops))) & mask[:, :, None]).astype(np.float64)
    parts = np.broadcast_to(np.array(space.node_cells), live.shape)
    result = Flow(total, labels, live, inputs & live, outputs & live, identity, parts)
    return _sorted(result) if np.tril(total).any() else result


def _reached(edges: BoolArray, start: BoolArray) -> BoolArray:
    """Nodes `(n, v)` that edges `(n, v, v)` lead to from some of them, and these.

    Cells lie along the last axis, on which arithmetic is fast.
    """
    leads, reached = np.ascontiguousarray(edges.transpose(1, 2, 0)), np.ascontiguousarray(start.T)  # (v, v, n), (v, n)
    for _ in range(len(reached) - 1):
        further = reached | (reached[:, None] & leads).any(axis=0)
        if (further == reached).all():
            break
        reached = further
    return np.ascontiguousarray(reached.T)


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
