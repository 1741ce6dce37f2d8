"""Scores that were told already, so that walks through a space pay for no architecture twice."""

from __future__ import annotations

import math

import numpy as np

from nasbench.search.problem import Problem
from nasbench.search.seen import SAMPLES_FOR_ONE
from nasbench.types import GenotypeArray


class KnownScores:
    """Scores of architectures up to isomorphism, by their key; more is better.

    Args:
        problem: The problem; its initial designs are running from the start.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem, self._space = problem, problem.space
        self._scores: dict[int, float] = dict.fromkeys(self._space.key(problem.initial).tolist(), math.nan)

    def __contains__(self, key: int) -> bool:
        """Whether an architecture was evaluated, or is running."""
        return key in self._scores

    def __getitem__(self, key: int) -> float:
        """Score of an architecture; NaN where it is running or was never evaluated."""
        return self._scores.get(key, math.nan)

    def run(self, key: int) -> None:
        """An architecture begins to be trained, perhaps again."""
        self._scores.setdefault(key, math.nan)

    def new_rows(self, genotypes: GenotypeArray) -> list[int]:
        """Rows of `(n, d)` architectures that are new and meet all constraints, the first row of each."""
        feasible = self._problem.feasible(genotypes).tolist()
        rows: dict[int, int] = {}
        for row, (key, meets) in enumerate(zip(self._space.key(genotypes).tolist(), feasible, strict=True)):
            if meets and key not in self._scores:
                rows.setdefault(key, row)
        return list(rows.values())

    def run_all(self, genotypes: GenotypeArray) -> None:
        """Architectures `(n, d)` begin to be trained, perhaps again."""
        for key in self._space.key(genotypes).tolist():
            self.run(key)

    def tell(self, architecture: GenotypeArray, score: float) -> float:
        """The score that counts of a finished architecture `(d,)`: -inf if training failed or a constraint breaks."""
        if math.isnan(score) or (self._problem.constraints and not self._problem.feasible(architecture[None])[0]):
            score = -math.inf
        self._scores[int(self._space.key(architecture[None])[0])] = score
        return score

    def feasible(self, genotypes: GenotypeArray) -> GenotypeArray:
        """Those of `(n, d)` architectures that meet all constraints."""
        return genotypes[self._problem.feasible(genotypes)] if self._problem.constraints else genotypes

    def sample(self, rng: np.random.Generator) -> GenotypeArray:
        """A random architecture `(d,)` that begins to be trained, feasible and new unless no candidate is."""
        samples = self._space.sample(SAMPLES_FOR_ONE, rng)
        feasible = self.feasible(samples)
        candidates = feasible if len(feasible) else samples
        keys = self._space.key(candidates).tolist()
        row = next((row for row, key in enumerate(keys) if key not in self._scores), 0)
        self.run(keys[row])
        chosen: GenotypeArray = candidates[row]
        return chosen
