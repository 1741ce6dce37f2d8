"""Regularised evolution: tournaments in a population that loses its oldest (Real et al., 2019, AAAI, Algorithm 1)."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator

from nasbench.errors import InputError
from nasbench.search.base import Strategy, Trial
from nasbench.types import GenotypeArray

BLOCK = 512


class RegularisedEvolution(Strategy):
    """Ageing evolution without crossover.

    Args:
        population: Architectures that live at a time; the oldest dies when another is told. The first that are
            evaluated are the initial designs and random samples.
        sample: Individuals in a tournament, drawn with replacement; the best is mutated once.
    """

    def __init__(self, population: int = 10, sample: int = 3) -> None:
        if population < 1 or sample < 1:
            raise InputError(f"population and sample are at least 1, got {population} and {sample}")
        self.population, self.sample = population, sample

    def _start(self) -> None:
        self._alive: deque[tuple[float, GenotypeArray]] = deque(maxlen=self.population)
        self._random = self.population - len(self._initial)  # how many random samples complete the first generation
        self._draws: Iterator[float] = iter(())

    def _ask(self) -> Trial:
        if self._random > 0 or not self._alive:
            self._random -= 1
            return Trial(self.space.sample(1, self.rng)[0], self.epochs)
        alive = self._alive
        best, parent = alive[int(self._uniform() * len(alive))]
        for _ in range(self.sample - 1):
            score, rival = alive[int(self._uniform() * len(alive))]
            if score > best:
                best, parent = score, rival
        return Trial(self.space.mutate(parent[None], self.rng)[0], self.epochs)

    def _tell(self, trial: Trial, score: float) -> None:
        self._alive.append((-math.inf if math.isnan(score) else score, trial.architecture))

    def _uniform(self) -> float:
        """A number in [0, 1); from blocks, because numpy spends most of a call on overhead."""
        value = next(self._draws, None)
        if value is None:
            self._draws = iter(self.rng.random(BLOCK).tolist())
            value = next(self._draws)
        return value
