"""Detectors: backbone, pyramids of merging cells, and class and box nets shared by all levels (Tan et al., 2020)."""

import math
from collections.abc import Sequence
from itertools import pairwise, permutations

import torch
from torch import nn
from torch.nn import functional

from nasbench.spaces.efficientdet import Scaling
from nasbench.spaces.networks import layers
from nasbench.spaces.values import NetworkSettings
from nasbench.tasks.detection import CLASS_BIAS, ObjectDetection

PUBLISHED_RESOLUTION, PUBLISHED_WIDTH, PUBLISHED_DEPTH = 512, 64, 3
"""Resolution, width and depth of EfficientDet-D0."""
BACKBONES = ((1.0, 1.0), (1.0, 1.1), (1.1, 1.2), (1.2, 1.4), (1.4, 1.8), (1.6, 2.2), (1.8, 2.6))
"""Width and depth factors of EfficientNet-B0 to B6 relative to B0 (Tan & Le, 2019)."""
STAGE_CHANNELS = (32, 40, 112, 320)
"""Channels of EfficientNet-B0 after its stem and at levels 3 to 5."""

Cells = Sequence[tuple[int, str, Sequence[int]]]
"""Cells in topological order, each (computed feature, operation, read features)."""


def detector(
    cells: Cells, levels: Sequence[int], size: Scaling, images: ObjectDetection, settings: NetworkSettings
) -> nn.Module:
    """The network of `Detection.network`; `levels` are the levels of all features, from 0."""
    unit, deeper = settings.channels / PUBLISHED_WIDTH, settings.cells / PUBLISHED_DEPTH
    wide, deep = BACKBONES[size.backbone]
    channels = [max(1, round(unit * wide * stage)) for stage in STAGE_CHANNELS]
    width = max(1, round(unit * size.width))
    height, across = (max(1, round(side * size.resolution / PUBLISHED_RESOLUTION)) for side in images.shape[1:])
    pyramids = (Pyramid(cells, levels, width) for _ in range(max(1, round(deeper * size.depth))))
    depth = max(1, round(deeper * size.head))
    return Detector(
        (height, across),
        Backbone(images.shape[0], channels, math.ceil(deep * settings.cells), width),
        nn.Sequential(*pyramids),
        Net(width, depth, images.classes, CLASS_BIAS),
        Net(width, depth, 4, 0.0),
    )


class Detector(nn.Module):
    """Images `(b, c, h, w)` to class logits and distances of five levels, `(b, classes + 4, h_l, w_l)` each."""

    def __init__(
        self, size: tuple[int, int], backbone: nn.Module, pyramid: nn.Module, classes: nn.Module, boxes: nn.Module
    ) -> None:
        super().__init__()
        self.size, self.backbone, self.pyramid, self.classes, self.boxes = size, backbone, pyramid, classes, boxes

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """All levels, finest first."""
        if x.shape[2:] != self.size:
            x = functional.interpolate(x, self.size, mode="bilinear", antialias=False, align_corners=False)
        features = self.pyramid(self.backbone(x))
        parts = zip(self.classes(features), self.boxes(features), strict=True)
        return [torch.cat(part, dim=1) for part in parts]


class Backbone(nn.Module):
    """Stem, three stages of inverted residual blocks (levels 3 to 5) and two poolings (6 and 7); features `width` wide.

    Each halves the image, except the first stage.

    Args:
        c_in: Channels of the image.
        channels: Channels of the stem and of the stages.
        blocks: Blocks per stage.
        width: Channels of the features.
    """

    def __init__(self, c_in: int, channels: Sequence[int], blocks: int, width: int) -> None:
        super().__init__()
        self.stem = layers.conv_bn_relu(c_in, channels[0], 3, stride=2)
        self.stages = nn.ModuleList(
            nn.Sequential(
                *(
                    layers.InvertedResidual(*((before, after) if block == 0 else (after, after)), 3, stride, 4)
                    for block, stride in enumerate([1 if stage == 0 else 2] + [1] * (blocks - 1))
                )
            )
            for stage, (before, after) in enumerate(pairwise(channels))
        )
        self.lateral = nn.ModuleList(layers.conv_bn(c, width, 1) for c in channels[1:])
        self.coarse = nn.Sequential(layers.conv_bn(channels[-1], width, 1), nn.MaxPool2d(3, 2, 1))
        self.coarser = nn.MaxPool2d(3, 2, 1)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Features of five levels, `(b, width, h / 2, w / 2)` to `(b, width, h / 32, w / 32)`, rounded up."""
        x = self.stem(x)
        features = []
        for stage, lateral in zip(self.stages, self.lateral, strict=True):
            x = stage(x)
            features.append(lateral(x))
        features.append(self.coarse(x))
        features.append(self.coarser(features[-1]))
        return features


class Pyramid(nn.Module):
    """One pyramid of merging cells, from five features to five.

    Args:
        cells: The cells.
        levels: Levels of all features; the first five are inputs, the last five outputs.
        width: Channels of all features.
    """

    def __init__(self, cells: Cells, levels: Sequence[int], width: int) -> None:
        super().__init__()
        self.cells, self.levels = [(feature, sources) for feature, _, sources in cells], levels
        self.merges = nn.ModuleList(merge(op, [levels[source] for source in sources]) for _, op, sources in cells)
        self.convolutions = nn.ModuleList(
            nn.Sequential(nn.SiLU(), *separable(width, width, bias=False), nn.BatchNorm2d(width)) for _ in cells
        )

    def forward(self, inputs: list[torch.Tensor]) -> list[torch.Tensor]:
        """The output levels, with the sizes of the inputs."""
        known = dict(enumerate(inputs))
        sizes = [tuple(x.shape[2:]) for x in inputs]
        for (feature, sources), join, convolution in zip(self.cells, self.merges, self.convolutions, strict=True):
            level = self.levels[feature]
            known[feature] = convolution(
                join([resize(known[source], self.levels[source], level, sizes[level]) for source in sources])
            )
        last = len(self.levels) - len(inputs)
        return [known[last + level] for level in range(len(inputs))]


def resize(x: torch.Tensor, level: int, target: int, size: tuple[int, ...]) -> torch.Tensor:
    """A feature resized to another level: nearest pixel upwards, max-pooling downwards (NAS-FPN)."""
    if target > level:
        return functional.max_pool2d(x, 2 ** (target - level), ceil_mode=True)
    return functional.interpolate(x, size, mode="nearest") if target < level else x


def merge(op: str, levels: Sequence[int]) -> nn.Module:
    """The module of an operation on features of these levels."""
    if op == "fusion":
        return Fusion(len(levels))
    return Attention(levels) if op == "attention" else Sum()


class Sum(nn.Module):
    """The sum of features of one shape."""

    def forward(self, features: list[torch.Tensor]) -> torch.Tensor:
        """`(b, c, h, w)` each."""
        return torch.stack(features).sum(dim=0)


class Fusion(nn.Module):
    """Mean of features with learnt positive weights: fast normalised fusion (Tan et al., 2020, section 3.3).

    Args:
        count: Number of features.
    """

    def __init__(self, count: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.ones(count))

    def forward(self, features: list[torch.Tensor]) -> torch.Tensor:
        """`(b, c, h, w)` each."""
        weights = torch.relu(self.weights)
        weights = weights / (weights.sum() + 1e-4)
        return torch.stack([weight * x for weight, x in zip(weights, features, strict=True)]).sum(dim=0)


class Attention(nn.Module):
    """The lowest level times a gate computed from the next level, plus all other features (NAS-FPN).

    The gate of a channel is the sigmoid of its maximum. Features of equal level take each place in turn, and the
    results are averaged.

    Args:
        levels: Original levels of the features.
    """

    def __init__(self, levels: Sequence[int]) -> None:
        super().__init__()
        orders = [o for o in permutations(range(len(levels))) if [levels[i] for i in o] == sorted(levels)]
        pairs = [order[:2] for order in orders]  # (lowest feature, gating feature)
        self.pairs = [(pair, pairs.count(pair) / len(pairs)) for pair in sorted({*pairs})]

    def forward(self, features: list[torch.Tensor]) -> torch.Tensor:
        """`(b, c, h, w)` each."""
        gates = [torch.sigmoid(x.amax(dim=(2, 3), keepdim=True)) for x in features]  # (b, c, 1, 1)
        plain = torch.stack(features).sum(dim=0)
        for (low, high), share in self.pairs:
            plain = plain + share * (gates[high] - 1) * features[low]
        return plain


def separable(c_in: int, c_out: int, bias: bool) -> tuple[nn.Conv2d, nn.Conv2d]:
    """A depthwise 3x3 convolution, then a 1x1 convolution."""
    return nn.Conv2d(c_in, c_in, 3, padding=1, groups=c_in, bias=False), nn.Conv2d(c_in, c_out, 1, bias=bias)


class Net(nn.Module):
    """Separable convolutions shared by all levels, with batch normalisation per level, and a last convolution.

    Args:
        width: Channels of the features.
        depth: Convolutions before the last.
        c_out: Output channels.
        bias: Mean output at initialisation.
        levels: Number of levels.
    """

    def __init__(self, width: int, depth: int, c_out: int, bias: float, levels: int = 5) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Sequential(*separable(width, width, bias=False)) for _ in range(depth))
        self.levels = levels
        self.norms = nn.ModuleList(nn.Sequential(nn.BatchNorm2d(width), nn.SiLU()) for _ in range(depth * levels))
        depthwise, project = separable(width, c_out, bias=True)
        self.last = nn.Sequential(depthwise, project)
        nn.init.normal_(project.weight, std=0.01)
        assert project.bias is not None
        nn.init.constant_(project.bias, bias)

    def forward(self, features: list[torch.Tensor]) -> list[torch.Tensor]:
        """`(b, width, h, w)` of each level to `(b, c_out, h, w)`."""
        for layer, convolution in enumerate(self.convolutions):
            norms = self.norms[layer * self.levels : (layer + 1) * self.levels]
            features = [norm(convolution(x)) for x, norm in zip(features, norms, strict=True)]
        return [self.last(x) for x in features]
