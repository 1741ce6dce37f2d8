"""A space that is soon exhausted: strategies repeat rather than wait, fail or loop for ever."""

import math
from typing import Any

import numpy as np
import pytest

from nasbench.search import Outcome, Trial, strategies
from nasbench.spaces.choices import ChoiceSpace

SPACE = ChoiceSpace(options={"a": [1, 2], "b": [1, 2, 3]})
NAMES = [
    name
    for name, entry in strategies.entries.items()
    if not entry.startswith(("bayesian+", "optuna+", "nasbench.search.outside"))  # the last: tests/search/outside
    and not strategies.resolve(name)[0].trains
    and name != "gradient"
]
GRADIENT = 'gradient+predictor="gnn+members=1+hidden=4+layers=1+steps=5"+steps=5+interval=20'


@pytest.mark.parametrize("name", [*NAMES, GRADIENT, "local+full=true", "tabu+full=true", "tabu+tenure=1"])
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize(("initial", "unit"), [(0, 1e-8), (10, 1e12)])
def test_goes_on(problem: Any, name: str, workers: int, initial: int, unit: float) -> None:
    strategy = strategies.create(name).start(problem(SPACE, initial, workers=workers), np.random.default_rng(0))
    running: list[Trial] = []
    best = False
    for told in range(40):
        running += strategy.ask(workers - len(running))
        assert running, "something can always run"
        trial = running.pop(told % len(running))
        score = math.nan if told % 5 == 4 else unit * float(trial.architecture.sum())
        best |= trial.architecture.tolist() == [1, 2]
        strategy.tell(trial, Outcome((score,), 1.0, trial.epochs, np.array([score])))
    assert best, "6 architectures and 40 evaluations"
