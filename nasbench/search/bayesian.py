"""Bayesian optimisation: propose where a predictor expects the largest improvement (Jones et al., 1998)."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from nasbench.checks import check_whole
from nasbench.errors import InputError
from nasbench.predictors import Inputs, Predictor, predictors
from nasbench.search.base import Outcome, Strategy, Trial
from nasbench.search.seen import Seen
from nasbench.types import FloatArray, GenotypeArray


class BayesianOptimisation(Strategy):
    """Expected improvement under any predictor, maximised over mutations of the best and random samples.

    The predictor is fitted on everything told so far, and the most promising of the candidates are proposed until it
    is fitted again (as in White et al., 2021, BANANAS). An architecture (by key) is never proposed twice.

    Args:
        predictor: A predictor, or its specification ("gp", "mymodule:MyPredictor").
        interval: Proposals between two fits.
        first_fit: Finished evaluations before the first fit; random samples complete the initial designs.
        parents: Number of best architectures that are mutated.
        mutations: Candidates made by mutation, half of them by two mutations.
        samples: Candidates sampled at random.
    """

    def __init__(
        self,
        predictor: str | Predictor = "gp",
        interval: int = 10,
        first_fit: int = 10,
        parents: int = 10,
        mutations: int = 200,
        samples: int = 100,
    ) -> None:
        for name, number in (
            ("interval", interval),
            ("first_fit", first_fit),
            ("parents", parents),
            ("samples", samples),
        ):
            check_whole(name, number)
        check_whole("mutations", mutations, 0)
        self.predictor, self.interval, self.first_fit = predictor, interval, first_fit
        self.parents, self.mutations, self.samples = parents, mutations, samples

    def _start(self) -> None:
        seed = int(self.rng.integers(2**31))  # no two runs with the same random numbers inside the predictor
        self._model = predictors.create(self.predictor, seed=seed)
        self._needs = self._static_needs()
        self._seen = Seen(self.space, self.problem.initial)
        self._genotypes: list[GenotypeArray] = []
        self._scores: list[tuple[float, ...]] = []
        self._queue: list[GenotypeArray] = []

    def _ask(self) -> Trial:
        if len(self._scores) < max(self.first_fit, self._model.min_samples):
            return self.trial(self._seen.sample(self.rng))
        if not self._queue:
            self._queue = self._promising()[::-1]
        return self.trial(self._queue.pop())

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        if all(map(math.isfinite, outcome.scores)):
            self._genotypes.append(trial.architecture)
            self._scores.append(outcome.scores)

    def _targets(self, scores: FloatArray) -> FloatArray:
        """What the predictor learns and the proposals maximise, `(n,)`, of scores `(n, objectives)`; here the first."""
        return scores[:, 0]

    def _promising(self) -> list[GenotypeArray]:
        """The next `interval` proposals, best first."""
        genotypes, scores = np.array(self._genotypes), self._targets(np.array(self._scores))
        best = genotypes[np.argsort(-scores, kind="stable")[: self.parents]]
        once = self.space.mutate(best[self.rng.integers(len(best), size=self.mutations)], self.rng)
        half = self.mutations // 2
        candidates = np.concatenate(
            [once[half:], self.space.mutate(once[:half], self.rng), self.space.sample(self.samples, self.rng)]
        )
        model = self._model.fit(self._inputs(genotypes), scores.copy())
        mean, std = model.predict_transformed(self._inputs(candidates))  # where the formula's normality holds
        order = np.argsort(-expected_improvement(mean, std, float(model.transform(scores.max()))), kind="stable")
        return list(self._seen.take_or_repeat(candidates[order], self.interval))

    def _static_needs(self) -> tuple[str, ...]:
        """The columns that the predictor reads.

        Raises:
            InputError: It reads learning curves, which candidates do not have.
        """
        needs = self._model.needs
        if needs.epochs:
            raise InputError(
                f"{self.predictor!r} reads {needs.epochs} epochs of a learning curve, and candidates have none; "
                "leave curve@ out of its features"
            )
        return tuple(name for name in needs.columns if name not in self.space.feature_kinds)

    def _inputs(self, genotypes: GenotypeArray) -> Inputs:
        return Inputs(self.space, genotypes, self.problem.columns(self._needs, genotypes))


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
