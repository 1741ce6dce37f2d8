"""Number of live operations with weights: a simple estimate that most zero-cost proxies do not beat."""

from __future__ import annotations

import numpy as np

from nasbench.predictors.encodings.base import Block, Cells, Encoding


class Layers(Encoding):
    """Number of live nodes whose operation has weights, one of the baselines of VKDNW (Tybl and Neumann, 2025)."""

    def encode(self, cells: Cells) -> Block:
        """Shape `(n, 1)`."""
        space, flow = cells.space, cells.flow
        without = {"input", "output", *space.zero_ops, *space.identity_ops, *space.weightless_ops}
        weighted = np.array([op not in without for op in space.ops])
        return Block.together(
            np.count_nonzero(flow.labels[:, :, weighted].any(axis=2) & flow.live, axis=1)[:, None] * 1.0
        )
