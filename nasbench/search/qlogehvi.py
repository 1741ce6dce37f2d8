"""qLogEHVI: logarithm of the expected hypervolume improvement (Daulton et al., 2020; Ament et al., 2023, NeurIPS)."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy.special import ndtri
from scipy.stats import qmc

from nasbench.checks import check_flag, check_whole
from nasbench.errors import InputError, MissingExtraError
from nasbench.predictors import Predictor, predictors
from nasbench.search.bayesian import OBSERVATIONS_PER_PROPOSAL, BayesianOptimisation
from nasbench.search.nsga2 import ranked
from nasbench.types import FloatArray, GenotypeArray

CANDIDATES_AT_ONCE = 128
"""Candidates whose improvements are computed at a time; more need more memory."""


class QLogEHVI(BayesianOptimisation):
    """Proposes what is expected to add most to the hypervolume of the front, one predictor for each objective.

    The acquisition function is BoTorch's `qLogExpectedHypervolumeImprovement`, on draws of the predictors in the unit
    of each objective, scaled to [0, 1] by what was told so far. Its reference point is the worst score told of each
    objective, as regrets take the worst of the space. Objectives that are static metrics are looked up instead of
    learnt. Trials that still run count as the scores that the predictors expect. With one objective, this is
    `bayesian`.

    Args:
        predictor: A predictor, or its specification, as in `bayesian`.
        draws: Draws of each objective (quasi-Monte Carlo), the same for all candidates; a power of 2.
        static: Whether static objectives are looked up.
        interval: Proposals between two fits.
        first_fit: Finished evaluations before the first fit; random samples complete the initial designs.
        parents: Number of best architectures, by non-dominated rank, that are mutated.
        mutations: Candidates made by mutation, half of them by two mutations.
        samples: Candidates sampled at random.
    """

    max_objectives = 4  # exact hypervolumes of more take long

    def __init__(
        self,
        predictor: str | Predictor = "gp-wl",
        draws: int = 32,
        static: bool = True,
        interval: int = 1,
        first_fit: int = 10,
        parents: int = 10,
        mutations: int = 200,
        samples: int = 200,
    ) -> None:
        check_whole("draws", draws)
        if draws & (draws - 1):
            raise InputError(f"draws must be a power of 2, got {draws}")
        check_flag("static", static)
        _botorch()
        super().__init__(predictor, "logei", "believer", interval, first_fit, parents, mutations, samples)
        self.draws, self.static = draws, static

    def _start(self) -> None:
        super()._start()
        seeds = self.rng.integers(2**31, size=len(self.problem.objectives)).tolist()
        self._known = [self.static and self._is_static(objective.name) for objective in self.problem.objectives]
        self._models = [predictors.create(self.predictor, seed=seed) for seed in seeds]

    def _is_static(self, name: str) -> bool:
        """Whether an objective can be looked up."""
        try:
            self.problem.columns([name], self.space.sample(1, np.random.default_rng(0)))
        except InputError:
            return False
        return self.problem.lookup is not None

    # --- proposals --------------------------------------------------------------------------------------------------

    def _promising(self) -> list[GenotypeArray]:
        if len(self._models) == 1:
            return super()._promising()
        proposals: list[GenotypeArray] = []
        genotypes, scores = np.array(self._genotypes), np.array(self._scores)
        ranks = np.empty(len(scores))
        ranks[ranked(scores)] = -np.arange(len(scores), dtype=np.float64)
        self._fit(genotypes, scores)
        running = np.array(list(self._running.values()))
        normal = self._normal()
        for _ in range(max(1, self.interval or len(scores) // OBSERVATIONS_PER_PROPOSAL)):
            believed = scores
            if len(running):
                believed = np.concatenate([scores, self._draws(running, np.zeros((1, scores.shape[1])))[0]])
            improvement = partial(self._improvement, scores=believed, normal=normal)
            best = self._seen.take_or_repeat(self._ranked(self._candidates(genotypes, ranks), improvement), 1)
            proposals.append(best[0])
            running = np.concatenate([running.reshape(-1, best.shape[1]), best])
        return proposals

    def _fit(self, genotypes: GenotypeArray, scores: FloatArray) -> None:
        """Fit the predictors of the objectives that are learnt."""
        inputs = self._inputs(genotypes)
        for model, known, targets in zip(self._models, self._known, scores.T, strict=True):
            if not known:
                model.fit(inputs, targets.copy())

    def _normal(self) -> FloatArray:
        """Standard normal numbers `(draws, objectives)` of a scrambled Sobol sequence."""
        sobol = qmc.Sobol(len(self.problem.objectives), rng=self.rng)
        normal: FloatArray = ndtri(np.clip(sobol.random(self.draws), 1e-12, 1 - 1e-12))
        return normal

    def _draws(self, candidates: GenotypeArray, normal: FloatArray) -> FloatArray:
        """Scores of `n` candidates `(n, d)` for normal numbers `(k, objectives)`; shape `(k, n, objectives)`."""
        draws = np.empty((len(normal), len(candidates), len(self._models)))
        inputs = self._inputs(candidates)
        for at, (model, known, objective) in enumerate(
            zip(self._models, self._known, self.problem.objectives, strict=True)
        ):
            if known:
                draws[:, :, at] = objective.sign * self.problem.columns([objective.name], candidates)[objective.name]
            else:
                mean, std = model.predict_transformed(inputs)
                draws[:, :, at] = model.transform_.inverse(mean + normal[:, at, None] * std)
        return draws

    def _improvement(self, candidates: GenotypeArray, scores: FloatArray, normal: FloatArray) -> FloatArray:
        """Log expected hypervolume improvement `(n,)` of candidates `(n, d)` over scores `(k, objectives)`."""
        worst, span = scores.min(axis=0), np.ptp(scores, axis=0)
        span = np.where(span > 0, span, 1.0)
        draws = (self._draws(candidates, normal) - worst) / span
        return log_improvement(draws, (scores - worst) / span)


def log_improvement(draws: FloatArray, scores: FloatArray) -> FloatArray:
    """Logarithm `(n,)` of the mean improvement of the hypervolume above 0 over scores `(k, m)`, more being better.

    Smoothed as BoTorch does: never exactly minus infinity.

    Args:
        draws: Draws of the scores of `n` candidates; shape `(draws, n, m)`.
        scores: Scores that are there; shape `(k, m)`.
    """
    acquisition, partitioning, posterior, model, sampler = _botorch()
    m = draws.shape[2]
    reference = torch.zeros(m, dtype=torch.float64)
    values = torch.from_numpy(draws).movedim(0, 1)[:, :, None]  # (n, draws, 1, m)

    class Drawn(model):  # type: ignore[misc, valid-type]
        """Candidates by their number; the posterior is the draws."""

        num_outputs = m
        batch_shape = torch.Size([])

        def posterior(self, X: torch.Tensor, *_: Any, **__: Any) -> Any:
            return posterior(values[X[:, 0, 0].long()])

    class All(sampler):  # type: ignore[misc, valid-type]
        """Every draw once."""

        def forward(self, posterior: Any) -> torch.Tensor:
            drawn: torch.Tensor = posterior.values.movedim(-3, 0)
            return drawn

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = acquisition(
            model=Drawn(),
            ref_point=reference,
            partitioning=partitioning(ref_point=reference, Y=torch.from_numpy(scores)),
            sampler=All(sample_shape=torch.Size([len(draws)]), seed=0),  # no seed would be drawn
        )
        numbers = torch.arange(draws.shape[1], dtype=torch.float64)[:, None, None]
        with torch.no_grad():
            some = range(0, len(numbers), CANDIDATES_AT_ONCE)
            improvement = torch.cat([found(numbers[at : at + CANDIDATES_AT_ONCE]) for at in some])
    result: FloatArray = improvement.numpy()
    return result


def _botorch() -> tuple[Any, ...]:
    """What is used of BoTorch.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit, in linear_operator
            from botorch.acquisition.multi_objective.logei import qLogExpectedHypervolumeImprovement
            from botorch.models.model import Model
            from botorch.posteriors.ensemble import EnsemblePosterior
            from botorch.sampling.base import MCSampler
            from botorch.utils.multi_objective.box_decompositions.non_dominated import FastNondominatedPartitioning
    except ImportError as error:
        raise MissingExtraError("the strategy qlogehvi needs BoTorch: pip install 'nasbench[botorch]'") from error
    return qLogExpectedHypervolumeImprovement, FastNondominatedPartitioning, EnsemblePosterior, Model, MCSampler
