"""What a table is made of, and which trainings that is."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np

from nasbench.errors import InputError
from nasbench.measures import measures
from nasbench.spaces import NetworkSettings
from nasbench.training.settings import TrainSettings
from nasbench.types import GenotypeArray

SAMPLING, TRAINING = 0, 1
"""Purposes of randomness: a generator's stream belongs to one of them and, within it, to one training."""


@dataclass(frozen=True)
class BuildSettings:
    """What a table is made of.

    Attributes:
        space: Specification of the search space.
        datasets: Specifications of the data sets, each with a name of its own.
        cells: Number of different cells (by `Space.key`); None for all that the sampler knows.
        seeds: Number of trainings of each cell, on each data set and with each schedule.
        sampling: Specification of the sampler.
        seed: Master seed: of the choice of cells, of initial weights, and of the order of the inputs.
        network: Width and depth around the cell.
        train: How to train; its number of epochs is the length of the schedule.
        shorter: Lengths of shorter schedules, each a training of its own.
        measures: What is measured of each network besides its trainings; names in `nasbench.measures`.
        latency_repeats: Timed passes of which a latency is the median.
    """

    space: str = "nb201"
    datasets: tuple[str, ...] = ("digits",)
    cells: int | None = 64
    seeds: int = 2
    sampling: str = "random"
    seed: int = 0
    network: NetworkSettings = field(default_factory=NetworkSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    shorter: tuple[int, ...] = ()
    measures: tuple[str, ...] = ("costs",)
    latency_repeats: int = 50

    def __post_init__(self) -> None:
        object.__setattr__(self, "measures", measures.expand(self.measures))
        sizes: dict[str, Any] = {"seeds": self.seeds, "latency_repeats": self.latency_repeats}
        sizes |= {} if self.cells is None else {"cells": self.cells}
        sizes |= {f"network.{name}": value for name, value in asdict(self.network).items()}
        for name, value in sizes.items():
            if not isinstance(value, int) or value < 1:
                raise InputError(f"{name} must be an integer of at least 1, got {value!r}")
        if not isinstance(self.seed, int) or self.seed < 0:
            raise InputError(f"seed must be an integer of at least 0, got {self.seed!r}")
        if isinstance(self.datasets, str) or not self.datasets:
            raise InputError(f"datasets are one or more specifications, as ('digits',), got {self.datasets!r}")
        lengths = self.shorter
        if not all(isinstance(n, int) and 1 <= n < self.train.epochs for n in lengths) or sorted(set(lengths)) != list(
            lengths
        ):
            raise InputError(
                f"shorter schedules are increasing numbers of epochs below {self.train.epochs}, got {lengths}"
            )

    @property
    def schedules(self) -> tuple[int, ...]:
        """Lengths of all schedules in epochs, increasing."""
        return (*self.shorter, self.train.epochs)


class Group(NamedTuple):
    """Trainings that are alike but for their architecture, and can run side by side.

    Attributes:
        dataset: Specification of the data set.
        epochs: Length of the schedule.
        seed: Number of the training seed.
        genotypes: The architectures; shape `(k, d)`.
        measure: Measure of the untrained networks; None for trainings.
    """

    dataset: str
    epochs: int
    seed: int
    genotypes: GenotypeArray
    measure: str | None = None

    def halves(self) -> tuple[Group, Group]:
        """Two groups of half as many."""
        middle = len(self.genotypes) // 2
        return self._replace(genotypes=self.genotypes[:middle]), self._replace(genotypes=self.genotypes[middle:])


def sampling_generator(settings: BuildSettings) -> np.random.Generator:
    """What the choice of cells is drawn from."""
    return np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(SAMPLING,)))


def trial_seeds(seed: int, trial: int, genotype: GenotypeArray) -> tuple[int, int]:
    """Seeds of a training's initial weights and of its order of the inputs.

    Args:
        seed: Master seed.
        trial: Number of the training seed.
        genotype: The architecture `(d,)`; its place in a table makes no difference.
    """
    sequence = np.random.SeedSequence([seed, trial, *genotype.tolist()], spawn_key=(TRAINING,))
    weights, order = sequence.generate_state(2, np.uint64).tolist()
    return weights, order
