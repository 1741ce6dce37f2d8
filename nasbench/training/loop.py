"""Training by stochastic gradients: one network, or many side by side, evaluated after each epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from nasbench.datasets.base import SPLITS
from nasbench.tasks import Task
from nasbench.training.device import clock, deterministic, image_layout, seeded
from nasbench.training.history import History, curve_names
from nasbench.training.learners import FusedLearner, Learner, SingleLearner, Tensors
from nasbench.training.schedules import learning_rate_factor
from nasbench.training.settings import TrainSettings
from nasbench.training.steps import evaluate_learner, make_optimiser, train_step
from nasbench.training.timing import epoch_seconds


def train(
    network: torch.nn.Module, task: Task, data: Tensors, settings: TrainSettings, seed: int, device: torch.device
) -> History:
    """Train a network and evaluate it after each epoch.

    The order of the inputs depends on `seed` alone; build the network within `seeded` to fix its initialisation too.
    On the CPU arithmetic is float32 (and the result repeats exactly on one thread). On CUDA it is bfloat16 with
    float32 accumulation and deterministic convolutions, in channels-last layout.

    Args:
        network: Maps a batch of inputs to outputs; trained in place, on `device`.
        task: Loss and score.
        data: Inputs and targets of each part, on `device`.
        settings: How to train.
        seed: Seed of the order of the inputs, and of random numbers that the network draws.
        device: Where to train.
    """
    network.to(device)
    if data["train"][0].dim() == 4:
        layout = image_layout(device)
        network.to(memory_format=layout)  # type: ignore[call-overload]
        data = {split: (x.contiguous(memory_format=layout), y) for split, (x, y) in data.items()}
    with seeded(seed, device), deterministic():
        return _train(SingleLearner(network, task), data, settings, [seed], curve_names(task), device)[0]


def train_many(
    networks: Sequence[torch.nn.Module],
    task: Task,
    data: Tensors,
    settings: TrainSettings,
    seeds: Sequence[int],
    device: torch.device,
) -> list[History]:
    """Train networks side by side; each is trained as by `train`, except for rounding (`nasbench.training.fusion`).

    `train_seconds` is the time of the network by itself: the median time of a few steps of a copy, times the number of
    steps. A network that diverges does not affect the others; its weights are those at the end of the training.

    Args:
        networks: Map images `(b, channels, height, width)` to features; trained in place.
        task: Loss and score.
        data: Images and targets of each part, on `device`.
        settings: How to train.
        seeds: Seed of the order of the inputs, for each network.
        device: Where to train.

    Raises:
        Unfusable: A network cannot run side by side with others, for example because it draws random numbers; the
            message says why. No network is changed.
    """
    learner = FusedLearner(networks, task, data["train"][0][:1], device)
    seconds = [epoch_seconds(network, task, data, settings, device) for network in networks]
    with deterministic():
        histories = _train(learner, data, settings, seeds, curve_names(task), device)
    learner.network.unstack(networks)
    for history, epoch in zip(histories, seconds, strict=True):
        elapsed = epoch * np.arange(1, settings.epochs + 1)
        history.values[-1] = np.where(np.isnan(history.values[-1]), np.nan, elapsed)
    return histories


def _train(
    learner: Learner,
    data: Tensors,
    settings: TrainSettings,
    seeds: Sequence[int],
    names: tuple[str, ...],
    device: torch.device,
) -> list[History]:
    """Histories of the networks, one per seed."""
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    inputs, targets = data["train"]
    steps = settings.steps_per_epoch(len(inputs))
    optimiser = make_optimiser(learner.network, settings)
    values = np.full((len(seeds), len(names), settings.epochs), np.nan)
    diverged: dict[int, int] = {}
    seconds, step = 0.0, 0
    for epoch in range(settings.epochs):
        start = clock(device)
        learner.network.train()
        tally = learner.tally()
        orders = torch.stack([torch.randperm(len(inputs), generator=g) for g in generators], dim=1).to(device)
        for rows in orders.tensor_split(steps):
            x, y = learner.batch(inputs, targets, rows)
            factor = learning_rate_factor(step, settings.epochs * steps, settings.warmup_epochs * steps)
            optimiser.param_groups[0]["lr"] = settings.learning_rate * factor
            # Not bound to names: a live reference would hold the batch's memory during the next step.
            tally.add(*train_step(learner, optimiser, x, y, device))
            step += 1
        seconds += clock(device) - start
        parts = [learner.results(tally), *(evaluate_learner(learner, *data[split]) for split in SPLITS[1:])]
        measured = np.concatenate(parts, axis=1)  # (k, 2 * splits)
        finite = np.isfinite(measured).all(axis=1)
        for index in np.flatnonzero(~finite).tolist():
            diverged.setdefault(index, epoch + 1)
        going = [index for index in range(len(seeds)) if index not in diverged]
        if not going:
            break
        values[going, :-1, epoch] = measured[going]
        values[going, -1, epoch] = seconds
    return [History(names, values[index], diverged.get(index)) for index in range(len(seeds))]
