"""Asynchronous successive halving: train many briefly, promote the best of each rung (Li et al., 2020, MLSys)."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from heapq import heappop, heappush

from nasbench.checks import check_whole
from nasbench.search.base import Outcome, Strategy, Trial
from nasbench.search.rungs import rungs_of
from nasbench.search.seen import FreshSamples
from nasbench.types import GenotypeArray


class ASHA(Strategy):
    """Random samples at the lowest rung; whatever is among the best 1/eta of its rung goes on to the next.

    A failed training counts among those of its rung and never goes on.
    Rungs are fidelities spaced by the factor eta, down from a full training. A trial's tag is its rung and its number.

    Args:
        eta: Factor between the epochs of two rungs, and between the numbers of trials that reach them.
    """

    def __init__(self, eta: int = 3) -> None:
        check_whole("eta", eta, 2)
        self.eta = eta

    def _start(self) -> None:
        self._rungs = rungs_of(self.problem.fidelities, self.eta)
        self._top = len(self._rungs) - 1  # number of the highest rung that trials go on to
        self._ranked: list[list[tuple[float, int]]] = [[] for _ in self._rungs]  # of a rung: -score and number, sorted
        self._staying: list[list[tuple[float, int, GenotypeArray]]] = [[] for _ in self._rungs]  # not promoted; heaps
        self._samples = FreshSamples(self.space, self.problem.initial, self.rng)
        self._asked = 0

    def _design(self, architecture: GenotypeArray) -> Trial:
        return self._trial(architecture, 0)

    def _ask(self) -> Trial:
        for rung in reversed(range(self._top)):
            ranked, staying = self._ranked[rung], self._staying[rung]
            if staying and bisect_left(ranked, staying[0][:2]) < len(ranked) // self.eta:
                return self._trial(heappop(staying)[2], rung + 1)
        return self._trial(self._samples.draw(), 0)

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        rung, number = trial.tag
        failed = math.isnan(outcome.score)
        cost = math.inf if failed else -outcome.score
        insort(self._ranked[rung], (cost, number))
        if not failed:
            heappush(self._staying[rung], (cost, number, trial.architecture))

    def _trial(self, architecture: GenotypeArray, rung: int) -> Trial:
        self._asked += 1
        return Trial(architecture, self._rungs[rung], (rung, self._asked))
