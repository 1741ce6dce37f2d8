"""PASHA: ASHA whose highest rung grows until the ranking of the two top rungs is stable (Bohdal et al., 2023, ICLR)."""

from __future__ import annotations

import math

import numpy as np

from nasbench.checks import check_number
from nasbench.search.asha import ASHA
from nasbench.search.base import Outcome, Trial
from nasbench.types import FloatArray, IntArray


class PASHA(ASHA):
    """Promotions as in `asha`, at first to the second rung only.

    Whenever a trial of the highest rung is told, those that finished there are ranked by their scores, and ranked again
    by the scores that they had one rung below. If the rankings differ, promotions reach one rung further. Scores no
    more than epsilon apart count as equal: epsilon is a percentile of the differences between trials whose curves cross
    at least twice, which noise explains, and 0 where none do or where longer trainings do not continue shorter ones.
    Failed trainings are not ranked.

    Where rankings are stable nothing is ever trained in full: the result of a run should be trained anew.

    Args:
        eta: Factor between the epochs of two rungs, and between the numbers of trials that reach them.
        percentile: Percentile of the differences that is epsilon.
    """

    def __init__(self, eta: int = 3, percentile: float = 90) -> None:
        super().__init__(eta)
        check_number("percentile", percentile, least=0, most=100)
        self.percentile = percentile

    def _start(self) -> None:
        super()._start()
        self._top = min(1, len(self._rungs) - 1)
        self._scores: list[dict[bytes, float]] = [{} for _ in self._rungs]  # of a rung, by architecture; none failed
        self._curves: list[FloatArray] = []  # of trials that finished at the top, each up to there
        self._noise: list[float] = []  # differences at the top between those whose curves cross twice

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        super()._tell(trial, outcome)
        rung, _ = trial.tag
        if math.isnan(outcome.score):
            return
        self._scores[rung][trial.architecture.tobytes()] = outcome.score
        if rung == self._top < len(self._rungs) - 1:
            self._compare(outcome.curve)
            if not self._stable():
                self._top += 1
                self._curves, self._noise = [], []

    def _compare(self, curve: FloatArray) -> None:
        """Learn noise from the curve `(e,)` of a trial that finished at the top, beside those that did before."""
        if self._curves:
            differences = np.array(self._curves) - curve  # (trials, e)
            self._noise += np.abs(differences[crossings(differences) > 1, -1]).tolist()
        self._curves.append(curve)

    def _stable(self) -> bool:
        top, below = self._scores[self._top], self._scores[self._top - 1]
        epsilon = float(np.percentile(self._noise, self.percentile)) if self._noise else 0.0
        return same_ranking(np.array([below[name] for name in top]), np.array(list(top.values())), epsilon)


def crossings(differences: FloatArray) -> IntArray:
    """How often curves cross, `(n,)`, from their differences `(n, e)`; a touch is no crossing, NaN is passed over."""
    side, result = np.zeros(len(differences)), np.zeros(len(differences), dtype=np.int64)
    for column in np.sign(np.nan_to_num(differences)).T:
        result += column * side < 0
        side = np.where(column, column, side)
    return result


def same_ranking(lower: FloatArray, upper: FloatArray, epsilon: float) -> bool:
    """Whether scores `(n,)` at an upper rung rank trials as those at the lower rung `(n,)` do.

    At each place of the two rankings stand trials whose lower scores are no more than `epsilon` apart.
    """
    by_upper = np.lexsort((-lower, -upper))  # equal ones as the lower rung has them
    return bool((np.abs(lower[by_upper] - np.sort(lower)[::-1]) <= epsilon).all())
