"""Local search: move to better neighbours, restart at a local optimum (White et al., 2021, UAI, arXiv:2005.02960)."""

from __future__ import annotations

import math

from nasbench.checks import check_flag
from nasbench.search.base import Outcome, Strategy, Trial
from nasbench.search.seen import Seen
from nasbench.types import GenotypeArray


class LocalSearch(Strategy):
    """Hill climbing from the best initial design; an architecture (by key) is never evaluated twice.

    Algorithm 1 of the paper evaluates the whole neighbourhood before it moves to the best neighbour; the variant that
    moves to the first better one needs fewer evaluations and is the default here. Before a restart it waits for all
    neighbours that are still trained. A trial's tag is its number and whether it is a neighbour.

    Args:
        full: Evaluate all neighbours before moving, as in Algorithm 1.
    """

    def __init__(self, full: bool = False) -> None:
        check_flag("full", full)
        self.full = full

    def _start(self) -> None:
        self._seen = Seen(self.space, self.problem.initial)
        self._asked = self._running = 0  # trials; neighbours that were not told yet
        self._restart()

    def _restart(self) -> None:
        self._best_score = -math.inf
        self._neighbours: list[GenotypeArray] = []
        self._moved = False

    def _ask(self) -> Trial | None:
        if self._moved and not (self.full and (self._neighbours or self._running)):
            self._moved = False
            new = self._seen.new(self.space.neighbours(self._best))
            self._neighbours = list(new[self.rng.permutation(len(new))])
        climbs = bool(self._neighbours)
        if climbs:
            proposal = self._neighbours.pop()
            self._seen.add(proposal[None])
            self._running += 1
        elif self._running:
            return None
        else:
            self._restart()
            proposal = self._seen.sample(self.rng)
        self._asked += 1
        return self.trial(proposal, tag=(self._asked, climbs))

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        self._running -= trial.tag is not None and trial.tag[1]
        if outcome.score > self._best_score:
            self._best, self._best_score, self._moved = trial.architecture, outcome.score, True
