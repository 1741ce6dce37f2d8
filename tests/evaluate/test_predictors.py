import math
import os
import re
import sys
from dataclasses import replace
from textwrap import dedent

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import InputError, NotFoundError
from nasbench.evaluate import metrics
from nasbench.evaluate.fits import TUNED
from nasbench.evaluate.predictors import SCORES, evaluate
from nasbench.evaluate.results import Results
from nasbench.evaluate.splits import Split, split
from nasbench.evaluate.tuning import TuningBudget
from nasbench.predictors import Inputs, Prediction, Predictor, predictors
from nasbench.predictors.ranges import WholeRange, ranges
from nasbench.predictors.ridge import Ridge
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")
TOP = ("ndcg_at_10", "precision_at_10", "precision_at_1_percent", "best_rank_at_10", "regret_at_10")
TIMES = ("fit_seconds", "predict_seconds", "tune_seconds")


@pytest.fixture(scope="module")
def benchmark():
    """300 cells whose accuracy at epoch 2 is linear in their operations, but for noise; one is missing."""
    rng = np.random.default_rng(0)
    genotypes = SPACE.decode(rng.permutation(SPACE.size)[:300])
    base = SPACE.features(genotypes, "counts") @ np.array([0, -5.0, 0, 2, 4, 1, 0]) + 80
    values = base[:, None, None] + np.array([[-20.0, 0.0]]) + rng.normal(size=(300, 2, 2))
    values[7] = np.nan
    metric = Metric(
        "toy", "validation_accuracy", "validation", "percent", "maximise", ("architecture", "seed", "epoch")
    )
    column = Column(metric, values, np.isnan(values).astype(np.uint8), ("the run diverged",))
    return TabularBenchmark(Table(SPACE, genotypes, (0, 1), {"toy": (1, 2)}, {metric.path: column}), name="toy.h5")


def run(benchmark, **changes):
    arguments = {"predictors": ["mean", "ridge"], "train_sizes": [20, 10], "test_size": 50, "splits": 2}
    return evaluate(benchmark, "validation_accuracy", **{**arguments, **changes})


def without_times(results):
    return [{k: v for k, v in record.items() if k not in TIMES} for record in results.records]


def test_records_and_settings(benchmark, tmp_path):
    results = run(benchmark)
    assert results.kind == "evaluation"
    assert (results.benchmark, results.space, results.metric) == ("toy.h5", "nb201", "toy/validation_accuracy")
    assert results.units == "percent"
    assert [(r["predictor"], r["n_train"], r["seed"]) for r in results.records] == [
        (name, size, seed) for name in ("mean", "ridge") for size in (10, 20) for seed in (0, 1)
    ]
    assert all(tuple(record) == ("predictor", "n_train", "seed", *SCORES) for record in results.records)
    assert results.settings["train_sizes"] == [10, 20]
    assert (results.settings["missing"], results.settings["architectures"]) == (1, 299)
    results.write(tmp_path / "results.json")
    assert Results.read(tmp_path / "results.json") == results


def test_a_good_predictor_beats_the_mean_whose_rank_correlation_is_undefined(benchmark):
    records = run(benchmark, predictors=["mean", "ridge+features=counts"]).records
    for mean, ridge in zip(records[:4], records[4:], strict=True):
        assert mean["kendall_tau"] is None
        assert ridge["kendall_tau"] > 0.2
        assert ridge["rmse"] < mean["rmse"]


def test_the_summary_has_means_intervals_and_counts(benchmark):
    results = run(benchmark)
    row = next(r for r in results.summary["scores"] if (r["predictor"], r["n_train"]) == ("ridge", 20))
    taus = [r["kendall_tau"] for r in results.records if (r["predictor"], r["n_train"]) == ("ridge", 20)]
    tau = row["kendall_tau"]
    assert tau["mean"] == pytest.approx(np.mean(taus))
    assert min(taus) <= tau["low"] <= tau["mean"] <= tau["high"] <= max(taus)
    assert tau["n"] == 2
    constant = results.summary["scores"][0]["kendall_tau"]
    assert constant == {"mean": None, "low": None, "high": None, "n": 0}


def test_a_predictor_scores_the_same_whatever_it_is_compared_with(benchmark):
    alone = run(benchmark, predictors=["ridge"], train_sizes=[10])
    beside = [r for r in without_times(run(benchmark)) if (r["predictor"], r["n_train"]) == ("ridge", 10)]
    assert without_times(alone) == beside


@pytest.fixture(scope="module")
def apart(benchmark):
    """By predictor, its records where it is scored alone; all know their inputs of all architectures."""
    names = ["mean", "ridge", "ridge+features=counts", "forest+trees=5", "conformal+predictor=ridge"]
    return {name: without_times(run(benchmark, predictors=[name])) for name in names}


@settings(max_examples=6)
@given(data=st.data())
def test_any_others_in_any_order_leave_the_records_of_each(benchmark, apart, data):
    names = data.draw(st.lists(st.sampled_from(list(apart)), min_size=1, max_size=4, unique=True))
    results = run(benchmark, predictors=names)
    assert without_times(results) == [record for name in names for record in apart[name]]


def test_scores_are_those_of_a_fit_by_hand(benchmark):
    """Of the last record: the second split, seen from its seed. The sparse tau is that of rounded predictions."""
    record = run(benchmark).records[-1]
    values = np.asarray(benchmark.query_many(benchmark.architectures(), "validation_accuracy").values.filled(np.nan))
    known = np.isfinite(values)
    inputs, values = Inputs.of(SPACE, benchmark.architectures()[known]), values[known]
    functions = SPACE.function_key(inputs.genotypes)
    train, test = split(functions, 20, 50, np.random.default_rng(np.random.SeedSequence(0, spawn_key=(1,))))
    mean, std = predictors.create("ridge").fit(inputs[train], values[train]).predict(inputs[test])
    assert record["coverage_90"] == np.mean(np.abs(values[test] - mean) <= metrics.NORMAL_90 * std)
    assert record["kendall_tau"] == stats.kendalltau(values[test], mean).statistic
    assert record["sparse_kendall_tau"] == stats.kendalltau(values[test], np.round(mean, 1)).statistic
    assert record["sparse_kendall_tau"] != record["kendall_tau"]


def test_the_top_of_a_minimised_metric_is_its_least(benchmark):
    """Errors are 100 less accuracies; a metric without a direction has no top."""
    table = benchmark.table
    (accuracy,) = table.columns.values()

    def top_scores(direction, values):
        metric = replace(accuracy.metric, direction=direction)
        column = replace(accuracy, metric=metric, values=values)
        changed = TabularBenchmark(replace(table, columns={metric.path: column}), name="toy.h5")
        records = run(changed, predictors=["mean", "ridge"]).records
        return [{name: record[name] for name in TOP} for record in records]

    high, low = top_scores("maximise", accuracy.values), top_scores("minimise", 100 - accuracy.values)
    for one, other in zip(high, low, strict=True):
        assert one == pytest.approx(other)
    assert high[0]["precision_at_10"] == pytest.approx(10 / 50)  # of a constant prediction
    assert {value for row in top_scores("none", accuracy.values) for value in row.values()} == {None}


def test_the_summary_has_the_noise_ceiling(benchmark):
    """Of the 299 cells with two trainings, of which the targets are means; of one seed there is none."""
    found = run(benchmark, predictors=["mean"], train_sizes=[10], splits=1).summary["noise_ceiling"]
    assert (found["architectures"], found["trainings"]) == (299, 2)
    assert found["agreement"] < found["low"] < found["tau"] < found["high"] < 1
    (column,) = benchmark.table.columns.values()
    column = replace(column, values=column.values[:, :1], missing=column.missing[:, :1])
    table = replace(benchmark.table, seeds=(0,), columns={column.metric.path: column})
    once = run(TabularBenchmark(table, name="toy.h5"), predictors=["mean"], train_sizes=[10], splits=1)
    assert once.summary["noise_ceiling"] is None


def test_protocols(benchmark):
    """Of 299 cells that have a number 149 are tested by `tagates`; 1 % of the other half is one cell."""
    usual, named = run(benchmark), run(benchmark, protocol="functions")
    assert without_times(usual) == without_times(named)
    assert {record["shared_functions"] for record in usual.records} == {0}
    anywhere = run(benchmark, protocol="random", train_sizes=[100, 20])
    assert anywhere.settings["protocol"] == "random"
    shares = {row["n_train"]: row["shared_functions"]["mean"] for row in anywhere.summary["scores"]}
    assert 0 < shares[20] < shares[100] < 1
    halves = run(benchmark, protocol="tagates", train_sizes=[20], test_size=None)
    assert (halves.settings["protocol"], halves.settings["test_size"]) == ("tagates", 149)
    with pytest.raises(InputError, match="predictor 'mean' needs at least 2 architectures, got a training size 1"):
        run(benchmark, protocol="tagates", train_sizes=[], test_size=None)
    with pytest.raises(InputError, match="train size 151 exceeds the 150 architectures"):
        run(benchmark, protocol="tagates", train_sizes=[151])
    recipe = {"splits": {"train": list(range(200)), "test": list(range(200, 300))}}
    source = TabularBenchmark(replace(benchmark.table, recipe=recipe), name="toy.h5")
    published = run(source, protocol="published", train_sizes=[], test_size=None)
    assert published.settings["protocol"] == "published"
    assert {record["left_out"] for record in published.records} == {"published test"}
    assert {record["shared_functions"] for record in published.records} == {0}
    with pytest.raises(InputError, match="a protocol is one of functions, random, published, tagates; got 'halves'"):
        run(benchmark, protocol="halves")
    with pytest.raises(InputError, match="'random' and holdouts both say what is tested on"):
        run(benchmark, protocol="random", holdouts={"x": Split(np.arange(9), np.arange(9, 20))})


def test_one_percent_of_half_the_space_are_78_cells_of_nas_bench_201():
    genotypes = SPACE.decode(np.arange(SPACE.size))
    values = SPACE.features(genotypes, "counts") @ np.array([0, -5.0, 0, 2, 4, 1, 0]) + 80
    metric = Metric("toy", "validation_accuracy", "validation", "percent", "maximise", ("architecture",))
    column = Column(metric, values, np.zeros(len(values), dtype=np.uint8))
    whole = TabularBenchmark(Table(SPACE, genotypes, (), {}, {metric.path: column}), name="toy.h5")
    results = evaluate(
        whole, "validation_accuracy", predictors=["mean"], train_sizes=[], splits=2, protocol="tagates"
    )  # fmt: skip
    assert {record["n_train"] for record in results.records} == {78}
    assert results.settings["test_size"] == 7812
    for record in results.records:
        assert 0.1 < record["shared_functions"] < 0.5


def test_given_splits(benchmark):
    """Row 7 has no number; the training rows are learnt from, all or a part, and the test rows scored."""
    parts = {"first": Split(np.arange(100), np.arange(100, 160)), "last": Split(np.arange(50), np.arange(250, 300))}
    results = run(benchmark, train_sizes=[], test_size=1, holdouts=parts, predictors=["ridge"])
    assert [(r["left_out"], r["n_train"], r["seed"]) for r in results.records] == [
        ("first", 99, 0), ("first", 99, 1), ("last", 49, 0), ("last", 49, 1),
    ]  # fmt: skip
    assert all(tuple(record) == ("predictor", "n_train", "seed", "left_out", *SCORES) for record in results.records)
    assert results.settings["left_out"] == {"first": 60, "last": 50}
    assert [(row["left_out"], row["n_train"]) for row in results.summary["scores"]] == [("first", 99), ("last", 49)]
    genotypes = benchmark.architectures()
    values = np.asarray(benchmark.query_many(genotypes, "validation_accuracy").values)
    fixed, drawn = (run(benchmark, train_sizes=s, holdouts=parts, predictors=["ridge"]).summary for s in ([], [20, 49]))
    assert {(row["rmse"]["low"], row["rmse"]["n"]) for row in fixed["scores"]} == {(None, 2)}
    assert "random parts of the given training part; none for all of it" in fixed["interval"]
    ends = {(row["left_out"], row["n_train"]): row["rmse"] for row in drawn["scores"]}
    assert ends.pop(("last", 49))["low"] is None
    assert all(row["low"] < row["mean"] < row["high"] for row in ends.values())
    rows, inputs = np.delete(np.arange(100), 7), Inputs.of(SPACE, genotypes)
    mean = predictors.create("ridge").fit(inputs[rows], values[rows]).predict(inputs[100:160]).mean
    assert results.records[0]["rmse"] == pytest.approx(metrics.rmse(values[100:160], mean))
    smaller = run(benchmark, train_sizes=[20, 40], holdouts=parts, predictors=["ridge"], jobs=2)
    assert {r["n_train"] for r in smaller.records} == {20, 40}
    alone = run(benchmark, train_sizes=[20, 40], holdouts={"last": parts["last"]}, predictors=["ridge"])
    assert without_times(alone) == [r for r in without_times(smaller) if r["left_out"] == "last"]
    with pytest.raises(InputError, match=r"without 'last' there are 49 architectures to learn from, fewer than .* 99"):
        run(benchmark, train_sizes=[99], holdouts=parts)
    with pytest.raises(InputError, match="the test part has 0 architectures with a number"):
        run(benchmark, train_sizes=[], holdouts={"none": Split(np.arange(9), np.array([7]))})


def test_the_seed_decides(benchmark):
    assert without_times(run(benchmark)) == without_times(run(benchmark))
    assert without_times(run(benchmark)) != without_times(run(benchmark, seed=1))


def test_an_earlier_epoch_is_another_target(benchmark):
    last, first = (run(benchmark, epoch=epoch).records[0]["rmse"] for epoch in ("last", 1))
    assert last != first
    assert without_times(run(benchmark, epoch=2)) == without_times(run(benchmark))


# --- predictors of every kind ----------------------------------------------------------------------------------------


def test_a_name_a_class_and_an_instance_are_the_same_predictor(benchmark):
    one, two, three = (run(benchmark, predictors=[p], train_sizes=[10]) for p in ("ridge", Ridge, Ridge()))
    assert without_times(one) == without_times(two) == without_times(three)
    assert one.settings["predictors"] == two.settings["predictors"] == three.settings["predictors"] == ["ridge"]


def test_an_instance_keeps_its_arguments_and_stays_unfitted(benchmark):
    predictor = Ridge("counts")
    (record,) = run(benchmark, predictors=[predictor], train_sizes=[20], splits=1).records
    (named,) = run(benchmark, predictors=["ridge+features=counts"], train_sizes=[20], splits=1).records
    assert record["predictor"] == 'ridge+features="counts"'
    assert record["rmse"] == named["rmse"]
    assert not hasattr(predictor, "space_")


def test_the_number_of_the_split_is_the_seed_of_names_and_classes(benchmark):
    class Seeded(Predictor):
        def __init__(self, seed=0):
            self.seed = seed

        def _fit(self, inputs, z):
            pass

        def _predict(self, inputs):
            return Prediction(np.full(len(inputs), 1000.0 * self.seed), np.ones(len(inputs)))

        def _state(self):
            return {}

        def _restore(self, state):
            pass

    of_class = run(benchmark, predictors=[Seeded], train_sizes=[10]).records
    assert of_class[1]["rmse"] > 10 * of_class[0]["rmse"]
    of_instance = run(benchmark, predictors=[Seeded()], train_sizes=[10]).records
    assert of_instance[1]["rmse"] < 10 * of_instance[0]["rmse"]


@pytest.mark.parametrize("pair", [(Ridge(), Ridge()), (Ridge, Ridge()), (Ridge(), "ridge"), ("ridge", Ridge)])
def test_two_predictors_of_one_name_are_refused(benchmark, pair):
    with pytest.raises(InputError, match="predictor 'ridge' is named twice; name each once"):
        run(benchmark, predictors=list(pair))


def test_the_same_predictor_twice_is_one(benchmark):
    ridge = Ridge()
    for twice in (["ridge", "ridge"], [ridge, ridge], [Ridge, Ridge]):
        assert len(run(benchmark, predictors=twice, train_sizes=[10], splits=1).records) == 1
    assert len(run(benchmark, predictors=[ridge, Ridge("counts")], train_sizes=[10], splits=1).records) == 2


# --- columns and curves ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told():
    """200 cells whose last accuracy has nothing to do with them, but much with FLOPs and with their fourth epoch.

    The FLOPs of cells 0 to 9 are missing, and the fourth epoch of cells 5 to 14; an epoch takes 10 seconds.
    """
    rng = np.random.default_rng(0)
    genotypes = rng.permutation(SPACE.unique("function_key"))[:200]
    flops, noise = rng.normal(size=200), rng.normal(size=(200, 8))
    accuracy = 50 + 10 * flops[:, None] * np.linspace(0.1, 1, 8) + 0.1 * noise
    accuracy[5:15, 3] = np.nan
    seconds = 10.0 * np.ones((200, 1)) * np.arange(1, 9)
    flops[:10] = np.nan

    def column(dataset, name, split, units, values):
        dims = ("architecture", "seed", "epoch")
        values = values if values.ndim == 1 else values[:, None]
        metric = Metric(dataset, name, split, units, "none", dims[: values.ndim])
        return metric.path, Column(metric, values, np.isnan(values).astype(np.uint8), ("failed",))

    columns = dict(
        [
            column("toy", "validation_accuracy", "validation", "percent", accuracy),
            column("toy", "test_accuracy", "test", "percent", accuracy - 1),
            column("toy", "train_seconds", "none", "seconds", seconds),
            column("", "flops", "none", "count", flops),
        ]
    )
    return TabularBenchmark(Table(SPACE, genotypes, (0,), {"toy": tuple(range(1, 9))}, columns), name="told.h5")


READING = ["ridge", "ridge+features=default/flops", "ridge+features=default/curve@4"]


def test_columns_and_curves_are_read_and_paid_for(told):
    results = run(told, predictors=READING, train_sizes=[60], splits=1)
    plain, column, curve = results.records
    assert abs(plain["pearson"] or 0) < 0.5
    assert column["pearson"] > 0.95  # linear in the transform of the column that is the target
    assert curve["pearson"] > 0.9
    assert (plain["query_seconds"], column["query_seconds"], curve["query_seconds"]) == (0, 0, 40)
    assert results.summary["scores"][2]["query_seconds"]["mean"] == 40


def test_architectures_with_missing_inputs_are_left_out_of_all(told):
    every = run(told, predictors=["ridge"], train_sizes=[60])
    assert (every.settings["architectures"], every.settings["unknown_inputs"]) == (200, 0)
    column = run(told, predictors=READING[:2], train_sizes=[60])
    assert (column.settings["architectures"], column.settings["unknown_inputs"]) == (190, 10)
    both = run(told, predictors=READING, train_sizes=[60])
    assert (both.settings["architectures"], both.settings["unknown_inputs"]) == (185, 15)
    assert both.settings["missing"] == 0


def test_results_with_inputs_do_not_depend_on_jobs(told):
    one, two = (run(told, predictors=READING, train_sizes=[30, 60], jobs=jobs) for jobs in (1, 2))
    assert without_times(one) == without_times(two)


def test_the_test_accuracy_is_predicted_from_the_validation_curve(told):
    arguments = {"train_sizes": [60], "test_size": 50, "splits": 1, "predictors": READING[2:]}
    (record,) = evaluate(told, "test_accuracy", **arguments).records
    assert record["pearson"] > 0.9
    assert record["query_seconds"] == 40


def test_a_curve_without_recorded_times_has_no_cost(told):
    columns = {path: c for path, c in told.table.columns.items() if path != "toy/train_seconds"}
    untimed = TabularBenchmark(replace(told.table, columns=columns))
    assert run(untimed, predictors=READING[2:], train_sizes=[60], splits=1).records[0]["query_seconds"] is None


def test_times_that_are_not_recorded_are_left_out_of_their_mean(told):
    """Of the cells that are tested on, the even rows of the table took 40 s; the time of the odd ones is unknown."""
    column = told.table.columns["toy/train_seconds"]
    values = column.values.copy()
    values[1::2] = np.nan
    columns = {**told.table.columns, "toy/train_seconds": replace(column, values=values,
               missing=np.isnan(values).astype(np.uint8))}  # fmt: skip
    partly = TabularBenchmark(replace(told.table, columns=columns))
    assert run(partly, predictors=READING[2:], train_sizes=[60], splits=1).records[0]["query_seconds"] == 40


def test_an_ensemble_is_given_what_its_members_need(told):
    (record,) = run(told, predictors=["ensemble+members=ridge/power-law"], train_sizes=[60], splits=1).records
    assert record["pearson"] > 0.5
    assert record["query_seconds"] == 40
    with pytest.raises(InputError, match="power-law' needs at least 4 architectures, got a training size 3"):
        run(told, predictors=["ensemble+members=ridge/power-law"], train_sizes=[3])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"predictors": ["ridge+features=curve@8"]},
            "would read 8 epochs of the curve whose value at epoch 8",
        ),
        (
            {"predictors": READING, "epoch": 4},
            "'ridge.*curve@4' would read 4 epochs .* at epoch 4",
        ),
        ({"predictors": ["ridge+features=curve@9"]}, "would read 9 epochs"),
        ({"predictors": ["ridge+features=curve@x"]}, "a partial curve is written curve@EPOCHS"),
        (
            {"predictors": ["ridge+features=synflow"]},
            "'synflow' is no encoding .*; it has flops",
        ),
        ({"predictors": ["ridge+features=test_accuracy"]}, "'toy/test_accuracy' comes of training"),
        ({"predictors": ["ridge+features=3"], "train_sizes": [10]}, "split 0: features are names joined by '/'"),
    ],
)
def test_inputs_that_cannot_be_had_are_refused(told, changes, message):
    with pytest.raises(InputError, match=message) as caught:
        run(told, **changes)
    assert "\n" not in str(caught.value)


def test_an_earlier_target_may_have_an_earlier_curve(told):
    assert len(run(told, predictors=["ridge+features=curve@4"], train_sizes=[60], splits=1, epoch=5).records) == 1


# --- a predictor of one's own ----------------------------------------------------------------------------------------


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A predictor in a file outside the package, in the folder where one works."""
    (tmp_path / "mine.py").write_text(
        dedent(
            '''
            """Predicts the number of 3x3 convolutions."""

            import numpy as np

            from nasbench.predictors import Prediction, Predictor


            class Convolutions(Predictor):
                transforms_targets = False

                def __init__(self, factor=1.0, fail=False, hang=""):
                    self.factor, self.fail, self.hang = factor, fail, hang

                def _fit(self, inputs, z):
                    while self.hang == "fit":
                        pass
                    if self.fail:
                        raise RuntimeError("no luck")

                def _predict(self, inputs):
                    while self.hang == "prediction":
                        pass
                    return Prediction(self.factor * (inputs.genotypes == 3).sum(axis=1), np.ones(len(inputs)))

                def _state(self):
                    return {}

                def _restore(self, state):
                    pass
            '''
        )
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield "mine:Convolutions"
    sys.modules.pop("mine", None)


def test_jobs_change_nothing_and_find_a_predictor_of_ones_own(benchmark, outside):
    names = ["ridge", "xgb", outside]
    told: list[tuple[int, int]] = []
    one = run(benchmark, predictors=names, train_sizes=[10])
    two = run(benchmark, predictors=names, train_sizes=[10], jobs=2, progress=lambda *parts: told.append(parts))
    assert without_times(one) == without_times(two)
    assert one.records[-1]["predictor"] == outside
    assert told == [(done, 6) for done in range(7)]


@pytest.mark.parametrize(("jobs", "hangs"), [(1, ["fit"]), (2, ["fit", "prediction"])])
def test_a_fit_without_end_is_the_failure_of_its_predictor(benchmark, outside, jobs, hangs):
    """The patience is long for what the others do."""
    names = [f"{outside}+hang={hang}" for hang in hangs]
    results = run(benchmark, predictors=["mean", *names, outside], train_sizes=[10], jobs=jobs, patience=10)
    assert without_times(results) == without_times(run(benchmark, predictors=["mean", outside], train_sizes=[10]))
    assert results.summary["failures"] == {
        name: f"predictor {name!r} on 10 architectures, split 0: no {hang} within 10 s (--patience)"
        for name, hang in zip(names, hangs, strict=True)
    }


def test_a_predictor_of_a_function_has_no_patience(benchmark):
    class Mine(Ridge):
        pass

    with pytest.raises(InputError, match=r"a patience needs another process, which cannot be sent the predictor '.*Mi"):
        run(benchmark, predictors=[Mine], patience=5)


def test_a_space_that_cannot_be_sent_stays_in_this_process(benchmark, monkeypatch):
    one = run(benchmark, predictors=["mean"], train_sizes=[10])
    monkeypatch.setattr(SPACE, "weigh", lambda score: -score, raising=False)
    assert without_times(run(benchmark, predictors=["mean"], train_sizes=[10], jobs=2)) == without_times(one)
    with pytest.raises(InputError, match="cannot be sent the space; put its class"):
        run(benchmark, predictors=["mean"], train_sizes=[10], patience=5)


def test_arguments_are_part_of_the_name(benchmark, outside):
    turned = run(benchmark, predictors=[outside, f"{outside}+factor=-1"], train_sizes=[10], splits=1)
    up, down = (record["pearson"] for record in turned.records)
    assert up == pytest.approx(-down)
    assert up > 0.2


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_failing_predictor_is_named_with_its_place(benchmark, outside, jobs):
    message = r"mine:Convolutions\+fail=true' on 10 architectures, split [01]: RuntimeError: no luck \(mine\.py, line 1"
    with pytest.raises(InputError, match=message):
        run(benchmark, predictors=[f"{outside}+fail=true"], train_sizes=[10], jobs=jobs)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"predictors": ["rigde"]}, "did you mean 'ridge'"),
        ({"predictors": []}, "at least one predictor"),
        ({"train_sizes": []}, "one training size"),
        ({"train_sizes": [1, 10]}, "predictor 'mean' needs at least 2 architectures, got a training size 1"),
        ({"splits": 0}, "splits must be a whole number of at least 1, got 0"),
        ({"splits": 1.5}, r"splits must be a whole number of at least 1, got 1\.5"),
        ({"patience": 0}, "patience must be a number above 0, got 0"),
        ({"jobs": 0}, "jobs must be a whole number of at least 1, got 0"),
        ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
        ({"test_size": None}, "test_size must be a whole number of at least 1, got None"),
        ({"test_size": 0}, "test_size must be a whole number of at least 1, got 0"),
        ({"train_sizes": [10, 5.5]}, r"a training size must be a whole number of at least 0, got 5\.5"),
        ({"test_size": 1000}, "exceeds the"),
    ],
)
def test_bad_input_is_refused(benchmark, changes, message):
    with pytest.raises(InputError, match=message):
        run(benchmark, **changes)


def test_unknown_epoch(benchmark):
    with pytest.raises(NotFoundError, match="99"):
        run(benchmark, epoch=99)


def test_threads_are_given_back(benchmark):
    before = os.environ.get("OMP_NUM_THREADS")
    run(benchmark, train_sizes=[10], splits=1)
    assert os.environ.get("OMP_NUM_THREADS") == before
    assert math.isfinite(run(benchmark, train_sizes=[10], splits=1).records[0]["fit_seconds"])


class Ends(Ridge):
    """Raises an error at one place."""

    place, error = "", BaseException()

    def __init__(self):
        super().__init__()
        self._at("constructor")

    @property
    def needs(self):
        self._at("needs")
        return super().needs

    @property
    def min_samples(self):
        self._at("samples")
        return 2

    def _fit(self, inputs, z):
        self._at("fit")
        super()._fit(inputs, z)

    def _predict(self, inputs):
        self._at("prediction")
        return super()._predict(inputs)

    def _at(self, place):
        if place == self.place:
            raise self.error


@settings(max_examples=30)
@given(
    st.sampled_from(["constructor", "needs", "samples", "fit", "prediction"]),
    st.sampled_from([SystemExit, GeneratorExit, StopIteration, TypeError, InputError, KeyboardInterrupt]),
    st.sampled_from([(), (0,), (None,), ("two\nlines",)]),
)
def test_whatever_a_predictor_raises_is_its_own_failure_or_ctrl_c(benchmark, place, error, arguments):
    few = {"predictors": ["mean", Ends], "train_sizes": [10], "splits": 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ends, "place", place)
        patch.setattr(Ends, "error", error(*arguments))
        if error is KeyboardInterrupt:
            with pytest.raises(KeyboardInterrupt):
                run(benchmark, **few)
        elif place in ("fit", "prediction"):
            results = run(benchmark, **few)
            ((name, reason),) = results.summary["failures"].items()
            assert name == f"{__name__}:Ends" and reason.startswith(f"predictor {name!r} on 10 architectures, split 0")
            assert {record["predictor"] for record in results.records} == {"mean"}
        else:
            with pytest.raises(InputError) as caught:
                run(benchmark, **few)
            assert error is InputError or re.match(r"predictor '?\S*Ends'?: ", str(caught.value))


class EditsItsTargets(Ridge):
    """Learns from targets that it standardises in place, once transformed and once not."""

    def fit(self, inputs, targets):
        super().fit(inputs, targets)
        targets -= targets.mean()
        return self

    def _fit(self, inputs, z):
        super()._fit(inputs, z)
        z[:] = 0


def test_a_predictor_that_edits_its_targets_changes_no_score(benchmark):
    ours = ["mean", "ridge", "ridge+features=counts"]
    among = run(benchmark, predictors=[ours[0], EditsItsTargets(), *ours[1:]])
    others = [record for record in without_times(among) if record["predictor"] in ours]
    assert others == without_times(run(benchmark, predictors=ours))


# --- tuning and trials -----------------------------------------------------------------------------------------------


def test_tuned_fits_say_what_was_chosen_and_are_those_of_its_specification(benchmark):
    """`mean` declares nothing; an argument that is given stays; records without tuning are as they were."""
    names = ["mean", "ridge", "forest+trees=5", "ridge+features=counts"]
    budget = TuningBudget(trials=4)
    one = run(benchmark, predictors=names, tuning=budget)
    two = run(benchmark, predictors=names[2:3], tuning=budget, jobs=2)
    assert without_times(two) == [r for r in without_times(one) if r["predictor"] == names[2]]
    assert one.settings["tuning"] == {"seconds": None, "trials": 4, "note": "repeatable"}
    found = {name: [r for r in one.records if r["predictor"] == name] for name in names}
    assert all(tuple(record) == ("predictor", "n_train", "seed", *SCORES, *TUNED) for record in one.records)
    assert {(r["tuned"], r["tune_trials"], r["tune_failed"]) for r in found["mean"]} == {(None, 0, 0)}
    assert {(r["tuned"], r["tune_trials"]) for r in found["ridge+features=counts"]} == {("ridge+features=counts", 0)}
    assert {r["tune_trials"] for r in found["ridge"]} == {3} and {
        r["tune_trials"] for r in found["forest+trees=5"]
    } == {4}
    assert all(record["tune_seconds"] > 0 for record in found["ridge"])
    changed = next(r for r in found["forest+trees=5"] if r["tuned"] != "forest+trees=5")
    again = run(benchmark, predictors=[changed["tuned"]])
    place = changed["n_train"], changed["seed"]
    same = next(r for r in without_times(again) if (r["n_train"], r["seed"]) == place)
    assert {**same, "predictor": ""} == {
        name: "" if name == "predictor" else value
        for name, value in changed.items() if name not in (*TIMES, *TUNED)
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["class", "instance"])
def test_arguments_of_an_instance_stay_and_those_of_a_class_do_not(benchmark, kind):
    given = Ridge if kind == "class" else Ridge("counts")
    (record,) = run(
        benchmark, predictors=[given], train_sizes=[20], splits=1, tuning=TuningBudget(trials=5)
    ).records  # fmt: skip
    assert record["tune_trials"] == (3 if kind == "class" else 0)


def test_the_last_of_many_predictors_is_tried_before_the_long_work(benchmark, outside):
    """Two processes serve one predictor each, so the fits of the third would begin when others are done."""
    names, told, done = ["mean", "ridge", f"{outside}+fail=true"], [], []

    def warn(reason):
        told.append((reason, list(done)))

    settings = {"predictors": names, "jobs": 2, "warn": warn, "progress": lambda number, total: done.append(number)}
    results = run(benchmark, **settings)
    ((reason, before),) = told
    assert reason.startswith(f"predictor '{names[2]}' on 10 architectures, split 0: RuntimeError: no luck")
    assert before == []
    assert results.summary["failures"] == {names[2]: reason}
    assert without_times(results) == without_times(run(benchmark))


def test_a_trial_is_not_tuned(benchmark, outside):
    told = []
    tuning = TuningBudget(trials=100)
    names = ["ridge", f"{outside}+fail=true"]
    results = run(benchmark, predictors=names, tuning=tuning, warn=told.append, train_sizes=[10], splits=1)
    assert len(told) == 1 and "no luck" in told[0]
    assert [record["predictor"] for record in results.records] == ["ridge"]
    with pytest.raises(InputError, match="split 0: RuntimeError: no luck"):
        run(benchmark, predictors=names, tuning=tuning, strict=True, progress=lambda *numbers: told.append(numbers))
    assert len(told) == 1  # nothing began


def test_a_wrong_declaration_is_told_before_the_first_fit(benchmark):
    class Wrong(Ridge):
        tunable = ranges(depth=WholeRange(1, 3))

    with pytest.raises(InputError, match="Wrong declares 'depth' as tunable, but has no such argument"):
        run(benchmark, predictors=["mean", Wrong], tuning=TuningBudget(trials=2), progress=pytest.fail)
    assert run(benchmark, predictors=[Wrong], train_sizes=[10], splits=1).records
