"""New names for the metrics and data sets of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from nasbench.benchmark.table import Column, Table
from nasbench.errors import InputError, NotFoundError


def renamed(table: Table, names: Mapping[str, str]) -> Table:
    """The table with new names of metrics (such as `cifar10/test_accuracy`) or whole data sets.

    The recipe lists old and new names as `renamed`.

    Raises:
        NotFoundError: There is no such metric or data set; names the existing ones.
        InputError: Two metrics would get the same name, or one data set different epochs.
    """
    columns = dict(table.columns)
    datasets = dataset_names(table)
    epochs = {dataset: numbers for dataset, numbers in table.epochs.items() if numbers}
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
                recorded = table.epochs[column.metric.dataset]
                if epochs.setdefault(dataset, recorded) != recorded:
                    raise InputError(f"{path!r} has other epochs than the data set {dataset!r}; take another name")
            columns[metric.path] = Column(metric, column.values, column.missing, column.reasons)
    used = {column.metric.dataset for column in columns.values()}
    recipe = {**table.recipe, "renamed": [*as_list(table.recipe.get("renamed")), *map(list, names.items())]}
    epochs = {dataset: numbers for dataset, numbers in epochs.items() if dataset in used}
    return replace(table, columns=columns, epochs=epochs, recipe=recipe)


def renamed_as(text: str, tables: Sequence[Table], names: Sequence[str]) -> list[Table]:
    """The tables after a renaming: `OLD=NEW` for all that have an `OLD`, `NAME:OLD=NEW` for the table of that name.

    Raises:
        InputError: The text has neither form.
        NotFoundError: No table has such a metric or data set.
    """
    left, equals, new = map(str.strip, text.partition("="))
    only = next((name for name in sorted(names, key=len, reverse=True) if left.startswith(f"{name}:")), None)
    old = left if only is None else left[len(only) + 1 :].strip()
    if not (equals and old and new):
        raise InputError(f"a renaming is OLD=NEW or FILE:OLD=NEW of metrics or data sets, got {text!r}")
    candidates = [table for name, table in zip(names, tables, strict=True) if only in (None, name)]
    matches = [table for table in candidates if old in table.columns or old in dataset_names(table)] or candidates[:1]
    return [renamed(table, {old: new}) if any(table is match for match in matches) else table for table in tables]


def as_list(value: object) -> list[object]:
    """A list from an untrusted recipe, empty if the value is not a list."""
    return value if isinstance(value, list) else []


def dataset_names(table: Table) -> set[str]:
    """The data sets that the metrics of a table belong to."""
    return {path.rpartition("/")[0] for path in table.columns} - {""}
