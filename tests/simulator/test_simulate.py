"""Simulated time, worked out by hand."""

from typing import Any

import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.search import Strategy, Trial
from nasbench.search.evolution import RegularisedEvolution
from nasbench.search.local import LocalSearch
from nasbench.search.random import RandomSearch
from nasbench.simulator.evaluator import Asking, LookUp
from nasbench.simulator.simulate import Run, play, simulate

METRIC = "validation_score"


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


class Script(RandomSearch):
    """Proposes the initial designs and notes what it is told."""

    def _start(self) -> None:
        super()._start()
        self.told: list[tuple[int, float]] = []

    def _tell(self, trial: Trial, score: float) -> None:
        self.told.append((int(self.space.code(trial.architecture[None])[0]), score))


def cells(benchmark: Any, *codes: int) -> Any:
    return benchmark.space.decode(np.array(codes))


def test_two_workers_by_hand(formula: Any) -> None:
    # Codes 6, 0, 4, 1 train 1 + c % 7 = 7, 1, 5, 2 s an epoch, four epochs each: 28, 4, 20 and 8 s.
    # Worker 1: 6 until 28. Worker 2: 0 until 4, then 4 until 24, then 1 until 32.
    benchmark = formula()
    script = Script()
    run = simulate(script, benchmark, METRIC, rng(), evaluations=4, workers=2, initial=cells(benchmark, 6, 0, 4, 1))
    assert benchmark.space.code(run.genotypes).tolist() == [0, 4, 6, 1]
    assert run.seconds.tolist() == [4, 24, 28, 32]
    assert run.epochs.tolist() == [4, 4, 4, 4]
    assert [code for code, _ in script.told] == [0, 4, 6, 1]
    np.testing.assert_allclose([score for _, score in script.told], run.values)


def test_one_worker_adds_up(formula: Any) -> None:
    benchmark = formula()
    run = simulate(Script(), benchmark, METRIC, rng(), evaluations=4, initial=cells(benchmark, 6, 0, 4, 1))
    assert run.seconds.tolist() == [28, 32, 52, 60]


def test_a_trial_that_ends_after_the_time_does_not_count(formula: Any) -> None:
    benchmark = formula()
    designs = cells(benchmark, 6, 0, 4, 1)
    assert simulate(Script(), benchmark, METRIC, rng(), seconds=52, initial=designs).seconds.tolist() == [28, 32, 52]
    assert simulate(Script(), benchmark, METRIC, rng(), seconds=51.9, initial=designs).seconds.tolist() == [28, 32]
    run = simulate(Script(), benchmark, METRIC, rng(), seconds=27, initial=designs)
    assert run.genotypes.shape == (0, 6)
    assert len(run.incumbents) == len(run.tests) == 0


def test_the_first_budget_that_is_reached_ends_the_run(formula: Any) -> None:
    benchmark = formula()
    assert len(simulate(RandomSearch(), benchmark, METRIC, rng(), evaluations=3, seconds=1e6).values) == 3
    assert simulate(RandomSearch(), benchmark, METRIC, rng(), evaluations=999, seconds=100).seconds[-1] <= 100


@pytest.mark.parametrize("direction", ["maximise", "minimise"])
def test_incumbents_by_validation_scored_by_test(formula: Any, direction: str) -> None:
    benchmark = formula(direction)
    run = simulate(RandomSearch(), benchmark, METRIC, rng(), evaluations=50)
    sign = 1 if direction == "maximise" else -1
    best = -np.inf
    expected = []
    for row, value in enumerate(sign * run.values):
        if value > best:
            best = value
            expected.append(row)
    assert run.incumbents.tolist() == expected
    tests = benchmark.query_many(run.genotypes[run.incumbents], "test_score").values
    np.testing.assert_allclose(run.tests, tests)


def test_strategies_see_validation_values_with_the_sign_turned(formula: Any) -> None:
    benchmark = formula("minimise")
    script = Script()
    run = simulate(script, benchmark, METRIC, rng(), evaluations=5)
    np.testing.assert_allclose([score for _, score in script.told], -run.values)


@pytest.mark.parametrize("workers", [1, 7])
@pytest.mark.parametrize("strategy", [RandomSearch, LocalSearch, RegularisedEvolution])
def test_asking_and_looking_up_agree(formula: Any, strategy: type[Strategy], workers: int) -> None:
    benchmark = formula()
    asked = simulate(strategy(), benchmark, METRIC, rng(), evaluations=60, workers=workers)
    looked = play(strategy(), LookUp(benchmark, METRIC), rng(), evaluations=60, workers=workers)
    for name in Run.__dataclass_fields__:
        np.testing.assert_allclose(getattr(asked, name), getattr(looked, name))


def test_without_recorded_times_each_evaluation_takes_one(formula: Any) -> None:
    benchmark = formula(timed=False)
    assert simulate(RandomSearch(), benchmark, METRIC, rng(), evaluations=3).seconds.tolist() == [1, 2, 3]
    assert play(RandomSearch(), LookUp(benchmark, METRIC), rng(), evaluations=3).seconds.tolist() == [1, 2, 3]
    with pytest.raises(InputError, match="does not record train_seconds; give the budget in evaluations"):
        simulate(RandomSearch(), benchmark, METRIC, rng(), seconds=9)


class Short(RandomSearch):
    def _ask(self) -> Trial:
        return super()._ask()._replace(epochs=1)


class Halfway(RandomSearch):
    def _ask(self) -> Trial:
        return super()._ask()._replace(epochs=2)


def test_shorter_trainings_cost_less_and_answer_what_they_reached(formula: Any) -> None:
    benchmark = formula()
    run = simulate(Short(), benchmark, METRIC, rng(), evaluations=5)
    codes = benchmark.space.code(run.genotypes)
    assert run.seconds.tolist() == np.cumsum(1 + codes % 7).tolist()
    np.testing.assert_allclose(run.values, benchmark.query_many(run.genotypes, METRIC, epoch=1).values)
    full = benchmark.query_many(run.genotypes[run.incumbents], "test_score").values
    np.testing.assert_allclose(run.tests, full)


@pytest.mark.parametrize("known", [True, False])
def test_only_the_whole_training_was_timed(formula: Any, known: bool) -> None:
    benchmark = formula()
    sound = benchmark.formulas["toy/train_seconds"]
    benchmark.formulas["toy/train_seconds"] = lambda g, epoch: sound(g, epoch) if epoch == 4 else np.nan * sound(g, 4)
    referee = LookUp(benchmark, METRIC) if known else Asking(benchmark, METRIC)
    assert referee.timed
    assert len(play(RandomSearch(), referee, rng(), evaluations=2).values) == 2
    with pytest.raises(InputError, match="for 1 epochs is nan"):
        play(Short(), referee, rng(), evaluations=2)


@pytest.mark.parametrize("known", [True, False])
def test_epochs_that_were_not_recorded(formula: Any, known: bool) -> None:
    benchmark = formula()
    referee = LookUp(benchmark, METRIC) if known else Asking(benchmark, METRIC)
    with pytest.raises(InputError, match="2 epochs cannot be answered; toy/validation_score has epochs 1, 4"):
        play(Halfway(), referee, rng(), evaluations=2)


@pytest.mark.parametrize("known", [True, False])
def test_failed_trainings_are_never_incumbents(formula: Any, known: bool) -> None:
    benchmark = formula()
    sound = benchmark.formulas["toy/validation_score"]
    benchmark.formulas["toy/validation_score"] = lambda g, epoch: np.where(
        benchmark.space.code(g) % 2 == 0, np.nan, sound(g, epoch)
    )
    referee = LookUp(benchmark, METRIC) if known else Asking(benchmark, METRIC)
    run = play(LocalSearch(), referee, rng(), evaluations=60)
    assert np.isnan(run.values).any()
    assert np.isfinite(run.values[run.incumbents]).all()
    assert len(run.incumbents) > 1


@pytest.mark.parametrize("known", [True, False])
def test_a_training_that_failed_takes_the_median_time(formula: Any, known: bool) -> None:
    """Codes 6, 0 and 4 train 7, 1 and 5 s an epoch, four epochs each; that of 0 failed."""
    benchmark = formula()
    for name in ("toy/train_seconds", "toy/validation_score"):
        sound = benchmark.formulas[name]
        benchmark.formulas[name] = lambda g, epoch, sound=sound: np.where(
            benchmark.space.code(g) == 0, np.nan, sound(g, epoch)
        )
    codes = benchmark.space.code(benchmark.architectures())
    usual = np.median(4 * (1 + codes[codes != 0] % 7))
    referee = LookUp(benchmark, METRIC) if known else Asking(benchmark, METRIC)
    assert referee.timed
    run = play(Script(), referee, rng(), evaluations=3, initial=cells(benchmark, 6, 0, 4))
    assert run.seconds.tolist() == [28, 28 + usual, 48 + usual]


def test_a_training_without_a_time_is_refused_where_time_counts(formula: Any) -> None:
    benchmark = formula()
    benchmark.formulas["toy/train_seconds"] = lambda g, epoch: np.full(len(g), np.nan)
    with pytest.raises(InputError, match=r"the time of training .* for 4 epochs is nan; it has to be positive"):
        simulate(RandomSearch(), benchmark, METRIC, rng(), evaluations=2)
    assert not LookUp(benchmark, METRIC).timed


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (
            "test_score",
            r"guided by a validation metric, but 'toy/test_score' belongs to split 'test'; name one of: toy/val",
        ),
        ("parameters", "guided by a validation metric, but 'parameters' belongs to split 'none'"),
    ],
)
def test_only_validation_metrics_guide(formula: Any, metric: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        simulate(RandomSearch(), formula(), metric, rng(), evaluations=2)


def test_an_incomplete_benchmark_needs_a_surrogate(formula: Any) -> None:
    with pytest.raises(InputError, match=r"answers for 60 of the 15,625 .* nasbench surrogate FILE"):
        simulate(RandomSearch(), formula(complete=False), METRIC, rng(), evaluations=2)


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ({}, "needs a budget"),
        ({"evaluations": 0}, "at least 1 evaluation, got 0"),
        ({"seconds": 0.0}, "more than 0 seconds"),
        ({"seconds": float("nan")}, "more than 0 seconds"),
        ({"evaluations": 1, "workers": 0}, "at least 1 worker"),
    ],
)
def test_bad_budgets(formula: Any, budget: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        simulate(RandomSearch(), formula(), METRIC, rng(), **budget)
