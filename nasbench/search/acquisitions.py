"""Acquisition functions: what an evaluation is worth, from the normal distribution that a predictor gives a score."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr

from nasbench.types import FloatArray

CONFIDENCE = 2.0
"""Standard deviations that an upper confidence bound adds."""
MAXIMA = 16
"""Maxima that entropy search draws."""
BRACKET_STEPS = 50
"""Halvings of the interval in which a quantile of the maximum lies."""
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
SERIES_FROM = -1e4
"""Below it the logarithm of the expected improvement is that of its leading term, right to 1e-8 and better."""


class Belief(NamedTuple):
    """What is believed of `n` candidates; more is better.

    Attributes:
        mean: Expected score; shape `(n,)`.
        std: Standard deviation of the score, not negative; same shape.
        best: Best score so far.
    """

    mean: FloatArray
    std: FloatArray
    best: float


Acquisition: TypeAlias = Callable[[Belief, np.random.Generator], FloatArray]
"""What each candidate is worth, `(n,)`; the largest is evaluated."""


def expected_improvement(belief: Belief, rng: np.random.Generator | None = None) -> FloatArray:
    """Expected amount by which scores exceed the best (Jones et al., 1998, Equation 15, for maximisation).

    In the unit of the score, never negative; where `std` is 0 the improvement is certain.
    """
    gain, z, spread = _standardised(belief)
    density = np.exp(-0.5 * z**2 - HALF_LOG_2PI)
    result: FloatArray = np.where(belief.std > 0, gain * ndtr(z) + spread * density, np.maximum(gain, 0.0))
    return np.maximum(result, 0.0)


def log_expected_improvement(belief: Belief, rng: np.random.Generator | None = None) -> FloatArray:
    """The logarithm of `expected_improvement`, which does not vanish far below the best (Ament et al., 2023).

    With z the standardised gain it is log std + log(phi(z) + z Phi(z)), for negative z from the scaled complementary
    error function (Equation 9); minus infinity where the improvement is certainly 0.
    """
    gain, z, spread = _standardised(belief)
    inner = np.clip(z, SERIES_FROM, 0)
    mills = math.sqrt(math.pi / 2) * erfcx(-inner / math.sqrt(2))  # Phi(z) / phi(z)
    near = np.log1p(np.maximum(inner * mills, -1 + np.finfo(np.float64).eps))
    tail = -0.5 * z**2 - HALF_LOG_2PI + np.where(z < SERIES_FROM, -2 * np.log(np.maximum(-z, 1)), near)
    with np.errstate(divide="ignore"):
        direct = np.log(np.maximum(np.exp(-0.5 * z**2 - HALF_LOG_2PI) + z * ndtr(z), 0))
        certain = np.log(np.maximum(gain, 0.0))
    result: FloatArray = np.where(belief.std > 0, np.log(spread) + np.where(z < 0, tail, direct), certain)
    return result


def probability_of_improvement(belief: Belief, rng: np.random.Generator | None = None) -> FloatArray:
    """Logarithm of the probability that a score exceeds the best (Kushner, 1964)."""
    gain, z, _ = _standardised(belief)
    result: FloatArray = np.where(belief.std > 0, log_ndtr(z), np.where(gain > 0, 0.0, -np.inf))
    return result


def upper_confidence_bound(belief: Belief, rng: np.random.Generator | None = None) -> FloatArray:
    """Mean and `CONFIDENCE` standard deviations (Srinivas et al., 2010)."""
    result: FloatArray = belief.mean + CONFIDENCE * belief.std
    return result


def expected_score(belief: Belief, rng: np.random.Generator | None = None) -> FloatArray:
    """The mean alone, without exploration."""
    return belief.mean


def independent_thompson(belief: Belief, rng: np.random.Generator) -> FloatArray:
    """A draw of each score, independent of the others (White et al., 2021, BANANAS)."""
    draws: FloatArray = belief.mean + belief.std * rng.standard_normal(len(belief.mean))
    return draws


def max_value_entropy(belief: Belief, rng: np.random.Generator) -> FloatArray:
    """What a score tells about the largest of all, in nats (Wang and Jegelka, 2017, Equation 6, with Gumbel draws)."""
    mean, std, best = belief
    std = np.maximum(std, np.finfo(np.float64).eps * max(1.0, float(np.abs(mean).max())))
    low, median, high = (_quantile_of_maximum(mean, std, best, share) for share in (0.25, 0.5, 0.75))
    scale = (high - low) / (math.log(math.log(4)) - math.log(math.log(4 / 3)))
    centre = median + scale * math.log(math.log(2))
    drawn = np.maximum(centre - scale * np.log(-np.log(rng.random(MAXIMA))), best)
    gamma = (drawn[:, None] - mean) / std  # (MAXIMA, n)
    log_cdf = log_ndtr(gamma)
    ratio = np.exp(-0.5 * gamma**2 - HALF_LOG_2PI - log_cdf)
    result: FloatArray = (gamma * ratio / 2 - log_cdf).mean(axis=0)
    return result


ACQUISITIONS = MappingProxyType(
    {
        "ei": expected_improvement,
        "logei": log_expected_improvement,
        "pi": probability_of_improvement,
        "ucb": upper_confidence_bound,
        "mean": expected_score,
        "its": independent_thompson,
        "mes": max_value_entropy,
    }
)
"""By name; `bayesian` computes `thompson`, a joint draw, from the predictor itself."""


def _standardised(belief: Belief) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Gain, gain in standard deviations (in its own unit where there are none), and the deviations without 0."""
    gain = belief.mean - belief.best
    spread = np.where(belief.std > 0, belief.std, 1.0)
    return gain, gain / spread, spread


def _quantile_of_maximum(mean: FloatArray, std: FloatArray, best: float, share: float) -> float:
    """Where the product of all normal distribution functions is `share`, by halving an interval."""
    low, high = max(best, float((mean - 5 * std).max())), max(best, float((mean + 10 * std).max()))
    for _ in range(BRACKET_STEPS):
        middle = (low + high) / 2
        if log_ndtr((middle - mean) / std).sum() < math.log(share):
            low = middle
        else:
            high = middle
    return (low + high) / 2
