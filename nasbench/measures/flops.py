"""Multiply-adds of one input ("FLOPs"), also a baseline of every zero-cost proxy (White et al., 2022)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from nasbench.measures.proxies.base import Proxy
from nasbench.tasks import Task


def flops(network: torch.nn.Module, inputs: torch.Tensor) -> int:
    """Multiply-adds of convolutions and matrix products for one input, plus one for each bias added.

    Pooling, normalisation, activations, sums and element-wise products are free. This is the convention under which
    NAS-Bench-201 (Dong & Yang, 2020) publishes "FLOPs": 15.64737 million for its architecture 0, including 10 biases
    of the classifier. Attention and recurrent layers count as their matrix products, even if torch fuses them.

    Args:
        network: Left in evaluation mode.
        inputs: A batch of one, `(1, ...)`.
    """
    network.eval()
    aten = torch.ops.aten
    rules = {
        aten.convolution: _convolution,
        aten.addmm: _biased_product,
        aten.baddbmm: _biased_products,
        aten.mv: _product,
        aten.dot: _product,
    }
    counter = FlopCounterMode(display=False, custom_mapping=rules)
    with torch.no_grad(), _unfused(), counter:
        network(inputs)
    return int(counter.get_total_flops()) // 2  # torch counts multiplications and additions separately


@contextmanager
def _unfused() -> Iterator[None]:
    """Context without fused kernels of whole layers, which would hide matrix products from the counter."""
    fast, onednn = torch.backends.mha.get_fastpath_enabled(), torch.backends.mkldnn.enabled
    try:
        torch.backends.mha.set_fastpath_enabled(False)
        torch.backends.mkldnn.enabled = False  # type: ignore[assignment]
        with sdpa_kernel(SDPBackend.MATH), _Contiguous():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        torch.backends.mkldnn.enabled = onednn


class _Contiguous(TorchFunctionMode):
    """Makes inputs of linear layers contiguous: for others torch adds the bias in an operation that is not counted."""

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        if func is linear and args:
            args = (args[0].contiguous(), *args[1:])
        return func(*args, **(kwargs or {}))


def _convolution(x: Any, weight: Any, bias: Any, *args: Any, out_shape: Any, **_: Any) -> int:
    transposed = args[3]  # after stride, padding and dilation
    positions = math.prod((x if transposed else out_shape)[2:])
    return int(2 * x[0] * positions * math.prod(weight)) + _biases(bias, out_shape)


def _biased_product(bias: Any, a: Any, b: Any, out_shape: Any, **_: Any) -> int:
    return _product(a, b) + _biases(bias, out_shape)


def _biased_products(bias: Any, a: Any, b: Any, out_shape: Any, **_: Any) -> int:
    return int(2 * math.prod(a) * b[-1]) + _biases(bias, out_shape)


def _product(a: Any, b: Any, **_: Any) -> int:
    return int(2 * math.prod(a) * math.prod(b[1:]))


def _biases(bias: Any, out_shape: Any) -> int:
    return 0 if bias is None else 2 * math.prod(out_shape)


class FLOPs(Proxy):
    """Multiply-adds of one input. A table records them as a cost; as a proxy, more is better."""

    name = "flops"
    paper = "White et al. (2022), A deeper look at zero-cost proxies for lightweight NAS, ICLR blog track"
    needs = "nothing"
    units = "count"
    direction = "minimise"
    description = "Multiply-adds of convolutions, matrix products and biases for one input."

    def _score(self, network: torch.nn.Module, task: Task, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        return float(flops(network, inputs))
