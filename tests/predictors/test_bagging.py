import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nasbench.predictors import Inputs
from nasbench.predictors.bagging import (
    MIN_NOISE_VARIANCE,
    SLOPE_PULL,
    Bagging,
    bootstrap,
    calibrated,
    out_of_bag_error,
    out_of_bag_noise,
    sample_members,
)
from nasbench.spaces import spaces


class Levels(Bagging):
    """Members that are constants, here 1 and 3, with noise of variance 8."""

    def _fit(self, inputs, z):
        self.levels_, self.noise_ = np.array([1.0, 3.0]), 8.0

    def _members(self, inputs):
        return np.repeat(self.levels_[:, None], len(inputs), axis=1)

    def _state(self):
        return {"levels": self.levels_, "noise": np.array(self.noise_)}

    def _restore(self, state):
        self.levels_, self.noise_ = state["levels"], float(state["noise"])


def test_the_mean_of_the_members_and_their_spread_plus_noise_by_hand():
    space = spaces.create("nb201")
    inputs = Inputs.of(space, space.sample(4, np.random.default_rng(0)))
    fitted = Levels().fit_transformed(inputs, np.zeros(4))
    mean, std = fitted.predict_transformed(inputs)
    assert (mean.tolist(), std.tolist()) == ([2.0] * 4, [3.0] * 4)  # variance 1 between the members, and 8
    fitted.noise_ = 0.0
    draws = fitted.sample(inputs, 50, np.random.default_rng(0))
    assert {tuple(draw) for draw in draws.tolist()} == {(1.0,) * 4, (3.0,) * 4}


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


def test_calibration_by_hand():
    """Scores 3 and 1 standardise to 1 and -1; each row is unseen by one member, and its target is twice that plus 5."""
    scores = np.array([[3.0, 1.0], [3.0, 1.0]])
    intercept, slope = calibrated(scores, np.array([[0, 2], [2, 0]]), np.array([7.0, 3.0]))
    pulled = (2 * 2 + SLOPE_PULL) / (2 + SLOPE_PULL)  # of a standardised score; least squares alone gives 4 / 2
    assert slope == pytest.approx(np.full((2, 1), pulled))  # the spread of the scores is 1, and their mean 2
    assert intercept + slope * 2 == pytest.approx(np.full((2, 1), 5.0))


@given(
    arrays(np.float64, (3, 6), elements=st.floats(-1, 1)),
    arrays(np.int64, (3, 6), elements=st.integers(0, 2)),
    arrays(np.float64, 6, elements=st.floats(-3, 3)),
)
def test_calibration_increases_unless_targets_are_constant(scores, counts, z):
    intercept, slope = calibrated(scores, counts, z)
    assert np.isfinite(intercept).all()
    assert ((slope > 0) if np.ptp(z) > 0 else (slope == 0)).all()


def test_calibration_ignores_the_unit_of_the_scores():
    rng = np.random.default_rng(0)
    scores, z = rng.normal(size=(3, 20)), rng.normal(size=20)
    counts = bootstrap(20, 3, rng)
    (a, b), (c, d) = calibrated(scores, counts, z), calibrated(8 * scores + 4, counts, z)
    assert a + b * scores == pytest.approx(c + d * (8 * scores + 4))


def test_calibration_without_unseen_rows_keeps_standardised_scores():
    intercept, slope = calibrated(np.array([[1.0, 5.0]]), np.ones((1, 2), dtype=int), np.array([1.0, -1.0]))
    assert (intercept.item(), slope.item()) == (-1.5, 0.5)
