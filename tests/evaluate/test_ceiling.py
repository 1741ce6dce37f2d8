import math

import numpy as np
import pytest

from nasbench.evaluate.ceiling import MAX_ARCHITECTURES, Ceiling, ceiling, from_agreement
from nasbench.evaluate.metrics import kendall_tau


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def found(by_seed: np.ndarray) -> Ceiling:
    result = ceiling(by_seed, rng())
    assert result is not None
    return result


def test_by_hand() -> None:
    """Tau 1/3 is a reliability of 1/2: the angle of its root is 45 degrees of 90. Of means of three it is 3/4: 60."""
    assert from_agreement(1 / 3) == pytest.approx(1 / 2)
    assert from_agreement(1 / 3, 3) == pytest.approx(2 / 3)
    assert [from_agreement(tau, 2) for tau in (-0.2, 0.0, 1.0)] == [0, 0, 1]
    assert math.isnan(from_agreement(math.nan))


def test_it_follows_from_the_agreement_and_the_trainings() -> None:
    result = found(rng(1).normal(size=(50, 1)) + 0.5 * rng(2).normal(size=(50, 2)))
    assert (result.architectures, result.trainings) == (50, 2)
    assert result.tau == from_agreement(result.agreement, 2)


def test_without_noise_everything_can_be_known() -> None:
    values = rng().normal(size=(100, 1))
    result = found(np.repeat(values, 3, axis=1))
    assert result[:4] == pytest.approx((1, 1, 1, 1))


def test_noise_alone_cannot_be_known() -> None:
    """Kendall's tau of n independent values deviates by about 2 / (3 sqrt(n)); r of that is its pi / 2."""
    result = found(rng().normal(size=(5000, 2)))
    assert abs(result.agreement) < 4 * 2 / 3 / math.sqrt(5000)
    assert result.tau < 0.3


@pytest.mark.parametrize("seeds", [2, 3])
@pytest.mark.parametrize("noise", [0.1, 0.5, 1.0])
def test_of_normal_values_it_is_the_tau_of_the_expected_values(seeds: int, noise: float) -> None:
    """Also of any increasing function of them. The measured tau deviates by at most about 1 / sqrt(n)."""
    n = 8000
    expected = rng(1).normal(size=(n, 1))
    values = expected + noise * rng(2).normal(size=(n, seeds))
    result = found(values)
    measured = kendall_tau(expected[:, 0], values.mean(axis=1))
    assert result.tau == pytest.approx(measured, abs=2 / math.sqrt(n))
    assert result.low < result.tau < result.high
    assert result.agreement == pytest.approx(found(np.exp(values)).agreement)


def test_missing_trainings_make_targets_noisier() -> None:
    values = rng(1).normal(size=(1000, 1)) + 0.5 * rng(2).normal(size=(1000, 2))
    once = values.copy()
    once[300:, 1] = np.nan
    few, all_twice = found(once), found(values)
    assert (few.architectures, all_twice.architectures) == (300, 1000)
    assert few.trainings == pytest.approx(1000 / (300 / 2 + 700))
    assert few.tau < all_twice.tau
    expected = rng(1).normal(size=1000)
    assert few.tau == pytest.approx(kendall_tau(expected, np.nanmean(once, axis=1)), abs=2 / math.sqrt(300))


def test_bounds_without_assumptions() -> None:
    """Skewed values of one training: at least the agreement, at most its root, where nothing is tied."""
    n = 4000
    expected = rng(1).exponential(size=n)
    values = expected[:, None] + 0.4 * rng(2).normal(size=(n, 2))
    result = found(values)
    measured = kendall_tau(expected, values[:, 0])
    assert result.agreement < measured < math.sqrt(result.agreement)


def test_nothing_trained_twice_or_nothing_that_varies() -> None:
    assert ceiling(np.array([[1.0, np.nan], [np.nan, 2.0]]), rng()) is None
    assert ceiling(np.array([[1.0, 2.0], [np.nan, 2.0]]), rng()) is None
    assert ceiling(np.ones((30, 2)), rng()) is None


def test_a_large_table_is_sampled() -> None:
    values = rng().normal(size=(MAX_ARCHITECTURES + 5, 1)).repeat(2, axis=1)
    assert found(values).architectures == MAX_ARCHITECTURES
