"""Curves over time by hand."""

from typing import Any

import numpy as np
import pytest

from nasbench.evaluate.anytime import anytime


def record(strategy: str, repeat: int, evaluations: int, regret: float | None) -> dict[str, Any]:
    return {
        "strategy": strategy,
        "repeat": repeat,
        "evaluations": evaluations,
        "epochs": 2 * evaluations,
        "simulated_seconds": 10.0 * evaluations,
        "regret": regret,
        "valid_regret": None if regret is None else 100 + regret,
    }


RECORDS = [
    record("a", 1, 2, 5.0),
    record("a", 1, 4, 1.0),
    record("a", 0, 1, 3.0),
    record("a", 0, 4, 3.0),
    record("b", 0, 1, None),
    record("b", 0, 3, 2.0),
]


def test_curves_by_hand() -> None:
    curves = anytime(RECORDS, [1, 2, 3.5, 4, 99])
    assert list(curves) == ["a", "b"]
    np.testing.assert_array_equal(curves["a"], [[3, 3, 3, 3, 3], [np.nan, 5, 5, 1, 1]])
    np.testing.assert_array_equal(curves["b"], [[np.nan, np.nan, 2, 2, 2]])


@pytest.mark.parametrize(("key", "grid"), [("simulated_seconds", [10, 39, 40]), ("epochs", [2, 7, 8])])
def test_curves_over_time_and_epochs(key: str, grid: list[int]) -> None:
    np.testing.assert_array_equal(anytime(RECORDS, grid, key=key)["a"], [[3, 3, 3], [np.nan, 5, 1]])


def test_curves_of_validation_regret() -> None:
    np.testing.assert_array_equal(anytime(RECORDS, [3], value="valid_regret")["a"], [[103], [105]])
