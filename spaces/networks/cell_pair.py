"""Networks of cell pairs: stages of normal cells with a reduction cell between stages (Liu et al., 2019)."""

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import nn

from nasbench.spaces.networks.layers import FactorizedReduction, Zero, avg_pool, conv_bn, head, relu_conv_bn
from nasbench.spaces.values import NetworkSettings

CellPlan: TypeAlias = tuple[Sequence[tuple[Sequence[tuple[str, int]], str]], Sequence[int]]
"""Blocks, each two (operation, hidden state) pairs and a combination; then the concatenated states."""


def network(normal: CellPlan, reduce: CellPlan, c_image: int, classes: int, settings: NetworkSettings) -> nn.Module:
    """Images `(batch, c_image, height, width)` to logits `(batch, classes)`.

    Args:
        normal: Plan of the normal cells.
        reduce: Plan of the reduction cells, which halve height and width and double the channels.
        c_image: Channels of an image.
        classes: Number of logits.
        settings: Width, normal cells per stage, and stages.
    """
    return PairNetwork(normal, reduce, c_image, classes, settings)


class PairNetwork(nn.Module):
    """Cells that each read the results of the two previous cells; the stem has three times the channels."""

    def __init__(
        self, normal: CellPlan, reduce: CellPlan, c_image: int, classes: int, settings: NetworkSettings
    ) -> None:
        super().__init__()
        channels = settings.channels
        self.stem = conv_bn(c_image, 3 * channels, 3)
        widths, halved = [3 * channels, 3 * channels], False
        cells = []
        for stage in range(settings.stages):
            for reduction in [True] * (stage > 0) + [False] * settings.cells:
                channels *= 2 if reduction else 1
                cell = Cell(reduce if reduction else normal, widths[-2], widths[-1], channels, reduction, halved)
                cells.append(cell)
                widths.append(cell.channels)
                halved = reduction
        self.cells = nn.ModuleList(cells)
        self.head = head(widths[-1], classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(batch, c_image, height, width)` to `(batch, classes)`."""
        before_last = last = self.stem(x)
        for cell in self.cells:
            before_last, last = last, cell(before_last, last)
        logits: torch.Tensor = self.head(last)
        return logits


class Cell(nn.Module):
    """One cell. Both inputs are first projected to its channels, the earlier one also to the size of the later.

    Args:
        plan: Plan of the cell.
        c_before_last: Channels of the result of the last cell but one.
        c_last: Channels of the result of the last cell.
        channels: Channels of each hidden state.
        reduction: Whether operations on the inputs of the cell halve height and width.
        halved: Whether the last cell was a reduction, so the earlier input is twice as high and wide.
    """

    def __init__(
        self, plan: CellPlan, c_before_last: int, c_last: int, channels: int, reduction: bool, halved: bool
    ) -> None:
        super().__init__()
        blocks, self.concatenated = plan
        first = FactorizedReduction(c_before_last, channels) if halved else relu_conv_bn(c_before_last, channels, 1)
        self.inputs = nn.ModuleList([first, relu_conv_bn(c_last, channels, 1)])
        self.sources = [[source for _, source in pairs] for pairs, _ in blocks]
        self.operations = nn.ModuleList(
            operation(op, channels, 2 if reduction and source < 2 else 1) for pairs, _ in blocks for op, source in pairs
        )
        self.projections = nn.ModuleDict(
            {
                str(b): relu_conv_bn(2 * channels, channels, 1)
                for b, (_, combined) in enumerate(blocks)
                if combined == "concat"
            }
        )
        self.reductions = nn.ModuleDict(
            {str(s): FactorizedReduction(channels, channels) for s in self.concatenated if s < 2 and reduction}
        )
        self.channels = channels * len(self.concatenated)

    def forward(self, before_last: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        """Concatenation of the hidden states named by the plan; `(batch, channels, height, width)`."""
        states = [adapt(x) for adapt, x in zip(self.inputs, (before_last, last), strict=True)]
        for b, sources in enumerate(self.sources):
            left, right = (self.operations[2 * b + side](states[source]) for side, source in enumerate(sources))
            if str(b) in self.projections:
                states.append(self.projections[str(b)](torch.cat([left, right], dim=1)))
            else:
                states.append(left + right)
        return torch.cat(
            [self.reductions[str(s)](states[s]) if str(s) in self.reductions else states[s] for s in self.concatenated],
            dim=1,
        )


def operation(name: str, channels: int, stride: int) -> nn.Module:
    """A named operation of DARTS or NASNet; keeps the channels, divides height and width by the stride."""
    match name.split("_"):
        case ["none"]:
            return Zero(channels, stride)
        case ["skip", "connect"]:
            return nn.Identity() if stride == 1 else FactorizedReduction(channels, channels)
        case ["avg", "pool", size]:
            return avg_pool(int(size[0]), stride)
        case ["max", "pool", size]:
            return nn.MaxPool2d(int(size[0]), stride, padding=int(size[0]) // 2)
        case ["sep", "conv", size]:
            kernel = int(size[0])
            return nn.Sequential(_separable(channels, kernel, stride, 1), _separable(channels, kernel, 1, 1))
        case ["dil", "conv", size]:
            return _separable(channels, int(size[0]), stride, 2)
        case ["conv", size]:
            return relu_conv_bn(channels, channels, int(size[0]), stride)
        case ["conv", *sizes]:
            return _chain(channels, [(int(size[0]), int(size[2])) for size in sizes], stride)
        case _:
            raise ValueError(f"no operation is named {name!r}")


def _separable(channels: int, kernel: int, stride: int, dilation: int) -> nn.Sequential:
    """ReLU, depthwise convolution, 1x1 convolution, batch normalisation."""
    pad = dilation * (kernel - 1) // 2
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, pad, dilation, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    )


def _chain(channels: int, kernels: Sequence[tuple[int, int]], stride: int) -> nn.Sequential:
    """ReLU, a sequence of convolutions that each stride along their longer side, batch normalisation."""
    convolutions = [
        nn.Conv2d(
            channels,
            channels,
            (height, width),
            (stride if height > 1 else 1, stride if width > 1 else 1),
            ((height - 1) // 2, (width - 1) // 2),
            bias=False,
        )
        for height, width in kernels
    ]
    return nn.Sequential(nn.ReLU(), *convolutions, nn.BatchNorm2d(channels))
