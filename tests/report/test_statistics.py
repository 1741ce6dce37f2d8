"""Statistics of the report, by hand and by property."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nasbench.report.statistics import (
    limits_without_outliers,
    pareto_front,
    seed_agreement,
    seed_deviation,
    tau_interval,
)


def test_pareto_front_of_five_points() -> None:
    cost = np.array([3.0, 1.0, 2.0, 2.0, 4.0])
    value = np.array([90.0, 70.0, 80.0, 75.0, 85.0])
    assert pareto_front(cost, value).tolist() == [1, 2, 0]
    assert pareto_front(cost, value, maximise=False).tolist() == [1]
    assert pareto_front(np.array([1.0, 1.0, np.nan]), np.array([5.0, 5.0, 9.0])).tolist() == [0]


@settings(deadline=None, max_examples=50)
@given(arrays(np.float64, (12, 2), elements=st.integers(0, 6).map(float)))
def test_pareto_front_is_what_nothing_dominates(points: np.ndarray) -> None:
    cost, value = points.T
    front = pareto_front(cost, value)
    on_front = {(cost[row], value[row]) for row in front}
    for c, v in zip(cost, value, strict=True):
        beaten = any((d <= c and w >= v) and (d, w) != (c, v) for d, w in zip(cost, value, strict=True))
        assert ((c, v) in on_front) != beaten
    assert len(on_front) == len(front)


def test_noise_pools_the_variance_within_cells() -> None:
    # variances 2 (of 1, 3) and 8 (of 0, 4); the cell with one seed says nothing
    assert seed_deviation(np.array([[1.0, 3.0], [0.0, 4.0], [7.0, np.nan]])) == pytest.approx(math.sqrt(5.0))
    # variance 2 with one degree of freedom, 9 (of 0, 3, 6) with two
    assert seed_deviation(np.array([[1.0, 3.0, np.nan], [0.0, 3.0, 6.0]])) == pytest.approx(math.sqrt((2 + 2 * 9) / 3))
    assert math.isnan(seed_deviation(np.array([[1.0], [2.0]])))


def test_agreement_is_kendalls_tau_over_pairs_of_seeds() -> None:
    # seeds 0 and 1 agree on all 3 pairs of cells, 0 and 2 on 1 of 3, 1 and 2 as well
    tau, low, high, n = seed_agreement(np.array([[1.0, 1.0, 2.0], [2.0, 2.0, 3.0], [3.0, 3.0, 1.0]]))
    assert tau == pytest.approx((1 - 1 / 3 - 1 / 3) / 3)
    assert n == 3
    assert math.isnan(low)
    assert math.isnan(high)


def test_tau_interval_by_the_formula() -> None:
    low, high = tau_interval(0.5, 104)
    half = 1.96 * math.sqrt(0.437 / 100)
    assert math.atanh(high) - math.atanh(0.5) == pytest.approx(half)
    assert math.atanh(0.5) - math.atanh(low) == pytest.approx(half)
    assert tau_interval(1.0, 50) == (1.0, 1.0)


def test_limits_leave_out_cells_that_learnt_nothing() -> None:
    values = np.array([10.0, *np.linspace(70, 80, 21)])
    limits, beyond = limits_without_outliers(values, maximise=True)
    assert limits == pytest.approx((69.4, 80.6))
    assert beyond == 1
    assert limits_without_outliers(-values, maximise=False)[1] == 1
    assert limits_without_outliers(-values, maximise=True) == (None, 0)  # far better than the others: shown
    assert limits_without_outliers(np.array([10.0, *np.linspace(30, 80, 21)]), maximise=True) == (None, 0)
    assert limits_without_outliers(np.array([10.0, 70.0, 70.0, 70.0, 70.0]), maximise=True) == (None, 0)


@given(
    arrays(np.float64, (6, 3), elements=st.integers(-(10**6), 10**6).map(float)),
    st.sampled_from([-900, -530, 530, 900]),
)
@settings(deadline=None, max_examples=50)
def test_deviation_of_extreme_values_is_that_of_usual_ones(by_seed: np.ndarray, exponent: int) -> None:
    by_seed[0, 0] = np.nan
    assert seed_deviation(by_seed * 2.0**exponent) == seed_deviation(by_seed) * 2.0**exponent
