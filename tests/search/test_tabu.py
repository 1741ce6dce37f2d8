"""Tabu search by hand."""

import math
from typing import Any

import numpy as np
import pytest

from nasbench.search.problem import Constraint
from nasbench.search.tabu import TabuSearch
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")


def is_neighbour(genotype: np.ndarray, of: np.ndarray) -> bool:
    return bool(SPACE.distance(genotype, of) == 1)


def test_moves_to_the_first_better_neighbour(drive: Any) -> None:
    search = drive(TabuSearch(), initial=3)
    for trial, score in zip([search.ask() for _ in range(3)], [1.0, 3.0, math.nan], strict=True):
        search.tell(trial, score)
    start = search.strategy.problem.initial[1]
    worse = search.ask()
    search.tell(worse, 2.0)
    better = search.ask()
    assert is_neighbour(worse.architecture, start)
    assert is_neighbour(better.architecture, start)
    search.tell(better, 4.0)
    assert is_neighbour(search.ask().architecture, better.architecture)


@pytest.mark.parametrize("full", [False, True])
def test_leaves_a_local_optimum_for_its_best_neighbour(drive: Any, full: bool) -> None:
    search = drive(TabuSearch(full=full), initial=1)
    start = search.ask()
    search.tell(start, 100.0)
    trials = []
    for score in range(len(SPACE.neighbours(start.architecture))):
        trials.append(search.ask())
        assert is_neighbour(trials[-1].architecture, start.architecture)
        search.tell(trials[-1], 10.0 - abs(score - 7))
    step = search.ask().architecture
    assert is_neighbour(step, trials[7].architecture), "and not back to the optimum, which is tabu"
    assert not is_neighbour(step, start.architecture)


@pytest.mark.parametrize(("tenure", "moves"), [(1, 64), (2, 1)])
def test_goes_back_when_the_tenure_is_over(drive: Any, tenure: int, moves: int) -> None:
    """All other trainings failed, so there is only the way between two architectures: 64 times, or once."""
    search = drive(TabuSearch(tenure=tenure), initial=1)
    start = search.ask()
    search.tell(start, 3.0)
    strategy, other = search.strategy, SPACE.neighbours(start.architecture)[5]
    for genotype in np.concatenate(list(SPACE.enumerate())):
        if not np.array_equal(genotype, start.architecture):
            strategy._known.tell(genotype, 2.0 if np.array_equal(genotype, other) else math.nan)
    strategy._queue = []
    assert not strategy._move_on()
    assert strategy._score == (3.0 if moves % 2 == 0 else 2.0)


def test_evaluates_at_most_so_many_candidates(drive: Any) -> None:
    search = drive(TabuSearch(candidates=3), initial=1)
    start = search.ask()
    search.tell(start, 100.0)
    trials = [search.ask() for _ in range(3)]
    for trial, score in zip(trials, [1.0, 3.0, 2.0], strict=True):
        search.tell(trial, score)
    assert is_neighbour(search.ask().architecture, trials[1].architecture)


def test_waits_for_the_last_neighbours_before_it_moves_on(drive: Any) -> None:
    search = drive(TabuSearch(), initial=1)
    search.tell(search.ask(), 5.0)
    trials = search.strategy.ask(24)
    assert len(trials) == 24
    for trial in trials[:-1]:
        assert search.strategy.ask(2) == []
        search.tell(trial, 1.0)
    search.tell(trials[-1], 2.0)
    assert is_neighbour(search.ask().architecture, trials[-1].architecture)


def test_restarts_where_all_neighbours_failed(drive: Any) -> None:
    search = drive(TabuSearch(), initial=1)
    search.tell(search.ask(), 5.0)
    for _ in range(24):
        search.tell(search.ask(), math.nan)
    assert search.ask().tag is None


@pytest.mark.parametrize("full", [False, True])
def test_evaluates_nothing_twice_and_leaves_out_what_breaks_a_constraint(drive: Any, full: bool) -> None:
    search = drive(
        TabuSearch(full=full),
        constraints=(Constraint("size", high=12.0),),
        lookup=lambda name, genotypes: genotypes.sum(axis=1) * 1.0,
    )
    proposed = []
    rng = np.random.default_rng(0)
    for _ in range(1_000):
        trial = search.ask()
        proposed.append(trial.architecture)
        search.tell(trial, float(rng.normal()))
    assert len(np.unique(search.space.key(np.array(proposed)))) == 1_000
    assert max(genotype.sum() for genotype in proposed) == 12


def test_goes_on_where_everything_is_known(drive: Any) -> None:
    search = drive(TabuSearch(), initial=2)
    search.strategy._known.run_all(np.concatenate(list(search.space.enumerate())))
    for _ in range(10):
        search.tell(search.ask(), 1.0)
