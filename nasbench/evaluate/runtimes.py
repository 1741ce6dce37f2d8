"""How long strategies take to targets: expected running time, and the distribution of these (Hansen et al., 2021)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nasbench.evaluate.statistics import percentile_ends, resampling_weights
from nasbench.types import FloatArray

SHOWN = (0.1, 0.01, 0.001, 0.0)
"""Targets of the table: to be among this share of the space; 0 for its best architecture."""
STEPS_OF_TEN = 8
"""Targets of the distribution within a factor of ten of that share."""


class Target(NamedTuple):
    """A validation regret to reach.

    Attributes:
        share: The share of the space that reaches it; 0 for the best architecture alone.
        regret: The largest regret that does.
    """

    share: float
    regret: float


def targets_at(shares: Sequence[float], scores: FloatArray) -> list[Target]:
    """The regrets of the architectures at some shares of a space, each at least of one architecture.

    Args:
        shares: Shares, from 0 to 1.
        scores: Validation scores of the whole space, more is better, NaN where training failed; shape `(n,)`.
    """
    ordered = np.sort(scores[np.isfinite(scores)])[::-1]
    places = [max(math.ceil(share * len(scores)), 1) - 1 for share in shares]
    return [
        Target(share, float(ordered[0] - ordered[place]))
        for share, place in zip(shares, places, strict=True)
        if place < len(ordered)
    ]


def spread_targets(scores: FloatArray) -> list[Target]:
    """Targets from the better half to the best architecture, evenly spaced by the logarithm of the share."""
    n = int(np.isfinite(scores).sum())
    count = math.ceil(STEPS_OF_TEN * math.log10(n / 2)) + 1 if n > 2 else 1
    return targets_at(np.geomspace(0.5, 1 / n, count).tolist() if n > 2 else [0.0], scores)


def runtimes(
    records: Sequence[Mapping[str, Any]], targets: Sequence[Target], key: str
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """When each run reached each target first, and what it spent in all.

    Args:
        records: Records of a comparison.
        targets: Regrets to reach.
        key: `"evaluations"`, `"epochs"` or `"simulated_seconds"`.

    Returns:
        By strategy `(repeats, targets)`, infinite where a run did not reach the target, and `(repeats,)`.
    """
    limits = np.array([target.regret for target in targets])
    found: dict[str, dict[int, tuple[FloatArray, float]]] = {}
    for record in records:
        runs = found.setdefault(record["strategy"], {})
        first, spent = runs.get(record["repeat"], (np.full(len(limits), np.inf), 0.0))
        regret, at = record["valid_regret"], float(record[key])
        if regret is not None and math.isfinite(regret):
            # a regret is a difference of two scores, that of a target of the same two: equal to the digit
            first = np.minimum(first, np.where(regret <= limits, at, np.inf))
        runs[record["repeat"]] = first, max(spent, at)
    return {
        name: (np.array([runs[k][0] for k in sorted(runs)]), np.array([runs[k][1] for k in sorted(runs)]))
        for name, runs in found.items()
    }


def expected_running_time(first: FloatArray, spent: FloatArray) -> float:
    """What is spent on a target until it is reached, if runs are restarted until one reaches it.

    That of all runs, those that fail in full, over the number of runs that reach it (Price, 1997; Hansen et al., 2021).

    Args:
        first: When each run reached the target, infinite where it did not; shape `(repeats,)`.
        spent: What each run spent in all; same shape.

    Returns:
        In their unit; infinite where no run reached it.
    """
    reached = int(np.isfinite(first).sum())
    return float(np.minimum(first, spent).sum()) / reached if reached else math.inf


def area(first: FloatArray, budget: float) -> FloatArray:
    """Area under the distribution of running times of each run `(repeats,)`, from 0 to 1; more is better.

    The mean over the targets of `(repeats, targets)` of the share of the budget that is left when a target is reached.
    """
    result: FloatArray = np.clip(1 - first / budget, 0, 1).mean(axis=1)
    return result


def summarise(
    records: Sequence[Mapping[str, Any]], scores: FloatArray, key: str, budget: float, rng: np.random.Generator
) -> dict[str, Any]:
    """Expected running times to `SHOWN` targets, shares of runs that reach them, and areas over `spread_targets`.

    An expected time that is infinite is None.

    Args:
        records: Records of a comparison.
        scores: Validation scores of the whole space; shape `(n,)`.
        key: What running time is counted in.
        budget: Budget of a run in that unit.
        rng: Draws the bootstrap resamples of the repeats.
    """
    shown, spread = targets_at(SHOWN, scores), spread_targets(scores)
    by_target: list[dict[str, Any]] = [{**target._asdict(), "strategies": {}} for target in shown]
    for name, (first, spent) in runtimes(records, shown, key).items():
        for row, times in zip(by_target, first.T, strict=True):
            expected = expected_running_time(times, spent)
            told = {"reached": float(np.isfinite(times).mean()), "expected": expected if expected < math.inf else None}
            row["strategies"][name] = told
    areas = {}
    for name, (first, _) in runtimes(records, spread, key).items():
        each = area(first, budget)
        low, high = percentile_ends(resampling_weights(len(each), rng) @ each, len(each))
        areas[name] = {"mean": float(each.mean()), "low": float(low), "high": float(high)}
    hardest_last = [target._asdict() for target in spread]
    return {"counted_in": key, "budget": budget, "targets": by_target, "spread": hardest_last, "areas": areas}
