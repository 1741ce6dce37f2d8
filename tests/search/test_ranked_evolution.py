"""Ageing evolution by non-dominated ranks, by hand."""

import math
from typing import Any

import numpy as np

from nasbench.evaluate.strategies import compare
from nasbench.search import Outcome, Trial
from nasbench.search.problem import Constraint, Objective
from nasbench.search.ranked_evolution import RankedEvolution
from nasbench.spaces import spaces
from nasbench.testing import check_strategy

TWO = (Objective("accuracy", "percent", "maximise"), Objective("latency", "ms", "minimise"))


def tell(search: Any, trial: Trial, *scores: float) -> None:
    search.strategy.tell(trial, Outcome(scores, 1.0, trial.epochs, np.array(scores[:1])))


def parent(search: Any, trials: list[Trial]) -> set[int]:
    """Those of some trials that the next child lies next to."""
    child = search.ask().architecture
    return {row for row, trial in enumerate(trials) if search.space.distance(child, trial.architecture) == 1}


def test_a_large_tournament_takes_the_first_by_rank_and_crowding(drive: Any) -> None:
    """(3, -3) is dominated, one failed; of the front an end wins."""
    search = drive(RankedEvolution(population=5, sample=200), objectives=TWO)
    trials = [search.ask() for _ in range(5)]
    for trial, scores in zip(trials, [(3, -3), (4, -2), (5, -9), (2, -1), (9, math.nan)], strict=True):
        tell(search, trial, *scores)
    for _ in range(10):
        assert parent(search, trials) & {2, 3}


def test_the_oldest_dies_even_when_it_is_on_the_front(drive: Any) -> None:
    search = drive(RankedEvolution(population=2, sample=100), objectives=TWO)
    first, second = search.ask(), search.ask()
    tell(search, first, 9, -1)
    tell(search, second, 1, -9)
    assert 0 in parent(search, [first])
    tell(search, search.ask(), 0, -10)
    assert 0 in parent(search, [second])


def test_with_one_objective_the_best_wins(drive: Any) -> None:
    search = drive(RankedEvolution(population=4, sample=200))
    trials = [search.ask() for _ in range(4)]
    for trial, score in zip(trials, [1.0, 3.0, math.nan, 2.0], strict=True):
        tell(search, trial, score)
    for _ in range(10):
        assert 1 in parent(search, trials)


def test_children_meet_the_constraints(drive: Any) -> None:
    """A sum of at most 13, which children of cells with less hardly ever miss eight times."""
    settings = {
        "constraints": (Constraint("sum", high=13),),
        "lookup": lambda name, genotypes: genotypes.sum(axis=1).astype(float),
    }
    search = drive(RankedEvolution(population=3), initial=np.full((3, 6), 2, dtype=np.int8), **settings)
    for _ in range(3):
        tell(search, search.ask(), 1.0)
    for _ in range(60):
        trial = search.ask()
        assert trial.architecture.sum() <= 13
        tell(search, trial, float(trial.architecture.sum()))


def test_finds_more_of_the_front_than_random_search(formula: Any) -> None:
    benchmark = formula()
    kind = benchmark.metrics["parameters"]
    benchmark.metrics = {**benchmark.metrics, "parameters": kind.__class__(**{**vars(kind), "direction": "minimise"})}
    objectives = ["validation_score", "parameters"]
    results = compare(benchmark, objectives, strategies=["random", RankedEvolution], evaluations=120, repeats=6, jobs=1)
    assert results.summary["valid_ranking"]["order"][0] != "random"


def test_contract() -> None:
    check_strategy(RankedEvolution(10, 3), spaces.create("nb201"), evaluations=60, learns=True)
