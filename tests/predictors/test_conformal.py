"""Intervals hold what they say, whatever the inner predictor thinks of itself."""

import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.predictors import Inputs, Needs, Prediction, Predictor
from nasbench.predictors.conformal import HALF_WIDTH, LEVEL, MIN_FACTOR, Conformal, factor
from nasbench.predictors.mean import Mean
from nasbench.predictors.ridge import Ridge
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")
INPUTS = Inputs.of(SPACE, SPACE.sample(400, np.random.default_rng(0)))
COUNTS = SPACE.features(INPUTS.genotypes, "counts") @ np.arange(7.0)


class Misjudging(Ridge):
    """A ridge whose deviations are wrong by a factor."""

    def __init__(self, features="counts", by=0.1):
        super().__init__(features)
        self.by = by

    def _predict(self, inputs):
        mean, std = super()._predict(inputs)
        return Prediction(mean, std * self.by)


@pytest.mark.parametrize(("n", "rank"), [(1, 1), (8, 8), (9, 9), (10, 10), (19, 18), (99, 90), (100, 91)])
def test_factor_by_hand(n, rank):
    """Of n errors the ceil(0.9 (n + 1))-th is taken, or the largest; it becomes 1.645 standard deviations."""
    errors = np.random.default_rng(0).permutation(np.arange(1.0, n + 1))
    assert factor(errors) == rank / HALF_WIDTH
    assert pytest.approx(1.6448536269514722) == HALF_WIDTH


@pytest.mark.parametrize("n", [12, 25, 83, 204])  # where n + 1 is no multiple of 10, which crepes rounds up
def test_intervals_are_those_of_crepes(n):
    """Normalised split-conformal intervals, from the same held-out errors."""
    crepes = pytest.importorskip("crepes")
    rng = np.random.default_rng(n)
    errors, deviations = rng.standard_t(3, size=n), rng.uniform(0.5, 2.0, size=n)
    mean, std = rng.normal(size=50), rng.uniform(0.5, 2.0, size=50)
    theirs = crepes.ConformalRegressor().fit(errors, sigmas=deviations)
    low, high = theirs.predict_int(mean, sigmas=std, confidence=LEVEL).T
    half = HALF_WIDTH * factor(np.abs(errors) / deviations) * std
    assert low == pytest.approx(mean - half, rel=1e-12)
    assert high == pytest.approx(mean + half, rel=1e-12)


def test_targets_that_are_met_exactly_leave_a_deviation():
    assert factor(np.zeros(10)) == MIN_FACTOR
    assert (Conformal("mean").fit(INPUTS[:10], np.full(10, 7.0)).predict(INPUTS).std > 0).all()


def test_errors_by_hand():
    """Of four targets each is held out alone; the three others have this mean, and this deviation by `mean`."""
    predictor = Conformal("mean", folds=4)
    z = np.array([0.0, 1.0, 2.0, 5.0])
    predictor.fit(INPUTS[:4], z)
    expected = []
    for left_out in range(4):
        others = np.delete(z, left_out)
        mean, std = Mean().fit(INPUTS[:3], others).predict(INPUTS[:1])
        expected.append(abs(z[left_out] - mean[0]) / std[0])
    assert predictor._errors(INPUTS[:4].canonical, z) == pytest.approx(expected)
    assert predictor.factor_ == pytest.approx(max(expected) / HALF_WIDTH)


def test_means_stay_and_deviations_are_scaled():
    y = COUNTS + np.random.default_rng(1).normal(size=400)
    ours, inner = (predictor.fit(INPUTS[:80], y[:80]) for predictor in (Conformal("ridge"), Ridge()))
    (mean, std), (inner_mean, inner_std) = ours.predict(INPUTS), inner.predict(INPUTS)
    assert mean == pytest.approx(inner_mean)
    assert std == pytest.approx(ours.factor_ * inner_std)


@pytest.mark.parametrize("by", [0.1, 1.0, 20.0])
@pytest.mark.parametrize("n", [10, 20, 50])
def test_intervals_hold_nine_of_ten(n, by, monkeypatch):
    """Mean over 40 training sets, whose coverages are beta distributed with a deviation of at most 0.3 / sqrt(n)."""
    monkeypatch.setattr(Conformal, "_create_inner", lambda self: Misjudging(by=by))
    rng = np.random.default_rng(n)
    covered = []
    for _ in range(40):
        order = rng.permutation(400)
        train, test = order[:n], order[n:]
        y = COUNTS + rng.normal(size=400)
        mean, std = Conformal().fit(INPUTS[train], y[train]).predict(INPUTS[test])
        covered.append((np.abs(y[test] - mean) <= HALF_WIDTH * std).mean())
    assert 0.85 < np.mean(covered) < 0.97


def test_draws_are_the_inner_ones_around_the_mean():
    y = COUNTS + np.random.default_rng(1).normal(size=400)
    predictor = Conformal("ridge").fit(INPUTS[:80], y[:80])
    canonical = INPUTS.canonical
    ours = predictor._sample(canonical, 5, np.random.default_rng(0))
    inner = predictor.inner_.sample(canonical, 5, np.random.default_rng(0))
    mean = predictor.inner_.predict(canonical).mean
    assert ours - mean == pytest.approx(predictor.factor_ * (inner - mean))


def test_what_the_inner_predictor_needs():
    assert Conformal("ridge+features=default/flops/curve@2").needs == Needs(("flops",), 2)
    assert (Conformal("mean").min_samples, Conformal("power-law").min_samples) == (3, 5)
    assert Conformal('conformal+predictor="ridge+features=counts"').min_samples == 4
    with pytest.raises(InputError, match="Conformal needs at least 3 architectures to fit, got 2"):
        Conformal("mean").fit(INPUTS[:2], COUNTS[:2])


@pytest.mark.parametrize("n", [11, 12, 14, 30])
def test_every_fold_leaves_what_the_inner_predictor_needs(n, monkeypatch):
    sizes = []

    class Ten(Mean):
        min_samples = 10

        def _fit(self, inputs, z):
            sizes.append(len(z))
            super()._fit(inputs, z)

    monkeypatch.setattr(Conformal, "_create_inner", lambda self: Ten())
    Conformal().fit(INPUTS[:n], COUNTS[:n])
    assert min(sizes) >= 10
    assert sizes[-1] == n


def test_the_seed_reaches_folds_and_inner_predictor():
    y = COUNTS + np.random.default_rng(1).normal(size=400)
    one, same, other = (Conformal("ridge", seed=seed).fit(INPUTS[:40], y[:40]).factor_ for seed in (0, 0, 1))
    assert one == same != other
    assert Conformal("xgb", seed=5)._create_inner().seed == 5


def test_stored_with_the_inner_predictor(tmp_path):
    predictor = Conformal("forest+trees=5").fit(INPUTS[:40], COUNTS[:40])
    predictor.save(tmp_path / "file")
    loaded = Predictor.load(tmp_path / "file")
    assert repr(loaded) == repr(predictor)
    assert all(map(np.array_equal, loaded.predict(INPUTS), predictor.predict(INPUTS)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"predictor": "rigde"}, "unknown predictor 'rigde'"), ({"folds": 1}, "folds of Conformal")],
)
def test_arguments_that_calibrate_nothing(arguments, message):
    with pytest.raises(InputError, match=message):
        Conformal(**arguments).fit(INPUTS[:20], COUNTS[:20])
