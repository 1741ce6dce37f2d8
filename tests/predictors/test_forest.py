import numpy as np
import pytest
from sklearn.tree import DecisionTreeRegressor

from nasbench.errors import InputError
from nasbench.predictors import Inputs
from nasbench.predictors.bagging import bootstrap
from nasbench.predictors.forest import Forest, Trees
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")


def test_one_tree_by_hand():
    """Two kinds of cells with z = -1 and 1 are told apart by one split, and each leaf predicts its mean."""
    genotypes = np.zeros((40, 6), dtype=np.int8)
    genotypes[20:, 0] = 1
    inputs = Inputs.of(SPACE, genotypes)
    predictor = Forest("onehot", trees=1, columns=1.0).fit(inputs, np.repeat([10.0, 30.0], 20))
    roots, _, threshold, children, value = predictor.trees_
    left = bootstrap(40, 1, np.random.default_rng(0))[0, :20].sum()
    assert value[roots] == pytest.approx([(40 - 2 * left) / 40])
    assert sorted(value[children[:, 0]]) == [-1, 1]
    assert threshold[0] == 0.5
    assert predictor._predict(inputs[[0, 39]]).mean.tolist() == [-1, 1]


def test_trees_answer_bit_for_bit_as_scikit_learn():
    """Numbers beside a threshold too, which is compared with features in float32."""
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(200, 5)), rng.normal(size=200)
    models = [DecisionTreeRegressor(max_features=2, random_state=seed).fit(x, z) for seed in range(4)]
    thresholds = np.concatenate([model.tree_.threshold for model in models])
    beside = np.concatenate([thresholds, np.nextafter(thresholds, -np.inf), np.nextafter(thresholds, np.inf)])
    tested = np.concatenate([x, rng.normal(size=(300, 5)), np.repeat(beside[:, None], 5, axis=1)])
    assert np.array_equal(Trees.of(models).predict(tested), [model.predict(tested) for model in models])


def test_a_tree_without_splits_is_its_mean():
    model = DecisionTreeRegressor().fit(np.zeros((3, 2)), [1.0, 2.0, 6.0])
    assert Trees.of([model, model]).predict(np.ones((4, 2))).tolist() == [[3.0] * 4] * 2
    assert Trees.of([model]).predict(np.ones((0, 2))).shape == (1, 0)


def test_the_mean_and_the_spread_are_those_of_the_trees():
    rng = np.random.default_rng(0)
    inputs = Inputs.of(SPACE, SPACE.sample(60, rng))
    predictor = Forest(trees=20).fit(inputs, rng.normal(size=60))
    members = predictor._members(inputs.canonical)
    mean, std = predictor.predict_transformed(inputs)
    assert np.array_equal(mean, members.mean(axis=0))
    assert std**2 == pytest.approx(members.var(axis=0) + predictor.noise_)


def test_a_draw_is_one_tree():
    """What it adds to a tree is noise, of the same deviation for all architectures."""
    rng = np.random.default_rng(0)
    inputs = Inputs.of(SPACE, SPACE.sample(60, rng)).canonical
    predictor = Forest(trees=5).fit(inputs, rng.normal(size=60))
    predictor.noise_ = 0.0
    trees = {row.tobytes() for row in predictor._members(inputs)}
    assert {row.tobytes() for row in predictor._sample(inputs, 200, rng)} == trees


def test_the_seed_decides():
    inputs = Inputs.of(SPACE, SPACE.sample(30, np.random.default_rng(0)))
    y = np.random.default_rng(1).normal(size=30)
    one, same, other = (Forest(trees=10, seed=seed).fit(inputs, y).predict(inputs).mean for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_noise_in_the_targets_is_noticed():
    rng = np.random.default_rng(0)
    inputs = Inputs.of(SPACE, SPACE.sample(200, rng))
    y = SPACE.features(inputs.genotypes, "counts") @ np.arange(7.0)
    clean, noisy = (Forest().fit(inputs, y + noise).predict_transformed(inputs).std.mean() for noise in
                    (0.0, rng.normal(size=200) * y.std()))  # fmt: skip
    assert noisy > 2 * clean


def test_larger_leaves_are_fewer():
    rng = np.random.default_rng(0)
    inputs = Inputs.of(SPACE, SPACE.sample(100, rng))
    y = rng.normal(size=100)
    nodes = [len(Forest(trees=10, leaf=leaf).fit(inputs, y).trees_.value) for leaf in (1, 5, 100)]
    assert nodes[0] > 2 * nodes[1]
    assert nodes[2] == 10  # a root each


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"trees": 0}, "trees of Forest"), ({"leaf": 0}, "leaf of Forest"), ({"columns": 2.0}, "columns of Forest")],
)
def test_arguments_that_make_no_forest(arguments, message):
    inputs = Inputs.of(SPACE, SPACE.sample(20, np.random.default_rng(0)))
    with pytest.raises(InputError, match=message):
        Forest(**arguments).fit(inputs, np.arange(20.0))
