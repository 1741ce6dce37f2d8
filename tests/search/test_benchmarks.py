"""Search on real tables and on surrogates of them."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from nasbench.benchmark.base import Metric
from nasbench.benchmark.surrogate import SurrogateBenchmark
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import InputError
from nasbench.evaluate.anytime import anytime
from nasbench.evaluate.strategies import compare
from nasbench.evaluate.surrogates import fit_surrogate
from nasbench.search.problem import Budget
from nasbench.search.random import RandomSearch
from nasbench.simulator.evaluator import QueryEvaluator, TabulatedEvaluator
from nasbench.simulator.simulate import simulate
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")
PUBLISHED = Path(__file__).parents[3] / "shared/tables/nb201_nasgraph/raw/nasbench201_cifar10.csv"


@pytest.fixture(scope="module")
def cells() -> TabularBenchmark:
    """Sixty cells, trained for two epochs with two seeds; numbers are formulas, and one training failed."""
    genotypes = np.unique(SPACE.sample(80, np.random.default_rng(0)), axis=0)[:60]
    quality = (genotypes == 3).sum(axis=1) - 2.0 * (genotypes == 0).sum(axis=1)
    seeds, epochs = np.array([0.0, 1.0])[:, None], np.array([1.0, 2.0])
    shape = (60, 2, 2)
    numbers = {
        "validation_accuracy": 50 + quality[:, None, None] * epochs + seeds,
        "test_accuracy": 49 + quality[:, None, None] * epochs + seeds,
        "train_seconds": (1.0 + genotypes.sum(axis=1))[:, None, None] * epochs + 0 * seeds,
    }
    columns = {}
    for name, values in numbers.items():
        split = name.partition("_")[0] if "accuracy" in name else "none"
        units, direction = ("percent", "maximise") if "accuracy" in name else ("seconds", "minimise")
        metric = Metric("digits", name, split, units, direction, ("architecture", "seed", "epoch"))  # type: ignore[arg-type]
        missing = np.zeros(shape, dtype=np.uint8)
        columns[metric.path] = Column(metric, np.broadcast_to(values, shape).copy(), missing)
    failed = columns["digits/validation_accuracy"]
    failed.values[7, 0], failed.missing[7, 0] = np.nan, 1
    columns["digits/validation_accuracy"] = Column(failed.metric, failed.values, failed.missing, ("diverged",))
    return TabularBenchmark(Table(SPACE, genotypes, (0, 1), {"digits": (1, 2)}, columns), name="cells.h5")


@pytest.fixture(scope="module")
def surrogate(cells: TabularBenchmark) -> SurrogateBenchmark:
    return fit_surrogate(cells, "validation_accuracy", "ridge", folds=2)


def test_sampled_cells_need_a_surrogate(cells: TabularBenchmark) -> None:
    with pytest.raises(InputError, match=r"answers for 60 of the 15,625 .* nasbench surrogate FILE"):
        compare(cells, "validation_accuracy", strategies=["random"])


def test_race_on_a_surrogate(surrogate: SurrogateBenchmark) -> None:
    results = compare(surrogate, "validation_accuracy", strategies=["random", "local"], repeats=6, jobs=1)
    assert results.benchmark == "surrogate of cells.h5"
    assert results.summary["timed"]
    assert results.summary["ranking"]["order"] == ("local", "random")
    seconds = [record["simulated_seconds"] for record in results.records]
    assert all(math.isfinite(second) and second > 0 for second in seconds)
    evaluator = QueryEvaluator(surrogate, ["validation_accuracy"])
    alone = simulate(RandomSearch(), evaluator, Budget(evaluations=20), np.random.default_rng(0))
    costs = surrogate.query_many(evaluator.genotypes(alone.rows), "train_seconds").values
    np.testing.assert_allclose(alone.seconds, np.cumsum(costs))


def test_look_up_is_the_surrogate(surrogate: SurrogateBenchmark) -> None:
    evaluator = TabulatedEvaluator(surrogate, ["validation_accuracy"])
    every = np.concatenate(list(SPACE.enumerate()))
    np.testing.assert_array_equal(evaluator.codes, SPACE.code(every))
    np.testing.assert_allclose(evaluator.valid[0, 0], surrogate.query_many(every, "validation_accuracy").values)
    np.testing.assert_allclose(evaluator.costs[0], surrogate.query_many(every, "train_seconds").values)


@pytest.fixture(scope="module")
def published() -> TabularBenchmark:
    if not PUBLISHED.exists():
        pytest.skip(f"needs the published table {PUBLISHED}")
    with PUBLISHED.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    columns = {}
    for split in ("validation", "test"):
        metric = Metric("cifar10", f"{split}_accuracy", split, "percent", "maximise", ("architecture",))  # type: ignore[arg-type]
        values = np.array([float(row[f"{split} accuracy"]) for row in rows])
        columns[metric.path] = Column(metric, values, np.zeros(len(rows), dtype=np.uint8))
    genotypes = np.stack([SPACE.genotype(row["arch str"]) for row in rows])
    return TabularBenchmark(Table(SPACE, genotypes, (), {}, columns), name="published")


def test_look_up_is_the_table(published: TabularBenchmark) -> None:
    evaluator = TabulatedEvaluator(published, ["validation_accuracy"])
    order = np.argsort(SPACE.code(published.table.genotypes))
    column = published.table.columns["cifar10/validation_accuracy"]
    np.testing.assert_array_equal(evaluator.valid[0, 0], column.values[order])
    test = published.table.columns["cifar10/test_accuracy"]
    np.testing.assert_array_equal(evaluator.tested[0, 0], test.values[order])


def test_random_search_finds_what_order_statistics_expect(published: TabularBenchmark) -> None:
    """The expected best of n cells drawn without replacement is exact; 400 runs are within three standard errors."""
    results = compare(published, "validation_accuracy", strategies=["random"], evaluations=100, repeats=400, jobs=1)
    reached = anytime(results.records, [20, 100], value="valid")["random"]
    values = np.sort(published.table.columns["cifar10/validation_accuracy"].values)
    for n, best in zip((20, 100), reached.T, strict=True):
        chance_below = [math.comb(k, n) / math.comb(len(values), n) for k in range(len(values) + 1)]
        expected = (values * np.diff(chance_below)).sum()
        assert best.mean() == pytest.approx(expected, abs=3 * best.std() / 20)


def test_strategies_reach_the_published_figures(published: TabularBenchmark) -> None:
    """Best validation accuracy after 50, 100 and 150 evaluations: evolution 90.78, 91.14, 91.28; local search more."""
    results = compare(
        published, "validation_accuracy", strategies=["evolution", "local"], evaluations=150, repeats=100, jobs=1
    )
    reached = anytime(results.records, [50, 100, 150], value="valid")
    assert (reached["evolution"].mean(axis=0) > [90.78, 91.14, 91.28]).all()
    assert (reached["local"].mean(axis=0) > [91.11, 91.32, 91.41]).all()
