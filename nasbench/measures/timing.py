"""Median time of repeated calls, after warm-up calls."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from nasbench.errors import InputError


def median_seconds(
    work: Callable[[], object], repeats: int, warmup: int, clock: Callable[[], int] = time.perf_counter_ns
) -> float:
    """Median time of `repeats` calls in seconds.

    Args:
        work: The timed call.
        repeats: Timed calls.
        warmup: Calls before them, not timed.
        clock: Current time in nanoseconds; wall-clock time by default.

    Raises:
        InputError: `repeats` is below 1, or `warmup` below 0.
    """
    if repeats < 1 or warmup < 0:
        raise InputError(f"timing needs at least 1 repeat and 0 warm-up passes, got {repeats} and {warmup}")
    times = np.empty(warmup + repeats)
    for index in range(len(times)):
        start = clock()
        work()
        times[index] = clock() - start
    return float(np.median(times[warmup:])) / 1e9
