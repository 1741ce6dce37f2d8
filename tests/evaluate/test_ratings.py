"""Win rates, ratings, robust means and critical differences: by hand, against published values, and as properties."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from nasbench.evaluate.ratings import (
    bradley_terry,
    critical_difference,
    interquartile_mean,
    ratings,
    robust_means,
    superiority,
)

RNG = np.random.default_rng


def test_superiority_by_hand() -> None:
    """Of the six pairs of (1, 2) and (2, 3, 0): 1 beats 2 and 3, 2 beats 3 and ties with 2: 3.5 of 6."""
    assert superiority({"a": [1, 2], "b": [2, 3, 0]}) == pytest.approx(np.array([[0.5, 3.5 / 6], [2.5 / 6, 0.5]]))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_superiority_is_that_of_mann_and_whitney(first: list[int], second: list[int]) -> None:
    wins = superiority({"a": first, "b": second})
    u = stats.mannwhitneyu(second, first, method="asymptotic").statistic  # counts pairs in which `second` is larger
    assert wins[0, 1] == pytest.approx(u / (len(first) * len(second)))
    assert wins + wins.T == pytest.approx(np.ones((2, 2)))


def test_two_ratings_by_hand() -> None:
    """Nine games of nine, and the draw: odds of 9.5 to 0.5, so 400 log10(19) points apart, around 1,000."""
    apart = 400 * math.log10(9.5 / 0.5)
    assert bradley_terry(np.array([[0.0, 9], [0, 0]])) == pytest.approx([1000 + apart / 2, 1000 - apart / 2])


@given(st.integers(2, 5), st.integers(0, 10_000))
def test_at_the_maximum_everybody_is_expected_to_win_what_it_won(k: int, seed: int) -> None:
    wins = RNG(seed).random((3, k, k)) * 4
    strength = bradley_terry(wins)
    won = (wins + 0.5) * (1 - np.eye(k))
    chance = 1 / (1 + 10 ** ((strength[:, None, :] - strength[:, :, None]) / 400))
    expected = (won + won.swapaxes(1, 2)) * chance
    assert expected.sum(axis=-1) == pytest.approx(won.sum(axis=-1), abs=1e-6)
    assert strength.mean(axis=-1) == pytest.approx(1000)


def test_who_always_wins_is_rated_highest_with_finite_numbers() -> None:
    wins = np.full((4, 3, 3), 0.5)
    wins[:, 0, 1:], wins[:, 1:, 0] = 1, 0
    found = ratings(("a", "b", "c"), wins, RNG(0))
    assert list(found) == ["a", "b", "c"] and found["b"] == found["c"]
    assert all(math.isfinite(number) for row in found.values() for number in row.values())
    assert found["a"]["low"] == pytest.approx(found["a"]["rating"])  # the same on every benchmark


def test_intervals_of_ratings_widen_where_benchmarks_disagree() -> None:
    split = np.full((6, 2, 2), 0.5)
    split[:3, 0, 1], split[:3, 1, 0] = 1, 0
    split[3:, 0, 1], split[3:, 1, 0] = 0, 1
    found = ratings(("a", "b"), split, RNG(0))
    assert found["a"]["rating"] == pytest.approx(1000)
    assert found["a"]["low"] < 950 and found["a"]["high"] > 1050


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=30))
def test_interquartile_mean_is_that_of_scipy(values: list[float]) -> None:
    assert interquartile_mean(values) == pytest.approx(stats.trim_mean(values, 0.25))


def test_one_outlier_does_not_move_a_robust_mean() -> None:
    found = robust_means({"a": [1, 2, 3, 4, 5, 6, 7, 1000], "b": [2.0] * 8}, RNG(0))
    assert found["a"]["mean"] == pytest.approx(4.5)
    assert found["a"]["low"] < 4.5 < found["a"]["high"]
    assert found["b"] == {"mean": 2, "low": 2, "high": 2}


@pytest.mark.parametrize(("k", "published"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_critical_differences_of_demsar(k: int, published: float) -> None:
    """Table 5a of Demšar (2006) prints q at .05, cut off after three decimals."""
    assert critical_difference(k, 1) / math.sqrt(k * (k + 1) / 6) == pytest.approx(published, abs=1e-3)
    assert critical_difference(k, 16) == pytest.approx(critical_difference(k, 1) / 4)
