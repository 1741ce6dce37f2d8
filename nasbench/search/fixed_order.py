"""Base of baselines that order architectures before a run and learn nothing during it (Lindauer & Hutter, 2020)."""

from __future__ import annotations

import sys
from abc import abstractmethod

from nasbench.search.base import Strategy, Trial
from nasbench.search.seen import Seen
from nasbench.types import GenotypeArray

ROWS_AT_ONCE = 256


class FixedOrder(Strategy):
    """Proposes the architectures of `_order` once each, without the initial designs, and then begins again.

    Architectures that break a constraint are left out, unless all do.
    """

    max_objectives = sys.maxsize

    def _start(self) -> None:
        self._rows = self.problem.feasible_or_all(self._order())
        self._at, self._seen = 0, Seen(self.space, self.problem.initial)
        self._block: list[GenotypeArray] = []

    def _ask(self) -> Trial:
        while not self._block:
            if self._at >= len(self._rows):
                self._at, self._seen = 0, Seen(self.space, self._rows[:0])
            rows = self._rows[self._at : self._at + ROWS_AT_ONCE]  # few at once because a run may need few
            self._block = list(self._seen.take(rows)[::-1])
            self._at += ROWS_AT_ONCE
        return self.trial(self._block.pop())

    @abstractmethod
    def _order(self) -> GenotypeArray:
        """Architectures `(n, d)` in the order in which they are proposed; at least one."""
