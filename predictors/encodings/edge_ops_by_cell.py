"""Connections of the flow within each cell of a network, by the operations at their ends."""

from __future__ import annotations

import numpy as np

from nasbench.predictors.encodings.base import Block, Cells, Encoding


class EdgeOpsByCell(Encoding):
    """Number of connections from each operation to each, within each cell; each cell is a group."""

    def encode(self, cells: Cells) -> Block:
        """Shape `(n, cells * ops * ops)`."""
        labels = np.split(cells.labels_by_cell, max(cells.space.node_cells) + 1, axis=2)
        counts = np.stack([part.transpose(0, 2, 1) @ cells.flow.edges @ part for part in labels], axis=1)
        n, number, ops, _ = counts.shape
        return Block(counts.reshape(n, number * ops * ops), np.repeat(np.arange(number), ops * ops))
