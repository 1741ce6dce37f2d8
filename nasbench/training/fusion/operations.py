"""Operations on the values of many networks side by side, each run as one call.

Values are stacked along axis 1: channels `(b, channels, h, w)` or features `(b, features)`. Parameters and buffers are
concatenated along axis 0. Two steps with equal operations can run as one, whichever networks they belong to.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import nn
from torch.nn import functional

from nasbench.errors import InputError

Sides = tuple[int, ...]
"""Trailing shape of a value after the stacking axis: `(h, w)` for images, `()` for features."""
DENSE_POOL_PIXELS = 64
"""Largest image, in pixels, whose average pooling is computed as a matrix product."""


class Unfusable(InputError):
    """A network cannot run side by side with others; the message says why."""


class Operation(ABC):
    """Operation on stacked values; two are equal if they can be one call. Subclasses are frozen."""

    names: tuple[str, ...] = ()
    """Names of the parameters and buffers of the module that it stands for."""

    @abstractmethod
    def run(
        self, values: Sequence[torch.Tensor], tensors: Sequence[torch.Tensor], width: int, training: bool
    ) -> torch.Tensor:
        """The stacked result.

        Args:
            values: Operands, each stacked; for `Zeros` the input of the networks.
            tensors: Parameters and buffers, each concatenated, in the order of `names`.
            width: Size of the result along axis 1.
            training: Whether networks are being trained.
        """


class Weighted(Operation):
    """An operation with a weight and an optional bias."""

    biased: bool

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Weight, and bias if there is one."""
        return ("weight", "bias") if self.biased else ("weight",)


@dataclass(frozen=True)
class Convolution(Weighted):
    """Convolution from `inner` to `outer` channels, in as many groups as the stacked channels make."""

    inner: int
    outer: int
    kernel: Sides
    stride: Sides
    padding: Sides
    dilation: Sides
    biased: bool
    sides: Sides

    @classmethod
    def of(cls, module: nn.Conv2d, sides: Sides) -> Convolution:
        """The convolution of a module, on images with these sides."""
        if module.padding_mode != "zeros" or isinstance(module.padding, str):
            raise Unfusable(f"a convolution pads with {module.padding_mode}, {module.padding}; only zeros are known")
        groups = module.groups
        return cls(
            module.in_channels // groups,
            module.out_channels // groups,
            module.kernel_size,
            module.stride,
            module.padding,
            module.dilation,
            module.bias is not None,
            sides,
        )

    def run(
        self, values: Sequence[torch.Tensor], tensors: Sequence[torch.Tensor], width: int, training: bool
    ) -> torch.Tensor:
        """Grouped convolution; with a kernel of one pixel, matrix products."""
        (x,), (weight, *bias) = values, tensors
        groups = width // self.outer
        if self.kernel == self.stride == (1, 1) and self.padding == (0, 0) and self.inner > 1:
            stacked = x.reshape(len(x), groups, self.inner, -1)  # (b, groups, inner, h * w)
            matrices = weight.view(groups, self.outer, self.inner)
            product = torch.matmul(matrices, stacked).view(len(x), width, *self.sides)
            return product + bias[0].view(-1, 1, 1) if bias else product
        return functional.conv2d(x, weight, bias[0] if bias else None, self.stride, self.padding, self.dilation, groups)


@dataclass(frozen=True)
class BatchNorm(Operation):
    """Batch normalisation with learnt scale and shift."""

    eps: float
    momentum: float
    sides: Sides
    names = ("weight", "bias", "running_mean", "running_var")

    @classmethod
    def of(cls, module: nn.BatchNorm2d, sides: Sides) -> BatchNorm:
        """The normalisation of a module, on images with these sides."""
        if not module.affine or not module.track_running_stats or module.momentum is None:
            raise Unfusable("a batch normalisation has no scale, no running statistics, or no momentum")
        return cls(module.eps, module.momentum, sides)

    def run(
        self, values: Sequence[torch.Tensor], tensors: Sequence[torch.Tensor], width: int, training: bool
    ) -> torch.Tensor:
        """Normalise all channels."""
        weight, bias, mean, variance = tensors
        return functional.batch_norm(values[0], mean, variance, weight, bias, training, self.momentum, self.eps)


@dataclass(frozen=True)
class Normalised(Operation):
    """Convolution and batch normalisation, folded into one convolution in evaluation."""

    convolution: Convolution
    norm: BatchNorm

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the convolution, then of the normalisation."""
        return (*self.convolution.names, *self.norm.names)

    def run(
        self, values: Sequence[torch.Tensor], tensors: Sequence[torch.Tensor], width: int, training: bool
    ) -> torch.Tensor:
        """Both in turn while training; one folded convolution in evaluation."""
        tensors, (scale, shift, mean, variance) = tensors[:-4], tensors[-4:]
        if training:
            return self.norm.run(
                [self.convolution.run(values, tensors, width, True)], [scale, shift, mean, variance], width, True
            )
        weight, *bias = tensors
        scale = scale * (variance + self.norm.eps).rsqrt()
        offset = bias[0] - mean if bias else -mean
        folded = [weight * scale.view(-1, 1, 1, 1), torch.addcmul(shift, offset, scale)]
        return replace(self.convolution, biased=True).run(values, folded, width, False)


@dataclass(frozen=True)
class Linear(Weighted):
    """Matrix product of features, with an optional bias."""

    inner: int
    outer: int
    biased: bool

    @classmethod
    def of(cls, module: nn.Linear, sides: Sides) -> Linear:
        """The product of a module."""
        if sides:
            raise Unfusable("a linear layer acts on more than features")
        return cls(module.in_features, module.out_features, module.bias is not None)

    def run(
        self, values: Sequence[torch.Tensor], tensors: Sequence[torch.Tensor], width: int, training: bool
    ) -> torch.Tensor:
        """One matrix product per network."""
        (x,), (weight, *bias) = values, tensors
        groups = width // self.outer
        stacked = x.reshape(len(x), groups, self.inner).transpose(0, 1)  # (groups, b, inner)
        matrices = weight.view(groups, self.outer, self.inner).transpose(1, 2)
        if bias:
            product = torch.baddbmm(bias[0].view(groups, 1, self.outer), stacked, matrices)
        else:
            product = torch.bmm(stacked, matrices)
        return product.transpose(0, 1).reshape(len(x), width)


@dataclass(frozen=True)
class Zeros(Operation):
    """Zeros, whatever the operands are."""

    sides: Sides

    def run(
        self, values: Sequence[torch.Tensor], tensors: Sequence[torch.Tensor], width: int, training: bool
    ) -> torch.Tensor:
        """Zeros of shape `(b, width, *sides)`."""
        return values[0].new_zeros(len(values[0]), width, *self.sides)


@dataclass(frozen=True)
class Channelwise(Operation):
    """Parameter-free operation on each channel by itself: activations, pooling, sums of two values.

    Attributes:
        call: The function of the stacked values.
        key: Identifies the function; equal keys compute the same.
        sides: Trailing shapes of its operands.
    """

    call: Callable[..., torch.Tensor] = field(compare=False)
    key: Hashable
    sides: tuple[Sides, ...]

    def run(
        self, values: Sequence[torch.Tensor], tensors: Sequence[torch.Tensor], width: int, training: bool
    ) -> torch.Tensor:
        """Apply the function to all channels."""
        return self.call(*values)


def mean_pool(module: nn.AvgPool2d, sides: Sides) -> Callable[[torch.Tensor], torch.Tensor]:
    """Average pooling of a module as a matrix product (small images) or as weighted sums over windows."""
    height, width = sides
    if height * width <= DENSE_POOL_PIXELS:
        pixels = torch.eye(height * width, dtype=torch.float64).view(-1, 1, height, width)
        pooled = module(pixels)[:, 0]  # (pixels, h', w')
        matrix, shape = _placed(pooled.flatten(1)), pooled.shape[1:]

        def multiplied(x: torch.Tensor) -> torch.Tensor:
            return torch.matmul(x.flatten(2), matrix(x)).view(*x.shape[:2], *shape)

        return multiplied
    window = torch.ones(1, 1, *_pair(module.kernel_size), dtype=torch.float64)
    ones = torch.ones(1, 1, height, width, dtype=torch.float64)
    counts = functional.conv2d(ones, window, None, module.stride, module.padding)
    means = module(ones)
    if counts.shape != means.shape:
        return module
    ones_in_window, weights = _placed(window), _placed(means / counts)

    def summed(x: torch.Tensor) -> torch.Tensor:
        windows = ones_in_window(x).expand(x.shape[1], -1, -1, -1)
        return functional.conv2d(x, windows, None, module.stride, module.padding, 1, x.shape[1]).mul_(weights(x))

    return summed


def _placed(constant: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """The constant on the device and in the type of a value, copied once: a GPU would wait for each copy."""
    copies: dict[tuple[torch.device, torch.dtype], torch.Tensor] = {}

    def like(x: torch.Tensor) -> torch.Tensor:
        key = x.device, x.dtype
        if key not in copies:
            with torch.inference_mode(False):  # a copy made in an evaluation serves training too
                copies[key] = constant.to(x)
        return copies[key]

    return like


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return size if isinstance(size, tuple) else (size, size)
