"""Corrupted images, in the manner of ImageNet-C (Hendrycks & Dietterich, 2019): what a network should see through."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from nasbench.datasets.base import ImageData
from nasbench.datasets.transforms.distortions import FloatArray, _bilinear, uniform
from nasbench.errors import InputError

if TYPE_CHECKING:
    import torch

WHITE = 255
"""Level of the brightest pixel."""
BEND = 4
"""Places along a side at which `elastic` draws how far the image is moved; between them it is moved smoothly."""


class Corruption(NamedTuple):
    """One way to spoil images, and by how much at severities 1 to 5.

    Attributes:
        apply: Takes levels `(n, channels, height, width)`, whole numbers from 0 to 255, the amount, and the seed of
            what is random; gives levels of any size.
        amounts: What `apply` is given at each severity.
    """

    apply: Callable[[FloatArray, float, list[int]], FloatArray]
    amounts: tuple[float, float, float, float, float]


def corrupt(images: npt.NDArray[np.float32], name: str, severity: int = 3) -> npt.NDArray[np.float32]:
    """Images that are spoiled in one way, clipped to [0, 1] and rounded to 256 levels.

    What is random depends on an image's row and on the corruption, not on the severity. Only sums, products, quotients
    and square roots of doubles and raw random numbers go into it, and means are taken of whole numbers, so that every
    machine finds the same pixels.

    Args:
        images: In [0, 1]; shape `(n, channels, height, width)`.
        name: One of `CORRUPTIONS`.
        severity: 1 (mild) to 5.

    Raises:
        InputError: There is no such corruption or severity.
    """
    if name not in CORRUPTIONS:
        raise InputError(f"unknown corruption {name!r}; known are {', '.join(CORRUPTIONS)}")
    if not isinstance(severity, int) or isinstance(severity, bool) or not 1 <= severity <= 5:
        raise InputError(f"severity must be an integer from 1 to 5, got {severity!r}")
    levels = np.rint(WHITE * images.astype(np.float64))
    apply, amounts = CORRUPTIONS[name]
    spoiled = apply(levels, amounts[severity - 1], [4, list(CORRUPTIONS).index(name)])
    pixels: npt.NDArray[np.float32] = (np.rint(spoiled.clip(0, WHITE)) / WHITE).astype(np.float32)
    return pixels


def corrupted(
    data: ImageData, device: torch.device | str, severity: int = 3, limit: int | None = None
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """The test images spoiled in each way, with their labels, as `ImageData.tensors` gives the others.

    They are standardised by the training images, as the network knows it.

    Args:
        data: What the network was trained on.
        device: Where the tensors go.
        severity: 1 (mild) to 5.
        limit: Most test images to take, evenly spaced among them; None takes all.

    Raises:
        InputError: There is no such severity, or no image within the limit.
    """
    rows = data.splits["test"]
    if limit is not None:
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            raise InputError(f"limit must be None or an integer of at least 1, got {limit!r}")
        count = min(limit, len(rows))
        rows = rows[np.arange(count) * len(rows) // count]
    training = data.splits["train"]
    blocks = [data.images[training], *(corrupt(data.images[rows], name, severity) for name in CORRUPTIONS)]
    labels = [data.labels[training], *(data.labels[rows] for _ in CORRUPTIONS)]
    ends = np.cumsum([len(block) for block in blocks])
    splits = {
        name: np.arange(end - len(block), end)
        for name, block, end in zip(("train", *CORRUPTIONS), blocks, ends, strict=True)
    }
    tensors = ImageData(np.concatenate(blocks), np.concatenate(labels), splits, data.classes).tensors(device)
    return {name: tensors[name] for name in CORRUPTIONS}


def gaussian_noise(levels: FloatArray, spread: float, seed: list[int]) -> FloatArray:
    """Noise of one spread everywhere: that of a sensor in poor light. `spread` is a part of white."""
    return levels + spread * WHITE * normal(seed, levels.shape)


def shot_noise(levels: FloatArray, photons: float, seed: list[int]) -> FloatArray:
    """Noise of light itself: that of so many photons at white (Poisson, nearly normal); none where it is dark."""
    return levels + np.sqrt(levels * (WHITE / photons)) * normal(seed, levels.shape)


def impulse_noise(levels: FloatArray, share: float, seed: list[int]) -> FloatArray:
    """A share of the pixels is lost, half of them to black and half to white, in each channel by itself."""
    chance = uniform(seed, levels.shape)  # in [-1, 1)
    return np.where(chance < share - 1, 0.0, np.where(chance >= 1 - share, float(WHITE), levels))


def gaussian_blur(levels: FloatArray, share: float, seed: list[int]) -> FloatArray:
    """Along each axis a pixel gives a share to its two neighbours, as a Gaussian of variance `share` pixels would.

    The border counts as its own neighbour.
    """
    for axis in (2, 3):
        width = [(1, 1) if axis == other else (0, 0) for other in range(4)]
        padded = np.moveaxis(np.pad(levels, width, mode="edge"), axis, 0)
        levels = np.moveaxis((1 - share) * padded[1:-1] + share / 2 * (padded[:-2] + padded[2:]), 0, axis)
    return levels


def brightness(levels: FloatArray, more: float, seed: list[int]) -> FloatArray:
    """All pixels brighter by a part of white."""
    return levels + more * WHITE


def contrast(levels: FloatArray, rest: float, seed: list[int]) -> FloatArray:
    """Pixels drawn to their image's mean, in each channel by itself, until only a part of the difference is left."""
    _, _, height, width = levels.shape
    mean = levels.sum(axis=(2, 3), keepdims=True) / (height * width)
    drawn: FloatArray = mean + rest * (levels - mean)
    return drawn


def pixelate(levels: FloatArray, share: float, seed: list[int]) -> FloatArray:
    """As many blocks along each side as a share of its pixels, each filled with its mean."""
    blocks = [np.arange(side) * max(1, math.floor(share * side + 0.5)) // side for side in levels.shape[2:]]
    sizes = [np.bincount(block) for block in blocks]
    starts = [np.cumsum(size) - size for size in sizes]
    sums = np.add.reduceat(np.add.reduceat(levels, starts[0], axis=2), starts[1], axis=3)
    means: FloatArray = sums / np.outer(*sizes)
    return means[:, :, blocks[0][:, None], blocks[1]]


def elastic(levels: FloatArray, farthest: float, seed: list[int]) -> FloatArray:
    """The image bent: each of its places is moved by up to a part of its sides, near ones alike; dark from outside."""
    n, _, height, width = levels.shape
    y, x = np.arange(height)[:, None], np.arange(width)
    across, down = (np.arange(side) * (BEND - 1) / max(1, side - 1) for side in (width, height))
    places = (np.broadcast_to(place, (n, height, width)) for place in (down[:, None], across))
    moved = farthest * _bilinear(uniform(seed, (n, 2, BEND, BEND)).astype(np.float32), *places)
    return _bilinear(levels.astype(np.float32), y + height * moved[:, 0], x + width * moved[:, 1])


def normal(seed: list[int], shape: tuple[int, ...]) -> FloatArray:
    """Nearly normal numbers of mean 0 and standard deviation 1, none beyond 4.9: sums of the bytes of raw numbers."""
    pieces = np.random.PCG64(seed).random_raw(math.prod(shape)).reshape(*shape, 1).view(np.uint8)  # (*shape, 8)
    variance = 8 * (256**2 - 1) / 12
    numbers: FloatArray = (pieces.sum(axis=-1, dtype=np.int64) - 8 * 255 / 2) / math.sqrt(variance)
    return numbers


CORRUPTIONS: Mapping[str, Corruption] = {
    "gaussian_noise": Corruption(gaussian_noise, (0.04, 0.08, 0.12, 0.18, 0.26)),
    "shot_noise": Corruption(shot_noise, (60, 25, 12, 5, 3)),
    "impulse_noise": Corruption(impulse_noise, (0.03, 0.06, 0.09, 0.17, 0.27)),
    "gaussian_blur": Corruption(gaussian_blur, (0.15, 0.25, 0.35, 0.45, 0.6)),
    "brightness": Corruption(brightness, (0.02, 0.04, 0.07, 0.11, 0.16)),
    "contrast": Corruption(contrast, (0.9, 0.8, 0.7, 0.6, 0.45)),
    "pixelate": Corruption(pixelate, (0.9, 0.8, 0.7, 0.6, 0.5)),
    "elastic": Corruption(elastic, (0.04, 0.07, 0.1, 0.13, 0.16)),
}
"""All of them, by name. Amounts leave small grey images readable, where those of ImageNet-C would leave nothing to tell
networks apart by."""
