"""Genetic algorithm with elitist (mu + lambda) selection (Holland, 1975; Beyer & Schwefel, 2002)."""

from __future__ import annotations

import numpy as np

from nasbench.checks import check_number, check_whole
from nasbench.search.base import Outcome, Strategy, Trial
from nasbench.search.known import KnownScores
from nasbench.types import GenotypeArray

DRAWN_FOR_EACH = 4
"""Children that are drawn for one that is new and meets the constraints."""


class GeneticAlgorithm(Strategy):
    """Tournaments, crossover and mutation; the best of parents and children are the next parents.

    None is evaluated twice: children that were evaluated, or that break a constraint, are drawn again, and random
    samples take the places that stay empty. Failed trials have no children.

    Args:
        population: Number of parents (mu). The first are the best of the initial designs and of random samples.
        children: Number of children of a generation (lambda).
        tournament: Individuals in a tournament, drawn with replacement; the best is a parent.
        crossover: Chance that a child has two parents.
        mutation: Chance that a child of two parents is mutated too; a child of one always is.
    """

    def __init__(
        self,
        population: int = 10,
        children: int = 5,
        tournament: int = 3,
        crossover: float = 0.5,
        mutation: float = 0.5,
    ) -> None:
        check_whole("population", population)
        check_whole("children", children)
        check_whole("tournament", tournament)
        check_number("crossover", crossover, least=0, most=1)
        check_number("mutation", mutation, least=0, most=1)
        self.population, self.children, self.tournament = population, children, tournament
        self.crossover, self.mutation = crossover, mutation

    def _start(self) -> None:
        self._known = KnownScores(self.problem)
        self._random = self.population - len(self.problem.initial)  # samples that complete the first generation
        self._told: list[tuple[float, int, GenotypeArray]] = []  # since the last selection, with their numbers
        self._parents: list[tuple[float, int, GenotypeArray]] = []  # best first
        self._queue: list[GenotypeArray] = []
        self._count = 0

    def _ask(self) -> Trial:
        if self._random > 0 or not self._parents:
            self._random -= 1
            return self.trial(self._known.sample(self.rng))
        if not self._queue:
            self._queue = self._generation()
        return self.trial(self._queue.pop() if self._queue else self._known.sample(self.rng))

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        self._count += 1
        score = self._known.tell(trial.architecture, outcome.score)
        self._told.append((score, -self._count, trial.architecture))  # of equals the earlier one stays
        if len(self._told) >= (self.children if self._parents else self.population):
            ranked = sorted(self._parents + self._told, key=lambda one: one[:2], reverse=True)
            self._parents = [one for one in ranked[: self.population] if one[0] > -np.inf]
            self._told = []

    def _generation(self) -> list[GenotypeArray]:
        """At most `children` architectures, new and feasible."""
        parents = np.array([genotype for _, _, genotype in self._parents])
        n = DRAWN_FOR_EACH * self.children
        places = self.rng.integers(len(parents), size=(2, n, self.tournament)).min(axis=2)  # the best are first
        two, changed = self.rng.random((2, n)) < np.array([[self.crossover], [self.mutation]])
        born = parents[places[0]]
        if two.any():
            born[two] = self.space.crossover(born[two], parents[places[1][two]], self.rng)
        changed |= ~two
        if changed.any():
            born[changed] = self.space.mutate(born[changed], self.rng)
        new = born[self._known.new_rows(born)[: self.children]]
        self._known.run_all(new)
        return list(new[::-1])
