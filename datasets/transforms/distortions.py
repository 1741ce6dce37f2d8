"""Harder images: each is turned, scaled, moved and made noisy once, at load, by an amount that is fixed for good."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nasbench.datasets.base import Dataset, ImageData
from nasbench.datasets.splits import split
from nasbench.errors import InputError

FloatArray: TypeAlias = npt.NDArray[np.float64]

STRONGEST = 4
"""Largest strength."""
HALF_ANGLE = 0.17633
"""Tangent of half the largest rotation at strength 1, which is 20 degrees."""
SCALE = 0.15
"""Largest relative change of size at strength 1."""
SHIFT = 0.125
"""Largest move at strength 1, as a part of the side."""
NOISE = 0.15
"""Largest change of a pixel at strength 1."""


class DistortedDataset(Dataset):
    """Small grey images in which the task can be made as hard as a comparison of cells needs.

    A subclass writes `_read`. Fewer training images, distortion, and several distorted copies of each validation and
    test image (which measure a network more finely) spread cells that would otherwise all be right.

    Args:
        train: Training images; None takes all that validation and test leave.
        validation: Validation images.
        test: Test images.
        distortion: Strength from 0 to 4; 0 leaves the images as they are, 1 turns by up to 20 degrees, scales by up to
            15 percent, moves by up to an eighth of the side and adds up to 0.15 to or from each pixel.
        copies: How often each validation and test image occurs, each time distorted otherwise.
    """

    def __init__(self, train: int | None, validation: int, test: int, distortion: float, copies: int) -> None:
        self.train, self.validation, self.test = train, validation, test
        self.distortion, self.copies = distortion, copies

    @abstractmethod
    def _read(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """All images `(n, channels, height, width)` in [0, 1] with a dark background, and their labels `(n,)`."""

    def load(self) -> ImageData:
        """Read, cut and distort the images."""
        self._check()
        images, labels = self._read()
        parts = split({"train": labels}, self.train, self.validation, self.test)
        held_out = np.concatenate([parts["validation"], parts["test"]])
        blocks, rows = [], []
        for copy in range(self.copies):
            chosen = np.concatenate([parts["train"], held_out]) if copy == 0 else held_out
            blocks.append(distort(images, self.distortion, copy)[chosen])
            rows.append(chosen)
        place = np.arange(sum(map(len, rows)))
        offset = len(parts["train"])
        held = place[offset:].reshape(self.copies, len(held_out))
        cuts = {
            "train": place[:offset],
            "validation": held[:, : len(parts["validation"])].ravel(),
            "test": held[:, len(parts["validation"]) :].ravel(),
        }
        return ImageData(np.concatenate(blocks), labels[np.concatenate(rows)], cuts)

    def _check(self) -> None:
        strength, copies = self.distortion, self.copies
        if not isinstance(strength, int | float) or not 0 <= strength <= STRONGEST:
            raise InputError(f"distortion must be a number from 0 to {STRONGEST}, got {strength!r}")
        if not isinstance(copies, int) or isinstance(copies, bool) or copies < 1:
            raise InputError(f"copies must be a positive integer, got {copies!r}")
        if copies > 1 and strength == 0:
            raise InputError(f"copies={copies} of undistorted images are all the same; set distortion too")


def distort(images: npt.NDArray[np.float32], strength: float, copy: int = 0) -> npt.NDArray[np.float32]:
    """Images turned, scaled and moved (bilinear, dark outside), then with noise added, clipped to [0, 1].

    An image's distortion depends on its row and on `copy` alone. Only sums, products and quotients of doubles and raw
    random numbers go into it, and the result is rounded to 256 levels, so that every machine finds the same pixels.

    Args:
        images: In [0, 1]; shape `(n, channels, height, width)`.
        strength: 0 for none; see `DistortedDataset`.
        copy: Which of the endless distortions of each image.
    """
    if strength == 0:
        return images
    n, _, height, width = images.shape
    turn, scale, down, right = strength * uniform([1, copy], (n, 4)).T[:, :, None, None]  # (n, 1, 1) each
    turn, scale = turn * HALF_ANGLE, 1 + scale * SCALE
    cosine, sine = scale * (1 - turn**2) / (1 + turn**2), scale * 2 * turn / (1 + turn**2)
    y, x = np.arange(height)[:, None] - (height - 1) / 2, np.arange(width) - (width - 1) / 2
    # the place in the image that each pixel shows, from the centre: (n, height, width)
    source_y = cosine * y - sine * x + down * SHIFT * height + (height - 1) / 2
    source_x = sine * y + cosine * x + right * SHIFT * width + (width - 1) / 2
    result = _bilinear(images, source_y, source_x) + strength * NOISE * uniform([2, copy], images.shape)
    return (np.round(255 * result.clip(0, 1)) / 255).astype(np.float32)


def uniform(seed: list[int], shape: tuple[int, ...]) -> FloatArray:
    """Uniform numbers in [-1, 1) from the raw output of PCG64, which numpy promises never to change (NEP 19)."""
    raw = np.random.PCG64(seed).random_raw(math.prod(shape)).reshape(shape)
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1


def _bilinear(images: npt.NDArray[np.float32], y: FloatArray, x: FloatArray) -> FloatArray:
    """Intensities `(n, channels, h, w)` of images `(n, channels, height, width)` at places `(n, h, w)`; 0 outside."""
    n, channels, height, width = images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1))).astype(np.float64)
    y, x = (y + 1).clip(0, height + 1), (x + 1).clip(0, width + 1)
    top, left = np.minimum(y.astype(np.int64), height), np.minimum(x.astype(np.int64), width)
    dy, dx = (y - top)[:, None], (x - left)[:, None]  # (n, 1, h, w)
    image, channel = np.arange(n)[:, None, None, None], np.arange(channels)[:, None, None]
    top, left = top[:, None], left[:, None]
    upper: FloatArray = (1 - dx) * padded[image, channel, top, left] + dx * padded[image, channel, top, left + 1]
    lower: FloatArray = (1 - dx) * padded[image, channel, top + 1, left] + dx * padded[
        image, channel, top + 1, left + 1
    ]
    return (1 - dy) * upper + dy * lower
