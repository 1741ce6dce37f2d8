"""What a network costs on every machine: trainable parameters, and multiply-adds of one input."""

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


def parameters(network: torch.nn.Module) -> int:
    """Number of trainable parameters; a tensor shared by several modules counts once."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def flops(network: torch.nn.Module, inputs: torch.Tensor) -> int:
    """Multiply-adds of one input: of convolutions and matrix products, and one for each bias added.

    Pooling, normalisation, activations, sums and element-wise products are free. This is the convention under which
    NAS-Bench-201 (Dong & Yang, 2020) publishes "FLOPs": 15.64737 million for its architecture 0, of which 10 are
    biases of the classifier. Attention and recurrent layers count as the products they are made of, though torch may
    compute them in one go.

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
    with torch.no_grad(), _taken_apart(), counter:
        network(inputs)
    return int(counter.get_total_flops()) // 2  # torch counts multiplications and additions apart


@contextmanager
def _taken_apart() -> Iterator[None]:
    """Within the block no kernel does a whole layer in one go, which would hide its products from the counter."""
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
    """Gives linear layers their inputs in one piece: of others torch adds the biases where they are not counted."""

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
