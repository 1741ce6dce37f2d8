"""Regularised evolution: tournaments in a population that loses its oldest (Real et al., 2019, AAAI, Algorithm 1)."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator

from nasbench.checks import check_whole
from nasbench.search.base import Outcome, Strategy, Trial
from nasbench.types import GenotypeArray

DRAWS_AT_ONCE = 512


class RegularisedEvolution(Strategy):
    """Ageing evolution without crossover.

    Args:
        population: Size of the population; the oldest individual dies when another is told. The first individuals are
            the initial designs and random samples.
        sample: Individuals in a tournament, drawn with replacement; the best is mutated once.
    """

    def __init__(self, population: int = 10, sample: int = 3) -> None:
        check_whole("population", population)
        check_whole("sample", sample)
        self.population, self.sample = population, sample

    def _start(self) -> None:
        self._alive: deque[tuple[float, GenotypeArray]] = deque(maxlen=self.population)
        self._random = self.population - len(self.problem.initial)  # samples that complete the first generation
        self._draws: Iterator[float] = iter(())

    def _ask(self) -> Trial:
        if self._random > 0 or not self._alive:
            self._random -= 1
            return self.trial(self.space.sample(1, self.rng)[0])
        alive = self._alive
        best, parent = alive[int(self._uniform() * len(alive))]
        for _ in range(self.sample - 1):
            score, rival = alive[int(self._uniform() * len(alive))]
            if score > best:
                best, parent = score, rival
        return self.trial(self.space.mutate(parent[None], self.rng)[0])

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        self._alive.append((-math.inf if math.isnan(outcome.score) else outcome.score, trial.architecture))

    def _uniform(self) -> float:
        """A number in [0, 1); from blocks, because numpy spends most of a call on overhead."""
        value = next(self._draws, None)
        if value is None:
            self._draws = iter(self.rng.random(DRAWS_AT_ONCE).tolist())
            value = next(self._draws)
        return value
