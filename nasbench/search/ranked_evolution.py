"""Ageing evolution (Real et al., 2019) with tournaments by non-dominated rank, then crowding (Deb et al., 2002)."""

from __future__ import annotations

from collections import deque

import numpy as np

from nasbench.checks import check_whole
from nasbench.search.base import Outcome, Strategy, Trial
from nasbench.search.nsga2 import feasible_child, ranked
from nasbench.types import GenotypeArray, IntArray


class RankedEvolution(Strategy):
    """Regularised evolution for several objectives: the oldest dies, however good it is.

    Failed trials rank last. Children that break a constraint are drawn again, a few times.

    Args:
        population: Size of the population; the oldest individual dies when another is told. The first individuals are
            the initial designs and random samples.
        sample: Individuals in a tournament, drawn with replacement; the best is mutated once.
    """

    max_objectives = 8

    def __init__(self, population: int = 20, sample: int = 5) -> None:
        check_whole("population", population)
        check_whole("sample", sample)
        self.population, self.sample = population, sample

    def _start(self) -> None:
        self._alive: deque[tuple[tuple[float, ...], GenotypeArray]] = deque(maxlen=self.population)
        self._order: IntArray | None = None  # of those alive, best first, until another is told
        self._random = self.population - len(self.problem.initial)  # samples that complete the first generation

    def _ask(self) -> Trial:
        if self._random > 0 or not self._alive:
            self._random -= 1
            return self.trial(self.space.sample(1, self.rng)[0])
        if self._order is None:
            self._order = ranked(np.array([scores for scores, _ in self._alive]))
        return self.trial(feasible_child(self.problem, self._child)[0])

    def _child(self) -> GenotypeArray:
        assert self._order is not None
        winner = self._order[self.rng.integers(len(self._order), size=self.sample).min()]
        return self.space.mutate(self._alive[winner][1][None], self.rng)

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        self._alive.append((outcome.scores, trial.architecture))
        self._order = None
