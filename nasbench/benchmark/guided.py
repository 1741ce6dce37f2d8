"""A table in which chosen measurements guide a search and others score it, where it has no validation or test part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from nasbench.benchmark.base import Benchmark, Metric
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import InputError
from nasbench.types import Subset


class Measured(NamedTuple):
    """Which numbers of a table are meant.

    Attributes:
        metric: Their metric.
        seeds: Their training seeds; all where None.
    """

    metric: Metric
    seeds: tuple[int, ...] | None

    @classmethod
    def parse(cls, text: str, benchmark: Benchmark) -> Measured:
        """The numbers that `test_accuracy` or, of some seeds, `test_accuracy@0,1` name.

        Raises:
            InputError: The seeds are no numbers, not recorded, or of a metric without seeds.
            NotFoundError: There is no such metric.
        """
        name, at, numbers = text.partition("@")
        metric = benchmark.metric(name)
        if not at:
            return cls(metric, None)
        if not metric.seeded:
            raise InputError(f"{metric.path!r} has no training seeds, so none can be chosen; leave @{numbers} out")
        try:
            seeds = tuple(int(number) for number in numbers.split(","))
        except ValueError as error:
            raise InputError(f"seeds are written METRIC@0,1, got {text!r}") from error
        recorded = benchmark.recorded_seeds(metric.path)
        for seed in seeds:
            if seed not in recorded:
                raise InputError(f"{metric.path!r} has no seed {seed}; its seeds are {_listed(recorded)}")
        return cls(metric, seeds)

    def __str__(self) -> str:
        return self.metric.path + (f"@{_listed(self.seeds, ',')}" if self.seeds is not None else "")


def objectives(
    benchmark: Benchmark, metrics: Sequence[str], guide: str | None, judge: str | None
) -> tuple[Benchmark, tuple[str, ...]]:
    """What is searched, and by which metrics.

    Args:
        benchmark: A benchmark.
        metrics: The objectives; those after the first where there is a guide.
        guide: What strategies are told, or None.
        judge: What results are scored with, or None: then it is the test part of the first objective.

    Returns:
        The benchmark itself, unless there is a guide or a judge, and the objectives; the first is the validation score
        where none is named.

    Raises:
        InputError: See `guided`.
        NotFoundError: There is no such metric, or no validation score.
    """
    if guide is None and judge is None:
        return benchmark, tuple(metrics) or (benchmark.score().path,)
    if guide is None:
        guide, *metrics = metrics or [benchmark.score().path]
    made, leading = guided(benchmark, guide, judge)
    return made, (leading.path, *metrics)


def guided(benchmark: Benchmark, guide: str, judge: str | None = None) -> tuple[TabularBenchmark, Metric]:
    """A benchmark whose validation metric is what `guide` names, and whose test metric is what `judge` does.

    For tables without a validation part, such as NAS-Bench-Macro: seed 0 guides, and the mean of the others scores.
    Static metrics and the times of training stay; other metrics are left out.

    Args:
        benchmark: A table.
        guide: What a search is told, as `test_accuracy@0`: a metric, and some of its seeds.
        judge: What its result is scored with, as `test_accuracy@1,2`; nothing where None.

    Returns:
        The benchmark, of the same name, and the metric to search by.

    Raises:
        InputError: It is no table, a metric has no better direction, both differ in unit or direction, or a number
            would guide and judge.
        NotFoundError: There is no such metric.
    """
    if not isinstance(benchmark, TabularBenchmark):
        raise InputError(f"what guides and what judges is chosen from measurements, and {benchmark.name} has none")
    leading = Measured.parse(guide, benchmark)
    scoring = Measured.parse(judge, benchmark) if judge else None
    if leading.metric.direction == "none" or leading.metric.static:
        raise InputError(
            f"a search is guided by a result of training of which more or less is better, not by {leading}"
        )
    if scoring is not None:
        _check_pair(leading, scoring, benchmark)
    table = benchmark.table
    parts = {"validation": leading} | ({"test": scoring} if scoring else {})
    columns = {path: table.columns[path] for path, metric in benchmark.metrics.items() if metric.static}
    stem = leading.metric.name.removeprefix(f"{leading.metric.split}_")
    for split, measured in parts.items():
        metric = replace(measured.metric, dataset=leading.metric.dataset, name=f"{split}_{stem}", split=_subset(split))
        columns[metric.path] = _of_seeds(table, measured, metric)
    if leading.metric.cost_path in table.columns:
        columns[leading.metric.cost_path] = table.columns[leading.metric.cost_path]
    epochs = {leading.metric.dataset: table.epochs.get(leading.metric.dataset, ())}
    used = {metric.dataset for metric in (column.metric for column in columns.values())}
    epochs |= {dataset: numbers for dataset, numbers in table.epochs.items() if dataset in used}
    made = TabularBenchmark(replace(table, columns=columns, epochs=epochs), name=benchmark.name)
    return made, made.metrics[replace(leading.metric, name=f"validation_{stem}").path]


def _check_pair(leading: Measured, scoring: Measured, benchmark: Benchmark) -> None:
    one, other = leading.metric, scoring.metric
    if (one.units, one.direction) != (other.units, other.direction):
        raise InputError(
            f"{leading} is in {one.units} to {one.direction} and {scoring} in {other.units} to {other.direction}; "
            "judge by the same kind of number as guides"
        )
    every = benchmark.recorded_seeds(one.path)
    shared = {*(every if leading.seeds is None else leading.seeds)} & {
        *(every if scoring.seeds is None else scoring.seeds)
    }
    if one.path == other.path and (shared or not every):
        remedy = "choose other seeds" if len(every) > 1 else "leave the judge out: validation regret is ranked too"
        raise InputError(f"the same numbers would guide and judge, {leading} and {scoring}; {remedy}")
    if "epoch" in one.dims and one.dataset != other.dataset:
        raise InputError(f"{leading} and {scoring} are of two data sets with their own epochs; take one data set")


def _of_seeds(table: Table, measured: Measured, metric: Metric) -> Column:
    """The numbers, in which those of other seeds are missing."""
    column = table.columns[measured.metric.path]
    if measured.seeds is None:
        return Column(metric, column.values, column.missing, column.reasons)
    others = ~np.isin(table.seeds, measured.seeds)
    values, missing = column.values.copy(), column.missing.copy()
    values[:, others], missing[:, others] = np.nan, len(column.reasons) + 1
    return Column(metric, values, missing, (*column.reasons, "The seed is not among those chosen."))


def _subset(split: str) -> Subset:
    return "validation" if split == "validation" else "test"


def _listed(seeds: tuple[int, ...], separator: str = ", ") -> str:
    return separator.join(map(str, seeds))
