"""Work of one process: train or measure a group of networks and return the outcome of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import torch

from nasbench.builder.ledger import TRAINING
from nasbench.builder.settings import BuildSettings, Group, trial_seeds
from nasbench.datasets import Data, datasets
from nasbench.measures import Measure, Measurement, Subject, measures
from nasbench.spaces import NetworkSettings, Space, spaces
from nasbench.tasks import Task
from nasbench.training.device import seeded
from nasbench.training.fusion import Unfusable
from nasbench.training.history import History
from nasbench.training.learners import Tensors
from nasbench.training.loop import train, train_many
from nasbench.training.settings import TrainSettings
from nasbench.training.timing import time_training
from nasbench.types import GenotypeArray

Outcomes: TypeAlias = dict[str, Measurement]
"""Outcomes of one network by kind: its training, and its measurements."""
OUT_OF_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")
"""Words in torch's error messages, by device."""


class Crowded:
    """Returned instead of outcomes by a group that exceeds the memory."""


class Trainer:
    """Trains groups of networks; loads each data set once.

    Args:
        settings: Content of the table.
        device: Training device.
    """

    def __init__(self, settings: BuildSettings, device: torch.device) -> None:
        torch.set_num_threads(1)
        self.settings, self.device = settings, device
        self.space = spaces.create(settings.space)
        requested = {name: measures.create(name) for name in settings.measures}
        self.measures = {name: measure for name, measure in requested.items() if measure.trained}
        self._data = _Loader(device)

    def __call__(self, group: Group) -> list[Outcomes] | Crowded:
        """Outcomes of each training; an error of one network fails only its own training."""
        try:
            return self._trained(group)
        except Unfusable as error:
            if len(group.genotypes) == 1:
                return [dict.fromkeys((TRAINING, *self.measures), failed(error))]
            return self._apart([group._replace(genotypes=genotype[None]) for genotype in group.genotypes])
        except Exception as error:
            if len(group.genotypes) == 1:
                return [dict.fromkeys((TRAINING, *self.measures), failed(error))]
            return Crowded() if short_of_memory(error) else self._apart(group.halves())

    def _apart(self, groups: Sequence[Group]) -> list[Outcomes] | Crowded:
        outcomes: list[Outcomes] = []
        for group in groups:
            result = self(group)
            if isinstance(result, Crowded):
                return result
            outcomes += result
        return outcomes

    def _trained(self, group: Group) -> list[Outcomes]:
        networks, orders = self._networks(group)
        histories = self.train(networks, orders, group)
        data, tensors = self._data(group.dataset)
        results: list[Outcomes] = []
        for network, history in zip(networks, histories, strict=True):
            reason = None if history.diverged is None else f"diverged at epoch {history.diverged}"
            outcomes = {TRAINING: Measurement(history.values, reason)}
            for name, measure in self.measures.items():
                if reason is not None:
                    outcomes[name] = Measurement(None, reason)
                    continue
                subject = Subject(network.cpu(), data, tensors, self.settings.train, self.settings.latency_repeats)
                outcomes[name] = attempt(partial(measure, subject))
            results.append(outcomes)
        return results

    def train(self, networks: list[torch.nn.Module], orders: list[int], group: Group) -> list[History]:
        """Train the networks of a group; their errors propagate."""
        data, tensors = self._data(group.dataset)
        training = schedule_of(self.settings.train, group.epochs)
        if len(networks) == 1:
            return [train(networks[0], data.task, tensors, training, orders[0], self.device)]
        return train_many(networks, data.task, tensors, training, orders, self.device)

    def timed(self, group: Group) -> float:
        """Estimated seconds of one epoch of a group; errors of its networks propagate."""
        networks, _ = self._networks(group)
        data, tensors = self._data(group.dataset)
        return time_training(networks, data.task, tensors, self.settings.train, self.device)

    def _networks(self, group: Group) -> tuple[list[torch.nn.Module], list[int]]:
        """Networks with initial weights, and the seeds of their input orders."""
        task = self._data(group.dataset)[0].task
        seeds = [trial_seeds(self.settings.seed, group.seed, genotype) for genotype in group.genotypes]
        make = partial(build_network, self.space, self.settings.network, task)
        networks = [make(genotype, weights) for genotype, (weights, _) in zip(group.genotypes, seeds, strict=True)]
        return networks, [order for _, order in seeds]


class Measurer:
    """Measures untrained networks of a group, with the initial weights of the first seed.

    Args:
        settings: Content of the table.
    """

    def __init__(self, settings: BuildSettings) -> None:
        torch.set_num_threads(1)
        self.settings = settings
        self.measures: dict[str, Measure] = {}
        self.space = spaces.create(settings.space)
        self._data = _Loader(torch.device("cpu"))

    def __call__(self, group: Group) -> list[Outcomes]:
        """Outcome of the group's measure for each network."""
        data, tensors = self._data(group.dataset)
        name = group.measure or ""
        if name not in self.measures:
            self.measures[name] = measures.create(name)
        take = partial(self._measured, self.measures[name], data, tensors)
        return [{name: attempt(partial(take, genotype))} for genotype in group.genotypes]

    def _measured(self, measure: Measure, data: Data, tensors: Tensors, genotype: GenotypeArray) -> Measurement:
        weights, _ = trial_seeds(self.settings.seed, 0, genotype)
        network = build_network(self.space, self.settings.network, data.task, genotype, weights)
        return measure(Subject(network, data, tensors, self.settings.train, self.settings.latency_repeats))


class _Loader:
    """Loads each data set once by its specification, as tensors on a device."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._loaded: dict[str, tuple[Data, Tensors]] = {}

    def __call__(self, dataset: str) -> tuple[Data, Tensors]:
        if dataset not in self._loaded:
            data = datasets.create(dataset).load()
            self._loaded[dataset] = data, data.tensors(self.device)
        return self._loaded[dataset]


def build_network(
    space: Space, settings: NetworkSettings, task: Task, genotype: GenotypeArray, seed: int = 0
) -> torch.nn.Module:
    """A network on the CPU with the initial weights of a seed."""
    with seeded(seed, torch.device("cpu")):
        return space.network(genotype, task, settings)


def schedule_of(settings: TrainSettings, epochs: int) -> TrainSettings:
    """The same training settings with a schedule of another length and the same shape."""
    return replace(settings, epochs=epochs, warmup_epochs=settings.warmup_epochs * epochs / settings.epochs)


def attempt(work: Callable[[], Measurement]) -> Measurement:
    """The result of work, or its error as the reason for missing numbers."""
    try:
        return work()
    except Exception as error:
        return failed(error)


def short_of_memory(error: Exception) -> bool:
    """Whether an error reports insufficient memory."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in OUT_OF_MEMORY)


def failed(error: Exception) -> Measurement:
    """An error as the reason for missing numbers."""
    return Measurement(None, f"failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
