"""The linear model separates linear classes and is at chance on noise."""

import numpy as np
import pytest

from nasbench.datasets.base import ImageData
from nasbench.training.linear_baseline import linear_accuracy


def data(images: np.ndarray, labels: np.ndarray, classes: int) -> ImageData:
    n = len(images)
    parts = np.split(np.arange(n), [n // 2, 3 * n // 4])
    return ImageData(
        images.astype(np.float32), labels, dict(zip(("train", "validation", "test"), parts, strict=True)), classes
    )


def test_two_pixels_by_hand() -> None:
    # class 1 where the first pixel is lit; the second is always dark, and its zero spread is no division by zero
    images = np.tile(np.array([[0.0, 0.0], [1.0, 0.0]]), (4, 1)).reshape(8, 1, 1, 2)
    assert linear_accuracy(data(images, np.tile([0, 1], 4), 2)) == {"validation": 100.0, "test": 100.0}


def test_noise_is_guessed() -> None:
    rng = np.random.default_rng(0)
    found = linear_accuracy(data(rng.random((4000, 1, 4, 4)), rng.integers(0, 4, 4000), 4))
    assert found["test"] == pytest.approx(25, abs=100 * 4 * np.sqrt(0.25 * 0.75 / 1000))
