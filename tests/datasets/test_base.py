"""Image data: checksum, shape, and tensors normalised by the training images alone."""

from dataclasses import replace

import numpy as np
import torch

from nasbench.datasets import Dataset, ImageData, datasets


def data() -> ImageData:
    # two channels of one pixel; training images are rows 0 and 1: channel means 0.5 and 0.25, deviations 0.5 and 0
    images = np.array([[0.0, 0.25], [1.0, 0.25], [0.5, 0.75], [1.0, 1.0]], dtype=np.float32).reshape(4, 2, 1, 1)
    rows = {"train": np.array([0, 1]), "validation": np.array([3]), "test": np.array([2])}
    return ImageData(images, np.array([0, 1, 1, 0]), rows, classes=2)


def test_tensors_by_hand() -> None:
    tensors = data().tensors("cpu")
    assert {part: (x.flatten(1).tolist(), y.tolist()) for part, (x, y) in tensors.items()} == {
        "train": ([[-1.0, 0.0], [1.0, 0.0]], [0, 1]),
        "validation": ([[1.0, 0.75]], [0]),
        "test": ([[0.0, 0.5]], [1]),
    }
    assert all(x.dtype == torch.float32 and y.dtype == torch.int64 for x, y in tensors.values())


def test_shape() -> None:
    assert data().shape == (2, 1, 1)


def test_checksum_covers_images_labels_and_splits() -> None:
    first = data()
    others = [
        replace(first, images=first.images[::-1]),
        replace(first, labels=1 - first.labels),
        replace(first, splits={**first.splits, "train": np.array([1, 0])}),
        # the same numbers in the same order, cut elsewhere
        replace(first, splits={"train": np.array([0]), "validation": np.array([1, 3]), "test": np.array([2])}),
        replace(first, images=first.images.reshape(4, 1, 2, 1)),
    ]
    assert len({first.checksum(), *(other.checksum() for other in others)}) == 6
    assert data().checksum() == first.checksum()


def test_settings_are_the_constructor_arguments() -> None:
    dataset = datasets.create("digits+train=10+distortion=0.5")
    assert dataset.settings() == {"train": 10, "validation": 500, "test": 797, "distortion": 0.5, "copies": 1}


def test_registry_names_every_data_set_and_its_source() -> None:
    for name in datasets:
        assert isinstance(datasets.create(name), Dataset)
        assert datasets.describe(name)
