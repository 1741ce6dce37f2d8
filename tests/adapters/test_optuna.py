"""Benchmarks as objectives of Optuna: `create_study`, `optimize` and what its documentation does with a study."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

optuna = pytest.importorskip("optuna")
from nasbench.adapters.optuna import directions, objective  # noqa: E402  # needs optuna
from nasbench.benchmark.base import Metric  # noqa: E402
from nasbench.benchmark.table import DIMS, Column, Table  # noqa: E402
from nasbench.benchmark.tabular import TabularBenchmark  # noqa: E402
from nasbench.errors import InputError, NotFoundError  # noqa: E402
from nasbench.evaluate.surrogates import fit_surrogate  # noqa: E402
from nasbench.spaces import ChoiceSpace, spaces  # noqa: E402

optuna.logging.set_verbosity(optuna.logging.WARNING)
SPACE = ChoiceSpace({"depth": [1, 2, 3, 4], "pool": ["max", "avg"], "width": [8, 16, 32]}, name="toy")


def made_up() -> TabularBenchmark:
    """All 24 architectures: accuracy 50 + row + epoch / 10 (seed 1: 0.02 more), latency falls with it; row 0 failed."""
    genotypes = np.concatenate(list(SPACE.enumerate()))
    row, seed, place = np.ogrid[:24, :2, :2]
    epoch = np.array([1, 5])[place]
    columns = []

    def add(name: str, split: Any, units: str, direction: Any, values: Any, failed: bool = False) -> None:
        missing = np.zeros(values.shape, dtype=np.uint8)
        missing[0] |= failed
        metric = Metric("d", name, split, units, direction, DIMS[: values.ndim])
        numbers = np.where(missing > 0, np.nan, values)
        columns.append(Column(metric, numbers, missing, ("out of memory",) if failed else ()))

    accuracy = 50 + row + epoch / 10 + 0.02 * seed
    add("validation_accuracy", "validation", "percent", "maximise", accuracy, failed=True)
    add("test_accuracy", "test", "percent", "maximise", accuracy - 5)
    add("train_seconds", "none", "seconds", "minimise", 10.0 * epoch + 0 * row + 0 * seed)
    add("latency", "none", "milliseconds", "minimise", 1.0 + np.arange(24))
    add("kept", "none", "count", "none", 1.0 + np.arange(24))
    table = Table(SPACE, genotypes, (0, 1), {"d": (1, 5)}, {c.metric.path: c for c in columns})
    return TabularBenchmark(table, "made up")


@pytest.fixture(scope="module")
def benchmark() -> TabularBenchmark:
    return made_up()


def study_of(benchmark: TabularBenchmark, metric: Any, sampler: Any = None, **options: Any) -> Any:
    sampler = sampler or optuna.samplers.TPESampler(seed=0)
    return optuna.create_study(directions=directions(benchmark, metric), sampler=sampler, **options)


def test_a_trial_by_hand(benchmark: TabularBenchmark) -> None:
    study = study_of(benchmark, "validation_accuracy")
    study.enqueue_trial(SPACE.to_config([1, 0, 2]))  # row 8
    study.optimize(objective(benchmark, "validation_accuracy", report=["test_accuracy"]), n_trials=1)
    (trial,) = study.trials
    assert trial.value == pytest.approx(58.51)
    assert trial.user_attrs == {
        "architecture": "depth=2,pool=max,width=32",
        "train_seconds": 50,
        "d/test_accuracy": pytest.approx(53.51),
    }


def test_a_study(benchmark: TabularBenchmark) -> None:
    study = study_of(benchmark, "validation_accuracy")
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    study.optimize(objective(benchmark, "validation_accuracy"), n_trials=60)
    assert study.best_value == pytest.approx(73.51)
    assert study.best_params == {"depth": 4, "pool": "avg", "width": 32}
    assert study.best_trial.user_attrs["architecture"] == "depth=4,pool=avg,width=32"
    again = study_of(benchmark, "validation_accuracy")
    again.optimize(objective(benchmark, "validation_accuracy"), n_trials=60)
    assert [trial.params for trial in again.trials] == [trial.params for trial in study.trials]


def test_several_objectives(benchmark: TabularBenchmark) -> None:
    metrics = ["validation_accuracy", "latency"]
    study = study_of(benchmark, metrics, optuna.samplers.NSGAIISampler(seed=0))
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    study.optimize(objective(benchmark, metrics), n_trials=100)
    found = {trial.values[1]: trial.values[0] for trial in study.best_trials}  # all are optimal: both grow alike
    assert len(found) > 15
    assert all(accuracy == pytest.approx(49.51 + latency) for latency, accuracy in found.items())


def test_missing_values_prune(benchmark: TabularBenchmark) -> None:
    study = study_of(benchmark, "validation_accuracy")
    study.enqueue_trial(SPACE.to_config([0, 0, 0]))
    study.optimize(objective(benchmark, "validation_accuracy"), n_trials=1)
    (trial,) = study.trials
    assert trial.state == optuna.trial.TrialState.PRUNED
    assert trial.user_attrs["reason"] == "d/validation_accuracy is missing: out of memory"


def test_a_pruner_saves_training_time(benchmark: TabularBenchmark) -> None:
    pruner = optuna.pruners.MedianPruner(n_startup_trials=3)
    study = study_of(benchmark, "validation_accuracy", optuna.samplers.RandomSampler(seed=0), pruner=pruner)
    study.optimize(objective(benchmark, "validation_accuracy", epoch="curve"), n_trials=40)
    costs = {trial.state.name: set() for trial in study.trials}  # type: dict[str, set[float]]
    for trial in study.trials:
        if "train_seconds" in trial.user_attrs:
            costs[trial.state.name].add(trial.user_attrs["train_seconds"])
    assert costs["COMPLETE"] == {50}
    assert 10 in costs["PRUNED"]
    complete = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    assert all(set(trial.intermediate_values) == {1, 5} for trial in complete)


def test_seeds(benchmark: TabularBenchmark) -> None:
    drawn = objective(benchmark, "validation_accuracy", seed=np.random.default_rng(0))
    study = study_of(benchmark, "validation_accuracy")
    for _ in range(20):
        study.enqueue_trial(SPACE.to_config([1, 0, 2]))
    study.optimize(drawn, n_trials=20)
    assert {round(trial.value, 3) for trial in study.trials} == {58.5, 58.52}
    both = ["validation_accuracy", "latency"]
    rng = np.random.default_rng(0)
    study = study_of(benchmark, both)
    study.optimize(objective(benchmark, both, seed=rng, report=["test_accuracy"]), n_trials=20)
    for trial in (trial for trial in study.trials if trial.values):  # all numbers of a trial are of one training
        assert trial.values[0] - trial.user_attrs["d/test_accuracy"] == pytest.approx(5)
    fixed = study_of(benchmark, "validation_accuracy")
    fixed.enqueue_trial(SPACE.to_config([1, 0, 2]))
    fixed.optimize(objective(benchmark, "validation_accuracy", epoch=1, seed=1), n_trials=1)
    assert fixed.best_value == pytest.approx(58.12)


def test_a_surrogate_of_a_space_with_rules() -> None:
    space = spaces.create("nb101")
    genotypes = np.unique(space.canonical(space.sample(40, np.random.default_rng(0))), axis=0)
    values = 80 + space.features(genotypes, "counts")[:, 1]
    metric = Metric("c", "validation_accuracy", "validation", "percent", "maximise", DIMS[:1])
    table = Table(space, genotypes, (), {}, {metric.path: Column(metric, values, np.zeros(len(values), np.uint8))})
    surrogate = fit_surrogate(TabularBenchmark(table), "validation_accuracy", "ridge")
    study = study_of(surrogate, "validation_accuracy")  # type: ignore[arg-type]
    study.optimize(objective(surrogate, "validation_accuracy"), n_trials=30)
    states = {trial.state.name for trial in study.trials}
    assert states <= {"COMPLETE", "PRUNED"}
    assert study.best_value > 80


def test_errors(benchmark: TabularBenchmark) -> None:
    cases: list[tuple[Any, str, Any]] = [
        (InputError, "is for judging a search", lambda: objective(benchmark, "test_accuracy")),
        (InputError, "has no direction", lambda: objective(benchmark, "kept")),
        (InputError, "at least one metric", lambda: directions(benchmark, [])),
        (InputError, "a curve is of one metric", lambda: objective(benchmark, "latency", epoch="curve")),
        (NotFoundError, "unknown metric 'accuracy'", lambda: objective(benchmark, "accuracy")),
        (NotFoundError, "unknown metric 'energy'", lambda: objective(benchmark, "latency", report=["energy"])),
    ]
    for error, message, call in cases:
        with pytest.raises(error, match=message):
            call()


@pytest.mark.parametrize(("adapter", "package", "extra"), [
    ("optuna", "optuna", "optuna"), ("syne_tune", "syne_tune", "syne-tune"),
])  # fmt: skip
def test_without_the_package_the_extra_is_named(adapter: str, package: str, extra: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; import nasbench.adapters.{adapter}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "MissingExtraError: " in run.stderr.splitlines()[-1]
    assert f"pip install 'nasbench[{extra}]'" in run.stderr.splitlines()[-1]
