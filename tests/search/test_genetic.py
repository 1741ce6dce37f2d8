"""Genetic algorithm by hand."""

import math
from typing import Any

import numpy as np

from nasbench.search.genetic import GeneticAlgorithm


def test_the_best_of_parents_and_children_are_the_next_parents(drive: Any) -> None:
    search = drive(GeneticAlgorithm(population=3, children=2), initial=3)
    trials = [search.ask() for _ in range(3)]
    for trial, score in zip(trials, [1.0, 3.0, 2.0], strict=True):
        search.tell(trial, score)
    children = [search.ask() for _ in range(2)]
    search.tell(children[0], 2.5)
    search.tell(children[1], 0.0)
    kept = [genotype.tolist() for _, _, genotype in search.strategy._parents]
    assert kept == [trial.architecture.tolist() for trial in (trials[1], children[0], trials[2])]


def test_one_parent_has_mutants_and_two_have_mixtures(drive: Any) -> None:
    mutants = drive(GeneticAlgorithm(population=4, tournament=200, crossover=0.0), initial=4)
    mixtures = drive(GeneticAlgorithm(population=4, tournament=1, crossover=1.0, mutation=0.0), initial=4)
    for search in (mutants, mixtures):
        for score, trial in enumerate([search.ask() for _ in range(4)]):
            search.tell(trial, float(score))
    initial = mutants.strategy.problem.initial
    for _ in range(10):
        child = mutants.ask().architecture
        assert mutants.space.distance(child, initial[3]) == 1, "the best of a large tournament"
        child = mixtures.ask().architecture
        assert (child == initial).any(axis=0).all()


def test_failed_trials_have_no_children(drive: Any) -> None:
    search = drive(GeneticAlgorithm(population=2, tournament=1, crossover=0.0), initial=2)
    failed, good = search.ask(), search.ask()
    search.tell(failed, math.nan)
    search.tell(good, -5.0)
    for _ in range(10):
        assert search.space.distance(search.ask().architecture, good.architecture) == 1


def test_evaluates_nothing_twice_until_everything_is_known(drive: Any) -> None:
    search = drive(GeneticAlgorithm(), initial=10)
    proposed = []
    for _ in range(1_000):
        trial = search.ask()
        proposed.append(trial.architecture)
        search.tell(trial, float(trial.architecture.sum()))
    assert len(np.unique(search.space.key(np.array(proposed)))) == 1_000
    search.strategy._known.run_all(np.concatenate(list(search.space.enumerate())))
    for _ in range(30):
        search.tell(search.ask(), 1.0)
