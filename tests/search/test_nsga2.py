"""NSGA-II."""

from typing import Any

import numpy as np

from nasbench.evaluate.strategies import compare
from nasbench.search.nsga2 import NSGA2, crowding, ranked


def test_crowding_by_hand() -> None:
    """Sides of the box around the middle point: (4 - 0) / 4 and (4 - 0) / 4."""
    assert crowding(np.array([[0.0, 4.0], [1.0, 1.0], [4.0, 0.0]])).tolist() == [np.inf, 2.0, np.inf]


def test_ranks_by_hand() -> None:
    """The front (0, 2), (2, 0) before (0, 1), which one of it beats, and what failed at the end."""
    assert ranked(np.array([[np.nan, 1.0], [0.0, 1.0], [0.0, 2.0], [2.0, 0.0]])).tolist() == [2, 3, 1, 0]


def test_finds_more_of_the_front_than_random_search(formula: Any) -> None:
    """High accuracy with few parameters, which here are the code of the cell."""
    benchmark = formula()
    kind = benchmark.metrics["parameters"]
    benchmark.metrics = {**benchmark.metrics, "parameters": kind.__class__(**{**vars(kind), "direction": "minimise"})}
    objectives = ["validation_score", "parameters"]
    results = compare(benchmark, objectives, strategies=["random", NSGA2], evaluations=200, repeats=8, jobs=1)
    assert results.summary["valid_ranking"]["order"][0] != "random"
    assert results.summary["valid_bounds"]["parameters"] == {"reference": 15625.0, "best": 1.0}
    assert all(record["valid_regret"] >= 0 for record in results.records)
