from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import nasbench
from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import Column
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.evaluate.baselines import baselines
from nasbench.evaluate.predictors import evaluate
from nasbench.evaluate.splits import Split, targets
from nasbench.predictors import Inputs
from nasbench.predictors.encodings import encode


@pytest.fixture(scope="module")
def digits():
    return nasbench.load("nb201-digits")


def of(benchmark, path, splits):
    metric = benchmark.metric(path)
    found = targets(benchmark, metric.path, "last")
    return baselines(benchmark, metric, found, splits(len(found.values)), 0), found


def halves(n):
    """Two splits that test the first and the second half, and learn from the other, which does not matter."""
    first, second = np.arange(n // 2), np.arange(n // 2, n)
    return {"": (Split(second, first), Split(first, second))}


def test_taus_are_those_of_the_columns_on_each_test_set(digits):
    rows, found = of(digits, "validation_accuracy", halves)
    by_name = {row["name"]: row["kendall_tau"] for row in rows}
    assert set(by_name) == {"layers", "cost", *(m.path for m in digits.metrics.values() if m.static)}
    flops = digits.query_many(found.genotypes, "digits/flops").values.filled(np.nan)
    layers = encode(Inputs(digits.space, found.genotypes, {}), "layers")[0][:, 0]
    for name, numbers in (("digits/flops", flops), ("layers", layers)):
        taus = [stats.kendalltau(found.values[test], numbers[test]).statistic for _, test in halves(len(numbers))[""]]
        assert by_name[name]["mean"] == pytest.approx(np.mean(taus), rel=1e-12)
        assert by_name[name]["low"] <= min(taus) < max(taus) <= by_name[name]["high"]
        assert by_name[name]["n"] == 2
    sizes = [abs(row["kendall_tau"]["mean"]) for row in rows]
    assert sizes == sorted(sizes, reverse=True)


def with_column(benchmark, values):
    """The table with one more static column and the accuracies as errors too."""
    table = benchmark.table
    static = Metric("", "given", "none", "none", "minimise", ("architecture",))
    columns = {
        **table.columns,
        static.path: Column(static, values, np.isnan(values).astype(np.uint8), ("not measured",)),
    }
    accuracy = table.columns["digits/validation_accuracy"]
    error = replace(accuracy.metric, name="validation_error", direction="minimise")
    columns[error.path] = Column(error, 100 - accuracy.values, accuracy.missing, accuracy.reasons)
    return TabularBenchmark(replace(table, columns=columns), name="changed")


def test_missing_numbers_errors_and_constants(digits):
    n = len(digits.table.genotypes)
    few = np.full(n, np.nan)
    few[:500] = np.arange(500)
    table = with_column(digits, few)
    rows, _ = of(table, "validation_accuracy", halves)
    score = next(row["kendall_tau"] for row in rows if row["name"] == "given")
    assert (score["n"], np.isnan(score["low"])) == (1, True)  # nothing of the second half is known
    minimised, _ = of(table, "validation_error", halves)
    for row, turned in zip(rows, minimised, strict=True):  # less error is as good as more accuracy
        assert (row["name"], row["kendall_tau"]["mean"]) == (turned["name"], turned["kendall_tau"]["mean"])
    for nothing in (np.full(n, np.nan), np.ones(n)):
        rows, _ = of(with_column(digits, nothing), "validation_accuracy", halves)
        assert "given" not in [row["name"] for row in rows]


def test_a_static_metric_is_no_baseline_of_itself(digits):
    rows, _ = of(digits, "flops", halves)
    assert "digits/flops" not in [row["name"] for row in rows]
    assert rows[0]["name"] in ("digits/parameters", "cost")


def test_parts_have_their_own(digits):
    rows, _ = of(digits, "validation_accuracy", lambda n: {"a": halves(n)[""][:1], "b": halves(n)[""]})
    assert {(row["left_out"], row["kendall_tau"]["n"]) for row in rows} == {("a", 1), ("b", 2)}


def test_an_evaluation_has_them_in_its_summary(digits):
    found = evaluate(
        digits, "validation_accuracy", predictors=["mean"], train_sizes=[10], test_size=300, splits=2
    ).summary["baselines"]
    assert found[0]["kendall_tau"]["n"] == 2
    assert found[0]["name"] == "digits/synflow"
