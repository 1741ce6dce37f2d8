"""Paths of the flow from input to output, by length."""

from __future__ import annotations

import numpy as np

from nasbench.predictors.encodings.base import Block, Cells, Encoding


class PathCounts(Encoding):
    """log(1 + number) of the paths of each length; one group."""

    def encode(self, cells: Cells) -> Block:
        """Shape `(n, v - 1)` for cells of at most `v` nodes."""
        flow = cells.flow
        reached, counts = flow.inputs[:, None, :].astype(np.float64), []
        for _ in range(flow.live.shape[1] - 1):
            reached = reached @ flow.edges  # (n, 1, v)
            counts.append((reached[:, 0] * flow.outputs).sum(axis=1))
        return Block.together(np.log1p(np.stack(counts, axis=1)))
