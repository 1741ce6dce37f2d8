"""Local search by hand."""

import math

import numpy as np
import pytest

from nasbench.search.local import LocalSearch
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")


def begin(full: bool = False, initial: int = 1) -> LocalSearch:
    designs = SPACE.sample(initial, np.random.default_rng(5))
    strategy = LocalSearch(full)
    strategy.start(SPACE, np.random.default_rng(0), epochs=1, initial=designs)
    return strategy


def is_neighbour(genotype: np.ndarray, of: np.ndarray) -> bool:
    return bool((SPACE.neighbours(of) == genotype).all(axis=1).any())


def test_moves_to_the_first_better_neighbour() -> None:
    strategy = begin()
    start = strategy.ask()
    strategy.tell(start, 1.0)
    worse = strategy.ask()
    assert is_neighbour(worse.architecture, start.architecture)
    strategy.tell(worse, 0.5)
    better = strategy.ask()
    assert is_neighbour(better.architecture, start.architecture)
    strategy.tell(better, 2.0)
    assert is_neighbour(strategy.ask().architecture, better.architecture)


def test_algorithm_1_evaluates_the_whole_neighbourhood_and_moves_to_the_best() -> None:
    strategy = begin(full=True)
    start = strategy.ask()
    strategy.tell(start, 0.0)
    around = len(np.unique(SPACE.key(SPACE.neighbours(start.architecture))))
    trials = []
    for score in range(around):
        trials.append(strategy.ask())
        assert is_neighbour(trials[-1].architecture, start.architecture)
        strategy.tell(trials[-1], 10.0 - abs(score - 7))
    assert is_neighbour(strategy.ask().architecture, trials[7].architecture)


@pytest.mark.parametrize("full", [False, True])
def test_restarts_at_a_local_optimum(full: bool) -> None:
    strategy = begin(full)
    start = strategy.ask()
    strategy.tell(start, 1.0)
    seen = {int(SPACE.key(start.architecture[None])[0])}
    around = set(SPACE.key(SPACE.neighbours(start.architecture)).tolist()) - seen
    for _ in around:
        trial = strategy.ask()
        strategy.tell(trial, 0.0)
        seen.add(int(SPACE.key(trial.architecture[None])[0]))
    assert around < seen, "each neighbour once"
    restart = strategy.ask()
    assert not is_neighbour(restart.architecture, start.architecture)
    strategy.tell(restart, 0.1)  # worse than the optimum, and yet where the search now is
    assert is_neighbour(strategy.ask().architecture, restart.architecture)


def test_starts_at_the_best_initial_design() -> None:
    strategy = begin(initial=4)
    trials = [strategy.ask() for _ in range(4)]
    for trial, score in zip(trials, [1.0, 4.0, math.nan, 2.0], strict=True):
        strategy.tell(trial, score)
    assert is_neighbour(strategy.ask().architecture, trials[1].architecture)


def test_a_late_answer_has_to_beat_the_optimum_it_is_a_neighbour_of() -> None:
    strategy = begin()
    start = strategy.ask()
    strategy.tell(start, 5.0)
    around = len(set(SPACE.key(SPACE.neighbours(start.architecture)).tolist()))
    neighbours = [strategy.ask() for _ in range(around)]
    for neighbour in neighbours[1:]:
        strategy.tell(neighbour, 0.0)
    restart = strategy.ask()
    strategy.tell(neighbours[0], 3.0)  # better than nothing, worse than the optimum
    strategy.tell(restart, 1.0)
    assert is_neighbour(strategy.ask().architecture, restart.architecture)


def test_never_evaluates_twice() -> None:
    strategy = begin()
    keys = []
    rng = np.random.default_rng(3)
    for _ in range(2_000):
        trial = strategy.ask()
        keys.append(int(SPACE.key(trial.architecture[None])[0]))
        strategy.tell(trial, float(rng.normal()))
    assert len(set(keys)) == len(keys)
