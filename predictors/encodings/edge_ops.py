"""Connections of the flow by the operations at their ends."""

from __future__ import annotations

from nasbench.predictors.encodings.base import Block, Cells, Encoding


class EdgeOps(Encoding):
    """Number of connections from each operation to each; one group."""

    def encode(self, cells: Cells) -> Block:
        """Shape `(n, ops * ops)`."""
        flow = cells.flow
        counts = flow.labels.transpose(0, 2, 1) @ flow.edges @ flow.labels  # (n, ops, ops)
        return Block.together(counts.reshape(len(counts), counts.shape[1] * counts.shape[2]))
