"""Robustness: accuracy of a trained network on corrupted images (Hendrycks & Dietterich, 2019)."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from nasbench.datasets.base import ImageData
from nasbench.datasets.transforms.corruptions import CORRUPTIONS, corrupted
from nasbench.measures.base import Measure, Measurement, Quantity, Subject
from nasbench.tasks import Task
from nasbench.training.steps import evaluate

MAX_IMAGES = 200
"""Test images per corruption."""


def corruption_scores(
    network: torch.nn.Module, task: Task, corrupted: Mapping[str, tuple[torch.Tensor, torch.Tensor]]
) -> dict[str, float]:
    """Score of a trained network on each corruption, in percent.

    One minus their mean is the mean corruption error of ImageNet-C, not normalised by another network's.

    Args:
        network: On the device of the inputs; left in evaluation mode.
        task: Its score.
        corrupted: Inputs `(n, ...)` and targets `(n, ...)` by corruption; see
            `nasbench.datasets.transforms.corruptions.corrupted`.
    """
    return {name: evaluate(network, task, *batch)[0] for name, batch in corrupted.items()}


class Robustness(Measure):
    """Accuracy on corrupted test images."""

    trained = True
    quantities = (
        Quantity(
            "corrupted_accuracy",
            "percent",
            "maximise",
            f"Mean over {len(CORRUPTIONS)} corruptions, of up to {MAX_IMAGES} images, severity 3, at the end.",
            "test",
        ),
        *(
            Quantity(
                f"corrupted_accuracy_{name}",
                "percent",
                "maximise",
                f"Up to {MAX_IMAGES} test images with {name.replace('_', ' ')} at severity 3, at the end.",
                "test",
            )
            for name in CORRUPTIONS
        ),
    )

    def __init__(self) -> None:
        self._corrupted: dict[int, Mapping[str, tuple[torch.Tensor, torch.Tensor]]] = {}

    def _take(self, subject: Subject) -> Measurement:
        data = subject.data
        if not isinstance(data, ImageData):
            return Measurement(None, f"absent: corruptions are of images, not of {subject.task.name}")
        if id(data) not in self._corrupted:
            self._corrupted[id(data)] = corrupted(data, torch.device("cpu"), limit=MAX_IMAGES)
        scores = corruption_scores(subject.network, subject.task, self._corrupted[id(data)])
        return Measurement.of(sum(scores.values()) / len(scores), *(scores[name] for name in CORRUPTIONS))
