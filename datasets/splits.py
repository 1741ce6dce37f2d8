"""Fixed training, validation and test splits, the same on every machine and with every numpy version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from nasbench.checks import check_whole
from nasbench.datasets.base import SPLITS
from nasbench.errors import InputError

IntArray: TypeAlias = npt.NDArray[np.int64]


def split(
    published: Mapping[str, IntArray], train: int | None = None, validation: int | None = None, test: int | None = None
) -> dict[str, IntArray]:
    """Row numbers of the training, validation and test images.

    A published split keeps its images. Missing splits are taken from the training images, first test, then validation,
    so a smaller training split changes neither. Images are chosen by a fixed, stratified random order; a smaller split
    is a subset of a larger one.

    Args:
        published: Labels `(n,)` of the images of each published split: "train" and perhaps others. Rows are in the
            order training, validation, test.
        train: Training images; by default all that remain.
        validation: Validation images; by default all published ones, or a fifth of the training images.
        test: Test images; likewise.

    Raises:
        InputError: A size is not a positive integer or exceeds the number of images.
    """
    rows, start = {}, 0
    for part in (part for part in SPLITS if part in published):
        rows[part] = start + order(published[part])
        start += len(rows[part])
    fifth = max(1, len(rows["train"]) // 5)
    result = {}
    for part, size in (("test", test), ("validation", validation), ("train", train)):
        if part in published:
            result[part] = _take(rows[part], part, size)
        else:
            result[part] = _take(rows["train"], part, fifth if size is None else size)
            rows["train"] = rows["train"][len(result[part]) :]
    return {part: result[part] for part in SPLITS}


def order(labels: IntArray) -> IntArray:
    """A fixed, stratified random order `(n,)`: each contiguous piece has the class shares of the whole.

    It sorts raw PCG64 output, which numpy guarantees never to change (NEP 19), unlike `Generator.permutation`.
    """
    shuffled = np.argsort(np.random.PCG64(0).random_raw(len(labels)), kind="stable")
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = labels[shuffled] == label
        place[members] = (np.arange(members.sum()) + 0.5) / members.sum()  # evenly spaced in (0, 1)
    return shuffled[np.argsort(place, kind="stable")]


def _take(rows: IntArray, part: str, size: int | None) -> IntArray:
    if size is None and len(rows):
        return rows
    if size is not None:
        check_whole(part, size)
    if size is None or size > len(rows):
        raise InputError(
            f"{part}={size or 'all'}: {len(rows)} images are left for the {part} part; lower train, validation or test"
        )
    return rows[:size]
