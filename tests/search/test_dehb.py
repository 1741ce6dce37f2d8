"""DEHB: children and populations by hand, and how its rungs fill."""

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.search.dehb import DEHB, Population, children
from nasbench.search.hyperband import Hyperband
from nasbench.spaces import spaces
from nasbench.testing import check_strategy

POINTS = np.arange(12.0).reshape(6, 2) / 12


def test_children_by_hand() -> None:
    """Of three equal points the mutant is the point; a child has it everywhere or at one position."""
    target, pool, rng = np.full(4, 0.25), np.full((3, 4), 0.75), np.random.default_rng(0)
    np.testing.assert_array_equal(children(target, pool, 0.5, 1.0, 5, rng), np.full((5, 4), 0.75))
    assert ((children(target, pool, 0.5, 0.0, 5, rng) == 0.75).sum(axis=1) == 1).all()


def test_mutants_add_the_scaled_difference_of_three_points() -> None:
    pool = np.array([[0.4], [0.5], [0.6]])
    found = children(np.array([0.0]), pool, 0.5, 1.0, 400, np.random.default_rng(0))[:, 0]
    #           a + (b - c) / 2: 0.4 -+ 0.05, 0.5 -+ 0.1, 0.6 -+ 0.05
    expected = np.array([0.35, 0.4, 0.45, 0.55, 0.6, 0.65])
    assert set(np.abs(found[:, None] - expected).argmin(axis=1)) == set(range(6))
    np.testing.assert_allclose(np.abs(found[:, None] - expected).min(axis=1), 0, atol=1e-15)


def test_children_stay_in_the_cube() -> None:
    found = children(np.zeros(3), np.random.default_rng(0).random((9, 3)), 2.0, 0.9, 500, np.random.default_rng(1))
    assert (found >= 0).all() and (found < 1).all()


def test_a_population_by_hand() -> None:
    population = Population(3, 2)
    assert population.best().shape == population.others().shape == (0, 2)
    assert [population.place(point) for point in POINTS[:3]] == [0, 1, 2] and population.full
    population.tell(1, POINTS[1], 5.0)
    population.tell(0, POINTS[0], math.nan)
    np.testing.assert_array_equal(population.best(), POINTS[[1]])
    assert population.place(POINTS[3]) == 0
    np.testing.assert_array_equal(population.target, POINTS[1])
    assert population.others().shape == (0, 2)
    population.tell(0, POINTS[3], 7.0)
    assert population.place(POINTS[4]) == 1
    population.tell(1, POINTS[4], 4.0)
    np.testing.assert_array_equal(population.best(), POINTS[[3, 1]])
    np.testing.assert_array_equal(population.best(1), POINTS[[3]])
    np.testing.assert_array_equal(population.others(), POINTS[[3, 1]])
    population.tell(1, POINTS[4], 5.0)
    np.testing.assert_array_equal(population.best(), POINTS[[3, 4]])


def test_populations_are_as_large_as_the_largest_rungs(drive: Any) -> None:
    strategy = drive(DEHB(), fidelities=tuple(range(1, 82))).strategy
    assert [population.size for population in strategy._populations] == [81, 34, 15, 8, 5]
    assert [population.size for population in drive(DEHB(), fidelities=(5,)).strategy._populations] == [4]


def test_rungs_are_those_of_hyperband(drive: Any) -> None:
    searches = [drive(strategy, fidelities=(1, 3, 9)) for strategy in (DEHB(), Hyperband())]
    for _ in range(100):
        trials = [search.ask() for search in searches]
        assert len({(trial.tag, trial.epochs) for trial in trials}) == 1
        for search, trial in zip(searches, trials, strict=True):
            search.tell(trial, float(trial.architecture.sum()))


def test_the_first_bracket_is_successive_halving(drive: Any) -> None:
    searches = [drive(strategy, fidelities=(1, 3, 9)) for strategy in (DEHB(), Hyperband())]
    for search in searches:
        trials = []
        for _ in range(13):
            trials.append(search.ask())
            search.tell(trials[-1], float(trials[-1].architecture @ 5 ** np.arange(6)))
        lowest = sorted(trials[:9], key=lambda trial: -float(trial.architecture @ 5 ** np.arange(6)))
        promoted = [trial.architecture for trial in trials[9:]]
        np.testing.assert_array_equal(promoted, [trial.architecture for trial in [*lowest[:3], lowest[0]]])


def test_children_come_from_the_best_below(drive: Any) -> None:
    """With a crossover of 1 and equal points below, what is trained above the lowest rung is the best below."""
    search = drive(DEHB(crossover=1), fidelities=(1, 3, 9))
    strategy = search.strategy
    for _ in range(22):  # three brackets fill all populations
        search.tell(search.ask(), 0.0)
    assert all(population.full for population in strategy._populations)
    for _ in range(9):
        search.tell(search.ask(), 0.0)
    below = strategy._populations[0]
    below._scores, below._points = [1.0] * 9, [np.full(6, 0.7)] * 9
    trial = search.ask()
    assert (trial.tag[0], trial.epochs) == (4, 3)
    assert trial.architecture.tolist() == [3] * 6


def test_a_rung_trains_hardly_anything_twice(drive: Any) -> None:
    search = drive(DEHB(), fidelities=(1, 3, 9))
    trained: Counter[tuple[int, bytes]] = Counter()
    for _ in range(300):
        trial = search.ask()
        trained[trial.epochs, trial.architecture.tobytes()] += 1
        search.tell(trial, float(trial.architecture @ 5 ** np.arange(6)))
    assert sum(count - 1 for count in trained.values()) < 30


def test_goes_on_when_everything_fails(drive: Any) -> None:
    search = drive(DEHB(), "nb101", fidelities=(1, 3, 9))
    for _ in range(60):
        trial = search.ask()
        search.space.check(trial.architecture[None])
        search.tell(trial, math.nan)


def test_more_designs_than_a_population_compete_in_it(drive: Any) -> None:
    search = drive(DEHB(), initial=30, fidelities=(5,))
    for score in range(30):
        search.tell(search.ask(), float(score))
    assert sorted(search.strategy._populations[0]._scores) == [26, 27, 28, 29]


def test_settings_are_checked() -> None:
    with pytest.raises(InputError, match="scale must be a number above 0, got 0"):
        DEHB(scale=0)
    with pytest.raises(InputError, match="crossover must be a number from 0 to 1, got 2"):
        DEHB(crossover=2)


def test_contract() -> None:
    check_strategy(DEHB(2), spaces.create("nb201"), evaluations=150, learns=True)
