"""Distortions make images harder: each is rotated, scaled, shifted and made noisy once, at load, reproducibly."""

from __future__ import annotations

import math
from abc import abstractmethod

import numpy as np
import numpy.typing as npt

from nasbench.checks import check_whole
from nasbench.datasets.base import Dataset, ImageData
from nasbench.datasets.splits import split
from nasbench.datasets.transforms.resampling import FloatArray, bilinear
from nasbench.errors import InputError

MAX_STRENGTH = 4
TAN_HALF_ANGLE = 0.17633
"""Tangent of half the largest rotation at strength 1 (20 degrees)."""
MAX_SCALING = 0.15
"""Largest relative change of size at strength 1."""
MAX_SHIFT = 0.125
"""Largest shift at strength 1, as a fraction of the side."""
MAX_NOISE = 0.15
"""Largest change of a pixel's intensity at strength 1."""


class DistortedDataset(Dataset):
    """Small grey images with a task of adjustable difficulty.

    A subclass writes `_read`. Undistorted, most cells solve the task. Fewer training images, stronger distortion and
    several distorted copies of each validation and test image (a finer measurement) separate them.

    Args:
        train: Training images; None takes all that validation and test leave over.
        validation: Validation images.
        test: Test images.
        distortion: Strength from 0 to 4. 0 leaves the images unchanged; 1 rotates by up to 20 degrees, scales by up to
            15 percent, shifts by up to an eighth of the side and changes each pixel by up to 0.15.
        copies: Copies of each validation and test image, each distorted differently.
    """

    def __init__(self, train: int | None, validation: int, test: int, distortion: float, copies: int) -> None:
        self.train, self.validation, self.test = train, validation, test
        self.distortion, self.copies = distortion, copies

    @abstractmethod
    def _read(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """All images `(n, channels, height, width)` in [0, 1] with a dark background, and their labels `(n,)`."""

    def load(self) -> ImageData:
        """Read, split and distort the images."""
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
        if not isinstance(strength, int | float) or not 0 <= strength <= MAX_STRENGTH:
            raise InputError(f"distortion must be a number from 0 to {MAX_STRENGTH}, got {strength!r}")
        check_whole("copies", copies)
        if copies > 1 and strength == 0:
            raise InputError(f"copies={copies} of undistorted images are all the same; set distortion too")


def distort(images: npt.NDArray[np.float32], strength: float, copy: int = 0) -> npt.NDArray[np.float32]:
    """Rotated, scaled and shifted images (bilinear, dark outside) with noise, clipped to [0, 1].

    An image's distortion depends only on its row and on `copy`. It is computed from sums, products and quotients of
    doubles and raw random numbers, and rounded to 256 levels, so all machines get the same pixels.

    Args:
        images: In [0, 1]; shape `(n, channels, height, width)`.
        strength: 0 for none; see `DistortedDataset`.
        copy: Number of the distortion, from an endless sequence for each image.
    """
    if strength == 0:
        return images
    n, _, height, width = images.shape
    turn, scale, down, right = strength * uniform([1, copy], (n, 4)).T[:, :, None, None]  # each (n, 1, 1)
    turn, scale = turn * TAN_HALF_ANGLE, 1 + scale * MAX_SCALING
    cosine, sine = scale * (1 - turn**2) / (1 + turn**2), scale * 2 * turn / (1 + turn**2)
    y, x = np.arange(height)[:, None] - (height - 1) / 2, np.arange(width) - (width - 1) / 2
    # source place of each output pixel: (n, height, width)
    source_y = cosine * y - sine * x + down * MAX_SHIFT * height + (height - 1) / 2
    source_x = sine * y + cosine * x + right * MAX_SHIFT * width + (width - 1) / 2
    result = bilinear(images, source_y, source_x) + strength * MAX_NOISE * uniform([2, copy], images.shape)
    return (np.round(255 * result.clip(0, 1)) / 255).astype(np.float32)


def uniform(seed: list[int], shape: tuple[int, ...]) -> FloatArray:
    """Uniform numbers in [-1, 1) from raw PCG64 output, which numpy guarantees never to change (NEP 19)."""
    raw = np.random.PCG64(seed).random_raw(math.prod(shape)).reshape(shape)
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1
