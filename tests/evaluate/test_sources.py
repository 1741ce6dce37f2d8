"""Sources: which tables predictors learn from first, and what must not be one."""

import math

import numpy as np
import pytest

import nasbench
from nasbench.benchmark.base import Benchmark, Metric
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import InputError, NotFoundError
from nasbench.evaluate.fits import OF_VALUES
from nasbench.evaluate.predictors import evaluate
from nasbench.evaluate.sources import check_sources, gathered, named, shipped_sources
from nasbench.predictors import Needs, Prediction, Predictor
from nasbench.spaces import spaces
from nasbench.types import Direction


def table(space: str = "nb201", seed: int = 0, n: int = 120, **metrics: Direction) -> Benchmark:
    """Cells with metrics that follow from their convolutions; the less, the better, of those that are minimised."""
    kind = spaces.create(space)
    genotypes = kind.sample_unique(n, np.random.default_rng(seed))
    convolutions = kind.features(genotypes, "counts") @ np.array(["conv" in op for op in kind.ops], dtype=float)
    columns = {}
    for number, (name, direction) in enumerate((metrics or {"accuracy": "maximise"}).items()):
        noise = np.random.default_rng([seed, number]).normal(scale=0.1, size=n)
        values = (convolutions + noise) * (-1 if direction == "minimise" else 1)
        facts = Metric(f"data{seed}", f"validation_{name}", "validation", "none", direction, ("architecture",))
        columns[facts.path] = Column(facts, values, np.zeros(n, dtype=np.uint8))
    return TabularBenchmark(Table(kind, genotypes, (), {}, columns), name=f"{space}-{seed}.h5")


class Told(Predictor):
    """Says what it was told before: the mean of the targets of all sources, for every architecture."""

    min_samples = 0

    def pretrain(self, sources):
        self.told_ = float(np.mean(np.concatenate([targets for _, targets in sources])))
        return self

    def _fit(self, inputs, z):
        pass

    def _predict(self, inputs):
        return Prediction(np.full(len(inputs), self.told_) + np.arange(len(inputs)), np.ones(len(inputs)))

    def _state(self):
        return {}

    def _restore(self, state):
        pass


def test_a_source_is_its_score_or_the_metric_that_is_named():
    two = table(loss="minimise", accuracy="maximise")
    assert named(two) == (two, "data0/validation_accuracy")
    assert named((two, "validation_loss")) == (two, "data0/validation_loss")
    with pytest.raises(NotFoundError, match="validation_speed"):
        named((two, "validation_speed"))


def test_targets_have_the_sign_that_makes_better_mean_the_same():
    two = table(loss="minimise", accuracy="maximise")
    accuracy, loss = (two.metric(f"validation_{name}") for name in ("accuracy", "loss"))
    for metric, sign in ((accuracy, -1), (loss, 1)):
        ((inputs, targets),) = gathered([(two, "validation_loss")], Needs(), metric, strict=True)
        assert np.array_equal(targets, sign * two.query_many(inputs.genotypes, loss.path).values)


def test_what_is_scored_is_no_source():
    one = table(loss="minimise", accuracy="maximise")
    check_sources([(one, "validation_loss"), table(seed=1), table("nb101")], one, "data0/validation_accuracy")
    with pytest.raises(InputError, match=r"data0/validation_accuracy of nb201-0\.h5 is what predictors are scored on"):
        check_sources([one], one, "data0/validation_accuracy")
    renamed = TabularBenchmark(one.table, name="copy.h5")
    with pytest.raises(InputError, match="copy"):
        evaluate(
            one,
            "validation_accuracy",
            predictors=["transfer"],
            train_sizes=[5],
            test_size=9,
            splits=1,
            sources=[renamed],
        )


def test_a_shipped_table_is_no_source_of_itself():
    names = [source.name for source in shipped_sources(nasbench.load("nb201-digits"))]
    assert "nb201-mnist5k.h5" in names
    assert "nb201-digits.h5" not in names
    assert {"nb201-digits.h5", "nb201-mnist5k.h5"} <= {source.name for source in shipped_sources(table())}


def test_a_source_without_an_input_is_left_out_or_refused():
    metric = table().metric("validation_accuracy")
    assert gathered([table(seed=1)], Needs(("flops",)), metric, strict=False) == ()
    with pytest.raises(InputError, match=r"source nb201-1\.h5: .*flops"):
        gathered([table(seed=1)], Needs(("flops",)), metric, strict=True)


def test_without_labels_predictions_rank_and_have_no_unit():
    results = evaluate(
        table(), "validation_accuracy", predictors=["transfer"], train_sizes=[0, 5], test_size=60, splits=2,
        sources=[table(seed=1)],
    )  # fmt: skip
    assert results.settings["sources"] == ["nb201-1.h5:data1/validation_accuracy"]
    for record in results.records:
        assert record["kendall_tau"] > 0.7  # other data, the same convolutions
        assert all((record[name] is None) == (record["n_train"] == 0) for name in OF_VALUES)
    assert math.isfinite(results.summary["scores"][0]["kendall_tau"]["mean"])


def test_what_is_learnt_first_does_not_depend_on_processes():
    def run(jobs: int) -> list[dict[str, object]]:
        results = evaluate(
            table(), "validation_accuracy", predictors=["transfer+predictor=ridge", "mean"], train_sizes=[4],
            test_size=40, splits=3, sources=[table(seed=1), table("nb101", seed=2)], jobs=jobs,
        )  # fmt: skip
        return [{k: v for k, v in record.items() if not k.endswith("_seconds")} for record in results.records]

    assert run(1) == run(2)


def test_classes_and_instances_are_told_too():
    common = {"train_sizes": [0], "test_size": 40, "splits": 1, "sources": [table(seed=1)]}
    for predictor in (Told, Told()):
        results = evaluate(table(), "validation_accuracy", predictors=[predictor], **common)
        assert results.settings["sources"]
        assert results.records[0]["kendall_tau"] is not None


def test_who_learns_from_nothing_else_is_not_given_sources():
    results = evaluate(table(), "validation_accuracy", predictors=["ridge"], train_sizes=[20], test_size=40, splits=1)
    assert "sources" not in results.settings
    with pytest.raises(InputError, match="'ridge' needs at least 2 architectures, got a training size 0"):
        evaluate(table(), "validation_accuracy", predictors=["ridge"], train_sizes=[0], test_size=40, splits=1)
