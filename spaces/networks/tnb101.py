"""Stem and residual block of the networks of TransNAS-Bench-101, both levels (Duan et al., 2021)."""

from collections.abc import Sequence

import torch
from torch import nn

from nasbench.spaces.networks import layers

MIN_SIDE_TO_REDUCE = 64
"""Minimum height and width of images that the stem divides by four."""


def stem(shape: Sequence[int], channels: int) -> list[nn.Module]:
    """Two convolutions, to half and to all of the channels; both halve large images.

    Args:
        shape: Channels, height and width of an image.
        channels: Output channels.
    """
    half, stride = (channels + 1) // 2, 2 if min(shape[1:]) >= MIN_SIDE_TO_REDUCE else 1
    return [layers.conv_bn(shape[0], half, 3, stride), layers.relu_conv_bn(half, channels, 3, stride)]


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, each after a ReLU, plus the input, projected by a 1x1 convolution if the shape changes.

    Args:
        c_in: Channels of the input.
        c_out: Channels of the output.
        stride: Divisor of height and width.
    """

    def __init__(self, c_in: int, c_out: int, stride: int = 1) -> None:
        super().__init__()
        self.residual = nn.Sequential(layers.relu_conv_bn(c_in, c_out, 3, stride), layers.relu_conv_bn(c_out, c_out, 3))
        keeps = stride == 1 and c_in == c_out
        self.shortcut = nn.Identity() if keeps else layers.conv_bn(c_in, c_out, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(batch, c_in, height, width)` to `(batch, c_out, height / stride, width / stride)`."""
        total: torch.Tensor = self.residual(x) + self.shortcut(x)
        return total
