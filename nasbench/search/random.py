"""Random search: uniform samples, none proposed twice (Li & Talwalkar, 2019, UAI, arXiv:1902.07638)."""

from __future__ import annotations

import numpy as np

from nasbench.search.base import Strategy, Trial
from nasbench.types import GenotypeArray

BLOCK = 256


class RandomSearch(Strategy):
    """Uniform sampling without replacement; repeats only when a block of samples holds nothing new."""

    def _start(self) -> None:
        self._seen = set(self.space.key(np.array(self._initial)).tolist()) if self._initial else set()
        self._block: list[GenotypeArray] = []

    def _ask(self) -> Trial:
        if not self._block:
            self._block = self._draw()
        return Trial(self._block.pop(), self.epochs)

    def _draw(self) -> list[GenotypeArray]:
        """Unseen architectures in random order; drawn in a block because one call for many is cheap."""
        samples = self.space.sample(BLOCK, self.rng)
        fresh = {key: row for row, key in enumerate(self.space.key(samples).tolist()) if key not in self._seen}
        self._seen |= fresh.keys()
        return list(samples[list(fresh.values())]) if fresh else list(samples)
