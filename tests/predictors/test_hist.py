"""Bagged boosted trees on histograms."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor

from nasbench.errors import InputError
from nasbench.predictors import Inputs
from nasbench.predictors.bagging import bootstrap
from nasbench.predictors.hist import HistogramBoosting, trees_of
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")


def drawn(n: int) -> Inputs:
    return Inputs.of(SPACE, SPACE.sample(n, np.random.default_rng(0)))


def test_one_stump_by_hand() -> None:
    """A first tree at rate 1 with weight penalty 1 moves the mean by the sum of residuals / (1 + their number)."""
    genotypes = np.zeros((40, 6), dtype=np.int8)
    genotypes[20:, 0] = 1
    inputs = Inputs.of(SPACE, genotypes)
    predictor = HistogramBoosting("onehot", boosters=1, rounds=1, leaves=2, rate=1.0, columns=1.0)
    predictor.fit(inputs, np.repeat([10.0, 30.0], 20))  # z = -1 and 1
    left = bootstrap(40, 1, np.random.default_rng(0))[0, :20].sum()
    mean = (40 - 2 * left) / 40
    expected = [mean + left * (-1 - mean) / (1 + left), mean + (40 - left) * (1 - mean) / (41 - left)]
    assert predictor._predict(inputs[[0, 39]]).mean == pytest.approx(expected)


def test_trees_answer_as_scikit_learn(rounding) -> None:
    """At thresholds too; only the order of a sum of 30 leaves differs."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 6)).astype(np.float32)
    settings = {"max_iter": 30, "min_samples_leaf": 1, "max_bins": 32, "early_stopping": False}
    model = HistGradientBoostingRegressor(**settings).fit(x[:, [4, 1, 5]], rng.normal(size=200))
    trees = trees_of([model._predictors], np.array([4, 1, 5]))
    assert len(trees.roots) == 30
    tested = np.concatenate(
        [x, rng.normal(size=(300, 6)).astype(np.float32), np.repeat(trees.threshold, 6).reshape(-1, 6)]
    )
    tested = tested.astype(np.float32)
    expected = model.predict(tested[:, [4, 1, 5]])
    ours = trees.predict(tested).sum(axis=0) + model._baseline_prediction[0, 0]
    assert ours == pytest.approx(expected, abs=rounding(30 * 30))


def test_ten_labels_are_divided() -> None:
    inputs = drawn(10)
    mean, _ = HistogramBoosting("counts").fit(inputs, np.arange(10.0)).predict(inputs)
    assert len(np.unique(mean)) > 5


@pytest.mark.parametrize("n", [2, 3])
def test_few_architectures_give_finite_predictions(n: int) -> None:
    """Some samples hold one architecture only, whose trees are single leaves."""
    inputs = drawn(n)
    assert np.isfinite(HistogramBoosting(rounds=20).fit(inputs, np.arange(float(n))).predict(inputs)).all()


def test_features_that_never_vary_are_not_seen() -> None:
    inputs = drawn(30)
    y = np.random.default_rng(1).normal(size=30)
    columns = {"same": np.full(30, 5.0), "told": y}
    told = Inputs.of(SPACE, inputs.genotypes, columns=columns)
    fitted = HistogramBoosting("same/told", boosters=3, columns=0.1).fit(told, y)
    assert {*fitted.trees_.feature[fitted.trees_.children[0] != np.arange(len(fitted.trees_.feature))]} == {1}


def test_the_seed_decides() -> None:
    inputs, y = drawn(30), np.random.default_rng(1).normal(size=30)
    fits = [HistogramBoosting("counts", rounds=20, seed=seed).fit(inputs, y) for seed in (0, 0, 1)]
    one, same, other = (fitted.predict(inputs).mean for fitted in fits)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_noise_in_the_targets_is_noticed() -> None:
    rng = np.random.default_rng(0)
    inputs = drawn(80)
    y = SPACE.features(inputs.genotypes, "counts") @ np.arange(7.0)
    clean = HistogramBoosting("counts").fit(inputs, y).noise_
    assert HistogramBoosting("counts").fit(inputs, y + rng.normal(size=80) * y.std()).noise_ > 2 * clean


def test_no_more_trees_than_asked_for() -> None:
    inputs = drawn(60)
    fitted = HistogramBoosting("counts", boosters=2, rounds=7).fit(inputs, inputs.genotypes.sum(axis=1))
    assert len(fitted.trees_.roots) == 2 * 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"leaf": 0}, "leaf of Histogram"), ({"leaves": 1}, "leaves of Hist"), ({"columns": 2.0}, "columns of Hist")],
)
def test_arguments_that_make_no_trees(arguments, message) -> None:
    with pytest.raises(InputError, match=message):
        HistogramBoosting(**arguments).fit(drawn(20), np.arange(20.0))
