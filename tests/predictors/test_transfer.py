"""Transfer: normal scores and slopes by hand, and what other tables must and must not change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nasbench
from nasbench.benchmark.load import shipped
from nasbench.errors import InputError
from nasbench.evaluate.metrics import kendall_tau
from nasbench.evaluate.sources import gathered
from nasbench.predictors import Inputs, Needs, Predictor, predictors
from nasbench.predictors.encodings import encode
from nasbench.predictors.encodings.statistics import NAMES
from nasbench.predictors.transfer import (
    PULL,
    ROWS,
    Transfer,
    normal_scores,
    part,
    ridge_weights,
    shipped_weights,
    slopes,
    statistics,
)
from nasbench.spaces import spaces
from nasbench.types import FloatArray

NB201, NB101, DARTS, GRAPH = (spaces.create(name) for name in ("nb201", "nb101", "darts", "graph"))


def some(space, n: int, seed: int) -> Inputs:
    return Inputs.of(space, space.sample(n, np.random.default_rng(seed)))


def costs(inputs: Inputs) -> FloatArray:
    return encode(inputs.canonical, "statistics")[0][:, NAMES.index("cost")]


def structured(inputs: Inputs) -> FloatArray:
    """A target that statistics of every space tell much of, but not all."""
    values = dict(zip(NAMES, encode(inputs.canonical, "statistics")[0].T, strict=True))
    return values["most_cost"] + 2 * values["layers"] - 3 * values["poolings"]


def test_normal_scores_by_hand():
    reference = np.array([[1.0, 5.0], [1.0, 5.0], [2.0, 5.0]])
    # 1 has mid-rank 1.5 of 4: its quantile is -0.3186; 3 has 3.5 of 4
    found = normal_scores(np.array([[1.0, 5.0], [3.0, 9.0]]), reference)
    assert found == pytest.approx(np.array([[-0.31863936, 0.0], [1.15034938, 0.0]]), abs=1e-8)


def test_slopes_by_hand():
    scores = np.array([[1.0], [-1.0]])
    # the slope s minimises (1 - s)^2 + (-1 + s)^2 + PULL (s - 0.8)^2
    assert slopes(scores, np.array([1.0, -1.0]), 0.8) == pytest.approx([(2 + PULL * 0.8) / (2 + PULL)], rel=1e-14)
    assert slopes(np.zeros((0, 2)), np.zeros(0), 0.8) == pytest.approx([0.4, 0.4], rel=1e-14)
    assert slopes(scores, np.zeros(2), 0.8).tolist() == [0.0]


def test_many_architectures_tell_the_slope_whatever_was_expected():
    scores = np.random.default_rng(0).normal(size=(100_000, 1))
    assert slopes(scores, -0.3 * scores[:, 0], 0.8) == pytest.approx([-0.3], abs=1.2 * PULL / 100_000 * 1.1)


def test_large_tables_count_no_more_than_small_ones():
    small, large = some(NB101, 40, 0), some(NB101, 40, 1)
    repeated = Inputs(NB101, np.repeat(large.genotypes, 5, axis=0))
    one = ridge_weights([(small, costs(small)), (large, costs(large))])
    other = ridge_weights([(small, costs(small)), (repeated, np.repeat(costs(large), 5))])
    # ranks among 200 are not those among 40, but nearly: a normal score moves by at most 0.3 at the ends
    assert np.corrcoef(one, other)[0, 1] > 0.99


def test_a_large_table_is_read_in_part_and_without_what_is_unknown():
    inputs = some(NB201, ROWS + 300, 0)
    targets = costs(inputs)
    targets[:100] = np.nan
    rows, values = part(inputs, targets, seed=0)
    assert len(rows) == len(values) == ROWS
    assert np.isfinite(values).all()
    assert np.array_equal(values, costs(rows))


@pytest.mark.parametrize("space", [NB101, DARTS])
def test_other_spaces_order_architectures_without_any_label(space):
    source, inputs = some(NB201, 300, 0), some(space, 200, 1)
    predictor = Transfer().pretrain([(source, structured(source))])
    prediction = predictor.fit(inputs[:0], []).predict(inputs)
    assert kendall_tau(structured(inputs), prediction.mean) > 0.3
    assert np.array_equal(prediction.std, np.ones(200))


def test_a_table_of_the_space_orders_better_than_others_and_than_few_labels():
    source, inputs = some(NB201, 200, 0), some(NB201, 205, 1)
    y = structured(inputs)
    told = Transfer().pretrain([(source, structured(source) ** 3)])  # another unit, the same order
    zero, five = told.fit(inputs[:0], []).predict(inputs).mean, told.fit(inputs[:5], y[:5]).predict(inputs).mean
    alone = predictors.create("gp-wl").fit(inputs[:5], y[:5]).predict(inputs).mean
    assert kendall_tau(y[5:], zero[5:]) > 0.8
    assert kendall_tau(y[5:], five[5:]) > kendall_tau(y[5:], alone[5:])


def test_a_misleading_table_is_forgotten():
    source, inputs = some(NB201, 200, 0), some(NB201, 300, 1)
    y = structured(inputs)
    misled = Transfer().pretrain([(source, -structured(source))]).fit(inputs[:100], y[:100]).predict(inputs[100:])
    alone = predictors.create("gp-wl").fit(inputs[:100], y[:100]).predict(inputs[100:])
    assert kendall_tau(y[100:], misled.mean) > kendall_tau(y[100:], alone.mean) - 0.05


def test_only_tables_of_the_same_task_teach_weights_if_there_are_any():
    images, nodes, inputs = some(NB101, 100, 0), some(GRAPH, 100, 1), some(NB201, 50, 2)
    apart = Transfer().pretrain([(images, structured(images))]).fit(inputs[:0], [])
    both = Transfer().pretrain([(images, structured(images)), (nodes, -structured(nodes))]).fit(inputs[:0], [])
    assert np.array_equal(apart.predict(inputs).mean, both.predict(inputs).mean)


def test_without_tables_the_weights_of_the_package_order():
    inputs = some(DARTS, 50, 0)
    mean = Transfer().fit(inputs[:0], []).predict(inputs).mean
    assert np.array_equal(np.argsort(mean), np.argsort(statistics(inputs) @ shipped_weights()))
    assert np.abs(shipped_weights()).max() < 1
    assert shipped_weights()[NAMES.index("cost")] > 0  # on every table so far


def test_the_weights_of_the_package_are_those_of_its_tables():
    """As `benchmarks/transfer.py --ship` learns them: four decimals are kept."""
    tables = [nasbench.load(name) for name in shipped()]
    sources = gathered(tables, Needs(), tables[0].score(), strict=True)
    weights = ridge_weights([part(*source, seed=0) for source in sources])
    assert np.abs(weights - shipped_weights()).max() <= 0.5e-4 + 1e-9


def test_columns_are_read_by_the_other_predictor_on_both_tables():
    def with_column(inputs: Inputs) -> Inputs:
        return Inputs.of(inputs.space, inputs.genotypes, columns={"flops": 1e9 * costs(inputs)})

    source, inputs = (with_column(some(NB201, n, seed)) for n, seed in ((150, 0), (120, 1)))
    predictor = Transfer("gp+features=flops")
    assert predictor.needs.columns == ("flops",)
    predictor.pretrain([(source, costs(source))]).fit(inputs[:10], costs(inputs)[:10])
    assert kendall_tau(costs(inputs)[10:], predictor.predict(inputs[10:]).mean) > 0.9
    with pytest.raises(InputError, match="flops"):
        Transfer("gp+features=flops").pretrain([(some(NB201, 20, 0), np.arange(20.0))]).fit(inputs[:10], np.arange(10))


def test_what_was_learnt_from_other_tables_is_stored(tmp_path):
    source, inputs = some(NB201, 60, 0), some(NB201, 80, 1)
    predictor = Transfer("gp").pretrain([(source, structured(source))])
    for n in (0, 1, 20):
        predictor.fit(inputs[:n], structured(inputs)[:n]).save(tmp_path / "file")
        loaded = Predictor.load(tmp_path / "file")
        assert all(map(np.array_equal, loaded.predict(inputs), predictor.predict(inputs)))


def test_a_seed_that_changes_keeps_what_was_learnt():
    source, inputs = some(NB201, 60, 0), some(NB201, 80, 1)
    predictor = Transfer("gp").pretrain([(source, structured(source))])
    before = predictor.fit(inputs[:0], []).predict(inputs).mean
    assert np.array_equal(predictor.set_params(seed=1).fit(inputs[:0], []).predict(inputs).mean, before)


def test_an_ensemble_passes_tables_on_to_its_members():
    source, inputs = some(NB201, 100, 0), some(NB201, 80, 1)
    ensemble = predictors.create("ensemble+members=transfer/ridge")
    assert ensemble.pretrains
    assert not predictors.create("ensemble").pretrains
    y = structured(inputs)
    plain = ensemble.fit(inputs[:8], y[:8]).predict(inputs).mean
    told = ensemble.pretrain([(source, structured(source))]).fit(inputs[:8], y[:8]).predict(inputs).mean
    assert kendall_tau(y[8:], told[8:]) > kendall_tau(y[8:], plain[8:])


@given(seed=st.integers(0, 1000), n=st.integers(0, 6))
def test_predictions_are_finite_for_any_few_labels(seed, n):
    rng = np.random.default_rng(seed)
    inputs = some(NB201, 12, seed)
    y = 10.0 ** rng.integers(-150, 150) * rng.integers(0, 3, size=n)
    mean, std = Transfer("gp+steps=3").fit(inputs[:n], y).predict(inputs)
    assert np.isfinite(mean).all()
    assert np.isfinite(std).all()
    assert (std > 0).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Transfer().pretrain([]), "at least one table"),
        (lambda: Transfer(seed=-1).pretrain([(some(NB201, 9, 0), np.arange(9.0))]), "seed"),
        (lambda: Transfer("nothing").fit(some(NB201, 5, 0), np.arange(5)), "nothing"),
        (lambda: Transfer().predict(some(NB201, 5, 0)), "fit first"),
    ],
)
def test_bad_input_is_told(call, message):
    with pytest.raises(InputError, match=message):
        call()
