"""Training time, estimated from a few steps."""

from __future__ import annotations

import copy
import math
import statistics
from collections.abc import Sequence

import torch

from nasbench.datasets.base import SPLITS
from nasbench.tasks import Task
from nasbench.training.device import clock, deterministic
from nasbench.training.learners import FusedLearner, Learner, SingleLearner, Tensors
from nasbench.training.settings import TrainSettings
from nasbench.training.steps import evaluate_learner, evaluation_batch, make_optimiser, train_step

TIMED_STEPS = 3
"""Steps of one network by itself that are timed when it trains beside others."""


def time_training(
    networks: Sequence[torch.nn.Module],
    task: Task,
    data: Tensors,
    settings: TrainSettings,
    device: torch.device,
    steps: int = 3,
) -> float:
    """Estimated seconds of one epoch with its evaluation: of `train` for one network, of `train_many` for several.

    Median time of `steps` training steps, and time of one evaluation batch, each after one to warm up. The networks
    are trained a little by it.

    Raises:
        Unfusable: As `train_many`.
    """
    learner: Learner
    if len(networks) > 1:
        learner = FusedLearner(networks, task, data["train"][0][:1], device)
    else:
        learner = SingleLearner(networks[0].to(device), task)
    with deterministic():
        training = _step_seconds(learner, data, settings, device, steps)
        size = evaluation_batch(data["validation"][0], learner.count)
        inputs, targets = (part[:size] for part in data["validation"])
        times = []
        for _ in range(2):
            start = clock(device)
            evaluate_learner(learner, inputs, targets)
            times.append(clock(device) - start)
    evaluated = sum(len(data[split][0]) for split in SPLITS[1:])
    return settings.steps_per_epoch(len(data["train"][0])) * training + evaluated / len(inputs) * times[-1]


def epoch_seconds(
    network: torch.nn.Module, task: Task, data: Tensors, settings: TrainSettings, device: torch.device
) -> float:
    """Estimated seconds of one training epoch of one network, without evaluation; a copy is trained."""
    learner = SingleLearner(copy.deepcopy(network).to(device), task)
    with deterministic():
        step = _step_seconds(learner, data, settings, device, TIMED_STEPS)
    return settings.steps_per_epoch(len(data["train"][0])) * step


def _step_seconds(learner: Learner, data: Tensors, settings: TrainSettings, device: torch.device, steps: int) -> float:
    """Median seconds of `steps` training steps, after one to warm up."""
    inputs, targets = data["train"]
    size = math.ceil(len(inputs) / settings.steps_per_epoch(len(inputs)))
    rows = torch.arange(size, device=device)[:, None].expand(-1, learner.count)
    optimiser = make_optimiser(learner.network, settings)
    learner.network.train()
    times = []
    for _ in range(1 + steps):
        start = clock(device)
        x, y = learner.batch(inputs, targets, rows)
        train_step(learner, optimiser, x, y, device)
        times.append(clock(device) - start)
    return statistics.median(times[1:])
