"""Comparisons: what is recorded, and that nothing but the seed decides it."""

import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.evaluate.anytime import anytime
from nasbench.evaluate.results import Results
from nasbench.evaluate.strategies import compare
from nasbench.search import strategies
from nasbench.spaces import spaces
from nasbench.testing.strategy import check_strategy

METRIC = "validation_score"
GUIDE = Path(__file__).parents[2] / "docs/add-a-strategy.md"
FIELDS = [
    *("benchmark", "strategy", "repeat", "evaluations", "epochs", "simulated_seconds", "valid", "test"),
    *("regret", "valid_regret"),
]


def race(benchmark: Any, *strategies: str, **settings: Any) -> Results:
    settings = {"evaluations": 40, "repeats": 3, "jobs": 1, **settings}
    return compare(benchmark, METRIC, strategies=strategies, **settings)


def rows(results: Results, strategy: str) -> list[dict[str, Any]]:
    return [record for record in results.records if record["strategy"] == strategy]


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
    every = sign * benchmark.query_many(benchmark.architectures(), "test_score").values
    assert results.summary["best_test"] == pytest.approx(sign * every.max())
    assert results.summary["best_is"] == "the best of the whole space"
    for strategy in ("random", "local"):
        for repeat in range(3):
            mine = [record for record in rows(results, strategy) if record["repeat"] == repeat]
            assert all(list(record) == FIELDS for record in mine)
            assert [r["evaluations"] for r in mine] == sorted({r["evaluations"] for r in mine})
            assert mine[-1]["evaluations"] == 40
            valid = [sign * record["valid"] for record in mine]
            assert all(a < b for a, b in pairwise(valid[:-1])), "rows where the incumbent changed"
            assert valid[-1] >= valid[-2]
            assert all(r["regret"] == pytest.approx(every.max() - sign * r["test"]) for r in mine)
            assert all(r["regret"] >= 0 for r in mine)


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


def test_jobs_do_not_matter(formula: Any) -> None:
    calls: list[tuple[int, int]] = []
    one = race(formula(), "evolution", "local")
    two = race(formula(), "evolution", "local", jobs=2, progress=lambda *call: calls.append(call))
    assert one.records == two.records
    assert one.summary == two.summary
    assert calls == [(done, 6) for done in range(7)]


def test_a_space_too_large_to_enumerate_is_asked(formula: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    known = race(formula(), "local", "random", workers=2)
    monkeypatch.setattr("nasbench.simulator.evaluator.MAX_TABULATED_GENOTYPES", 100)
    asked = race(formula(), "local", "random", workers=2, jobs=2)
    assert asked.summary["best_is"] == "the best that any strategy found"
    assert asked.summary["best_test"] == pytest.approx(max(record["test"] for record in known.records))
    for a, b in zip(known.records, asked.records, strict=True):
        for field in set(FIELDS) - {"regret", "valid_regret", "strategy", "benchmark"}:
            assert a[field] == pytest.approx(b[field])
        assert a["regret"] - b["regret"] == pytest.approx(known.summary["best_test"] - asked.summary["best_test"])


def test_summary_ranks(formula: Any) -> None:
    results = race(formula(), "random", "local", evaluations=60, repeats=8)
    assert results.summary["ranking"]["order"][0] == "local"
    assert "local has the lowest mean final test regret" in results.summary["statement"]
    assert results.settings["evaluations"] == 60


def test_results_survive_their_file(formula: Any, tmp_path: Path) -> None:
    results = race(formula(timed=False), "random")
    assert not results.summary["timed"]
    assert np.isnan(results.records[0]["simulated_seconds"])
    results.write(tmp_path / "results.json")
    assert Results.read(tmp_path / "results.json").records[0]["simulated_seconds"] is None


def test_budget_of_seconds(formula: Any) -> None:
    results = race(formula(), "random", evaluations=None, seconds=200.0)
    assert all(record["simulated_seconds"] <= 200 for record in results.records)
    default = race(formula(), "random", evaluations=None, repeats=1)
    assert default.records[-1]["evaluations"] == default.settings["evaluations"] == 300


def test_a_budget_too_small_for_one_training_ranks_nothing(formula: Any) -> None:
    results = race(formula(), "random", evaluations=None, seconds=0.5, repeats=2)
    assert [record["evaluations"] for record in results.records] == [0, 0]
    assert results.summary["ranking"] is None
    assert "no trial succeeded in time" in results.summary["statement"]


# --- strategies of one's own ----------------------------------------------------------------------------------------

OWN = '''
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

class Outside(MyStrategy):
    def _ask(self):
        return self.trial(self.space.sample(1, self.rng)[0] + 5)

class Spendthrift(MyStrategy):
    def _ask(self):
        return Trial(self.space.sample(1, self.rng)[0], 40)
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


def test_the_strategy_of_the_guide(formula: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = GUIDE.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    (tmp_path / "guide_search.py").write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    climber = strategies.create("guide_search:HillClimber+patience=10")
    check_strategy(climber, spaces.create("nb101"), evaluations=80, learns=True)
    results = race(formula(), "random", "guide_search:HillClimber", jobs=2, repeats=8, evaluations=80)
    assert results.summary["ranking"]["order"][0] == "guide_search:HillClimber"


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("Raises", "strategy 'my_search:Raises', repeat [01]: ZeroDivisionError: by design .my_search.py, line 21."),
        ("Outside", "strategy 'my_search:Outside', repeat [01]: genotype 0 .* is not in nb201"),
        ("Spendthrift", "strategy 'my_search:Spendthrift', repeat [01]: a trial of 40 epochs cannot be answered"),
    ],
)
def test_faults_are_reported_by_name(formula: Any, own: str, fault: str, message: str, jobs: int) -> None:
    with pytest.raises(InputError, match=message):
        race(formula(), f"{own}:{fault}", jobs=jobs, repeats=2)


# --- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strategies": []}, "name at least one strategy"),
        ({"strategies": ["random", "random"]}, "'random' is named twice"),
        ({"strategies": ["randon"]}, "did you mean 'random'"),
        ({"strategies": ["evolution+population=0"]}, "at least 1"),
        ({"repeats": 0}, "repeats is at least 1, got 0"),
        ({"initial": -1}, "initial is at least 0, got -1"),
        ({"seed": -1}, "seed is at least 0, got -1"),
        ({"jobs": 0}, "jobs is at least 1, got 0"),
        ({"evaluations": 0}, "at least 1 evaluation"),
        ({"workers": 0}, "at least 1 worker"),
    ],
)
def test_bad_settings(formula: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        compare(formula(), METRIC, **{"strategies": ["random"], "jobs": 1, **settings})


# --- curves ---------------------------------------------------------------------------------------------------------


def test_anytime_by_hand() -> None:
    def record(strategy: str, repeat: int, evaluations: int, regret: float | None) -> dict[str, Any]:
        seconds = 10.0 * evaluations
        return {
            "strategy": strategy,
            "repeat": repeat,
            "evaluations": evaluations,
            "simulated_seconds": seconds,
            "regret": regret,
        }

    records = [
        record("a", 1, 2, 5.0),
        record("a", 1, 4, 1.0),
        record("a", 0, 1, 3.0),
        record("a", 0, 4, 3.0),
        record("b", 0, 1, None),
        record("b", 0, 3, 2.0),
    ]
    curves = anytime(records, [1, 2, 3.5, 4, 99])
    assert list(curves) == ["a", "b"]
    np.testing.assert_array_equal(curves["a"], [[3, 3, 3, 3, 3], [np.nan, 5, 5, 1, 1]])
    np.testing.assert_array_equal(curves["b"], [[np.nan, np.nan, 2, 2, 2]])
    in_time = anytime(records, [10, 39, 40], key="simulated_seconds")
    np.testing.assert_array_equal(in_time["a"], [[3, 3, 3], [np.nan, 5, 1]])
