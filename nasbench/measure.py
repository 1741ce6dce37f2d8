"""What a network costs before any training: parameters, multiply-adds, and latency on one processor thread."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from nasbench.errors import InputError
from nasbench.threads import single_threaded


def parameters(network: torch.nn.Module) -> int:
    """Number of trainable parameters; a tensor shared by several modules counts once."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def flops(network: torch.nn.Module, inputs: torch.Tensor) -> int:
    """Multiply-adds of one input: of convolutions and matrix products, and one for each bias added.

    Pooling, normalisation, activations and sums are free. This is the convention under which NAS-Bench-201 (Dong &
    Yang, 2020) publishes "FLOPs": 15.64737 million for its architecture 0, of which 10 are biases of the classifier.

    Args:
        network: Left in evaluation mode.
        inputs: A batch of one, `(1, ...)`.
    """
    network.eval()
    aten = torch.ops.aten
    counter = FlopCounterMode(
        display=False, custom_mapping={aten.convolution: _convolution, aten.addmm: _biased_product}
    )
    with torch.no_grad(), counter:
        network(inputs)
    return int(counter.get_total_flops()) // 2  # torch counts multiplications and additions apart


def _convolution(x: Any, weight: Any, bias: Any, *args: Any, out_shape: Any, **_: Any) -> int:
    transposed = args[3]  # after stride, padding and dilation
    positions = math.prod((x if transposed else out_shape)[2:])
    return int(2 * x[0] * positions * math.prod(weight)) + _biases(bias, out_shape)


def _biased_product(bias: Any, a: Any, b: Any, out_shape: Any, **_: Any) -> int:
    return int(2 * math.prod(a) * b[-1]) + _biases(bias, out_shape)


def _biases(bias: Any, out_shape: Any) -> int:
    return 0 if bias is None else 2 * math.prod(out_shape)


def latency(network: torch.nn.Module, inputs: torch.Tensor, repeats: int = 50, warmup: int = 5) -> float:
    """Milliseconds of answering one input: median of `repeats`, on one thread of the CPU, in float32.

    Args:
        network: On the CPU; left in evaluation mode.
        inputs: A batch of one, `(1, ...)`.
        repeats: Timed passes.
        warmup: Passes before them, not timed.
    """
    if repeats < 1 or warmup < 0:
        raise InputError(f"latency needs at least 1 repeat and 0 warm-up passes, got {repeats} and {warmup}")
    network.eval()
    times = np.empty(warmup + repeats)
    with single_threaded(), torch.inference_mode():
        for index in range(len(times)):
            start = time.perf_counter_ns()
            network(inputs)
            times[index] = time.perf_counter_ns() - start
    return float(np.median(times[warmup:])) / 1e6
