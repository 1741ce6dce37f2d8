"""DEHB: Hyperband whose trials are children of differential evolution at each rung (Awad et al., 2021, IJCAI)."""

from __future__ import annotations

import math

import numpy as np

from nasbench.checks import check_number
from nasbench.search.base import Outcome, Trial
from nasbench.search.brackets import Bracket
from nasbench.search.hyperband import Hyperband
from nasbench.search.relaxed import crossed, inside, to_genotypes, to_points
from nasbench.search.seen import Seen
from nasbench.types import FloatArray, GenotypeArray

MIN_POPULATION = 4
"""A target and the three others that a mutation takes."""
MAX_ATTEMPTS = 8
"""Children that are drawn for one that is valid and was not trained at this rung."""


class DEHB(Hyperband):
    """Rand/1/bin differential evolution in the unit cube, where each position's interval is divided among its options.

    The population of a rung is as large as the largest number of trials that a bracket has there. It fills as in
    Hyperband: with uniform samples, and with the best of the rung below. Once it is full, each trial is a child of the
    next individual in turn, which it replaces unless it is worse. Above the lowest rung of a bracket the child's mutant
    comes from the best individuals of the rung below, as many as the bracket trains now; in the lowest rung it comes
    from the rung's own population. Where these are fewer than three, individuals of all rungs join them.

    A child that was trained at this rung before is drawn again, up to `MAX_ATTEMPTS` times.

    Args:
        eta: Factor between the epochs of two rungs, and between the numbers of trials that reach them.
        scale: Factor of the difference that a mutation adds.
        crossover: Chance that a child takes a position from the mutant; it takes one at least.
    """

    def __init__(self, eta: int = 3, scale: float = 0.5, crossover: float = 0.5) -> None:
        super().__init__(eta)
        check_number("scale", scale, above=0)
        check_number("crossover", crossover, least=0, most=1)
        self.scale, self.crossover = scale, crossover

    def _start(self) -> None:
        super()._start()
        sizes = [self._sizes(opened) for opened in range(len(self._rungs))]  # one of each bracket, the longest first
        largest = [max(of[rung - len(self._rungs)] for of in sizes[: rung + 1]) for rung in range(len(self._rungs))]
        dimensions = len(self.space.cardinalities)
        self._populations = [Population(max(size, MIN_POPULATION), dimensions) for size in largest]
        self._seen = [Seen(self.space, self.problem.initial[:0]) for _ in self._rungs]
        self._places: dict[int, tuple[int, FloatArray]] = {}  # by number: place in the population of a trial, its point

    def _design(self, architecture: GenotypeArray) -> Trial:
        trial = super()._design(architecture)
        rung = self._rungs.index(trial.epochs)
        self._join(rung, trial.tag[1], architecture, to_points(self.space, architecture[None], self.rng)[0])
        return trial

    def _choose(self, bracket: Bracket, promoted: GenotypeArray | None) -> GenotypeArray:
        if self._populations[bracket.rung].full:
            architecture, point = self._child(bracket, promoted is None)
        else:
            architecture = super()._choose(bracket, promoted)
            point = to_points(self.space, architecture[None], self.rng)[0]
        self._join(bracket.rung, self._asked + 1, architecture, point)
        return architecture

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        super()._tell(trial, outcome)
        place, point = self._places.pop(trial.tag[1])
        self._populations[self._rungs.index(trial.epochs)].tell(place, point, outcome.score)

    def _join(self, rung: int, number: int, architecture: GenotypeArray, point: FloatArray) -> None:
        self._places[number] = (self._populations[rung].place(point), point)
        self._seen[rung].add(architecture[None])

    def _child(self, bracket: Bracket, lowest: bool) -> tuple[GenotypeArray, FloatArray]:
        """The next trial of a bracket, in whose lowest rung it may be, and its point."""
        rung = bracket.rung
        population = self._populations[rung]
        pool = population.others() if lowest else self._populations[rung - 1].best(bracket.size)
        points = children(population.target, self._filled(pool), self.scale, self.crossover, MAX_ATTEMPTS, self.rng)
        genotypes, valid = to_genotypes(self.space, points)
        if not valid.any():
            sample = self.space.sample(1, self.rng)
            return sample[0], to_points(self.space, sample, self.rng)[0]
        genotypes, points = genotypes[valid], points[valid]
        architecture = [*self._seen[rung].new(genotypes, 1), genotypes[0]][0]
        return architecture, points[np.argmax((genotypes == architecture).all(axis=1))]

    def _filled(self, pool: FloatArray) -> FloatArray:
        """Points `(n, d)`, and if n < 3 others: individuals of all rungs, then uniform ones."""
        if len(pool) >= 3:
            return pool
        everyone = np.concatenate([population.best() for population in self._populations])
        pool = np.concatenate([pool, everyone[self.rng.permutation(len(everyone))[: 3 - len(pool)]]])
        return np.concatenate([pool, self.rng.random((3 - len(pool), pool.shape[1]))])


class Population:
    """Individuals of one rung, which are replaced in turn; an individual that is not told yet is as one that failed.

    Args:
        size: Number of individuals.
        dimensions: Length of their points.
    """

    def __init__(self, size: int, dimensions: int) -> None:
        self.size, self.dimensions = size, dimensions
        self._points: list[FloatArray] = []
        self._scores: list[float] = []
        self._turn = 0

    @property
    def full(self) -> bool:
        """Whether it has all its individuals."""
        return len(self._points) == self.size

    @property
    def target(self) -> FloatArray:
        """Point `(d,)` of the individual whose turn is next, in a full population."""
        return self._points[self._turn]

    def place(self, point: FloatArray) -> int:
        """Place of a new trial: a free one, which its point takes at once, or the one whose turn it is."""
        if not self.full:
            self._points.append(point)
            self._scores.append(-math.inf)
            return len(self._points) - 1
        self._turn = (self._turn + 1) % self.size
        return (self._turn - 1) % self.size

    def tell(self, place: int, point: FloatArray, score: float) -> None:
        """Report a trial, whose point takes its place unless it failed or the one there is better."""
        if score >= self._scores[place]:
            self._points[place], self._scores[place] = point, score

    def best(self, most: int | None = None) -> FloatArray:
        """Points `(n, d)` of those that were told and did not fail, best first; the first `most`."""
        order = np.argsort(-np.array(self._scores), kind="stable")
        told = [self._points[place] for place in order if self._scores[place] > -math.inf]
        return np.array(told[:most]).reshape(-1, self.dimensions)

    def others(self) -> FloatArray:
        """Points `(n, d)` of those that were told and did not fail, without the one whose turn it is."""
        places = (place for place, score in enumerate(self._scores) if score > -math.inf and place != self._turn)
        return np.array([self._points[place] for place in places]).reshape(-1, self.dimensions)


def children(
    target: FloatArray, pool: FloatArray, scale: float, crossover: float, n: int, rng: np.random.Generator
) -> FloatArray:
    """Children `(n, d)` of a target `(d,)` by rand/1/bin (Storn & Price, 1997, J. Global Optimization 11, 341-359).

    Args:
        target: Point of the unit cube from which a child has what it does not take from its mutant.
        pool: Points `(k, d)`, k of at least 3; a mutant is a + scale (b - c) of three of them.
        scale: Factor of the difference.
        crossover: Chance of each position to come from the mutant; one always does.
        n: Number of children.
        rng: All randomness.
    """
    rows = rng.permuted(np.tile(np.arange(len(pool)), (n, 1)), axis=1)[:, :3]
    a, b, c = pool[rows].transpose(1, 0, 2)
    mutants = inside(a + scale * (b - c), rng)
    return crossed(target, mutants, crossover, rng)
