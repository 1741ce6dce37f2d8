"""What the networks of both levels of TransNAS-Bench-101 are built of (Duan et al., 2021)."""

from collections.abc import Sequence

import torch
from torch import nn

from nasbench.spaces.networks import layers

LARGE = 64
"""Images of at least this height and width are divided by four in the stem."""


def stem(shape: Sequence[int], channels: int) -> list[nn.Module]:
    """Two convolutions, to half and to all of the channels; both halve large images.

    Args:
        shape: Of an image: channels, height, width.
        channels: Of the result.
    """
    half, stride = (channels + 1) // 2, 2 if min(shape[1:]) >= LARGE else 1
    return [layers.conv_bn(shape[0], half, 3, stride), layers.relu_conv_bn(half, channels, 3, stride)]


class BasicBlock(nn.Module):
    """Two convolutions 3x3, each after a ReLU, and the input, which a convolution 1x1 brings into shape if need be.

    Args:
        c_in: Channels of the input.
        c_out: Channels of the output.
        stride: By what height and width are divided.
    """

    def __init__(self, c_in: int, c_out: int, stride: int = 1) -> None:
        super().__init__()
        self.residual = nn.Sequential(layers.relu_conv_bn(c_in, c_out, 3, stride), layers.relu_conv_bn(c_out, c_out, 3))
        keeps = stride == 1 and c_in == c_out
        self.shortcut = nn.Identity() if keeps else layers.conv_bn(c_in, c_out, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The height and width divided by the stride, `c_out` channels."""
        total: torch.Tensor = self.residual(x) + self.shortcut(x)
        return total
