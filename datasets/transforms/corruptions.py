"""Image corruptions in the style of ImageNet-C (Hendrycks & Dietterich, 2019), to test robustness."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from nasbench.checks import check_whole
from nasbench.datasets.base import ImageData
from nasbench.datasets.transforms.distortions import uniform
from nasbench.datasets.transforms.resampling import FloatArray, bilinear
from nasbench.errors import InputError

if TYPE_CHECKING:
    import torch

WHITE = 255
"""Level of the brightest pixel."""
ELASTIC_GRID = 4
"""Grid points along a side with a random shift in `elastic`; shifts in between are interpolated."""


class Corruption(NamedTuple):
    """One kind of corruption and its amounts at severities 1 to 5.

    Attributes:
        apply: Function of levels `(n, channels, height, width)` (whole numbers from 0 to 255), amount and random seed;
            returns unbounded levels of the same shape.
        amounts: Amount passed to `apply` at each severity.
    """

    apply: Callable[[FloatArray, float, list[int]], FloatArray]
    amounts: tuple[float, float, float, float, float]


def corrupt(images: npt.NDArray[np.float32], name: str, severity: int = 3) -> npt.NDArray[np.float32]:
    """Images with one corruption, clipped to [0, 1] and rounded to 256 levels.

    Randomness depends on the image's row and on the corruption, not on the severity. The result is computed from sums,
    products, quotients and square roots of doubles and raw random numbers, with means of whole numbers only, so all
    machines get the same pixels.

    Args:
        images: In [0, 1]; shape `(n, channels, height, width)`.
        name: One of `CORRUPTIONS`.
        severity: 1 (mild) to 5.

    Raises:
        InputError: There is no such corruption or severity.
    """
    if name not in CORRUPTIONS:
        raise InputError(f"unknown corruption {name!r}; known are {', '.join(CORRUPTIONS)}")
    check_whole("severity", severity, most=5)
    levels = np.rint(WHITE * images.astype(np.float64))
    apply, amounts = CORRUPTIONS[name]
    changed = apply(levels, amounts[severity - 1], [4, list(CORRUPTIONS).index(name)])
    pixels: npt.NDArray[np.float32] = (np.rint(changed.clip(0, WHITE)) / WHITE).astype(np.float32)
    return pixels


def corrupted(
    data: ImageData, device: torch.device | str, severity: int = 3, limit: int | None = None
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Test images under each corruption with their labels, in the form of `ImageData.tensors`.

    They are standardised by the training images, as in training.

    Args:
        data: The data on which the network was trained.
        device: Device of the tensors.
        severity: 1 (mild) to 5.
        limit: Maximum number of test images, evenly spaced; None takes all.

    Raises:
        InputError: The severity is unknown or the limit is not positive.
    """
    rows = data.splits["test"]
    if limit is not None:
        check_whole("limit", limit)
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
    """Noise of a sensor in poor light: the same standard deviation everywhere, `spread` times white."""
    return levels + spread * WHITE * normal(seed, levels.shape)


def shot_noise(levels: FloatArray, photons: float, seed: list[int]) -> FloatArray:
    """Photon noise with `photons` at white (Poisson, approximated as normal); none where it is dark."""
    return levels + np.sqrt(levels * (WHITE / photons)) * normal(seed, levels.shape)


def impulse_noise(levels: FloatArray, share: float, seed: list[int]) -> FloatArray:
    """A share of the pixels of each channel turns black or white, half of them each."""
    chance = uniform(seed, levels.shape)  # in [-1, 1)
    return np.where(chance < share - 1, 0.0, np.where(chance >= 1 - share, float(WHITE), levels))


def gaussian_blur(levels: FloatArray, share: float, seed: list[int]) -> FloatArray:
    """Blur with the kernel (share / 2, 1 - share, share / 2) along each axis, a Gaussian of variance `share`.

    Pixels of the border are repeated outside the image.
    """
    for axis in (2, 3):
        width = [(1, 1) if axis == other else (0, 0) for other in range(4)]
        padded = np.moveaxis(np.pad(levels, width, mode="edge"), axis, 0)
        levels = np.moveaxis((1 - share) * padded[1:-1] + share / 2 * (padded[:-2] + padded[2:]), 0, axis)
    return levels


def brightness(levels: FloatArray, more: float, seed: list[int]) -> FloatArray:
    """All pixels brighter by a fraction of white."""
    return levels + more * WHITE


def contrast(levels: FloatArray, rest: float, seed: list[int]) -> FloatArray:
    """Pixels moved to the mean of their channel until the fraction `rest` of the difference is left."""
    _, _, height, width = levels.shape
    mean = levels.sum(axis=(2, 3), keepdims=True) / (height * width)
    result: FloatArray = mean + rest * (levels - mean)
    return result


def pixelate(levels: FloatArray, share: float, seed: list[int]) -> FloatArray:
    """Blocks filled with their mean; the number of blocks along a side is a share of its pixels."""
    blocks = [np.arange(side) * max(1, math.floor(share * side + 0.5)) // side for side in levels.shape[2:]]
    sizes = [np.bincount(block) for block in blocks]
    starts = [np.cumsum(size) - size for size in sizes]
    sums = np.add.reduceat(np.add.reduceat(levels, starts[0], axis=2), starts[1], axis=3)
    means: FloatArray = sums / np.outer(*sizes)
    return means[:, :, blocks[0][:, None], blocks[1]]


def elastic(levels: FloatArray, farthest: float, seed: list[int]) -> FloatArray:
    """Image with smooth random shifts of up to the fraction `farthest` of its sides; dark outside."""
    n, _, height, width = levels.shape
    y, x = np.arange(height)[:, None], np.arange(width)
    across, down = (np.arange(side) * (ELASTIC_GRID - 1) / max(1, side - 1) for side in (width, height))
    places = (np.broadcast_to(place, (n, height, width)) for place in (down[:, None], across))
    shifts = farthest * bilinear(uniform(seed, (n, 2, ELASTIC_GRID, ELASTIC_GRID)).astype(np.float32), *places)
    return bilinear(levels.astype(np.float32), y + height * shifts[:, 0], x + width * shifts[:, 1])


def normal(seed: list[int], shape: tuple[int, ...]) -> FloatArray:
    """Approximately normal numbers (mean 0, standard deviation 1, within 4.9): sums of 8 random bytes."""
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
"""Corruptions by name. Amounts are milder than in ImageNet-C, which would make small grey images unreadable."""
