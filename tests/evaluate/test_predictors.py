import math
import os
import sys
from textwrap import dedent

import numpy as np
import pytest

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import InputError, NotFoundError
from nasbench.evaluate import metrics
from nasbench.evaluate.predictors import SCORES, evaluate
from nasbench.evaluate.results import Results
from nasbench.evaluate.splits import Split
from nasbench.predictors import predictors
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")
TIMES = ("fit_seconds", "predict_seconds")


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
    arguments = {"predictors": ["mean", "ridge"], "train_sizes": [20, 10], "test_size": 50, "seeds": 2}
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
    records = run(benchmark).records
    for mean, ridge in zip(records[:4], records[4:], strict=True):
        assert mean["kendall_tau"] is None
        assert ridge["kendall_tau"] > 0.2
        assert ridge["rmse"] < mean["rmse"]
        assert 0 <= ridge["coverage_90"] <= 1


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


def test_the_sparse_kendall_tau_is_of_percentages(benchmark):
    record = run(benchmark).records[-1]
    assert record["sparse_kendall_tau"] == pytest.approx(record["kendall_tau"], abs=0.02)
    assert record["sparse_kendall_tau"] != record["kendall_tau"]


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
    rows = np.delete(np.arange(100), 7)
    mean = predictors.create("ridge").fit(SPACE, genotypes[rows], values[rows]).predict(genotypes[100:160]).mean
    assert results.records[0]["rmse"] == pytest.approx(metrics.rmse(values[100:160], mean))
    smaller = run(benchmark, train_sizes=[20, 40], holdouts=parts, predictors=["ridge"], workers=2)
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
                warped = False

                def __init__(self, factor=1.0, fail=False):
                    self.factor, self.fail = factor, fail

                def _fit(self, genotypes, z):
                    if self.fail:
                        raise RuntimeError("no luck")

                def _predict(self, genotypes):
                    return Prediction(self.factor * (genotypes == 3).sum(axis=1), np.ones(len(genotypes)))

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


def test_workers_change_nothing_and_find_a_predictor_of_ones_own(benchmark, outside):
    names = ["ridge", "xgb", outside]
    told: list[tuple[int, int]] = []
    one = run(benchmark, predictors=names, train_sizes=[10])
    two = run(benchmark, predictors=names, train_sizes=[10], workers=2, progress=lambda *parts: told.append(parts))
    assert without_times(one) == without_times(two)
    assert one.records[-1]["predictor"] == outside
    assert told == [(done, 6) for done in range(7)]


def test_arguments_are_part_of_the_name(benchmark, outside):
    turned = run(benchmark, predictors=[outside, f"{outside}+factor=-1"], train_sizes=[10], seeds=1)
    up, down = (record["pearson"] for record in turned.records)
    assert up == pytest.approx(-down)
    assert up > 0.2


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failing_predictor_is_named_with_its_place(benchmark, outside, workers):
    with pytest.raises(InputError, match=r"mine:Convolutions\+fail=true' on 10 .* RuntimeError: no luck \(.*mine.py:"):
        run(benchmark, predictors=[f"{outside}+fail=true"], train_sizes=[10], workers=workers)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"predictors": ["rigde"]}, "did you mean 'ridge'"),
        ({"predictors": []}, "at least one predictor"),
        ({"train_sizes": []}, "one training size"),
        ({"train_sizes": [1, 10]}, "predictor 'mean' needs at least 2 architectures, got a training size 1"),
        ({"seeds": 0}, "at least 1, got 0 and 1"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
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
    run(benchmark, train_sizes=[10], seeds=1)
    assert os.environ.get("OMP_NUM_THREADS") == before
    assert math.isfinite(run(benchmark, train_sizes=[10], seeds=1).records[0]["fit_seconds"])
