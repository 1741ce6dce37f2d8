"""The gradients of a tabular policy by hand."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from nasbench.search.policy import entropy_gradient, policy_gradient, softmax

EXISTS = np.array([[True, True, False], [True, True, True]])
LOGITS = np.array([[0.0, math.log(3), 7.0], [0.0, 0.0, 0.0]])


def test_softmax_by_hand() -> None:
    np.testing.assert_allclose(softmax(LOGITS, EXISTS), [[0.25, 0.75, 0], [1 / 3, 1 / 3, 1 / 3]])
    np.testing.assert_allclose(softmax(LOGITS + 1e4, EXISTS), softmax(LOGITS, EXISTS))


def test_policy_gradient_by_hand() -> None:
    gradient = policy_gradient(LOGITS, EXISTS, np.array([0, 2], dtype=np.int8), 2.0)
    np.testing.assert_allclose(gradient, [[1.5, -1.5, 0], [-2 / 3, -2 / 3, 4 / 3]])


def test_gradients_agree_with_differences(rounding: Callable[..., float]) -> None:
    """Central differences are off by their step squared, and by rounding divided by it."""
    h = 1e-6
    near = h**2 + rounding(20) / h
    logits = np.random.default_rng(0).normal(size=(2, 3))
    action = np.array([1, 0], dtype=np.int8)

    def log_p(x: np.ndarray) -> float:
        return float(np.log(softmax(x, EXISTS)[[0, 1], action]).sum())

    def entropy(x: np.ndarray) -> float:
        p = softmax(x, EXISTS)
        return float(-(p[EXISTS] * np.log(p[EXISTS])).sum())

    for position, option in np.argwhere(EXISTS):
        step = np.zeros((2, 3))
        step[position, option] = h
        slope = (log_p(logits + step) - log_p(logits - step)) / (2 * h)
        assert policy_gradient(logits, EXISTS, action, 1.0)[position, option] == pytest.approx(slope, abs=near)
        slope = (entropy(logits + step) - entropy(logits - step)) / (2 * h)
        assert entropy_gradient(logits, EXISTS)[position, option] == pytest.approx(slope, abs=near)
