"""How far searches on a surrogate are those on the table: paths of the incumbent, and the order of the strategies.

Zela et al. (2022) compare the two by eye, figure by figure; here they are numbers with intervals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import stats

from nasbench.errors import InputError
from nasbench.evaluate.statistics import percentile_ends
from nasbench.types import FloatArray

RESAMPLES = 1000


def agreement(
    surrogate: Mapping[str, FloatArray], table: Mapping[str, FloatArray], rng: np.random.Generator
) -> dict[str, Any]:
    """Compare paths of the incumbent on a surrogate with those on the table.

    Args:
        surrogate: By strategy the incumbent's value after each of `g` evaluations in each of `r` repeats, shape `(r,
            g)`; in the unit of the metric.
        table: The same for runs on the table. Row `k` of both began with the same seed and the same designs.
        rng: Draws the resamples.

    Returns:
        `strategies`: for each its name, `mean_difference` (mean over the evaluations of the absolute difference of the
        mean paths) and `largest_difference` (the greatest of them), `final_difference` (surrogate less table, after the
        last evaluation); all in the unit of the metric. `rank_agreement`: Kendall's tau of the order of the strategies
        by their mean final values; None with one strategy, or where all are equal. Each number with `_low` and `_high`,
        the ends of its 95 % interval: expanded percentiles (`statistics.percentile_ends`) of a bootstrap over repeats,
        the same ones of both and of all strategies. As an absolute difference is never below 0, neither is the lower
        end of one that is 0 in truth.

    Raises:
        InputError: Strategies or shapes differ, there is nothing to compare, or a number is missing.
    """
    names = list(surrogate)
    if not names or set(names) != set(table):
        raise InputError(f"paths of the same strategies are compared, got {names} and {list(table)}")
    pairs = [(np.asarray(surrogate[name], dtype=float), np.asarray(table[name], dtype=float)) for name in names]
    shape = pairs[0][0].shape
    for name, pair in zip(names, pairs, strict=True):
        for values in pair:
            if len(shape) != 2 or 0 in shape or values.shape != shape:
                raise InputError(f"paths of {name!r} have shape (repeats, evaluations) {shape}, got {values.shape}")
            if not np.isfinite(values).all():
                raise InputError(
                    f"paths of {name!r} have a number after each evaluation; begin after the first incumbent"
                )
    paths = np.array(pairs)  # (strategies, 2, repeats, evaluations)
    weights = rng.multinomial(shape[0], np.full(shape[0], 1 / shape[0]), size=RESAMPLES) / shape[0]
    point = _measures(paths.mean(axis=2))
    drawn = [_measures(np.einsum("r,skrg->skg", weight, paths)) for weight in weights]
    result: dict[str, Any] = {"repeats": shape[0], "evaluations": shape[1], "strategies": []}
    for row, name in enumerate(names):
        record: dict[str, Any] = {"strategy": name}
        for measure in ("mean_difference", "largest_difference", "final_difference"):
            record |= _interval(measure, point[measure][row], np.array([one[measure][row] for one in drawn]), shape[0])
        result["strategies"].append(record)
    taus = np.array([one["rank_agreement"][0] for one in drawn])
    return {**result, **_interval("rank_agreement", point["rank_agreement"][0], taus, shape[0])}


def _measures(means: FloatArray) -> dict[str, FloatArray]:
    """The measures by strategy of mean paths `(strategies, 2, evaluations)`; one rank agreement for all."""
    difference, final = means[:, 0] - means[:, 1], means[:, :, -1]
    tau = np.nan
    if len(means) > 1 and np.ptp(final[:, 0]) > 0 and np.ptp(final[:, 1]) > 0:
        tau = float(stats.kendalltau(*final.T).statistic)
    return {
        "mean_difference": np.abs(difference).mean(axis=1),
        "largest_difference": np.abs(difference).max(axis=1),
        "final_difference": difference[:, -1],
        "rank_agreement": np.array([tau]),
    }


def _interval(name: str, value: float, drawn: FloatArray, n: int) -> dict[str, float | None]:
    known = drawn[np.isfinite(drawn)]
    low, high = percentile_ends(known, n) if len(known) else (np.nan, np.nan)
    ends = {name: value, f"{name}_low": low, f"{name}_high": high}
    return {key: float(number) if np.isfinite(number) else None for key, number in ends.items()}
