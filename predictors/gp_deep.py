"""Deep kernel learning: a Gaussian process on what a small network makes of features (Wilson et al., 2016)."""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy.typing as npt
import torch

from nasbench.predictors.base import at_least
from nasbench.predictors.encodings import DEFAULT, learnable
from nasbench.predictors.evidence import (
    NOISE,
    OFFSET,
    OUTPUT,
    SINGULAR_LOSS,
    TREND,
    WEIGHT_SPREAD,
    Hyperparameters,
    minimise,
)
from nasbench.predictors.gp import MAX_LEARNING_ROWS, GaussianProcess, Points
from nasbench.predictors.inputs import Inputs
from nasbench.predictors.ranges import OneOf, ranges
from nasbench.types import FloatArray, IntArray

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit, in linear_operator
    import gpytorch
    from gpytorch.constraints import GreaterThan
    from gpytorch.distributions import MultivariateNormal
    from gpytorch.kernels import MaternKernel, PolynomialKernel, ScaleKernel
    from gpytorch.likelihoods import GaussianLikelihood
    from gpytorch.priors import LogNormalPrior, NormalPrior
    from linear_operator.utils.errors import NanError, NotPSDError
    from linear_operator.utils.warnings import NumericalWarning

PROJECTION_SPREAD = 0.005
"""Standard deviation of the normal prior of each weight of the projection, around its start.

At 0.15, with four dimensions and no hidden layer, the 90 % intervals of 100 cells of NAS-Bench-101 held .38.
"""
LAYER_SPREAD = 0.1
"""Standard deviation of the normal prior of what the hidden units add up to, and of each of their own weights."""


class DeepKernel(GaussianProcess):
    """The process of `gp` on a few dimensions, which a network learns from features together with the process.

    The network projects weighted features to a few dimensions, h = P'x, and adds a hidden layer, h + U'tanh(V'h + b).
    It begins as the principal components of the training features, with U = 0 and random V and b, so that `gp` on them
    is where learning starts. Normal priors keep all weights near their start unless many targets say otherwise: the
    marginal likelihood alone overfits thousands of weights (Ober et al., 2021). The model is one of GPyTorch (Gardner
    et al., 2018), which L-BFGS fits; predictions need only its numbers.

    Args:
        features: Encodings, columns and curves joined by `/`; see `nasbench.predictors.encodings`.
        steps: Maximum iterations of L-BFGS.
        dimensions: Number of dimensions that features are projected to.
        hidden: Number of hidden units; 0 for a projection alone.
        seed: Seed of the random weights at the start.
    """

    tunable = ranges(**GaussianProcess.tunable, dimensions=OneOf((4, 8, 16, 32)), hidden=OneOf((0, 8, 16, 32)))

    def __init__(
        self, features: str = DEFAULT, steps: int = 30, dimensions: int = 16, hidden: int = 16, seed: int = 0
    ) -> None:
        super().__init__(features, steps)
        self.dimensions, self.hidden, self.seed = dimensions, hidden, seed

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        at_least(self, 0, "steps", "hidden", "seed")
        at_least(self, 1, "dimensions")
        x, groups = learnable(inputs, self._names)
        self.centre_ = x.mean(axis=0)
        self.unit_, groups = self._units(inputs, x, groups)
        learning = torch.from_numpy(((x - self.centre_) / self.unit_)[:MAX_LEARNING_ROWS])
        start = Network.start(learning, self.dimensions, self.hidden, self.seed)
        model = Model(learning, torch.from_numpy(z[:MAX_LEARNING_ROWS]), torch.from_numpy(groups), start)
        maximise(model, self.steps)
        self._learn(model.learnt(), groups)
        self.network_ = Network(*(weight.detach() for weight in model.weights))
        self.points_ = self._points(inputs, x)
        self._condition(z)

    def _learn(self, learnt: Hyperparameters, groups: IntArray) -> None:
        super()._learn(learnt, groups)
        self.unit_ = self.unit_ / self.weight_  # the network reads weighted features
        self.weight_ = torch.ones(self.dimensions, dtype=torch.float64).numpy()

    def _points(self, inputs: Inputs, x: FloatArray) -> Points:
        return tuple(self.network_(torch.from_numpy(array)).numpy() for array in super()._points(inputs, x))

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        weights = {f"network_{name}": weight.numpy() for name, weight in self.network_._asdict().items()}
        return {**super()._state(), **weights}

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        super()._restore(state)
        self.network_ = Network(*(torch.from_numpy(state[f"network_{name}"]) for name in Network._fields))


class Network(NamedTuple):
    """A projection and a hidden layer that adds to it.

    Attributes:
        projection: P, from features to dimensions; shape `(f, d)`.
        inner: V, from dimensions to hidden units; shape `(d, h)`.
        bias: b, of hidden units; shape `(h,)`.
        outer: U, from hidden units to dimensions; shape `(h, d)`.
    """

    projection: torch.Tensor
    inner: torch.Tensor
    bias: torch.Tensor
    outer: torch.Tensor

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Points `(n, d)` of features `(n, f)`."""
        projected = x @ self.projection
        return projected + torch.tanh(projected @ self.inner + self.bias) @ self.outer

    @classmethod
    def start(cls, x: torch.Tensor, dimensions: int, hidden: int, seed: int) -> Network:
        """Principal components of centred features `(n, f)`, 0 beyond their rank, and a layer that adds nothing."""
        _, _, components = torch.linalg.svd(x, full_matrices=False)
        projection, generator = x.new_zeros((x.shape[1], dimensions)), torch.Generator().manual_seed(seed)
        projection[:, : len(components)] = components[:dimensions].T
        inner = torch.randn(dimensions, hidden, generator=generator, dtype=x.dtype)
        bias = torch.randn(hidden, generator=generator, dtype=x.dtype)
        return cls(projection, inner, bias, x.new_zeros((hidden, dimensions)))

    @property
    def spreads(self) -> tuple[float, ...]:
        """Standard deviation of the prior of the weights in each array."""
        outer = LAYER_SPREAD / math.sqrt(max(1, len(self.bias)))
        return PROJECTION_SPREAD, LAYER_SPREAD, LAYER_SPREAD, outer


class Model(gpytorch.models.ExactGP):  # type: ignore[misc]
    """The prior: how likely functions, noise, hyperparameters and the weights of the network are.

    Args:
        x: Features in their units; shape `(n, f)`.
        z: Targets; shape `(n,)`.
        groups: Group of each feature; shape `(f,)`.
        start: The network that priors are centred on, and learning starts from.
    """

    def __init__(self, x: torch.Tensor, z: torch.Tensor, groups: torch.Tensor, start: Network) -> None:
        noise = GaussianLikelihood(LogNormalPrior(NOISE.centre, NOISE.spread), GreaterThan(NOISE.least))
        super().__init__(x, z, noise)
        self.mean = gpytorch.means.ZeroMean()
        self.kernel = ScaleKernel(MaternKernel(2.5), LogNormalPrior(OUTPUT.centre, OUTPUT.spread))
        quadratic = PolynomialKernel(2, offset_prior=LogNormalPrior(OFFSET.centre, OFFSET.spread))
        self.trend = ScaleKernel(quadratic, LogNormalPrior(TREND.centre, TREND.spread))
        self.double()
        self.likelihood.noise, self.kernel.outputscale = NOISE.start, OUTPUT.start
        self.trend.outputscale, quadratic.offset = TREND.start, OFFSET.start
        self.kernel.base_kernel.lengthscale = 1.0  # the weights take its place
        self.kernel.base_kernel.raw_lengthscale.requires_grad_(False)
        count = int(groups.max()) + 1
        centre = x.new_full((count,), -math.log(count))
        self.groups, self.log_weight = groups, torch.nn.Parameter(centre.clone())
        self.register_prior("group", NormalPrior(centre, torch.full_like(centre, WEIGHT_SPREAD)), "log_weight")
        self.weights = torch.nn.ParameterList(weight.clone() for weight in start)
        for position, (weight, spread) in enumerate(zip(start, start.spreads, strict=True)):
            prior = NormalPrior(weight, torch.full_like(weight, spread))
            self.register_prior(start._fields[position], prior, lambda model, at=position: model.weights[at])

    def forward(self, x: torch.Tensor) -> MultivariateNormal:
        """Prior of the targets at features `(n, f)`."""
        points = Network(*self.weights)(x * torch.exp(0.5 * self.log_weight)[self.groups])
        return MultivariateNormal(self.mean(points), self.kernel(points) + self.trend(points))

    def learnt(self) -> Hyperparameters:
        """Hyperparameters as they are now."""
        numbers = (
            self.likelihood.noise,
            self.kernel.outputscale,
            self.trend.outputscale,
            self.trend.base_kernel.offset,
        )
        log_weight = self.log_weight.detach()
        return Hyperparameters(log_weight, log_weight.new_zeros(0), *(float(number.detach()) for number in numbers))


def maximise(model: Model, steps: int) -> None:
    """Maximise the marginal likelihood of a model's targets times its priors, in place, by iterations of L-BFGS."""
    objective = gpytorch.mlls.ExactMarginalLogLikelihood(model.likelihood, model.train())
    x: torch.Tensor = model.train_inputs[0]
    free = [parameter for parameter in model.parameters() if parameter.requires_grad]

    def loss(raw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        torch.nn.utils.vector_to_parameters(raw.clone(), free)
        model.zero_grad()
        try:
            value: torch.Tensor = -objective(model(x), model.train_targets)
        except (NanError, NotPSDError, NumericalWarning):
            return raw.new_tensor(SINGULAR_LOSS), torch.zeros_like(raw)  # the line search takes a part of its step back
        value.backward()  # type: ignore[no-untyped-call]
        slopes = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in free]
        return value.detach(), torch.nn.utils.parameters_to_vector(slopes)

    start = torch.nn.utils.parameters_to_vector(free).detach()
    with warnings.catch_warnings():
        warnings.simplefilter("error", NumericalWarning)  # of a covariance that is singular but for rounding
        found = minimise(loss, start, steps)
    torch.nn.utils.vector_to_parameters(found, free)
