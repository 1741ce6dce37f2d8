"""Freeze-thaw: Bayesian optimisation over trainings of any length (Swersky et al., 2014, arXiv:1406.3896).

In place of a process over curves there is a chain of predictors: what a training at one rung is expected to score
follows from the rung below (Kennedy & O'Hagan, 2000, Biometrika 87).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from nasbench.checks import check_whole
from nasbench.errors import InputError
from nasbench.predictors import Predictor, predictors
from nasbench.search.acquisitions import ACQUISITIONS, Belief
from nasbench.search.base import Outcome, Trial
from nasbench.search.bayesian import BayesianOptimisation
from nasbench.search.rungs import rungs_of
from nasbench.types import FloatArray, GenotypeArray

MOST_OBSERVATIONS = 300
"""Observations of a rung that a predictor is fitted to: the better half of so many, and others at even ranks."""
FEWEST_ABOVE = 3
"""Trainings at a rung with which its scores are related to those of the rung below."""


class Link(NamedTuple):
    """How scores of a rung follow from those of the rung below.

    Attributes:
        offset: Score where that below is expected to be 0.
        slope: Change with what is expected below, not negative.
        rest: Predicts what is left over from the architecture; None where too few trainings tell.
        deviation: Standard deviation of what is left over.
    """

    offset: float
    slope: float
    rest: Predictor | None
    deviation: float


class FreezeThaw(BayesianOptimisation):
    """Every rung takes the same share of the epochs; each step begins or continues the training that promises most.

    A predictor learns the scores of the lowest rung. Those of a higher rung are a straight line of what is expected
    below, and a predictor of what is left over. The acquisition function looks at the score that is expected of a full
    training: it chooses what is begun, among candidates as those of `bayesian`, and what is continued, among the
    trainings that wait at a rung. A failed training is not continued.

    Args:
        eta: Factor between the epochs of two rungs, down from a full training.
        predictor: A predictor, or its specification.
        acquisition: `"ei"`, `"logei"`, `"pi"`, `"ucb"`, `"mean"`, `"mes"` or `"its"`.
        first_fit: Short trainings before the first fit.
        parents: Number of best architectures that are mutated.
        mutations: Candidates made by mutation, half of them by two mutations.
        samples: Candidates sampled at random.
    """

    def __init__(
        self,
        eta: int = 3,
        predictor: str | Predictor = "gp-wl",
        acquisition: str = "logei",
        first_fit: int = 10,
        parents: int = 10,
        mutations: int = 200,
        samples: int = 200,
    ) -> None:
        check_whole("eta", eta, 2)
        if acquisition not in ACQUISITIONS:
            raise InputError(f"an acquisition is one of {', '.join(ACQUISITIONS)}; got {acquisition!r}")
        super().__init__(predictor, acquisition, "none", 0, first_fit, parents, mutations, samples)
        self.eta = eta

    def _start(self) -> None:
        super()._start()
        seeds = self.rng.integers(2**31, size=len(self.problem.fidelities))
        self._rungs = rungs_of(self.problem.fidelities, self.eta)
        self._models = [predictors.create(self.predictor, seed=int(seed)) for seed in seeds[: len(self._rungs)]]
        self._links: list[Link] = []
        self._told: list[dict[bytes, tuple[GenotypeArray, float]]] = [{} for _ in self._rungs]  # finite scores
        self._waiting: list[dict[bytes, GenotypeArray]] = [{} for _ in self._rungs]  # not continued
        self._spent = [0] * len(self._rungs)
        self._stale = 0  # observations since the last fit

    def _design(self, architecture: GenotypeArray) -> Trial:
        return self._at(architecture, 0)

    def _ask(self) -> Trial:
        if len(self._told[0]) < max(self.first_fit, self._models[0].min_samples):
            return self._at(self._seen.sample(self.rng), 0)
        observed = sum(map(len, self._told))
        if not self._links or self._stale > observed // 20:
            self._fit()
        for rung in sorted(range(len(self._rungs)), key=lambda rung: (self._spent[rung], -rung)):
            if rung == 0:
                self._queue = self._queue or self._new()
                return self._at(self._queue.pop(), 0)
            if self._waiting[rung - 1] and len(self._told[rung - 1]) >= self.eta:
                waiting = np.array(list(self._waiting[rung - 1].values()))
                worth = self._promise(waiting)
                chosen = waiting[int(np.argmax(worth))]
                del self._waiting[rung - 1][chosen.tobytes()]
                return self._at(chosen, rung)
        raise AssertionError("the lowest rung always has something to begin")

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        rung = trial.tag[0]
        if math.isfinite(outcome.score):
            name = trial.architecture.tobytes()
            self._told[rung][name] = trial.architecture, outcome.score
            if rung + 1 < len(self._rungs):
                self._waiting[rung][name] = trial.architecture
            self._stale += 1

    def _at(self, architecture: GenotypeArray, rung: int) -> Trial:
        """A trial up to a rung; its tag is unique."""
        below = self._rungs[rung - 1] if rung and self.problem.resumable else 0
        self._spent[rung] += self._rungs[rung] - below
        return Trial(architecture, self._rungs[rung], (rung, architecture.tobytes(), self._spent[rung]))

    def _new(self) -> list[GenotypeArray]:
        """What is begun next, the most promising last."""
        genotypes = np.array([genotype for genotype, _ in self._told[0].values()])
        expected, _ = self._final(genotypes)
        most = max(1, len(genotypes) // 20)
        ranked = self._ranked(self._candidates(genotypes, expected), self._promise)
        return list(self._seen.take_or_repeat(ranked, most))[::-1]

    # --- the chain of predictors ------------------------------------------------------------------------------------

    def _fit(self) -> None:
        """Fit the predictor of the lowest rung, and relate each rung to the one below."""
        self._stale = 0
        genotypes, scores = self._observed(0)
        self._models[0].fit(self._inputs(genotypes), scores.copy())
        self._links = []
        for rung in range(1, len(self._rungs)):
            genotypes, scores = self._observed(rung)
            if len(scores) < FEWEST_ABOVE:
                break
            below, _ = self._expected(genotypes, rung - 1)
            self._links.append(self._link(genotypes, scores, below, self._models[rung]))
        self._queue = []

    def _link(self, genotypes: GenotypeArray, scores: FloatArray, below: FloatArray, model: Predictor) -> Link:
        """The straight line of least squares, with a slope that is not negative, and a predictor of the rest."""
        centred = below - below.mean()
        spread = float(centred @ centred)
        slope = max(float(centred @ scores) / spread, 0.0) if spread > 0 else 0.0
        offset = float(scores.mean() - slope * below.mean())
        rest = scores - offset - slope * below
        deviation = float(np.sqrt((rest**2).mean()))
        if len(scores) < max(self.first_fit, model.min_samples) or not np.ptp(rest) > 0:
            return Link(offset, slope, None, deviation)
        return Link(offset, slope, model.fit(self._inputs(genotypes), rest), deviation)

    def _observed(self, rung: int) -> tuple[GenotypeArray, FloatArray]:
        """Architectures `(n, d)` and scores `(n,)` of a rung; of many, the best and some of all others."""
        genotypes = np.array([genotype for genotype, _ in self._told[rung].values()]).reshape(-1, *self._shape)
        scores = np.array([score for _, score in self._told[rung].values()])
        if len(scores) > MOST_OBSERVATIONS:
            order, half = np.argsort(-scores, kind="stable"), MOST_OBSERVATIONS // 2
            even = np.linspace(half, len(scores) - 1, MOST_OBSERVATIONS - half).round().astype(int)
            kept = order[np.concatenate([np.arange(half), even])]
            genotypes, scores = genotypes[kept], scores[kept]
        return genotypes, scores

    def _expected(self, genotypes: GenotypeArray, rung: int) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation of the scores `(n,)` at a rung, or at the highest below that has been related."""
        inputs = self._inputs(genotypes)
        mean, std = self._models[0].predict(inputs)
        for link in self._links[:rung]:
            mean, std = link.offset + link.slope * mean, link.slope * std
            if link.rest is None:
                std = np.hypot(std, link.deviation)
            else:
                rest, spread = link.rest.predict(inputs)
                mean, std = mean + rest, np.hypot(std, spread)
        return mean, std

    def _final(self, genotypes: GenotypeArray) -> tuple[FloatArray, FloatArray]:
        """What is expected of full trainings."""
        return self._expected(genotypes, len(self._rungs) - 1)

    def _promise(self, genotypes: GenotypeArray) -> FloatArray:
        """What a full training of each of `(n, d)` architectures is worth, `(n,)`."""
        top = self._told[-1] if len(self._links) == len(self._rungs) - 1 else {}
        best = max((score for _, score in top.values()), default=None)
        if best is None:  # on the scale of what has been related: the best that is expected of any trained one
            trained = np.array([genotype for genotype, _ in self._told[0].values()])
            best = float(self._final(trained)[0].max())
        return ACQUISITIONS[self.acquisition](Belief(*self._final(genotypes), best), self.rng)

    @property
    def _shape(self) -> tuple[int, ...]:
        return (len(self.space.cardinalities),)
