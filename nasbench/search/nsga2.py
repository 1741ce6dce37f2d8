"""NSGA-II: evolution by non-dominated ranks and crowding distance (Deb et al., 2002, IEEE TEC 6, 182-197)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nasbench.checks import check_number, check_whole
from nasbench.search.base import Outcome, Strategy, Trial
from nasbench.search.pareto import non_dominated
from nasbench.search.problem import Problem
from nasbench.types import FloatArray, GenotypeArray, IntArray

MAX_CHILDREN = 8
"""Children that are drawn for one that meets the constraints."""


class NSGA2(Strategy):
    """Binary tournaments, crossover and mutation; parents and children compete for the next generation.

    Failed trials rank last. Children that break a constraint are drawn again, up to `MAX_CHILDREN` times.

    Args:
        population: Number of survivors of each generation.
        crossover: Chance that a child has two parents.
    """

    max_objectives = 8

    def __init__(self, population: int = 20, crossover: float = 0.9) -> None:
        check_whole("population", population, 2)
        check_number("crossover", crossover, least=0, most=1)
        self.population, self.crossover = population, crossover

    def _start(self) -> None:
        self._pool: list[tuple[tuple[float, ...], GenotypeArray]] = []  # parents, then children that were told
        self._order: IntArray = np.zeros(0, dtype=np.int64)  # of the parents, best first
        self._random = self.population - len(self.problem.initial)

    def _ask(self) -> Trial:
        if self._random > 0 or not len(self._order):
            self._random -= 1
            return self.trial(self.space.sample(1, self.rng)[0])
        return self.trial(feasible_child(self.problem, self._child)[0])

    def _child(self) -> GenotypeArray:
        places = self.rng.integers(len(self._order), size=(2, 2)).min(axis=1)  # the better of two, twice
        first, second = (self._pool[self._order[place]][1][None] for place in places)
        mixed = self.space.crossover(first, second, self.rng) if self.rng.random() < self.crossover else first
        return self.space.mutate(mixed, self.rng)

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        self._pool.append((outcome.scores, trial.architecture))
        parents = len(self._order)
        if len(self._pool) >= (2 * self.population if parents else self.population):
            order = ranked(np.array([scores for scores, _ in self._pool]))[: self.population]
            self._pool, self._order = [self._pool[row] for row in order], np.arange(len(order))


def feasible_child(problem: Problem, draw: Callable[[], GenotypeArray]) -> GenotypeArray:
    """A child `(1, d)` that meets the constraints of a problem, or the last of `MAX_CHILDREN` drawn anew."""
    child = draw()
    for _ in range(MAX_CHILDREN if problem.constraints else 0):
        if problem.feasible(child)[0]:
            break
        child = draw()
    return child


def ranked(scores: FloatArray) -> IntArray:
    """Rows of `(n, m)` scores, more being better, by non-dominated rank, then by crowding distance; NaN last."""
    order: list[int] = []
    rest = np.arange(len(scores))
    while len(rest):
        front = rest[non_dominated(scores[rest])]
        if not len(front):
            return np.array([*order, *rest], dtype=np.int64)
        order += front[np.argsort(-crowding(scores[front]), kind="stable")].tolist()
        rest = np.setdiff1d(rest, front)
    return np.array(order, dtype=np.int64)


def crowding(scores: FloatArray) -> FloatArray:
    """Crowding distance `(n,)` of a front `(n, m)`: the normalised sides of the box between its neighbours."""
    distance = np.zeros(len(scores))
    for column in scores.T:
        order = np.argsort(column, kind="stable")
        span = np.ptp(column) or 1.0
        distance[order[[0, -1]]] = np.inf
        distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return distance
