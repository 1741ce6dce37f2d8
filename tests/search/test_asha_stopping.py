"""The stopping rule by hand."""

import math
from typing import Any

import numpy as np

from nasbench.search.asha_stopping import StoppingASHA
from nasbench.search.problem import Budget
from nasbench.search.random import RandomSearch
from nasbench.simulator.evaluator import make_evaluator
from nasbench.simulator.simulate import simulate
from nasbench.spaces import spaces
from nasbench.testing import check_strategy


def test_who_goes_on_by_hand(drive: Any) -> None:
    """The best so far, and from the sixth trial the two best; equal scores are behind, failed trainings stop."""
    search = drive(StoppingASHA(), fidelities=(1, 3, 9))
    scores = [5.0, 4.0, 5.0, 7.0, 1.0, 6.0, math.nan, 7.0, 6.5]
    expected = [True, False, False, True, False, True, False, True, True]
    #   k        1     2      3      4     5      6     7      8      9
    # rank       1     2      2      1     5      2     -      2      3 of 3 that go on
    for score, goes_on in zip(scores, expected, strict=True):
        trial = search.ask()
        assert trial.epochs == 9
        assert search.strategy.goes_on(trial, 1, (score,)) is goes_on


def test_a_first_trial_that_fails_stops(drive: Any) -> None:
    search = drive(StoppingASHA(), fidelities=(1, 3, 9))
    assert not search.strategy.goes_on(search.ask(), 1, (math.nan,))
    assert search.strategy.goes_on(search.ask(), 1, (-1e9,))


def test_each_rung_ranks_those_that_reached_it_and_nothing_else_stops(drive: Any) -> None:
    search = drive(StoppingASHA(), fidelities=(1, 2, 3, 9))
    first, second = search.strategy.ask(2)
    assert search.strategy.goes_on(first, 1, (5.0,))
    assert search.strategy.goes_on(second, 1, (6.0,))
    assert search.strategy.goes_on(first, 3, (6.0,))
    assert not search.strategy.goes_on(second, 3, (5.0,))
    assert search.strategy.goes_on(second, 2, (0.0,)), "two epochs are no rung"


def test_on_a_table_trials_stop_at_rungs(formula: Any) -> None:
    """Rungs of eta = 3 are one epoch and four."""
    evaluator = make_evaluator(formula(), ["validation_score"])
    assert evaluator.resumable
    run = simulate(StoppingASHA(), evaluator, Budget(evaluations=60), np.random.default_rng(0), workers=3)
    full = run.positions == 1
    assert 10 <= full.sum() <= 30, "twenty, and those that were among the best when they came"
    assert run.epochs[-1] == 60 + 3 * full.sum()


def test_one_fidelity_is_random_search(drive: Any) -> None:
    ours, theirs = (drive(strategy, fidelities=(5,)) for strategy in (StoppingASHA(), RandomSearch()))
    for _ in range(20):
        trial = ours.ask()
        np.testing.assert_array_equal(trial.architecture, theirs.ask().architecture)
        ours.tell(trial, 0.0)


def test_contract() -> None:
    check_strategy(StoppingASHA(2), spaces.create("nb201"))
