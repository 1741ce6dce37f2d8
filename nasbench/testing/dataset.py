"""The contract of a data set: intensities in [0, 1], labels of its classes, disjoint parts, always the same."""

from __future__ import annotations

import json

import numpy as np

from nasbench.datasets.base import SPLITS, Dataset, ImageData


def check_dataset(dataset: Dataset) -> None:
    """Load a data set twice, and once more from its settings, and check what it gives.

    Raises:
        AssertionError: It breaks the contract; the message says which part.
    """
    data = dataset.load()
    assert dataset.name and "/" not in dataset.name, f"name {dataset.name!r} is empty or has a slash"
    assert dataset.source, "source is empty: say where the images come from"
    check_image_data(data)

    settings = json.loads(json.dumps(dataset.settings()))
    assert settings == dataset.settings(), "settings() changes on the way through JSON"
    assert dataset.load().checksum() == data.checksum(), "a second load gives other data"
    assert type(dataset)(**settings).load().checksum() == data.checksum(), "its settings give other data"


def check_image_data(data: ImageData) -> None:
    """Check shapes, types, ranges and parts of loaded data; raises as `check_dataset` does."""
    images, labels = data.images, data.labels
    assert images.ndim == 4, f"images have shape {images.shape}, not (n, channels, height, width)"
    assert images.dtype == np.float32, f"images are {images.dtype}, not float32"
    assert np.isfinite(images).all(), "an intensity is not finite"
    assert images.min() >= 0, f"an intensity is {images.min()}, below 0"
    assert images.max() <= 1, f"an intensity is {images.max()}, above 1"
    assert data.shape == images.shape[1:], f"shape is {data.shape}, images are {images.shape[1:]}"
    assert labels.shape == (len(images),), f"labels have shape {labels.shape}, not ({len(images)},)"
    assert labels.dtype == np.int64, f"labels are {labels.dtype}, not int64"
    assert labels.min() >= 0, f"a label is {labels.min()}, below 0"
    assert labels.max() < data.classes, f"a label is {labels.max()} where there are {data.classes} classes"

    assert tuple(data.splits) == SPLITS, f"parts are {tuple(data.splits)}, not {SPLITS}"
    for part, rows in data.splits.items():
        assert len(rows), f"part {part} is empty"
        assert rows.dtype == np.int64, f"rows of part {part} are {rows.dtype}, not int64"
        assert rows.min() >= 0, f"part {part} has the row {rows.min()}"
        assert rows.max() < len(images), f"part {part} has the row {rows.max()} of {len(images)}"
    together = np.concatenate(list(data.splits.values()))
    assert len(np.unique(together)) == len(together), "an image is in two parts, or twice in one"
    missing = np.setdiff1d(labels, labels[data.splits["train"]])
    assert not len(missing), f"class {missing[:1]} has no training image"

    for part, (x, y) in data.tensors("cpu").items():
        assert tuple(x.shape) == (len(data.splits[part]), *data.shape), f"tensor of part {part} is {tuple(x.shape)}"
        assert np.array_equal(y.numpy(), labels[data.splits[part]]), f"labels of part {part} are in another order"
