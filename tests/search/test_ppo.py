"""The clipped surrogate objective by hand, and that the policy learns."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nasbench.search.policy import policy_gradient, softmax
from nasbench.search.ppo import PPO, log_probability, surrogate_gradient

EXISTS = np.array([[True, True, False], [True, True, True]])
LOGITS = np.array([[0.0, math.log(3), 7.0], [0.0, 0.0, 0.0]])
ACTIONS = np.array([[0, 2], [1, 0]], dtype=np.int8)


def test_log_probability_by_hand() -> None:
    np.testing.assert_allclose(log_probability(LOGITS, EXISTS, ACTIONS), np.log([1 / 12, 1 / 4]))


def test_at_a_ratio_of_one_it_is_the_policy_gradient() -> None:
    drawn = log_probability(LOGITS, EXISTS, ACTIONS)
    found = surrogate_gradient(LOGITS, EXISTS, ACTIONS, drawn, np.array([2.0, -1.0]), 0.2)
    parts = [policy_gradient(LOGITS, EXISTS, ACTIONS[0], 2.0), policy_gradient(LOGITS, EXISTS, ACTIONS[1], -1.0)]
    np.testing.assert_allclose(found, np.mean(parts, axis=0))


@pytest.mark.parametrize(
    ("ratio", "advantage", "cut"),
    [(1.3, 1.0, True), (1.3, -1.0, False), (0.7, 1.0, False), (0.7, -1.0, True), (1.1, 1.0, False)],
)
def test_the_gradient_is_cut_where_the_ratio_went_far_enough(ratio: float, advantage: float, cut: bool) -> None:
    drawn = log_probability(LOGITS, EXISTS, ACTIONS[:1]) - math.log(ratio)
    found = surrogate_gradient(LOGITS, EXISTS, ACTIONS[:1], drawn, np.array([advantage]), 0.2)
    expected = policy_gradient(LOGITS, EXISTS, ACTIONS[0], 0.0 if cut else ratio * advantage)
    np.testing.assert_allclose(found, expected)


def test_the_gradient_agrees_with_differences(rounding: Callable[..., float]) -> None:
    h = 1e-6
    rng = np.random.default_rng(0)
    logits, advantages = rng.normal(size=(2, 3)), np.array([1.5, -0.5])
    drawn = log_probability(logits, EXISTS, ACTIONS) + np.array([0.05, -0.05])

    def objective(x: np.ndarray) -> float:
        ratio = np.exp(log_probability(x, EXISTS, ACTIONS) - drawn)
        return float(np.minimum(ratio * advantages, ratio.clip(0.8, 1.2) * advantages).mean())

    found = surrogate_gradient(logits, EXISTS, ACTIONS, drawn, advantages, 0.2)
    for place in np.argwhere(EXISTS):
        step = np.zeros((2, 3))
        step[tuple(place)] = h
        slope = (objective(logits + step) - objective(logits - step)) / (2 * h)
        assert found[tuple(place)] == pytest.approx(slope, abs=10 * h**2 + rounding(40) / h)


def test_the_policy_concentrates_on_what_is_rewarded(drive: Any) -> None:
    search = drive(PPO(entropy=0.0))
    for _ in range(400):
        trial = search.ask()
        search.tell(trial, float((trial.architecture == 3).sum()))
    policy = search.strategy
    assert softmax(policy._logits, policy._exists)[:, 3].mean() > 0.8


def test_the_policy_changes_with_each_batch_only(drive: Any) -> None:
    search = drive(PPO(batch=4))
    policy = search.strategy
    search.tell(search.ask(), 0.0)  # the first baseline
    before = policy._logits.copy()
    for score in range(1, 4):
        search.tell(search.ask(), float(score))
        np.testing.assert_array_equal(policy._logits, before)
        assert policy._ready
    search.tell(search.ask(), 4.0)
    assert (policy._logits != before).any()
    assert not policy._ready


def test_the_unit_of_the_metric_does_not_matter(drive: Any) -> None:
    runs = []
    for unit in (2.0**-27, 1.0, 2.0**40):
        search = drive(PPO())
        run = []
        for _ in range(60):
            trial = search.ask()
            run.append(trial.architecture.tolist())
            search.tell(trial, unit * float(trial.architecture.sum()))
        runs.append(run)
    assert runs[0] == runs[1] == runs[2]
