"""Simulated annealing: worse neighbours are accepted, ever more rarely (Kirkpatrick et al., 1983, Science 220)."""

from __future__ import annotations

import math
from bisect import insort

import numpy as np

from nasbench.checks import check_number, check_whole
from nasbench.search.base import Outcome, Strategy, Trial
from nasbench.search.known import KnownScores
from nasbench.types import GenotypeArray

NEIGHBOURS_AT_ONCE = 16
MAX_FREE_STEPS = 256
"""Known neighbours in a row after which another descent begins."""


class SimulatedAnnealing(Strategy):
    """Metropolis steps from the best initial design to random neighbours, at a temperature that falls geometrically.

    A neighbour that is worse by `d` is accepted with probability `exp(-d / (temperature * spread))`. The spread is the
    interquartile range of the scores told so far, so that units do not matter. A neighbour that was told before is
    accepted or not at no cost; one that breaks a constraint is not accepted. A trial has a tag, its number, if it is a
    neighbour.

    Args:
        temperature: First temperature, in units of the spread.
        cooling: Factor of the temperature for each neighbour that is evaluated.
        patience: Evaluated neighbours without a new best of the descent before another descent begins, at a random
            sample and at the first temperature; 0 for a single descent.
    """

    def __init__(self, temperature: float = 0.1, cooling: float = 0.97, patience: int = 0) -> None:
        check_number("temperature", temperature, above=0)
        check_number("cooling", cooling, above=0, most=1)
        check_whole("patience", patience, 0)
        self.temperature, self.cooling, self.patience = temperature, cooling, patience

    def _start(self) -> None:
        self._known = KnownScores(self.problem)
        self._sorted: list[float] = []  # finite scores
        self._asked = 0
        self._restart()

    def _restart(self) -> None:
        """Begin a descent, at whatever is told next."""
        self._current: GenotypeArray | None = None
        self._score = self._best = -math.inf
        self._now, self._waited = self.temperature, 0
        self._neighbours: list[tuple[GenotypeArray, int]] = []  # with their keys

    def _ask(self) -> Trial:
        if self.patience and self._waited >= self.patience:
            self._restart()
        for _ in range(MAX_FREE_STEPS):
            if self._current is None:
                break
            if not self._neighbours:
                self._look_around(self._current)
                continue
            neighbour, key = self._neighbours.pop()
            if key not in self._known:
                self._known.run(key)
                self._asked += 1
                return self.trial(neighbour, tag=self._asked)
            self._step(neighbour, self._known[key])
        else:
            self._restart()
        return self.trial(self._known.sample(self.rng))

    def _look_around(self, current: GenotypeArray) -> None:
        mutations = self.space.mutate(np.repeat(current[None], NEIGHBOURS_AT_ONCE, axis=0), self.rng)
        feasible = self._known.feasible(mutations)
        self._neighbours = list(zip(feasible, self.space.key(feasible).tolist(), strict=True))

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        score = self._known.tell(trial.architecture, outcome.score)
        if math.isfinite(score):
            insort(self._sorted, score)
        if trial.tag is not None:
            self._now *= self.cooling
            self._waited += 1
            self._step(trial.architecture, score)
        elif score > self._score:
            self._move(trial.architecture, score)

    def _step(self, neighbour: GenotypeArray, score: float) -> None:
        drop, scale = self._score - score, self._now * self._spread()
        if drop <= 0 or (scale > 0 and self.rng.random() < math.exp(-drop / scale)):
            self._move(neighbour, score)

    def _move(self, architecture: GenotypeArray, score: float) -> None:
        self._current, self._score, self._neighbours = architecture, score, []
        if score > self._best:
            self._best, self._waited = score, 0

    def _spread(self) -> float:
        """Interquartile range of the scores."""
        count = len(self._sorted)
        return self._sorted[3 * count // 4] - self._sorted[count // 4] if count else 0.0
