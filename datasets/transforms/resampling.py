"""Bilinear interpolation of images at arbitrary places."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]


def bilinear(images: npt.NDArray[np.float32], y: FloatArray, x: FloatArray) -> FloatArray:
    """Intensities `(n, channels, h, w)` at interpolated places; 0 outside the image.

    Args:
        images: Intensities; shape `(n, channels, height, width)`.
        y: Row of each place, from the centre of the first row of pixels; shape `(n, h, w)`.
        x: Column of each place, likewise; shape `(n, h, w)`.
    """
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
