"""Other names for the metrics and data sets of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from nasbench.benchmark.table import Column, Table
from nasbench.errors import InputError, NotFoundError


def renamed(table: Table, names: Mapping[str, str]) -> Table:
    """The same table with other names of metrics (as `cifar10/test_accuracy`) or of whole data sets.

    The old and the new names are added to its recipe, as `renamed`.

    Raises:
        NotFoundError: It has no such metric or data set; says what it has.
        InputError: Two metrics would have one name, or one data set the epochs of two.
    """
    columns = dict(table.columns)
    datasets = dataset_names(table)
    epochs = {dataset: found for dataset, found in table.epochs.items() if found}
    for old, new in names.items():
        if old not in table.columns and old not in datasets:
            known = ", ".join((*sorted(datasets), *table.columns))
            raise NotFoundError(f"there is no metric or data set {old!r} to rename; there are {known}")
        for path in [path for path, column in table.columns.items() if old in (path, column.metric.dataset)]:
            column = columns.pop(path)
            dataset, _, name = new.rpartition("/") if path == old else (new, "", column.metric.name)
            metric = replace(column.metric, dataset=dataset, name=name)
            if metric.path in columns:
                raise InputError(
                    f"{path!r} cannot be called {metric.path!r}, as another metric is; choose another name"
                )
            if "epoch" in metric.dims:
                its = table.epochs[column.metric.dataset]
                if epochs.setdefault(dataset, its) != its:
                    raise InputError(f"{path!r} has other epochs than the data set {dataset!r}; take another name")
            columns[metric.path] = Column(metric, column.values, column.missing, column.reasons)
    left = {column.metric.dataset for column in columns.values()}
    recipe = {**table.recipe, "renamed": [*as_list(table.recipe.get("renamed")), *map(list, names.items())]}
    used = {name: found for name, found in epochs.items() if name in left}
    return replace(table, columns=columns, epochs=used, recipe=recipe)


def renamed_as(text: str, tables: Sequence[Table], names: Sequence[str]) -> list[Table]:
    """The tables after what `OLD=NEW` asks for, in all that have an `OLD`, or `NAME:OLD=NEW`, in the one of that name.

    Raises:
        InputError: It is not of that form.
        NotFoundError: No table has such a metric or data set.
    """
    left, equals, new = text.partition("=")
    one = next((name for name in sorted(names, key=len, reverse=True) if left.startswith(f"{name}:")), None)
    old = left if one is None else left[len(one) + 1 :]
    if not (equals and old.strip() and new.strip()):
        raise InputError(f"a renaming is OLD=NEW or FILE:OLD=NEW of metrics or data sets, got {text!r}")
    asked = [table for name, table in zip(names, tables, strict=True) if one in (None, name)]
    having = [table for table in asked if old in table.columns or old in dataset_names(table)] or asked[:1]
    return [renamed(table, {old: new}) if any(table is other for other in having) else table for table in tables]


def as_list(value: object) -> list[object]:
    """A list from a recipe of whatever origin; an empty one where it is something else."""
    return value if isinstance(value, list) else []


def dataset_names(table: Table) -> set[str]:
    """The data sets that the metrics of a table belong to."""
    return {path.rpartition("/")[0] for path in table.columns} - {""}
