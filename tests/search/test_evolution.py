"""Regularised evolution by hand."""

import math

import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.search.evolution import RegularisedEvolution
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")


def begin(population: int, sample: int, initial: int = 0) -> RegularisedEvolution:
    designs = SPACE.sample(initial, np.random.default_rng(5)) if initial else None
    strategy = RegularisedEvolution(population, sample)
    strategy.start(SPACE, np.random.default_rng(0), epochs=1, initial=designs)
    return strategy


def test_children_are_mutations_of_the_best_of_a_large_tournament() -> None:
    strategy = begin(population=4, sample=200)
    trials = [strategy.ask() for _ in range(4)]
    for trial, score in zip(trials, [1.0, 3.0, math.nan, 2.0], strict=True):
        strategy.tell(trial, score)
    for _ in range(10):
        assert SPACE.distance(strategy.ask().architecture, trials[1].architecture) == 1


def test_the_oldest_dies_even_when_it_is_the_best() -> None:
    strategy = begin(population=3, sample=100)
    trials = [strategy.ask() for _ in range(3)]
    for trial, score in zip(trials, [9.0, 1.0, 2.0], strict=True):
        strategy.tell(trial, score)
    child = strategy.ask()
    assert SPACE.distance(child.architecture, trials[0].architecture) == 1
    strategy.tell(child, 0.0)
    assert SPACE.distance(strategy.ask().architecture, trials[2].architecture) == 1


def test_a_tournament_of_one_selects_uniformly() -> None:
    strategy = begin(population=2, sample=1)
    a, b = strategy.ask(), strategy.ask()
    strategy.tell(a, 0.0)
    strategy.tell(b, 100.0)
    assert SPACE.distance(a.architecture, b.architecture) > 2, "so that no child is next to both"
    children = np.array([strategy.ask().architecture for _ in range(400)])
    assert (SPACE.distance(children, a.architecture) == 1).mean() == pytest.approx(0.5, abs=0.1)


def test_initial_designs_belong_to_the_first_generation() -> None:
    strategy = begin(population=3, sample=50, initial=2)
    first = [strategy.ask() for _ in range(3)]
    for trial, score in zip(first, [5.0, 1.0, 2.0], strict=True):
        strategy.tell(trial, score)
    assert SPACE.distance(strategy.ask().architecture, first[0].architecture) == 1


def test_settings_are_checked() -> None:
    with pytest.raises(InputError, match="at least 1, got 0 and 3"):
        RegularisedEvolution(population=0)
