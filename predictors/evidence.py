"""Evidence of a Gaussian process and its gradient in closed form (Rasmussen & Williams, 2006, equations 5.8 and 5.9).

Each step of learning takes one factorisation, one inverse and two products with the features.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch

from nasbench.types import FloatArray

MIN_NOISE_VARIANCE = 1e-4
"""Smallest noise variance, relative to the targets, that keeps the covariance of duplicates invertible."""
SINGULAR_LOSS = 1e6
"""Loss returned when the covariance is numerically singular (usual losses are of order 1 nat)."""

MAX_EVALUATIONS_PER_STEP = 1.25
"""Bounds the evaluations of the loss: most steps need one."""
CORRECTIONS = 100
"""Earlier steps that tell L-BFGS the curvature: all of them, as a rule."""
LEAST_DECREASE, FLAT = 1e-10, 1e-7
"""Relative decrease of the loss in a step, and size of its slope, at which learning ends early."""


class LogNormal(NamedTuple):
    """Prior of a positive hyperparameter: its logarithm is normal.

    Attributes:
        centre: Mean of the logarithm.
        spread: Standard deviation of the logarithm.
        start: Where learning starts.
        least: Lower bound.
    """

    centre: float
    spread: float
    start: float
    least: float = 0.0


NOISE = LogNormal(-3.0, 1.5, 0.1, MIN_NOISE_VARIANCE)
"""Variance of the noise."""
OUTPUT = LogNormal(0.0, 1.0, 1.0)
"""Variance of the remainder."""
TREND = LogNormal(-3.0, 2.0, 0.05)
"""Factor of the trend."""
OFFSET = LogNormal(0.0, 1.0, 1.0)
"""Offset of the trend."""
POSITIVE = (NOISE, OUTPUT, TREND, OFFSET)
WEIGHT_SPREAD = 1.5
"""Standard deviation of the normal prior of the log weight of a group; its mean gives all together weight 1."""
DISTANCE_CENTRE, DISTANCE_SPREAD = -3.0, 1.5
"""Mean and standard deviation of the normal prior of the log weight of a distance that is given."""


class Hyperparameters(NamedTuple):
    """What is learnt of the prior.

    Attributes:
        log_weight: Logarithm of the weight of squared distances in each group of features; shape `(groups,)`.
        log_distance_weight: The same for each squared distance that is given; shape `(h,)`.
        noise: Variance of the noise.
        output: Variance of the remainder.
        trend: Factor of the trend.
        offset: Offset of the trend.
    """

    log_weight: torch.Tensor
    log_distance_weight: torch.Tensor
    noise: float
    output: float
    trend: float
    offset: float


class Evidence:
    """How likely targets and hyperparameters are, at features in their units.

    The covariance is output m(d) + trend (s + offset)^2 + noise [i = j], where s is the product of weighted features,
    d^2 their squared distance plus the weighted distances that are given, and m the Matérn-5/2 correlation.

    Args:
        x: Features; shape `(n, f)`.
        z: Targets; shape `(n,)`.
        groups: Group of each feature; shape `(f,)`.
        squares: Squared distances that add to the one of features, each with a weight of its own; shape `(h, n, n)`.
    """

    def __init__(
        self, x: torch.Tensor, z: torch.Tensor, groups: torch.Tensor, squares: torch.Tensor | None = None
    ) -> None:
        self.x, self.z, self.groups = x, z, groups
        self.squares = x.new_zeros((0, len(x), len(x))) if squares is None else squares
        count = int(groups.max()) + 1
        given = (count, len(self.squares))
        self.centre = torch.cat([x.new_full((given[0],), -math.log(count)), x.new_full((given[1],), DISTANCE_CENTRE)])
        self.spread = torch.cat([x.new_full((given[0],), WEIGHT_SPREAD), x.new_full((given[1],), DISTANCE_SPREAD)])
        self.count = count
        start = [_inverse_softplus(prior.start - prior.least) for prior in POSITIVE]
        self.raw = torch.cat([self.centre, x.new_tensor(start)])

    def maximise(self, steps: int) -> Hyperparameters:
        """Hyperparameters of the largest evidence times their prior, by at most so many iterations of L-BFGS."""
        self.raw = minimise(self.loss, self.raw, steps)
        return self.hyperparameters(self.raw)

    def hyperparameters(self, raw: torch.Tensor) -> Hyperparameters:
        """The hyperparameters that unbounded numbers stand for: logarithms, then `POSITIVE` ones by softplus."""
        logs, unbounded = raw[: -len(POSITIVE)], raw[-len(POSITIVE) :]
        least = raw.new_tensor([prior.least for prior in POSITIVE])
        positive = (torch.nn.functional.softplus(unbounded) + least).tolist()
        return Hyperparameters(logs[: self.count], logs[self.count :], *positive)

    def loss(self, raw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Negative logarithm of the evidence times the prior, divided by n, and its gradient.

        Where the covariance cannot be factorised it is `SINGULAR_LOSS`, with a gradient of 0: the line search then
        takes a part of its step back.
        """
        n, logs = len(self.x), raw[: -len(POSITIVE)]
        log_weight, log_distance_weight, noise, output, trend, offset = self.hyperparameters(raw)
        scaled = self.x * torch.exp(0.5 * log_weight)[self.groups]
        product = scaled @ scaled.T
        norms = product.diagonal()
        squared = (norms[:, None] + norms).sub_(product, alpha=2)
        given = torch.exp(log_distance_weight)
        for weight, square in zip(given.tolist(), self.squares, strict=True):
            squared.add_(square, alpha=weight)
        scaled_distance = squared.clamp_(min=0).mul_(5).sqrt_()
        decay = torch.exp(-scaled_distance)
        slope = (1 + scaled_distance).mul_(decay)  # of the correlation, as -5/6 of it by the squared distance
        correlation = slope + scaled_distance.square_().mul_(decay).div_(3)
        shifted = product.add_(offset)
        quadratic = shifted**2
        covariance = (output * correlation).add_(quadratic, alpha=trend)
        covariance.diagonal().add_(noise)
        factor, failed = torch.linalg.cholesky_ex(covariance)
        alpha = torch.cholesky_solve(self.z[:, None], factor)[:, 0]
        fit = self.z @ alpha + 2 * factor.diagonal().log().sum() + n * math.log(2 * math.pi)
        prior, prior_gradient = self._prior(raw, logs)
        loss = (0.5 * fit - prior) / n
        if failed or not torch.isfinite(loss):
            return raw.new_tensor(SINGULAR_LOSS), torch.zeros_like(raw)
        inner = torch.cholesky_inverse(factor).neg_().addr_(alpha, alpha).mul_(0.5)  # of the evidence by the covariance
        by_positive = [inner.trace(), (inner * correlation).sum(), (inner * quadratic).sum()]
        by_product = inner * shifted
        by_positive.append(2 * trend * by_product.sum())
        by_square = inner.mul_(slope).mul_(-5 / 6 * output)
        mixed = by_product.mul_(2 * trend).sub_(by_square, alpha=2)
        by_feature = ((mixed @ scaled) * scaled).sum(dim=0) + 2 * (by_square.sum(dim=1) @ scaled**2)
        by_weight = raw.new_zeros(self.count).index_add_(0, self.groups, by_feature)
        by_given = given * torch.tensordot(self.squares, by_square, dims=2)
        by_unbounded = torch.stack(by_positive) * torch.sigmoid(raw[-len(POSITIVE) :])
        gradient = torch.cat([by_weight, by_given, by_unbounded])
        return loss, -(gradient + prior_gradient) / n

    def _prior(self, raw: torch.Tensor, logs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logarithm of the prior density of the hyperparameters, and its gradient by the unbounded numbers."""
        centre, spread, _, least = raw.new_tensor(POSITIVE).T
        value = torch.nn.functional.softplus(raw[-len(POSITIVE) :]) + least
        away, apart = (logs - self.centre) / self.spread, (value.log() - centre) / spread
        density = -0.5 * ((away**2).sum() + (apart**2).sum()) - value.log().sum()
        constant = (self.spread.log().sum() + spread.log().sum()) + 0.5 * len(raw) * math.log(2 * math.pi)
        by_unbounded = -(apart / spread + 1) / value * torch.sigmoid(raw[-len(POSITIVE) :])
        return density - constant, torch.cat([-away / self.spread, by_unbounded])


def minimise(
    loss: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]], start: torch.Tensor, steps: int
) -> torch.Tensor:
    """Where at most so many iterations of L-BFGS end.

    Args:
        loss: Value and gradient `(p,)` at numbers `(p,)`, which it must not keep.
        start: Where they begin; shape `(p,)`.
        steps: Most iterations.
    """
    if not steps:
        return start
    from scipy.optimize import minimize  # takes long to import

    def as_arrays(raw: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = loss(torch.from_numpy(raw))
        return float(value), gradient.numpy()

    options = {
        "maxiter": steps,
        "maxfun": max(1, steps * MAX_EVALUATIONS_PER_STEP),
        "maxcor": CORRECTIONS,
        "ftol": LEAST_DECREASE,
        "gtol": FLAT,
    }
    found: torch.Tensor = torch.from_numpy(
        minimize(as_arrays, start.numpy(), method="L-BFGS-B", jac=True, options=options).x
    )
    return found


def _inverse_softplus(value: float) -> float:
    return value + math.log(-math.expm1(-value))
