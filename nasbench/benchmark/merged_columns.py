"""One column from several sources of a metric: gaps are filled, equal numbers agree, different ones conflict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Metric, difference
from nasbench.benchmark.join import LEFT_OUT
from nasbench.benchmark.table import Column, Table
from nasbench.errors import InputError
from nasbench.types import BoolArray, FloatArray, IntArray

NOBODY = -1
"""Holder of a number that no source has."""


class Contribution(NamedTuple):
    """The numbers that one source has of a metric, and their places in the merged column.

    Attributes:
        source: Name of the source.
        column: Its numbers.
        epochs: Epochs along its epoch axis; empty without one.
        selected: Whether each of its rows is in the merged table; shape `(n,)`.
        place: Positions of the selected rows in the merged column, as `numpy.ix_` gives them.
    """

    source: str
    column: Column
    epochs: tuple[int, ...]
    selected: BoolArray
    place: tuple[IntArray, ...]


class Conflict(NamedTuple):
    """Numbers on which two sources disagree.

    Attributes:
        sources: Names of the two sources.
        differing: Count of different numbers.
        shared: Count of numbers that both have.
        largest: Largest difference.
        place: Row of the first different number, and positions of its seed and epoch where the metric has them.
        values: The two numbers there.
    """

    sources: tuple[str, str]
    differing: int
    shared: int
    largest: float
    place: tuple[int, ...]
    values: tuple[float, float]


def contribution(
    source: str, table: Table, path: str, rows: IntArray, seeds: tuple[int, ...], epochs: Mapping[str, tuple[int, ...]]
) -> Contribution:
    """What a table has of a metric, where `rows`, `seeds` and `epochs` are those of the merged table."""
    column, selected = table.columns[path], rows != LEFT_OUT
    dataset, dims = column.metric.dataset, column.metric.dims
    own_epochs = table.epochs[dataset] if "epoch" in dims else ()
    along = [rows[selected], _positions(table.seeds, seeds), _positions(own_epochs, epochs.get(dataset, ()))]
    return Contribution(source, column, own_epochs, selected, np.ix_(*along[: len(dims)]))


def _positions(numbers: tuple[int, ...], merged: tuple[int, ...]) -> IntArray:
    position = {number: at for at, number in enumerate(merged)}
    return np.array([position[number] for number in numbers], dtype=np.int64)


def common_metric(contributions: Sequence[Contribution]) -> Metric:
    """The metric that all sources describe; descriptions may differ, and are joined.

    Epochs of several sources form a learning curve only if they do in each source and all share an epoch: sources of 1
    to 3 and of 12 epochs are trainings of two lengths.

    Raises:
        InputError: Units, direction, split or axes differ.
    """
    first = contributions[0].column.metric
    for other in contributions[1:]:
        for attribute in ("units", "direction", "split", "dims"):
            pair = getattr(first, attribute), getattr(other.column.metric, attribute)
            if pair[0] != pair[1]:
                ours, theirs = (" x ".join(value) if attribute == "dims" else value for value in pair)
                raise InputError(
                    f"metric {first.path!r} has {attribute} {ours!r} in {contributions[0].source} and {theirs!r} in "
                    f"{other.source}; rename it in one of them"
                )
    descriptions = sorted({each.column.metric.description for each in contributions} - {""})
    epochs = [set(each.epochs) for each in contributions]
    overlap = "epoch" not in first.dims or bool(set.intersection(*epochs))
    resumable = overlap and all(each.column.metric.resumable for each in contributions)
    return replace(first, description=" / ".join(descriptions), resumable=resumable)


def merged_column(
    metric: Metric, contributions: Sequence[Contribution], shape: tuple[int, ...], prefer: str | None
) -> tuple[Column, dict[str, Any], Conflict | None]:
    """The numbers of all sources in one column; those of the source `prefer` overrule others.

    Returns:
        The column; its entry in the recipe (count of numbers by source; how many are missing, agreed and overruled);
        and the first conflict, None if there is none.
    """
    ordered = sorted(contributions, key=lambda each: each.source != prefer)
    first, *others = ordered
    values = np.full(shape, np.nan)
    values[first.place] = first.column.values[first.selected]
    holder = np.where(np.isnan(values), np.int16(NOBODY), np.int16(0))  # position in `ordered`
    counts = {first.source: int((holder == 0).sum())}
    agreed, overruled, conflict = 0, 0, None
    for position, each in enumerate(others, start=1):
        new, old, held = each.column.values[each.selected], values[each.place], holder[each.place]
        measured = ~np.isnan(new)
        shared = measured & (held != NOBODY)
        differing = shared & (new != old)
        counts[each.source] = int(measured.sum())
        agreed += int((shared & ~differing).sum())
        if first.source == prefer:
            overruled += int((differing & (held == 0)).sum())
            differing &= held != 0
        if conflict is None and differing.any():
            conflict = _first_conflict(each, [other.source for other in ordered], new, old, held, shared, differing)
        filled = measured & (held == NOBODY)
        values[each.place] = np.where(filled, new, old)
        holder[each.place] = np.where(filled, np.int16(position), held)
    missing, reasons = _causes(metric, contributions, holder == NOBODY)
    origin = {
        "sources": {each.source: counts[each.source] for each in contributions},
        "missing": int((missing > 0).sum()),
        "agreed": agreed,
        "overruled": overruled,
    }
    return Column(metric, values, missing, reasons), origin, conflict


def _first_conflict(
    contribution: Contribution,
    sources: Sequence[str],
    new: FloatArray,
    old: FloatArray,
    held: npt.NDArray[np.int16],
    shared: BoolArray,
    differing: BoolArray,
) -> Conflict:
    """The conflict with the holder of the first different number, in the order of the merged column."""
    places = np.argwhere(differing)
    merged = np.stack([along.ravel()[at] for along, at in zip(contribution.place, places.T, strict=True)], axis=1)
    first = np.lexsort(merged.T[::-1])[0]
    at = tuple(places[first])
    same_holder = held == held[at]
    apart = differing & same_holder
    return Conflict(
        (sources[held[at]], contribution.source),
        int(apart.sum()),
        int((shared & same_holder).sum()),
        float(np.abs(new[apart] - old[apart]).max()),
        tuple(merged[first].tolist()),
        (float(old[at]), float(new[at])),
    )


def _causes(
    metric: Metric, contributions: Sequence[Contribution], absent: BoolArray
) -> tuple[npt.NDArray[np.uint8], tuple[str, ...]]:
    """Why each absent number is missing: the reasons of the sources that have its row, else the sources without it.

    Returns:
        Codes as of `Column.missing`, and the reasons.
    """
    missing = np.zeros(absent.shape, dtype=np.uint8)
    if not absent.any():
        return missing, ()
    label = np.zeros(int(absent.sum()), dtype=np.int64)
    causes: list[frozenset[str]] = [frozenset()]
    for each in contributions:
        codes = np.zeros(absent.shape, dtype=np.uint8)
        codes[each.place] = each.column.missing[each.selected]
        pairs = label * 256 + codes[absent]
        occurs = np.bincount(pairs) > 0  # much faster than sorting, as there are few different pairs
        label = (np.cumsum(occurs) - 1)[pairs]
        by_code = (frozenset[str](), *(frozenset({reason}) for reason in each.column.reasons))
        causes = [causes[pair // 256] | by_code[pair % 256] for pair in np.flatnonzero(occurs).tolist()]
    nowhere = f"not in {', '.join(sorted(each.source for each in contributions))}"
    texts = ["; ".join(sorted(cause)) or nowhere for cause in causes]
    reasons = tuple(sorted(set(texts)))
    if len(reasons) > np.iinfo(np.uint8).max:
        raise InputError(f"numbers of {metric.path!r} are missing for {len(reasons)} different reasons")
    missing[absent] = np.array([1 + reasons.index(text) for text in texts], dtype=np.uint8)[label]
    return missing, reasons


def conflict_message(
    conflicts: Sequence[tuple[Metric, Conflict]],
    architecture: str,
    seeds: tuple[int, ...],
    epochs: Mapping[str, tuple[int, ...]],
) -> str:
    """One line about the first conflict; `architecture` spells the one of its row."""
    metric, conflict = conflicts[0]
    axes = zip(metric.dims[1:], (seeds, epochs.get(metric.dataset, ())), conflict.place[1:], strict=False)
    where = ", ".join((architecture, *(f"{dim} {numbers[at]}" for dim, numbers, at in axes)))
    others = len(conflicts) - 1
    more = f" (and about {others} more metric{'s' if others > 1 else ''})" if others else ""
    (one, other), (one_value, other_value) = conflict.sources, conflict.values
    return (
        f"{one} and {other} disagree about {conflict.differing:,} of {conflict.shared:,} numbers of {metric.path!r}, "
        f"by up to {conflict.largest:.6g} {difference(metric.units)}{more}: the first is {one_value!r} in {one} and "
        f"{other_value!r} in {other}, of {where}; rename the metric or its data set in one of them, or prefer one"
    )
