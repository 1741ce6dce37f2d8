"""Running times to targets: by hand, and what holds for all."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.evaluate.runtimes import (
    SHOWN,
    Target,
    area,
    expected_running_time,
    runtimes,
    spread_targets,
    summarise,
    targets_at,
)


def record(strategy, repeat, evaluations, regret):
    return {"strategy": strategy, "repeat": repeat, "evaluations": evaluations, "valid_regret": regret}


RECORDS = [
    record("a", 0, 1, 5.0), record("a", 0, 4, 1.0), record("a", 0, 10, 1.0),
    record("a", 1, 1, 2.0), record("a", 1, 10, 2.0),
    record("b", 0, 3, None), record("b", 0, 10, math.nan),
    record("b", 1, 2, 0.0), record("b", 1, 10, 0.0),
]  # fmt: skip
TARGETS = [Target(0.5, 2.0), Target(0.0, 0.0)]


def test_targets_by_hand():
    """Of ten architectures the best 10 % is one, the best 11 % two; failed ones count as members of the space."""
    scores = np.array([10.0, 9, 8, 7, 6, 5, 4, 3, 2, math.nan])
    assert targets_at([0.1, 0.11, 0.0, 0.9], scores) == [(0.1, 0), (0.11, 1), (0.0, 0), (0.9, 8)]
    assert targets_at([1.0], scores) == []  # nobody reaches the tenth, which failed


def test_running_times_by_hand():
    found = runtimes(RECORDS, TARGETS, "evaluations")
    first, spent = found["a"]
    assert first.tolist() == [[4, math.inf], [1, math.inf]] and spent.tolist() == [10, 10]
    assert found["b"][0].tolist() == [[math.inf, math.inf], [2, 2]]


def test_expected_running_time_by_hand():
    """Two of three runs reach it, after 4 and 1; the third spends 10: 15 over 2."""
    assert expected_running_time(np.array([4.0, 1.0, math.inf]), np.full(3, 10.0)) == 7.5
    assert expected_running_time(np.array([math.inf]), np.array([10.0])) == math.inf


def test_area_by_hand():
    """Of 10, 6 and 0 are left at the targets of one run, 9 and 9 at those of the other."""
    assert area(np.array([[4.0, math.inf], [1.0, 1.0]]), 10.0).tolist() == pytest.approx([0.3, 0.9])


def test_summary():
    scores = np.array([7.0, 5.0, 2.0, 1.0])  # the best, and regrets 2, 5 and 6
    found = summarise(RECORDS, scores, "evaluations", 10.0, np.random.default_rng(0))
    assert [target["share"] for target in found["targets"]] == list(SHOWN)
    best = found["targets"][-1]
    assert best["strategies"] == {"a": {"reached": 0.0, "expected": None}, "b": {"reached": 0.5, "expected": 12.0}}
    for each in found["areas"].values():
        assert 0 <= each["low"] <= each["mean"] <= each["high"] <= 1


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60))
def test_spread_targets_get_harder_and_end_at_the_best(scores):
    found = spread_targets(np.array(scores))
    regrets = [target.regret for target in found]
    assert regrets == sorted(regrets, reverse=True)
    assert regrets[-1] == 0


@given(
    st.lists(st.one_of(st.integers(1, 20), st.just(math.inf)), min_size=1, max_size=20),
    st.integers(20, 40),
)
def test_bounds_of_the_expected_running_time(times, budget):
    """At least the mean of those that get there, and what the slowest spends where all do."""
    first, spent = np.array(times, dtype=float), np.full(len(times), float(budget))
    expected, there = expected_running_time(first, spent), first[np.isfinite(first)]
    if not len(there):
        assert expected == math.inf
    else:
        assert expected >= there.mean() * (1 - 1e-12)
        assert len(there) < len(first) or expected == pytest.approx(there.mean())
