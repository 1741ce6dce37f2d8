"""How well a trained network sees through corrupted images (Hendrycks & Dietterich, 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from nasbench.tasks import Task
from nasbench.training.steps import evaluate


@dataclass(frozen=True)
class Robustness:
    """Scores in percent on corrupted test inputs; higher is better.

    Attributes:
        mean: Mean over the corruptions, each with equal weight.
        scores: By corruption.
    """

    mean: float
    scores: Mapping[str, float]


def robustness(
    network: torch.nn.Module, task: Task, corrupted: Mapping[str, tuple[torch.Tensor, torch.Tensor]]
) -> Robustness:
    """Scores of a trained network on inputs that are corrupted in several ways.

    The mean is the accuracy whose complement ImageNet-C calls the mean corruption error, not normalised by another
    network's.

    Args:
        network: On the device of the inputs; left in evaluation mode.
        task: Its score.
        corrupted: Inputs `(n, ...)` and targets `(n, ...)` by corruption; see
            `nasbench.datasets.transforms.corruptions.corrupted`.
    """
    scores = {name: evaluate(network, task, *batch)[0] for name, batch in corrupted.items()}
    return Robustness(sum(scores.values()) / len(scores), scores)
