"""Random search: uniform samples, none proposed twice (Li & Talwalkar, 2019, UAI, arXiv:1902.07638)."""

from __future__ import annotations

import sys

from nasbench.checks import check_flag
from nasbench.search.base import Strategy, Trial
from nasbench.search.seen import SAMPLES_AT_ONCE, FreshSamples
from nasbench.types import GenotypeArray


class RandomSearch(Strategy):
    """Uniform sampling without replacement; repeats only when a block of samples holds nothing new.

    Args:
        replacement: Sample with replacement: an architecture may be proposed, and paid for, again.
    """

    max_objectives = sys.maxsize
    replacement = False  # of subclasses with a constructor of their own, too

    def __init__(self, replacement: bool = False) -> None:
        check_flag("replacement", replacement)
        self.replacement = replacement

    def _start(self) -> None:
        self._fresh = FreshSamples(self.space, self.problem.initial, self.rng)
        self._block: list[GenotypeArray] = []

    def _ask(self) -> Trial:
        if not self.replacement:
            return self.trial(self._fresh.draw())
        if not self._block:
            self._block = list(self.space.sample(SAMPLES_AT_ONCE, self.rng))
        return self.trial(self._block.pop())
