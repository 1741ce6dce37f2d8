"""Scenes of digits: composed by hand, from digits of their own split, reproducible; and the contract of boxes."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from nasbench.datasets import DEFAULTS, datasets
from nasbench.datasets.boxes import BoxData
from nasbench.datasets.digit_scenes import _iou, compose, enlarge, ink
from nasbench.errors import InputError
from nasbench.tasks.detection import iou
from nasbench.testing import check_dataset
from nasbench.testing.dataset import check_data

SMALL = "digit_scenes+train=60+validation=20+test=20"


def test_enlarging_by_hand() -> None:
    digit = np.array([[0, 0.5], [0.25, 0.5]], dtype=np.float32)
    assert np.round(255 * enlarge(digit, 2)).tolist() == [[0, 255], [128, 255]]  # the brightest is white
    # pixels of the larger picture lie at -1/4, 1/4, 3/4 and 5/4 of the smaller one, whose edge goes on outside
    assert np.round(255 * enlarge(digit, 4)[0]).tolist() == [0, 64, 191, 255]
    assert np.round(255 * enlarge(digit, 4)[:, 0]).tolist() == [0, 32, 96, 128]


def test_ink_by_hand() -> None:
    picture = np.zeros((6, 6), dtype=np.float32)
    picture[2, 1], picture[4, 3], picture[0, 0] = 1, 64 / 255, 63 / 255
    assert ink(picture).tolist() == [1, 2, 4, 5]


def test_overlap_is_that_of_the_task() -> None:
    a, b = np.array([[0, 0, 2, 2], [4, 4, 5, 6]]), np.array([[1, 1, 3, 3], [0, 0, 2, 2]], dtype=np.float32)
    expected = iou(torch.from_numpy(a)[:, None].float(), torch.from_numpy(b)[None])
    assert np.allclose(_iou(a, b), expected.numpy())


def test_scenes_hold_the_digits_that_their_boxes_name() -> None:
    digits = np.ones((2, 8, 8), dtype=np.float32)
    digits[1] *= 0.5
    scenes, boxes = compose(digits, np.array([3, 7]), 50, 32, 2, part=0)
    assert scenes.shape == (50, 1, 32, 32) and boxes.shape == (50, 2, 5)
    for scene, found in zip(scenes[:, 0], boxes, strict=True):
        there = found[found[:, 0] >= 0]
        assert set(there[:, 0]) <= {3, 7} and len(there) in (1, 2)
        painted = np.zeros((32, 32), dtype=bool)
        for x1, y1, x2, y2 in there[:, 1:].astype(int):
            assert (scene[y1:y2, x1:x2] == 1).all()
            assert 8 <= x2 - x1 == y2 - y1 <= 20
            painted[y1:y2, x1:x2] = True
        assert np.array_equal(painted, scene > 0)


def test_parts_are_made_of_their_own_digits() -> None:
    """Scenes of each split use only digits of that split."""
    data = datasets.create(SMALL).load()
    digits = datasets.create("digits").load()
    assert {part: len(rows) for part, rows in data.splits.items()} == {"train": 60, "validation": 20, "test": 20}
    for number, part in enumerate(data.splits):
        rows = digits.splits[part]
        own, boxes = compose(digits.images[rows, 0], digits.labels[rows], len(data.splits[part]), 32, 3, number)
        assert np.array_equal(data.images[data.splits[part]], own)
        assert np.array_equal(data.boxes[data.splits[part]], boxes)


def test_digits_hardly_overlap_and_differ_in_size() -> None:
    boxes = datasets.create("digit_scenes").load().boxes
    there = boxes[..., 0] >= 0
    overlaps = [_iou(row[:1, 1:].astype(np.int64), row[1:2, 1:]).item() for row in boxes[there[:, 1]]]
    assert max(overlaps) <= 0.05
    sides = (boxes[there][:, 3:] - boxes[there][:, 1:3]).max(axis=1)
    assert sides.min() <= 8 and sides.max() >= 19
    assert np.bincount(boxes[there][:, 0].astype(int), minlength=10).min() > 100
    assert np.bincount(there.sum(axis=1), minlength=4)[1:].min() > 100


def test_a_smaller_part_takes_some_of_a_larger_one() -> None:
    small, large = datasets.create(SMALL).load(), datasets.create("digit_scenes").load()
    for part, rows in small.splits.items():
        assert np.array_equal(small.images[rows], large.images[large.splits[part][: len(rows)]])


def test_what_is_trained_on(rounding: Callable[..., float]) -> None:
    data = datasets.create(SMALL).load()
    assert data.task.name == "object_detection" and (data.task.shape, data.task.classes) == ((1, 32, 32), 10)
    images, boxes = data.tensors("cpu")["train"]
    pixels, near = images.double(), rounding(4, "float32")  # a difference, a quotient, and what they are of
    assert pixels.mean().abs() < near and (pixels.std(correction=0) - 1).abs() < near
    assert boxes.shape == (60, 3, 5) and boxes.dtype == torch.float32
    assert data.flat() is None


def test_fixed_for_good() -> None:
    assert datasets.create("digit_scenes").load().checksum() == (
        "310104009ae1f7a60b80e72079f011d09486b890310c7daf77e2f835b98e0c43"
    )


def test_contract() -> None:
    check_dataset(datasets.create(SMALL))
    check_dataset(datasets.create("digit_scenes+train=30+validation=10+test=10+side=48+most=1"))
    assert DEFAULTS["object_detection"] == "digit_scenes"


@pytest.mark.parametrize("setting", ["train=0", "test=1.5", "side=15", "most=true", "validation=many"])
def test_refuses_settings(setting: str) -> None:
    with pytest.raises(InputError, match=f"^{setting.partition('=')[0]} must be a whole number from"):
        datasets.create(f"digit_scenes+{setting}").load()


def good() -> BoxData:
    boxes = np.zeros((6, 2, 5), dtype=np.float32)
    boxes[:, 0] = np.c_[np.arange(6) % 2, np.tile((0, 1, 2, 4), (6, 1))]
    boxes[:, 1, 0] = -1
    parts = dict(zip(("train", "validation", "test"), np.split(np.arange(6), [2, 4]), strict=True))
    return BoxData(np.random.default_rng(0).random((6, 1, 4, 4)).astype(np.float32), boxes, parts, classes=2)


def boxed(row: int, values: object) -> BoxData:
    data = good()
    boxes = data.boxes.copy()
    boxes[row, 0] = values
    return replace(data, boxes=boxes)


FAULTS: dict[str, Callable[[], BoxData]] = {
    "not between 0 and 1": lambda: replace(good(), images=good().images * 255),
    "boxes are float64": lambda: replace(good(), boxes=good().boxes.astype(np.float64)),
    "not (6, most, 5)": lambda: replace(good(), boxes=good().boxes[:, :, :4]),
    "none of -1 to 1": lambda: boxed(3, (2, 0, 0, 1, 1)),
    "image [3] has no box": lambda: boxed(3, (-1, 0, 0, 0, 0)),
    "no area": lambda: boxed(3, (1, 2, 1, 2, 3)),
    "leaves its image": lambda: boxed(3, (1, 2, 1, 5, 3)),
    "no training box": lambda: boxed(1, (0, 0, 0, 1, 1)),
}


@pytest.mark.parametrize("message", FAULTS)
def test_contract_finds_faults_in_boxes(message: str) -> None:
    check_data(good())
    with pytest.raises(AssertionError) as error:
        check_data(FAULTS[message]())
    assert message in str(error.value)
