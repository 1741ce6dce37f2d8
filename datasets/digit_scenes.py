"""Scenes of one to a few handwritten digits of any place and size, with their boxes, made of scikit-learn's digits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nasbench.datasets.base import SPLITS, Dataset
from nasbench.datasets.boxes import BoxData
from nasbench.datasets.digits import Digits
from nasbench.datasets.transforms.distortions import _bilinear, uniform
from nasbench.errors import InputError

SMALLEST, LARGEST = 0.25, 0.625
"""Sides of the digits, as parts of the side of a scene."""
OVERLAP = 0.05
"""Largest IoU of two boxes of a scene."""
TRIES = 16
"""Places that are tried for a digit; it is left out where all of them overlap another digit."""
INK = 64 / 255
"""Intensity from which a pixel belongs to a digit: its box goes around these."""


class DigitScenes(Dataset):
    """Object detection in minutes on a CPU: dark square scenes with grey digits, to be found and read.

    Each part is made of digits of its own: training scenes of the 500 training digits of `digits`, validation and test
    scenes of those of its validation and test parts. A smaller part takes some of the scenes of a larger one.

    Args:
        train: Training scenes.
        validation: Validation scenes.
        test: Test scenes.
        side: Height and width of a scene in pixels; digits take a quarter to five eighths of it.
        most: Most digits in a scene; there is at least one.
    """

    name = "digit_scenes"
    source = f"Scenes composed here of: {Digits.source}"

    def __init__(self, train: int = 600, validation: int = 300, test: int = 300, side: int = 32, most: int = 3) -> None:
        self.train, self.validation, self.test = train, validation, test
        self.side, self.most = side, most

    def load(self) -> BoxData:
        """Compose the scenes."""
        limits = {"train": 1, "validation": 1, "test": 1, "side": 16, "most": 1}
        for name, least in limits.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= 1_000_000:
                raise InputError(f"{name} must be an integer from {least} to 1000000, got {value!r}")
        digits = Digits().load()
        images, boxes, splits, start = [], [], {}, 0
        for part, split in enumerate(SPLITS):
            rows, count = digits.splits[split], getattr(self, split)
            scenes, found = compose(digits.images[rows, 0], digits.labels[rows], count, self.side, self.most, part)
            images.append(scenes)
            boxes.append(found)
            splits[split] = np.arange(start, start + count)
            start += count
        return BoxData(np.concatenate(images), np.concatenate(boxes), splits)


def compose(
    digits: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], count: int, side: int, most: int, part: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Scenes `(count, 1, side, side)` and their boxes `(count, most, 5)`, the same on every machine.

    What is random is drawn as raw numbers, scene by scene, and pixels are rounded to 256 levels, as in `distort`.

    Args:
        digits: Intensities in [0, 1]; shape `(n, height, width)`.
        labels: Their classes; shape `(n,)`.
        count: Scenes.
        side: Height and width of a scene.
        most: Most digits in a scene.
        part: Which of the endless streams of scenes.
    """
    chance = (uniform([3, part], (count, 1 + most * (2 + 2 * TRIES))) + 1) / 2  # in [0, 1)
    wanted = 1 + (chance[:, 0] * most).astype(np.int64)
    drawn = chance[:, 1:].reshape(count, most, 2 + 2 * TRIES)
    smallest, largest = int(SMALLEST * side), int(LARGEST * side)
    scenes = np.zeros((count, 1, side, side), dtype=np.float32)
    boxes = np.zeros((count, most, 5), dtype=np.float32)
    boxes[..., 0] = -1
    for scene in range(count):
        placed = 0
        for which, size, *places in drawn[scene, : wanted[scene]]:
            row = int(which * len(digits))
            picture = enlarge(digits[row], smallest + int(size * (largest - smallest + 1)))
            corners = (np.array(places).reshape(TRIES, 2) * (side - len(picture) + 1)).astype(np.int64)
            tried = np.concatenate([corners, corners], axis=1) + ink(picture)  # (tries, 4)
            free = np.flatnonzero((_iou(tried, boxes[scene, :placed, 1:]) <= OVERLAP).all(axis=1))
            if len(free):
                x, y = corners[free[0]]
                window = scenes[scene, 0, y : y + len(picture), x : x + len(picture)]
                np.maximum(window, picture, out=window)
                boxes[scene, placed] = labels[row], *tried[free[0]]
                placed += 1
    return scenes, boxes


def enlarge(digit: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.float32]:
    """A picture `(h, w)` at `(size, size)` pixels, bilinear, in 256 levels, its brightest pixel white."""
    height, width = digit.shape
    y = ((np.arange(size) + 0.5) * height / size - 0.5)[:, None].clip(0, height - 1)
    x = ((np.arange(size) + 0.5) * width / size - 0.5).clip(0, width - 1)
    y, x = np.broadcast_arrays(y, x)
    larger = _bilinear(digit[None, None], y[None], x[None])[0, 0]
    levels: npt.NDArray[np.float32] = (np.round(255 * larger / larger.max()) / 255).astype(np.float32)
    return levels


def ink(picture: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """The smallest box x1, y1, x2, y2 around all pixels `(h, w)` of at least `INK`; its ends are pixel borders."""
    y, x = np.nonzero(picture >= np.float32(INK))
    return np.array([x.min(), y.min(), x.max() + 1, y.max() + 1])


def _iou(a: npt.NDArray[np.int64], b: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """IoU of boxes `(n, 4)` and `(m, 4)`; shape `(n, m)`."""
    first, second = a[:, None].astype(np.float64), b[None].astype(np.float64)
    shared = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    intersection = shared.clip(0).prod(axis=-1)
    areas = [(box[..., 2:] - box[..., :2]).prod(axis=-1) for box in (first, second)]
    overlap: npt.NDArray[np.float64] = intersection / (areas[0] + areas[1] - intersection)
    return overlap
