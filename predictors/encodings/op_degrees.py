"""Connections of the flow that enter and leave operations, in each cell of a network."""

from __future__ import annotations

import numpy as np

from nasbench.predictors.encodings.base import Block, Cells, Encoding


class OpDegrees(Encoding):
    """Number of different nodes that live nodes of each operation lead to, and are reached from; two groups."""

    def encode(self, cells: Cells) -> Block:
        """Shape `(n, 2 * cells * ops)`: successors, then predecessors."""
        labels, connected = cells.labels_by_cell, cells.flow.edges > 0
        degrees = np.stack([connected.sum(axis=2), connected.sum(axis=1)], axis=1)  # (n, 2, v)
        values = degrees.astype(np.float64) @ labels  # (n, 2, cells * ops)
        n, _, width = values.shape
        return Block(values.reshape(n, 2 * width), np.repeat([0, 1], width))
