"""Acquisition functions by hand, by numerical integration, and beside each other."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import trapezoid
from scipy.stats import norm

from nasbench.search.acquisitions import (
    ACQUISITIONS,
    MAXIMA,
    Belief,
    expected_improvement,
    log_expected_improvement,
    max_value_entropy,
    probability_of_improvement,
    upper_confidence_bound,
)

NUMBERS = st.floats(-50, 50)


def belief(mean: object, std: object, best: float) -> Belief:
    return Belief(np.atleast_1d(np.array(mean, dtype=float)), np.atleast_1d(np.array(std, dtype=float)), best)


def test_expected_improvement_by_hand() -> None:
    # mean = best: std / sqrt(2 pi). One standard deviation above: phi(1) + Phi(1) = 0.24197 + 0.84134.
    found = expected_improvement(belief([5.0, 6.0, 4.0], [2.0, 1.0, 1.0], 5.0))
    np.testing.assert_allclose(found, [2 / math.sqrt(2 * math.pi), 1.083316, 0.083315], atol=1e-6)


def test_without_doubt_the_improvement_is_the_gain() -> None:
    sure = belief([4.0, 5.0, 7.0], [0.0, 0.0, 0.0], 5.0)
    np.testing.assert_array_equal(expected_improvement(sure), [0, 0, 2])
    np.testing.assert_array_equal(log_expected_improvement(sure), [-np.inf, -np.inf, math.log(2)])
    np.testing.assert_array_equal(probability_of_improvement(sure), [-np.inf, -np.inf, 0])


@given(NUMBERS, st.floats(1e-3, 50), NUMBERS)
def test_expected_improvement_is_the_mean_of_improvements(
    rounding: Callable[..., float], mean: float, std: float, best: float
) -> None:
    """The trapezoidal rule is off by up to h^2 / 12 where the slope changes by one; the rest is rounding of n terms."""
    (found,) = expected_improvement(belief(mean, std, best))
    z, h = np.linspace(-9, 9, 20_001, retstep=True)
    size = abs(mean - best) + std
    density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    expected = trapezoid(np.maximum(mean + std * z - best, 0) * density, z)
    assert found == pytest.approx(expected, rel=0, abs=std * h**2 / 12 + rounding(len(z)) * size)
    assert found >= max(0.0, mean - best) - rounding(10) * size


@given(st.floats(-8, 8), st.floats(1e-3, 50))
def test_its_logarithm_is_the_logarithm(z: float, std: float) -> None:
    """To -8: there phi + z Phi, of terms of about phi, is phi / 65, so that the reference loses two digits."""
    told = belief(z * std, std, 0.0)
    assert log_expected_improvement(told)[0] == pytest.approx(math.log(expected_improvement(told)[0]), abs=1e-10)


def test_far_below_the_best_the_logarithm_still_orders() -> None:
    """log EI is log phi(z) - 2 log |z| + o(1) for z to minus infinity; EI itself is 0 there."""
    z = -np.geomspace(40, 1e8, 200)
    told = belief(z, np.ones(200), 0.0)
    assert (expected_improvement(told) == 0).all()
    found = log_expected_improvement(told)
    assert np.isfinite(found).all() and (np.diff(found) < 0).all()
    leading = -0.5 * z**2 - 0.5 * math.log(2 * math.pi) - 2 * np.log(-z)
    assert (np.abs(found - leading) <= 3 / z**2 + 4 * np.finfo(float).eps * z**2).all()


def test_probability_and_bound_by_hand() -> None:
    told = belief([5.0, 6.0, 3.0], [2.0, 1.0, 1.0], 5.0)
    np.testing.assert_allclose(np.exp(probability_of_improvement(told)), norm.cdf([0, 1, -2]), rtol=1e-12)
    np.testing.assert_array_equal(upper_confidence_bound(told), [9, 8, 5])
    np.testing.assert_array_equal(ACQUISITIONS["mean"](told, np.random.default_rng(0)), told.mean)


def test_independent_draws_have_the_moments() -> None:
    """Each of 10,000 draws; five standard errors of mean and deviation."""
    told = belief(np.full(10_000, 3.0), np.full(10_000, 2.0), 0.0)
    draws = ACQUISITIONS["its"](told, np.random.default_rng(0))
    assert draws.mean() == pytest.approx(3, abs=5 * 2 / 100)
    assert draws.std() == pytest.approx(2, abs=5 * 2 / math.sqrt(2 * 10_000))


def test_entropy_of_one_candidate_by_integration() -> None:
    """Of one candidate the maximum is its score: the entropy is lost that a normal has below each of its draws."""
    told = belief(0.0, 1.0, -30.0)
    (found,) = max_value_entropy(told, np.random.default_rng(0))
    quartiles = norm.ppf([0.25, 0.5, 0.75])
    scale = (quartiles[2] - quartiles[0]) / (math.log(math.log(4)) - math.log(math.log(4 / 3)))
    centre = quartiles[1] + scale * math.log(math.log(2))
    drawn = centre - scale * np.log(-np.log(np.random.default_rng(0).random(MAXIMA)))
    lost = []
    for top in drawn:
        x = np.linspace(top - 14, top, 200_001)
        density = norm.pdf(x) / norm.cdf(top)
        lost.append(0.5 * math.log(2 * math.pi * math.e) + trapezoid(density * np.log(density), x))
    assert found == pytest.approx(np.mean(lost), abs=1e-4)


@pytest.mark.parametrize("name", ACQUISITIONS)
@pytest.mark.parametrize("unit", [1e-8, 1.0, 1e12])
def test_the_unit_does_not_matter_and_nothing_is_nan(name: str, unit: float) -> None:
    """Powers of ten round, so the order of near ties may differ; the best does not."""
    rng = np.random.default_rng(1)
    mean, std = rng.normal(size=300), rng.uniform(0, 1, size=300)
    std[:3] = 0
    worth = [ACQUISITIONS[name](belief(mean * u, std * u, 0.7 * u), np.random.default_rng(2)) for u in (1.0, unit)]
    assert not np.isnan(worth).any()
    assert worth[0].argmax() == worth[1].argmax()
