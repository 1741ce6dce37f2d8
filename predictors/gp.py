"""Exact Gaussian process regression (Rasmussen & Williams, 2006, algorithm 2.1) on encodings of cells."""

from __future__ import annotations

import math
import warnings
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from nasbench.errors import InputError
from nasbench.predictors.base import Prediction, Predictor, at_least
from nasbench.predictors.encodings import DEFAULT, encode, learnable, units, variances
from nasbench.predictors.inputs import Inputs
from nasbench.predictors.ranges import GRAPH_FEATURES, OneOf, ranges
from nasbench.types import FloatArray, IntArray

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit, in linear_operator
    import gpytorch
    from gpytorch.constraints import GreaterThan
    from gpytorch.distributions import MultivariateNormal
    from gpytorch.priors import LogNormalPrior, NormalPrior
    from linear_operator.utils.errors import NanError, NotPSDError
    from linear_operator.utils.warnings import NumericalWarning

Points: TypeAlias = tuple[npt.NDArray[Any], ...]
"""What a covariance is computed of: arrays with a row for each of `n` architectures."""
MAX_LEARNING_ROWS = 500
"""Most architectures, the first ones, from which hyperparameters are learnt; predictions use all."""
SINGULAR_LOSS = 1e6
"""Loss returned when the covariance is numerically singular (usual losses are of order 1 nat)."""
MIN_NOISE_VARIANCE = 1e-4
"""Smallest noise variance, relative to the targets, that keeps the covariance of duplicates invertible."""


class GaussianProcess(Predictor):
    """Quadratic trend plus Matérn-5/2 remainder, with one weight for each group of features, in float64.

    The trend is the kernel (x . x' + offset)^2: a linear function and one of all pairs of features, which many
    architectures determine well. Weights, scales, offset and noise maximise the marginal likelihood times a prior
    (L-BFGS). Where only a subset teaches them, all variances are multiplied by the mean squared standardised
    leave-one-out error of all architectures (Rasmussen & Williams, 2006, section 5.4.2), which moves no mean.

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
        model = self._model(learning, torch.from_numpy(z[:MAX_LEARNING_ROWS]), torch.from_numpy(groups))
        maximise(model, self.steps)
        self._learn(model)
        covariance = self._covariance(self.points_, self.points_)
        covariance.diagonal().add_(self.noise_)
        try:
            self.cholesky_ = torch.linalg.cholesky(covariance).contiguous()  # as it comes back from a file
        except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
            raise InputError(f"the covariance of {len(z)} architectures is singular; choose other features") from error
        self.alpha_ = torch.cholesky_solve(torch.from_numpy(z)[:, None], self.cholesky_)[:, 0]
        if len(z) > MAX_LEARNING_ROWS:
            self._rescale(float((self.alpha_**2 / torch.cholesky_inverse(self.cholesky_).diagonal()).mean()))

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

    def _model(self, points: Points, z: torch.Tensor, groups: torch.Tensor) -> Model:
        """The prior with hyperparameters that are to be learnt, at points with targets `(n,)`."""
        return Model(torch.from_numpy(points[0]), z, groups)

    def _learn(self, model: Model) -> None:
        """Keep the hyperparameters of a model."""
        self.weight_ = torch.exp(0.5 * model.log_weight.detach())[model.groups].numpy()
        self.output_ = float(model.kernel.outputscale.detach())
        self.trend_ = float(model.trend.outputscale.detach())
        self.offset_ = float(model.trend.base_kernel.offset.detach())
        self.noise_ = float(model.likelihood.noise.detach())

    def _rescale(self, factor: float) -> None:
        """Multiply all variances by a factor."""
        self.output_, self.trend_, self.noise_ = (factor * v for v in (self.output_, self.trend_, self.noise_))
        self.cholesky_, self.alpha_ = self.cholesky_ * math.sqrt(factor), self.alpha_ / factor

    def _covariance(self, a: Points, b: Points) -> torch.Tensor:
        """Prior covariance `(n, m)` of the latent function at `n` and `m` points."""
        first, second = torch.from_numpy(a[0] * self.weight_), torch.from_numpy(b[0] * self.weight_)
        remainder = self.output_ * matern(self._distance(a, b, torch.cdist(first, second)))
        return remainder + self.trend_ * (first @ second.T + self.offset_) ** 2

    def _distance(self, a: Points, b: Points, apart: torch.Tensor) -> torch.Tensor:
        """Distance `(n, m)` that the remainder depends on, given the distance of weighted features."""
        return apart

    def _predict(self, inputs: Inputs) -> Prediction:
        points, mean, explained = self._posterior(inputs)
        squares = torch.from_numpy((points[0] * self.weight_) ** 2).sum(dim=1)
        prior = self.output_ + self.trend_ * (squares + self.offset_) ** 2
        variance = prior + self.noise_ - (explained**2).sum(dim=0)
        return Prediction(mean.numpy(), variance.clamp_min(self.noise_).sqrt().numpy())

    def _sample(self, inputs: Inputs, k: int, rng: np.random.Generator) -> FloatArray:
        points, mean, explained = self._posterior(inputs)
        covariance = self._covariance(points, points) - explained.T @ explained
        covariance.diagonal().add_(self.noise_)
        root = torch.linalg.cholesky(covariance).numpy()  # (n, n)
        draws: FloatArray = mean.numpy() + rng.standard_normal((k, len(mean))) @ root.T
        return draws

    def _posterior(self, inputs: Inputs) -> tuple[Points, torch.Tensor, torch.Tensor]:
        """Points of `n` inputs, means `(n,)`, and the factor `(training, n)` of the explained covariance."""
        points = self._points(inputs, encode(inputs, self._names)[0])
        across = self._covariance(self.points_, points)  # (training, n)
        return points, self.alpha_ @ across, torch.linalg.solve_triangular(self.cholesky_, across, upper=False)

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        return {
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


class Model(gpytorch.models.ExactGP):  # type: ignore[misc]
    """The prior: how likely functions, noise and hyperparameters are."""

    def __init__(self, x: torch.Tensor, z: torch.Tensor, groups: torch.Tensor) -> None:
        noise = gpytorch.likelihoods.GaussianLikelihood(LogNormalPrior(-3.0, 1.5), GreaterThan(MIN_NOISE_VARIANCE))
        super().__init__(x, z, noise)
        self.mean = gpytorch.means.ZeroMean()
        self.kernel = gpytorch.kernels.ScaleKernel(gpytorch.kernels.MaternKernel(2.5), LogNormalPrior(0.0, 1.0))
        quadratic = gpytorch.kernels.PolynomialKernel(2, offset_prior=LogNormalPrior(0.0, 1.0))
        self.trend = gpytorch.kernels.ScaleKernel(quadratic, LogNormalPrior(-3.0, 2.0))
        self.kernel.base_kernel.lengthscale = 1.0  # the weights take its place
        self.kernel.base_kernel.raw_lengthscale.requires_grad_(False)
        count = int(groups.max()) + 1
        self.groups = groups
        self.log_weight = torch.nn.Parameter(torch.full((count,), -math.log(count)))
        self.register_prior("weight_prior", NormalPrior(-math.log(count), 1.5), "log_weight")
        self.double()
        self.likelihood.noise, self.kernel.outputscale = 0.1, 1.0
        self.trend.outputscale, quadratic.offset = 0.05, 1.0

    def forward(self, x: torch.Tensor) -> MultivariateNormal:
        """Prior of the targets at features `(n, f)`."""
        x = x * torch.exp(0.5 * self.log_weight)[self.groups]
        return MultivariateNormal(self.mean(x), self.remainder(x) + self.trend(x))

    def remainder(self, x: torch.Tensor) -> Any:
        """Covariance `(n, n)` of what the trend leaves, at weighted features `(n, f)`."""
        return self.kernel(x)


def matern(distance: torch.Tensor) -> torch.Tensor:
    """Matérn-5/2 correlation at distances in length scales (Rasmussen & Williams, 2006, equation 4.17)."""
    scaled = math.sqrt(5) * distance
    correlation: torch.Tensor = (1 + scaled + scaled**2 / 3) * torch.exp(-scaled)
    return correlation


def maximise(model: Model, steps: int) -> None:
    """Maximise the log marginal likelihood of a model's targets times its priors, in place, by L-BFGS."""
    objective = gpytorch.mlls.ExactMarginalLogLikelihood(model.likelihood, model.train())
    x: torch.Tensor = model.train_inputs[0]
    z: torch.Tensor = model.train_targets
    free = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.LBFGS(free, max_iter=steps, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        try:
            loss: torch.Tensor = -objective(model(x), z)
        except (NanError, NotPSDError, NumericalWarning):
            return x.new_tensor(SINGULAR_LOSS)  # the line search takes a part of its step back
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    with warnings.catch_warnings():
        warnings.simplefilter("error", NumericalWarning)  # of a covariance that is singular but for rounding
        optimiser.step(closure)  # type: ignore[no-untyped-call]
