"""Synchronous successive halving, one bracket after the other (Jamieson & Talwalkar, 2016, AISTATS)."""

from __future__ import annotations

from nasbench.checks import check_whole
from nasbench.search.brackets import Bracketed
from nasbench.search.rungs import sizes_of


class SuccessiveHalving(Bracketed):
    """Brackets of uniform samples, each from the lowest rung to a full training of the best.

    The paper spends one bracket on the whole budget; here brackets of the same size follow each other, because a
    strategy does not know how many it can afford.

    Args:
        eta: Factor between the epochs of two rungs, and between the numbers of trials that reach them.
        size: Architectures that start a bracket; by default as many as leave one for a full training.
    """

    def __init__(self, eta: int = 3, size: int | None = None) -> None:
        super().__init__(eta)
        if size is not None:
            check_whole("size", size)
        self.size = size

    def _sizes(self, opened: int) -> list[int]:
        rungs = len(self._rungs)
        return sizes_of(self.eta ** (rungs - 1) if self.size is None else self.size, rungs, self.eta)
