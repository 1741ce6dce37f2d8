"""Statistics: each formula by hand, then properties."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from nasbench.errors import InputError
from nasbench.evaluate.statistics import (
    bootstrap_interval,
    fewest_repeats,
    friedman,
    holm,
    leading,
    percentile_ends,
    rank,
    signed_rank,
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# --- intervals ------------------------------------------------------------------------------------------------------


def test_interval_of_equal_values_has_no_width() -> None:
    low, high = bootstrap_interval([3.0, 3.0, 3.0], rng())
    assert low == pytest.approx(3)
    assert high == pytest.approx(3)


def test_interval_of_two_values_by_hand() -> None:
    # Resamples of (0, 1) have mean 0, 1/2, 1 with chances 1/4, 1/2, 1/4: the 95 % interval is everything. For 20 %
    # the quantile of Student's t with one degree is tan(pi / 10) = 0.325, times the root of 2 it is 0.4595, which
    # leaves 0.32 of a normal distribution to each side: the interval is the single point 1/2.
    assert bootstrap_interval([0.0, 1.0], rng()) == (0, 1)
    assert bootstrap_interval([0.0, 1.0], rng(), confidence=0.2) == (0.5, 0.5)
    assert bootstrap_interval([0.0, 1.0], rng(), confidence=0.4) == (0, 1), "tails of 0.15"


def test_ends_of_two_repeats_by_hand() -> None:
    """With tails of 0.32, as above, the ends of 0, 1, ..., 100 are 32 and 68."""
    tail = stats.norm.sf(np.sqrt(2) * np.tan(np.pi / 10))
    assert percentile_ends(np.arange(101.0), 2, confidence=0.2) == pytest.approx((100 * tail, 100 - 100 * tail))


def test_interval_of_a_single_value_is_that_value() -> None:
    assert bootstrap_interval([3.0], rng()) == (3, 3)
    assert "(a single value)" in rank({"a": [1.0], "b": [2.0]}, rng()).statement


@pytest.mark.parametrize(("n", "least"), [(5, 0.88), (10, 0.92), (30, 0.93)])
def test_interval_of_few_values_covers_the_mean(n: int, least: float) -> None:
    samples = rng(4).normal(size=(n, 4000))  # 4,000 experiments, resampled alike
    low, high = bootstrap_interval(samples, rng())
    assert least < ((low <= 0) & (high >= 0)).mean() < 0.97


def test_interval_of_curves_resamples_whole_curves() -> None:
    values = rng(1).normal(size=(30, 1)) + np.zeros((1, 4))
    low, high = bootstrap_interval(values, rng())
    assert low.shape == high.shape == (4,)
    np.testing.assert_allclose(low, low[0])
    np.testing.assert_allclose(high, high[0])


def test_interval_agrees_with_scipy() -> None:
    values = rng(2).exponential(size=50)
    low, high = bootstrap_interval(values, rng(), resamples=20_000)
    confidence = 1 - 2 * stats.norm.cdf(stats.t.ppf(0.025, 49) * np.sqrt(50 / 49))
    theirs = stats.bootstrap(
        (values,), np.mean, method="percentile", confidence_level=confidence, n_resamples=20_000, rng=3
    ).confidence_interval
    # Of n draws of a normal distribution, the quantile of a tail t deviates by sqrt(t (1 - t) / n) / density.
    tail = (1 - confidence) / 2
    deviation = np.sqrt(tail * (1 - tail) / 20_000) / stats.norm.pdf(stats.norm.ppf(tail)) * values.std() / np.sqrt(50)
    near = 4 * np.sqrt(2) * deviation  # of two independent ones
    assert low == pytest.approx(theirs.low, abs=near)
    assert high == pytest.approx(theirs.high, abs=near)


def test_interval_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="at least one repeat"):
        bootstrap_interval(np.empty((0, 3)), rng())


# --- tests ----------------------------------------------------------------------------------------------------------


def test_signed_rank_by_hand() -> None:
    # Ranks 1, 2, 3 with signs +, -, +: balance 4 - 2 = 2; of the 8 sign patterns the smaller sum is at most 2 in
    # those with negative ranks {}, {1}, {2} and the mirror images: p = 6/8.
    assert signed_rank([1.0, -2.0, 3.0]) == (2, 0.75)
    # All of four positive: p = 2/16.
    assert signed_rank([1.0, 2.0, 3.0, 4.0]) == (10, 0.125)
    # Zeros are left out; ties share ranks 1.5, 1.5: negative sums 0, 1.5, 1.5, 3 and smaller sum 1.5: p = 1.
    assert signed_rank([0.0, 2.0, -2.0, 0.0]) == (0, 1)
    assert signed_rank([0.0, 0.0]) == (0, 1)


@pytest.mark.parametrize("n", [5, 20, 45])
def test_signed_rank_agrees_with_scipy(n: int) -> None:
    d = rng(n).normal(0.3, 1, size=n)
    assert signed_rank(d)[1] == pytest.approx(stats.wilcoxon(d, method="exact").pvalue)


def test_signed_rank_of_many_is_continuous_with_the_exact() -> None:
    """One more difference moves the balance by at most its rank and the ranks it raises: 2 (n + 1) in all."""
    d, n = rng(3).normal(0.12, 1, size=201), 200
    few, many = (stats.norm.isf(signed_rank(d[:size])[1] / 2) for size in (n, n + 1))
    deviation = np.sqrt(n * (n + 1) * (2 * n + 1) / 6)  # of the balance
    assert few == pytest.approx(many, abs=2 * (n + 1) / deviation)


@given(arrays(np.float64, st.integers(1, 12), elements=st.integers(-3, 3).map(float)))
@settings(deadline=None, max_examples=40)
def test_signed_rank_is_symmetric_and_enumerates_signs(d: np.ndarray) -> None:
    balance, p = signed_rank(d)
    assert signed_rank(-d) == pytest.approx((-balance, p))
    kept = d[d != 0]
    if len(kept):
        ranks = stats.rankdata(np.abs(kept))
        signs = 1 - 2 * (np.arange(2 ** len(kept))[:, None] >> np.arange(len(kept)) & 1)
        assert p == pytest.approx((np.abs(signs @ ranks) >= abs(balance) - 1e-9).mean())


def test_holm_by_hand() -> None:
    # Sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1 is 0.04, 0.06, 0.06, 0.04; the running maximum ends at 0.06.
    np.testing.assert_allclose(holm([0.04, 0.01, 0.03, 0.02]), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.5, 0.6]), [1, 1])
    assert holm([]).shape == (0,)


def test_friedman_by_hand() -> None:
    # Three blocks that all rank a < b < c: rank sums 3, 6, 9; 12 / (n k (k + 1)) * sum of squares - 3 n (k + 1)
    # = 12 / 36 * 126 - 36 = 6 with 2 degrees of freedom: exp(-3).
    assert friedman([[1, 2, 3], [10, 20, 30], [0, 1, 9]]) == pytest.approx(np.exp(-3))
    assert friedman([[1, 1, 1], [2, 2, 2]]) == 1


def test_friedman_agrees_with_scipy_with_ties() -> None:
    values = rng(4).integers(0, 4, size=(25, 4)) + np.array([0, 0, 1, 1])
    assert friedman(values) == pytest.approx(stats.friedmanchisquare(*values.T).pvalue)


# --- ranking --------------------------------------------------------------------------------------------------------


def test_ranking_by_hand() -> None:
    n = 10
    a, b = np.arange(n) / 100, np.arange(n) / 100 + 1
    c = b + np.where(np.arange(n) % 2, 0.01, -0.005)
    found = rank({"c": c, "a": a, "b": b}, rng(), units="percent")
    assert found.order == ("a", "b", "c")
    assert found.means["a"] == pytest.approx(0.045)
    assert found.mean_ranks == pytest.approx({"a": 1, "b": 2.5, "c": 2.5})
    pairs = {(p.better, p.worse): p for p in found.pairs}
    assert pairs["a", "b"].p == pytest.approx(2**-9)
    assert pairs["a", "b"].adjusted == pytest.approx(3 * 2**-9)
    assert pairs["a", "b"].difference == pytest.approx(-1)
    assert found.groups == (("b", "c"),)
    assert found.statement == (
        "Over 10 paired repeats, a has the lowest mean final regret, 0.045 percent "
        f"(95% bootstrap interval {found.lows['a']:.4g} to {found.highs['a']:.4g}); it is better than b and c "
        "(two-sided Wilcoxon signed-rank tests, Holm-corrected over 3 pairs, level 0.05; "
        f"Friedman test of all: p = {found.friedman:.2g})."
    )


def test_a_score_is_ranked_as_its_negative() -> None:
    values = {name: rng(k).normal(size=12) + k / 2 for k, name in enumerate("abc")}
    up = rank(values, rng(), direction="maximise", what="tau", repeat="split")
    down = rank({name: -v for name, v in values.items()}, rng(), what="tau", repeat="split")
    assert (up.order, up.groups, up.friedman) == (down.order, down.groups, down.friedman)
    assert up.mean_ranks == down.mean_ranks
    assert up.means == {name: -mean for name, mean in down.means.items()}
    assert up.lows == pytest.approx({name: -high for name, high in down.highs.items()})
    for one, other in zip(up.pairs, down.pairs, strict=True):
        assert (one.better, one.worse, one.adjusted) == (other.better, other.worse, other.adjusted)
        assert one.difference == -other.difference
    assert up.statement.startswith("Over 12 paired splits, c has the highest mean tau")


@pytest.mark.parametrize(("pairs", "needed"), [(1, 6), (3, 7), (6, 8), (10, 9)])
def test_fewest_repeats_by_hand(pairs: int, needed: int) -> None:
    assert fewest_repeats(pairs) == needed
    assert pairs * 2.0 ** (1 - needed) < 0.05 <= pairs * 2.0 ** (2 - needed)


def test_equal_strategies_cannot_be_told_apart() -> None:
    values = rng(5).normal(size=12)
    found = rank({"x": values, "y": values}, rng())
    assert found.groups == (("x", "y"),)
    assert found.friedman is None
    assert "all have the same mean" in found.statement


def test_too_few_repeats_claim_nothing() -> None:
    found = rank({"x": [0.0, 0.0, 0.0], "y": [1.0, 2.0, 3.0]}, rng())
    assert "so few repeats cannot show a difference beyond chance; 6 could" in found.statement
    assert found.groups == (("x", "y"),)


def test_a_lower_mean_that_loses_most_repeats_is_said_to() -> None:
    x = np.full(30, 1.0)
    y = np.full(30, 0.9)
    y[0] = 40.0
    found = rank({"x": x, "y": y}, rng())
    assert found.order == ("x", "y")
    assert (found.pairs[0].better, found.pairs[0].worse) == ("y", "x")
    assert "it is worse by signed ranks than y" in found.statement


def test_groups_overlap_where_only_the_ends_differ() -> None:
    # b wins 6 of 20 against a and c 6 others against b, all by 1: p = 0.115 each.
    # c never wins against a and ties 12 times: p = 2 / 2^8.
    a = np.zeros(20)
    b = a + np.where(np.arange(20) < 6, -1, 1)
    c = b + np.where(np.arange(20) >= 14, -1, 1)
    found = rank({"a": a, "b": b, "c": c}, rng())
    adjusted = {frozenset((p.better, p.worse)): p.adjusted for p in found.pairs}
    assert adjusted[frozenset("ac")] == pytest.approx(3 / 128)
    assert adjusted[frozenset("ab")] == adjusted[frozenset("bc")] == pytest.approx(0.2306, abs=1e-3)
    assert found.groups == (("a", "b"), ("b", "c"))


def test_one_strategy_has_nothing_to_be_compared_with() -> None:
    found = rank({"only": [1.0, 2.0]}, rng())
    assert found.pairs == found.groups == ()
    assert found.statement.endswith("there is nothing to compare it with.")


@pytest.mark.parametrize(
    ("final", "message"),
    [
        ({}, "nothing to rank"),
        ({"a": [1.0], "b": [1.0, 2.0]}, "same number of repeats"),
        ({"a": []}, "same number of repeats"),
        ({"a": [1.0, np.nan]}, "a repeat 1 is nan"),
    ],
)
def test_bad_input(final: dict[str, list[float]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        rank(final, rng())


def test_false_claims_stay_below_the_level() -> None:
    """Of 200 comparisons of four equal strategies about one in twenty may claim a difference."""
    claims = 0
    for seed in range(200):
        table = rng(1000 + seed).normal(size=(20, 4))
        p = [signed_rank(table[:, i] - table[:, j])[1] for i in range(4) for j in range(i)]
        claims += bool(holm(p).min() < 0.05)
    assert claims <= 20  # P(more than 20 | 0.05) < 0.001


def test_equal_means_are_not_ranked() -> None:
    same = rank({"a": [1.0, 2.0, 3.0], "b": [3.0, 2.0, 1.0]}, np.random.default_rng(0), what="regret", units="")
    assert same.statement == "Over 3 paired repeats, all have the same mean regret, 2."
    values = {"a": [1.0, 2.0, 3.0], "b": [3.0, 2.0, 1.0], "c": [5.0, 6.0, 7.0]}
    first = rank(values, np.random.default_rng(0), what="regret", units="").statement
    assert first.startswith("Over 3 paired repeats, a and b have the lowest mean regret, 2 ")
    alone = rank({"a": [1.0, 2.0]}, np.random.default_rng(0), what="regret", units="").statement
    assert "a has a mean regret" in alone


@settings(max_examples=50)
@given(
    st.lists(st.floats(-100, 100), min_size=1, max_size=12),
    st.integers(2, 5),
    st.sampled_from(["minimise", "maximise"]),
    st.randoms(use_true_random=False),
)
def test_components_with_the_same_numbers_in_any_order_are_all_in_front(
    values: list[float], number: int, direction: Any, random: Any
) -> None:
    table = {f"c{k}": random.sample(values, len(values)) for k in range(number)}
    found = rank(table, rng(), direction=direction)
    assert leading(vars(found)) == list(found.order)
    assert "all have the same mean" in found.statement
    assert not re.search("lowest|highest|best|better|worse", found.statement)
