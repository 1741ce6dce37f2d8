"""Operations on the values of many networks side by side, each as one call.

Values are stacked along axis 1: channels `(b, channels, h, w)` or features `(b, features)`. Parameters and buffers are
concatenated along axis 0. Two steps whose operations are equal can run as one, whatever networks they are from.
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
"""Shape of a value behind the axis along which values are stacked: `(h, w)`, or `()` of features."""
DENSE = 64
"""Pixels of an image up to which a mean over windows is computed as a product with a matrix."""


class Unfusable(InputError):
    """A network has something that cannot run side by side with others; the message says what."""


class Operation(ABC):
    """What is done to stacked values; equal to another where both can be one call. Subclasses are frozen."""

    names: tuple[str, ...] = ()
    """Parameters and buffers of the module that it stands for."""

    @abstractmethod
    def run(
        self, values: Sequence[torch.Tensor], tensors: Sequence[torch.Tensor], width: int, training: bool
    ) -> torch.Tensor:
        """The stacked result.

        Args:
            values: What it is done to, each stacked; of `Zeros` the input of the networks.
            tensors: Parameters and buffers, each concatenated, in the order of `names`.
            width: Size of the result along axis 1.
            training: Whether networks are being trained.
        """


class Weighted(Operation):
    """An operation with a weight, and perhaps a bias."""

    biased: bool

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Weight, and bias if it has one."""
        return ("weight", "bias") if self.biased else ("weight",)


@dataclass(frozen=True)
class Convolution(Weighted):
    """Convolution of `inner` to `outer` channels, in as many groups as the stacked channels make."""

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
        """The convolution that a module does to images of these sides."""
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
        """A grouped convolution; of one pixel, products of matrices."""
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
        """The normalisation that a module does to images of these sides."""
        if not module.affine or not module.track_running_stats or module.momentum is None:
            raise Unfusable("a batch normalisation has no scale, no running statistics, or no momentum")
        return cls(module.eps, module.momentum, sides)

    def run(
        self, values: Sequence[torch.Tensor], tensors: Sequence[torch.Tensor], width: int, training: bool
    ) -> torch.Tensor:
        """The normalisation of all channels."""
        weight, bias, mean, variance = tensors
        return functional.batch_norm(values[0], mean, variance, weight, bias, training, self.momentum, self.eps)


@dataclass(frozen=True)
class Normalised(Operation):
    """Convolution and batch normalisation: once trained, a convolution of other weights."""

    convolution: Convolution
    norm: BatchNorm

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of the convolution, then those of the normalisation."""
        return (*self.convolution.names, *self.norm.names)

    def run(
        self, values: Sequence[torch.Tensor], tensors: Sequence[torch.Tensor], width: int, training: bool
    ) -> torch.Tensor:
        """One after the other in training; then one convolution."""
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
    """Matrix product of features, and bias if it has one."""

    inner: int
    outer: int
    biased: bool

    @classmethod
    def of(cls, module: nn.Linear, sides: Sides) -> Linear:
        """What a module does to features."""
        if sides:
            raise Unfusable("a linear layer acts on more than features")
        return cls(module.in_features, module.out_features, module.bias is not None)

    def run(
        self, values: Sequence[torch.Tensor], tensors: Sequence[torch.Tensor], width: int, training: bool
    ) -> torch.Tensor:
        """One product for each network."""
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
    """Zeros, whatever the values are."""

    sides: Sides

    def run(
        self, values: Sequence[torch.Tensor], tensors: Sequence[torch.Tensor], width: int, training: bool
    ) -> torch.Tensor:
        """Zeros of the width."""
        return values[0].new_zeros(len(values[0]), width, *self.sides)


@dataclass(frozen=True)
class Channelwise(Operation):
    """What is done to every channel by itself, without parameters: activations, pools, sums of two values.

    Attributes:
        call: Does it, to stacked values.
        key: What it does; equal keys do the same.
        sides: Of its values.
    """

    call: Callable[..., torch.Tensor] = field(compare=False)
    key: Hashable
    sides: tuple[Sides, ...]

    def run(
        self, values: Sequence[torch.Tensor], tensors: Sequence[torch.Tensor], width: int, training: bool
    ) -> torch.Tensor:
        """The same to all channels."""
        return self.call(*values)


def mean_pool(module: nn.AvgPool2d, sides: Sides) -> Callable[[torch.Tensor], torch.Tensor]:
    """What a module does to images of these sides: a product with a matrix, or sums over windows, each weighted."""
    height, width = sides
    if height * width <= DENSE:
        pixels = torch.eye(height * width, dtype=torch.float64).view(-1, 1, height, width)
        pooled = module(pixels)[:, 0]  # (pixels, h', w')
        matrix, shape = pooled.flatten(1), pooled.shape[1:]

        def multiplied(x: torch.Tensor) -> torch.Tensor:
            return torch.matmul(x.flatten(2), matrix.to(x)).view(*x.shape[:2], *shape)

        return multiplied
    window = torch.ones(1, 1, *_pair(module.kernel_size), dtype=torch.float64)
    ones = torch.ones(1, 1, height, width, dtype=torch.float64)
    counts = functional.conv2d(ones, window, None, module.stride, module.padding)
    means = module(ones)
    if counts.shape != means.shape:
        return module
    weights = means / counts

    def summed(x: torch.Tensor) -> torch.Tensor:
        windows = window.to(x).expand(x.shape[1], -1, -1, -1)
        return functional.conv2d(x, windows, None, module.stride, module.padding, 1, x.shape[1]).mul_(weights.to(x))

    return summed


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return size if isinstance(size, tuple) else (size, size)
