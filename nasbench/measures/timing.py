"""How long a network takes on one thread of the processor: for one input, and for very many."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch

from nasbench.errors import InputError
from nasbench.parallel.threads import single_threaded
from nasbench.training.steps import EVALUATION_BATCH


def latency(network: torch.nn.Module, inputs: torch.Tensor, repeats: int = 50, warmup: int = 5) -> float:
    """Milliseconds of answering one input: median of `repeats`, on one thread of the CPU, in float32.

    Args:
        network: On the CPU; left in evaluation mode.
        inputs: A batch of one, `(1, ...)`.
        repeats: Timed passes.
        warmup: Passes before them, not timed.
    """
    network.eval()
    with single_threaded(), torch.inference_mode():
        return 1000 * median_seconds(lambda: network(inputs), repeats, warmup)


def inference_seconds(network: torch.nn.Module, inputs: torch.Tensor, repeats: int = 3, warmup: int = 1) -> float:
    """Seconds of answering all inputs, in batches of at most `EVALUATION_BATCH`, on one thread of the CPU, in float32.

    As in training this is processor time, which other load does not lengthen. The number of inputs divided by it is
    the throughput. Nothing but the network is timed: no loss, no score.

    Args:
        network: On the CPU; left in evaluation mode.
        inputs: For example those of the validation part; `(n, ...)`.
        repeats: Timed passes over all inputs, of which the median is taken.
        warmup: Passes over all inputs before them, not timed.
    """
    network.eval()
    batches = torch.split(inputs, EVALUATION_BATCH)

    def answer() -> None:
        for batch in batches:
            network(batch)

    with single_threaded(), torch.inference_mode():
        return median_seconds(answer, repeats, warmup, time.thread_time_ns)


def median_seconds(
    work: Callable[[], object], repeats: int, warmup: int, clock: Callable[[], int] = time.perf_counter_ns
) -> float:
    """Median time of `repeats` calls that come after `warmup` calls, by a clock of nanoseconds: that on the wall.

    Raises:
        InputError: There is nothing to take the median of.
    """
    if repeats < 1 or warmup < 0:
        raise InputError(f"timing needs at least 1 repeat and 0 warm-up passes, got {repeats} and {warmup}")
    times = np.empty(warmup + repeats)
    for index in range(len(times)):
        start = clock()
        work()
        times[index] = clock() - start
    return float(np.median(times[warmup:])) / 1e9
