"""Successive halving: exactly the best 1/eta of each rung go on."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.search.halving import SuccessiveHalving
from nasbench.spaces import spaces
from nasbench.testing import check_strategy


@pytest.mark.parametrize(("eta", "size"), [(2, None), (3, None), (3, 20), (4, 50)])
@pytest.mark.parametrize("workers", [1, 5])
def test_exactly_the_best_go_on(drive: Any, eta: int, size: int | None, workers: int) -> None:
    """Scores are noise that differs between rungs; trials are told out of order."""
    search = drive(SuccessiveHalving(eta, size), fidelities=(1, 2, 3, 4, 8, 16, 27, 64), workers=workers)
    rng, rungs = np.random.default_rng(3), search.strategy._rungs
    told: list[dict[bytes, float]] = [{} for _ in rungs]
    running: list[Any] = []
    for _ in range(300):
        running += search.strategy.ask(workers - len(running))
        trial = running.pop(rng.integers(len(running)))
        score = rng.normal()
        if trial.tag[0] == 1:
            told[rungs.index(trial.epochs)][trial.architecture.tobytes()] = score
        search.tell(trial, score)
    first = eta ** (len(rungs) - 1) if size is None else size
    assert len(told[0]) == first
    for lower, upper in pairwise(told):
        best = sorted(lower, key=lower.__getitem__, reverse=True)[: max(len(lower) // eta, 1)]
        assert set(upper) == set(best)


def test_the_last_rung_is_reached_when_most_fail(drive: Any) -> None:
    search = drive(SuccessiveHalving(), fidelities=(1, 3, 9))
    epochs = []
    for number in range(11):
        trial = search.ask()
        epochs.append(trial.epochs)
        search.tell(trial, math.nan if 0 < number < 9 else 1.0)
    assert epochs == [1] * 9 + [3, 9], "the only one that did not fail goes on, to the end"


def test_one_fidelity_is_random_search_of_full_trainings(drive: Any) -> None:
    search = drive(SuccessiveHalving(), fidelities=(5,))
    trials = search.strategy.ask(30)
    assert {trial.epochs for trial in trials} == {5} and len({trial.tag for trial in trials}) == 30
    assert len(np.unique([trial.architecture for trial in trials], axis=0)) == 30


def test_settings_are_checked() -> None:
    with pytest.raises(InputError, match="size must be a whole number of at least 1, got 0"):
        SuccessiveHalving(size=0)
    with pytest.raises(InputError, match="eta must be a whole number of at least 2, got 1"):
        SuccessiveHalving(1)


def test_contract() -> None:
    check_strategy(SuccessiveHalving(2, 7), spaces.create("nb201"))
