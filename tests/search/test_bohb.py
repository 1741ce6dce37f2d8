"""BOHB: which rung and which trials its densities learn from, and that it learns."""

import math
from typing import Any

import numpy as np
import pytest

from nasbench.search.bohb import BOHB
from nasbench.search.hyperband import Hyperband
from nasbench.spaces import spaces
from nasbench.testing import check_strategy


def play(drive: Any, strategy: BOHB, n: int, **settings: Any) -> Any:
    search = drive(strategy, fidelities=(1, 3, 9), **settings)
    for _ in range(n):
        trial = search.ask()
        search.tell(trial, float((trial.architecture == 3).sum()))
    return search


def test_learns_from_the_highest_rung_with_enough_trials(drive: Any) -> None:
    """Nine trials are enough for the six positions of a cell; they are reached at 1, 3 and 9 epochs in this order."""
    search = drive(BOHB(), fidelities=(1, 3, 9))
    counts, learnt = {1: 0, 3: 0, 9: 0}, []
    for _ in range(60):
        ranked = search.strategy._highest_rung()
        enough = [epochs for epochs, count in counts.items() if count >= 9]
        assert (ranked is None) == (not enough)
        if ranked is not None:
            assert len(ranked) == counts[max(enough)]
            learnt.append(max(enough))
        trial = search.ask()
        counts[trial.epochs] += 1
        search.tell(trial, float((trial.architecture == 3).sum()))
    assert list(dict.fromkeys(learnt)) == [1, 3, 9]


def test_failed_trainings_do_not_count_and_are_the_worst(drive: Any) -> None:
    search = drive(BOHB(), fidelities=(5,))
    trials = search.strategy.ask(12)
    for number, trial in enumerate(trials):
        assert search.strategy._highest_rung() is None
        search.tell(trial, math.nan if number in (1, 4, 7) else float(number))
    order = [11, 10, 9, 8, 6, 5, 3, 2, 0, 1, 4, 7]
    np.testing.assert_array_equal(search.strategy._highest_rung(), [trials[row].architecture for row in order])


@pytest.mark.parametrize(("n", "good", "bad"), [(9, 7, 7), (20, 7, 13), (100, 15, 85)])
def test_good_and_bad_by_hand(drive: Any, n: int, good: int, bad: int) -> None:
    strategy = drive(BOHB()).strategy
    ranked = strategy.space.sample(n, np.random.default_rng(0))
    best, worst = strategy._split(ranked)
    np.testing.assert_array_equal(best, ranked[:good])
    np.testing.assert_array_equal(worst, ranked[n - bad :])


def test_rungs_are_those_of_hyperband(drive: Any) -> None:
    searches = [drive(strategy, fidelities=(1, 3, 9)) for strategy in (BOHB(), Hyperband())]
    for _ in range(100):
        trials = [search.ask() for search in searches]
        assert len({(trial.tag, trial.epochs) for trial in trials}) == 1
        for search, trial in zip(searches, trials, strict=True):
            search.tell(trial, float((trial.architecture == 3).sum()))


def test_samples_concentrate_on_what_is_good(drive: Any) -> None:
    strategy = play(drive, BOHB(random_fraction=0), 150).strategy
    proposals = np.array([strategy._sample() for _ in range(30)])
    assert (proposals == 3).mean() > 0.5, "where uniform samples have a fifth"
    assert len(np.unique(proposals, axis=0)) == 30


def test_samples_are_repaired(drive: Any) -> None:
    search = drive(BOHB(random_fraction=0), "nb101", fidelities=(1,))
    for number in range(80):
        trial = search.ask()
        search.space.check(trial.architecture[None])
        search.tell(trial, float(number % 7))


def test_the_unit_of_the_metric_does_not_matter(drive: Any) -> None:
    runs = []
    for unit in (0.25, 1.0, 1024.0):
        search = drive(BOHB(), fidelities=(1, 3, 9))
        run = []
        for _ in range(60):
            trial = search.ask()
            run.append(trial.architecture.tolist())
            search.tell(trial, unit * float(trial.architecture.sum()))
        runs.append(run)
    assert runs[0] == runs[1] == runs[2]


def test_contract() -> None:
    check_strategy(BOHB(2, good=0.3), spaces.create("nb201"), evaluations=100, learns=True)
