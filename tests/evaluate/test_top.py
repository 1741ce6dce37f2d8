import math
from functools import partial
from itertools import permutations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.metrics import ndcg_score

from nasbench.errors import InputError
from nasbench.evaluate import top

Y = np.array([50.0, 90.0, 70.0, 60.0, 80.0])
AT_K = [top.ndcg, top.precision, top.best_rank, top.regret]


def test_scores_by_hand():
    """The two predicted highest are 80 and 60; the two best are 90 and 80. Gains are (0, 1, 1/2, 1/4, 3/4)."""
    prediction = np.array([1.0, 2, 3, 4, 5])
    discount = 1 / math.log2(3)
    assert top.ndcg(Y, prediction, 2) == pytest.approx((3 / 4 + discount / 4) / (1 + discount * 3 / 4))
    assert top.precision(Y, prediction, 2) == 1 / 2
    assert top.best_rank(Y, prediction, 2) == 2
    assert top.regret(Y, prediction, 2) == 10


def test_ties_by_hand():
    """80 is chosen, and one of 70 and 60, in half of the cases each; 90 is not, nor is 50."""
    prediction = np.array([1.0, 2, 4, 4, 5])
    discount = 1 / math.log2(3)
    assert top.ndcg(Y, prediction, 2) == pytest.approx((3 / 4 + discount * 3 / 8) / (1 + discount * 3 / 4))
    assert top.precision(Y, prediction, 2) == 1 / 2
    assert top.best_rank(Y, prediction, 2) == 2
    prediction = np.array([1.0, 4, 4, 4, 5])  # 90 is drawn in a third of the cases
    assert top.precision(Y, prediction, 2) == pytest.approx((1 + 1 / 3) / 2)
    assert top.best_rank(Y, prediction, 2) == pytest.approx((1 + 2 + 2) / 3)
    assert top.regret(Y, prediction, 2) == pytest.approx((0 + 10 + 10) / 3)


def test_measured_ties_by_hand():
    """Whatever is as good as the second best counts as such, and has its rank."""
    y = np.array([3.0, 2, 2, 1])
    assert top.precision(y, np.array([4.0, 1, 3, 2]), 2) == 1
    assert top.best_rank(y, np.array([1.0, 4, 2, 3]), 2) == 2
    assert top.best_rank(y, np.array([1.0, 2, 4, 3]), 2) == 2


def test_a_constant_prediction_scores_what_chance_does():
    """Of n, k are chosen: k / n of the best, and the best rank is (n + 1) / (k + 1) in the mean."""
    n, k = 37, 10
    y = np.random.default_rng(0).normal(size=n)
    constant = np.full(n, 0.3)
    gain = (y - y.min()) / np.ptp(y)
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.sort(gain)[::-1][:k] @ discount
    assert top.precision(y, constant, k) == pytest.approx(k / n)
    assert top.best_rank(y, constant, k) == pytest.approx((n + 1) / (k + 1))
    assert top.ndcg(y, constant, k) == pytest.approx(gain.mean() * discount.sum() / ideal)
    assert top.precision_at_1_percent(y, constant) == pytest.approx(1 / n)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=3, max_size=6), st.integers(1, 3))
@settings(deadline=None, max_examples=60)
def test_scores_are_means_over_all_orders_of_tied_predictions(pairs, k):
    y, prediction = np.array(pairs, dtype=float).T
    if len(y) <= k or not np.ptp(y):
        return
    orders = [np.array(order) for order in permutations(range(len(y)))]
    orders = [order for order in orders if (np.diff(prediction[order]) >= 0).all()]
    for score in AT_K:
        each = [score(y[order], np.arange(len(y), dtype=float), k) for order in orders]
        assert score(y, prediction, k) == pytest.approx(np.mean(each))


@given(st.integers(0, 10_000), st.booleans())
@settings(deadline=None, max_examples=30)
def test_order_scale_and_monotone_predictions_change_nothing(seed, tied):
    rng = np.random.default_rng(seed)
    y, prediction = rng.normal(size=40), rng.normal(size=40)
    if tied:
        prediction = np.round(prediction)
    shuffled = rng.permutation(40)
    for score in AT_K:
        value = score(y, prediction, 10)
        assert score(y[shuffled], prediction[shuffled], 10) == pytest.approx(value)
        assert score(y, np.exp(prediction), 10) == pytest.approx(value)
        factor = 3 if score is top.regret else 1
        assert score(3 * y + 5, prediction, 10) == pytest.approx(factor * value)
    assert 0 <= top.ndcg(y, prediction, 10) <= 1
    assert 0 <= top.precision(y, prediction, 10) <= 1
    assert 1 <= top.best_rank(y, prediction, 10) <= 31
    assert 0 <= top.regret(y, prediction, 10) <= np.ptp(y)


def test_the_right_order_is_perfect():
    y = np.round(np.random.default_rng(0).normal(size=300), 1)
    assert [score(y, 2 * y, 10) for score in AT_K] == pytest.approx([1, 1, 1, 0])
    assert top.precision_at_1_percent(y, y) == 1


def test_one_percent_is_rounded_down_but_at_least_one():
    rng = np.random.default_rng(0)
    for n, k in (2, 1), (99, 1), (199, 1), (250, 2), (1000, 10):
        y, prediction = rng.normal(size=n), rng.normal(size=n)
        assert top.precision_at_1_percent(y, prediction) == top.precision(y, prediction, k)


def test_ndcg_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    for _ in range(20):
        y, prediction = rng.normal(size=80), np.round(rng.normal(size=80), 1)
        gain = (y - y.min()) / np.ptp(y)
        assert top.ndcg(y, prediction, 10) == pytest.approx(ndcg_score([gain], [prediction], k=10))


@pytest.mark.parametrize("score", [*(partial(score, k=3) for score in AT_K), top.precision_at_1_percent])
def test_undefined_is_nan(score):
    damaged = np.array([1, 2, math.nan, 4, 5])
    assert math.isnan(score(Y, damaged))
    assert math.isnan(score(damaged, Y))
    assert math.isnan(score(np.ones(5), Y))
    assert math.isnan(score(Y[:1], Y[:1]))
    assert math.isnan(score(Y[:0], Y[:0]))
    with pytest.raises(InputError, match="same length"):
        score(Y, Y[:4])


@pytest.mark.parametrize("score", AT_K)
def test_choosing_all_is_no_choice(score):
    assert math.isnan(score(Y, Y, 5))
    assert math.isnan(score(Y, Y, 6))
    assert not math.isnan(score(Y, Y, 4))
