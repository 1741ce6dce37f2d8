"""Torch building blocks shared by the networks of several spaces.

Every block maps `(batch, channels, height, width)` to `(batch, channels', height', width')`, with height and width
divided by the stride and rounded up. Convolutions have no bias, because batch normalisation follows.
"""

from collections.abc import Callable, Sequence

import torch
from torch import nn


def conv_bn(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Convolution and batch normalisation: the stem of NAS-Bench-201 (Dong & Yang, 2020)."""
    return nn.Sequential(_conv(c_in, c_out, kernel, stride), nn.BatchNorm2d(c_out))


def conv_bn_relu(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU: the convolution of NAS-Bench-101 (Ying et al., 2019)."""
    return conv_bn_act(c_in, c_out, kernel, stride, nn.ReLU)


def conv_bn_act(
    c_in: int, c_out: int, kernel: int, stride: int = 1, activation: Callable[[], nn.Module] = nn.ReLU
) -> nn.Sequential:
    """Convolution, batch normalisation and any activation."""
    return nn.Sequential(_conv(c_in, c_out, kernel, stride), nn.BatchNorm2d(c_out), activation())


def relu_conv_bn(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """ReLU, convolution, batch normalisation: the convolution of NAS-Bench-201 (Dong & Yang, 2020)."""
    return nn.Sequential(nn.ReLU(), _conv(c_in, c_out, kernel, stride), nn.BatchNorm2d(c_out))


def avg_pool(kernel: int, stride: int = 1) -> nn.AvgPool2d:
    """Mean over a window, without positions outside the image.

    A linear map of the image, with the output size of `conv_bn` of the same kernel and stride.
    """
    return nn.AvgPool2d(kernel, stride, padding=(kernel - 1) // 2, ceil_mode=kernel % 2 == 0, count_include_pad=False)


class EdgeCell(nn.Module):
    """Cell with operations on its edges: each node sums its incoming edges, the first node is the input.

    Args:
        edges: Source and target of each operation, sorted by target; the last node is the output.
        operations: Operation of each edge; None outputs nothing. Operations on a node without inputs act on zeros of
            the shape of the input. If operations on the input change its shape, all of them must, with `Zero` in place
            of None.
    """

    def __init__(self, edges: Sequence[tuple[int, int]], operations: Sequence[nn.Module | None]) -> None:
        super().__init__()
        pairs = [(edge, op) for edge, op in zip(edges, operations, strict=True) if op is not None]
        self.edges = [edge for edge, _ in pairs]
        self.operations = nn.ModuleList(op for _, op in pairs)
        self.output = edges[-1][1]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The output node."""
        nodes = {0: x}
        for (source, target), operation in zip(self.edges, self.operations, strict=True):
            arriving = operation(nodes[source] if source in nodes else torch.zeros_like(x))
            nodes[target] = nodes[target] + arriving if target in nodes else arriving
        return nodes[self.output] if self.output in nodes else torch.zeros_like(x)


class ResidualReduction(nn.Module):
    """Residual block that halves the image (He et al., 2016), as between the stages of NAS-Bench-201.

    Args:
        c_in: Channels of the input.
        c_out: Channels of the output.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(relu_conv_bn(c_in, c_out, 3, stride=2), relu_conv_bn(c_out, c_out, 3))
        self.shortcut = nn.Sequential(avg_pool(2, stride=2), _conv(c_in, c_out, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Half the height and width, `c_out` channels."""
        total: torch.Tensor = self.residual(x) + self.shortcut(x)  # (b, c_out, h / 2, w / 2)
        return total


class FactorizedReduction(nn.Module):
    """ReLU, two concatenated 1x1 convolutions of stride 2 on pixels one apart, and batch normalisation.

    The skip that halves the image in DARTS (Liu et al., 2019) and TransNAS-Bench-101 (Duan et al., 2021).

    Args:
        c_in: Channels of the input.
        c_out: Channels of the output, at least two; each convolution computes half of them.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.first = _conv(c_in, c_out // 2, 1, stride=2)
        self.second = _conv(c_in, c_out - c_out // 2, 1, stride=2)
        self.norm = nn.BatchNorm2d(c_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Half the height and width, `c_out` channels."""
        x = torch.relu(x)
        shifted = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        result: torch.Tensor = self.norm(torch.cat([self.first(x), self.second(shifted)], dim=1))
        return result


class Zero(nn.Module):
    """Zeros of the output shape of a convolution.

    Args:
        c_out: Channels of the output.
        stride: Divisor of height and width.
    """

    def __init__(self, c_out: int, stride: int = 1) -> None:
        super().__init__()
        self.c_out, self.stride = c_out, stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Zeros with `c_out` channels."""
        batch, _, *sides = x.shape
        return x.new_zeros(batch, self.c_out, *(-(-side // self.stride) for side in sides))


class InvertedResidual(nn.Module):
    """Inverted residual: expanding 1x1, depthwise and projecting 1x1 convolutions (Sandler et al., 2018).

    Batch normalisation follows every convolution, the activation every one but the last. With expansion 1 the first
    convolution is left out. The input is added if the shape does not change.

    Args:
        c_in: Channels of the input.
        c_out: Channels of the output.
        kernel: Width of the depthwise convolution.
        stride: Stride of the depthwise convolution.
        expansion: Inner channels per input channel.
        activation: Constructor of the activation.
        excitation: Constructor of a module that rescales the inner channels, such as `SqueezeExcitation`, from their
            number; None for no rescaling.
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int,
        stride: int,
        expansion: int,
        activation: Callable[[], nn.Module] = nn.ReLU,
        excitation: Callable[[int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        middle = expansion * c_in
        self.layers = nn.Sequential(
            *([] if expansion == 1 else [conv_bn_act(c_in, middle, 1, activation=activation)]),
            nn.Conv2d(middle, middle, kernel, stride, padding=kernel // 2, groups=middle, bias=False),
            nn.BatchNorm2d(middle),
            activation(),
            *([] if excitation is None else [excitation(middle)]),
            conv_bn(middle, c_out, 1),
        )
        self.residual = stride == 1 and c_in == c_out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(batch, c_in, height, width)` to `(batch, c_out, height / stride, width / stride)`."""
        result: torch.Tensor = self.layers(x)
        return x + result if self.residual else result


class SqueezeExcitation(nn.Module):
    """Channels rescaled by a small network on the means of all channels (Hu et al., 2018).

    Args:
        channels: Channels of the input.
        squeezed: Width of the small network.
        activation: Constructor of its activation.
        gate: Constructor of the final activation, which maps to [0, 1].
    """

    def __init__(
        self,
        channels: int,
        squeezed: int,
        activation: Callable[[], nn.Module] = nn.ReLU,
        gate: Callable[[], nn.Module] = nn.Sigmoid,
    ) -> None:
        super().__init__()
        self.factors = nn.Sequential(
            GlobalAverage(), nn.Linear(channels, squeezed), activation(), nn.Linear(squeezed, channels), gate()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The same shape."""
        scaled: torch.Tensor = x * self.factors(x)[:, :, None, None]
        return scaled


class Resize(nn.Module):
    """Images resized by antialiased bilinear interpolation.

    Args:
        share: Ratio of output to input height and width; the result is rounded to whole pixels, at least one.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(batch, channels, share * height, share * width)`."""
        size = [max(1, round(self.share * side)) for side in x.shape[2:]]
        if size == list(x.shape[2:]):
            return x
        return nn.functional.interpolate(x, size, mode="bilinear", antialias=True)


class GlobalAverage(nn.Module):
    """Mean over height and width: `(batch, channels, height, width)` to `(batch, channels)`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The mean of each channel."""
        return x.mean(dim=(2, 3))  # a plain mean, whose gradient is deterministic on CUDA


def head(channels: int, classes: int) -> nn.Sequential:
    """Global average and a linear layer: `(batch, channels, height, width)` to logits `(batch, classes)`."""
    return nn.Sequential(GlobalAverage(), nn.Linear(channels, classes))


def _conv(c_in: int, c_out: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(c_in, c_out, kernel, stride, padding=(kernel - 1) // 2, bias=False)
