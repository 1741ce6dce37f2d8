"""Hyperband: the brackets of its paper."""

from typing import Any

import numpy as np
import pytest

from nasbench.search.hyperband import Hyperband
from nasbench.spaces import spaces
from nasbench.testing import check_strategy

PUBLISHED = {  # Table 1: trials and epochs of each rung where R = 81 and eta = 3
    1: {1: 81, 3: 27, 9: 9, 27: 3, 81: 1},
    2: {3: 34, 9: 11, 27: 3, 81: 1},
    3: {9: 15, 27: 5, 81: 1},
    4: {27: 8, 81: 2},
    5: {81: 5},
}


@pytest.mark.parametrize("workers", [1, 7])
def test_brackets_of_the_paper(drive: Any, workers: int) -> None:
    search = drive(Hyperband(), fidelities=tuple(range(1, 82)), workers=workers)
    brackets: dict[int, dict[int, int]] = {}
    rng = np.random.default_rng(0)
    running: list[Any] = []
    for _ in range(800):
        running += search.strategy.ask(workers - len(running))
        trial = running.pop(rng.integers(len(running)))
        rungs = brackets.setdefault(trial.tag[0], {})
        rungs[trial.epochs] = rungs.get(trial.epochs, 0) + 1
        search.tell(trial, rng.normal())
    again = {number + 5: rungs for number, rungs in PUBLISHED.items()}
    done = {number: brackets[number] for number in range(1, 11)}
    assert done == {**PUBLISHED, **again}


def test_initial_designs_beyond_the_first_bracket_start_the_second(drive: Any) -> None:
    """The first of nine at one epoch, the second of five at three: ten designs, and then what they promote."""
    search = drive(Hyperband(), initial=10, fidelities=tuple(range(1, 9)))
    epochs = []
    for _ in range(10 + 4 + 5 + 3):
        trial = search.ask()
        epochs.append((trial.tag[0], trial.epochs))
        search.tell(trial, float(trial.tag[1]))
    assert epochs == [(1, 1)] * 9 + [(2, 3)] + [(1, 3)] * 3 + [(1, 8)] + [(2, 3)] * 4 + [(2, 8)] + [(3, 8)] * 3


def test_proposes_nothing_new_twice(drive: Any) -> None:
    search = drive(Hyperband(), fidelities=(1, 3, 9))
    lowest = []
    for _ in range(200):
        trial = search.ask()
        if trial.epochs == 1:
            lowest.append(trial.architecture)
        search.tell(trial, float(trial.architecture.sum()))
    assert len(np.unique(lowest, axis=0)) == len(lowest)


def test_contract() -> None:
    check_strategy(Hyperband(2), spaces.create("nb201"))
