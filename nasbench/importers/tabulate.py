"""From rows of measurements, one architecture each, to a table: repeats become seeds, epochs become an axis."""

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
        metric: What the numbers are. Its `dims` are `("architecture",)` for a number that an architecture has whatever
            its training, else they are chosen by `tabulate`.
        values: Shape `(r,)`, or `(r, e)` for curves over epochs; NaN where missing.
        reason: Why numbers are missing.
    """

    metric: Metric
    values: FloatArray
    reason: str = "not in the source"

    @property
    def static(self) -> bool:
        """Whether the number belongs to the architecture and not to one training of it."""
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
        genotypes: Architecture of each row; shape `(r, d)`. They stand in the table in order of their first row.
        series: The columns.
        recipe: Of the table.
        seeds: Seed of each row. If not given, rows of one architecture (and epoch) are repeats, numbered from 0.
        epochs: Finished epochs of training of each row. If not given, columns have no such axis.
        numbers: What messages call the rows; from 1 if not given.
        along: The `e` epochs of curves, where each row is a whole training; not together with `epochs`.

    Raises:
        InputError: Two rows are of one architecture, seed and epoch, or disagree about a static number.
    """
    if numbers is None:
        numbers = np.arange(1, len(genotypes) + 1)
    row, first = table_rows(space, genotypes)
    known_epochs, epoch = np.unique(np.zeros_like(row) if epochs is None else epochs, return_inverse=True)
    place = row * len(known_epochs) + epoch
    repeats = occurrence(place)
    if seeds is None:
        known_seeds, seed = np.arange(repeats.max(initial=0) + 1), repeats
    else:
        known_seeds, seed = np.unique(seeds, return_inverse=True)
        twice = occurrence(place * len(known_seeds) + seed) > 0
        if twice.any():
            at = int(np.argmax(twice))
            raise InputError(
                f"row {numbers[at]} is a second one of {space.to_string(genotypes[at])} with seed {seeds[at]}; "
                "name a column of seeds that differ, or none"
            )
    with_seeds = seeds is not None or epochs is not None or len(known_seeds) > 1 or len(along) > 0
    shape: tuple[int, ...] = (len(first),)
    index: tuple[IntArray, ...] = (row,)
    if with_seeds:
        shape, index = (*shape, len(known_seeds)), (*index, seed)
    if epochs is not None:
        shape, index = (*shape, len(known_epochs)), (*index, epoch)
    columns = {}
    for one in series:
        if one.static:
            column = _static(one, row, len(first), numbers)
        else:
            column = _measured(one, shape + one.values.shape[1:], index)
        columns[column.metric.path] = column
    axis = tuple(along if epochs is None else known_epochs.tolist())
    dated = {column.metric.dataset for column in columns.values() if "epoch" in column.metric.dims}
    return Table(
        space=space,
        genotypes=genotypes[first],
        seeds=tuple(known_seeds.tolist()) if with_seeds else (),
        epochs=dict.fromkeys(sorted(dated), axis),
        columns=columns,
        recipe=recipe,
        provenance=provenance(),
    )


def table_rows(space: Space, genotypes: GenotypeArray) -> tuple[IntArray, IntArray]:
    """In which row of a table each of `(r, d)` architectures stands, and the first of them in each row.

    Returns:
        Row numbers `(r,)`, which count architectures in the order in which they first occur, and for each row the
        position among the `r` of that first occurrence.
    """
    return in_order(row_codes(space, genotypes))


def occurrence(values: IntArray) -> IntArray:
    """How many earlier elements of `(r,)` are equal to each."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.r_[True, ordered[1:] != ordered[:-1]] if len(values) else np.zeros(0, dtype=bool)
    counts = np.arange(len(values)) - np.maximum.accumulate(np.where(starts, np.arange(len(values)), 0))
    result = np.empty(len(values), dtype=np.int64)
    result[order] = counts
    return result


def _measured(one: Series, shape: tuple[int, ...], index: tuple[IntArray, ...]) -> Column:
    """A column in which some places have no row, and some rows no number."""
    values, missing = np.full(shape, np.nan), np.ones(shape, dtype=np.uint8)
    values[index], missing[index] = one.values, np.where(np.isnan(one.values), 2, 0)
    reasons = ("no such row in the source", one.reason)
    metric = replace(one.metric, dims=DIMS[: len(shape)])
    return Column(metric, values, *used_reasons(missing, reasons))


def _static(one: Series, row: IntArray, n: int, numbers: IntArray) -> Column:
    """A column of one number for each architecture, on which its rows agree."""
    values = np.full(n, np.nan)
    known = np.flatnonzero(~np.isnan(one.values))
    values[row[known[::-1]]] = one.values[known[::-1]]  # the first of several
    differing = known[values[row[known]] != one.values[known]]
    if len(differing):
        at = int(differing[0])
        raise InputError(
            f"row {numbers[at]}: {one.metric.name} is {one.values[at]}, but an earlier row of its architecture says "
            f"{values[row[at]]}; it is not static"
        )
    return Column(one.metric, values, *used_reasons(np.isnan(values).astype(np.uint8), (one.reason,)))


def used_reasons(
    missing: npt.NDArray[np.uint8], reasons: tuple[str, ...]
) -> tuple[npt.NDArray[np.uint8], tuple[str, ...]]:
    """Codes of missing numbers and their reasons, without those that do not occur."""
    used = [code for code in range(1, len(reasons) + 1) if (missing == code).any()]
    numbers = np.zeros(len(reasons) + 1, dtype=np.uint8)
    numbers[used] = np.arange(1, len(used) + 1)
    return numbers[missing], tuple(reasons[code - 1] for code in used)
