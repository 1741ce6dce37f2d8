"""Strategies over several benchmarks: by hand, what leads to no ranks, and one call for several."""

from typing import Any

import pytest

from nasbench.benchmark.load import load
from nasbench.errors import InputError
from nasbench.evaluate.races import compare_all, final_regrets, joined, over_benchmarks
from nasbench.evaluate.results import Results
from nasbench.evaluate.several import COMPARISONS, separate
from nasbench.evaluate.strategies import compare

RACE: dict[str, Any] = {"strategies": ["random", "local"], "evaluations": 15, "repeats": 3, "jobs": 1}


def raced(name: str, regrets: dict[str, list[float]], ranked: bool = True) -> Results:
    """A comparison with these final test regrets; those on validation data are all 1."""
    records = [
        {"benchmark": name, "strategy": strategy, "repeat": repeat, "regret": value, "valid_regret": 1.0}
        for strategy, values in regrets.items()
        for repeat, earlier in enumerate(values)
        for value in (earlier + 1, earlier)  # the last record counts
    ]
    ranking = {"order": [*regrets]} if ranked else None
    summary = {"failures": {}, "ranking": ranking, "valid_ranking": {"order": [*regrets]}}
    return Results("comparison", name, "nb201", "accuracy", "percent", {}, records, summary)


def test_by_hand() -> None:
    """Two benchmarks: means of `a` .2 and 1.0, of `b` .4 and .5, so each leads once.

    On x, `a` wins 3 of 4 pairs of runs; on y, none: 3/8 in all. `b` wins the other 5/8.
    """
    parts = [raced("x", {"a": [0.1, 0.3], "b": [0.2, 0.6]}), raced("y", {"a": [1.0, 1.0], "b": [0.25, 0.75]})]
    by_test, by_valid = over_benchmarks(parts, 0)
    assert (by_test["field"], by_test["benchmarks"], by_test["left_out"]) == ("regret", ["x", "y"], [])
    assert by_test["regrets"] == {"a": [0.2, 1.0], "b": [0.4, 0.5]}
    assert by_test["ranking"]["means"] == {"a": 1.5, "b": 1.5}
    assert by_test["wins"]["a"]["b"] == pytest.approx(3 / 8) and by_test["wins"]["b"]["a"] == pytest.approx(5 / 8)
    assert [*by_test["ratings"]] == ["b", "a"]
    assert by_test["critical_difference"] == pytest.approx(1.95996 * (2 * 3 / (6 * 2)) ** 0.5, abs=1e-4)
    assert by_test["statement"] == "Over 2 paired benchmarks, all have the same mean rank, 1.5."
    assert by_valid["field"] == "valid_regret"
    assert by_valid["wins"]["a"]["b"] == 0.5 and by_valid["ratings"]["a"]["rating"] == pytest.approx(1000)


def test_who_is_not_on_every_benchmark_has_no_rank() -> None:
    (row, _) = over_benchmarks([raced("x", {"a": [1], "b": [2], "c": [0]}), raced("y", {"a": [1], "b": [2]})], 0)
    assert row["left_out"] == ["c"] and row["ranking"]["order"] == ("a", "b")
    (row, _) = over_benchmarks([raced("x", {"a": [1]}), raced("y", {"b": [2]})], 0)
    assert row["ranking"] is None and row["statement"] == "No ranks by test regret: no strategy ran on all of them."
    (row, valid) = over_benchmarks([raced("x", {"a": [1]}), raced("y", {"a": [1]}, ranked=False)], 0)
    assert row["statement"] == "No ranks by test regret: no two benchmarks have a ranking by it."
    assert valid["ranking"]["order"] == ("a",) and valid["critical_difference"] is None


def test_equal_means_share_a_rank_whatever_the_rounding() -> None:
    parts = [raced(name, {"a": [0.1, 0.2, 0.3], "b": [0.3, 0.2, 0.1], "c": [0.2 + 1e-16] * 3}) for name in "xy"]
    (row, _) = over_benchmarks(parts, 0)
    assert row["ranking"]["means"] == {"a": 2, "b": 2, "c": 2}


def test_one_call_is_the_races_one_by_one() -> None:
    names = ["synthetic-additive", "synthetic-crossing"]
    told: list[tuple[int, int]] = []
    results = compare_all([load(name) for name in names], progress=lambda *n: told.append(n), **RACE)
    assert results.kind == COMPARISONS and results.benchmark == "synthetic-additive, synthetic-crossing"
    alone = [compare(load(name), load(name).score().path, **RACE) for name in names]
    for part, one in zip(separate(results), alone, strict=True):
        assert (part.kind, part.benchmark, part.settings) == (one.kind, one.benchmark, one.settings)
        assert part.records == one.records and part.summary == one.summary
    again = joined(alone, 0)
    assert (again.settings, again.records, again.summary) == (results.settings, results.records, results.summary)
    assert told[-1] == (16, 16) and [*told] == sorted(told)  # 2 benchmarks, 2 strategies, 3 repeats and one again
    assert list(results.summary["areas"]) in (["local", "random"], ["random", "local"])
    assert all(0 <= row["low"] <= row["mean"] <= row["high"] <= 1 for row in results.summary["areas"].values())


def test_final_regrets_are_those_of_the_last_records() -> None:
    records = [
        {"strategy": "a", "repeat": 1, "regret": 2.0},
        {"strategy": "a", "repeat": 0, "regret": 5.0},
        {"strategy": "a", "repeat": 1, "regret": 1.0},
    ]
    assert final_regrets(records, "regret") == {"a": [5.0, 1.0]}


def test_mistakes_are_named_with_their_benchmark_before_a_race() -> None:
    one, other = load("synthetic-additive"), load("synthetic-crossing")
    with pytest.raises(InputError, match=r"got 1; compare\(\) takes one"):
        compare_all([one], **RACE)
    with pytest.raises(InputError, match="two tables are named synthetic-additive"):
        compare_all([one, one], **RACE)
    raced: list[int] = []
    with pytest.raises(InputError, match=r"^synthetic-additive: .*validation"):
        compare_all([one, other], "synthetic/test_accuracy", progress=lambda *n: raced.append(1), **RACE)
    with pytest.raises(InputError, match=r"^nb201-mnist5k\.h5: the benchmark answers for 1,000 of the 15,625"):
        compare_all([one, load("nb201-mnist5k")], progress=lambda *n: raced.append(1), **RACE)
    assert not raced
