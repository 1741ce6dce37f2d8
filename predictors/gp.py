"""Gaussian process regression (Rasmussen & Williams, 2006, algorithm 2.1) on encodings of cells; exact up to 4,000."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from nasbench.errors import InputError
from nasbench.predictors.base import Prediction, Predictor, at_least
from nasbench.predictors.encodings import DEFAULT, encode, learnable, units, variances
from nasbench.predictors.evidence import Evidence, Hyperparameters
from nasbench.predictors.inducing import choose, project
from nasbench.predictors.inputs import Inputs
from nasbench.predictors.ranges import GRAPH_FEATURES, OneOf, ranges
from nasbench.types import FloatArray, IntArray

Points: TypeAlias = tuple[npt.NDArray[Any], ...]
"""What a covariance is computed of: arrays with a row for each of `n` architectures."""
MAX_LEARNING_ROWS = 500
"""Most architectures, the first ones, from which hyperparameters are learnt; predictions use all."""
MAX_EXACT_ROWS = 4000
"""Most architectures whose whole covariance is factorised; of more, inducing points stand for all."""
MAX_INDUCING_POINTS = 4000
"""Most inducing points."""
PROJECTED = ("inner", "left_out_mean", "left_out_variance")
"""Names of what is stored with inducing points only."""
LEAST_RESIDUAL = 1e-2
"""Variance that the other inducing points do not tell of each, at least, in units of the noise."""


class GaussianProcess(Predictor):
    """Quadratic trend plus Matérn-5/2 remainder, with one weight for each group of features, in float64.

    The trend is the kernel (x . x' + offset)^2: a linear function and one of all pairs of features, which many
    architectures determine well. Weights, scales, offset and noise maximise the marginal likelihood times a prior
    (L-BFGS). Where only a subset teaches them, all variances are multiplied by the mean squared standardised
    leave-one-out error of all architectures (Rasmussen & Williams, 2006, section 5.4.2), which moves no mean.

    Beyond `MAX_EXACT_ROWS` architectures, the posterior is the one of at most `MAX_INDUCING_POINTS` inducing points,
    chosen among them (`inducing.py`).

    Args:
        features: Encodings, columns and curves joined by `/`; see `nasbench.predictors.encodings`.
        steps: Maximum iterations of L-BFGS.
    """

    tunable = ranges(features=GRAPH_FEATURES, steps=OneOf((10, 30, 100)))

    def __init__(self, features: str = DEFAULT, steps: int = 30) -> None:
        self.features, self.steps = features, steps

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        at_least(self, 0, "steps")
        x, groups = learnable(inputs, self._names)
        self.centre_ = x.mean(axis=0)
        self.unit_, groups = self._units(inputs, x, groups)
        self.points_ = self._points(inputs, x)
        learning = tuple(array[:MAX_LEARNING_ROWS] for array in self.points_)
        evidence = self._evidence(learning, torch.from_numpy(z[:MAX_LEARNING_ROWS]), torch.from_numpy(groups))
        self._learn(evidence.maximise(self.steps), groups)
        self._condition(z)

    def _condition(self, z: FloatArray) -> None:
        """Keep what all targets `(n,)` say of the function, given points and hyperparameters."""
        if len(z) > MAX_EXACT_ROWS:
            self._project(torch.from_numpy(z))
            return
        self.projected_: tuple[torch.Tensor, ...] | None = None
        covariance = self._covariance(self.points_, self.points_)
        covariance.diagonal().add_(self.noise_)
        try:
            self.cholesky_ = torch.linalg.cholesky(covariance).contiguous()  # as it comes back from a file
        except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
            raise InputError(f"the covariance of {len(z)} architectures is singular; choose other features") from error
        self.alpha_ = torch.cholesky_solve(torch.from_numpy(z)[:, None], self.cholesky_)[:, 0]
        if len(z) > MAX_LEARNING_ROWS:
            self._rescale(float((self.alpha_**2 / torch.cholesky_inverse(self.cholesky_).diagonal()).mean()))

    def _project(self, z: torch.Tensor) -> None:
        """Keep what inducing points tell of all targets `(n,)`."""
        everything = self.points_

        def covariance(rows: IntArray, columns: IntArray) -> torch.Tensor:
            return self._covariance(*(tuple(array[some] for array in everything) for some in (rows, columns)))

        try:
            inducing = choose(covariance, self._variance(everything), MAX_INDUCING_POINTS, LEAST_RESIDUAL * self.noise_)
            factor, solution, mean, variance = project(inducing, z, self.noise_)
        except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
            raise InputError(f"the covariance of {len(z)} architectures is singular; choose other features") from error
        self.points_ = tuple(array[inducing.rows] for array in everything)
        self.cholesky_, self.alpha_, self.projected_ = inducing.factor, solution, (factor, mean, variance)
        self._rescale(float(((z - mean) ** 2 / variance).mean()))

    @property
    def _names(self) -> str:
        """What is encoded in the space that is learnt."""
        return self.features

    def _units(self, inputs: Inputs, x: FloatArray, groups: IntArray) -> tuple[FloatArray, IntArray]:
        """Unit and group `(f,)` of each feature of `(n, f)`; with these, the mean squared distance in a group is 1."""
        spread = np.sqrt(2 * np.bincount(groups, variances(x)))
        return units(spread[groups], self.centre_), groups

    def _points(self, inputs: Inputs, x: FloatArray) -> Points:
        """What the covariance of `n` inputs is computed of, given their features `(n, f)`."""
        return ((x - self.centre_) / self.unit_,)

    def _evidence(self, points: Points, z: torch.Tensor, groups: torch.Tensor) -> Evidence:
        """What hyperparameters maximise, at points with targets `(n,)`."""
        return Evidence(torch.from_numpy(points[0]), z, groups)

    def _learn(self, learnt: Hyperparameters, groups: IntArray) -> None:
        """Keep hyperparameters; `groups` `(f,)` are those of the features."""
        self.weight_ = torch.exp(0.5 * learnt.log_weight).numpy()[groups]
        self.noise_, self.output_, self.trend_, self.offset_ = learnt[-4:]

    def _rescale(self, factor: float) -> None:
        """Multiply all variances by a factor, except by 0: constant targets are predicted without error."""
        factor = factor or 1.0
        self.output_, self.trend_, self.noise_ = (factor * v for v in (self.output_, self.trend_, self.noise_))
        self.cholesky_ = self.cholesky_ * math.sqrt(factor)
        if self.projected_ is None:
            self.alpha_ = self.alpha_ / factor
        else:
            inner, mean, variance = self.projected_
            self.alpha_, self.projected_ = self.alpha_ / math.sqrt(factor), (inner, mean, variance * factor)

    def leave_one_out(self) -> Prediction:
        """What the process predicts of each training target from all others, in their unit and order; shape `(n,)`.

        Nothing is fitted again: hyperparameters, units and the transform of targets are those learnt from all
        (Rasmussen & Williams, 2006, equations 5.10 to 5.12).

        Raises:
            InputError: It is not fitted.
        """
        self._check_fitted()
        if self.projected_ is None:
            variance = 1 / torch.cholesky_inverse(self.cholesky_).diagonal()
            targets = self.cholesky_ @ (self.cholesky_.T @ self.alpha_)
            mean = targets - self.alpha_ * variance
        else:
            _, mean, variance = self.projected_
        return Prediction(*self.transform_.moments(mean.numpy(), variance.sqrt().numpy()))

    def joint_transformed(self, inputs: Inputs) -> tuple[FloatArray, FloatArray]:
        """Joint normal distribution of the transformed targets of `n` architectures: mean `(n,)`, covariance `(n, n)`.

        Its diagonal is the variance of `predict_transformed`: the noise of one training each is in it.

        Raises:
            InputError: As `predict`.
        """
        given = self._fitted(inputs)
        if not len(given):
            return np.empty(0), np.empty((0, 0))
        mean, covariance = self._joint(given.transformed(self.columns_).canonical)
        return mean.numpy(), covariance.numpy()

    def _covariance(self, a: Points, b: Points) -> torch.Tensor:
        """Prior covariance `(n, m)` of the latent function at `n` and `m` points."""
        first, second = torch.from_numpy(a[0] * self.weight_), torch.from_numpy(b[0] * self.weight_)
        covariance = matern(self._distance(a, b, torch.cdist(first, second))).mul_(self.output_)
        trend = (first @ second.T).add_(self.offset_).square_().mul_(self.trend_)
        return covariance.add_(trend)

    def _distance(self, a: Points, b: Points, apart: torch.Tensor) -> torch.Tensor:
        """Distance `(n, m)` that the remainder depends on, given the distance of weighted features."""
        return apart

    def _variance(self, points: Points) -> torch.Tensor:
        """Prior variance `(n,)` of the latent function."""
        squares = torch.from_numpy((points[0] * self.weight_) ** 2).sum(dim=1)
        return self.output_ + self.trend_ * (squares + self.offset_) ** 2

    def _predict(self, inputs: Inputs) -> Prediction:
        points, mean, explained, uncertain = self._posterior(inputs)
        variance = self._variance(points) + self.noise_ - explained.square_().sum(dim=0)
        if uncertain is not None:
            variance += uncertain.square_().sum(dim=0)
        return Prediction(mean.numpy(), variance.clamp_min(self.noise_).sqrt().numpy())

    def _sample(self, inputs: Inputs, k: int, rng: np.random.Generator) -> FloatArray:
        mean, covariance = self._joint(inputs)
        root = torch.linalg.cholesky(covariance).numpy()  # (n, n)
        draws: FloatArray = mean.numpy() + rng.standard_normal((k, len(mean))) @ root.T
        return draws

    def _joint(self, inputs: Inputs) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean `(n,)` and covariance `(n, n)` of transformed targets, their noise included."""
        points, mean, explained, uncertain = self._posterior(inputs)
        covariance = self._covariance(points, points) - explained.T @ explained
        if uncertain is not None:
            covariance += uncertain.T @ uncertain
        covariance.diagonal().add_(self.noise_)
        return mean, covariance

    def _posterior(self, inputs: Inputs) -> tuple[Points, torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Points of `n` inputs, means `(n,)`, and two factors of covariances, each `(training, n)`.

        The first is of what is explained where the function is known at the training, or inducing, points; the second,
        with inducing points, of what is not known there.
        """
        points = self._points(inputs, encode(inputs, self._names)[0])
        across = self._covariance(self.points_, points)  # (training, n)
        explained = torch.linalg.solve_triangular(self.cholesky_, across, upper=False)
        if self.projected_ is None:
            return points, self.alpha_ @ across, explained, None
        uncertain = torch.linalg.solve_triangular(self.projected_[0], explained, upper=False)
        return points, self.alpha_ @ uncertain, explained, uncertain

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        projected = zip(PROJECTED, self.projected_ or (), strict=bool(self.projected_))
        return {
            **{name: array.numpy() for name, array in projected},
            "x": self.points_[0],
            "centre": self.centre_,
            "unit": self.unit_,
            "weight": self.weight_,
            "output": np.array(self.output_),
            "trend": np.array(self.trend_),
            "offset": np.array(self.offset_),
            "noise": np.array(self.noise_),
            "cholesky": self.cholesky_.numpy(),
            "alpha": self.alpha_.numpy(),
        }

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self.points_, self.centre_, self.unit_ = (state["x"],), state["centre"], state["unit"]
        self.weight_, self.output_, self.noise_ = state["weight"], float(state["output"]), float(state["noise"])
        self.trend_, self.offset_ = float(state["trend"]), float(state["offset"])
        self.cholesky_, self.alpha_ = torch.from_numpy(state["cholesky"]), torch.from_numpy(state["alpha"])
        self.projected_ = tuple(torch.from_numpy(state[name]) for name in PROJECTED if name in state) or None


def matern(distance: torch.Tensor) -> torch.Tensor:
    """Matérn-5/2 correlation at distances in length scales (Rasmussen & Williams, 2006, equation 4.17)."""
    scaled = math.sqrt(5) * distance
    decay = torch.exp(-scaled)
    correlation = 1 + scaled
    correlation += scaled.square_().div_(3)
    return correlation.mul_(decay)
