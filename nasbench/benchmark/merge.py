"""Benchmarks of one space joined by architecture into one: rows, seeds and epochs are unions, numbers must agree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Metric, difference
from nasbench.benchmark.row_sets import ROW_NUMBERS, row_sets
from nasbench.benchmark.table import Column, Table, in_order, row_codes
from nasbench.errors import InputError
from nasbench.provenance import provenance
from nasbench.registry import arguments_of
from nasbench.spaces import spaces
from nasbench.spaces.base import Space
from nasbench.specification import component_name
from nasbench.types import BoolArray, FloatArray, GenotypeArray, IntArray

By: TypeAlias = Literal["key", "genotype"]
"""What makes rows of several tables one: `Space.key`, or the genotype itself."""
LEFT_OUT = -1


class Join(NamedTuple):
    """Which rows of several tables are one architecture.

    Attributes:
        genotypes: The architectures in the order in which they first occur; shape `(m, d)`.
        rows: For each table, the number in `genotypes` of each of its rows, `LEFT_OUT` where it is not there.
    """

    genotypes: GenotypeArray
    rows: list[IntArray]


class Part(NamedTuple):
    """What one source has of a metric, and where that goes.

    Attributes:
        source: Its name.
        column: The numbers.
        kept: Which of its rows are kept; shape `(n,)`.
        place: Positions in the merged column, as of `numpy.ix_`.
    """

    source: str
    column: Column
    kept: BoolArray
    place: tuple[IntArray, ...]


class Clash(NamedTuple):
    """Numbers about which two sources disagree.

    Attributes:
        sources: Their names.
        apart: How many numbers.
        of: How many both have.
        most: The largest difference.
        place: Row, and positions of seed and epoch where the metric has them, of the first.
        values: The two numbers there.
    """

    sources: tuple[str, str]
    apart: int
    of: int
    most: float
    place: tuple[int, ...]
    values: tuple[float, float]


def merge(
    tables: Sequence[Table], names: Sequence[str], *, by: By = "key", inner: bool = False, prefer: str | None = None
) -> Table:
    """One table with all that several of one space have.

    Where a metric is in several of them, equal numbers agree and what one lacks is filled from another. The order of
    the tables decides the order of the rows (those of the first, then what the second adds, and so on), nothing else.

    Args:
        tables: At least two.
        names: What messages, reasons and the recipe call them.
        by: Whether rows with the same `Space.key` are one architecture too, or only those with the same genotype; see
            `join`.
        inner: Keep only what is in all tables.
        prefer: Name of the table whose numbers count where others have different ones.

    Returns:
        The table. Its recipe has, by name of each source, its own recipe, provenance, licence and count of rows
        (`sources`); for each metric the sources and how many of their numbers agree (`columns`); and row numbers of
        published splits, as far as only one source has them.

    Raises:
        InputError: The tables are of other spaces or settings, a metric is not the same in all of them, or two disagree
            about a number; says how often, and where first.
    """
    space = _one_space(tables, names)
    if prefer is not None and prefer not in names:
        raise InputError(f"the preferred table is one of {', '.join(names)}, got {prefer!r}")
    joined = join(space, [table.genotypes for table in tables], by, inner)
    if not len(joined.genotypes):
        raise InputError(f"no architecture is in all of {', '.join(names)}; leave out `inner` to keep those of any")
    seeds = _union([table.seeds for table in tables])
    datasets = dict.fromkeys(dataset for table in tables for dataset in table.epochs)
    epochs = {dataset: _union([table.epochs.get(dataset, ()) for table in tables]) for dataset in datasets}
    columns, origins, clashes = {}, {}, []
    for path in dict.fromkeys(path for table in tables for path in table.columns):
        found = [
            _part(name, table, path, rows, seeds, epochs)
            for name, table, rows in zip(names, tables, joined.rows, strict=True)
            if path in table.columns
        ]
        metric = _one_metric(found)
        shape = (len(joined.genotypes), len(seeds), len(epochs.get(metric.dataset, ())))[: len(metric.dims)]
        columns[path], origins[path], clash = _united(metric, found, shape, prefer)
        if clash is not None:
            clashes.append((metric, clash))
    if clashes:
        raise InputError(_disagreement(clashes, joined.genotypes, space, seeds, epochs))
    recipe = {
        "merge": {"by": by, "inner": inner, "prefer": prefer},
        "sources": {
            name: _source(table, rows, joined) for name, table, rows in zip(names, tables, joined.rows, strict=True)
        },
        "columns": origins,
        **_row_numbers(tables, joined.rows),
    }
    used = {dataset: found for dataset, found in epochs.items() if found}
    return Table(space, joined.genotypes, seeds, used, columns, recipe, provenance())


def unconfirmed(table: Table) -> list[str]:
    """Metrics of a merged table that several sources have numbers of, without one number that two of them have.

    So nothing in the numbers says that they were measured alike.
    """
    found = []
    for path, origin in table.recipe["columns"].items():
        sources = [source for source, count in origin["sources"].items() if count]
        if len(sources) > 1 and not origin["agreed"] + origin["overruled"]:
            found.append(path)
    return found


def report(table: Table) -> dict[str, Any]:
    """What `merge` did, as records: of each source its rows, of each metric its sources and numbers."""
    sources = [
        {"source": name, **{fact: value for fact, value in entry.items() if fact not in ("recipe", "provenance")}}
        for name, entry in table.recipe["sources"].items()
    ]
    columns = [{"metric": path, **entry} for path, entry in table.recipe["columns"].items()]
    facts = {"space": table.space.name, "architectures": len(table.genotypes), "seeds": list(table.seeds)}
    done = {**facts, **table.recipe["merge"], "unconfirmed": unconfirmed(table)}
    return {**done, "sources": sources, "columns": columns}


# --- rows -----------------------------------------------------------------------------------------------------------


def join(space: Space, genotypes: Sequence[GenotypeArray], by: By, inner: bool = False) -> Join:
    """Which rows of several arrays of genotypes `(n, d)`, none of which has a row twice, are one architecture.

    Equal genotypes are. By key, so are those whose labelled graphs are isomorphic, dead operations included: that is
    the same network at the same cost, so that latencies may be shared, and not merely the same function. An array that
    has several rows of one key has told them apart, and which of them another's row would be cannot be known: such rows
    are joined by genotype alone. Where the genotypes of one architecture differ, the canonical one stands for it.
    """
    if by not in ("key", "genotype"):
        raise InputError(f"rows are joined by 'key' or 'genotype', got {by!r}")
    stacked = np.concatenate(list(genotypes))
    owner = np.repeat(np.arange(len(genotypes)), [len(part) for part in genotypes])
    label, first = in_order(row_codes(space, stacked))
    group = label
    if by == "key" and (np.bincount(label) < len(genotypes)).any():  # else every row is in all of them
        key = in_order(space.key(stacked))[0]
        in_each = np.bincount(key * len(genotypes) + owner, minlength=(key.max() + 1) * len(genotypes))
        alone = in_each.reshape(-1, len(genotypes)).max(axis=1) == 1
        group, first = in_order(np.where(alone[key], key, key.max() + 1 + label))
    rows = stacked[first]
    relabelled = np.unique(group[label != label[first][group]])
    rows[relabelled] = space.canonical(rows[relabelled])
    if inner:
        kept = np.bincount(group) == len(genotypes)  # as no array has two rows of a group
        group, rows = np.where(kept, np.cumsum(kept) - 1, LEFT_OUT)[group], rows[kept]
    return Join(rows, np.split(group, np.cumsum([len(part) for part in genotypes])[:-1]))


def _row_numbers(tables: Sequence[Table], rows: Sequence[IntArray]) -> dict[str, Any]:
    """The published splits and the like that just one table has, as row numbers of the merged one."""
    moved = [_moved(table, own) for table, own in zip(tables, rows, strict=True)]
    having = {name: [sets[name] for sets in moved if name in sets] for name in ROW_NUMBERS}
    return {name: found[0] for name, found in having.items() if len(found) == 1}


def _moved(table: Table, rows: IntArray) -> dict[str, dict[str, list[int]]]:
    """The row numbers in the recipe of a source as those of the merged table, without what was left out."""
    found = {name: row_sets(table, name, "no row numbers") for name in ROW_NUMBERS if name in table.recipe}
    return {
        name: {part: np.setdiff1d(rows[numbers], LEFT_OUT).tolist() for part, numbers in sets.items()}
        for name, sets in found.items()
    }


# --- columns --------------------------------------------------------------------------------------------------------


def _part(
    name: str, table: Table, path: str, rows: IntArray, seeds: tuple[int, ...], epochs: Mapping[str, tuple[int, ...]]
) -> Part:
    column, kept = table.columns[path], rows != LEFT_OUT
    dataset = column.metric.dataset
    along = [rows[kept], _positions(table.seeds, seeds)]
    along.append(_positions(table.epochs.get(dataset, ()), epochs.get(dataset, ())))
    return Part(name, column, kept, np.ix_(*along[: len(column.metric.dims)]))


def _one_metric(found: Sequence[Part]) -> Metric:
    """What all sources say that a metric is; descriptions may differ, and stand one after the other.

    Raises:
        InputError: They say different things.
    """
    first = found[0]
    for part in found[1:]:
        for what in ("units", "direction", "split", "dims"):
            one, other = getattr(first.column.metric, what), getattr(part.column.metric, what)
            if one != other:
                one, other = (" x ".join(value) if what == "dims" else value for value in (one, other))
                raise InputError(
                    f"metric {first.column.metric.path!r} has {what} {one!r} in {first.source} and {other!r} in "
                    f"{part.source}; rename it in one of them"
                )
    told = sorted({part.column.metric.description for part in found} - {""})
    resumable = all(part.column.metric.resumable for part in found)
    return replace(first.column.metric, description=" / ".join(told), resumable=resumable)


def _united(
    metric: Metric, found: Sequence[Part], shape: tuple[int, ...], prefer: str | None
) -> tuple[Column, dict[str, Any], Clash | None]:
    """The numbers of all sources, what there is to say about that, and the first disagreement."""
    ordered = sorted(found, key=lambda part: part.source != prefer)
    first, *others = ordered
    values = np.full(shape, np.nan)
    values[first.place] = first.column.values[first.kept]
    holder = np.where(np.isnan(values), np.int16(-1), np.int16(0))  # the position in `ordered`
    measured, agreed, overruled, clash = {first.source: int((holder == 0).sum())}, 0, 0, None
    for number, part in enumerate(others, start=1):
        new, old, held = part.column.values[part.kept], values[part.place], holder[part.place]
        there = ~np.isnan(new)
        both = there & (held >= 0)
        differing = both & (new != old)
        measured[part.source] = int(there.sum())
        agreed += int((both & ~differing).sum())
        if first.source == prefer:
            overruled += int((differing & (held == 0)).sum())
            differing &= held != 0
        if clash is None and differing.any():
            clash = _clash(part, [other.source for other in ordered], new, old, held, both, differing)
        filled = there & (held < 0)
        values[part.place] = np.where(filled, new, old)
        holder[part.place] = np.where(filled, np.int16(number), held)
    missing, reasons = _causes(found, holder < 0)
    origin = {
        "sources": {part.source: measured[part.source] for part in found},
        "missing": int((missing > 0).sum()),
        "agreed": agreed,
        "overruled": overruled,
    }
    return Column(metric, values, missing, reasons), origin, clash


def _clash(
    part: Part,
    sources: Sequence[str],
    new: FloatArray,
    old: FloatArray,
    held: npt.NDArray[np.int16],
    both: BoolArray,
    differing: BoolArray,
) -> Clash:
    """The disagreement with the source that holds the first number that differs, by its place in the merged column."""
    places = np.argwhere(differing)
    merged = np.stack([along.ravel()[at] for along, at in zip(part.place, places.T, strict=True)], axis=1)
    first = np.lexsort(merged.T[::-1])[0]
    at = tuple(places[first])
    against = held == held[at]
    apart = differing & against
    return Clash(
        (sources[held[at]], part.source),
        int(apart.sum()),
        int((both & against).sum()),
        float(np.abs(new[apart] - old[apart]).max()),
        tuple(merged[first].tolist()),
        (float(old[at]), float(new[at])),
    )


def _causes(found: Sequence[Part], gone: BoolArray) -> tuple[npt.NDArray[np.uint8], tuple[str, ...]]:
    """Why each number that no source has is missing: what sources say that have such a row, else who has none.

    Returns:
        Codes as of `Column.missing`, and the reasons.
    """
    missing = np.zeros(gone.shape, dtype=np.uint8)
    if not gone.any():
        return missing, ()
    label = np.zeros(int(gone.sum()), dtype=np.int64)
    causes: list[frozenset[str]] = [frozenset()]
    for part in found:
        codes = np.zeros(gone.shape, dtype=np.uint8)
        codes[part.place] = part.column.missing[part.kept]
        pairs = label * 256 + codes[gone]
        there = np.bincount(pairs) > 0  # by far quicker than sorting, as there are few pairs
        label = (np.cumsum(there) - 1)[pairs]
        told = (frozenset[str](), *(frozenset({reason}) for reason in part.column.reasons))
        causes = [causes[pair // 256] | told[pair % 256] for pair in np.flatnonzero(there).tolist()]
    absent = f"not in {', '.join(sorted(part.source for part in found))}"
    texts = ["; ".join(sorted(cause)) or absent for cause in causes]
    reasons = tuple(sorted(set(texts)))
    if len(reasons) > np.iinfo(np.uint8).max:
        raise InputError(f"numbers of {found[0].column.metric.path!r} are missing for {len(reasons)} different reasons")
    missing[gone] = np.array([1 + reasons.index(text) for text in texts], dtype=np.uint8)[label]
    return missing, reasons


def _disagreement(
    clashes: Sequence[tuple[Metric, Clash]],
    genotypes: GenotypeArray,
    space: Space,
    seeds: tuple[int, ...],
    epochs: Mapping[str, tuple[int, ...]],
) -> str:
    """One line about the first metric that sources disagree about."""
    metric, clash = clashes[0]
    axes = (range(len(genotypes)), seeds, epochs.get(metric.dataset, ()))
    row, *rest = (axis[at] for axis, at in zip(axes, clash.place, strict=False))
    where = ", ".join(
        (space.to_string(genotypes[row]), *(f"{d} {n}" for d, n in zip(metric.dims[1:], rest, strict=True)))
    )
    one, other = clash.sources
    others = len(clashes) - 1
    more = f" (and about {others} more metric{'s' if others > 1 else ''})" if others else ""
    return (
        f"{one} and {other} disagree about {clash.apart:,} of {clash.of:,} numbers of {metric.path!r}, by up to "
        f"{clash.most:.6g} {difference(metric.units)}{more}: the first is {clash.values[0]!r} in {one} and "
        f"{clash.values[1]!r} in {other}, of {where}; rename the metric or its data set in one of them, or prefer one"
    )


# --- sources --------------------------------------------------------------------------------------------------------


def _one_space(tables: Sequence[Table], names: Sequence[str]) -> Space:
    """The space of all tables.

    Raises:
        InputError: There are less than two, names are not theirs alone, or spaces differ.
    """
    if len(tables) < 2 or len(tables) != len(names) or len(set(names)) < len(names):
        raise InputError(f"merging takes at least two tables, each with a name of its own; got {', '.join(names)}")
    told = [_described(table.space) for table in tables]
    for name, other in zip(names[1:], told[1:], strict=True):
        if other != told[0]:
            raise InputError(f"{names[0]} is of the space {told[0]}, {name} of {other}; only tables of one are merged")
    return tables[0].space


def _described(space: Space) -> str:
    """Name and settings of a space, as a file has them."""
    settings = arguments_of(space)
    return component_name(space, spaces) + (f" {json.dumps(settings, sort_keys=True)}" if settings else "")


def _source(table: Table, rows: IntArray, joined: Join) -> dict[str, Any]:
    """The entry of a recipe about one of the merged tables."""
    kept = rows != LEFT_OUT
    times = np.bincount(np.concatenate(joined.rows)[np.concatenate(joined.rows) != LEFT_OUT])
    recipe = {**table.recipe, **_moved(table, rows)}
    return {
        "architectures": len(rows),
        "joined": int((times[rows[kept]] > 1).sum()),
        "alone": int((times[rows[kept]] == 1).sum()),
        "left_out": int((~kept).sum()),
        "other_labels": int((joined.genotypes[rows[kept]] != table.genotypes[kept]).any(axis=1).sum()),
        "licence": "; ".join(dict.fromkeys(_licences(recipe))) or "not stated",
        "recipe": recipe,
        "provenance": dict(table.provenance),
    }


def _licences(recipe: object) -> Iterator[str]:
    """Of the source of a table, which may be merged itself."""
    if not isinstance(recipe, dict):
        return
    source, sources = recipe.get("source"), recipe.get("sources")
    if isinstance(source, dict) and isinstance(source.get("licence"), str):
        yield source["licence"]
    for entry in sources.values() if isinstance(sources, dict) else ():
        yield from _licences(entry.get("recipe") if isinstance(entry, dict) else None)


def _union(numbers: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """All seeds or epochs that there are: in the order that all have, else increasing."""
    given = {found for found in numbers if found}
    return given.pop() if len(given) == 1 else tuple(sorted({number for found in given for number in found}))


def _positions(own: tuple[int, ...], merged: tuple[int, ...]) -> IntArray:
    at = {number: position for position, number in enumerate(merged)}
    return np.array([at[number] for number in own], dtype=np.int64)
