"""Brackets by hand."""

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

from nasbench.search.brackets import Bracket
from nasbench.search.halving import SuccessiveHalving

CELLS = np.eye(6, dtype=np.int8)


def test_a_bracket_by_hand() -> None:
    """Of four the two best go on, the better one first, and the earlier of equals; of these, one."""
    bracket = Bracket(1, [4, 2, 1])
    assert [bracket.take() for _ in range(4)] == [None] * 4
    assert bracket.rung == 1 and bracket.size == 4 and not bracket.vacant
    for number, score in ((3, 5.0), (0, 1.0), (2, 7.0), (1, 5.0)):
        assert not bracket.vacant
        bracket.tell(score, number, CELLS[number])
    assert bracket.rung == 2 and bracket.size == 2 and not bracket.takes_new
    np.testing.assert_array_equal([bracket.take(), bracket.take()], CELLS[[2, 1]])
    bracket.tell(0.0, 4, CELLS[2])
    bracket.tell(1.0, 5, CELLS[1])
    np.testing.assert_array_equal(bracket.take(), CELLS[1])
    assert not bracket.finished
    bracket.tell(math.nan, 6, CELLS[1])
    assert bracket.finished


def test_failed_trainings_never_go_on() -> None:
    bracket = Bracket(0, [3, 2, 1])
    for number, score in enumerate((math.nan, 1.0, math.nan)):
        bracket.take()
        bracket.tell(score, number, CELLS[number])
    assert bracket.size == 1 and not bracket.finished
    bracket.take()
    bracket.tell(math.nan, 3, CELLS[1])
    assert bracket.finished, "nothing is left to go on"


def test_with_one_worker_a_bracket_ends_before_the_next_begins(drive: Any) -> None:
    search = drive(SuccessiveHalving(), fidelities=(1, 3, 9))
    asked = []
    for _ in range(39):
        trial = search.ask()
        asked.append((trial.tag[0], trial.epochs))
        search.tell(trial, float(trial.architecture.sum()))
    bracket = [1] * 9 + [3] * 3 + [9]
    assert asked == [(number, epochs) for number in (1, 2, 3) for epochs in bracket]


def test_workers_that_would_idle_start_the_next_bracket(drive: Any) -> None:
    search = drive(SuccessiveHalving(), fidelities=(1, 3, 9), workers=12)
    running = search.strategy.ask(12)
    assert Counter(trial.tag[0] for trial in running) == {1: 9, 2: 3}
    for trial in running[:9]:
        search.tell(trial, float(trial.tag[1]))
    promoted = search.strategy.ask(4)
    assert [(trial.tag[0], trial.epochs) for trial in promoted] == [(1, 3)] * 3 + [(2, 1)]
    np.testing.assert_array_equal(
        [trial.architecture for trial in promoted[:3]], [t.architecture for t in running[8:5:-1]]
    )


@pytest.mark.parametrize("initial", [4, 9, 10, 25])
def test_initial_designs_are_the_first_of_lowest_rungs(drive: Any, initial: int) -> None:
    search = drive(SuccessiveHalving(), initial=initial, fidelities=(1, 3, 9))
    trials = []
    for _ in range(50):
        trials.append(search.ask())
        search.tell(trials[-1], float(trials[-1].tag[1]))
    np.testing.assert_array_equal([trial.architecture for trial in trials[:initial]], search.strategy.problem.initial)
    assert [trial.epochs for trial in trials[:initial]] == [1] * initial
    sizes = Counter((trial.tag[0], trial.epochs) for trial in trials)
    for number in range(1, max(trial.tag[0] for trial in trials)):
        assert [sizes[number, epochs] for epochs in (1, 3, 9)] == [9, 3, 1]
