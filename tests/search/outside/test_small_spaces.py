"""Every library goes on in a space of six architectures."""

import math
from typing import Any

import numpy as np
import pytest

from nasbench.search import Outcome, strategies
from nasbench.spaces.choices import ChoiceSpace

SPACE = ChoiceSpace(options={"a": [1, 2], "b": [1, 2, 3]})


@pytest.mark.parametrize("name", ["optuna", "nevergrad", "pymoo", pytest.param("smac", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("workers", "initial"), [(1, 0), (4, 10)])
def test_goes_on(problem: Any, name: str, workers: int, initial: int) -> None:
    pytest.importorskip(name)
    strategy = strategies.create(name).start(problem(SPACE, initial, workers=workers), np.random.default_rng(0))
    running: list[Any] = []
    best = False
    for told in range(12):
        running += strategy.ask(workers - len(running))
        trial = running.pop(told % len(running))
        best |= trial.architecture.tolist() == [1, 2]
        score = math.nan if told % 5 == 4 else float(trial.architecture.sum())
        strategy.tell(trial, Outcome((score,), 1.0, trial.epochs, np.array([score])))
    assert best, "6 architectures and 12 evaluations"
