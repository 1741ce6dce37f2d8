"""Training and test architectures, the same for every predictor; they share no function unless a protocol says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Benchmark, Epoch
from nasbench.errors import InputError
from nasbench.types import FloatArray, GenotypeArray, KeyArray

Protocol: TypeAlias = Literal["functions", "random", "published", "tagates"]
"""Named ways to split a table: `split`, `random_split`, `holdout.published`, `half_split`."""
LEAST_TEST = 10
"""`feasible` never reserves fewer test architectures than this where there are twice as many functions."""


class Targets(NamedTuple):
    """What a benchmark recorded of one metric.

    Attributes:
        genotypes: Architectures that have a number; shape `(n, d)`.
        values: The numbers; shape `(n,)`.
        functions: Which function of the input each computes (`Space.function_key`); shape `(n,)`.
        missing: How many architectures have no number.
        rows: Positions of those that have one in `benchmark.architectures()`, increasing; shape `(n,)`.
    """

    genotypes: GenotypeArray
    values: FloatArray
    functions: KeyArray
    missing: int
    rows: npt.NDArray[np.intp]


class Split(NamedTuple):
    """Rows of one random split.

    Attributes:
        train: Training rows; the first k of them are the training set of size k, so sets of several sizes are nested.
        test: Test rows, which do not depend on the size of the training set.
    """

    train: npt.NDArray[np.intp]
    test: npt.NDArray[np.intp]


def targets(benchmark: Benchmark, metric: str, epoch: Epoch = "last") -> Targets:
    """The architectures of a benchmark with their numbers, the mean over training seeds; missing ones are left out."""
    genotypes = benchmark.architectures()
    values = benchmark.query_many(genotypes, metric, epoch=epoch, seed="mean").values
    known = ~np.ma.getmaskarray(values)
    genotypes = genotypes[known]
    functions = benchmark.space.function_key(genotypes)
    measured = np.asarray(values[known], dtype=np.float64)
    return Targets(genotypes, measured, functions, int((~known).sum()), np.flatnonzero(known))


def restricted(parts: Split, found: Targets, rng: np.random.Generator) -> Split:
    """A given split in rows of `found`, without what has no number; training rows in random order, so that sets nest.

    Args:
        parts: Rows of `benchmark.architectures()`.
        found: Of that benchmark.
        rng: Draws the order.

    Raises:
        InputError: A part is left with fewer than two architectures.
    """
    train, test = (np.flatnonzero(np.isin(found.rows, rows)) for rows in parts)
    for name, rows in ("train", train), ("test", test):
        if len(rows) < 2:
            raise InputError(f"the {name} part has {len(rows)} architectures with a number; it needs at least 2")
    return Split(rng.permutation(train), test)


def split(functions: KeyArray, train_size: int, test_size: int, rng: np.random.Generator) -> Split:
    """A random split of one architecture of each function.

    Of architectures that compute the same function one, drawn at random, takes part. So no test architecture has a
    twin in the training set, and none counts for more because the space writes it in many ways.

    Args:
        functions: Which function each architecture computes; shape `(n,)`.
        train_size: Number of training architectures.
        test_size: Number of test architectures.
        rng: Draws the split; for the same generator and `test_size`, training sets of two sizes are nested.

    Raises:
        InputError: There are too few different functions; says how many.
    """
    shuffled = rng.permutation(len(functions))
    _, first = np.unique(functions[shuffled], return_index=True)
    return _parts(shuffled[rng.permutation(first)], train_size, test_size, "architectures with different functions")


def random_split(n: int, train_size: int, test_size: int, rng: np.random.Generator) -> Split:
    """A random split of `n` rows, whatever they compute: a test architecture may have a twin in the training set.

    Raises:
        InputError: There are too few rows; says how many.
    """
    return _parts(rng.permutation(n), train_size, test_size, "architectures")


def half_split(n: int, train_size: int | None, rng: np.random.Generator) -> Split:
    """Half of `n` rows as test part, and labels from the other half, the larger one (TA-GATES: Ning et al., 2022).

    Args:
        n: Number of rows.
        train_size: Number of training rows; 1 % of their half if None, rounded down but at least one.
        rng: Draws the halves.

    Raises:
        InputError: The half has too few rows; says how many.
    """
    rows = rng.permutation(n)
    half = n - n // 2
    size = max(half // 100, 1) if train_size is None else train_size
    if not 1 <= size <= half:
        raise InputError(f"train size {size:,} exceeds the {half:,} architectures of the half that is learnt from")
    return Split(rows[:size], rows[half:])


def shared_functions(functions: KeyArray, parts: Split) -> float:
    """Share of the test rows whose function `(n,)` is that of a training row."""
    return float(np.isin(functions[parts.test], functions[parts.train]).mean())


def _parts(rows: npt.NDArray[np.intp], train_size: int, test_size: int, what: str) -> Split:
    """The first rows as test part, the next as training part."""
    if train_size < 0 or test_size < 1:
        raise InputError(f"train size must be at least 0 and test size at least 1, got {train_size} and {test_size}")
    if train_size + test_size > len(rows):
        raise InputError(
            f"train size {train_size:,} + test size {test_size:,} exceeds the {len(rows):,} {what} "
            f"that have a number; choose sizes that sum to at most {len(rows):,}"
        )
    return Split(rows[test_size : test_size + train_size], rows[:test_size])


def feasible(
    train_sizes: Sequence[int],
    test_size: int,
    benchmark: Benchmark,
    metric: str | None = None,
    keep: Literal["train", "test"] | None = None,
    shared: bool = False,
) -> tuple[tuple[int, ...], int]:
    """The nearest sizes that a benchmark is large enough for; the same ones where it is.

    The test set shrinks to a third of the functions at most, then training sizes that do not fit beside it are left
    out; if none fits, the one size that does takes their place. What is to be kept stays, and the other makes room.

    Args:
        train_sizes: Wanted training sizes.
        test_size: Wanted test size.
        benchmark: Where the architectures come from.
        metric: Count only architectures that have a number of this metric.
        keep: Which of both sizes stays as it is.
        shared: Whether both parts may share functions, so that architectures count and not functions.

    Raises:
        InputError: The benchmark has fewer than four different functions, or architectures if they count, or what is to
            be kept leaves fewer than two.
    """
    genotypes = targets(benchmark, metric).genotypes if metric else benchmark.architectures()
    available = len(genotypes) if shared else len(np.unique(benchmark.space.function_key(genotypes)))
    what = "architectures" if shared else "architectures with different functions"
    if available < 4:
        raise InputError(f"evaluating needs at least 4 {what}, there are {available}")
    kept = max(train_sizes) if keep == "train" else test_size
    if keep and kept > available - 2:
        raise InputError(
            f"{keep} size {kept:,} exceeds the {available - 2:,} that leave two for the other part: there are "
            f"{available:,} {what} that have a number"
        )
    if keep == "train":
        return tuple(train_sizes), min(test_size, available - kept)
    if keep is None and max(train_sizes) + test_size > available:
        test_size = min(test_size, max(available // 3, min(LEAST_TEST, available // 2)))
    room = available - test_size
    return tuple(size for size in train_sizes if size <= room) or (room,), test_size
