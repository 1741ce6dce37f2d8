"""Stacking weights its members by what they predict of architectures that they did not learn from."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from nasbench.errors import InputError
from nasbench.predictors import Inputs, Prediction, predictors
from nasbench.predictors.stacking import PULL, PULL_OF_SCALE, Stacking, _weights
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")
INPUTS = Inputs.of(SPACE, SPACE.sample(60, np.random.default_rng(0)))
Y = SPACE.features(INPUTS.genotypes, "counts") @ np.arange(7.0)


def test_weights_by_hand():
    """Of predictions z and 0, |z|^2 = 6: (1 - w) z is left, and P times 2 (w - 1/2)^2, so w = (6 + P) / (6 + 2 P)."""
    z = np.array([1.0, -2.0, 1.0])
    first = (6 + PULL) / (6 + 2 * PULL)
    assert _weights(np.stack([z, np.zeros(3)]), z) == pytest.approx([first, 1 - first], abs=1e-6)  # SUM_COUNTS ** -2


def test_the_lesser_evil_gets_all():
    z = np.array([1.0, -2.0, 1.0])
    assert _weights(np.stack([-9 * z, -3 * z]), z) == pytest.approx([0, 1])


@given(seed=st.integers(0, 10_000), members=st.integers(1, 5), n=st.integers(2, 30))
@settings(deadline=None, max_examples=50)
def test_weights_add_up_to_one_whatever_the_predictions(seed, members, n):
    rng = np.random.default_rng(seed)
    weights = _weights(rng.normal(size=(members, n)), rng.normal(size=n))
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)


def test_the_member_that_predicts_gets_the_weight():
    fitted = Stacking("mean/ridge", "counts").fit(INPUTS, Y)  # counts explain the target, a constant does not
    assert fitted.weights_[1] == pytest.approx((60 + PULL) / (60 + 2 * PULL), abs=0.05)  # (z^2).sum() is 60


def test_mixture_by_hand():
    """Weights 3/4 and 1/4, means 0 and 4, deviations 1 and 2: mean 1, variance 3/4 (1 + 1) + 1/4 (4 + 9) = 4.75."""
    stacking = Stacking()
    stacking.weights_ = np.array([0.75, 0.25])
    mean, std = stacking._mixture(Prediction(np.array([[0.0], [4.0]]), np.array([[1.0], [2.0]])))
    assert (mean, std**2) == (pytest.approx([1.0]), pytest.approx([4.75]))


def test_scale_by_hand():
    """A constant knows its spread: standardised errors near 1, so that the scale stays near 1, pulled by ten more."""
    fitted = Stacking("mean").fit(INPUTS, Y)
    held_out = fitted._held_out(INPUTS.canonical, fitted.transform(Y), fitted.folds)
    error = (fitted.transform(Y) - held_out.mean[0]) / held_out.std[0]
    assert fitted.scale_**2 == pytest.approx(((error**2).sum() + PULL_OF_SCALE) / (len(Y) + PULL_OF_SCALE))
    assert fitted.scale_ == pytest.approx(1, abs=0.2)


def test_with_too_few_for_folds_members_count_equally():
    fitted = Stacking("ridge/gp").fit(INPUTS[:2], Y[:2])
    assert (fitted.weights_.tolist(), fitted.scale_) == ([0.5, 0.5], 1)


def test_draws_have_the_moments_of_the_prediction():
    fitted = Stacking("mean/ridge", "onehot").fit(INPUTS, Y + np.random.default_rng(1).normal(scale=5, size=len(Y)))
    k, canonical = 4000, INPUTS.canonical
    draws, moments = fitted._sample(canonical, k, np.random.default_rng(0)), fitted._predict(canonical)
    assert (np.abs(draws.mean(axis=0) - moments.mean) < 5 * moments.std / np.sqrt(k)).all()


def test_features_and_seed_reach_the_members_and_no_combination_is_one():
    members = Stacking("xgb/ridge", "counts", seed=5)._create_members()
    assert (members[0].features, members[0].seed, members[1].features) == ("counts", 5, "counts")
    for name in ("auto", "ensemble"):
        with pytest.raises(
            InputError, match="members of an ensemble are known predictors joined by '/': mean, column, ridge"
        ):
            Stacking(f"gp/{name}").fit(INPUTS, Y)
    with pytest.raises(InputError, match="folds"):
        Stacking(folds=1).fit(INPUTS, Y)


def test_it_is_what_is_recommended():
    assert predictors.create("auto").get_params()["members"] == "ridge/gp-wl/gp-unlabelled/xgb/forest"
