"""Random search: uniform samples, none proposed twice (Li & Talwalkar, 2019, UAI, arXiv:1902.07638)."""

from __future__ import annotations

import sys

from nasbench.search.base import Strategy, Trial
from nasbench.search.seen import FreshSamples


class RandomSearch(Strategy):
    """Uniform sampling without replacement; repeats only when a block of samples holds nothing new."""

    max_objectives = sys.maxsize

    def _start(self) -> None:
        self._samples = FreshSamples(self.space, self.problem.initial, self.rng)

    def _ask(self) -> Trial:
        return self.trial(self._samples.draw())
