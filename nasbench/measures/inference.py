"""Inference time: processor seconds of the whole validation part in large batches, on one thread of the CPU."""

from __future__ import annotations

import time

import torch

from nasbench.measures.base import Measure, Measurement, Quantity, Subject
from nasbench.measures.timing import median_seconds
from nasbench.parallel.threads import single_threaded
from nasbench.training.steps import EVALUATION_BATCH


def inference_seconds(network: torch.nn.Module, inputs: torch.Tensor, repeats: int = 3, warmup: int = 1) -> float:
    """Median seconds of forward passes over all inputs, in batches of at most `EVALUATION_BATCH`.

    On one thread of the CPU, in float32. This is processor time, as in training: other load does not lengthen it. The
    number of inputs divided by it is the throughput. Only the network is timed: no loss, no score.

    Args:
        network: On the CPU; left in evaluation mode.
        inputs: Any number of inputs, as the validation part; `(n, ...)`.
        repeats: Timed passes over all inputs.
        warmup: Passes over all inputs before them, not timed.
    """
    network.eval()
    batches = torch.split(inputs, EVALUATION_BATCH)

    def answer() -> None:
        for batch in batches:
            network(batch)

    with single_threaded(), torch.inference_mode():
        return median_seconds(answer, repeats, warmup, time.thread_time_ns)


class Inference(Measure):
    """Inference time on the validation part."""

    alone = True
    quantities = (
        Quantity(
            "inference_seconds",
            "seconds",
            "minimise",
            "Processor time of answering the validation part on one thread of the CPU in float32: median.",
        ),
    )

    def _take(self, subject: Subject) -> Measurement:
        return Measurement.of(inference_seconds(subject.network, subject.tensors["validation"][0]))
