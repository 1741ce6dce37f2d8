"""Differential evolution of relaxed genotypes, DE/rand/1/bin (Storn & Price, 1997; Awad et al., 2021, DEHB)."""

from __future__ import annotations

import numpy as np

from nasbench.checks import check_number, check_whole
from nasbench.search.base import Outcome, Strategy, Trial
from nasbench.search.known import KnownScores
from nasbench.search.relaxed import crossed, inside, to_genotypes, to_points
from nasbench.types import FloatArray, GenotypeArray, IntArray

DRAWN_FOR_EACH = 8
"""Trial vectors that are drawn for one of a new, feasible architecture."""


class DifferentialEvolution(Strategy):
    """A population of vectors in [0, 1), each challenged by a mixture of itself and `a + weight * (b - c)`.

    The interval of a position is divided equally among its options. Vectors go through `space.repair`; those without
    an architecture, and those whose architecture was evaluated or breaks a constraint, are drawn again. Where none is
    left, a random sample is the challenger. Challengers of all vectors are drawn at once, one generation; a trial's tag
    is its number, and by it the vector that it challenges.

    Args:
        population: Number of vectors. The first are the initial designs and random samples.
        weight: Weight of the difference between two vectors (F).
        crossover: Chance that a position is that of the mixture (CR); one position always is.
    """

    def __init__(self, population: int = 10, weight: float = 0.5, crossover: float = 0.5) -> None:
        check_whole("population", population, 4)
        check_number("weight", weight, above=0, most=2)
        check_number("crossover", crossover, least=0, most=1)
        self.population, self.weight, self.crossover = population, weight, crossover

    def _start(self) -> None:
        self._known = KnownScores(self.problem)
        self._random = self.population - len(self.problem.initial)  # samples that complete the population
        self._vectors = np.empty((0, len(self.space.cardinalities)))
        self._scores: list[float] = []
        self._queue: list[tuple[int, FloatArray, GenotypeArray]] = []  # target, vector and architecture
        self._running: dict[int, tuple[int, FloatArray]] = {}  # by tag: target and vector
        self._asked = 0

    def _ask(self) -> Trial:
        if self._random > 0 or len(self._scores) < self.population:
            self._random -= 1
            return self.trial(self._known.sample(self.rng))
        if not self._queue:
            self._queue = self._generation()[::-1]
        target, vector, architecture = self._queue.pop()
        self._asked += 1
        self._running[self._asked] = target, vector
        return self.trial(architecture, tag=self._asked)

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        score = self._known.tell(trial.architecture, outcome.score)
        if trial.tag is not None:
            target, vector = self._running.pop(trial.tag)
        else:
            vector = to_points(self.space, trial.architecture[None], self.rng)[0]
            if len(self._scores) < self.population:
                self._vectors = np.concatenate([self._vectors, vector[None]])
                self._scores.append(score)
                return
            target = int(np.argmin(self._scores))
        if score >= self._scores[target]:
            self._vectors[target], self._scores[target] = vector, score

    def _generation(self) -> list[tuple[int, FloatArray, GenotypeArray]]:
        """A challenger of each vector."""
        targets = np.tile(np.arange(self.population), DRAWN_FOR_EACH)
        trials = challengers(self._vectors, targets, self.weight, self.crossover, self.rng)
        architectures, valid = to_genotypes(self.space, trials)
        rows = np.flatnonzero(valid)
        rows = rows[self._known.new_rows(architectures[rows])]
        first = dict(zip(targets[rows[::-1]].tolist(), rows[::-1].tolist(), strict=True))  # row of each target
        self._known.run_all(architectures[list(first.values())])
        return [
            (target, trials[first[target]], architectures[first[target]])
            if target in first
            else self._random_one(target)
            for target in range(self.population)
        ]

    def _random_one(self, target: int) -> tuple[int, FloatArray, GenotypeArray]:
        """A random sample that challenges a vector."""
        architecture = self._known.sample(self.rng)
        return target, to_points(self.space, architecture[None], self.rng)[0], architecture


def challengers(
    vectors: FloatArray, targets: IntArray, weight: float, crossover: float, rng: np.random.Generator
) -> FloatArray:
    """Trial vectors of some rows of a population (Storn & Price, 1997, Equations 2 and 4).

    Args:
        vectors: The population; shape `(m, d)`, at least 4 of them.
        targets: Row that each trial vector challenges; shape `(n,)`.
        weight: Weight of the difference between two vectors.
        crossover: Chance that a position is that of the mutant; one position always is.
        rng: Draws three other rows for each, what is crossed, and positions that left [0, 1) anew.

    Returns:
        Shape `(n, d)`.
    """
    n = len(targets)
    order = rng.random((n, len(vectors)))
    order[np.arange(n), targets] = 2.0  # never itself
    a, b, c = vectors[order.argsort(axis=1)[:, :3]].transpose(1, 0, 2)
    return crossed(vectors[targets], inside(a + weight * (b - c), rng), crossover, rng)
