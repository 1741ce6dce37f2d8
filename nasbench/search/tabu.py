"""Tabu search: move to the best neighbour, better or not, that was not visited lately (Glover, 1989)."""

from __future__ import annotations

import math
from collections import deque

from nasbench.checks import check_flag, check_whole
from nasbench.search.base import Outcome, Strategy, Trial
from nasbench.search.known import KnownScores
from nasbench.types import GenotypeArray

MAX_FREE_MOVES = 64
"""Moves in a row to neighbourhoods without anything new before the search restarts at a random sample."""


class TabuSearch(Strategy):
    """Climbs from the best initial design; at a local optimum, moves on to its best neighbour that is not tabu.

    The last architectures that were visited are tabu. A neighbour whose score is known costs nothing, so that none is
    evaluated twice; those that break a constraint are left out. Before it moves on from a local optimum, the search
    waits for all neighbours that are still trained. A trial's tag is its number if it is a neighbour.

    Args:
        tenure: Number of moves for which an architecture is tabu.
        candidates: Most neighbours of an architecture that are evaluated, in random order; 0 for all.
        full: Evaluate all candidates before moving, instead of moving to the first that is better.
    """

    def __init__(self, tenure: int = 20, candidates: int = 0, full: bool = False) -> None:
        check_whole("tenure", tenure)
        check_whole("candidates", candidates, 0)
        check_flag("full", full)
        self.tenure, self.candidates, self.full = tenure, candidates, full

    def _start(self) -> None:
        self._known = KnownScores(self.problem)
        self._asked = self._running = 0  # neighbours; those that were not told yet
        self._restart()

    def _restart(self) -> None:
        self._tabu: deque[int] = deque(maxlen=self.tenure)  # keys
        self._score = -math.inf
        self._around: list[tuple[GenotypeArray, int]] = []  # neighbours of where the search is, with their keys
        self._queue: list[tuple[GenotypeArray, int]] = []  # those to evaluate

    def _ask(self) -> Trial | None:
        while not self._queue:
            if self._running:
                return None
            if not self._move_on():
                self._restart()
                return self.trial(self._known.sample(self.rng))
        neighbour, key = self._queue.pop()
        self._known.run(key)
        self._running += 1
        self._asked += 1
        return self.trial(neighbour, tag=self._asked)

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        self._running -= trial.tag is not None
        score = self._known.tell(trial.architecture, outcome.score)
        if score > self._score and not (self.full and trial.tag is not None):
            self._visit(trial.architecture, score)

    def _move_on(self) -> bool:
        """Move until a neighbour is new; false where all ways are tabu, or lead to nothing new."""
        for _ in range(MAX_FREE_MOVES):
            ways = [(self._known[key], row) for row, (_, key) in enumerate(self._around) if key not in self._tabu]
            best, row = max((way for way in ways if way[0] > -math.inf), default=(-math.inf, -1))
            if row < 0:
                return False
            self._visit(self._around[row][0], best)
            if self._queue:
                return True
        return False

    def _visit(self, architecture: GenotypeArray, score: float) -> None:
        self._score = score
        self._tabu.append(int(self.space.key(architecture[None])[0]))
        around = self._known.feasible(self.space.neighbours(architecture))
        around = around[self.rng.permutation(len(around))]
        self._around = list(zip(around, self.space.key(around).tolist(), strict=True))
        new = [neighbour for neighbour in self._around if neighbour[1] not in self._known]
        self._queue = new[: self.candidates] if self.candidates else new
