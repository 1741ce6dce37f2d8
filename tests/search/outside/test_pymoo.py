"""Algorithms of pymoo: what they are told, and the contract."""

import sys
from typing import Any

import numpy as np
import pytest

from nasbench.errors import InputError, MissingExtraError
from nasbench.search import Outcome, strategies
from nasbench.search.outside.pymoo import PymooAlgorithm
from nasbench.search.problem import Constraint, Objective
from nasbench.spaces import spaces
from nasbench.testing import check_strategy

pytest.importorskip("pymoo")
OBJECTIVES = (Objective("accuracy", "percent", "maximise"), Objective("latency", "ms", "minimise"))


def test_a_generation_by_hand(problem: Any) -> None:
    """Four members, one of which fails and one of which breaks the limit of 6: these two break a constraint each."""
    space = spaces.create("nb201")
    designs = np.array([[0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 2], [0, 0, 0, 0, 0, 3], [2, 2, 2, 2, 2, 2]], dtype=np.int8)
    limited = problem(
        space,
        designs,
        objectives=OBJECTIVES,
        constraints=(Constraint("size", high=6.0),),
        lookup=lambda name, genotypes: genotypes.sum(axis=1).astype(float),
    )
    strategy: Any = PymooAlgorithm(population=4).start(limited, np.random.default_rng(0))
    asked = strategy.ask(4)
    strategy.ask()  # the library suggests the designs, which run: it waits for them
    generation = strategy._generation
    for trial, scores in zip(asked, [(1.0, -9.0), (np.nan, -8.0), (3.0, -7.0), (4.0, -6.0)], strict=True):
        strategy.tell(trial, Outcome(scores, 1.0, 1, np.array(scores[:1])))
    np.testing.assert_array_equal(generation.get("F"), [[-1, 9], [-1, 9], [-3, 7], [-4, 6]])
    np.testing.assert_array_equal(generation.get("G"), [[-1, -5], [1, -4], [-1, -3], [-1, 6]])


@pytest.mark.parametrize("algorithm", ["nsga2", "sms-emoa", "ga"])
def test_contract(algorithm: str) -> None:
    spec = f"pymoo+algorithm={algorithm}+population=6"
    check_strategy(strategies.create(spec), spaces.create("nb201"), evaluations=24)


def test_learns() -> None:
    check_strategy(strategies.create("pymoo+algorithm=ga"), spaces.create("nb201"), evaluations=80, learns=True)


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="an algorithm is one of nsga2, sms-emoa, ga; got 'moead'"):
        PymooAlgorithm("moead")
    with pytest.raises(InputError, match="population must be a whole number of at least 2, got 1"):
        PymooAlgorithm(population=1)
    monkeypatch.setitem(sys.modules, "pymoo", None)
    with pytest.raises(MissingExtraError, match=r"needs pymoo: pip install 'nasbench\[pymoo\]'"):
        PymooAlgorithm()
