"""Settings of a build, and groups of trainings with their random seeds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np

from nasbench.checks import check_whole
from nasbench.errors import InputError
from nasbench.measures import measures
from nasbench.spaces import NetworkSettings
from nasbench.training.settings import TrainSettings
from nasbench.types import GenotypeArray

SAMPLING, TRAINING = 0, 1
"""Purposes of random streams, the first part of their spawn keys."""


@dataclass(frozen=True)
class BuildSettings:
    """Content of a table.

    Attributes:
        space: Specification of the search space.
        datasets: Specifications of the data sets, with distinct names.
        cells: Number of distinct cells (by `Space.key`); None for all cells of the sampler.
        seeds: Number of training seeds for each cell, data set and schedule.
        sampling: Specification of the sampler.
        seed: Master seed for the choice of cells, initial weights and the order of the inputs.
        network: Width and depth of the network around the cell.
        train: Training settings; the number of epochs is the length of the longest schedule.
        shorter: Lengths of shorter schedules, each a separate training.
        measures: Names of measures in `nasbench.measures` that are taken of each network.
        latency_repeats: Timed forward passes; their median is the latency.
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
        if isinstance(self.datasets, str) or not self.datasets:
            raise InputError(f"datasets must be a tuple of specifications, such as ('digits',), got {self.datasets!r}")
        if isinstance(self.measures, str):
            raise InputError(f"measures must be a tuple of names, such as ('costs',), got {self.measures!r}")
        object.__setattr__(self, "measures", measures.expand(self.measures))
        sizes: dict[str, Any] = {"seeds": self.seeds, "latency_repeats": self.latency_repeats}
        sizes |= {} if self.cells is None else {"cells": self.cells}
        sizes |= {f"network.{name}": value for name, value in asdict(self.network).items()}
        for name, value in sizes.items():
            check_whole(name, value)
        check_whole("seed", self.seed, least=0)
        for length in self.shorter:
            check_whole("the length of shorter schedules", length)
        if sorted({*self.shorter, self.train.epochs}) != list(self.schedules):
            raise InputError(
                f"shorter schedules must be increasing numbers of epochs below {self.train.epochs}, got {self.shorter}"
            )

    @property
    def schedules(self) -> tuple[int, ...]:
        """Lengths of all schedules in epochs, in increasing order."""
        return (*self.shorter, self.train.epochs)


class Group(NamedTuple):
    """Trainings that differ only in their architecture, and so can run side by side.

    Attributes:
        dataset: Specification of the data set.
        epochs: Length of the schedule.
        seed: Number of the training seed.
        genotypes: The architectures; shape `(k, d)`.
        measure: Measure of untrained networks; None for trainings.
    """

    dataset: str
    epochs: int
    seed: int
    genotypes: GenotypeArray
    measure: str | None = None

    def halves(self) -> tuple[Group, Group]:
        """Two groups with half of the architectures each."""
        middle = len(self.genotypes) // 2
        return self._replace(genotypes=self.genotypes[:middle]), self._replace(genotypes=self.genotypes[middle:])


def sampling_generator(settings: BuildSettings) -> np.random.Generator:
    """Random generator for the choice of cells."""
    return np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(SAMPLING,)))


def trial_seeds(seed: int, trial: int, genotype: GenotypeArray) -> tuple[int, int]:
    """Seeds of the initial weights and of the input order of a training.

    Args:
        seed: Master seed.
        trial: Number of the training seed.
        genotype: The architecture `(d,)`; its row in a table does not matter.
    """
    sequence = np.random.SeedSequence([seed, trial, *genotype.tolist()], spawn_key=(TRAINING,))
    weights, order = sequence.generate_state(2, np.uint64).tolist()
    return weights, order
