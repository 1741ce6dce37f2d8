"""Anytime performance: what each strategy of a comparison had reached by each point of a grid."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from nasbench.types import FloatArray


def anytime(
    records: Sequence[Mapping[str, Any]], grid: npt.ArrayLike, *, key: str = "evaluations", value: str = "regret"
) -> dict[str, FloatArray]:
    """Value of each strategy's incumbent at each point of a grid.

    Args:
        records: Records of a comparison.
        grid: Points in the unit of `key`, shape `(g,)`.
        key: `"evaluations"`, `"epochs"` or `"simulated_seconds"`.
        value: `"regret"`, `"valid_regret"`, `"test"` or `"valid"`.

    Returns:
        By strategy, in the order of the records: shape `(repeats, g)`, rows in the order of the repeats; NaN before
        the first incumbent.
    """
    points = np.asarray(grid, dtype=np.float64)
    steps: dict[str, dict[int, list[tuple[float, float]]]] = {}
    for record in records:
        x, y = record[key], record[value]
        step = (math.nan if x is None else float(x), math.nan if y is None else float(y))
        steps.setdefault(record["strategy"], {}).setdefault(record["repeat"], []).append(step)
    curves = {}
    for strategy, repeats in steps.items():
        rows = []
        for repeat in sorted(repeats):
            x, y = np.array(sorted(repeats[repeat], key=lambda step: step[0])).T
            rows.append(np.concatenate([[np.nan], y])[np.searchsorted(x, points, side="right")])
        curves[strategy] = np.array(rows)
    return curves
