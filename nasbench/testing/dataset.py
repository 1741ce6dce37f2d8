"""The contract of a data set: values in their ranges, targets of its task, disjoint parts, always the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from nasbench.datasets.base import SPLITS, Data, Dataset, ImageData
from nasbench.datasets.boxes import BoxData
from nasbench.datasets.graphs import GraphData
from nasbench.datasets.text import TextData
from nasbench.testing.ownership import check_apart


def check_dataset(dataset: Dataset) -> None:
    """Load a data set twice, and once more from its settings, and check what it gives.

    Raises:
        AssertionError: It breaks the contract; the message says which part.
    """
    data = dataset.load()
    assert dataset.name and "/" not in dataset.name, f"name {dataset.name!r} is empty or has a slash"
    assert dataset.source, "source is empty: say where the data comes from"
    check_data(data)
    again = dataset.load()
    check_apart(_arrays(data), _arrays(again), "two loads share memory: return copies, or make arrays read-only")

    settings = json.loads(json.dumps(dataset.settings()))
    assert settings == dataset.settings(), "settings() changes on the way through JSON"
    assert again.checksum() == data.checksum(), "a second load gives other data"
    assert type(dataset)(**settings).load().checksum() == data.checksum(), "its settings give other data"


def check_data(data: Data) -> None:
    """Check shapes, types, ranges and parts of loaded data; raises as `check_dataset` does."""
    _check_splits(data)
    for kind, check in _CHECKS.items():
        if isinstance(data, kind):
            check(data)
    _check_tensors(data)


def _check_splits(data: Data) -> None:
    assert tuple(data.splits) == SPLITS, f"parts are {tuple(data.splits)}, not {SPLITS}"
    for part, rows in data.splits.items():
        assert len(rows), f"part {part} is empty"
        assert rows.dtype == np.int64, f"rows of part {part} are {rows.dtype}, not int64"
        assert rows.min() >= 0, f"part {part} has the row {rows.min()}"
        assert rows.max() < len(data), f"part {part} has the row {rows.max()} of {len(data)}"
    together = np.concatenate(list(data.splits.values()))
    assert len(np.unique(together)) == len(together), "a row is in two parts, or twice in one"


def _arrays(data: Data) -> list[npt.NDArray[Any]]:
    return [*data.arrays(), *data.splits.values()]


def _check_tensors(data: Data) -> None:
    """What a network trains on has the form that the task states, and is a copy."""
    task = data.task
    for part, (x, y) in data.tensors("cpu").items():
        for array in _arrays(data):
            fault = f"tensors of part {part} share memory with the data; make them with torch.tensor"
            check_apart([x.numpy(), y.numpy()], [array, array], fault)
        inputs, targets = task.inputs(1), task.targets(1)
        n = len(data.splits[part])
        for what, found, example in (("inputs", x, inputs), ("targets", y, targets)):
            shape = (n, *example.shape[1:])
            assert tuple(found.shape) == shape, f"{what} of part {part} are {tuple(found.shape)}, not {shape}"
            assert found.dtype == example.dtype, f"{what} of part {part} are {found.dtype}, not {example.dtype}"


def _check_images(data: ImageData) -> None:
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
    missing = np.setdiff1d(labels, labels[data.splits["train"]])
    assert not len(missing), f"class {missing[:1]} has no training image"
    for part, (_, y) in data.tensors("cpu").items():
        assert np.array_equal(y.numpy(), labels[data.splits[part]]), f"labels of part {part} are in another order"


def _check_boxes(data: BoxData) -> None:
    images, boxes = data.images, data.boxes
    _, _, height, width = images.shape
    assert images.dtype == np.float32, f"images are {images.dtype}, not float32"
    assert images.min() >= 0 and images.max() <= 1, "an intensity is not between 0 and 1"
    assert boxes.dtype == np.float32, f"boxes are {boxes.dtype}, not float32"
    assert boxes.ndim == 3 and len(boxes) == len(images) and boxes.shape[2] == 5, (
        f"boxes have shape {boxes.shape}, not ({len(images)}, most, 5)"
    )
    classes, there = boxes[..., 0], boxes[..., 0] >= 0
    assert np.isin(classes, np.arange(-1, data.classes)).all(), f"a class is none of -1 to {data.classes - 1}"
    assert there.any(axis=1).all(), f"image {np.flatnonzero(~there.any(axis=1))[:1]} has no box"
    x1, y1, x2, y2 = boxes[there][:, 1:].T
    assert (x1 < x2).all() and (y1 < y2).all(), "a box has no area"
    assert min(x1.min(), y1.min()) >= 0 and x2.max() <= width and y2.max() <= height, "a box leaves its image"
    missing = np.setdiff1d(classes[there], classes[data.splits["train"]])
    assert not len(missing), f"class {missing[:1]} has no training box"
    for part, (_, y) in data.tensors("cpu").items():
        assert np.array_equal(y.numpy(), boxes[data.splits[part]]), f"boxes of part {part} are in another order"


def _check_graph(data: GraphData) -> None:
    n, edges, labels = len(data), data.edges, data.labels
    assert data.features.dtype == np.float32 and data.features.ndim == 2, "features are not float32 (nodes, f)"
    assert len(data.features) == n, f"there are features of {len(data.features)} nodes, and labels of {n}"
    assert np.isfinite(data.features).all(), "a feature is not finite"
    assert edges.dtype == np.int64 and edges.ndim == 2 and len(edges) == 2, "edges are not int64 (2, e)"
    assert edges.min() >= 0 and edges.max() < n, f"an edge leads to a node that is none of {n}"
    codes = edges[0] * n + edges[1]
    assert len(np.unique(codes)) == len(codes), "an edge is there twice"
    assert np.array_equal(np.sort(codes), np.sort(edges[1] * n + edges[0])), "an edge is there in one direction only"
    assert labels.dtype == np.int64 and labels.min() >= 0 and labels.max() < data.classes, "a label is of no class"
    missing = np.setdiff1d(labels, labels[data.splits["train"]])
    assert not len(missing), f"class {missing[:1]} has no training node"


def _check_text(data: TextData) -> None:
    tokens, hidden = data.tokens, data.hidden
    assert tokens.ndim == 2 and tokens.dtype == np.int64, f"tokens are {tokens.dtype} {tokens.shape}"
    assert tokens.min() >= 0 and tokens.max() < data.vocabulary, f"a token is none of {data.vocabulary}"
    assert hidden.shape == tokens.shape and hidden.dtype == bool, "what is hidden is not said of each token"
    assert hidden.any(axis=1).all(), "a window hides nothing"
    assert not hidden.all(axis=1).any(), "a window hides everything"


_CHECKS: dict[type[Data], Callable[[Any], None]] = {
    ImageData: _check_images,
    BoxData: _check_boxes,
    GraphData: _check_graph,
    TextData: _check_text,
}
