"""Asynchronous successive halving: train many briefly, promote the best of each rung (Li et al., 2020, MLSys)."""

from __future__ import annotations

import math
from bisect import insort

from nasbench.errors import InputError
from nasbench.search.base import Outcome, Strategy, Trial
from nasbench.search.seen import Seen
from nasbench.types import GenotypeArray

SAMPLES_AT_ONCE = 256


class ASHA(Strategy):
    """Random samples at the lowest rung; whatever is among the best 1/eta of its rung goes on to the next.

    A failed training counts among those of its rung and never goes on.
    Rungs are fidelities spaced by the factor eta, down from a full training. A trial's tag is its rung and its number.

    Args:
        eta: Factor between the epochs of two rungs, and between the numbers of trials that reach them.
    """

    def __init__(self, eta: int = 3) -> None:
        if eta < 2:
            raise InputError(f"eta is at least 2, got {eta}")
        self.eta = eta

    def _start(self) -> None:
        fidelities, level = self.problem.fidelities, float(self.problem.fidelities[-1])
        rungs = {fidelities[0]}
        while level >= fidelities[0]:
            rungs.add(min(epochs for epochs in fidelities if epochs >= level))
            level /= self.eta
        self._rungs = sorted(rungs)
        self._ranked: list[list[tuple[float, int, GenotypeArray]]] = [[] for _ in self._rungs]  # by -score, number
        self._promoted: set[tuple[int, int]] = set()
        self._seen, self._samples = Seen(self.space, self.problem.initial), list(self.problem.initial[:0])
        self._asked = 0

    def _design(self, architecture: GenotypeArray) -> Trial:
        return self._trial(architecture, 0)

    def _ask(self) -> Trial:
        for rung in reversed(range(len(self._rungs) - 1)):
            ranked = self._ranked[rung]
            for cost, number, architecture in ranked[: len(ranked) // self.eta]:
                if cost < math.inf and (rung, number) not in self._promoted:
                    self._promoted.add((rung, number))
                    return self._trial(architecture, rung + 1)
        if not self._samples:
            samples = self.space.sample(SAMPLES_AT_ONCE, self.rng)
            new = self._seen.take(samples)
            self._samples = list(new if len(new) else samples)
        return self._trial(self._samples.pop(), 0)

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        rung, number = trial.tag
        cost = math.inf if math.isnan(outcome.score) else -outcome.score
        insort(self._ranked[rung], (cost, number, trial.architecture))

    def _trial(self, architecture: GenotypeArray, rung: int) -> Trial:
        self._asked += 1
        return Trial(architecture, self._rungs[rung], (rung, self._asked))
