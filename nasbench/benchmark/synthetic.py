"""Made-up problems with a known optimum, so that a strategy or a predictor can be checked exactly.

All have six choices of five options, as many genotypes as NAS-Bench-201 (15,625), and no structure beyond the choices.
Numbers follow from closed forms, and noise from a fixed seed: they are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import MappingProxyType

import numpy as np

from nasbench.benchmark.base import TRAINING_TIME, Metric
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.spaces.choices import ChoiceSpace
from nasbench.types import FloatArray, GenotypeArray, Subset

CHOICES, OPTIONS = 6, 5
EPOCHS = (1, 2, 4, 8, 16)
BLOCK = 3
"""Choices that are good together only."""
SEEDS, NOISE = (0, 1, 2), 5.0
"""Trainings of each architecture of the noisy problem, and their standard deviation in percentage points."""
DATA = "synthetic"


def utilities(genotypes: GenotypeArray) -> FloatArray:
    """Share `(n,)` of the best that the options of `(n, 6)` genotypes add up to, from 0 to 1.

    Option k of choice i is worth (i + 1) k: the last options are the best, and later choices count more.
    """
    weights = np.arange(1, CHOICES + 1)
    shares: FloatArray = genotypes @ weights / (weights.sum() * (OPTIONS - 1))
    return shares


def additive() -> TabularBenchmark:
    """Accuracy 50 + 50 x `utilities`: every improvement of one choice is one of all; the optimum is `[4] * 6`."""
    return _benchmark("additive", lambda cells: 50 + 50 * utilities(cells))


def deceptive() -> TabularBenchmark:
    """Two traps of three choices (Goldberg, 1987; Deb & Goldberg, 1993): single changes lead away from the optimum.

    With u options 4 among the three of a block, the block is worth 3 if u = 3 and else 2 - u; its other options do not
    matter. Accuracy is 50 + 50/6 of the sum: 100 at `[4] * 6`, and 83.3 where no option is 4, whose neighbours are no
    better.
    """

    def values(cells: GenotypeArray) -> FloatArray:
        good = (cells == OPTIONS - 1).reshape(len(cells), -1, BLOCK).sum(axis=2)
        worth: FloatArray = np.where(good == BLOCK, BLOCK, BLOCK - 1 - good).sum(axis=1)
        return 50 + 50 * worth / CHOICES

    return _benchmark("deceptive", values)


def noisy() -> TabularBenchmark:
    """`additive`, trained three times with normal noise of 5 points; its test accuracy is without noise.

    Whoever believes one validation accuracy is misled: regret on test data shows it.
    """
    return _benchmark("noisy", lambda cells: 50 + 50 * utilities(cells), seeds=True)


def crossing() -> TabularBenchmark:
    """Learning curves that cross: after 1 of 16 epochs the order is the reverse of the last one.

    With utility u, the error after epoch t is 50 - 40 u + 40 (2 u - 1) x 2^(1 - t) points: the best, of 10 at the end,
    has 50 after the first epoch, and the worst 10, then 50.
    """

    def curves(cells: GenotypeArray) -> FloatArray:
        u = utilities(cells)[:, None]
        late = 2.0 ** (1 - np.array(EPOCHS))
        errors: FloatArray = 50 - 40 * u + 40 * (2 * u - 1) * late
        return 100 - errors

    return _benchmark("crossing", curves, epochs=True)


SYNTHETIC: MappingProxyType[str, Callable[[], TabularBenchmark]] = MappingProxyType(
    {f"{DATA}-{create.__name__}": cache(create) for create in (additive, deceptive, noisy, crossing)}
)
"""Benchmarks by name, made on first use."""


def _benchmark(
    name: str, values: Callable[[GenotypeArray], FloatArray], *, seeds: bool = False, epochs: bool = False
) -> TabularBenchmark:
    space = ChoiceSpace({f"choice{i}": range(OPTIONS) for i in range(CHOICES)}, name=f"{DATA}-{name}")
    genotypes = np.concatenate(list(space.enumerate()))
    exact = values(genotypes)
    columns = {}

    def add(metric: str, split: Subset, numbers: FloatArray, dims: tuple[str, ...], units: str) -> None:
        found = Metric(DATA, metric, split, units, "minimise" if units == "seconds" else "maximise", dims)
        columns[found.path] = Column(found, numbers, np.zeros(numbers.shape, dtype=np.uint8))

    if epochs:
        exact = exact[:, None]
    dims = ("architecture", "seed", "epoch") if epochs else ("architecture", "seed") if seeds else ("architecture",)
    validated = exact
    if seeds:
        validated = exact[:, None] + NOISE * np.random.default_rng(0).standard_normal((len(exact), len(SEEDS)))
    add("validation_accuracy", "validation", validated, dims, "percent")
    add("test_accuracy", "test", exact, dims if epochs else ("architecture",), "percent")
    if epochs:
        seconds = np.broadcast_to(np.array(EPOCHS, dtype=np.float64), exact.shape).copy()
        add(TRAINING_TIME, "none", seconds, dims, "seconds")
    table = Table(
        space,
        genotypes,
        SEEDS if seeds else SEEDS[:1] if epochs else (),
        {DATA: EPOCHS} if epochs else {},
        columns,
        {"made_up": name},
    )
    return TabularBenchmark(table, name=space.name)
