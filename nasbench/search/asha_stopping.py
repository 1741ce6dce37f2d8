"""Stopping variant of ASHA: trials train on unless they are among the worse of a rung (Li et al., 2020, MLSys)."""

from __future__ import annotations

import math
from bisect import bisect_left, insort

from nasbench.checks import check_whole
from nasbench.search.base import Strategy, Trial
from nasbench.search.rungs import rungs_of
from nasbench.search.seen import FreshSamples
from nasbench.types import GenotypeArray


class StoppingASHA(Strategy):
    """Random samples that start a full training; each stops at the first rung where it is not among the best 1/eta.

    What counts is the rank at that moment: of k trials that have reached the rung, the newest included, the best
    floor(k / eta) go on, and the best one always. Of equal scores the earlier is better, failed trainings are last and
    always stop. No trial is ever taken up again, in contrast to the promotion of `asha`.

    Where longer trainings do not continue shorter ones nothing can be stopped, and this is random search. A trial's tag
    is its number.

    Args:
        eta: Factor between the epochs of two rungs, and between the numbers of trials that go on.
    """

    def __init__(self, eta: int = 3) -> None:
        check_whole("eta", eta, 2)
        self.eta = eta

    def _start(self) -> None:
        rungs = rungs_of(self.problem.fidelities, self.eta)[:-1]
        self._ranked: dict[int, list[tuple[float, int]]] = {epochs: [] for epochs in rungs}  # -score, arrival; sorted
        self._samples = FreshSamples(self.space, self.problem.initial, self.rng)
        self._asked = 0

    def _design(self, architecture: GenotypeArray) -> Trial:
        self._asked += 1
        return self.trial(architecture, self._asked)

    def _ask(self) -> Trial:
        return self._design(self._samples.draw())

    def _goes_on(self, trial: Trial, epoch: int, scores: tuple[float, ...]) -> bool:
        if epoch not in self._ranked:
            return True
        ranked, failed = self._ranked[epoch], math.isnan(scores[0])
        reached = (math.inf if failed else -scores[0], len(ranked))
        insort(ranked, reached)
        return not failed and bisect_left(ranked, reached) < max(len(ranked) // self.eta, 1)
