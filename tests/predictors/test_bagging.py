import numpy as np
import pytest

from nasbench.predictors.bagging import (
    MIN_NOISE_VARIANCE,
    bootstrap,
    out_of_bag_error,
    out_of_bag_noise,
    sample_members,
)


def test_bootstrap_draws_with_replacement():
    counts = bootstrap(200, 50, np.random.default_rng(0))
    assert (counts.sum(axis=1) == 200).all()
    unseen = (1 - 1 / 200) ** 200  # chance that a member does not see a row
    assert (counts == 0).mean() == pytest.approx(unseen, abs=4 * np.sqrt(unseen * (1 - unseen) / 10_000))


def test_noise_by_hand():
    # row 0 is unseen by both: mean 2, error (5 - 2)^2 = 9, spread 1; row 1 by one only, so it does not count
    predictions = np.array([[1.0, 7.0], [3.0, 7.0]])
    assert out_of_bag_noise(predictions, np.array([[0, 2], [0, 0]]), np.array([5.0, 0.0])) == 8.0


def test_noise_has_a_floor_and_a_default():
    assert out_of_bag_noise(np.zeros((2, 1)), np.zeros((2, 1), dtype=int), np.zeros(1)) == MIN_NOISE_VARIANCE
    assert out_of_bag_noise(np.zeros((2, 1)), np.ones((2, 1), dtype=int), np.zeros(1)) == 1.0


def test_error_by_hand():
    # row 0 is unseen by both: error (5 - 2)^2 = 9; row 1 by the second only: (0 - 7)^2 = 49; row 2 by none
    predictions = np.array([[1.0, 9.0, 4.0], [3.0, 7.0, 4.0]])
    assert out_of_bag_error(predictions, np.array([[0, 2, 1], [0, 0, 1]]), np.array([5.0, 0.0, 0.0])) == (9 + 49) / 2
    assert out_of_bag_error(np.zeros((2, 1)), np.ones((2, 1), dtype=int), np.zeros(1)) == 1.0


def test_a_draw_is_one_member_by_hand():
    predictions = np.array([[1.0, 7.0], [3.0, 9.0]])
    draws = sample_members(predictions, 0.0, 200, np.random.default_rng(0))
    assert draws.shape == (200, 2)
    assert {tuple(draw) for draw in draws.tolist()} == {(1.0, 7.0), (3.0, 9.0)}


def test_draws_have_the_moments_of_the_mixture():
    """Means 2 and 8, spread 1 between the members, shared by the rows of a draw, and noise of variance 3 for each."""
    draws = sample_members(np.array([[1.0, 7.0], [3.0, 9.0]]), 3.0, 20_000, np.random.default_rng(0))
    assert draws.mean(axis=0) == pytest.approx([2, 8], abs=4 * 2 / np.sqrt(20_000))
    assert np.cov(draws.T) == pytest.approx(np.array([[4, 1], [1, 4]]), abs=4 * 4 * np.sqrt(2 / 20_000))
