"""Regularised evolution by hand."""

import math
from typing import Any

import numpy as np
import pytest

from nasbench.search.evolution import RegularisedEvolution


def test_children_are_mutations_of_the_best_of_a_large_tournament(drive: Any) -> None:
    search = drive(RegularisedEvolution(population=4, sample=200))
    trials = [search.ask() for _ in range(4)]
    for trial, score in zip(trials, [1.0, 3.0, math.nan, 2.0], strict=True):
        search.tell(trial, score)
    for _ in range(10):
        assert search.space.distance(search.ask().architecture, trials[1].architecture) == 1


def test_the_oldest_dies_even_when_it_is_the_best(drive: Any) -> None:
    search = drive(RegularisedEvolution(population=3, sample=100))
    trials = [search.ask() for _ in range(3)]
    for trial, score in zip(trials, [9.0, 1.0, 2.0], strict=True):
        search.tell(trial, score)
    child = search.ask()
    assert search.space.distance(child.architecture, trials[0].architecture) == 1
    search.tell(child, 0.0)
    assert search.space.distance(search.ask().architecture, trials[2].architecture) == 1


def test_a_tournament_of_one_selects_uniformly(drive: Any) -> None:
    search = drive(RegularisedEvolution(population=2, sample=1))
    a, b = search.ask(), search.ask()
    search.tell(a, 0.0)
    search.tell(b, 100.0)
    assert search.space.distance(a.architecture, b.architecture) > 2, "so that no child is next to both"
    children = np.array([search.ask().architecture for _ in range(400)])
    share = (search.space.distance(children, a.architecture) == 1).mean()
    assert share == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(400))


def test_initial_designs_belong_to_the_first_generation(drive: Any) -> None:
    search = drive(RegularisedEvolution(population=3, sample=50), initial=2)
    first = [search.ask() for _ in range(3)]
    for trial, score in zip(first, [5.0, 1.0, 2.0], strict=True):
        search.tell(trial, score)
    assert search.space.distance(search.ask().architecture, first[0].architecture) == 1
