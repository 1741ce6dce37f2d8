"""Conversion of labelled Pillow pictures to arrays of intensities and classes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from nasbench.checks import check_whole
from nasbench.errors import InputError

GREY = ("1", "L", "LA")
COLOUR = ("P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB")
BILINEAR = 2  # Pillow's constant, without importing Pillow


def collect(
    examples: Iterable[tuple[Any, Any]], channels: int | None = None, size: int | None = None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Intensities in [0, 1], shape `(n, channels, height, width)`, and labels, shape `(n,)`.

    Args:
        examples: Pictures with 8 bits a channel, each with its label.
        channels: 1 for grey, 3 for red, green and blue; None takes the number of the first picture.
        size: Height and width after resizing (bilinear); None keeps the size, which must be the same for all.

    Raises:
        InputError: A setting, picture or label is not acceptable, or the sizes differ.
    """
    if channels not in (None, 1, 3):
        raise InputError(f"channels must be 1 (grey) or 3 (red, green, blue), got {channels!r}")
    if size is not None:
        check_whole("size", size)
    arrays: list[npt.NDArray[np.uint8]] = []
    labels: list[int] = []
    for number, (picture, label) in enumerate(examples):
        if not isinstance(label, int | np.integer) or label < 0:
            raise InputError(
                f"label of image {number} is {label!r}, expected a class from 0; leave unlabelled ones out"
            )
        mode = getattr(picture, "mode", type(picture).__name__)
        if mode not in GREY + COLOUR:
            raise InputError(f"image {number} is of kind {mode!r}, expected 8 bits a channel; convert it first")
        channels = channels or (1 if mode in GREY else 3)
        picture = picture.convert("L" if channels == 1 else "RGB")
        if size is not None:
            picture = picture.resize((size, size), resample=BILINEAR)
        pixels = np.asarray(picture, dtype=np.uint8).reshape(picture.height, picture.width, channels)
        if arrays and pixels.shape != arrays[0].shape:
            (height, width), (first_height, first_width) = pixels.shape[:2], arrays[0].shape[:2]
            raise InputError(
                f"image {number} has {height}x{width} pixels, the first {first_height}x{first_width}; set size"
            )
        arrays.append(pixels)
        labels.append(int(label))
    if not arrays:
        raise InputError("the data set has no images")
    images = np.stack(arrays).transpose(0, 3, 1, 2).astype(np.float32)
    images /= 255
    return images, np.array(labels, dtype=np.int64)
