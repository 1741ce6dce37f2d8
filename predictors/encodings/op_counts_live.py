"""Live nodes by operation: nodes that information passes through."""

from __future__ import annotations

from nasbench.predictors.encodings.base import Block, Cells, Encoding


class LiveOpCounts(Encoding):
    """Number of live nodes of each operation; each operation is a group."""

    def encode(self, cells: Cells) -> Block:
        """Shape `(n, ops)`."""
        flow = cells.flow
        return Block.apart((flow.labels * flow.live[:, :, None]).sum(axis=1))
