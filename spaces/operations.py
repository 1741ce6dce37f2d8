"""What operations are in terms that all spaces share: weights, pooling, reach and cost, as their names tell."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from nasbench.spaces.base import Space
from nasbench.types import BoolArray, FloatArray

CHANNELS = 16
"""Channels for which the cost of a depthwise convolution is stated."""
_WINDOW = re.compile(r"(\d+)x(\d+)|(?:K|DSC-)(\d+)")
_DEPTHWISE = re.compile(r"sep|dil|dw|DSC|MB")
_EXPANSION = re.compile(r"MB(\d+)")


class Operations(NamedTuple):
    """Facts about the `ops` of a space, each of shape `(ops,)`.

    Attributes:
        weighted: Whether it has weights.
        pooled: Whether it is a pooling.
        depthwise: Whether it convolves each channel by itself.
        reach: How many positions to each side of its own it sees.
        cost: Multiplications for each position, input channel and output channel: those of a 1x1 convolution are 1. A
            depthwise convolution is followed by a 1x1 convolution, and has `CHANNELS` channels.
    """

    weighted: BoolArray
    pooled: BoolArray
    depthwise: BoolArray
    reach: FloatArray
    cost: FloatArray


def operations(space: Space) -> Operations:
    """What the names of a space's operations tell; an operation of which they tell nothing counts as a 1x1 convolution.

    >>> from nasbench.spaces import spaces
    >>> space = spaces.create("nb201")
    >>> dict(zip(space.ops, operations(space).cost.tolist()))["nor_conv_3x3"]
    9.0
    """
    idle = ("input", "output", *space.zero_ops, *space.identity_ops)
    rows = [_facts(space.meaning(op), op in idle, op in space.weightless_ops) for op in space.ops]
    weighted, pooled, depthwise, reach, cost = (np.array(column) for column in zip(*rows, strict=True))
    return Operations(weighted, pooled, depthwise, reach.astype(np.float64), cost.astype(np.float64))


def _facts(name: str, idle: bool, weightless: bool) -> tuple[bool, bool, bool, float, float]:
    """Facts about one operation, from its name and what its space says of it."""
    windows = [(int(a or k), int(b or k)) for a, b, k in _WINDOW.findall(name)]
    weighted, pooled = not (idle or weightless), "pool" in name and not idle
    depthwise = weighted and bool(_DEPTHWISE.search(name))
    side, area = max(map(max, windows), default=1), sum(a * b for a, b in windows) or 1
    twice = 2 if "sep" in name or "dil" in name else 1  # separable convolutions come in pairs; a dilation doubles gaps
    reach = twice * (side - 1) / 2 if weighted or pooled else 0.0
    expansion = _EXPANSION.search(name)
    layers = 2 * int(expansion[1]) if expansion else 2 if "sep" in name else 1
    widened = int(expansion[1]) if expansion else layers
    cost = layers + widened * area / CHANNELS if depthwise else float(area)
    return weighted, pooled, depthwise, reach, cost if weighted else 0.0
