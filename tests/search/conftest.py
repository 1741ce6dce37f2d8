"""A problem, and a driver that asks and tells a strategy by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nasbench.search import Outcome, Problem, Strategy, Trial
from nasbench.search.problem import Budget, Objective
from nasbench.spaces import spaces
from nasbench.spaces.base import Space


def make_problem(space: Space, initial: Any = 0, **settings: Any) -> Problem:
    """One objective and one fidelity; `initial` is a number of random designs, or the designs themselves."""
    if isinstance(initial, int):
        initial = space.sample(initial, np.random.default_rng(5)) if initial else np.empty((0, 0), dtype=np.int8)
    objectives = (Objective("score", "none", "maximise"),)
    defaults = {"objectives": objectives, "fidelities": (1,), "budget": Budget(evaluations=100)}
    return Problem(space=space, initial=initial, **{**defaults, **settings})


class Driver:
    """Starts a strategy, asks it for one trial at a time, and tells scores of full trainings."""

    def __init__(self, strategy: Strategy, space: str = "nb201", initial: Any = 0, **settings: Any) -> None:
        self.space = spaces.create(space)
        self.strategy = strategy.start(make_problem(self.space, initial, **settings), np.random.default_rng(0))

    def ask(self) -> Trial:
        (trial,) = self.strategy.ask()
        return trial

    def tell(self, trial: Trial, score: float) -> None:
        self.strategy.tell(trial, Outcome((score,), 1.0, trial.epochs, np.array([score])))


@pytest.fixture(scope="session")
def problem() -> Callable[..., Problem]:
    return make_problem


@pytest.fixture(scope="session")
def drive() -> type[Driver]:
    return Driver
