"""Boxes, their loss and mean average precision: by hand and against plain loops."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nasbench.spaces import NetworkSettings, spaces
from nasbench.tasks.detection import (
    IOU_THRESHOLDS,
    RECALLS,
    ObjectDetection,
    assign,
    average_precision,
    decode,
    focal,
    giou,
    iou,
    locations,
    match,
    suppress,
)
from nasbench.training.device import seeded
from nasbench.training.loop import train
from nasbench.training.settings import TrainSettings

TASK = ObjectDetection((1, 32, 32), 3, 2)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def near(rounding):
    """Relative error of a few operations in a row in single precision."""
    return rounding(20, "float32")


def targets(*images):
    """Targets `(b, 2, 5)` from lists of boxes."""
    result = torch.zeros(len(images), 2, 5)
    result[..., 0] = -1
    for image, boxes in enumerate(images):
        for row, box in enumerate(boxes):
            result[image, row] = torch.tensor(box, dtype=torch.float32)
    return result


def answers(*images, sides=(16, 8)):
    """Outputs with a few confident locations, each (level, y, x, class, logit, box); all others are background."""
    levels = [torch.full((len(images), 7, side, side), -20.0) for side in sides]
    for image, detections in enumerate(images):
        for level, y, x, label, logit, (x1, y1, x2, y2) in detections:
            stride = 32 / sides[level]
            px, py = (x + 0.5) * stride, (y + 0.5) * stride
            away = torch.tensor([px - x1, py - y1, x2 - px, y2 - py])
            levels[level][image, label, y, x] = logit
            levels[level][image, 3:, y, x] = torch.log(away / (2 * stride))
    return levels


def score(outputs, truth):
    tally = TASK.tally()
    tally.add(outputs, truth, torch.tensor(1.0))
    return tally.result()[0]


# --- boxes ------------------------------------------------------------------------------------------------------


def test_overlap_by_hand(near):
    a, b = torch.tensor([0.0, 0, 2, 2]), torch.tensor([1.0, 1, 3, 3])
    assert iou(a, b).item() == pytest.approx(1 / 7, rel=near)
    assert giou(a, b).item() == pytest.approx(1 / 7 - 2 / 9, rel=near)  # 7 of the 9 around both are covered
    far = torch.tensor([4.0, 0, 5, 1])
    assert iou(a, far).item() == 0
    assert giou(a, far).item() == pytest.approx(-(10 - 5) / 10, rel=near)
    assert giou(a, a).item() == iou(a, a).item() == 1
    assert iou(torch.zeros(4), torch.zeros(4)).item() == 0


@given(st.lists(st.integers(0, 20), min_size=8, max_size=8))
def test_overlap_is_symmetric_and_bounded(near, numbers):
    corners = torch.tensor(numbers, dtype=torch.float32).reshape(2, 2, 2)
    low, high = corners.amin(dim=1), corners.amax(dim=1) + 1
    a, b = torch.cat([low, high], dim=1)
    for measure, least in ((iou, 0), (giou, -1)):
        assert measure(a, b).item() == pytest.approx(measure(b, a).item(), rel=near)
        assert least <= measure(a, b).item() <= 1
    assert giou(a, b) <= iou(a, b)


def test_places_and_decoding_by_hand(near):
    places = locations((8, 16), [(4, 4), (1, 1)], CPU)
    assert places.points[:5].tolist() == [[2, 1], [6, 1], [10, 1], [14, 1], [2, 3]]
    assert places.points[-1].tolist() == [8, 4] and places.strides[-1].tolist() == [16, 8]
    assert places.sizes.tolist() == pytest.approx([4 * math.sqrt(8), 4 * math.sqrt(128)], rel=near)
    assert places.levels.tolist() == [0] * 16 + [1]
    boxes = decode(torch.zeros(1, 17, 4), places)
    assert boxes[0, 0].tolist() == [2 - 8, 1 - 4, 2 + 8, 1 + 4]  # two strides to every side
    raw = torch.log(torch.tensor([0.5, 1, 2, 4]) / torch.tensor([8.0, 4, 8, 4])).expand(1, 17, 4)
    assert decode(raw, places)[0, 0].tolist() == pytest.approx([1.5, 0, 4, 5], abs=5 * near)


def test_assignment_by_hand():
    places = locations((32, 32), [(16, 16), (8, 8)], CPU)  # strides 2 and 4, own sizes 8 and 16
    owner, learns = assign(places, targets([(0, 4, 4, 12, 12), (2, 0, 0, 20, 20)], []))
    assert owner.shape == learns.shape == (2, 320) and not learns[1].any()
    fine, coarse = learns[0, :256].reshape(16, 16), learns[0, 256:].reshape(8, 8)
    # places 2 x + 1 within 3 pixels of the centre 8, ends excluded: 7 and 9; 4 x + 2 within 6 of 10: 6, 10 and 14
    assert fine.nonzero().tolist() == [[3, 3], [3, 4], [4, 3], [4, 4]]
    assert coarse.nonzero().tolist() == [[y, x] for y in (1, 2, 3) for x in (1, 2, 3)]
    assert owner[0][learns[0]].tolist() == [0] * 4 + [1] * 9
    # of two boxes of one level a place learns the smaller
    owner, learns = assign(places, targets([(0, 3, 3, 13, 13), (1, 4, 4, 12, 12)]))
    assert set(owner[0][learns[0]].tolist()) == {1}


# --- loss -------------------------------------------------------------------------------------------------------


def test_focal_loss_by_hand(near):
    logits = torch.tensor([0.0, math.log(3), math.log(3)])
    expected = [0.25 * 0.5**2 * math.log(2), 0.25 * 0.25**2 * math.log(4 / 3), 0.75 * 0.75**2 * math.log(4)]
    assert focal(logits, torch.tensor([1.0, 1.0, 0.0])).tolist() == pytest.approx(expected, rel=near)


def test_loss_by_hand(near):
    """One box on four locations; three are confident and correct, one misses class and box."""
    box = (4.0, 4.0, 12.0, 12.0)
    right = [(0, y, x, 1, 20.0, box) for y in (3, 4) for x in (3, 4)]
    truth = targets([(1, *box)])
    assert TASK.loss(answers(right), truth).item() == pytest.approx(0, abs=5 * near)  # boxes of 8 end at 12
    off = [*right[:3], (0, 4, 4, 1, 0.0, (4.0, 4.0, 12.0, 20.0))]
    expected = (0.25 * 0.25 * math.log(2) + 1 - 1 / 2) / 4
    assert TASK.loss(answers(off), truth).item() == pytest.approx(expected, rel=5 * near)
    nothing = answers([(0, 3, 3, 1, 0.0, box)])  # no box at all: only classes count, divided by 1
    assert TASK.loss(nothing, targets([])).item() == pytest.approx(0.75 * 0.25 * math.log(2), rel=near)


def test_loss_falls_by_descent_until_the_box_is_found():
    truth = targets([(1, 4, 4, 12, 12), (0, 14, 10, 30, 28)])
    raw = [torch.zeros(1, 7, side, side, requires_grad=True) for side in (16, 8, 4)]
    optimiser = torch.optim.Adam(raw, 0.2)
    first = TASK.loss(raw, truth).item()
    for _ in range(100):
        optimiser.zero_grad()
        loss = TASK.loss(raw, truth)
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.02 * first
    assert score(raw, truth) > 90


# --- detections -------------------------------------------------------------------------------------------------


def test_suppression_by_hand(near):
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 8], [0, 0, 10, 7], [20, 20, 30, 30]])[None]
    assert suppress(boxes, torch.zeros(1, 4, dtype=torch.long)).tolist() == [[True, False, False, True]]
    # what is suppressed suppresses nothing: the third is covered by the second alone, the first is of another class
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 4, 10, 14], [0, 7, 10, 17]])[None]
    overlaps = [iou(boxes[0, i], boxes[0, j]).item() for i, j in ((0, 1), (1, 2), (0, 2))]
    assert overlaps == pytest.approx([6 / 14, 7 / 13, 3 / 17], rel=near)
    assert suppress(boxes, torch.tensor([[0, 0, 0]])).tolist() == [[True, True, False]]
    assert suppress(boxes, torch.tensor([[0, 0, 1]])).tolist() == [[True, True, True]]
    chain = torch.tensor([[0.0, 0, 10, 10], [0, 2, 10, 12], [0, 4, 10, 14]])[None]  # IoU 2/3, 2/3 and 3/7
    assert suppress(chain, torch.zeros(1, 3, dtype=torch.long)).tolist() == [[True, False, True]]


@given(st.integers(0, 10_000))
def test_suppression_and_matching_as_plain_loops(seed):
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(2, 12, 2, generator=generator) * 4
    boxes = torch.cat([corners, corners + 2 + torch.rand(2, 12, 2, generator=generator)], dim=-1)
    classes = torch.randint(0, 2, (2, 12), generator=generator)
    kept = suppress(boxes, classes)
    truth = torch.cat([classes[:, :4, None].float(), boxes[:, :4] + 0.3], dim=-1)
    truth[0, 3, 0] = -1
    right = match(boxes, classes, torch.where(kept, 0.5, -1.0), truth)
    for image in range(2):
        alive = []
        for i in range(12):
            covered = any(
                classes[image, i] == classes[image, j] and iou(boxes[image, i], boxes[image, j]) > 0.5 for j in alive
            )
            assert kept[image, i] == (not covered)
            alive += [] if covered else [i]
        for t, threshold in enumerate(IOU_THRESHOLDS):
            taken = set()
            for i in range(12):
                fits = {
                    g: iou(boxes[image, i], truth[image, g, 1:]).item()
                    for g in range(4)
                    if i in alive and truth[image, g, 0] == classes[image, i] and g not in taken
                }
                best = max(fits, key=fits.__getitem__, default=None)
                found = best is not None and fits[best] >= threshold
                assert right[image, i, t] == found
                taken |= {best} if found else set()


def test_average_precision_by_hand():
    def ap(right, objects):
        scores = -np.arange(len(right), dtype=np.float32)
        return average_precision(scores, np.array(right, dtype=bool)[:, None], objects)[0]

    assert ap([1, 1], 2) == 1
    assert ap([1], 2) == pytest.approx(51 / 101)  # recalls 0 to 0.50 are reached
    assert ap([0, 1], 1) == 0.5
    assert ap([1, 0, 1], 2) == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert ap([0, 0], 3) == 0
    assert average_precision(np.zeros(0, np.float32), np.zeros((0, 10), bool), 1).tolist() == [0] * 10


@given(st.lists(st.booleans(), max_size=30), st.integers(0, 5))
def test_average_precision_as_plain_loops(right, missed):
    objects = sum(right) + missed
    if not objects:
        return
    scores = np.random.default_rng(len(right)).random(len(right)).astype(np.float32)
    flags = np.array(right, dtype=bool)
    ordered = flags[np.argsort(-scores)]
    points = [(ordered[: i + 1].sum() / objects, ordered[: i + 1].mean()) for i in range(len(ordered))]
    expected = np.mean([max((p for r, p in points if r >= recall), default=0) for recall in RECALLS])
    assert average_precision(scores, flags[:, None], objects)[0] == pytest.approx(expected)


BOX = (4.0, 4.0, 12.0, 12.0)
OTHER = (14.0, 14.0, 30.0, 30.0)


def test_scores_by_hand():
    truth = targets([(1, *BOX), (2, *OTHER)])
    first, second = (0, 3, 3, 1, 5.0, BOX), (1, 5, 5, 2, 5.0, OTHER)
    assert score(answers([first, second]), truth) == pytest.approx(100)
    assert score(answers([first]), truth) == pytest.approx(50)  # one of two classes is missed
    assert score(answers([]), truth) == 0
    assert score(answers([(0, 3, 3, 0, 5.0, BOX)]), truth) == 0  # another class
    duplicate = (0, 4, 4, 1, 4.0, BOX)  # of the same object, less certain: it is suppressed
    assert score(answers([first, duplicate, second]), truth) == pytest.approx(100)
    wrong = (0, 12, 3, 1, 6.0, (4.0, 22.0, 12.0, 30.0))  # another place, and more certain: precision 1/2
    assert score(answers([first, second, wrong]), truth) == pytest.approx(75)
    less = (0, 12, 3, 1, 4.0, (4.0, 22.0, 12.0, 30.0))  # less certain: it costs nothing
    assert score(answers([first, second, less]), truth) == pytest.approx(100)


@pytest.mark.parametrize(("high", "right"), [(12.0, 10), (11.0, 8), (10.1, 6), (8.1, 1), (7.9, 0)])
def test_score_by_threshold(high, right):
    """Detections of the upper part of an 8x8 box, an eighth per pixel; no IoU lies on a threshold."""
    found = (0, 3, 3, 1, 5.0, (4.0, 4.0, 12.0, high))
    assert score(answers([found]), targets([(1, *BOX)])) == pytest.approx(10 * right)


def test_two_objects_of_one_class_in_two_images():
    truth = targets([(1, *BOX)], [(1, *OTHER)])
    found = answers([(0, 3, 3, 1, 5.0, BOX)], [])
    assert score(found, truth) == pytest.approx(100 * 51 / 101)
    swapped = answers([(1, 5, 5, 1, 5.0, OTHER)], [(0, 3, 3, 1, 5.0, BOX)])  # each in the other's image
    assert score(swapped, truth) == 0


def test_batches_are_one_collection():
    generator = torch.Generator().manual_seed(0)
    outputs = [torch.randn(6, 7, side, side, generator=generator) for side in (16, 8)]
    truth = targets(*([(i % 3, *BOX), (1, *OTHER)] for i in range(6)))
    whole, parts = TASK.tally(), TASK.tally()
    whole.add(outputs, truth, torch.tensor(2.0))
    for rows, loss in ((slice(0, 4), 1.0), (slice(4, 6), 4.0)):
        parts.add([level[rows] for level in outputs], truth[rows], torch.tensor(loss))
    assert parts.result() == pytest.approx(whole.result())
    assert whole.result()[1] == 2


def test_no_box_at_all_scores_nothing():
    assert score(answers([]), targets([])) == 0


# --- form -------------------------------------------------------------------------------------------------------


def test_answers_of_another_form_are_named():
    good = [torch.zeros(2, 7, 4, 4), torch.zeros(2, 7, 2, 2)]
    TASK.check(good, 2)
    for outputs, message in [
        (torch.zeros(2, 7, 4, 4), "returns Tensor, not a list of levels"),
        ([], "returns no level"),
        ([torch.zeros(2, 3, 4, 4)], r"level 0 of shape \(2, 3, 4, 4\), expected \(2, 7, height, width\)"),
        (good[::-1], "not from fine to coarse"),
        ([torch.full((2, 7, 4, 4), math.nan)], "level 0 that are not finite"),
    ]:
        with pytest.raises(AssertionError, match=message):
            TASK.check(outputs, 2)


def test_suitable_training_can_be_asked_for_with_any_length():
    settings = TrainSettings(epochs=1, batch_size=8, **ObjectDetection.training)
    assert settings.optimiser == "adamw"


def scattered(seed, images=30):
    """Boxes, and detections: some near them, some of another class, mostly noise."""
    rng = np.random.default_rng(seed)
    truth = np.zeros((images, 2, 5))
    outputs = [rng.normal(size=(images, 7, side, side)) for side in (16, 8, 4)]
    for level in outputs:
        level[:, :3] -= 4
    truth[..., 0] = -1
    for image in range(images):
        for box in range(rng.integers(0, 3)):
            low, size = rng.integers(0, 22, 2), rng.integers(4, 10, 2)
            label, level, other = rng.integers(0, 3, 3)
            truth[image, box] = label, *low, *(low + size)
            stride = 2 << level
            cell = (low + size / 2) // stride
            point = (cell + 0.5) * stride
            away = np.concatenate([point - low, low + size - point]).clip(0.2) * np.exp(rng.normal(0, 0.15, 4))
            place = image, slice(None), int(cell[1]), int(cell[0])
            outputs[level][place][3:] = np.log(away / (2 * stride))
            outputs[level][place][label if rng.random() < 0.8 else other] = rng.normal(0, 1.5)
    return [torch.from_numpy(level).float() for level in outputs], torch.from_numpy(truth).float()


@pytest.mark.parametrize(
    ("seed", "published"), [(0, 27.235573344717057), (1, 35.223929129174806), (2, 34.32752526455222)]
)
def test_scores_are_those_of_the_published_program(seed, published, rounding):
    """Results of pycocotools 2.0.11 for the same boxes and answers: sums of 3 classes, 10 thresholds, 101 recalls."""
    outputs, truth = scattered(seed)
    assert score(outputs, truth) == pytest.approx(published, rel=rounding(3 * 10 * 101))


def test_a_detector_learns_where_bright_rectangles_are():
    """Mean average precision rises from near 0 on unseen images within a few dozen steps."""
    rng = np.random.default_rng(0)
    images, boxes = np.zeros((160, 1, 32, 32), np.float32), np.zeros((160, 1, 5), np.float32)
    for image, box in zip(images[:, 0], boxes[:, 0], strict=True):
        low, size = rng.integers(0, 14, 2), rng.integers(6, 18, 2)
        box[1:] = *low, *(low + size)
        image[low[1] : low[1] + size[1], low[0] : low[0] + size[0]] = 1
    task, device = ObjectDetection((1, 32, 32), 1, 1), torch.device("cpu")
    x, y = torch.from_numpy(images), torch.from_numpy(boxes)
    space = spaces.create("detection+phis=1")
    settings = TrainSettings(epochs=10, batch_size=16, **task.training)
    with seeded(0, device):
        network = space.network(space.bifpn(), task, NetworkSettings(16, 1))
    parts = {"train": slice(0, 96), "validation": slice(96, 128), "test": slice(128, 160)}
    history = train(network, task, {part: (x[rows], y[rows]) for part, rows in parts.items()}, settings, 0, device)
    assert history["test_map"][0] < 5
    assert history["test_map"][-1] > 30
    assert history["test_loss"][-1] < 0.5 * history["test_loss"][0]
