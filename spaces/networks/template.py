"""Networks of template spaces: cells that sum at each node, in the skeleton of NAS-Bench-201 (Dong & Yang, 2020).

Known operations, with `k` of 1, 3, 5 or 7 (3, 5 or 7 for separable convolutions and pools, 3 or 5 if dilated):

- `skip`, `skip_connect`, `identity`: the identity;
- `conv{k}x{k}`, `conv_{k}x{k}`, `nor_conv_{k}x{k}`: ReLU, convolution, batch normalisation;
- `sep_conv_{k}x{k}`, `dil_conv_{k}x{k}`: as in DARTS (Liu et al., 2019);
- `maxpool{k}x{k}`, `max_pool_{k}x{k}`, `avgpool{k}x{k}`, `avg_pool_{k}x{k}`: pools of stride 1.
"""

import re
from collections.abc import Sequence

import torch
from torch import nn

from nasbench.errors import InputError
from nasbench.imports import function
from nasbench.spaces.networks.cell_pair import operation
from nasbench.spaces.networks.layers import ResidualReduction, conv_bn, head
from nasbench.spaces.values import NetworkSettings

_PATTERNS = (
    (r"skip|skip_connect|identity", "skip_connect"),
    (r"(?:nor_)?conv_?([1357])x\1", r"conv_\1x\1"),
    (r"sep_conv_([357])x\1", r"sep_conv_\1x\1"),
    (r"dil_conv_([35])x\1", r"dil_conv_\1x\1"),
    (r"(max|avg)_?pool_?([357])x\2", r"\1_pool_\2x\2"),
)
"""Patterns of accepted names, and the names of `cell_pair.operation`."""


def network(
    plan: Sequence[tuple[str, Sequence[int]]], c_image: int, classes: int, settings: NetworkSettings
) -> nn.Module:
    """Images `(batch, c_image, height, width)` to logits `(batch, classes)`.

    Args:
        plan: Operation and summed nodes of each node of a cell after the input, which is node 0. The last node is the
            output, whose operation is ignored.
        c_image: Channels of an image.
        classes: Number of logits.
        settings: Width, cells per stage, and stages.
    """
    channels = settings.channels
    blocks: list[nn.Module] = [conv_bn(c_image, channels, 3)]
    for stage in range(settings.stages):
        if stage > 0:
            blocks.append(ResidualReduction(channels, 2 * channels))
            channels *= 2
        blocks += [SumCell(plan, channels) for _ in range(settings.cells)]
    return nn.Sequential(*blocks, nn.BatchNorm2d(channels), nn.ReLU(), head(channels, classes))


class SumCell(nn.Module):
    """Cell whose nodes each apply an operation to a sum of earlier nodes; see `network` for the plan."""

    def __init__(self, plan: Sequence[tuple[str, Sequence[int]]], channels: int) -> None:
        super().__init__()
        self.sources = [list(sources) for _, sources in plan]
        self.operations = nn.ModuleList(layer(op, channels) for op, _ in plan[:-1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sum at the output, zero if it has no inputs; same shape as `x`."""
        nodes = [x]
        for op, sources in zip(self.operations, self.sources, strict=False):  # the output has no operation
            nodes.append(op(_sum(nodes, sources)))
        return _sum(nodes, self.sources[-1]) if self.sources[-1] else torch.zeros_like(x)


def _sum(nodes: Sequence[torch.Tensor], sources: Sequence[int]) -> torch.Tensor:
    first, *others = (nodes[source] for source in sources)
    for other in others:
        first = first + other
    return first


def layer(op: str, channels: int) -> nn.Module:
    """The operation with this name, or built by the function `"module:function"`; keeps the shape.

    Raises:
        InputError: The name is unknown, or the function builds no module.
    """
    if ":" in op:
        module = function(op, "channels")(channels)
        if not isinstance(module, nn.Module):
            raise InputError(f"{op} returns {type(module).__name__}, not a torch.nn.Module")
        return module
    for pattern, name in _PATTERNS:
        if match := re.fullmatch(pattern, op):
            return operation(match.expand(name), channels, stride=1)
    raise InputError(
        f"no layer is known for the operation {op!r}; name one in layers={{{op!r}: 'module:function'}}, a function of "
        "the channels, or use a known name: conv3x3, sep_conv_5x5, maxpool3x3, skip or none"
    )
