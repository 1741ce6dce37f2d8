"""Optimisers of Nevergrad: what they are told, and the contract."""

import sys
from typing import Any

import numpy as np
import pytest

from nasbench.errors import InputError, MissingExtraError
from nasbench.search import Outcome, strategies
from nasbench.search.outside.nevergrad import NevergradOptimiser
from nasbench.spaces import spaces
from nasbench.testing import check_strategy

pytest.importorskip("nevergrad")


def test_losses_by_hand(problem: Any) -> None:
    """A design of 3 percent costs -3, a failed training as much as the worst so far, and 5 percent cost -5."""
    space = spaces.create("nb201")
    strategy: Any = NevergradOptimiser("DiscreteOnePlusOne").start(problem(space, 1), np.random.default_rng(0))
    told = []
    tell = strategy._optimiser.tell
    strategy._optimiser.tell = lambda candidate, loss, **more: (
        told.append((candidate.value, loss)) or tell(candidate, loss, **more)
    )
    asked = []
    for score in (3.0, np.nan, 5.0):
        (trial,) = strategy.ask()
        asked.append(tuple(trial.architecture.tolist()))
        strategy.tell(trial, Outcome((score,), 1.0, 1, np.array([score])))
    assert told == list(zip(asked, [-3.0, -3.0, -5.0], strict=True))


def test_optimisers_that_take_no_designs(problem: Any) -> None:
    """Evolution of several parents begins with its own."""
    space = spaces.create("nb201")
    strategy = NevergradOptimiser("RandomSearch").start(problem(space, 3), np.random.default_rng(0))
    for score in range(6):
        (trial,) = strategy.ask()
        strategy.tell(trial, Outcome((float(score),), 1.0, 1, np.array([float(score)])))


@pytest.mark.parametrize("optimizer", ["NGOpt", "TwoPointsDE"])
def test_contract(optimizer: str) -> None:
    check_strategy(strategies.create(f"nevergrad+optimizer={optimizer}"), spaces.create("nb201"), evaluations=10)


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="Nevergrad has no optimizer 'NGopt'; close to it: NGOpt"):
        NevergradOptimiser("NGopt")
    monkeypatch.setitem(sys.modules, "nevergrad", None)
    with pytest.raises(MissingExtraError, match=r"needs nevergrad: pip install 'nasbench\[nevergrad\]'"):
        NevergradOptimiser()
