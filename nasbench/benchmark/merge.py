"""Several benchmarks of one space as one: rows, seeds and epochs are unions, numbers of the same place must agree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nasbench.benchmark.join import LEFT_OUT, By, Join, join
from nasbench.benchmark.merged_columns import common_metric, conflict_message, contribution, merged_column
from nasbench.benchmark.row_sets import ROW_NUMBERS, row_sets
from nasbench.benchmark.table import Table
from nasbench.errors import InputError
from nasbench.provenance import provenance
from nasbench.registry import arguments_of
from nasbench.spaces import spaces
from nasbench.spaces.base import Space
from nasbench.specification import component_name
from nasbench.types import IntArray


def merge(
    tables: Sequence[Table], names: Sequence[str], *, by: By = "key", inner: bool = False, prefer: str | None = None
) -> Table:
    """One table with the numbers of several tables of one space.

    Where several tables have a metric, equal numbers agree and gaps of one are filled from another. The order of the
    tables decides only the order of the rows: those of the first, then what the second adds, and so on.

    Args:
        tables: At least two.
        names: Their names in messages, reasons and the recipe.
        by: Whether rows with the same `Space.key` are one architecture too, or only those with the same genotype; see
            `join`.
        inner: Keep only architectures that all tables have.
        prefer: Name of the table whose numbers count where others have different ones.

    Returns:
        The table. Its recipe has, by name of each source, its own recipe, provenance, licence and count of rows
        (`sources`); for each metric the sources and how many of their numbers agree (`columns`); row numbers of
        published splits, if only one source has them; and that rows stand for functions (`rows_stand_for`), if they do
        in all sources and no two rows have the same function.

    Raises:
        InputError: The tables have different spaces or settings, describe a metric differently, or disagree about a
            number; says how often, and where first.
    """
    space = _common_space(tables, names)
    if prefer is not None and prefer not in names:
        raise InputError(f"the preferred table is one of {', '.join(names)}, got {prefer!r}")
    joined = join(space, [table.genotypes for table in tables], by, inner)
    if not len(joined.genotypes):
        raise InputError(f"no architecture is in all of {', '.join(names)}; leave out `inner` to keep those of any")
    seeds = _union([table.seeds for table in tables])
    datasets = dict.fromkeys(dataset for table in tables for dataset in table.epochs)
    epochs = {dataset: _union([table.epochs.get(dataset, ()) for table in tables]) for dataset in datasets}
    columns, origins, conflicts = {}, {}, []
    for path in dict.fromkeys(path for table in tables for path in table.columns):
        contributions = [
            contribution(name, table, path, rows, seeds, epochs)
            for name, table, rows in zip(names, tables, joined.rows, strict=True)
            if path in table.columns
        ]
        metric = common_metric(contributions)
        shape = (len(joined.genotypes), len(seeds), len(epochs.get(metric.dataset, ())))[: len(metric.dims)]
        columns[path], origins[path], conflict = merged_column(metric, contributions, shape, prefer)
        if conflict is not None:
            conflicts.append((metric, conflict))
    if conflicts:
        architecture = space.to_string(joined.genotypes[conflicts[0][1].place[0]])
        raise InputError(conflict_message(conflicts, architecture, seeds, epochs))
    recipe = {
        "merge": {"by": by, "inner": inner, "prefer": prefer},
        "sources": {
            name: _source(table, rows, joined) for name, table, rows in zip(names, tables, joined.rows, strict=True)
        },
        "columns": origins,
        **_common_row_sets(tables, joined.rows),
        **_rows_stand_for(tables, joined),
    }
    used = {dataset: numbers for dataset, numbers in epochs.items() if numbers}
    return Table(space, joined.genotypes, seeds, used, columns, recipe, provenance())


def _common_space(tables: Sequence[Table], names: Sequence[str]) -> Space:
    """The space of all tables.

    Raises:
        InputError: There are fewer than two tables, names are not unique, or spaces differ.
    """
    if len(tables) < 2 or len(tables) != len(names) or len(set(names)) < len(names):
        raise InputError(f"merging takes at least two tables, each with a name of its own; got {', '.join(names)}")
    described = [_described(table.space) for table in tables]
    for name, other in zip(names[1:], described[1:], strict=True):
        if other != described[0]:
            raise InputError(f"{names[0]} has the space {described[0]}, {name} has {other}; merge tables of one space")
    return tables[0].space


def _described(space: Space) -> str:
    """Name and settings of a space, as a file has them."""
    settings = arguments_of(space)
    return component_name(space, spaces) + (f" {json.dumps(settings, sort_keys=True)}" if settings else "")


def _union(axes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """All seeds or epochs: in the common order if all axes are equal, else increasing."""
    different = {axis for axis in axes if axis}
    return different.pop() if len(different) == 1 else tuple(sorted({number for axis in different for number in axis}))


# --- recipe ---------------------------------------------------------------------------------------------------------


def unconfirmed(table: Table) -> list[str]:
    """Metrics of a merged table that several sources measured, but none for a common architecture, seed and epoch.

    Nothing in their numbers shows that the sources measured alike. Without a common epoch, their epochs are no learning
    curve either: such a metric is not `resumable`.
    """
    paths = []
    for path, origin in table.recipe["columns"].items():
        sources = [source for source, count in origin["sources"].items() if count]
        if len(sources) > 1 and not origin["agreed"] + origin["overruled"]:
            paths.append(path)
    return paths


def report(table: Table) -> dict[str, Any]:
    """What `merge` did, as records: the rows of each source, the sources and numbers of each metric."""
    sources = [
        {"source": name, **{fact: value for fact, value in entry.items() if fact not in ("recipe", "provenance")}}
        for name, entry in table.recipe["sources"].items()
    ]
    columns = [{"metric": path, **entry} for path, entry in table.recipe["columns"].items()]
    facts = {"space": table.space.name, "architectures": len(table.genotypes), "seeds": list(table.seeds)}
    settings = {**table.recipe["merge"], "unconfirmed": unconfirmed(table)}
    return {**facts, **settings, "sources": sources, "columns": columns}


def _source(table: Table, rows: IntArray, joined: Join) -> dict[str, Any]:
    """The entry of the recipe about one of the merged tables."""
    selected = rows != LEFT_OUT
    all_rows = np.concatenate(joined.rows)
    sources_of = np.bincount(all_rows[all_rows != LEFT_OUT])  # by row of the merged table
    recipe = {**table.recipe, **_moved_row_sets(table, rows)}
    return {
        "architectures": len(rows),
        "joined": int((sources_of[rows[selected]] > 1).sum()),
        "alone": int((sources_of[rows[selected]] == 1).sum()),
        "left_out": int((~selected).sum()),
        "other_labels": int((joined.genotypes[rows[selected]] != table.genotypes[selected]).any(axis=1).sum()),
        "licence": "; ".join(dict.fromkeys(_licences(recipe))) or "not stated",
        "recipe": recipe,
        "provenance": dict(table.provenance),
    }


def _licences(recipe: object) -> Iterator[str]:
    """Licences of the sources of a table, which may be merged itself."""
    if not isinstance(recipe, dict):
        return
    source, sources = recipe.get("source"), recipe.get("sources")
    if isinstance(source, dict) and isinstance(source.get("licence"), str):
        yield source["licence"]
    for entry in sources.values() if isinstance(sources, dict) else ():
        yield from _licences(entry.get("recipe") if isinstance(entry, dict) else None)


def _rows_stand_for(tables: Sequence[Table], joined: Join) -> dict[str, str]:
    functions = tables[0].space.function_key(joined.genotypes)
    stand = all(table.rows_stand_for_functions for table in tables) and len(np.unique(functions)) == len(functions)
    return {"rows_stand_for": "functions"} if stand else {}


def _common_row_sets(tables: Sequence[Table], rows: Sequence[IntArray]) -> dict[str, Any]:
    """Published splits and other row sets that exactly one table has, as row numbers of the merged table."""
    moved = [_moved_row_sets(table, numbers) for table, numbers in zip(tables, rows, strict=True)]
    by_name = {name: [sets[name] for sets in moved if name in sets] for name in ROW_NUMBERS}
    return {name: candidates[0] for name, candidates in by_name.items() if len(candidates) == 1}


def _moved_row_sets(table: Table, rows: IntArray) -> dict[str, dict[str, list[int]]]:
    """Row sets in the recipe of a source as row numbers of the merged table, without rows that were left out."""
    stored = {name: row_sets(table, name, "no row numbers") for name in ROW_NUMBERS if name in table.recipe}
    return {
        name: {key: np.setdiff1d(rows[numbers], LEFT_OUT).tolist() for key, numbers in sets.items()}
        for name, sets in stored.items()
    }
