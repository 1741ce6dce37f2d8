"""Freeze-thaw: shares of the rungs, the line between two rungs by hand, and what is continued."""

import math
from typing import Any

import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.search.freeze_thaw import MOST_OBSERVATIONS, FreezeThaw
from nasbench.spaces import spaces
from nasbench.testing import check_strategy


def quality(trial: Any) -> float:
    return float((trial.architecture == 3).sum())


def play(drive: Any, n: int, **settings: Any) -> tuple[Any, list[Any]]:
    search = drive(FreezeThaw(predictor="ridge"), **{"fidelities": (1, 10), **settings})
    trials = []
    for _ in range(n):
        trials.append(search.ask())
        search.tell(trials[-1], quality(trials[-1]) + 0.1 * trials[-1].epochs)
    return search.strategy, trials


def test_rungs_share_the_epochs(drive: Any) -> None:
    """With rungs of 1 and 10 epochs, of which the longer pays 9 more: nine are begun for each that is continued."""
    strategy, trials = play(drive, 100)
    short, long = (sum(trial.epochs == epochs for trial in trials) for epochs in (1, 10))
    assert short + long == 100 and abs(strategy._spent[0] - strategy._spent[1]) <= 9
    assert strategy._spent == [short, 9 * long]


def test_what_is_continued_was_begun_and_is_among_the_best(drive: Any) -> None:
    _, trials = play(drive, 100)
    begun: dict[bytes, float] = {}
    for trial in trials:
        name = trial.architecture.tobytes()
        if trial.epochs == 10:
            assert quality(trial) >= np.median([*begun.values()])
            del begun[name]  # once
        else:
            begun[name] = quality(trial)


def test_the_line_between_rungs_by_hand(drive: Any) -> None:
    """Scores 1 + 2 p, of p = 0, 1, 2; then residuals of (1, -2, 1) / 3 around the line 4 / 3 + 2 p."""
    strategy, _ = play(drive, 20)
    genotypes, below = strategy.space.sample(3, np.random.default_rng(0)), np.array([0.0, 1.0, 2.0])
    link = strategy._link(genotypes, 1 + 2 * below, below, strategy._models[1])
    assert link[:2] == pytest.approx((1, 2)) and link.rest is None and link.deviation == pytest.approx(0, abs=1e-12)
    link = strategy._link(genotypes, np.array([5 / 3, 8 / 3, 17 / 3]), below, strategy._models[1])
    assert link[:2] == pytest.approx((4 / 3, 2))
    assert link.deviation == pytest.approx(math.sqrt((1 + 4 + 1) / 27))
    falling = strategy._link(genotypes, -below, below, strategy._models[1])
    assert falling[:2] == pytest.approx((-1, 0))  # a rung below never speaks against one above
    constant = strategy._link(genotypes, below, np.ones(3), strategy._models[1])
    assert constant[:2] == pytest.approx((1, 0))


def test_of_many_observations_the_best_and_some_others_are_learnt(drive: Any) -> None:
    strategy, _ = play(drive, 20)
    cells = strategy.space.decode(np.arange(1000))
    strategy._told[0] = {cell.tobytes(): (cell, float(number)) for number, cell in enumerate(cells)}
    genotypes, scores = strategy._observed(0)
    assert len(genotypes) == len(scores) == MOST_OBSERVATIONS
    assert set(scores) >= set(range(1000 - MOST_OBSERVATIONS // 2, 1000)) and scores.min() == 0


def test_failed_trainings_are_not_continued(drive: Any) -> None:
    search = drive(FreezeThaw(predictor="ridge"), fidelities=(1, 10))
    failed = set()
    for number in range(80):
        trial = search.ask()
        assert trial.architecture.tobytes() not in failed
        if trial.epochs == 1 and number % 3 == 0:
            failed.add(trial.architecture.tobytes())
            search.tell(trial, math.nan)
        else:
            search.tell(trial, quality(trial))


def test_one_fidelity_is_bayesian_optimisation(drive: Any) -> None:
    strategy, trials = play(drive, 40, fidelities=(5,))
    assert {trial.epochs for trial in trials} == {5} and not strategy._links
    assert np.mean([quality(trial) for trial in trials[-10:]]) > np.mean([quality(trial) for trial in trials[:10]]) + 1


def test_mistakes_are_refused() -> None:
    with pytest.raises(InputError, match="an acquisition is one of ei, logei"):
        FreezeThaw(acquisition="thompson")
    with pytest.raises(InputError, match="eta"):
        FreezeThaw(eta=1)


def test_contract() -> None:
    check_strategy(FreezeThaw(predictor="ridge"), spaces.create("nb201"), evaluations=16)
