"""Latency: milliseconds per input in torch, on one thread of the CPU."""

from __future__ import annotations

import torch

from nasbench.measures.base import Measure, Measurement, Quantity, Subject
from nasbench.measures.timing import median_seconds
from nasbench.parallel.threads import single_threaded


def latency(network: torch.nn.Module, inputs: torch.Tensor, repeats: int = 50, warmup: int = 5) -> float:
    """Median milliseconds of a forward pass of one input, on one thread of the CPU, in float32.

    Args:
        network: On the CPU; left in evaluation mode.
        inputs: A batch of one, `(1, ...)`.
        repeats: Timed passes.
        warmup: Passes before them, not timed.
    """
    network.eval()
    with single_threaded(), torch.inference_mode():
        return 1000 * median_seconds(lambda: network(inputs), repeats, warmup)


class Latency(Measure):
    """Latency of one input in torch."""

    alone = True
    quantities = (
        Quantity(
            "latency",
            "milliseconds",
            "minimise",
            "Time of answering one input on one thread of the CPU in float32: median.",
        ),
    )

    def _take(self, subject: Subject) -> Measurement:
        return Measurement.of(latency(subject.network, subject.task.inputs(1), subject.repeats))
