"""What a strategy may know, and texts that state no limit."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.errors import InputError
from nasbench.predictors import Inputs
from nasbench.search import Problem
from nasbench.search.problem import Budget, Constraint, Objective, Prior
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")


def test_scores_turn_the_sign_where_less_is_better() -> None:
    assert Objective("accuracy", "percent", "maximise").sign == 1
    assert Objective("latency", "milliseconds", "minimise").sign == -1


def test_texts_of_constraints() -> None:
    assert Constraint.parse("latency<=0.6") == Constraint("latency", high=0.6)
    assert Constraint.parse(" phone/latency >= -1e4 ") == Constraint("phone/latency", low=-1e4)
    assert str(Constraint("latency", high=0.6)) == "latency<=0.6"
    assert str(Constraint("latency", 0.5, 0.6)) == "latency>=0.5, latency<=0.6"


@given(st.sampled_from(["latency", "phone/latency", "a b"]), st.sampled_from(["<=", ">="]), st.floats(-1e9, 1e9))
def test_what_is_parsed_is_what_was_written(metric: str, sign: str, number: float) -> None:
    found = Constraint.parse(f"{metric}{sign}{number!r}")
    low, high = (-math.inf, number) if sign == "<=" else (number, math.inf)
    assert found == Constraint(metric, low, high)


@pytest.mark.parametrize(
    "text",
    ["", "latency", "latency<0.6", "latency=1", "<=3", "latency<=", "latency<=fast", "latency<=nan", "latency>=inf",
     "1<=latency<=2", "latency=<1"],
)  # fmt: skip
def test_texts_that_state_no_constraint(text: str) -> None:
    with pytest.raises(InputError) as caught:
        Constraint.parse(text)
    assert str(caught.value) == f"a limit is written METRIC<=NUMBER or METRIC>=NUMBER, got {text!r}"


def test_bounds_belong_to_what_is_allowed() -> None:
    values = np.array([0.9, 1.0, 1.5, 2.0, 2.1, np.nan])
    assert Constraint("x", 1, 2).holds(values).tolist() == [False, True, True, True, False, False]
    assert Constraint("x", high=1).holds(values).tolist() == [True, True, False, False, False, False]


def test_static_metrics_are_looked_up(problem: Callable[..., Problem]) -> None:
    asked = []

    def lookup(name: str, genotypes: np.ndarray) -> np.ndarray:
        asked.append(name)
        return genotypes.sum(axis=1) * (2.0 if name == "flops" else 1.0)

    cells = np.array([[0, 0, 0, 0, 0, 1], [1, 1, 1, 1, 1, 1]], dtype=np.int8)
    limited = problem(SPACE, lookup=lookup, constraints=(Constraint("flops", high=11), Constraint("nodes", low=2)))
    found = limited.columns(["nodes", "flops"], cells)
    assert {name: values.tolist() for name, values in found.items()} == {"nodes": [1, 6], "flops": [2, 12]}
    assert limited.feasible(cells).tolist() == [False, False]
    assert limited.feasible(cells[:1] * 2).tolist() == [True]
    assert asked == ["nodes", "flops", "flops", "nodes", "flops", "nodes"]


def test_a_problem_without_static_metrics(problem: Callable[..., Problem]) -> None:
    plain = problem(SPACE)
    assert plain.columns([], SPACE.sample(2, np.random.default_rng(0))) == {}
    assert plain.feasible(SPACE.sample(2, np.random.default_rng(0))).tolist() == [True, True]
    with pytest.raises(InputError, match="no static metrics, so 'flops' cannot be looked up"):
        plain.columns(["flops"], SPACE.sample(2, np.random.default_rng(0)))


def test_no_initial_designs_have_the_shape_of_the_space(problem: Callable[..., Problem]) -> None:
    assert problem(SPACE).initial.shape == (0, 6)
    assert problem(SPACE, 3).initial.shape == (3, 6)


def test_budgets_have_a_limit() -> None:
    with pytest.raises(InputError, match="give evaluations, epochs or seconds"):
        Budget()
    assert Budget(epochs=1).evaluations is None


def test_arrays_of_a_problem_are_read_only(problem: Callable[..., Problem]) -> None:
    cells = SPACE.sample(3, np.random.default_rng(0))
    related = ((Inputs.of(SPACE, cells), np.arange(3.0)),)
    given = problem(SPACE, cells, related=related, prior=Prior((np.ones(5),) * 6))
    assert given.prior is not None
    ((inputs, targets),) = given.related
    for array in (given.initial, inputs.genotypes, targets, *given.prior.weights):
        assert not array.flags.writeable
    assert cells.flags.writeable and related[0][1].flags.writeable
