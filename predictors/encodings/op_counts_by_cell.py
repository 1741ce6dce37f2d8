"""Live nodes by operation in each cell of a network, as a normal and a reduction cell."""

from __future__ import annotations

from nasbench.predictors.encodings.base import Block, Cells, Encoding


class LiveOpCountsByCell(Encoding):
    """Number of live nodes of each operation in each cell; each is a group."""

    def encode(self, cells: Cells) -> Block:
        """Shape `(n, cells * ops)`."""
        return Block.apart((cells.labels_by_cell * cells.flow.live[:, :, None]).sum(axis=1))
