"""PASHA: crossings, rankings and growth by hand."""

import math
from typing import Any

import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.search import Outcome, Trial
from nasbench.search.asha import ASHA
from nasbench.search.pasha import PASHA, crossings, same_ranking
from nasbench.spaces import spaces
from nasbench.testing import check_strategy

FIDELITIES = (1, 2, 3, 9, 27)


def test_crossings_by_hand() -> None:
    differences = [
        [1.0, 2.0, 3.0],
        [1.0, -2.0, 3.0],
        [1.0, 0.0, 2.0],
        [1.0, 0.0, -2.0],
        [0.0, -1.0, 1.0],
        [-1.0, math.nan, 1.0],
    ]
    assert crossings(np.array(differences)).tolist() == [0, 2, 0, 1, 1, 1]


def test_rankings_by_hand() -> None:
    lower = np.array([3.0, 2.0, 1.0])
    assert same_ranking(lower, np.array([9.0, 8.0, 7.0]), 0.0)
    assert not same_ranking(lower, np.array([8.0, 9.0, 7.0]), 0.99)
    assert same_ranking(lower, np.array([8.0, 9.0, 7.0]), 1.0), "the first two are no more than one apart"
    assert not same_ranking(lower, np.array([7.0, 8.0, 9.0]), 1.0), "the last became the first"
    assert same_ranking(lower, np.array([5.0, 5.0, 5.0]), 0.0), "equal scores contradict nothing"
    assert same_ranking(np.array([2.0, 2.0, 1.0]), np.array([5.0, 6.0, 4.0]), 0.0)


def tell(strategy: PASHA, trial: Trial, curve: list[float]) -> None:
    strategy.tell(trial, Outcome((curve[-1],), 1.0, trial.epochs, np.array(curve)))


def play(drive: Any, strategy: ASHA, n: int, score: Any) -> list[int]:
    """Epochs of `n` trials whose score is a function of architecture and epochs."""
    search = drive(strategy, fidelities=FIDELITIES)
    asked = []
    for _ in range(n):
        trial = search.ask()
        asked.append(trial.epochs)
        curve = [score(trial.architecture, epochs) for epochs in FIDELITIES if epochs <= trial.epochs]
        tell(search.strategy, trial, curve)
    return asked


def test_a_stable_ranking_never_leaves_the_second_rung(drive: Any) -> None:
    def score(cell: np.ndarray, epochs: int) -> float:
        return float(cell @ 5 ** np.arange(6)) * math.log(1 + epochs)

    asked = play(drive, PASHA(), 300, score)
    assert set(asked) == {1, 3}
    assert set(play(drive, ASHA(), 300, score)) == {1, 3, 9, 27}


def test_rankings_that_turn_reach_the_last_rung(drive: Any) -> None:
    def score(cell: np.ndarray, epochs: int) -> float:
        rung = {1: 0, 2: 0, 3: 1, 9: 2, 27: 3}[epochs]
        return float((-1) ** rung * (cell @ 5 ** np.arange(6)))

    assert set(play(drive, PASHA(), 300, score)) == {1, 3, 9, 27}


def after_two_at_the_top(drive: Any, better: list[float], worse: list[float]) -> int:
    """Number of the highest rung after two trials of three epochs, the first of which was better at one epoch."""
    search = drive(PASHA(), fidelities=FIDELITIES)
    for trial, score in zip(search.strategy.ask(6), (0.0, 0.0, 0.0, 0.0, better[0], worse[0]), strict=True):
        tell(search.strategy, trial, [score])
    for trial, curve in zip(search.strategy.ask(2), (better, worse), strict=True):
        assert (trial.epochs, search.strategy._top) == (3, 1)
        tell(search.strategy, trial, curve)
    return int(search.strategy._top)


def test_grows_when_two_change_places(drive: Any) -> None:
    assert after_two_at_the_top(drive, [5.5, 6.0, 7.0], [5.0, 5.5, 6.0]) == 1
    assert after_two_at_the_top(drive, [5.5, 6.0, 6.0], [5.0, 5.5, 7.0]) == 2


def test_differences_within_the_noise_are_no_contradiction(drive: Any) -> None:
    """Two that change places after their curves crossed twice differ by 1 at the top, and below by 0.5 or by 1.5."""
    for difference, top in ((0.5, 1), (1.5, 2)):
        search = drive(PASHA(), fidelities=(1, 2, 4, 5, 9, 27))
        assert search.strategy._rungs == [1, 4, 9, 27]
        for trial, score in zip(search.strategy.ask(6), (0.0, 0.0, 0.0, 0.0, 5 + difference, 5.0), strict=True):
            tell(search.strategy, trial, [score])
        better, worse = search.strategy.ask(2)
        search.strategy._noise.append(1.0)  # of two others, say
        tell(search.strategy, better, [5 + difference, 6.0, 6.0])
        tell(search.strategy, worse, [5.0, 5.0, 7.0])
        assert search.strategy._top == top


def test_noise_is_what_curves_that_cross_twice_differ_by(drive: Any) -> None:
    """Ahead, behind, ahead: 0.25 at the end. The third crosses the first once and the second never."""
    strategy = drive(PASHA(), fidelities=FIDELITIES).strategy
    for curve in ([1.0, 2.0, 3.25], [0.5, 2.5, 3.0], [0.0, 3.0, 9.0]):
        strategy._compare(np.array(curve))
    assert strategy._noise == [0.25]


def test_failed_trainings_are_not_ranked(drive: Any) -> None:
    search = drive(PASHA(), fidelities=FIDELITIES)
    for trial in search.strategy.ask(6):
        tell(search.strategy, trial, [float(trial.tag[1])])
    for trial in search.strategy.ask(2):
        tell(search.strategy, trial, [math.nan])
    assert search.strategy._top == 1


@pytest.mark.parametrize("fidelities", [(5,), (2, 5)])
def test_few_rungs(drive: Any, fidelities: tuple[int, ...]) -> None:
    search = drive(PASHA(), fidelities=fidelities)
    for _ in range(40):
        trial = search.ask()
        assert trial.epochs in fidelities
        search.tell(trial, float(-trial.tag[1]))


def test_settings_are_checked() -> None:
    with pytest.raises(InputError, match="percentile must be a number from 0 to 100, got 101"):
        PASHA(percentile=101)


def test_contract() -> None:
    check_strategy(PASHA(2), spaces.create("nb201"))
