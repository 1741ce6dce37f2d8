import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.predictors import Inputs
from nasbench.predictors.bagging import bootstrap
from nasbench.predictors.xgb import TREES_BETWEEN_CHECKS, XGBoost
from nasbench.spaces import spaces
from nasbench.testing import check_predictor

SPACE = spaces.create("nb201")


def test_one_stump_by_hand():
    """One round at rate 1 with weight penalty 1: a leaf predicts the sum of its targets / (1 + their number)."""
    genotypes = np.zeros((40, 6), dtype=np.int8)
    genotypes[20:, 0] = 1
    predictor = XGBoost("onehot", boosters=1, rounds=1, depth=1, rate=1.0, columns=1.0)
    inputs = Inputs.of(SPACE, genotypes)
    predictor.fit(inputs, np.repeat([10.0, 30.0], 20))  # z = -1 and 1
    left = bootstrap(40, 1, np.random.default_rng(0))[0, :20].sum()
    expected = [-left / (1 + left), (40 - left) / (41 - left)]
    assert predictor._predict(inputs[[0, 39]]).mean == pytest.approx(expected)


def test_stored_as_xgboosts_own_bytes():
    inputs = Inputs.of(SPACE, SPACE.sample(20, np.random.default_rng(0)))
    predictor = XGBoost(boosters=3, rounds=2).fit(inputs, np.arange(20.0))
    state = predictor.state()
    assert state["models"].dtype == np.uint8
    assert len(state["lengths"]) == 3
    assert state["lengths"].sum() == len(state["models"])


def test_the_seed_decides():
    inputs = Inputs.of(SPACE, SPACE.sample(30, np.random.default_rng(0)))
    y = np.random.default_rng(1).normal(size=30)
    one, same, other = (XGBoost(seed=seed).fit(inputs, y).predict(inputs).mean for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_noise_in_the_targets_is_noticed():
    rng = np.random.default_rng(0)
    inputs = Inputs.of(SPACE, SPACE.sample(200, rng))
    y = SPACE.features(inputs.genotypes, "counts") @ np.arange(7.0)
    clean = XGBoost().fit(inputs, y).noise_
    assert XGBoost().fit(inputs, y + rng.normal(size=200) * y.std()).noise_ > 2 * clean


def test_trees_grow_as_long_as_unseen_errors_fall():
    """A target that is noise is soon learnt enough; more architectures of a difficult one need more trees."""
    rng = np.random.default_rng(0)
    genotypes = SPACE.sample(400, rng)
    y = np.sin(genotypes @ np.arange(1.0, 7.0)) + genotypes[:, 0] * genotypes[:, 5]
    inputs = Inputs.of(SPACE, genotypes)
    noise, few, many = (
        XGBoost(boosters=4).fit(inputs[:n], target[:n]).models_[0].num_boosted_rounds()
        for n, target in ((100, rng.normal(size=100)), (30, y), (400, y))
    )
    assert noise <= 3 * TREES_BETWEEN_CHECKS
    assert few < many


def test_no_more_trees_than_asked_for():
    genotypes = SPACE.sample(60, np.random.default_rng(0))
    predictor = XGBoost(boosters=2, rounds=7).fit(Inputs.of(SPACE, genotypes), genotypes.sum(axis=1))
    assert [model.num_boosted_rounds() for model in predictor.models_] == [7, 7]


def test_a_ranked_stump_by_hand():
    """Two kinds of cells: every pair that is told apart pulls the better one up as much as the worse one down."""
    genotypes = np.zeros((40, 6), dtype=np.int8)
    genotypes[20:, 0] = 1
    predictor = XGBoost("onehot", boosters=1, rounds=1, depth=1, rate=1.0, columns=1.0, objective="pairwise")
    inputs = Inputs.of(SPACE, genotypes)
    mean = predictor.fit(inputs, np.repeat([10.0, 30.0], 20))._predict(inputs).mean
    assert np.ptp(mean[:20]) == np.ptp(mean[20:]) == 0
    assert mean[39] > mean[0]


def test_ranking_reads_the_order_only():
    """An increasing function of transformed targets grows the same trees, and another line."""
    inputs = Inputs.of(SPACE, SPACE.sample(30, np.random.default_rng(0))).canonical
    z = np.random.default_rng(1).normal(size=30)
    fitted = [XGBoost(boosters=2, rounds=20, objective="pairwise").fit_transformed(inputs, y) for y in (z, np.exp(z))]
    assert np.array_equal(*(predictor.state()["models"] for predictor in fitted))
    assert not np.array_equal(*(predictor.slope_ for predictor in fitted))


def test_ranking_answers_in_the_unit_of_the_targets():
    inputs = Inputs.of(SPACE, SPACE.sample(120, np.random.default_rng(0)))
    y = 50 + 10 * SPACE.features(inputs.genotypes, "counts") @ np.arange(7.0)
    mean, std = XGBoost(objective="pairwise").fit(inputs[:60], y[:60]).predict(inputs[60:])
    assert np.sqrt(np.mean((mean - y[60:]) ** 2)) < 0.5 * y[60:].std()
    assert np.mean(np.abs(mean - y[60:]) < 3 * std) > 0.9


def test_the_contract_holds_for_ranks():
    check_predictor(XGBoost(boosters=4, objective="pairwise"), SPACE)


def test_squared_errors_have_their_own_unit():
    inputs = Inputs.of(SPACE, SPACE.sample(20, np.random.default_rng(0)))
    predictor = XGBoost(boosters=3, rounds=2).fit(inputs, np.arange(20.0))
    assert (predictor.intercept_ == 0).all()
    assert (predictor.slope_ == 1).all()
    state = {name: array for name, array in predictor.state().items() if name not in ("intercept", "slope")}
    earlier = XGBoost(boosters=3, rounds=2).restore(SPACE, state)  # of a file without a line
    assert all(map(np.array_equal, earlier.predict(inputs), predictor.predict(inputs)))


def test_an_unknown_objective_is_refused():
    inputs = Inputs.of(SPACE, SPACE.sample(20, np.random.default_rng(0)))
    with pytest.raises(InputError, match="objective of XGBoost is one of squared, pairwise; got 'ndcg'"):
        XGBoost(objective="ndcg").fit(inputs, np.arange(20.0))
