"""Bayesian optimisation: a predictor proposes where expected improvement is largest (Jones et al., 1998)."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from nasbench.errors import InputError
from nasbench.predictors import Inputs, Predictor, predictors
from nasbench.search.base import Strategy, Trial
from nasbench.types import FloatArray, GenotypeArray


class BayesianOptimisation(Strategy):
    """Expected improvement under any predictor, maximised over mutations of the best and random samples.

    The predictor is fitted on everything told so far, and the most promising of the candidates are proposed until it
    is fitted again (as in White et al., 2021, BANANAS). An architecture (by key) is never proposed twice.

    Args:
        predictor: A predictor, or its specification ("gp", "mymodule:MyPredictor").
        interval: Proposals between two fits.
        minimum: Finished evaluations before the first fit; random samples complete the initial designs.
        parents: The best so many architectures are mutated.
        mutations: Candidates made by mutation, half of them by two.
        samples: Candidates sampled at random.
    """

    def __init__(
        self,
        predictor: str | Predictor = "gp",
        interval: int = 10,
        minimum: int = 10,
        parents: int = 10,
        mutations: int = 200,
        samples: int = 100,
    ) -> None:
        if interval < 1 or parents < 1 or mutations < 0 or samples < 1:
            raise InputError(
                f"interval, parents and samples are at least 1 and mutations at least 0; "
                f"got {interval}, {parents}, {samples} and {mutations}"
            )
        self.predictor, self.interval, self.minimum = predictor, interval, minimum
        self.parents, self.mutations, self.samples = parents, mutations, samples

    def _start(self) -> None:
        seed = int(self.rng.integers(2**31))  # no two runs with the same random numbers inside the predictor
        self._model = (
            predictors.create(self.predictor, seed=seed) if isinstance(self.predictor, str) else self.predictor
        )
        self._seen = set(self.space.key(np.array(self._initial)).tolist()) if self._initial else set()
        self._genotypes: list[GenotypeArray] = []
        self._scores: list[float] = []
        self._queue: list[GenotypeArray] = []

    def _ask(self) -> Trial:
        if len(self._scores) < max(self.minimum, self._model.min_samples):
            return Trial(self._propose(self.space.sample(32, self.rng), 1)[0], self.epochs)
        if not self._queue:
            self._queue = self._promising()[::-1]
        return Trial(self._queue.pop(), self.epochs)

    def _tell(self, trial: Trial, score: float) -> None:
        if math.isfinite(score):
            self._genotypes.append(trial.architecture)
            self._scores.append(score)

    def _promising(self) -> list[GenotypeArray]:
        """The next `interval` proposals, best first."""
        genotypes, scores = np.array(self._genotypes), np.array(self._scores)
        best = genotypes[np.argsort(-scores, kind="stable")[: self.parents]]
        once = self.space.mutate(best[self.rng.integers(len(best), size=self.mutations)], self.rng)
        half = self.mutations // 2
        candidates = np.concatenate(
            [once[half:], self.space.mutate(once[:half], self.rng), self.space.sample(self.samples, self.rng)]
        )
        model = self._model.fit(Inputs(self.space, genotypes), scores)
        mean, std = model.predict_transformed(Inputs(self.space, candidates))  # where the formula's normality holds
        order = np.argsort(-expected_improvement(mean, std, float(model.transform(scores.max()))), kind="stable")
        return self._propose(candidates[order], self.interval)

    def _propose(self, candidates: GenotypeArray, most: int) -> list[GenotypeArray]:
        """The first `most` architectures not yet proposed; the first of all where there is none."""
        chosen = []
        for candidate, key in zip(candidates, self.space.key(candidates).tolist(), strict=True):
            if key not in self._seen:
                self._seen.add(key)
                chosen.append(candidate)
                if len(chosen) == most:
                    break
        return chosen or [candidates[0]]


def expected_improvement(mean: FloatArray, std: FloatArray, best: float) -> FloatArray:
    """Expected amount by which normal outcomes exceed `best` (Jones et al., 1998, Equation 15, for maximisation).

    Args:
        mean: Expected score, shape `(n,)`; more is better.
        std: Standard deviation of the score, shape `(n,)`; where it is 0 the improvement is certain.
        best: Best score so far.

    Returns:
        Shape `(n,)`, in the unit of the score, never negative.
    """
    gain = mean - best
    spread = np.where(std > 0, std, 1.0)
    z = gain / spread
    density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    result: FloatArray = np.where(std > 0, gain * ndtr(z) + spread * density, np.maximum(gain, 0.0))
    return np.maximum(result, 0.0)
