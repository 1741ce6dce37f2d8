"""Random numbers of runs, and the designs that all strategies of a repeat share."""

from typing import Any

import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.search.problem import Constraint
from nasbench.simulator.evaluator import Evaluator, QueryEvaluator, TabulatedEvaluator
from nasbench.simulator.streams import initial_designs, rng_for


def test_streams_are_independent_of_each_other() -> None:
    draws = {
        rng_for(*key).random()
        for key in [(0, "a", "x", 0), (0, "a", "x", 1), (0, "a", "y", 0), (0, "b", "x", 0), (1, "a", "x", 0)]
    }
    assert len(draws) == 5
    assert rng_for(0, "a", "x", 0).random() == rng_for(0, "a", "x", 0).random()


def test_designs_are_different_architectures(formula: Any) -> None:
    evaluator = QueryEvaluator(formula(), ["validation_score"])
    designs = initial_designs(evaluator, 50, 0, 0)
    assert designs.shape == (50, 6)
    assert len(set(evaluator.space.key(designs).tolist())) == 50
    assert not np.array_equal(designs, initial_designs(evaluator, 50, 0, 1))
    assert initial_designs(evaluator, 0, 0, 0).shape == (0, 6)


def test_designs_are_the_whole_space_where_as_many_are_asked_for(formula: Any) -> None:
    evaluator = TabulatedEvaluator(formula(), ["validation_score"])
    keys = np.unique(evaluator.space.key(formula().architectures()))
    designs = initial_designs(evaluator, len(keys), 0, 0)
    np.testing.assert_array_equal(np.sort(evaluator.space.key(designs)), keys)
    assert len(initial_designs(evaluator, len(keys) + 1, 0, 0)) == len(keys)


@pytest.mark.parametrize("kind", [TabulatedEvaluator, QueryEvaluator])
def test_designs_meet_the_constraints(formula: Any, kind: type[Evaluator]) -> None:
    """One cell in 156 has fewer than 101 parameters, so one batch of samples holds too few."""
    evaluator = kind(formula(), ["validation_score"], [Constraint("parameters", high=100)])
    designs = initial_designs(evaluator, 10, 0, 0)
    assert designs.shape == (10, 6)
    assert (evaluator.space.code(designs) < 100).all()
    assert len(set(evaluator.space.key(designs).tolist())) == 10
    assert initial_designs(evaluator, 0, 0, 0).shape == (0, 6)


def test_constraints_that_all_meet_change_no_design(formula: Any) -> None:
    free, bound = (TabulatedEvaluator(formula(), ["validation_score"], limits) for limits in ((), WIDE))
    np.testing.assert_array_equal(initial_designs(free, 10, 0, 3), initial_designs(bound, 10, 0, 3))


WIDE = (Constraint("parameters", low=0),)


def test_constraints_that_hardly_any_meets(formula: Any) -> None:
    benchmark = formula()
    benchmark.formulas["parameters"] = lambda g, epoch: np.where(benchmark.space.code(g) == 3, 1.0, 2.0)
    evaluator = TabulatedEvaluator(benchmark, ["validation_score"], [Constraint("parameters", high=1)])
    with pytest.raises(InputError, match=r"none of 800 random architectures meets parameters<=1; widen the limits"):
        initial_designs(evaluator, 1, 0, 0)
