"""Anchor-free object detection, as in FCOS (Tian et al., 2019): boxes, loss, and mean average precision."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from nasbench.arrays import read_only
from nasbench.tasks.base import Outputs, Tally, Task

if TYPE_CHECKING:
    import torch

MAX_DETECTIONS = 100
"""Detections per image that count, those with the highest scores (COCO)."""
NMS_IOU = 0.5
"""IoU above which non-maximum suppression removes the lower-scored of two detections of one class."""
IOU_THRESHOLDS = tuple(0.5 + 0.05 * step for step in range(10))
"""Minimum IoU of a correct detection; the score is the mean over these thresholds (COCO)."""
RECALLS = read_only(np.linspace(0, 1, 101))
"""Recalls at which precision is averaged (COCO)."""
BOX_STRIDES = 4.0
"""Box size of a pyramid level in strides; raw outputs of 0 stand for a box of this size."""
CENTRE_STRIDES = 1.5
"""Radius of centre sampling in strides: locations this close to a box centre learn the box (FCOS)."""
FOCAL_GAMMA, FOCAL_ALPHA = 2.0, 0.25
"""Gamma and alpha of the focal loss (Lin et al., 2017)."""
CLASS_PRIOR = 0.01
"""Initial probability of each class at each location (Lin et al., 2017)."""
CLASS_BIAS = -math.log((1 - CLASS_PRIOR) / CLASS_PRIOR)
"""Logit of `CLASS_PRIOR`: the initial bias of the last layer for the classes."""


class Locations(NamedTuple):
    """The `l` locations of all pyramid levels.

    Attributes:
        points: x and y in pixels; shape `(l, 2)`.
        strides: Pixels to the next location in x and y; shape `(l, 2)`.
        sizes: Box size of each level in pixels; shape `(levels,)`.
        levels: Level of each location; shape `(l,)`.
    """

    points: torch.Tensor
    strides: torch.Tensor
    sizes: torch.Tensor
    levels: torch.Tensor


@dataclass(frozen=True)
class ObjectDetection(Task):
    """Inputs are images `(b, channels, height, width)`, float32; outputs are `(b, classes + 4, h, w)` by level.

    Targets are `(b, boxes, 5)`, float32: class, x1, y1, x2 and y2 in pixels, with class -1 for no box. The stride of a
    level is the image size divided by the size of the level. The last four channels encode the distances to the sides
    of the box (left, upper, right, lower): `exp(raw) * stride * BOX_STRIDES / 2`.

    Attributes:
        shape: Channels, height and width of an image.
        classes: Number of classes.
        boxes: Maximum boxes in an image.
    """

    shape: tuple[int, int, int]
    classes: int
    boxes: int

    name: ClassVar[str] = "object_detection"
    score: ClassVar[str] = "map"
    scored: ClassVar[str] = "Mean average precision over IoU 0.5 to 0.95 and classes (COCO)"
    lost: ClassVar[str] = "Focal loss of classes plus 1 - GIoU of boxes, for each location that has a box"
    loss_units: ClassVar[str] = "dimensionless"
    training: ClassVar[Mapping[str, Any]] = {
        "optimiser": "adamw",
        "learning_rate": 1e-2,
        "weight_decay": 1e-4,
        "warmup_epochs": 1.0,
    }

    @classmethod
    def small(cls) -> Self:
        """Grey images of 32x32 pixels with up to two boxes in three classes."""
        return cls((1, 32, 32), 3, 2)

    def inputs(self, n: int) -> torch.Tensor:
        """White images `(n, channels, height, width)`."""
        import torch

        return torch.ones(n, *self.shape)

    def targets(self, n: int) -> torch.Tensor:
        """One box in the middle of each image, a third of its height and width, with classes in turn."""
        import torch

        _, height, width = self.shape
        targets = torch.zeros(n, self.boxes, 5)
        targets[:, :, 0] = -1
        targets[:, 0, 0] = torch.arange(n) % self.classes
        targets[:, 0, 1:] = torch.tensor([width, height, 2 * width, 2 * height]) / 3
        return targets

    def check(self, outputs: Outputs, n: int) -> None:
        """Check that outputs are finite, with one tensor per level from fine to coarse."""
        import torch

        assert isinstance(outputs, list), f"returns {type(outputs).__name__}, not a list of levels"
        assert outputs, "returns no level"
        sides = []
        for level, output in enumerate(outputs):
            shape = tuple(output.shape)
            assert len(shape) == 4 and shape[:2] == (n, self.classes + 4), (
                f"gives level {level} of shape {shape}, expected ({n}, {self.classes + 4}, height, width)"
            )
            assert torch.isfinite(output).all(), f"gives outputs of level {level} that are not finite"
            sides.append(shape[2:])
        assert sides == sorted(sides, reverse=True), f"gives levels of sizes {sides}, not from fine to coarse"

    # --- loss ---------------------------------------------------------------------------------------------------

    def loss(self, outputs: Outputs, targets: torch.Tensor) -> torch.Tensor:
        """Sum of the focal loss at all locations and 1 - GIoU of boxes, per location that learns a box.

        A location learns the smallest box of its level whose centre it is close to.
        """
        import torch

        logits, raw, places = self._flat(outputs)
        owner, learns = assign(places, targets)
        boxes = torch.gather(targets, 1, owner[..., None].expand(-1, -1, 5))  # (b, l, 5)
        classes = torch.arange(self.classes, device=logits.device)
        truth = ((boxes[..., :1] == classes) & learns[..., None]).to(logits.dtype)  # (b, l, classes)
        count = learns.sum().clamp(min=1)
        overlap = giou(decode(raw, places), boxes[..., 1:])
        return (focal(logits, truth).sum() + torch.where(learns, 1 - overlap, 0.0).sum()) / count

    def _flat(self, outputs: Outputs) -> tuple[torch.Tensor, torch.Tensor, Locations]:
        """Logits `(b, l, classes)` and raw distances `(b, l, 4)` of all levels, float32, and their locations."""
        import torch

        assert isinstance(outputs, list), "a detector returns a list of levels"
        flat = torch.cat([level.flatten(2) for level in outputs], dim=2).float().transpose(1, 2)  # (b, l, c + 4)
        places = locations(self.shape[1:], [(level.shape[2], level.shape[3]) for level in outputs], flat.device)
        return flat[..., : self.classes], flat[..., self.classes :], places

    # --- score --------------------------------------------------------------------------------------------------

    def detect(self, outputs: Outputs) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The `k` highest-scored detections of each image, in descending order; k is at most `MAX_DETECTIONS`.

        Returns:
            Boxes `(b, k, 4)` in pixels, classes `(b, k)`, and scores `(b, k)` from 0 to 1, or -1 for detections removed
            by non-maximum suppression.
        """
        import torch

        logits, raw, places = self._flat(outputs)
        every = logits.flatten(1)  # (b, l * classes)
        best, index = torch.topk(every, min(MAX_DETECTIONS, every.shape[1]), dim=1)
        place, classes = index // self.classes, index % self.classes
        picked = torch.gather(raw, 1, place[..., None].expand(-1, -1, 4))
        boxes = decode(picked, Locations(places.points[place], places.strides[place], places.sizes, places.levels))
        remaining = suppress(boxes, classes)
        return boxes, classes, torch.where(remaining, torch.sigmoid(best), -1.0)

    def tally(self) -> Tally:
        """Mean average precision, and mean loss over images."""
        return MeanAveragePrecision(self)


# --- boxes: x1, y1, x2, y2 in the last axis ---------------------------------------------------------------------


def locations(image: tuple[int, ...], levels: list[tuple[int, int]], device: torch.device) -> Locations:
    """Locations of levels with these heights and widths: centres of equal parts of the image."""
    import torch

    points, strides, sizes, index = [], [], [], []
    for level, (height, width) in enumerate(levels):
        step = torch.tensor([image[1] / width, image[0] / height], device=device)
        y, x = torch.meshgrid(*(torch.arange(side, device=device) for side in (height, width)), indexing="ij")
        points.append((torch.stack([x, y], dim=-1).reshape(-1, 2) + 0.5) * step)
        strides.append(step.expand(height * width, 2))
        sizes.append(BOX_STRIDES * math.sqrt(image[1] / width * image[0] / height))
        index.append(torch.full((height * width,), level, device=device))
    return Locations(torch.cat(points), torch.cat(strides), torch.tensor(sizes, device=device), torch.cat(index))


def decode(raw: torch.Tensor, places: Locations) -> torch.Tensor:
    """Boxes `(b, l, 4)` from raw outputs `(b, l, 4)`: positive distances from each location to the four sides."""
    import torch

    strides = torch.cat([places.strides, places.strides], dim=-1)
    away = torch.exp(raw.clamp(-8, 8)) * strides * (BOX_STRIDES / 2)
    return torch.cat([places.points - away[..., :2], places.points + away[..., 2:]], dim=-1)


def assign(places: Locations, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Index of the box that each location learns, `(b, l)`, and whether it learns one, `(b, l)`.

    A box belongs to the level whose box size is nearest, by ratio, to the square root of its area.
    """
    import torch

    boxes = targets[..., 1:]
    sides = boxes[..., 2:] - boxes[..., :2]  # (b, g, 2)
    area = sides.prod(dim=-1)
    size = area.clamp(min=1e-6).sqrt().log()
    level = (size[..., None] - places.sizes.log()).abs().argmin(dim=-1)  # (b, g)
    points = places.points[:, None]  # (l, 1, 2)
    low, high = boxes[:, None, :, :2], boxes[:, None, :, 2:]  # (b, 1, g, 2)
    inside = (points > low) & (points < high)
    near = (points - (low + high) / 2).abs() < CENTRE_STRIDES * places.strides[:, None]
    same_level = (level[:, None] == places.levels[:, None]) & (targets[:, None, :, 0] >= 0)
    candidate = (inside & near).all(dim=-1) & same_level  # (b, l, g)
    owner = torch.where(candidate, area[:, None], math.inf).argmin(dim=-1)
    return owner, candidate.any(dim=-1)


def iou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Intersection over union of boxes `(..., 4)` and `(..., 4)`; 0 if both are empty."""
    intersection, union, _ = _areas(a, b)
    return intersection / union.clamp(min=1e-9)


def giou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """IoU minus the uncovered share of the smallest enclosing box (Rezatofighi et al., 2019)."""
    intersection, union, hull = _areas(a, b)
    hull = hull.clamp(min=1e-9)
    return intersection / union.clamp(min=1e-9) - (hull - union) / hull


def _areas(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Areas of the intersection, the union, and the smallest enclosing box, by coordinate for speed."""
    import torch

    (left, top, right, bottom), (left_b, top_b, right_b, bottom_b) = a.unbind(-1), b.unbind(-1)
    low, high = torch.maximum(left, left_b), torch.minimum(right, right_b)
    upper, lower = torch.maximum(top, top_b), torch.minimum(bottom, bottom_b)
    intersection = (high - low).clamp(min=0) * (lower - upper).clamp(min=0)
    union = (right - left) * (bottom - top) + (right_b - left_b) * (bottom_b - top_b) - intersection
    hull = (right - left + right_b - left_b - (high - low)) * (bottom - top + bottom_b - top_b - (lower - upper))
    return intersection, union, hull


def focal(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Focal loss of independent classes (Lin et al., 2017, equation 5): confident correct outputs weigh little."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    right = torch.where(truth > 0, torch.sigmoid(logits), torch.sigmoid(-logits))
    balance = torch.where(truth > 0, FOCAL_ALPHA, 1 - FOCAL_ALPHA)
    return balance * (1 - right) ** FOCAL_GAMMA * binary_cross_entropy_with_logits(logits, truth, reduction="none")


def suppress(boxes: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """Non-maximum suppression: which of `(b, k)` detections, best first, remain.

    A detection is removed if a better remaining one of its class overlaps it by more than `NMS_IOU`. The first i are
    final after i rounds, and all are final once a round changes nothing, usually after a few.
    """
    import torch

    same = classes[:, :, None] == classes[:, None]
    covers = ((iou(boxes[:, :, None], boxes[:, None]) > NMS_IOU) & same).triu(1).to(boxes.dtype)  # (b, k, k)
    before, remaining = torch.zeros_like(same[:, 0]), torch.ones_like(same[:, 0])
    while not torch.equal(before, remaining):
        covered = torch.bmm(remaining[:, None].to(boxes.dtype), covers)[:, 0] > 0
        before, remaining = remaining, ~covered
    return remaining


def match(boxes: torch.Tensor, classes: torch.Tensor, scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Which of `(b, k)` detections, best first, are correct at each of `IOU_THRESHOLDS`; shape `(b, k, thresholds)`.

    Each in turn takes the free box of its class with the largest overlap.
    """
    import torch

    overlap = iou(boxes[:, :, None], targets[:, None, :, 1:])  # (b, k, g)
    possible = (classes[:, :, None] == targets[:, None, :, 0]) & (scores >= 0)[:, :, None]
    overlap = torch.where(possible, overlap, -1.0)
    enough = torch.tensor(IOU_THRESHOLDS, device=boxes.device)[:, None] - 1e-6
    b, k, g = overlap.shape
    free = torch.ones((b, len(IOU_THRESHOLDS), g), dtype=torch.bool, device=boxes.device)
    right = torch.zeros((b, k, len(IOU_THRESHOLDS)), dtype=torch.bool, device=boxes.device)
    rows, places = torch.arange(b, device=boxes.device), torch.arange(g, device=boxes.device)
    near = (overlap >= enough[0]).any(dim=-1)  # all others are wrong
    order = torch.argsort(~near, dim=1, stable=True)
    for detection in order[:, : int(near.sum(dim=1).max())].T:
        mine = overlap[rows, detection, None]  # (b, 1, g)
        fits = free & (mine >= enough)
        right[rows, detection] = fits.any(dim=-1)
        best = torch.where(fits, mine, -1.0).argmax(dim=-1, keepdim=True)
        free &= ~(fits & (places == best))
    return right


def average_precision(
    scores: npt.NDArray[np.float32], right: npt.NDArray[np.bool_], objects: int
) -> npt.NDArray[np.float64]:
    """Average precision, from 0 to 1, of `n` detections of one class at each threshold; shape `(thresholds,)`.

    Mean over `RECALLS` of the best precision at this recall or a higher one (COCO).

    Args:
        scores: Scores of the detections; shape `(n,)`.
        right: Whether they are correct; shape `(n, thresholds)`.
        objects: Number of objects of the class.
    """
    hits = np.cumsum(right[np.argsort(-scores, kind="stable")], axis=0)
    precision = hits / np.arange(1, len(hits) + 1)[:, None]
    precision = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    return np.array(
        [
            np.append(best, 0.0)[np.searchsorted(found / objects, RECALLS)].mean()
            for best, found in zip(precision.T, hits.T, strict=True)
        ]
    )


class MeanAveragePrecision(Tally):
    """Mean average precision over thresholds and present classes, and mean loss per image."""

    def __init__(self, task: ObjectDetection) -> None:
        self.task = task
        self.loss: torch.Tensor | float = 0.0
        self.images = 0
        self.parts: list[tuple[torch.Tensor, ...]] = []

    def add(self, outputs: Outputs, targets: torch.Tensor, loss: torch.Tensor) -> None:
        """Add pyramid levels and boxes `(b, boxes, 5)`."""
        import torch

        with torch.no_grad():
            boxes, classes, scores = self.task.detect(outputs)
            right = match(boxes, classes, scores, targets)
        self.parts.append((scores.flatten(), classes.flatten(), right.flatten(0, 1), targets[..., 0].flatten()))
        self.loss = self.loss + loss.detach() * len(targets)
        self.images += len(targets)

    def result(self) -> tuple[float, float]:
        """Mean average precision in percent, 0 without any boxes, and mean loss."""
        import torch

        columns = [torch.cat(column).cpu().numpy() for column in zip(*self.parts, strict=True)]
        scores, classes, right, present = columns
        precisions = []
        for label in range(self.task.classes):
            rows = (classes == label) & (scores >= 0)
            if objects := int((present == label).sum()):
                precisions.append(average_precision(scores[rows], right[rows], objects).mean())
        return 100 * float(np.mean(precisions)) if precisions else 0.0, float(self.loss) / self.images
