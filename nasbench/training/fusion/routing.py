"""Routing: parts of a stacked value go to their users, and gradients come back, without a copy per part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch


class Range(NamedTuple):
    """`length` channels from `start`."""

    start: int
    length: int


class Fan:
    """Ranges of one stacked value.

    Args:
        ranges: Parts to hand out; may overlap and leave gaps.
        width: Channels of the value.
    """

    def __init__(self, ranges: Sequence[Range], width: int) -> None:
        self.ranges = ranges
        order = sorted(range(len(ranges)), key=lambda index: ranges[index])
        ends = [0, *(ranges[index].start + ranges[index].length for index in order)]
        tiles = ends[-1] == width and all(ranges[index].start == end for index, end in zip(order, ends, strict=False))
        self.tiles = order if tiles else None
        self.gaps, self.writes = _writes(ranges, width)

    def __call__(self, value: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Ranges `(b, length, ...)` of a value `(b, width, ...)`."""
        if not value.requires_grad:
            return self.parts(value)
        handed: tuple[torch.Tensor, ...] = _FanOut.apply(value, self)  # type: ignore[no-untyped-call]
        return handed

    def parts(self, value: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Ranges of a value as views."""
        return tuple(value.narrow(1, *part) for part in self.ranges)

    def gradient(self, gradients: Sequence[torch.Tensor], width: int) -> torch.Tensor:
        """Gradient of the value: the sum of the gradients of its ranges, each at its place."""
        if self.tiles is not None:
            return torch.cat([gradients[index] for index in self.tiles], dim=1)
        first = gradients[0]
        total = first.new_empty(len(first), width, *first.shape[2:])
        for gap in self.gaps:
            total.narrow(1, *gap).zero_()
        for index, start, part, fresh in self.writes:
            source = gradients[index].narrow(1, part.start - start, part.length)
            target = total.narrow(1, *part)
            target.copy_(source) if fresh else target.add_(source)
        return total


def _writes(ranges: Sequence[Range], width: int) -> tuple[list[Range], list[tuple[int, int, Range, bool]]]:
    """Gaps that no range covers; and parts of each range, marked whether they are the first to cover their place."""
    covered = [False] * width
    writes = []
    for index, (start, length) in enumerate(ranges):
        at = start
        while at < start + length:
            end = at
            while end < start + length and covered[end] == covered[at]:
                end += 1
            writes.append((index, start, Range(at, end - at), not covered[at]))
            at = end
        covered[start : start + length] = [True] * length
    gaps = [Range(at, 1) for at in range(width) if not covered[at]]
    return gaps, writes


class _FanOut(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: torch.Tensor, fan: Fan) -> tuple[torch.Tensor, ...]:
        ctx.fan, ctx.width = fan, value.shape[1]
        return fan.parts(value)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        return ctx.fan.gradient(gradients, ctx.width), None
