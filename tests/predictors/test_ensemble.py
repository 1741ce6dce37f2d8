"""An ensemble is the mixture of its members."""

import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.predictors import Inputs, Needs, Prediction
from nasbench.predictors.encodings.path_counts import PathCounts
from nasbench.predictors.ensemble import Ensemble
from nasbench.predictors.mean import Mean
from nasbench.predictors.ridge import Ridge
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")
INPUTS = Inputs.of(SPACE, SPACE.sample(80, np.random.default_rng(0)))
Y = SPACE.features(INPUTS.genotypes, "counts") @ np.arange(7.0)


def test_mixture_by_hand(rounding):
    """Means 0 and m, deviations a and b: mean m / 2, variance (a^2 + b^2) / 2 + m^2 / 4; of the very same members."""
    fitted = Ensemble("mean/ridge", "onehot").fit(INPUTS, Y)
    z, canonical = fitted.transform(Y), INPUTS.canonical
    one, other = (m.fit_transformed(canonical, z).predict(canonical) for m in (Mean(), Ridge("onehot")))
    mixture = fitted.predict_transformed(INPUTS)
    near = rounding(10, condition=np.abs(other.mean).max())
    assert mixture.mean == pytest.approx((one.mean + other.mean) / 2, abs=near)
    assert mixture.std**2 == pytest.approx((one.std**2 + other.std**2) / 2 + (one.mean - other.mean) ** 2 / 4)


def test_one_member_is_that_member():
    """Targets are transformed once, by the ensemble, so not even rounding differs."""
    alone, ensemble = (predictor.fit(INPUTS, Y).predict(INPUTS) for predictor in (Ridge(), Ensemble("ridge")))
    assert np.array_equal(ensemble.mean, alone.mean)
    assert ensemble.std == pytest.approx(alone.std)


def test_features_and_seed_reach_the_members():
    members = Ensemble("xgb/ridge/mean", "counts", seed=5)._create_members()
    assert (members[0].features, members[0].seed, members[1].features) == ("counts", 5, "counts")


@pytest.mark.parametrize("members", ["", "gp/rigde", "ensemble/gp", "gp,xgb", 3, "os:path"])
def test_what_cannot_be_a_member(members):
    with pytest.raises(
        InputError, match="members of an ensemble are known predictors joined by '/': mean, column, ridge, gp"
    ):
        Ensemble(members).fit(INPUTS, Y)


def test_a_draw_is_one_of_one_member_by_hand():
    """Of members that are sure of 0 and of 100, every draw is all the one or all the other."""

    class Sure(Mean):
        def __init__(self, value=0.0):
            self.value = value

        def _predict(self, inputs):
            return Prediction(np.full(len(inputs), self.value), np.full(len(inputs), 1e-6))

    fitted = Ensemble("mean/ridge").fit(INPUTS, Y)
    fitted.members_ = [Sure(value).fit_transformed(INPUTS.canonical, fitted.transform(Y)) for value in (0.0, 100.0)]
    draws = fitted._sample(INPUTS.canonical, 400, np.random.default_rng(0))
    of_the_second = draws[:, 0] > 50
    assert draws == pytest.approx(np.where(of_the_second, 100.0, 0.0)[:, None].repeat(len(Y), axis=1), abs=1e-4)
    assert of_the_second.mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(400))


def test_needs_are_those_of_the_features():
    assert Ensemble(features="default/flops/curve@2").needs == Needs(("flops",), 2)


def test_what_a_member_needs_the_ensemble_needs():
    """Without features, the power law reads four epochs and learns from four architectures."""
    ensemble = Ensemble("ridge/power-law", "default/flops")
    assert (ensemble.needs, ensemble.min_samples) == (Needs(("flops",), 4), 4)
    assert (Ensemble("mean/ridge").needs, Ensemble("mean/ridge").min_samples) == (Needs(), 2)
    with pytest.raises(InputError, match="Ensemble needs at least 4 architectures to fit, got 3"):
        ensemble.fit(INPUTS[:3], Y[:3])


def test_members_share_what_is_encoded(monkeypatch):
    """Each encoding is computed once in a fit and once in a prediction, whatever members call their features."""
    calls = []
    own = PathCounts.encode
    monkeypatch.setattr(
        PathCounts, "encode", lambda self, cells: calls.append(len(cells.genotypes)) or own(self, cells)
    )
    inputs = Inputs.of(SPACE, SPACE.sample(30, np.random.default_rng(0)))
    ensemble = Ensemble("ridge/gp/gp-wl/xgb").fit(inputs[:20], np.arange(20.0))
    assert calls == [20]
    ensemble.predict(inputs[20:])
    assert calls == [20, 10]
