"""Differential evolution by hand."""

import math
from typing import Any

import numpy as np

from nasbench.search.differential import DifferentialEvolution, challengers
from nasbench.search.problem import Constraint
from nasbench.search.relaxed import to_genotypes


class KnownDraws:
    """A generator whose numbers are given, in the order in which `challengers` draws them."""

    def __init__(self, draws: list[np.ndarray], forced: int) -> None:
        self.draws, self.forced = draws, forced

    def random(self, shape: tuple[int, ...]) -> np.ndarray:
        return np.broadcast_to(self.draws.pop(0), shape).copy()

    def integers(self, high: int, size: int) -> np.ndarray:
        return np.full(size, self.forced)


def test_challenger_by_hand() -> None:
    """0.2 + 0.5 (0.9 - 0.3) = 0.5 where crossed, 0.9 + 0.5 (0.9 - 0.1) = 1.3 is drawn anew, the third is kept."""
    vectors = np.array([[0.0, 0.0, 0.7], [0.2, 0.9, 0.5], [0.9, 0.9, 0.5], [0.3, 0.1, 0.5]])
    rng: Any = KnownDraws([np.array([0.0, 0.1, 0.2, 0.3]), np.array([0.6]), np.array([0.1, 0.9, 0.9])], 1)
    found = challengers(vectors, np.array([0]), 0.5, 0.5, rng)
    np.testing.assert_allclose(found, [[0.5, 0.6, 0.7]])


def test_one_position_at_least_is_that_of_the_mixture() -> None:
    vectors = np.random.default_rng(0).random((5, 6))
    targets = np.arange(5).repeat(20)
    found = challengers(vectors, targets, 0.5, 0.0, np.random.default_rng(1))
    assert ((found != vectors[targets]).sum(axis=1) == 1).all()
    assert ((found >= 0) & (found < 1)).all()


def test_a_challenger_replaces_what_it_equals_or_beats(drive: Any) -> None:
    search = drive(DifferentialEvolution(population=4), initial=4)
    for trial, score in zip([search.ask() for _ in range(4)], [1.0, 2.0, math.nan, 4.0], strict=True):
        search.tell(trial, score)
    before = search.strategy._vectors.copy()
    trials = [search.ask() for _ in range(4)]
    for trial, score in zip(trials[::-1], [math.nan, -9.0, 1.5, 1.0], strict=True):
        search.tell(trial, score)
    assert search.strategy._scores == [1.0, 2.0, -9.0, 4.0]
    changed = (search.strategy._vectors != before).any(axis=1)
    assert changed.tolist() == [True, False, True, False]
    space = search.space
    np.testing.assert_array_equal(to_genotypes(space, search.strategy._vectors[:1])[0][0], trials[0].architecture)


def test_evaluates_nothing_twice_and_leaves_out_what_breaks_a_constraint(drive: Any) -> None:
    search = drive(
        DifferentialEvolution(),
        "nb101",
        constraints=(Constraint("size", high=16.0),),
        lookup=lambda name, genotypes: genotypes.sum(axis=1) * 1.0,
    )
    proposed = []
    for _ in range(500):
        trial = search.ask()
        proposed.append(trial.architecture)
        search.tell(trial, float(trial.architecture.sum()))
    assert len(np.unique(search.space.key(np.array(proposed)))) == 500
    assert max(genotype.sum() for genotype in proposed) == 16


def test_goes_on_where_everything_is_known(drive: Any) -> None:
    search = drive(DifferentialEvolution(), initial=10)
    search.strategy._known.run_all(np.concatenate(list(search.space.enumerate())))
    for _ in range(40):
        search.tell(search.ask(), 1.0)
