"""Simulated annealing by hand."""

import math
from typing import Any

import numpy as np
import pytest

from nasbench.search.annealing import SimulatedAnnealing
from nasbench.search.problem import Constraint


def started(drive: Any, scores: list[float], **settings: Any) -> Any:
    search = drive(SimulatedAnnealing(**settings), initial=len(scores))
    for trial, score in zip([search.ask() for _ in scores], scores, strict=True):
        search.tell(trial, score)
    return search


def is_neighbour(search: Any, trial: Any, of: np.ndarray) -> bool:
    return bool(search.space.distance(trial.architecture, of) == 1)


def test_starts_at_the_best_design_and_moves_to_what_is_no_worse(drive: Any) -> None:
    search = started(drive, [1.0, 4.0, math.nan, 2.0])
    best = search.strategy.problem.initial[1]
    first = search.ask()
    assert is_neighbour(search, first, best)
    search.tell(first, 4.0)
    second = search.ask()
    assert is_neighbour(search, second, first.architecture)
    search.tell(second, math.nan)
    assert is_neighbour(search, search.ask(), first.architecture)


def test_accepts_what_is_worse_with_the_probability_of_metropolis(drive: Any) -> None:
    """Quartiles of 0 and 4, and half a spread below: at a temperature of 0.5, exp(-1)."""
    search = started(drive, [0.0, 0.0, 4.0, 4.0], temperature=0.5, cooling=1.0)
    strategy, start = search.strategy, search.strategy.problem.initial[2]
    other = search.space.neighbours(start)[0]
    moved = 0
    for _ in range(2_000):
        strategy._move(start, 4.0)
        strategy._step(other, 2.0)
        moved += strategy._score == 2.0
    p = math.exp(-1)
    assert moved / 2_000 == pytest.approx(p, abs=4 * math.sqrt(p * (1 - p) / 2_000))


def test_the_temperature_falls_with_each_neighbour_that_is_told(drive: Any) -> None:
    search = started(drive, [1.0, 2.0], temperature=1.0, cooling=0.5)
    for expected in (0.5, 0.25, 0.125):
        search.tell(search.ask(), 0.0)
        assert search.strategy._now == expected


def test_another_descent_begins_when_patience_ends(drive: Any) -> None:
    search = started(drive, [5.0], patience=3, cooling=0.5)
    for _ in range(3):
        search.tell(search.ask(), 0.0)
    restart = search.ask()
    assert restart.tag is None
    search.tell(restart, 0.1)
    assert search.strategy._now == search.strategy.temperature
    assert is_neighbour(search, search.ask(), restart.architecture)


def test_the_unit_of_the_metric_does_not_matter(drive: Any) -> None:
    runs = []
    for unit in (2.0**-27, 1.0, 2.0**40):
        search = drive(SimulatedAnnealing(temperature=1.0), initial=5)
        run = []
        for _ in range(100):
            trial = search.ask()
            run.append(trial.architecture.tolist())
            search.tell(trial, unit * float(trial.architecture.sum()))
        runs.append(run)
    assert runs[0] == runs[1] == runs[2]


def test_evaluates_nothing_twice_and_leaves_out_what_breaks_a_constraint(drive: Any) -> None:
    search = drive(
        SimulatedAnnealing(),
        constraints=(Constraint("size", high=12.0),),
        lookup=lambda name, genotypes: genotypes.sum(axis=1) * 1.0,
    )
    proposed = []
    for _ in range(500):
        trial = search.ask()
        proposed.append(trial.architecture)
        search.tell(trial, float(trial.architecture.sum()))
    assert len(np.unique(search.space.key(np.array(proposed)))) == 500
    assert max(genotype.sum() for genotype in proposed) == 12


def test_goes_on_where_everything_is_known(drive: Any) -> None:
    search = started(drive, [1.0, 2.0])
    search.strategy._known.run_all(np.concatenate(list(search.space.enumerate())))
    for _ in range(10):
        search.tell(search.ask(), 1.0)
