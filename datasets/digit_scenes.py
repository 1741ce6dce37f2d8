"""Scenes of a few handwritten digits (from scikit-learn) at random places and sizes, with their boxes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nasbench.checks import check_whole
from nasbench.datasets.base import SPLITS, Dataset
from nasbench.datasets.boxes import BoxData
from nasbench.datasets.digits import Digits
from nasbench.datasets.transforms.distortions import uniform
from nasbench.datasets.transforms.resampling import bilinear

MIN_SIDE, MAX_SIDE = 0.25, 0.625
"""Smallest and largest side of a digit, as a fraction of the side of the scene."""
MAX_IOU = 0.05
"""Largest IoU of two boxes in a scene."""
PLACEMENTS = 16
"""Places tried for a digit; it is left out where all of them overlap another digit."""
INK_THRESHOLD = 64 / 255
"""Minimum intensity of the pixels of a digit, which its box encloses."""


class DigitScenes(Dataset):
    """Object detection in minutes on a CPU: dark square scenes with grey digits to find and read.

    The splits share no digit: training, validation and test scenes are composed of the digits of the same split of
    `digits`. A smaller split takes some of the scenes of a larger one.

    Args:
        train: Training scenes.
        validation: Validation scenes.
        test: Test scenes.
        side: Height and width of a scene in pixels; digits take a quarter to five eighths of it.
        most: Maximum number of digits in a scene; the minimum is one.
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
            check_whole(name, getattr(self, name), least, 1_000_000)
        digits = Digits().load()
        images, boxes, splits, start = [], [], {}, 0
        for part, split in enumerate(SPLITS):
            rows, count = digits.splits[split], getattr(self, split)
            scenes, scene_boxes = compose(
                digits.images[rows, 0], digits.labels[rows], count, self.side, self.most, part
            )
            images.append(scenes)
            boxes.append(scene_boxes)
            splits[split] = np.arange(start, start + count)
            start += count
        return BoxData(np.concatenate(images), np.concatenate(boxes), splits)


def compose(
    digits: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], count: int, side: int, most: int, part: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Scenes `(count, 1, side, side)` and their boxes `(count, most, 5)`, the same on every machine.

    Randomness is drawn as raw numbers, scene by scene, and pixels are rounded to 256 levels, as in `distort`.

    Args:
        digits: Intensities in [0, 1]; shape `(n, height, width)`.
        labels: Their classes; shape `(n,)`.
        count: Number of scenes.
        side: Height and width of a scene.
        most: Maximum number of digits in a scene.
        part: Number of the random stream.
    """
    chance = (uniform([3, part], (count, 1 + most * (2 + 2 * PLACEMENTS))) + 1) / 2  # in [0, 1)
    wanted = 1 + (chance[:, 0] * most).astype(np.int64)
    drawn = chance[:, 1:].reshape(count, most, 2 + 2 * PLACEMENTS)
    smallest, largest = int(MIN_SIDE * side), int(MAX_SIDE * side)
    scenes = np.zeros((count, 1, side, side), dtype=np.float32)
    boxes = np.zeros((count, most, 5), dtype=np.float32)
    boxes[..., 0] = -1
    for scene in range(count):
        placed = 0
        for which, size, *places in drawn[scene, : wanted[scene]]:
            row = int(which * len(digits))
            picture = enlarge(digits[row], smallest + int(size * (largest - smallest + 1)))
            corners = (np.array(places).reshape(PLACEMENTS, 2) * (side - len(picture) + 1)).astype(np.int64)
            tried = np.concatenate([corners, corners], axis=1) + ink(picture)  # (placements, 4)
            free = np.flatnonzero((_iou(tried, boxes[scene, :placed, 1:]) <= MAX_IOU).all(axis=1))
            if len(free):
                x, y = corners[free[0]]
                window = scenes[scene, 0, y : y + len(picture), x : x + len(picture)]
                np.maximum(window, picture, out=window)
                boxes[scene, placed] = labels[row], *tried[free[0]]
                placed += 1
    return scenes, boxes


def enlarge(digit: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.float32]:
    """A picture `(h, w)` resized to `(size, size)` (bilinear, 256 levels), with its brightest pixel white."""
    height, width = digit.shape
    y = ((np.arange(size) + 0.5) * height / size - 0.5)[:, None].clip(0, height - 1)
    x = ((np.arange(size) + 0.5) * width / size - 0.5).clip(0, width - 1)
    y, x = np.broadcast_arrays(y, x)
    larger = bilinear(digit[None, None], y[None], x[None])[0, 0]
    levels: npt.NDArray[np.float32] = (np.round(255 * larger / larger.max()) / 255).astype(np.float32)
    return levels


def ink(picture: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Smallest box (x1, y1, x2, y2), at pixel edges, around the pixels `(h, w)` of at least `INK_THRESHOLD`."""
    y, x = np.nonzero(picture >= np.float32(INK_THRESHOLD))
    return np.array([x.min(), y.min(), x.max() + 1, y.max() + 1])


def _iou(a: npt.NDArray[np.int64], b: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """IoU of boxes `(n, 4)` and `(m, 4)`; shape `(n, m)`."""
    first, second = a[:, None].astype(np.float64), b[None].astype(np.float64)
    shared = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    intersection = shared.clip(0).prod(axis=-1)
    areas = [(box[..., 2:] - box[..., :2]).prod(axis=-1) for box in (first, second)]
    overlap: npt.NDArray[np.float64] = intersection / (areas[0] + areas[1] - intersection)
    return overlap
