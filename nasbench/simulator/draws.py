"""Noise draws: one training of each architecture stands for its mean over seeds, the same for all who ask."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from nasbench.benchmark.base import Benchmark, Metric, SeedPolicy
from nasbench.benchmark.noise import Noise, deviates
from nasbench.benchmark.surrogate import SurrogateBenchmark
from nasbench.errors import InputError
from nasbench.types import FloatArray, GenotypeArray, KeyArray

SearchSeedPolicy: TypeAlias = Literal["mean", "draw"]
"""What a search sees: means over training seeds, or one training of each architecture."""


class Draws(ABC):
    """What one training gives of one metric, in its unit.

    Draws are determined by the keys of architectures and a seed. They are independent between keys, and between seeds.
    """

    @abstractmethod
    def recorded(self, ask: Callable[[SeedPolicy], FloatArray]) -> FloatArray:
        """What draws are made from, by asking for all `n` values with a seed policy; shape `(k, n)`."""

    @abstractmethod
    def drawn(self, recorded: FloatArray, keys: KeyArray, seed: int) -> FloatArray:
        """One draw for each key; shape `(fidelities, n)`.

        Args:
            recorded: Of each fidelity; shape `(fidelities, k, n)`.
            keys: What tells trainings apart; shape `(n,)`.
            seed: Number of the draw.
        """


class Same(Draws):
    """A metric without seeds has one value."""

    def recorded(self, ask: Callable[[SeedPolicy], FloatArray]) -> FloatArray:
        """The value."""
        return ask("mean")[None]

    def drawn(self, recorded: FloatArray, keys: KeyArray, seed: int) -> FloatArray:
        """The value."""
        return recorded[:, 0]


class MeasuredSeeds(Draws):
    """A uniform draw among the measured seeds of a table.

    Each architecture has its own random order of the seeds, the same for all metrics and epochs. At each epoch, the
    first one in this order that was measured there answers: one training as far as possible, and each measured seed
    with the same probability.

    Args:
        seeds: The recorded seeds.
    """

    def __init__(self, seeds: tuple[int, ...]) -> None:
        self.seeds = seeds

    def recorded(self, ask: Callable[[SeedPolicy], FloatArray]) -> FloatArray:
        """The values of each seed."""
        return np.stack([ask(seed) for seed in self.seeds])

    def drawn(self, recorded: FloatArray, keys: KeyArray, seed: int) -> FloatArray:
        """Those of one seed each; NaN where none was measured."""
        order = np.argsort([deviates(keys, f"training {of}", seed) for of in self.seeds], axis=0)
        ordered = np.take_along_axis(recorded, order[None], axis=1)
        first = np.isfinite(ordered).argmax(axis=1)
        return np.take_along_axis(ordered, first[:, None], axis=1)[:, 0]


class PredictedNoise(Draws):
    """The mean that a surrogate predicts with its noise between seeds, as its own integer seeds have it.

    Args:
        path: Full name of the metric.
        noise: The noise.
        log: Whether it is that of the logarithm.
    """

    def __init__(self, path: str, noise: Noise, log: bool) -> None:
        self.path, self.noise, self.log = path, noise, log

    def recorded(self, ask: Callable[[SeedPolicy], FloatArray]) -> FloatArray:
        """The means."""
        return ask("mean")[None]

    def drawn(self, recorded: FloatArray, keys: KeyArray, seed: int) -> FloatArray:
        """The means with noise, the same at all fidelities."""
        normal = deviates(keys, self.path, seed)
        return np.stack([self.noise.add(means[0], normal, self.log) for means in recorded])


def draws_of(benchmark: Benchmark, metric: Metric) -> Draws:
    """How one training differs from the mean in a metric."""
    if isinstance(benchmark, SurrogateBenchmark):
        model = benchmark.models[metric.path]
        return Same() if model.noise is None else PredictedNoise(metric.path, model.noise, model.log)
    seeds = benchmark.recorded_seeds(metric.path)
    return MeasuredSeeds(seeds) if len(seeds) > 1 else Same()


def check_draws(benchmark: Benchmark, metric: Metric) -> None:
    """Refuse draws of a metric whose noise between trainings is not known.

    Raises:
        InputError: A table has one seed, or a surrogate was fitted without noise.
    """
    if not isinstance(draws_of(benchmark, metric), Same):
        return
    if benchmark.kind == "surrogate":
        lacks = f"{benchmark.name} does not know the noise of {metric.path!r}"
        remedy = "fit the surrogate on a table with several seeds for each architecture"
    else:
        seeds = len(benchmark.recorded_seeds(metric.path))
        lacks = f"{metric.path!r} of {benchmark.name} has {'one' if seeds else 'none'}"
        remedy = "build the table with --seeds 3"
    raise InputError(
        f"--seed-policy draw needs trainings with several seeds, and {lacks}; use --seed-policy mean, or {remedy}"
    )


def training_keys(benchmark: Benchmark, genotypes: GenotypeArray) -> KeyArray:
    """Equal numbers for architectures `(n, d)` whose values come of one training; shape `(n,)`."""
    functions = benchmark.kind == "tabular" and benchmark.table.rows_stand_for_functions
    return benchmark.space.function_key(genotypes) if functions else benchmark.space.key(genotypes)
