"""Hyperband: brackets of successive halving that start at every rung in turn (Li et al., 2018, JMLR 18)."""

from __future__ import annotations

from nasbench.search.brackets import Bracketed
from nasbench.search.rungs import sizes_of


class Hyperband(Bracketed):
    """From many short trainings to few full ones, bracket by bracket, then anew; uniform samples.

    The sizes are those of Algorithm 1: with s rungs above its lowest, a bracket starts with
    ceil((s_max + 1) eta^s / (s + 1)) architectures, so that all brackets train for about as many epochs.

    Args:
        eta: Factor between the epochs of two rungs, and between the numbers of trials that reach them.
    """

    def _sizes(self, opened: int) -> list[int]:
        rungs = len(self._rungs)
        above = rungs - 1 - opened % rungs  # rungs above the lowest one of this bracket
        return sizes_of(-(-rungs * self.eta**above // (above + 1)), above + 1, self.eta)
