"""YOLO detectors: the block of each generation, in a common backbone, neck and head (Lazarevich et al., 2023).

`BLOCKS[name](c_in, c_out, n)` builds a block, which keeps height and width. Its inner part, on half of the channels
unless stated otherwise, is repeated `n` times.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from nasbench.tasks.detection import CLASS_BIAS, ObjectDetection


def conv(c_in: int, c_out: int, kernel: int, stride: int = 1, act: type[nn.Module] = nn.SiLU) -> nn.Sequential:
    """Convolution, batch normalisation, activation."""
    convolution = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(c_out), act())


class Residual(nn.Module):
    """Layers plus their input."""

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*parts)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(b, c, h, w)` to the same shape."""
        result: torch.Tensor = x + self.layers(x)
        return result


def darknet(c_in: int, c_out: int, n: int) -> nn.Module:
    """YOLOv3: residual pairs of a 1x1 convolution to half of the channels and a 3x3 convolution (Redmon, 2018)."""
    first = [conv(c_in, c_out, 1)] if c_in != c_out else []
    half = c_out // 2
    return nn.Sequential(*first, *(Residual(conv(c_out, half, 1), conv(half, c_out, 3)) for _ in range(n)))


class Partial(nn.Module):
    """Cross-stage partial: one half of the channels passes through layers, the other bypasses them (Wang et al., 2020).

    Args:
        c_in: Channels of the input.
        c_out: Channels of the output.
        inner: Constructor of the layers, from the number of channels.
        act: Activation.
        share: Ratio of the channels of each half to output channels.
        joint: Whether both halves are normalised together, after a plain convolution (YOLOv4).
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        inner: Callable[[int], nn.Module],
        act: type[nn.Module] = nn.SiLU,
        share: float = 0.5,
        joint: bool = False,
    ) -> None:
        super().__init__()
        half = max(1, int(share * c_out))
        self.through = nn.Sequential(conv(c_in, half, 1, act=act), inner(half))
        self.past: nn.Module = conv(c_in, half, 1, act=act)
        self.between: nn.Module = nn.Identity()
        if joint:
            self.through.append(nn.Conv2d(half, half, 1, bias=False))
            self.past = nn.Conv2d(c_in, half, 1, bias=False)
            self.between = nn.Sequential(nn.BatchNorm2d(2 * half), act())
        self.last = conv(2 * half, c_out, 1, act=act)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(b, c_in, h, w)` to `(b, c_out, h, w)`."""
        halves = torch.cat([self.through(x), self.past(x)], dim=1)
        result: torch.Tensor = self.last(self.between(halves))
        return result


def csp(c_in: int, c_out: int, n: int) -> nn.Module:
    """YOLOv4: a partial stage with Mish (Bochkovskiy et al., 2020; Wang et al., 2021)."""

    def inner(c: int) -> nn.Module:
        return nn.Sequential(*(Residual(conv(c, c, 1, act=nn.Mish), conv(c, c, 3, act=nn.Mish)) for _ in range(n)))

    return Partial(c_in, c_out, inner, act=nn.Mish, joint=True)


def c3(c_in: int, c_out: int, n: int) -> nn.Module:
    """YOLOv5: a partial stage of three convolutions (Jocher, 2020)."""
    return Partial(c_in, c_out, lambda c: nn.Sequential(*(Residual(conv(c, c, 1), conv(c, c, 3)) for _ in range(n))))


class RepVGG(nn.Module):
    """ReLU of the sum of a 3x3 convolution, a 1x1 convolution and the input, each normalised (Ding et al., 2021).

    The input is left out if the number of channels changes.
    """

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.wide = nn.Sequential(nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out))
        self.narrow = nn.Sequential(nn.Conv2d(c_in, c_out, 1, bias=False), nn.BatchNorm2d(c_out))
        self.same = nn.BatchNorm2d(c_out) if c_in == c_out else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(b, c_in, h, w)` to `(b, c_out, h, w)`."""
        total = self.wide(x) + self.narrow(x)
        return torch.relu(total if self.same is None else total + self.same(x))


def rep(c_in: int, c_out: int, n: int) -> nn.Module:
    """YOLOv6-S: a sequence of convolutions that can be merged after training (Li et al., 2022)."""
    return nn.Sequential(RepVGG(c_in, c_out), *(RepVGG(c_out, c_out) for _ in range(n - 1)))


def bepc3(c_in: int, c_out: int, n: int) -> nn.Module:
    """YOLOv6-M: a partial stage with two thirds of the channels and residual pairs of mergeable convolutions."""

    def inner(c: int) -> nn.Module:
        return nn.Sequential(*(Residual(RepVGG(c, c), RepVGG(c, c)) for _ in range(max(1, n // 2))))

    return Partial(c_in, c_out, inner, act=nn.ReLU, share=2 / 3)


def bepc3_silu(c_in: int, c_out: int, n: int) -> nn.Module:
    """YOLOv6-L: a partial stage with residual pairs of plain convolutions and SiLU."""
    return Partial(
        c_in,
        c_out,
        lambda c: nn.Sequential(*(Residual(conv(c, c, 3), conv(c, c, 3)) for _ in range(max(1, n // 2)))),
    )


class Branching(nn.Module):
    """Two branches of the input; one passes through steps, and all intermediate results are concatenated.

    Args:
        c_in: Channels of the input.
        c_out: Channels of the output.
        hidden: Channels of every result.
        steps: Layers between successive results.
    """

    def __init__(self, c_in: int, c_out: int, hidden: int, steps: list[nn.Module]) -> None:
        super().__init__()
        self.past, self.first = conv(c_in, hidden, 1), conv(c_in, hidden, 1)
        self.steps = nn.ModuleList(steps)
        self.last = conv((2 + len(steps)) * hidden, c_out, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(b, c_in, h, w)` to `(b, c_out, h, w)`."""
        parts = [self.past(x), self.first(x)]
        for step in self.steps:
            parts.append(step(parts[-1]))
        result: torch.Tensor = self.last(torch.cat(parts, dim=1))
        return result


def elan(c_in: int, c_out: int, n: int) -> nn.Module:
    """YOLOv7: pairs of 3x3 convolutions on a quarter of the channels, all concatenated (ELAN, Wang et al., 2022)."""
    hidden = max(1, c_out // 4)
    pairs: list[nn.Module] = [
        nn.Sequential(conv(hidden, hidden, 3), conv(hidden, hidden, 3)) for _ in range(max(1, n // 2))
    ]
    return Branching(c_in, c_out, hidden, pairs)


def c2f(c_in: int, c_out: int, n: int) -> nn.Module:
    """YOLOv8: residual pairs of 3x3 convolutions, all concatenated (Jocher et al., 2023)."""
    half = max(1, c_out // 2)
    return Branching(c_in, c_out, half, [Residual(conv(half, half, 3), conv(half, half, 3)) for _ in range(n)])


BLOCKS: dict[str, Callable[[int, int, int], nn.Module]] = {
    "bottleneck": darknet,
    "csp": csp,
    "c3": c3,
    "rep": rep,
    "bepc3": bepc3,
    "bepc3_silu": bepc3_silu,
    "elan": elan,
    "c2f": c2f,
}


class Pooling(nn.Module):
    """Spatial pyramid pooling: the feature and its maxima over three growing windows (SPPF of YOLOv5)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = max(1, channels // 2)
        self.first, self.last = conv(channels, half, 1), conv(4 * half, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(b, c, h, w)` to the same shape."""
        parts = [self.first(x)]
        for _ in range(3):
            parts.append(functional.max_pool2d(parts[-1], 5, 1, 2))
        result: torch.Tensor = self.last(torch.cat(parts, dim=1))
        return result


class Head(nn.Module):
    """Class logits and distances of one level, from separate branches."""

    def __init__(self, c_in: int, hidden: int, classes: int) -> None:
        super().__init__()
        last = [nn.Conv2d(hidden, c_out, 1) for c_out in (classes, 4)]
        for layer, bias in zip(last, (CLASS_BIAS, 0.0), strict=True):
            nn.init.normal_(layer.weight, std=0.01)
            assert layer.bias is not None
            nn.init.constant_(layer.bias, bias)
        self.branches = nn.ModuleList(
            nn.Sequential(conv(c_in, hidden, 3), conv(hidden, hidden, 3), layer) for layer in last
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(b, c_in, h, w)` to `(b, classes + 4, h, w)`."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Detector(nn.Module):
    """Images `(b, c, h, w)` to outputs of three levels, `(b, classes + 4, h_l, w_l)`, of strides 2, 4 and 8.

    Args:
        block: Name of the block.
        channels: Channels of the stem and of the stages of levels 2 to 5.
        repeats: Repeats of the four stages, and of the stages of the neck.
        size: Height and width of the resized image.
        images: The task.
    """

    def __init__(
        self, block: str, channels: list[int], repeats: list[int], size: tuple[int, int], images: ObjectDetection
    ) -> None:
        super().__init__()
        make_block, self.size = BLOCKS[block], size
        stem, c2, c3, c4, c5 = channels
        n2, n3, n4, n5, neck = repeats
        self.start = nn.Sequential(
            conv(images.shape[0], stem, 3, 2),
            conv(stem, c2, 3),
            make_block(c2, c2, n2),
            conv(c2, c3, 3),
            make_block(c3, c3, n3),
        )
        self.stage4 = nn.Sequential(conv(c3, c4, 3, 2), make_block(c4, c4, n4))
        self.stage5 = nn.Sequential(conv(c4, c5, 3, 2), make_block(c5, c5, n5), Pooling(c5))
        self.from5, self.up4 = conv(c5, c4, 1), make_block(2 * c4, c4, neck)
        self.from4, self.up3 = conv(c4, c3, 1), make_block(2 * c3, c3, neck)
        self.to4, self.down4 = conv(c3, c3, 3, 2), make_block(2 * c3, c4, neck)
        self.to5, self.down5 = conv(c4, c4, 3, 2), make_block(2 * c4, c5, neck)
        self.heads = nn.ModuleList(Head(c, c3, images.classes) for c in (c3, c4, c5))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """All levels, finest first."""
        if x.shape[2:] != self.size:
            x = functional.interpolate(x, self.size, mode="bilinear", align_corners=False)
        level3 = self.start(x)
        level4 = self.stage4(level3)
        level5 = self.from5(self.stage5(level4))
        middle = self.up4(torch.cat([_enlarged(level5, level4), level4], dim=1))
        level4 = self.from4(middle)
        out3 = self.up3(torch.cat([_enlarged(level4, level3), level3], dim=1))
        out4 = self.down4(torch.cat([self.to4(out3), level4], dim=1))
        out5 = self.down5(torch.cat([self.to5(out4), level5], dim=1))
        return [head(x) for head, x in zip(self.heads, (out3, out4, out5), strict=True)]


def _enlarged(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """`x` resized to the height and width of another feature, by nearest pixels."""
    return functional.interpolate(x, like.shape[2:], mode="nearest")


def detector(block: str, channels: list[int], repeats: list[int], zoom: float, images: ObjectDetection) -> nn.Module:
    """The network of `YOLO.network`, for images resized by the factor `zoom`."""
    height, width = (max(1, round(side * zoom)) for side in images.shape[1:])
    return Detector(block, channels, repeats, (height, width), images)
