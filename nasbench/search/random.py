"""Random search: uniform samples, none proposed twice (Li & Talwalkar, 2019, UAI, arXiv:1902.07638)."""

from __future__ import annotations

import sys

from nasbench.search.base import Strategy, Trial
from nasbench.search.seen import Seen
from nasbench.types import GenotypeArray

SAMPLES_AT_ONCE = 256


class RandomSearch(Strategy):
    """Uniform sampling without replacement; repeats only when a block of samples holds nothing new."""

    max_objectives = sys.maxsize

    def _start(self) -> None:
        self._seen = Seen(self.space, self.problem.initial)
        self._block: list[GenotypeArray] = []

    def _ask(self) -> Trial:
        if not self._block:  # drawn in a block because one call for many is cheap
            samples = self.space.sample(SAMPLES_AT_ONCE, self.rng)
            new = self._seen.take(samples)
            self._block = list(new if len(new) else samples)
        return self.trial(self._block.pop())
