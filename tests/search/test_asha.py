"""Asynchronous successive halving."""

import numpy as np

from nasbench.search.asha import ASHA
from nasbench.search.base import Outcome, Trial
from nasbench.search.problem import Budget, Objective, Problem
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")


def started(fidelities: tuple[int, ...], eta: int = 3) -> ASHA:
    objective = Objective("score", "percent", "maximise")
    problem = Problem(SPACE, (objective,), fidelities, Budget(evaluations=99))
    return ASHA(eta).start(problem, np.random.default_rng(0))


def tell(strategy: ASHA, trial: Trial, score: float) -> None:
    strategy.tell(trial, Outcome((score,), 1.0, trial.epochs, np.array([score])))


def test_promotions_by_hand() -> None:
    """Of three told at one epoch the best goes on to three; six promote one more, and three at three epochs to nine."""
    strategy = started((1, 3, 9))
    first = strategy.ask(3)
    assert [trial.epochs for trial in first] == [1, 1, 1]
    for trial, score in zip(first, (1.0, 3.0, 2.0), strict=True):
        tell(strategy, trial, score)
    (promoted,) = strategy.ask()
    assert promoted.epochs == 3
    assert np.array_equal(promoted.architecture, first[1].architecture)
    more = strategy.ask(3)
    assert [trial.epochs for trial in more] == [1, 1, 1]
    for trial, score in zip(more, (0.0, np.nan, 2.5), strict=True):
        tell(strategy, trial, score)
    (second,) = strategy.ask()
    assert second.epochs == 3
    assert np.array_equal(second.architecture, more[2].architecture)
    assert strategy.ask()[0].epochs == 1


def test_failed_trainings_are_never_promoted() -> None:
    """Two of six may go on, but five failed: the sound one goes on, and then new ones are asked."""
    strategy = started((1, 3, 9))
    first = strategy.ask(6)
    for trial, score in zip(first, (np.nan, np.nan, np.nan, 1.0, np.nan, np.nan), strict=True):
        tell(strategy, trial, score)
    (promoted,) = strategy.ask()
    assert promoted.epochs == 3
    assert np.array_equal(promoted.architecture, first[3].architecture)
    assert [trial.epochs for trial in strategy.ask(4)] == [1, 1, 1, 1]


def test_rungs_are_fidelities() -> None:
    assert started((1, 2, 3, 4, 5, 6, 7, 8))._rungs == [1, 3, 8]
    assert started((4, 12, 36, 108))._rungs == [4, 12, 36, 108]
    assert started((7,))._rungs == [7]


def test_initial_designs_start_at_the_lowest_rung() -> None:
    objective = Objective("score", "percent", "maximise")
    designs = SPACE.decode(np.arange(2))
    problem = Problem(SPACE, (objective,), (1, 4), Budget(evaluations=9), initial=designs)
    assert [trial.epochs for trial in ASHA().start(problem, np.random.default_rng(0)).ask(2)] == [1, 1]
