"""What a worker does: train a group of networks side by side, and say what came of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from nasbench.training.loop import train, train_many
from nasbench.training.settings import TrainSettings
from nasbench.training.timing import time_training
from nasbench.types import GenotypeArray

Tensors: TypeAlias = Mapping[str, tuple[torch.Tensor, torch.Tensor]]
"""By split: inputs and targets."""
Outcomes: TypeAlias = dict[str, Measurement]
"""What came of one network: of its training, and of what is measured with it."""
MEMORY = ("out of memory", "not enough memory", "can't allocate memory")
"""What torch says on one device or another."""


class Crowded:
    """Instead of outcomes: a group needed more memory than there is."""


class Trainer:
    """Runs groups: loads each data set once, then trains on it.

    Args:
        settings: What the table is made of.
        device: Where to train.
    """

    def __init__(self, settings: BuildSettings, device: torch.device) -> None:
        torch.set_num_threads(1)
        self.settings, self.device = settings, device
        self.space = spaces.create(settings.space)
        taken = {what: measures.create(what) for what in settings.measures}
        self.measures = {what: measure for what, measure in taken.items() if measure.trained}
        self._data = _Loader(device)

    def __call__(self, group: Group) -> list[Outcomes] | Crowded:
        """What came of each training; whatever a space's network does costs its own training only."""
        try:
            return self._trained(group)
        except Unfusable as error:
            if len(group.genotypes) == 1:
                return [dict.fromkeys((TRAINING, *self.measures), failed(error))]
            return self._apart([group._replace(genotypes=one[None]) for one in group.genotypes])
        except Exception as error:
            if len(group.genotypes) == 1:
                return [dict.fromkeys((TRAINING, *self.measures), failed(error))]
            return Crowded() if short_of_memory(error) else self._apart(group.halves())

    def _apart(self, groups: Sequence[Group]) -> list[Outcomes] | Crowded:
        outcomes: list[Outcomes] = []
        for group in groups:
            found = self(group)
            if isinstance(found, Crowded):
                return found
            outcomes += found
        return outcomes

    def _trained(self, group: Group) -> list[Outcomes]:
        networks, orders = self._networks(group)
        histories = self.train(networks, orders, group)
        data, tensors = self._data(group.dataset)
        found: list[Outcomes] = []
        for network, history in zip(networks, histories, strict=True):
            reason = None if history.diverged is None else f"diverged at epoch {history.diverged}"
            outcomes = {TRAINING: Measurement(history.values, reason)}
            for what, take in self.measures.items():
                if reason is not None:
                    outcomes[what] = Measurement(None, reason)
                    continue
                subject = Subject(network.cpu(), data, tensors, self.settings.train, self.settings.latency_repeats)
                outcomes[what] = attempt(partial(take, subject))
            found.append(outcomes)
        return found

    def train(self, networks: list[torch.nn.Module], orders: list[int], group: Group) -> list[History]:
        """Train the networks of a group; whatever they raise passes."""
        data, tensors = self._data(group.dataset)
        training = schedule_of(self.settings.train, group.epochs)
        if len(networks) == 1:
            return [train(networks[0], data.task, tensors, training, orders[0], self.device)]
        return train_many(networks, data.task, tensors, training, orders, self.device)

    def timed(self, group: Group) -> float:
        """Seconds that an epoch of a group takes, estimated; whatever its networks raise passes."""
        networks, _ = self._networks(group)
        data, tensors = self._data(group.dataset)
        return time_training(networks, data.task, tensors, self.settings.train, self.device)

    def _networks(self, group: Group) -> tuple[list[torch.nn.Module], list[int]]:
        """Networks with their initial weights, and the seeds of their orders of the inputs."""
        task = self._data(group.dataset)[0].task
        seeds = [trial_seeds(self.settings.seed, group.seed, genotype) for genotype in group.genotypes]
        make = partial(build_network, self.space, self.settings.network, task)
        networks = [make(genotype, weights) for genotype, (weights, _) in zip(group.genotypes, seeds, strict=True)]
        return networks, [order for _, order in seeds]


class Measurer:
    """Measures the networks of a group before any training, with the initial weights of the first seed.

    Args:
        settings: What the table is made of.
    """

    def __init__(self, settings: BuildSettings) -> None:
        torch.set_num_threads(1)
        self.settings = settings
        self.measures: dict[str, Measure] = {}
        self.space = spaces.create(settings.space)
        self._data = _Loader(torch.device("cpu"))

    def __call__(self, group: Group) -> list[Outcomes]:
        """What was measured of each network."""
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
    """Loads each data set once, by its specification, and moves it to a device."""

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
    """A network with the initial weights of a seed, on the CPU."""
    with seeded(seed, torch.device("cpu")):
        return space.network(genotype, task, settings)


def schedule_of(settings: TrainSettings, epochs: int) -> TrainSettings:
    """The same training with a schedule of another length and the same shape."""
    return replace(settings, epochs=epochs, warmup_epochs=settings.warmup_epochs * epochs / settings.epochs)


def attempt(work: Callable[[], Measurement]) -> Measurement:
    """What comes of one piece of work that may fail."""
    try:
        return work()
    except Exception as error:
        return failed(error)


def short_of_memory(error: Exception) -> bool:
    """Whether an error says that there is not enough memory."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in MEMORY)


def failed(error: Exception) -> Measurement:
    """An error as the reason why there are no numbers."""
    return Measurement(None, f"failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
