"""Comparisons: what is recorded, and that nothing but the seed decides it."""

import math
import os
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.benchmark.base import Metric
from nasbench.benchmark.hdf5.writer import write_surrogate
from nasbench.benchmark.load import load
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import InputError
from nasbench.evaluate.anytime import anytime
from nasbench.evaluate.results import Results
from nasbench.evaluate.strategies import compare
from nasbench.evaluate.surrogates import fit_surrogate
from nasbench.search import Trial
from nasbench.search.bayesian import BayesianOptimisation
from nasbench.search.evolution import RegularisedEvolution
from nasbench.search.local import LocalSearch
from nasbench.search.problem import Constraint
from nasbench.search.random import RandomSearch
from nasbench.simulator import evaluator as evaluators
from nasbench.simulator.cluster import Cluster
from nasbench.spaces import spaces
from nasbench.spaces.nb201 import NB201

METRIC = "validation_score"
FIELDS = [
    "benchmark",
    "strategy",
    "repeat",
    "evaluations",
    "epochs",
    "simulated_seconds",
    "valid",
    "test",
    "regret",
    "valid_regret",
]


def race(benchmark: Any, *strategies: Any, **settings: Any) -> Results:
    settings = {"evaluations": 40, "repeats": 3, "jobs": 1, **settings}
    return compare(benchmark, settings.pop("metric", METRIC), strategies=strategies, **settings)


def rows(results: Results, strategy: str) -> list[dict[str, Any]]:
    return [record for record in results.records if record["strategy"] == strategy]


class Short(RandomSearch):
    """Trains for one epoch."""

    def _ask(self) -> Trial:
        return super()._ask()._replace(epochs=1)

    def _design(self, architecture: Any) -> Trial:
        return Trial(architecture, 1)


@pytest.mark.parametrize("direction", ["maximise", "minimise"])
def test_records(formula: Any, direction: str) -> None:
    benchmark = formula(direction)
    results = race(benchmark, "random", "local")
    assert (results.kind, results.benchmark, results.space, results.metric, results.units) == (
        "comparison",
        "formula",
        "nb201",
        "toy/validation_score",
        "percent",
    )
    sign = 1 if direction == "maximise" else -1
    valid, test = (
        sign * benchmark.query_many(benchmark.architectures(), name).values for name in (METRIC, "test_score")
    )
    assert results.summary["best_valid"] == pytest.approx(sign * valid.max())
    assert results.summary["best_test"] == pytest.approx(sign * test.max())
    assert results.summary["floor"] == pytest.approx(test.max() - test[valid.argmax()])
    assert results.summary["best_is"] == "the best of the whole space"
    for strategy in ("random", "local"):
        for repeat in range(3):
            mine = [record for record in rows(results, strategy) if record["repeat"] == repeat]
            assert all(list(record) == FIELDS for record in mine)
            assert {record["benchmark"] for record in mine} == {"formula"}
            assert [r["evaluations"] for r in mine] == sorted({r["evaluations"] for r in mine})
            assert mine[-1]["evaluations"] == 40
            assert all(record["epochs"] == 4 * record["evaluations"] for record in mine)
            values = [sign * record["valid"] for record in mine]
            assert all(a < b for a, b in pairwise(values[:-1])), "rows where the incumbent changed"
            assert values[-1] >= values[-2]
            assert all(r["regret"] == pytest.approx(test.max() - sign * r["test"]) for r in mine)
            assert all(r["valid_regret"] == pytest.approx(valid.max() - sign * r["valid"]) for r in mine)
            assert all(r["regret"] >= 0 and r["valid_regret"] >= 0 for r in mine)


def test_same_initial_designs_for_the_same_repeat(formula: Any) -> None:
    results = race(formula(), "random", "local", "evolution", "reinforce", evaluations=10, initial=10)
    first = [{**record, "strategy": ""} for record in rows(results, "random")]
    for strategy in ("local", "evolution", "reinforce"):
        assert [{**record, "strategy": ""} for record in rows(results, strategy)] == first
    assert rows(results, "random")[0]["valid"] != rows(results, "random")[-1]["valid"]


def test_others_and_their_order_do_not_matter(formula: Any) -> None:
    together = race(formula(), "evolution", "random", workers=3)
    alone = race(formula(), "random", workers=3)
    assert rows(together, "random") == rows(alone, "random")
    assert rows(race(formula(), "random", workers=3, seed=1), "random") != rows(alone, "random")


@pytest.fixture(scope="module")
def apart(formula: Any) -> dict[str, list[dict[str, Any]]]:
    """By strategy, its records where it races alone."""
    names = ("random", "local", "evolution", "reinforce", "asha", "evolution+population=5")
    return {name: race(formula(), name, evaluations=15, repeats=2).records for name in names}


@settings(max_examples=6)
@given(st.data())
def test_any_others_in_any_order_leave_the_records_of_each(formula: Any, apart: Any, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(list(apart)), min_size=1, max_size=4, unique=True))
    results = race(formula(), *names, evaluations=15, repeats=2)
    assert results.records == [record for name in names for record in apart[name]]


def test_processes_do_not_matter(formula: Any) -> None:
    calls: list[tuple[int, int]] = []
    one = race(formula(), "evolution", "local")
    two = race(formula(), "evolution", "local", jobs=2, progress=lambda *call: calls.append(call))
    assert one.records == two.records
    assert one.summary == two.summary
    assert calls == [(done, 8) for done in range(9)]  # the first repeats are run again


def test_a_space_too_large_to_tabulate_is_queried(formula: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    known = race(formula(), "local", "random", workers=2)
    monkeypatch.setattr(evaluators, "MAX_TABULATED_GENOTYPES", 100)
    asked = race(formula(), "local", "random", workers=2, jobs=2)  # in memory only, so in this process
    assert asked.summary["best_is"] == "the best that any strategy found"
    assert asked.summary["best_valid"] == pytest.approx(max(record["valid"] for record in known.records))
    for a, b in zip(known.records, asked.records, strict=True):
        for field in set(FIELDS) - {"regret", "valid_regret", "strategy", "benchmark"}:
            assert a[field] == pytest.approx(b[field])
        assert a["regret"] - b["regret"] == pytest.approx(known.summary["best_test"] - asked.summary["best_test"])


def test_processes_open_the_file_of_a_large_space(tmp_path: Path) -> None:
    """A surrogate of `darts`, whose space nobody tabulates."""
    space, rng = spaces.create("darts"), np.random.default_rng(0)
    genotypes = space.sample(60, rng)
    quality = genotypes.astype(np.float64) @ rng.normal(size=genotypes.shape[1])
    columns = {}
    for split in ("validation", "test"):
        metric = Metric("toy", f"{split}_accuracy", split, "percent", "maximise", ("architecture",))  # type: ignore[arg-type]
        columns[metric.path] = Column(metric, 50 + quality, np.zeros(60, dtype=np.uint8))
    table = TabularBenchmark(Table(space, genotypes, (), {}, columns), name="cells.h5")
    surrogate = fit_surrogate(table, "validation_accuracy", "ridge", folds=2)
    write_surrogate(surrogate, tmp_path / "darts.h5")
    benchmark = load(tmp_path / "darts.h5")
    settings = {"metric": "validation_accuracy", "evaluations": 25, "repeats": 2}
    one, two = (race(benchmark, "random", LocalSearch, jobs=jobs, **settings) for jobs in (1, 2))
    assert one.records == two.records
    assert one.summary == two.summary
    assert one.summary["best_is"] == "the best that any strategy found"


def test_summary_ranks_by_both_regrets(formula: Any) -> None:
    results = race(formula(), "random", "local", evaluations=60, repeats=8)
    summary = results.summary
    assert summary["ranking"]["order"][0] == summary["valid_ranking"]["order"][0] == "local"
    assert "local has the lowest mean final test regret, " in summary["statement"]
    assert "local has the lowest mean final validation regret, " in summary["valid_statement"]
    assert "percentage points" in summary["statement"]
    for name in ("random", "local"):
        final = [record for record in rows(results, name) if record["evaluations"] == 60]
        assert summary["ranking"]["means"][name] == pytest.approx(np.mean([record["regret"] for record in final]))
        means = summary["valid_ranking"]["means"]
        assert means[name] == pytest.approx(np.mean([record["valid_regret"] for record in final]))


def test_settings_are_recorded(formula: Any) -> None:
    results = race(formula(), "random", epochs=100, workers=2, constraints=["parameters<=9000"], score="retrained")
    assert results.settings == {
        "evaluations": 40,
        "epochs": 100,
        "seconds": None,
        "workers": 2,
        "initial": 10,
        "seed": 0,
        "score": "retrained",
        "seed_policy": "mean",
        "constraints": ["parameters<=9000"],
        "guide": None,
        "judge": None,
        "objectives": [{"name": "toy/validation_score", "units": "percent", "direction": "maximise"}],
        "strategies": ["random"],
        "repeats": 3,
    }


@pytest.mark.parametrize(("speeds", "recorded"), [((1.0, 1.0), 2), ((2.0, 2.0), (2.0, 2.0)), ((1.0, 0.5), (1.0, 0.5))])
def test_speeds_are_recorded(formula: Any, speeds: tuple[float, ...], recorded: Any) -> None:
    assert race(formula(), "random", workers=Cluster(speeds), repeats=1).settings["workers"] == recorded


def test_the_validation_score_guides_where_no_metric_is_named(formula: Any) -> None:
    assert race(formula(), "random", metric=[]).metric == formula().score().path


def test_results_survive_their_file(formula: Any, tmp_path: Path) -> None:
    results = race(formula(timed=False), "random")
    assert not results.summary["timed"]
    assert np.isnan(results.records[0]["simulated_seconds"])
    results.write(tmp_path / "results.json")
    assert Results.read(tmp_path / "results.json").records[0]["simulated_seconds"] is None


# --- budgets and scores ---------------------------------------------------------------------------------------------


def test_budgets_of_seconds_and_epochs(formula: Any) -> None:
    results = race(formula(), "random", evaluations=None, seconds=200.0)
    assert all(record["simulated_seconds"] <= 200 for record in results.records)
    results = race(formula(), "random", Short, evaluations=None, epochs=30, initial=0)
    for name, evaluations in (("random", 7), (f"{__name__}:Short", 30)):
        last = {record["repeat"]: record for record in rows(results, name)}
        assert [record["evaluations"] for record in last.values()] == [evaluations] * 3
    default = race(formula(), "random", evaluations=None, repeats=1)
    assert default.records[-1]["evaluations"] == default.settings["evaluations"] == 300


def test_a_budget_too_small_for_one_training_ranks_nothing(formula: Any) -> None:
    results = race(formula(), "random", evaluations=None, seconds=0.5, repeats=2)
    assert [record["evaluations"] for record in results.records] == [0, 0]
    assert results.summary["ranking"] is results.summary["valid_ranking"] is None
    assert "No ranking by test regret: random has none in repeat 0: " in results.summary["statement"]
    assert "no trial finished within the budget" in results.summary["valid_statement"]


def test_incumbents_are_scored_at_the_epochs_that_were_paid_for(formula: Any) -> None:
    benchmark = formula()
    paid, retrained = (race(benchmark, Short, score=score) for score in ("paid", "retrained"))
    assert [list(record) for record in retrained.records] == [[*FIELDS, "retrain_epochs", "retrain_seconds"]] * len(
        paid.records
    )
    for a, b in zip(paid.records, retrained.records, strict=True):
        assert (a["evaluations"], a["epochs"], a["simulated_seconds"]) == (
            b["evaluations"],
            b["epochs"],
            b["simulated_seconds"],
        )
        assert b["valid"] - 80 == pytest.approx(4 * (a["valid"] - 80))  # the formula is 80 + epochs x total
        assert b["retrain_epochs"] == 3
        assert b["retrain_seconds"] in {3.0 * second for second in range(1, 8)}


def test_test_values_that_are_missing_at_short_trainings(formula: Any) -> None:
    class LateTests(formula):  # type: ignore[misc]
        def recorded_epochs(self, metric: str) -> tuple[int, ...]:
            return (4,) if "test" in metric else self.epochs

    results = race(LateTests(), "random", Short)
    assert results.summary["ranking"] is None
    assert results.summary["statement"].startswith(f"No ranking by test regret: {__name__}:Short has none in repeat 0")
    assert results.summary["valid_ranking"]["order"] == ("random", f"{__name__}:Short")
    retrained = race(LateTests(), "random", Short, score="retrained")
    assert set(retrained.summary["ranking"]["order"]) == {"random", f"{__name__}:Short"}


# --- objectives and constraints -------------------------------------------------------------------------------------


class Two(RandomSearch):
    """Takes two objectives."""

    max_objectives = 2


@pytest.fixture
def measured(formula: Any) -> Any:
    benchmark = formula()
    latency = Metric("phone", "latency", "none", "milliseconds", "minimise", ("architecture",))
    benchmark.metrics = {**benchmark.metrics, latency.path: latency}
    benchmark.formulas[latency.path] = lambda g, epoch: 1.0 + g.sum(axis=1) / 8
    return benchmark


@pytest.mark.parametrize("jobs", [1, 2])
def test_several_objectives(measured: Any, jobs: int) -> None:
    results = race(measured, Two, metric=["validation_score", "latency"], jobs=jobs, evaluations=60)
    assert results.metric == "toy/validation_score, phone/latency"
    assert results.units == "share of hypervolume"
    assert [objective["name"] for objective in results.settings["objectives"]] == results.metric.split(", ")
    bounds = results.summary["valid_bounds"]
    assert bounds["phone/latency"] == {"reference": 4.0, "best": 1.0}
    every = measured.query_many(measured.architectures(), METRIC).values
    assert bounds["toy/validation_score"] == {
        "reference": pytest.approx(every.min()),
        "best": pytest.approx(every.max()),
    }
    for record in results.records:
        assert 0 <= record["valid"] <= results.summary["best_valid"] <= 1
        assert record["valid_regret"] == pytest.approx(results.summary["best_valid"] - record["valid"])
    assert "share of hypervolume" in results.summary["valid_statement"]


def test_a_front_that_is_found_leaves_no_regret(measured: Any) -> None:
    """A strategy that asks for all cells that meet the constraint finds the whole front."""

    class Every(Two):
        def _ask(self) -> Trial:
            self.at = getattr(self, "at", -1) + 1
            return self.trial(self.space.decode(np.array([self.at % 40]))[0])

    settings = {"metric": ["validation_score", "latency"], "constraints": ["parameters<=40"], "initial": 0}
    few, enough = (race(measured, Every, evaluations=evaluations, **settings) for evaluations in (1, 40))
    assert [record["valid_regret"] for record in enough.records if record["evaluations"] == 40] == [0] * 3
    assert [record["valid_regret"] > 0 for record in few.records] == [True] * 3


def test_strategies_of_one_objective_refuse_two(measured: Any) -> None:
    with pytest.raises(InputError, match=r"^strategy 'local', repeat 0: LocalSearch takes 1 objective, got 2$"):
        race(measured, "local", metric=["validation_score", "latency"])


def test_incumbents_meet_the_constraints(measured: Any, rounding: Callable[..., float]) -> None:
    free = race(measured, "local", "random")
    bound = race(measured, "local", "random", constraints=[Constraint("latency", high=2), "parameters>=5000"])
    every = measured.architectures()
    meets = (measured.query_many(every, "latency").values <= 2) & (measured.space.code(every) >= 4999)
    allowed = measured.query_many(every[meets], METRIC).values
    assert bound.summary["best_valid"] == pytest.approx(allowed.max())
    assert bound.summary["best_valid"] < free.summary["best_valid"]
    valid = np.array([record["valid"] for record in bound.records])
    assert np.isclose(valid[:, None], allowed, rtol=rounding(20), atol=0).any(axis=1).all()
    assert bound.settings["constraints"] == ["latency<=2", "parameters>=5000"]
    first = [record for record in bound.records if record["evaluations"] == 1]
    assert len(first) == 6, "initial designs meet them"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"constraints": ["latency<0"]}, "a limit is written METRIC<=NUMBER or METRIC>=NUMBER, got 'latency<0'"),
        ({"constraints": ["latency<=0.5"]}, "no architecture meets latency<=0.5; latency lies from 1 to 4"),
        ({"constraints": ["flops<=1"]}, "'flops' is not one static metric of this benchmark; it has parameters, phone"),
        ({"constraints": ["test_score>=1"]}, "'toy/test_score' comes of training, so it is not known"),
        ({"metric": ["validation_score", "validation_score"]}, "'toy/validation_score' is named twice"),
        ({"metric": ["latency", "validation_score"]}, "guided by a validation metric, but 'phone/latency'"),
    ],
)
def test_bad_objectives_and_constraints(measured: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        race(measured, Two, **settings)
    assert "\n" not in str(caught.value)


def test_predictors_of_searches_read_static_metrics(measured: Any) -> None:
    strategy = BayesianOptimisation("ridge+features=counts/parameters/phone:latency")
    results = race(measured, strategy, evaluations=15, repeats=1)
    name = 'bayesian+predictor="ridge+features=counts/parameters/phone:latency"'
    assert results.settings["strategies"] == [name]
    with pytest.raises(InputError, match="repeat 0: 'flops' is not one static metric of this benchmark; it has param"):
        race(measured, BayesianOptimisation("ridge+features=counts/flops"), evaluations=15)
    with pytest.raises(InputError, match=r"repeat 0: .* reads 1 epochs of a learning curve, and candidates have none"):
        race(measured, BayesianOptimisation("ridge+features=counts/curve@1"), evaluations=15)


def test_static_metrics_that_only_the_rows_have() -> None:
    """One network of each function was trained: the others have its accuracy, and nobody knows their size."""
    space = spaces.create("macro")
    genotypes = np.concatenate(list(space.enumerate()))
    _, first = np.unique(space.function_key(genotypes), return_index=True)
    genotypes = genotypes[first]
    columns = {}
    for split in ("validation", "test"):
        metric = Metric("toy", f"{split}_accuracy", split, "percent", "maximise", ("architecture", "seed"))  # type: ignore[arg-type]
        values = 50.0 + genotypes.sum(axis=1)[:, None]
        columns[metric.path] = Column(metric, values, np.zeros(values.shape, dtype=np.uint8))
    metric = Metric("", "parameters", "none", "count", "minimise", ("architecture",))
    columns["parameters"] = Column(metric, genotypes.sum(axis=1).astype(float), np.zeros(len(first), dtype=np.uint8))
    table = TabularBenchmark(Table(space, genotypes, (0,), {}, columns, {"rows_stand_for": "functions"}))
    settings = {"metric": "validation_accuracy", "evaluations": 15, "repeats": 1}
    known = BayesianOptimisation("ridge+features=counts")
    assert race(table, known, **settings).records
    with pytest.raises(InputError, match=rf"'parameters' is known only for the {len(first):,} architectures of the ta"):
        race(table, BayesianOptimisation("ridge+features=counts/parameters"), **settings)
    with pytest.raises(InputError, match="'parameters' is known only for the"):
        race(table, "random", constraints=["parameters<=9"], **settings)


# --- strategies of one's own ----------------------------------------------------------------------------------------

OWN = '''
import signal, time

from nasbench.search import Strategy, Trial

class MyStrategy(Strategy):
    """Keeps the best and tries a neighbour of it."""

    def _start(self):
        self.best, self.parent = float("-inf"), None

    def _ask(self):
        if self.parent is None:
            return self.trial(self.space.sample(1, self.rng)[0])
        return self.trial(self.space.mutate(self.parent[None], self.rng)[0])

    def _tell(self, trial, outcome):
        if outcome.score > self.best:
            self.best, self.parent = outcome.score, trial.architecture

class Raises(MyStrategy):
    def _tell(self, trial, outcome):
        raise ZeroDivisionError("by design")

class RaisesInside(MyStrategy):
    def _goes_on(self, trial, epoch, scores):
        raise ZeroDivisionError("by design")

class Outside(MyStrategy):
    def _ask(self):
        return self.trial(self.space.sample(1, self.rng)[0] + 5)

class Spendthrift(MyStrategy):
    def _ask(self):
        return Trial(self.space.sample(1, self.rng)[0], 40)

class Waits(MyStrategy):
    def _ask(self):
        return None

class Leaves(MyStrategy):
    def _tell(self, trial, outcome):
        raise SystemExit(0)

class LuckyAtFirst(MyStrategy):
    """Fails in all repeats but one."""

    def _start(self):
        super()._start()
        if self.rng.integers(5):
            raise ZeroDivisionError("bad luck")

class Remembers(MyStrategy):
    """Goes on in each run where the last one ended."""

    best, parent = float("-inf"), None

    def _start(self):
        pass

    def _tell(self, trial, outcome):
        if outcome.score > self.best:
            type(self).best, type(self).parent = outcome.score, trial.architecture

class Cheats(MyStrategy):
    """Changes the table behind the problem."""

    def _start(self):
        super()._start()
        evaluator = self.problem.lookup.__self__
        evaluator._curves = evaluator._curves + 1000

class Greedy(MyStrategy):
    def _ask_many(self, most):
        return [self._ask()] * (most + 1)

class Sleeps(MyStrategy):
    """Falls asleep at its third proposal."""

    def _start(self):
        super()._start()
        self.asked = 0

    def _ask(self):
        self.asked += 1
        if self.asked == 3:
            time.sleep(3600)
        return super()._ask()

class Loops(MyStrategy):
    def _ask(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            pass

class LoopsInTell(MyStrategy):
    def _tell(self, trial, outcome):
        while True:
            pass

class Meddles(MyStrategy):
    """Changes how others mutate."""

    def _start(self):
        super()._start()
        changed, mutate = type(self.space), self.space.mutate
        changed.mutate = lambda self, genotypes, rng: mutate(mutate(genotypes, rng), rng)

    def _ask(self):
        return self.trial(self.space.sample(1, self.rng)[0])
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "my_search.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != ""])
    monkeypatch.delitem(sys.modules, "my_search", raising=False)
    return "my_search"


def test_a_strategy_in_a_file_outside_the_package(formula: Any, own: str) -> None:
    results = race(formula(), "random", f"{own}:MyStrategy", jobs=2, evaluations=80, repeats=6)
    final = {
        name: np.mean([r[-1] for r in anytime(results.records, [80])[name]]) for name in results.settings["strategies"]
    }
    assert final[f"{own}:MyStrategy"] < final["random"]
    assert results.records == race(formula(), "random", f"{own}:MyStrategy", evaluations=80, repeats=6).records


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("Raises", r"'my_search:Raises', repeat [01]: ZeroDivisionError: by design \(my_search.py, line 23\)$"),
        ("RaisesInside", r"'my_search:RaisesInside', repeat [01]: ZeroDivisionError: by design \(my_search.py, line 2"),
        ("Outside", "strategy 'my_search:Outside', repeat [01]: genotype 0 .* is not in nb201"),
        ("Spendthrift", "strategy 'my_search:Spendthrift', repeat [01]: a trial of 40 epochs cannot be answered"),
        ("Leaves", r"strategy 'my_search:Leaves', repeat [01]: SystemExit: 0 \(my_search.py, line "),
        ("Waits", "strategy 'my_search:Waits', repeat [01]: Waits waits although no trial runs and the budget is not"),
        (
            "Cheats",
            "strategy 'my_search:Cheats', repeat [01]: it is worth more than the best of the whole space, after ",
        ),
        ("Greedy", "strategy 'my_search:Greedy', repeat [01]: Greedy asks for 2 or more trials where 1 can start$"),
    ],
)
def test_faults_are_reported_by_name(formula: Any, own: str, fault: str, message: str, jobs: int) -> None:
    with pytest.raises(InputError, match=message) as caught:
        race(formula(), f"{own}:{fault}", jobs=jobs, repeats=2, initial=0 if fault == "Greedy" else 3)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("fault", ["Raises", "Leaves", "LuckyAtFirst"])
def test_a_strategy_that_fails_does_not_lose_the_race(formula: Any, own: str, fault: str, jobs: int) -> None:
    results = race(formula(), "random", f"{own}:{fault}", "local", jobs=jobs, repeats=5)
    assert results.records == race(formula(), "random", "local", repeats=5).records
    assert results.settings["strategies"] == ["random", "local"]
    assert list(results.summary["failures"]) == [f"{own}:{fault}"]
    assert results.summary["ranking"]["order"]
    with pytest.raises(InputError, match=f"strategy 'my_search:{fault}'"):
        race(formula(), "random", f"{own}:{fault}", "local", jobs=jobs, repeats=5, strict=True)


class Unreadable(BaseException):
    """An error that is no `Exception` and has no text."""

    def __str__(self) -> str:
        raise ValueError("no text")


class Ends(RandomSearch):
    """Raises an error at one place."""

    place, error = "", BaseException()

    def __init__(self) -> None:
        self._at("constructor")

    def _start(self) -> None:
        super()._start()
        self._at("start")

    def _ask(self) -> Trial:
        self._at("proposal")
        return super()._ask()

    def _tell(self, trial: Trial, outcome: Any) -> None:
        self._at("outcome")
        super()._tell(trial, outcome)

    def _at(self, place: str) -> None:
        if place == self.place:
            raise self.error


@settings(max_examples=30)
@given(
    st.sampled_from(["constructor", "start", "proposal", "outcome"]),
    st.sampled_from([SystemExit, GeneratorExit, StopIteration, TypeError, Unreadable, InputError, KeyboardInterrupt]),
    st.sampled_from([(), (0,), (None,), ("two\nlines",)]),
)
def test_whatever_a_strategy_raises_is_its_own_failure_or_ctrl_c(
    formula: Any, place: str, error: type[BaseException], arguments: tuple[object, ...]
) -> None:
    benchmark, few = formula(), {"evaluations": 3, "repeats": 1, "initial": 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ends, "place", place)
        patch.setattr(Ends, "error", error(*arguments))
        if error is KeyboardInterrupt:
            with pytest.raises(KeyboardInterrupt):
                race(benchmark, "random", Ends, **few)
        elif place == "constructor":
            with pytest.raises(InputError) as caught:
                race(benchmark, "random", Ends, **few)
            assert error is InputError or str(caught.value).startswith("strategy Ends: ")
        else:
            results = race(benchmark, "random", Ends, **few)
            ((name, reason),) = results.summary["failures"].items()
            assert name == f"{__name__}:Ends" and reason.startswith(f"strategy {name!r}, repeat 0: ")
            assert {record["strategy"] for record in results.records} == {"random"}


@pytest.mark.parametrize(("jobs", "repeats"), [(1, 3), (1, 1), (4, 1)])
def test_a_strategy_that_keeps_something_between_runs_is_noticed(
    formula: Any, own: str, jobs: int, repeats: int
) -> None:
    """With four jobs for four runs, most runs are the first of their process."""
    results = race(formula(), "random", f"{own}:Remembers", jobs=jobs, repeats=repeats)
    assert "forget everything in _start" in results.summary["failures"][f"{own}:Remembers"]


def test_a_strict_race_ends_where_something_is_kept_between_runs(formula: Any, own: str) -> None:
    with pytest.raises(InputError, match="forget everything in _start"):
        race(formula(), "random", f"{own}:Remembers", repeats=3, strict=True)


@pytest.fixture
def spaces_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what strategies of this process do to the class of the space."""
    monkeypatch.setattr(NB201, "mutate", NB201.mutate)


@pytest.mark.usefixtures("spaces_restored")
def test_in_one_process_a_strategy_that_changes_what_another_uses_is_noticed(formula: Any, own: str) -> None:
    """Those of the package run first, so the second run of the one that mutates differs."""
    results = race(formula(), f"{own}:Meddles", "evolution", "random", evaluations=80)
    assert list(results.summary["failures"]) == ["evolution"]
    assert "another strategy changed what it uses" in results.summary["failures"]["evolution"]
    assert "several jobs" in results.summary["failures"]["evolution"]


@pytest.mark.usefixtures("spaces_restored")
@pytest.mark.parametrize(("jobs", "patience"), [(2, None), (1, 1000.0)])
def test_no_strategy_changes_what_another_in_its_own_process_uses(
    formula: Any, own: str, jobs: int, patience: float | None
) -> None:
    strategies = (f"{own}:MyStrategy", "evolution", "random")
    alone = race(formula(), *strategies, evaluations=80)
    beside = race(formula(), f"{own}:Meddles", *strategies, evaluations=80, jobs=jobs, patience=patience)
    assert beside.summary["failures"] == {}
    assert beside.records == rows(beside, f"{own}:Meddles") + alone.records


@pytest.mark.parametrize(
    ("jobs", "hanging"),
    [
        (1, {"LoopsInTell": "end of tell"}),
        (2, {"Sleeps": "proposal", "Loops": "proposal", "LoopsInTell": "end of tell"}),
    ],
)
def test_a_step_without_end_is_the_failure_of_its_strategy(
    formula: Any, own: str, jobs: int, hanging: dict[str, str]
) -> None:
    """The patience is long for what the others do."""
    names = [f"{own}:{name}" for name in hanging]
    results = race(formula(), "random", *names, "local", jobs=jobs, patience=10)
    assert results.records == race(formula(), "random", "local").records
    assert results.summary["failures"] == {
        f"{own}:{name}": f"strategy '{own}:{name}', repeat 0: no {step} within 10 s (--patience)"
        for name, step in hanging.items()
    }


def test_a_patience_of_an_hour_changes_nothing(formula: Any, own: str) -> None:
    one, two = (race(formula(), "local", f"{own}:RaisesInside", "asha", epochs=90, patience=p) for p in (None, 3600))
    assert (one.records, one.summary) == (two.records, two.summary)


def test_what_another_process_cannot_have_is_refused_where_there_is_a_patience(
    formula: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"cannot be sent the strategy '.*Weighed.*'; put its class, .*into a module"):
        race(formula(), Weighed(weigh=lambda score: -score), patience=5)
    monkeypatch.setattr(evaluators, "MAX_TABULATED_GENOTYPES", 100)
    with pytest.raises(InputError, match="a patience needs another process, which cannot open formula; write it to a"):
        race(formula(), "random", patience=5)


def test_names_classes_and_instances_are_the_same_strategy(formula: Any) -> None:
    named = race(formula(), "local", "local+full=true", "evolution+sample=4")
    given = race(formula(), LocalSearch, LocalSearch(full=True), RegularisedEvolution(sample=4))
    assert given.settings["strategies"] == ["local", "local+full=true", "evolution+sample=4"]
    assert given.records == named.records
    assert race(formula(), LocalSearch(full=True), jobs=2).records == rows(named, "local+full=true")


class Notes(RandomSearch):
    """Notes the processes that it was started in."""

    processes: list[int] = []  # noqa: RUF012  # of all instances

    def _start(self) -> None:
        super()._start()
        self.processes.append(os.getpid())


def test_instances_are_not_changed_by_runs(formula: Any) -> None:
    instance = LocalSearch()
    race(formula(), instance)
    assert vars(instance) == {"full": False}


@pytest.mark.parametrize("where", ["session", "function"])
def test_classes_that_processes_cannot_import_run_in_this_one(
    formula: Any, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Typed(Notes):
        processes: list[int] = []  # noqa: RUF012
        __module__ = "__main__" if where == "session" else __name__
        __qualname__ = "Typed" if where == "session" else "function.<locals>.Typed"

    if where == "session":
        monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    results = race(formula(), "random", Typed, jobs=2)
    assert Typed.processes == [os.getpid()] * 4
    name = results.settings["strategies"][1]
    assert name == "__main__:Typed" if where == "session" else name.endswith("<locals>.Typed")
    assert len({record["repeat"] for record in rows(results, name)}) == 3


class Weighed(RandomSearch):
    """Takes a function, which a process cannot be sent if it is a lambda."""

    def __init__(self, weigh: Callable[[float], float] = abs) -> None:
        self.weigh = weigh


def test_settings_that_cannot_be_sent_stay_in_this_process(formula: Any) -> None:
    results = race(formula(), Weighed(weigh=lambda score: -score), jobs=2)
    assert results.records == race(formula(), Weighed(weigh=lambda score: -score), jobs=1).records


def test_a_space_that_cannot_be_sent_stays_in_this_process(formula: Any) -> None:
    benchmark = formula()
    benchmark.space.weigh = lambda score: -score
    assert race(benchmark, "random", jobs=2).records == race(formula(), "random").records
    with pytest.raises(InputError, match="cannot be sent the space; put its class"):
        race(benchmark, "random", patience=5)


# --- bad input ------------------------------------------------------------------------------------------------------


class NoStrategy:
    pass


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strategies": []}, "name at least one strategy"),
        ({"strategies": ["random", "random"]}, "'random' is named twice"),
        ({"strategies": ["local", LocalSearch()]}, "'local' is named twice"),
        ({"strategies": ["randon"]}, "did you mean 'random'"),
        ({"strategies": [NoStrategy]}, "NoStrategy is no strategy; derive it from nasbench.search.base.Strategy"),
        ({"strategies": [NoStrategy()]}, "is no strategy; derive its class from nasbench.search.base.Strategy"),
        ({"strategies": ["evolution+population=0"]}, "at least 1"),
        ({"repeats": 0}, "repeats must be a whole number of at least 1, got 0"),
        ({"initial": -1}, "initial must be a whole number of at least 0, got -1"),
        ({"seed": 0.5}, "seed must be a whole number of at least 0, got 0.5"),
        ({"patience": 0}, "patience must be a number above 0, got 0"),
        ({"patience": math.inf}, "patience must be a number above 0, got inf"),
        ({"jobs": 0}, "jobs must be a whole number of at least 1, got 0"),
        ({"evaluations": 0}, "the budget of evaluations must be a whole number of at least 1, got 0"),
        ({"epochs": 0}, "the budget of epochs must be a whole number of at least 1, got 0"),
        ({"seconds": math.inf}, "the budget of seconds must be a number above 0, got inf"),
        ({"workers": 2.0}, "the number of workers must be a whole number of at least 1, got 2.0"),
        ({"score": "free"}, "score is 'paid' or 'retrained', got 'free'"),
    ],
)
def test_bad_settings(formula: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare(formula(), METRIC, **{"strategies": ["random"], "jobs": 1, **settings})


def test_seconds_need_recorded_times(formula: Any) -> None:
    with pytest.raises(InputError, match="does not record train_seconds; give the budget in evaluations or epochs"):
        race(formula(timed=False), "random", evaluations=None, seconds=100.0)


# --- means over seeds, or draws -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def noisy() -> Any:
    """The whole space, three seeds, noise as large as what good cells differ in."""
    return load("synthetic-noisy")


def drawn(benchmark: Any, *strategies: Any, **settings: Any) -> Results:
    return race(benchmark, *strategies, **{"metric": "validation_accuracy", "seed_policy": "draw", **settings})


@pytest.mark.parametrize("tabulated", [True, False])
def test_draws_do_not_depend_on_processes_strategies_or_how_they_are_looked_up(
    noisy: Any, tabulated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = drawn(noisy, "local", "random", evaluations=20)
    assert together.settings["seed_policy"] == "draw"
    assert together.records != race(noisy, "local", "random", metric="validation_accuracy", evaluations=20).records
    if tabulated:
        assert drawn(noisy, "local", "random", evaluations=20, jobs=2).records == together.records
        assert drawn(noisy, "random", evaluations=20).records == rows(together, "random")
        assert drawn(noisy, "random", evaluations=20, seed=1).records != rows(together, "random")
    else:
        monkeypatch.setattr(evaluators, "MAX_TABULATED_GENOTYPES", 100)
        asked = drawn(noisy, "local", "random", evaluations=20)
        for field in ("evaluations", "valid", "test"):
            expected = [record[field] for record in together.records]
            assert [record[field] for record in asked.records] == pytest.approx(expected)


def test_a_repeat_has_one_draw_for_all_strategies_and_another_for_each(noisy: Any) -> None:
    """Strategies that ask for the same architectures find the same."""

    class Again(RandomSearch):
        def _ask(self) -> Trial:
            self.at = getattr(self, "at", -1) + 1
            return self.trial(self.space.decode(np.array([self.at * 7]))[0])

    class Same(Again):
        pass

    results = drawn(noisy, Again, Same, initial=0, repeats=6, evaluations=30)
    one, two = ([{**r, "strategy": ""} for r in rows(results, name)] for name in results.settings["strategies"])
    assert one == two
    final = [record["valid"] for record in one if record["evaluations"] == 30]
    assert len(set(final)) > 1, "what is chosen depends on the draw"
    means = race(noisy, Again, initial=0, repeats=6, evaluations=30, metric="validation_accuracy")
    assert len({record["valid"] for record in means.records if record["evaluations"] == 30}) == 1


def test_regrets_of_draws_are_those_of_means_and_never_negative(noisy: Any) -> None:
    results = drawn(noisy, "local", "random", repeats=6, evaluations=200)
    means = race(noisy, "local", "random", repeats=6, evaluations=200, metric="validation_accuracy")
    for key in ("best_valid", "best_test", "floor", "best_is"):
        assert results.summary[key] == means.summary[key]
    every = noisy.query_many(noisy.architectures(), "validation_accuracy").values
    for record in results.records:
        assert record["valid_regret"] >= 0 and record["regret"] >= 0
        assert np.isclose(every, record["valid"]).any()
        assert record["valid_regret"] == pytest.approx(results.summary["best_valid"] - record["valid"])
    assert results.summary["failures"] == {}
    final = {
        policy: np.mean([r["valid_regret"] for r in found.records if r["evaluations"] == 200])
        for policy, found in (("mean", means), ("draw", results))
    }
    assert final["draw"] > final["mean"], "noise misleads"


def test_a_draw_needs_several_seeds(formula: Any) -> None:
    with pytest.raises(InputError, match=r"^--seed-policy draw needs trainings with several seeds, and .* of formula"):
        race(formula(), "random", seed_policy="draw")
    with pytest.raises(InputError, match="seed_policy is 'mean' or 'draw', got 'one'"):
        race(formula(), "random", seed_policy="one")
