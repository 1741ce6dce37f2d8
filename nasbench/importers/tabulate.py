"""A table from rows of measurements, one architecture each: repeats become seeds, epochs become an axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import DIMS, Column, Table, in_order, row_codes
from nasbench.errors import InputError
from nasbench.provenance import provenance
from nasbench.spaces.base import Space
from nasbench.types import FloatArray, GenotypeArray, IntArray


@dataclass(frozen=True)
class Series:
    """One column of `r` rows.

    Attributes:
        metric: Metric of the numbers. Its `dims` are `("architecture",)` if the numbers do not depend on training;
            otherwise `tabulate` sets them.
        values: Shape `(r,)`, or `(r, e)` for curves over epochs; NaN where missing.
        reason: Why numbers are missing.
    """

    metric: Metric
    values: FloatArray
    reason: str = "not in the source"

    @property
    def static(self) -> bool:
        """Whether the numbers belong to the architecture rather than to one training."""
        return self.metric.dims == DIMS[:1]


def tabulate(
    space: Space,
    genotypes: GenotypeArray,
    series: Sequence[Series],
    recipe: Mapping[str, Any],
    seeds: IntArray | None = None,
    epochs: IntArray | None = None,
    numbers: IntArray | None = None,
    along: Sequence[int] = (),
) -> Table:
    """The table of `r` rows.

    Args:
        space: Search space.
        genotypes: Architecture of each row; shape `(r, d)`. The table has them in order of first occurrence.
        series: The columns.
        recipe: Recipe of the table.
        seeds: Seed of each row. By default rows of one architecture (and epoch) are repeats, numbered from 0.
        epochs: Finished training epochs of each row. By default columns have no axis of epochs.
        numbers: Row numbers in messages, by default from 1.
        along: The `e` epochs of curves, where each row is a whole training; not together with `epochs`.

    Raises:
        InputError: Two rows share architecture, seed and epoch, or disagree about a static number.
    """
    if numbers is None:
        numbers = np.arange(1, len(genotypes) + 1)
    row, first = table_rows(space, genotypes)
    all_epochs, epoch = np.unique(np.zeros_like(row) if epochs is None else epochs, return_inverse=True)
    place = row * len(all_epochs) + epoch
    repeats = occurrence(place)
    if seeds is None:
        all_seeds, seed = np.arange(repeats.max(initial=0) + 1), repeats
    else:
        all_seeds, seed = np.unique(seeds, return_inverse=True)
        twice = occurrence(place * len(all_seeds) + seed) > 0
        if twice.any():
            at = int(np.argmax(twice))
            raise InputError(
                f"row {numbers[at]} is a second row of {space.to_string(genotypes[at])} with seed {seeds[at]}; "
                "name a column of different seeds, or none"
            )
    with_seeds = seeds is not None or epochs is not None or len(all_seeds) > 1 or len(along) > 0
    shape: tuple[int, ...] = (len(first),)
    index: tuple[IntArray, ...] = (row,)
    if with_seeds:
        shape, index = (*shape, len(all_seeds)), (*index, seed)
    if epochs is not None:
        shape, index = (*shape, len(all_epochs)), (*index, epoch)
    columns = {}
    for each in series:
        if each.static:
            column = _static(each, row, len(first), numbers)
        else:
            column = _measured(each, shape + each.values.shape[1:], index)
        columns[column.metric.path] = column
    axis = tuple(along if epochs is None else all_epochs.tolist())
    with_epochs = {column.metric.dataset for column in columns.values() if "epoch" in column.metric.dims}
    return Table(
        space=space,
        genotypes=genotypes[first],
        seeds=tuple(all_seeds.tolist()) if with_seeds else (),
        epochs=dict.fromkeys(sorted(with_epochs), axis),
        columns=columns,
        recipe=recipe,
        provenance=provenance(),
    )


def table_rows(space: Space, genotypes: GenotypeArray) -> tuple[IntArray, IntArray]:
    """The table row of each of `(r, d)` architectures, in order of first occurrence.

    Returns:
        Row numbers `(r,)`, and for each table row the position of its first occurrence among the `r`.
    """
    return in_order(row_codes(space, genotypes))


def occurrence(values: IntArray) -> IntArray:
    """Number of earlier equal elements for each of `(r,)` values."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.r_[True, ordered[1:] != ordered[:-1]] if len(values) else np.zeros(0, dtype=bool)
    counts = np.arange(len(values)) - np.maximum.accumulate(np.where(starts, np.arange(len(values)), 0))
    result = np.empty(len(values), dtype=np.int64)
    result[order] = counts
    return result


def _measured(series: Series, shape: tuple[int, ...], index: tuple[IntArray, ...]) -> Column:
    """A column with missing rows, and rows with missing numbers."""
    values, missing = np.full(shape, np.nan), np.ones(shape, dtype=np.uint8)
    values[index], missing[index] = series.values, np.where(np.isnan(series.values), 2, 0)
    reasons = ("no such row in the source", series.reason)
    metric = replace(series.metric, dims=DIMS[: len(shape)])
    return Column(metric, values, *used_reasons(missing, reasons))


def _static(series: Series, row: IntArray, n: int, numbers: IntArray) -> Column:
    """A column with one number for each architecture, on which all its rows agree."""
    values = np.full(n, np.nan)
    measured = np.flatnonzero(~np.isnan(series.values))
    values[row[measured[::-1]]] = series.values[measured[::-1]]  # the first row of an architecture wins
    differing = measured[values[row[measured]] != series.values[measured]]
    if len(differing):
        at = int(differing[0])
        raise InputError(
            f"row {numbers[at]}: {series.metric.name} is {series.values[at]}, but an earlier row of its architecture "
            f"says {values[row[at]]}; it is not static"
        )
    return Column(series.metric, values, *used_reasons(np.isnan(values).astype(np.uint8), (series.reason,)))


def used_reasons(
    missing: npt.NDArray[np.uint8], reasons: tuple[str, ...]
) -> tuple[npt.NDArray[np.uint8], tuple[str, ...]]:
    """Codes of missing numbers and their reasons, without unused reasons."""
    used = [code for code in range(1, len(reasons) + 1) if (missing == code).any()]
    numbers = np.zeros(len(reasons) + 1, dtype=np.uint8)
    numbers[used] = np.arange(1, len(used) + 1)
    return numbers[missing], tuple(reasons[code - 1] for code in used)
