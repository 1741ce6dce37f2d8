"""Local search by hand."""

import math
from typing import Any

import numpy as np
import pytest

from nasbench.search.local import LocalSearch
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")


def is_neighbour(genotype: np.ndarray, of: np.ndarray) -> bool:
    return bool((SPACE.neighbours(of) == genotype).all(axis=1).any())


def test_moves_to_the_first_better_neighbour(drive: Any) -> None:
    search = drive(LocalSearch(), initial=1)
    start = search.ask()
    search.tell(start, 1.0)
    worse = search.ask()
    assert is_neighbour(worse.architecture, start.architecture)
    search.tell(worse, 0.5)
    better = search.ask()
    assert is_neighbour(better.architecture, start.architecture)
    search.tell(better, 2.0)
    assert is_neighbour(search.ask().architecture, better.architecture)


def test_algorithm_1_evaluates_the_whole_neighbourhood_and_moves_to_the_best(drive: Any) -> None:
    search = drive(LocalSearch(full=True), initial=1)
    start = search.ask()
    search.tell(start, 0.0)
    around = len(np.unique(SPACE.key(SPACE.neighbours(start.architecture))))
    trials = []
    for score in range(around):
        trials.append(search.ask())
        assert is_neighbour(trials[-1].architecture, start.architecture)
        search.tell(trials[-1], 10.0 - abs(score - 7))
    assert is_neighbour(search.ask().architecture, trials[7].architecture)


@pytest.mark.parametrize("full", [False, True])
def test_restarts_at_a_local_optimum(drive: Any, full: bool) -> None:
    search = drive(LocalSearch(full), initial=1)
    start = search.ask()
    search.tell(start, 1.0)
    seen = {int(SPACE.key(start.architecture[None])[0])}
    around = set(SPACE.key(SPACE.neighbours(start.architecture)).tolist()) - seen
    for _ in around:
        trial = search.ask()
        search.tell(trial, 0.0)
        seen.add(int(SPACE.key(trial.architecture[None])[0]))
    assert around < seen, "each neighbour once"
    restart = search.ask()
    assert not is_neighbour(restart.architecture, start.architecture)
    search.tell(restart, 0.1)  # worse than the optimum, and yet where the search now is
    assert is_neighbour(search.ask().architecture, restart.architecture)


def test_starts_at_the_best_initial_design(drive: Any) -> None:
    search = drive(LocalSearch(), initial=4)
    trials = [search.ask() for _ in range(4)]
    for trial, score in zip(trials, [1.0, 4.0, math.nan, 2.0], strict=True):
        search.tell(trial, score)
    assert is_neighbour(search.ask().architecture, trials[1].architecture)


@pytest.mark.parametrize("full", [False, True])
def test_waits_for_the_last_neighbours_before_a_restart(drive: Any, full: bool) -> None:
    search = drive(LocalSearch(full), initial=1)
    start = search.ask()
    search.tell(start, 5.0)
    around = len(set(SPACE.key(SPACE.neighbours(start.architecture)).tolist()))
    neighbours = search.strategy.ask(around)
    assert len({trial.tag for trial in neighbours}) == around
    for neighbour in neighbours[1:]:
        search.tell(neighbour, 0.0)
        assert search.strategy.ask(7) == []
    search.tell(neighbours[0], 6.0)
    assert is_neighbour(search.ask().architecture, neighbours[0].architecture)


def test_algorithm_1_moves_after_all_answers_only(drive: Any) -> None:
    """With a worker for each neighbour, the first answers do not move it, and the best one does."""
    search = drive(LocalSearch(full=True), initial=1)
    start = search.ask()
    search.tell(start, 0.0)
    neighbours = search.strategy.ask(len(SPACE.neighbours(start.architecture)))
    for score, neighbour in enumerate(neighbours):
        assert search.strategy.ask(1) == []
        search.tell(neighbour, 10.0 - abs(score - 7))
    assert is_neighbour(search.ask().architecture, neighbours[7].architecture)


def test_never_evaluates_twice(drive: Any) -> None:
    search = drive(LocalSearch(), initial=1)
    keys = []
    rng = np.random.default_rng(3)
    for _ in range(2_000):
        trial = search.ask()
        keys.append(int(SPACE.key(trial.architecture[None])[0]))
        search.tell(trial, float(rng.normal()))
    assert len(set(keys)) == len(keys)
