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


def test_fewer_images_than_pixels() -> None:
    """The dual problem has the solution of the primal one."""
    rng = np.random.default_rng(0)
    images, labels = rng.random((40, 1, 5, 6)), rng.integers(0, 2, 40)  # 20 training images of 30 pixels
    found = linear_accuracy(data(images, labels, 2))
    flat = images.astype(np.float32).reshape(40, 30).astype(np.float64)
    flat = (flat - flat[:20].mean(axis=0)) / flat[:20].std(axis=0)
    x, targets = flat[:20], np.eye(2)[labels]
    offset = targets[:20].mean(axis=0)
    weights = np.linalg.solve(x.T @ x + np.eye(30), x.T @ (targets[:20] - offset))
    right = (flat @ weights + offset).argmax(axis=1) == labels
    assert found == {"validation": 100 * right[20:30].mean(), "test": 100 * right[30:].mean()}


def test_memory_grows_with_the_images_not_with_their_pixels() -> None:
    """A million pixels: a matrix of pixels by pixels would take terabytes."""
    images = np.zeros((8, 1, 1000, 1000))
    images[1::2] = 1.0
    assert linear_accuracy(data(images, np.tile([0, 1], 4), 2)) == {"validation": 100.0, "test": 100.0}
