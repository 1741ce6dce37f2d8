"""Answers to trials: the same whether they are tabulated or queried, and what cannot guide a search."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import InputError, NotFoundError
from nasbench.search.problem import Budget, Constraint
from nasbench.simulator import evaluator as module
from nasbench.simulator.evaluator import Evaluator, QueryEvaluator, TabulatedEvaluator, make_evaluator
from nasbench.spaces import spaces

METRIC = ["validation_score"]
BOTH = pytest.mark.parametrize("kind", [TabulatedEvaluator, QueryEvaluator])
SAMPLE = spaces.create("nb201").sample(40, np.random.default_rng(0))


@pytest.fixture
def measured(formula: Any) -> Any:
    """The formulas with a second validation metric, a static metric with a direction, and one that is half missing."""
    benchmark = formula()
    axes, formulas = ("architecture", "epoch"), benchmark.formulas
    added = (
        Metric("toy", "validation_loss", "validation", "nats", "minimise", axes),
        Metric("toy", "test_loss", "test", "nats", "minimise", axes),
        Metric("phone", "latency", "none", "milliseconds", "minimise", ("architecture",)),
        Metric("", "power", "none", "watts", "minimise", ("architecture",)),
    )
    benchmark.metrics = {**benchmark.metrics, **{metric.path: metric for metric in added}}
    formulas["toy/validation_loss"] = lambda g, epoch: 3.0 - np.cos(g.sum(axis=1)) / epoch
    formulas["toy/test_loss"] = lambda g, epoch: 3.1 - np.cos(g.sum(axis=1)) / epoch
    formulas["phone/latency"] = lambda g, epoch: 1.0 + g.sum(axis=1) / 8
    formulas["power"] = lambda g, epoch: np.where(g[:, 0] > 2, np.nan, 5.0)
    return benchmark


OBJECTIVES = ["toy/validation_score", "validation_loss", "latency"]


def test_both_kinds_answer_alike(measured: Any) -> None:
    a, b = TabulatedEvaluator(measured, OBJECTIVES), QueryEvaluator(measured, OBJECTIVES)
    for name in ("objectives", "fidelities", "resumable", "has_costs", "metrics"):
        assert getattr(a, name) == getattr(b, name)
    rows = [(a.row(cell), b.row(cell)) for cell in SAMPLE]
    np.testing.assert_array_equal(a.genotypes([row for row, _ in rows]), SAMPLE)
    np.testing.assert_array_equal(b.genotypes([row for _, row in rows]), SAMPLE)
    for position in (0, 1):
        for row, other in rows:
            for what in ("scores", "seconds", "curve", "test"):
                found, expected = (getattr(e, what)(r, position) for e, r in ((a, row), (b, other)))
                np.testing.assert_array_equal(found, expected)
    for name in ("latency", "phone/latency", "phone:latency", "power", "parameters"):
        np.testing.assert_array_equal(a.column(name, SAMPLE), b.column(name, SAMPLE))


@BOTH
def test_answers_by_hand(measured: Any, kind: type[Evaluator]) -> None:
    """A code 6 is cell (0, 0, 0, 0, 1, 1): it trains 7 s an epoch, and 0 and 1 are the positions of 1 and 4 epochs."""
    evaluator = kind(measured, ["validation_loss", "latency"])
    cell = evaluator.space.decode(np.array([6]))[0]
    row = evaluator.row(cell)
    assert evaluator.fidelities == (1, 4)
    assert [objective.sign for objective in evaluator.objectives] == [-1, -1]
    total = float(cell.sum())
    assert evaluator.scores(row, 0) == pytest.approx((np.cos(total) - 3, -1 - total / 8))
    assert evaluator.scores(row, 1) == pytest.approx((np.cos(total) / 4 - 3, -1 - total / 8))
    assert evaluator.test(row, 1) == pytest.approx((np.cos(total) / 4 - 3.1, -1 - total / 8))
    assert [evaluator.seconds(row, position) for position in (0, 1)] == [7, 28]
    np.testing.assert_allclose(evaluator.curve(row, 1), [np.cos(total) - 3, np.cos(total) / 4 - 3])
    assert evaluator.column("parameters", cell[None]).tolist() == [7]


def test_tabulated_arrays_are_read_only(measured: Any) -> None:
    evaluator = TabulatedEvaluator(measured, OBJECTIVES, [Constraint("latency", high=2)])
    arrays = {name: value for name, value in vars(evaluator).items() if isinstance(value, np.ndarray)}
    assert arrays.keys() >= {"codes", "valid", "tested", "costs", "meets"}
    for name, array in {**arrays, **evaluator._columns, "curve": evaluator.curve(3, 1)}.items():
        with pytest.raises(ValueError, match="read-only"):
            array[:1] = 0
        assert not array.flags.writeable, name
    queried = QueryEvaluator(measured, METRIC)
    assert not queried.curve(queried.row(SAMPLE[0]), 1).flags.writeable


@BOTH
def test_rows_are_of_the_space(formula: Any, kind: type[Evaluator]) -> None:
    evaluator = kind(formula(), METRIC)
    cell = SAMPLE[0].copy()
    row = evaluator.row(cell)
    assert evaluator.row(cell.tolist()) == row
    cell[:] = 0
    np.testing.assert_array_equal(evaluator.genotypes([row]), SAMPLE[:1])
    assert evaluator.genotypes([]).shape == (0, 6)
    for wrong in (cell + 5, cell[:5], cell - 1):
        with pytest.raises(InputError):
            evaluator.row(wrong)


@BOTH
def test_a_test_metric_that_was_recorded_at_the_end_only(formula: Any, kind: type[Evaluator]) -> None:
    class LateTests(formula):  # type: ignore[misc]
        def recorded_epochs(self, metric: str) -> tuple[int, ...]:
            return (4,) if "test" in metric else self.epochs

    evaluator = kind(LateTests(), METRIC)
    row = evaluator.row(SAMPLE[0])
    assert np.isnan(evaluator.test(row, 0)).all()
    assert np.isfinite(evaluator.test(row, 1)).all()


@BOTH
def test_a_metric_without_epochs_is_one_training(kind: type[Evaluator]) -> None:
    evaluator = kind(by_function(), ["validation_accuracy"])
    assert evaluator.fidelities == (1,)
    row = evaluator.row(np.zeros(8, dtype=np.int8))
    assert evaluator.seconds(row, 0) == 1
    assert not evaluator.has_costs
    assert len(evaluator.curve(row, 0)) == 1


def test_large_spaces_and_long_curves_are_queried(formula: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(make_evaluator(formula(), METRIC), TabulatedEvaluator)
    with monkeypatch.context() as patch:
        patch.setattr(module, "MAX_TABULATED_GENOTYPES", 15_624)
        assert isinstance(make_evaluator(formula(), METRIC), QueryEvaluator)
    monkeypatch.setattr(module, "MAX_TABULATED_NUMBERS", 2 * 15_625 - 1)
    assert isinstance(make_evaluator(formula(), METRIC), QueryEvaluator)


# --- static metrics and constraints ---------------------------------------------------------------------------------


def by_function() -> TabularBenchmark:
    """A table with one row for each function: what training gives is known for all networks, and sizes for the rows."""
    space = spaces.create("macro")
    genotypes = np.concatenate(list(space.enumerate()))
    _, rows = np.unique(space.function_key(genotypes), return_index=True)
    genotypes = genotypes[rows]
    assert len(rows) < space.size
    columns = {}
    for split in ("validation", "test", "none"):
        metric = Metric("toy", f"{split}_accuracy", split, "percent", "maximise", ("architecture", "seed"))  # type: ignore[arg-type]
        values = 50.0 + genotypes.sum(axis=1)[:, None]
        if split == "none":
            metric = Metric("", "parameters", "none", "count", "minimise", ("architecture",))
            values = values[:, 0]
        columns[metric.path] = Column(metric, values, np.zeros(values.shape, dtype=np.uint8))
    return TabularBenchmark(Table(space, genotypes, (0,), {}, columns, {"rows_stand_for": "functions"}))


@BOTH
def test_static_metrics_of_the_rows_alone_are_refused(kind: type[Evaluator]) -> None:
    benchmark = by_function()
    evaluator = kind(benchmark, ["validation_accuracy"])
    every = np.concatenate(list(benchmark.space.enumerate()))
    message = rf"^'parameters' is known only for the {len(benchmark.table.genotypes):,} architectures of the table, and"
    problem = evaluator.problem(Budget(evaluations=1), 1)
    with pytest.raises(InputError, match=message):
        problem.columns(["parameters"], every)
    with pytest.raises(InputError, match=message):
        kind(benchmark, ["validation_accuracy", "parameters"])
    if kind is TabulatedEvaluator:  # an evaluator that queries finds out at the first network without a row
        with pytest.raises(InputError, match=message):
            kind(benchmark, ["validation_accuracy"], [Constraint("parameters", high=60)])


@BOTH
@pytest.mark.parametrize("name", ["test_score", "train_seconds", "toy/validation_score"])
def test_what_comes_of_training_is_no_column(formula: Any, kind: type[Evaluator], name: str) -> None:
    with pytest.raises(
        InputError, match=f"/{name.rpartition('/')[2]}' comes of training, so it is not known before; static"
    ):
        kind(formula(), METRIC).column(name, SAMPLE)


@BOTH
@pytest.mark.parametrize("name", ["phone/latency", "phone:latency", "phone/latency:gpu", "phone:latency:gpu"])
def test_columns_by_full_names(formula: Any, kind: type[Evaluator], name: str) -> None:
    """A colon may stand for a slash, or belong to the name; `latency` alone is of two data sets."""
    benchmark = formula()
    numbers = {"phone/latency": 7.0, "phone/latency:gpu": 11.0, "board/latency": 13.0}
    for path, number in numbers.items():
        dataset, _, short = path.partition("/")
        metric = Metric(dataset, short, "none", "milliseconds", "minimise", ("architecture",))
        benchmark.metrics = {**benchmark.metrics, path: metric}
        benchmark.formulas[path] = lambda g, epoch, number=number: np.full(len(g), number)
    evaluator = kind(benchmark, METRIC)
    assert evaluator.column(name, SAMPLE[:1]).tolist() == [numbers[name.replace("phone:", "phone/")]]
    assert evaluator.column("latency:gpu", SAMPLE[:1]).tolist() == [11]
    with pytest.raises(InputError, match=r"^'latency' is not one static metric of this benchmark; it has .*board:lat"):
        evaluator.column("latency", SAMPLE)


@BOTH
def test_unknown_columns(formula: Any, kind: type[Evaluator]) -> None:
    with pytest.raises(InputError, match=r"^'flops' is not one static metric of this benchmark; it has parameters"):
        kind(formula(), METRIC).column("flops", SAMPLE)


@BOTH
def test_which_meet_the_constraints(measured: Any, kind: type[Evaluator]) -> None:
    limits = Constraint("parameters", high=5000), Constraint("power", low=1)
    evaluator = kind(measured, METRIC, limits)
    expected = (evaluator.space.code(SAMPLE) + 1 <= 5000) & (SAMPLE[:, 0] <= 2)  # a missing number meets nothing
    assert 0 < expected.sum() < len(SAMPLE)
    np.testing.assert_array_equal(evaluator.feasible(SAMPLE), expected)
    problem = evaluator.problem(Budget(evaluations=1), 1)
    assert problem.constraints == limits
    np.testing.assert_array_equal(problem.feasible(SAMPLE), expected)
    if isinstance(evaluator, TabulatedEvaluator):
        np.testing.assert_array_equal(evaluator.meets, evaluator.feasible(evaluator.space.decode(evaluator.codes)))


@BOTH
def test_constraints_that_nothing_meets(measured: Any, kind: type[Evaluator]) -> None:
    with pytest.raises(InputError, match=r"^no architecture meets latency<=0.5; latency lies from 1 to 4$"):
        kind(measured, METRIC, [Constraint("latency", high=0.5)])
    with pytest.raises(InputError, match=r"1e\+09; latency lies from 1 to 4, parameters lies from 1 to 15625$"):
        kind(measured, METRIC, [Constraint("latency", high=2), Constraint("parameters", low=1e9)])


@BOTH
def test_constraints_on_a_metric_that_is_missing_everywhere(measured: Any, kind: type[Evaluator]) -> None:
    measured.formulas["power"] = lambda g, epoch: np.full(len(g), np.nan)
    with pytest.raises(InputError, match=r"^no architecture meets power<=1; power is missing for all$"):
        kind(measured, METRIC, [Constraint("power", high=1)])


# --- what cannot guide a search -------------------------------------------------------------------------------------


def without_direction(benchmark: Any) -> Any:
    found = benchmark.metrics["toy/validation_score"]
    benchmark.metrics = {**benchmark.metrics, found.path: replace(found, direction="none")}
    return benchmark


def without_short_losses(benchmark: Any) -> Any:
    class Late(type(benchmark)):  # type: ignore[misc]
        def recorded_epochs(self, metric: str) -> tuple[int, ...]:
            return (4,) if "loss" in metric else super().recorded_epochs(metric)  # type: ignore[no-any-return]

    benchmark.__class__ = Late
    return benchmark


def as_it_is(benchmark: Any) -> Any:
    return benchmark


@pytest.mark.parametrize(
    ("change", "names", "message"),
    [
        (
            as_it_is,
            ["test_score"],
            r"guided by a validation metric, but 'toy/test_score' belongs to split 'test'",
        ),
        (as_it_is, ["parameters"], "guided by a validation metric, but 'parameters' belongs to split 'none'; name one"),
        (as_it_is, ["latency"], "guided by a validation metric, but 'phone/latency' belongs to split 'none'"),
        (
            as_it_is,
            ["validation_score", "test_loss"],
            "guided by a validation metric or a static one, but 'toy/test_loss' .* one of: .*toy/validation_loss",
        ),
        (as_it_is, ["validation_score", "train_seconds"], "a static one, but 'toy/train_seconds' belongs to split"),
        (as_it_is, ["validation_score", "parameters"], "metric 'parameters' has no better direction"),
        (without_direction, ["validation_score"], "metric 'toy/validation_score' has no better direction"),
        (as_it_is, ["validation_score", "toy/validation_score"], "objective 'toy/validation_score' is named twice"),
        (as_it_is, ["validation_score", "latency", "phone/latency"], "the objective 'phone/latency' is named twice"),
        (
            without_short_losses,
            ["validation_score", "validation_loss"],
            "'toy/validation_loss' has no number at epoch 1, at which 'toy/validation_score' has one",
        ),
    ],
)
@BOTH
def test_objectives_that_cannot_be(
    measured: Any, kind: type[Evaluator], change: Callable[[Any], Any], names: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        kind(change(measured), names)


def test_metrics_that_are_not_there(formula: Any) -> None:
    with pytest.raises(NotFoundError, match="unknown metric 'flops'"):
        make_evaluator(formula(), ["validation_score", "flops"])


@BOTH
def test_without_test_values_there_are_scores_all_the_same(formula: Any, kind: type[Evaluator]) -> None:
    benchmark = formula()
    benchmark.metrics = {path: metric for path, metric in benchmark.metrics.items() if metric.split != "test"}
    evaluator, whole = kind(benchmark, METRIC), kind(formula(), METRIC)
    row = evaluator.row(evaluator.space.decode(np.array([6]))[0])
    assert row == whole.row(evaluator.space.decode(np.array([6]))[0])
    assert evaluator.scores(row, 1) == whole.scores(row, 1)
    assert np.isnan(evaluator.test(row, 1)).all()


def test_an_incomplete_benchmark_needs_a_surrogate(formula: Any) -> None:
    with pytest.raises(InputError, match=r"answers for 60 of the 15,625 .* nasbench surrogate FILE"):
        make_evaluator(formula(complete=False), METRIC)
