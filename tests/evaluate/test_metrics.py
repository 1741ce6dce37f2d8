import math

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from scipy import stats

from nasbench.errors import InputError
from nasbench.evaluate import metrics

Y = np.array([1.0, 2.0, 3.0, 4.0])
CORRELATIONS = [metrics.kendall_tau, metrics.spearman, metrics.pearson]


def test_kendall_tau_by_hand():
    # pairs of (1 2 3 4) against (1 3 2 4): five agree, one does not
    assert metrics.kendall_tau(Y, np.array([1.0, 3, 2, 4])) == pytest.approx((5 - 1) / 6)


def test_kendall_tau_b_by_hand_with_ties():
    # against (1 1 2 3): five pairs agree, one is tied; tau-b divides by sqrt(6 * 5)
    assert metrics.kendall_tau(Y, np.array([1.0, 1, 2, 3])) == pytest.approx(5 / math.sqrt(30))


def test_sparse_kendall_tau_by_hand():
    # predictions round to (1.0 1.0 2.0 3.1): as with ties above; the measured values keep their differences
    prediction = np.array([1.04, 0.96, 2.01, 3.12])
    assert metrics.sparse_kendall_tau(Y, prediction) == pytest.approx(5 / math.sqrt(30))
    assert metrics.kendall_tau(Y, prediction) == pytest.approx((5 - 1) / 6)
    assert metrics.sparse_kendall_tau(Y / 1000, prediction) == metrics.sparse_kendall_tau(Y, prediction)
    assert math.isnan(metrics.sparse_kendall_tau(Y, prediction, "nats"))


def test_normal_kl_by_hand():
    # one standard deviation away: 1/2; twice as wide: (1/4 - 1) / 2 + log 2; the same: 0
    found = metrics.normal_kl(np.array([0.0, 3, 5]), np.ones(3), np.array([1.0, 3, 5]), np.array([1.0, 2, 1]))
    assert found == pytest.approx([0.5, math.log(2) - 3 / 8, 0])
    with pytest.raises(InputError, match="must be positive"):
        metrics.normal_kl(np.zeros(1), np.zeros(1), np.zeros(1), np.ones(1))


def test_spearman_by_hand():
    # rank differences 0, -1, 1, 0: 1 - 6 * 2 / (4 * 15)
    assert metrics.spearman(Y, np.array([10.0, 300, 20, 4000])) == pytest.approx(0.8)


def test_pearson_by_hand_keeps_its_sign():
    # deviations (-1 0 1) and (1 1 -2): -3 / sqrt(2 * 6)
    assert metrics.pearson(np.array([1.0, 2, 3]), np.array([2.0, 2, -1])) == pytest.approx(-3 / math.sqrt(12))


def test_r2_and_rmse_by_hand():
    prediction = np.array([1.0, 2, 3, 2])  # one error of 2; the mean of y has squared error 5
    assert metrics.r2(Y, prediction) == pytest.approx(1 - 4 / 5)
    assert metrics.rmse(Y, prediction) == pytest.approx(1.0)
    assert metrics.r2(Y, np.full(4, 2.5)) == 0.0


def test_nll_by_hand():
    # at the mean with std 1: log(2 pi) / 2; two stds of 3 away: + 2 + log 3
    base = 0.5 * math.log(2 * math.pi)
    value = metrics.nll(np.array([0.0, 6.0]), np.zeros(2), np.array([1.0, 3.0]))
    assert value == pytest.approx(base + (2 + math.log(3)) / 2)


def test_crps_by_hand():
    # at the mean with std 1: 2 phi(0) - 1 / sqrt(pi); one std of 2 away: 2 (2 Phi(1) - 1 + 2 phi(1) - 1 / sqrt(pi))
    at_mean = 2 / math.sqrt(2 * math.pi) - 1 / math.sqrt(math.pi)
    away = 2 * (math.erf(math.sqrt(0.5)) + 2 * math.exp(-0.5) / math.sqrt(2 * math.pi) - 1 / math.sqrt(math.pi))
    value = metrics.crps(np.array([0.0, 5.0]), np.array([0.0, 3.0]), np.array([1.0, 2.0]))
    assert value == pytest.approx((at_mean + away) / 2)


def test_crps_is_the_integral_of_the_squared_distance_of_distributions():
    """The integrand is at most 1 and leaps by at most 1, at y, so a sum over steps is off by a step or so."""
    grid, step = np.linspace(-40, 40, 200_001, retstep=True)
    for y, mean, std in ((1.0, 0.5, 2.0), (-3.0, 1.0, 0.7)):
        squared = (stats.norm.cdf(grid, mean, std) - (grid >= y)) ** 2
        expected = squared.sum() * step
        assert metrics.crps(*(np.array([v]) for v in (y, mean, std))) == pytest.approx(expected, abs=2 * step)


def test_crps_is_the_absolute_error_of_the_sure_and_best_for_the_right_spread():
    rng = np.random.default_rng(0)
    y, mean = rng.normal(size=100_000), np.zeros(100_000)
    assert metrics.crps(y, mean, np.full(len(y), 1e-9)) == pytest.approx(np.abs(y).mean())
    right, narrow, wide = (metrics.crps(y, mean, np.full(len(y), std)) for std in (1.0, 0.7, 1.4))
    assert right < min(narrow, wide)
    assert metrics.crps(10 * y, mean, np.full(len(y), 10.0)) == pytest.approx(10 * right)


def test_coverage_by_hand():
    # the interval is +- 1.645 std
    y = np.array([0.0, 1.64, -1.64, 1.65, -3.3, 3.28])
    assert metrics.coverage_90(y, np.zeros(6), np.array([1.0, 1, 1, 1, 2, 2])) == pytest.approx(4 / 6)


def test_calibration_error_by_hand():
    """At a level p, 1 - p too many values lie at the mean, p too few far away. The levels average 1/2."""
    inside, outside = np.zeros(4), np.full(4, 100.0)
    assert metrics.calibration_error(inside, np.zeros(4), np.ones(4)) == pytest.approx(0.5)
    assert metrics.calibration_error(outside, np.zeros(4), np.ones(4)) == pytest.approx(0.5)
    # one of each: 1/2 is observed at all levels; |1/2 - p| sums to 2 (0.01 + ... + 0.49) = 24.5 over 99 levels
    half = np.concatenate([inside, outside])
    assert metrics.calibration_error(half, np.zeros(8), np.ones(8)) == pytest.approx(24.5 / 99)


def test_calibration_error_counts_what_coverage_counts():
    rng = np.random.default_rng(0)
    y, mean, std = rng.normal(size=500), rng.normal(size=500), rng.uniform(0.2, 2, 500)
    half_widths = stats.norm.ppf((1 + metrics.LEVELS) / 2)
    covered = (np.abs(y - mean) <= half_widths[:, None] * std).mean(axis=1)
    assert covered[89] == metrics.coverage_90(y, mean, std)
    assert metrics.calibration_error(y, mean, std) == pytest.approx(np.abs(covered - metrics.LEVELS).mean())


def test_the_right_distribution_has_little_calibration_error():
    """No observed coverage of n values deviates by more than 1.95 / sqrt(n), but in 0.1 % of cases (Kolmogorov)."""
    rng, n = np.random.default_rng(0), 100_000
    mean, std = rng.normal(size=n), rng.uniform(0.1, 3, n)
    y = rng.normal(mean, std)
    right = metrics.calibration_error(y, mean, std)
    assert right < 1.95 / math.sqrt(n)
    assert right < min(metrics.calibration_error(y, mean, factor * std) for factor in (0.7, 1.4))


@pytest.mark.parametrize("score", CORRELATIONS)
def test_correlation_with_a_constant_is_undefined(score):
    assert math.isnan(score(Y, np.ones(4)))
    assert math.isnan(score(np.ones(4), Y))
    assert math.isnan(score(Y[:1], Y[:1]))


def test_undefined_is_nan():
    assert math.isnan(metrics.r2(np.ones(4), Y))
    assert math.isnan(metrics.rmse(Y[:0], Y[:0]))
    assert math.isnan(metrics.nll(Y[:0], Y[:0], Y[:0]))
    assert math.isnan(metrics.crps(Y[:0], Y[:0], Y[:0]))
    assert math.isnan(metrics.coverage_90(Y[:0], Y[:0], Y[:0]))
    assert math.isnan(metrics.calibration_error(Y[:0], Y[:0], Y[:0]))


@pytest.mark.parametrize("score", [*CORRELATIONS, metrics.r2, metrics.rmse])
def test_scores_of_nan_are_nan(score):
    for damaged in (np.array([1, 2, math.nan, 4]), np.full(4, math.nan)):
        assert math.isnan(score(Y, damaged))
        assert math.isnan(score(damaged, Y))


@pytest.mark.parametrize("score", [metrics.nll, metrics.crps, metrics.coverage_90, metrics.calibration_error])
def test_calibration_of_nan_is_nan(score):
    assert math.isnan(score(Y, np.array([1, 2, math.nan, 4]), np.ones(4)))
    with pytest.raises(InputError, match="number 2 is nan"):
        score(Y, Y, np.array([1, 1, math.nan, 1]))


numbers = hnp.arrays(np.float64, 12, elements=st.floats(-1e6, 1e6, width=32))


@pytest.mark.parametrize("score", CORRELATIONS)
@given(y=numbers, prediction=numbers)
@settings(deadline=None, max_examples=50)
def test_correlations_are_symmetric_antisymmetric_and_bounded(score, y, prediction, rounding):
    """The same products of 12 numbers are added in another order at most."""
    value, near = score(y, prediction), rounding(3 * 12)
    if math.isnan(value):
        return
    assert -1 <= value <= 1
    assert value == pytest.approx(score(prediction, y), abs=near)
    assert value == pytest.approx(-score(y, -prediction), abs=near)


@given(y=numbers, prediction=numbers, exponent=st.sampled_from([-900, -530, 530, 900]))
@settings(deadline=None, max_examples=30)
def test_scores_of_extreme_values_are_those_of_usual_ones(y, prediction, exponent):
    """Scaling by a power of two is exact, and so are the scores of the scaled values."""
    y, prediction = np.round(y), np.round(prediction)  # no number of less than 1 is lost below the range of float64
    scale = 2.0**exponent
    for score in (*CORRELATIONS, metrics.r2):
        assert repr(score(y * scale, prediction * scale)) == repr(score(y, prediction))
    assert metrics.rmse(y * scale, prediction * scale) == metrics.rmse(y, prediction) * scale
    ones = np.ones(len(y))
    for score in (metrics.crps, metrics.coverage_90):
        unit = scale if score is metrics.crps else 1
        assert score(y * scale, prediction * scale, ones * scale) == score(y, prediction, ones) * unit


def test_correlations_agree_with_scipy():
    rng = np.random.default_rng(0)
    y, prediction = rng.integers(0, 9, 200).astype(float), rng.integers(0, 9, 200).astype(float)
    assert metrics.spearman(y, prediction) == pytest.approx(stats.spearmanr(y, prediction).statistic)
    assert metrics.pearson(y, prediction) == pytest.approx(stats.pearsonr(y, prediction).statistic)


def test_coverage_of_the_right_distribution_is_nine_tenths():
    rng, n = np.random.default_rng(0), 100_000
    mean, std = rng.normal(size=n), rng.uniform(0.1, 3, n)
    deviation = math.sqrt(0.9 * 0.1 / n)  # of a share of n
    assert metrics.coverage_90(rng.normal(mean, std), mean, std) == pytest.approx(0.9, abs=4 * deviation)


@pytest.mark.parametrize("score", [*CORRELATIONS, metrics.r2, metrics.rmse])
def test_lengths_must_agree(score):
    with pytest.raises(InputError, match="same length"):
        score(Y, Y[:3])


def test_std_must_be_positive():
    with pytest.raises(InputError, match=r"number 2 is 0\.0"):
        metrics.nll(Y, Y, np.array([1.0, 1, 0, 1]))
