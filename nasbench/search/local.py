"""Local search: move to better neighbours, restart at a local optimum (White et al., 2021, UAI, arXiv:2005.02960)."""

from __future__ import annotations

import math

from nasbench.search.base import Outcome, Strategy, Trial
from nasbench.search.seen import Seen
from nasbench.types import GenotypeArray

RESTART_SAMPLES = 32
"""Random samples of which a restart takes the first that is new."""


class LocalSearch(Strategy):
    """Hill climbing from the best initial design; an architecture (by key) is never evaluated twice.

    Algorithm 1 of the paper evaluates the whole neighbourhood before it moves to the best neighbour; the variant that
    moves to the first better one needs fewer evaluations and is the default here. A trial's tag is its number and the
    score that it has to beat.

    Args:
        full: Evaluate all neighbours before moving, as in Algorithm 1.
    """

    def __init__(self, full: bool = False) -> None:
        self.full = full

    def _start(self) -> None:
        self._seen = Seen(self.space, self.problem.initial)
        self._asked = 0
        self._restart()

    def _restart(self) -> None:
        self._best: GenotypeArray | None = None
        self._best_score = -math.inf
        self._neighbours: list[GenotypeArray] = []
        self._moved = False

    def _ask(self) -> Trial:
        if self._moved and self._best is not None and not (self.full and self._neighbours):
            self._moved = False
            new = self._seen.new(self.space.neighbours(self._best))
            self._neighbours = list(new[self.rng.permutation(len(new))])
        if self._neighbours:
            proposal = self._neighbours.pop()
            self._seen.add(proposal[None])
        else:
            self._restart()
            proposal = self._random_start()
        self._asked += 1
        return self.trial(proposal, tag=(self._asked, self._best_score))

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        # A late answer from before a restart has to beat the optimum whose neighbour it is, not only the new start.
        to_beat = -math.inf if trial.tag is None else trial.tag[1]
        if outcome.score > max(to_beat, self._best_score):
            self._best, self._best_score, self._moved = trial.architecture, outcome.score, True

    def _random_start(self) -> GenotypeArray:
        samples = self.space.sample(RESTART_SAMPLES, self.rng)
        new = self._seen.take(samples, 1)
        start: GenotypeArray = (new if len(new) else samples)[0]
        return start
