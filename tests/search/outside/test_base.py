"""What a library is asked and told, with a made-up library whose suggestions are written down."""

import math
from typing import Any

import numpy as np
import pytest

from nasbench.errors import MissingExtraError
from nasbench.search import Outcome, Trial
from nasbench.search.outside.base import OutsideStrategy, Result, Suggestion, library
from nasbench.search.problem import Constraint
from nasbench.spaces import spaces
from nasbench.spaces.choices import ChoiceSpace

TWO = ChoiceSpace(options={"a": ["no", "yes"]})
SQUARE = ChoiceSpace(options={"a": ["no", "yes"], "b": [1, 2, 3]})


class Scripted(OutsideStrategy):
    """Suggests what it is given, then waits; notes what it is told."""

    def __init__(self, script: Any) -> None:
        self.script = script

    def _open(self, seed: int) -> None:
        self.left = list(enumerate(self.script))
        self.told: list[Any] = []

    def _suggest(self) -> Suggestion | None:
        return Suggestion(*self.left.pop(0)) if self.left else None

    def _report(self, token: Any, result: Result) -> None:
        self.told.append((token, result.costs))

    def _inform(self, architecture: Any, result: Result) -> None:
        self.told.append((architecture.tolist(), result.costs))


def begin(problem: Any, space: Any, script: Any, **settings: Any) -> Scripted:
    strategy = Scripted(script)
    strategy.start(problem(space, **settings), np.random.default_rng(0))
    return strategy


def tell(strategy: Scripted, trial: Trial, score: float) -> None:
    strategy.tell(trial, Outcome((score,), 1.0, 1, np.array([score])))


def ask(strategy: Scripted) -> Trial:
    (trial,) = strategy.ask()
    return trial


def test_costs_are_scores_turned_round_and_repeats_are_free(problem: Any) -> None:
    strategy = begin(problem, TWO, [[1], [1], [1], [0]])
    first = ask(strategy)
    assert first.architecture.tolist() == [1]
    tell(strategy, first, 3.0)
    assert strategy.told == [(0, (-3.0,))]
    second = ask(strategy)
    assert second.architecture.tolist() == [0]
    assert strategy.told == [(0, (-3.0,)), (1, (-3.0,)), (2, (-3.0,))]


def test_a_repeat_of_what_runs_is_told_with_it(problem: Any) -> None:
    strategy = begin(problem, TWO, [[1], [1], [0]])
    first, second = ask(strategy), ask(strategy)
    assert (first.architecture.tolist(), second.architecture.tolist()) == ([1], [0])
    tell(strategy, second, math.nan)
    assert strategy.told == [(2, None)]
    tell(strategy, first, 2.0)
    assert strategy.told == [(2, None), (0, (-2.0,)), (1, (-2.0,))]


def test_initial_designs_are_told_and_not_asked_again(problem: Any) -> None:
    strategy = begin(problem, TWO, [[0], [1]], initial=np.array([[0]], dtype=np.int8))
    design = ask(strategy)
    other = ask(strategy)
    assert other.architecture.tolist() == [1]
    tell(strategy, design, 5.0)
    assert strategy.told == [(0, (-5.0,))], "suggested while it ran"


def test_a_design_that_was_not_suggested(problem: Any) -> None:
    strategy = begin(problem, TWO, [[1]], initial=np.array([[0]], dtype=np.int8))
    tell(strategy, ask(strategy), 5.0)
    assert strategy.told == [([0], (-5.0,))]


def test_waits_while_something_runs_and_draws_otherwise(problem: Any) -> None:
    strategy = begin(problem, TWO, [[1]])
    first = ask(strategy)
    assert strategy.ask() == []
    tell(strategy, first, 1.0)
    drawn = ask(strategy)
    assert drawn.architecture.tolist() == [0], "the only new one"


def test_draws_after_many_repeats(problem: Any) -> None:
    strategy = begin(problem, SQUARE, [[1, 1]] * 40)
    tell(strategy, ask(strategy), 1.0)
    assert ask(strategy).architecture.tolist() != [1, 1]
    assert len(strategy.told) == 33, "the training and 32 repeats"


def test_broken_constraints_are_told_without_a_training(problem: Any) -> None:
    results: list[Result] = []

    class Noted(Scripted):
        def _report(self, token: Any, result: Result) -> None:
            results.append(result)

    def size(name: str, genotypes: Any) -> Any:
        return genotypes[:, 1] * 10.0

    strategy = Noted([[1, 2], [0, 0]])
    limits = (Constraint("size", high=15.0),)
    strategy.start(problem(SQUARE, constraints=limits, lookup=size), np.random.default_rng(0))
    trial = ask(strategy)
    assert trial.architecture.tolist() == [0, 0]
    tell(strategy, trial, 1.0)
    assert results == [Result(None, (5.0,)), Result((-1.0,), (-15.0,))]


def test_what_is_no_architecture_has_no_cost(problem: Any) -> None:
    """NAS-Bench-101 cells of 9 edges at most: the graph of all 21 edges cannot be repaired."""
    space = spaces.create("nb101")
    cell = space.sample(1, np.random.default_rng(0))[0].tolist()
    full = [number - 1 for number in space.cardinalities]
    assert not space.repair(np.array([full], dtype=np.int8))[1][0]
    strategy = begin(problem, space, [full, cell])
    trial = ask(strategy)
    assert trial.architecture.tolist() == cell
    assert strategy.told == [(0, None)]


def test_a_missing_library_names_the_extra() -> None:
    with pytest.raises(MissingExtraError) as error:
        library("no_such_library.part", "mine", "some")
    assert str(error.value) == "the strategy mine needs no_such_library: pip install 'nasbench[some]'"
