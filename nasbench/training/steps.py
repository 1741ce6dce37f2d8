"""One optimiser step, and the evaluation of a network on a part of the data."""

from __future__ import annotations

from typing import Any

import torch

from nasbench.tasks import Task
from nasbench.training.device import precision
from nasbench.training.learners import Learner, SingleLearner
from nasbench.training.settings import TrainSettings

EVALUATION_BATCH = 1024
CPU_EVALUATION_IMAGES = 256
"""Images per CPU evaluation batch over all networks, sized to fit the cache."""


def make_optimiser(network: torch.nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    """The optimiser that the settings name, over all parameters of a network."""
    rate, decay, momentum = settings.learning_rate, settings.weight_decay, settings.momentum
    if settings.optimiser == "adamw":
        return torch.optim.AdamW(network.parameters(), rate, (momentum, 0.999), weight_decay=decay, foreach=True)
    return torch.optim.SGD(network.parameters(), rate, momentum, weight_decay=decay, nesterov=True, foreach=True)


def train_step(
    learner: Learner, optimiser: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor, device: torch.device
) -> tuple[Any, torch.Tensor, torch.Tensor]:
    """Learn from one batch; returns outputs, targets and loss."""
    with precision(device):
        outputs = learner.network(x)
        loss = learner.loss(outputs, y)
    optimiser.zero_grad(set_to_none=True)
    (loss.sum() if loss.dim() else loss).backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return outputs, y, loss


def evaluate(network: torch.nn.Module, task: Task, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[float, float]:
    """Score in percent and mean loss of a network on inputs `(n, ...)` with targets `(n, ...)`."""
    return evaluate_learner(SingleLearner(network, task), inputs, targets)[0]


@torch.inference_mode()
def evaluate_learner(learner: Learner, inputs: torch.Tensor, targets: torch.Tensor) -> list[tuple[float, float]]:
    """Score in percent and mean loss of each network on the same inputs `(n, ...)` with targets `(n, ...)`."""
    learner.network.eval()
    tally = learner.tally()
    size = evaluation_batch(inputs, learner.count)
    for batch in zip(torch.split(inputs, size), torch.split(targets, size), strict=True):
        x, y = learner.shared(*batch)
        with precision(inputs.device):
            outputs = learner.network(x)
            tally.add(outputs, y, learner.loss(outputs, y))
    return learner.results(tally)


def evaluation_batch(inputs: torch.Tensor, networks: int) -> int:
    """Size of the batches in which `networks` side by side are evaluated on inputs `(n, ...)`."""
    fits_cache = inputs.dim() == 4 and inputs.device.type != "cuda"
    return max(1, CPU_EVALUATION_IMAGES // networks) if fits_cache else EVALUATION_BATCH
