"""Conversion of measurements to the columns of a table, and back to extend a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import Column, Table
from nasbench.builder.ledger import TRAINING, Key
from nasbench.datasets.base import SPLITS
from nasbench.measures import Measure, Measurement, measures
from nasbench.provenance import provenance
from nasbench.spaces import Space
from nasbench.tasks import Task
from nasbench.types import GenotypeArray, Subset

NOT_TRAINED, NOT_MEASURED = "not trained", "not measured"
MAX_REASONS = 255
"""Reasons per column, limited by the codes of one byte."""


def curve_name(dataset: str, epochs: int) -> str:
    """Name under which the curves of one of several schedules are stored: `digits@12`."""
    return f"{dataset}@{epochs}"


def assemble(
    space: Space,
    genotypes: GenotypeArray,
    seeds: int,
    metrics: Mapping[str, Sequence[Metric]],
    outcomes: Mapping[Key, Measurement],
    recipe: Mapping[str, Any],
) -> Table:
    """The table of all outcomes of given architectures.

    The curve of a single schedule is stored under the name of the data set. With several schedules, that name holds the
    last epoch of each, as in NAS-Bench-101 (Ying et al., 2019), and `curve_name` holds each curve.

    Args:
        space: The search space.
        genotypes: The architectures, in order; shape `(n, d)`.
        seeds: Number of training seeds.
        metrics: Metrics of the curves by name of the data set; see `curve_metrics`.
        outcomes: Measurements; those of other architectures are ignored.
        recipe: Recipe of the table, as JSON values.
    """
    row = {genotype.tobytes(): index for index, genotype in enumerate(genotypes)}
    columns: list[Column] = []
    epochs: dict[str, tuple[int, ...]] = {}
    for dataset, curves in metrics.items():
        keys = [key for key in outcomes if key.dataset == dataset and key.genotype in row]
        keys.sort(key=lambda key: (row[key.genotype], key))
        lengths = sorted({key.epochs for key in keys if key.kind == TRAINING})
        work: dict[tuple[str, int], dict[tuple[int, ...], Measurement]] = {}
        for key in keys:
            index = (row[key.genotype], key.seed) if key.epochs else (row[key.genotype],)
            work.setdefault((key.kind, key.epochs), {})[index] = outcomes[key]
        for (kind, length), measured in work.items():
            name = curve_name(dataset, length) if length and len(lengths) > 1 else dataset
            shape = (len(genotypes), seeds) if length else (len(genotypes),)
            if kind == TRAINING:
                epochs[name] = tuple(range(1, length + 1))
                named = [replace(metric, dataset=name, resumable=True) for metric in curves]
                columns += _columns(named, measured.items(), (*shape, length), NOT_TRAINED)
            else:
                columns += _columns(
                    measured_metrics(name, measures.create(kind)), measured.items(), shape, NOT_MEASURED
                )
        if len(lengths) > 1:
            epochs[dataset] = tuple(lengths)
            ends = (
                ((*index, position), Measurement(None if values is None else values[:, -1], reason))
                for position, length in enumerate(lengths)
                for index, (values, reason) in work[TRAINING, length].items()
            )
            apart = [replace(metric, resumable=False) for metric in curves]
            columns += _columns(apart, ends, (len(genotypes), seeds, len(lengths)), NOT_TRAINED)
    return Table(
        space=space,
        genotypes=genotypes,
        seeds=tuple(range(seeds)),
        epochs=epochs,
        columns={column.metric.path: column for column in columns},
        recipe=recipe,
        provenance=provenance(),
    )


def recover(table: Table, own: Iterable[str] = ()) -> dict[Key, Measurement]:
    """Inverse of `assemble`: the outcomes in a table, including `own` measures outside the registry."""
    outcomes: dict[Key, Measurement] = {}
    rows = [genotype.tobytes() for genotype in table.genotypes]
    measured = {kind: measures.create(kind) for kind in measures.expand([*measures, *own])}
    for dataset, curves in recorded_metrics(table).items():
        for name in [name for name in table.epochs if name.startswith(f"{dataset}@")] or [dataset]:
            length = table.epochs[name][-1]
            work = {TRAINING: [f"{name}/{metric.name}" for metric in curves]}
            work |= {kind: _paths(name, measure) for kind, measure in measured.items() if measure.trained}
            for kind, paths in work.items():
                for (row, seed), outcome in _outcomes(table, paths):
                    outcomes[Key(kind, dataset, length, seed, rows[row])] = outcome
        for kind, measure in measured.items():
            if not measure.trained:
                for (row,), outcome in _outcomes(table, _paths(dataset, measure)):
                    outcomes[Key(kind, dataset, 0, 0, rows[row])] = outcome
    return outcomes


def _paths(dataset: str, measure: Measure) -> list[str]:
    return [metric.path for metric in measured_metrics(dataset, measure)]


def _outcomes(table: Table, paths: Sequence[str]) -> Iterator[tuple[tuple[int, ...], Measurement]]:
    """Outcomes in columns of one shape, by architecture and seed (if any); none if a column is missing."""
    if not all(path in table.columns for path in paths):
        return
    columns = [table.columns[path] for path in paths]
    axis = len([dim for dim in columns[0].metric.dims if dim != "epoch"])
    values = np.stack([column.values for column in columns], axis=axis)
    reasons: dict[tuple[int, ...], str] = {}
    for column in columns:
        for cell in map(tuple, np.argwhere(column.missing).tolist()):
            reasons.setdefault(cell[:axis], column.reasons[column.missing[cell] - 1])
    for index in np.ndindex(*values.shape[:axis]):
        reason = reasons.get(index)
        if reason not in (NOT_TRAINED, NOT_MEASURED):
            yield index, Measurement(None if np.isnan(values[index]).all() else values[index], reason)


def recorded_metrics(table: Table) -> dict[str, list[Metric]]:
    """Metrics of the curves of a table by data set, in the order of `curve_metrics`."""
    curves: dict[str, list[Metric]] = {}
    for column in table.columns.values():
        metric = column.metric
        if "epoch" in metric.dims and "@" not in metric.dataset:
            curves.setdefault(metric.dataset, []).append(metric)
    order = [*SPLITS, "none"]
    return {
        dataset: sorted(metrics, key=lambda metric: (order.index(metric.split), metric.name.endswith("_loss")))
        for dataset, metrics in curves.items()
    }


def _columns(
    metrics: Sequence[Metric],
    outcomes: Iterable[tuple[tuple[int, ...], Measurement]],
    shape: tuple[int, ...],
    otherwise: str,
) -> Iterator[Column]:
    """A column for each metric.

    Args:
        metrics: Metrics of the columns.
        outcomes: Leading indices into a column, with the outcome at that place, of values `(metrics, ...)`.
        shape: Shape of each column.
        otherwise: Reason for missing numbers where there is no outcome.
    """
    values = np.full((*shape, len(metrics)), np.nan)
    missing = np.ones(values.shape, dtype=np.uint8)
    reasons = [otherwise]
    for index, (measured, reason) in outcomes:
        if measured is not None:
            values[index] = measured.T
        missing[index] = 0
        if reason is not None:
            if reason not in reasons and len(reasons) >= MAX_REASONS - 1:
                reason = "failed or diverged, for one reason more than fit here"
            if reason not in reasons:
                reasons.append(reason)
            missing[index] = np.where(np.isnan(values[index]), 1 + reasons.index(reason), 0)
    if not (missing == 1).any():
        reasons = reasons[1:]
        missing[missing > 1] -= 1
    for position, metric in enumerate(metrics):
        yield Column(metric, values[..., position].copy(), missing[..., position].copy(), tuple(reasons))


def curve_metrics(dataset: str, task: Task) -> list[Metric]:
    """Metrics recorded after each epoch, in the order of `nasbench.training.history.curve_names`."""
    dims = ("architecture", "seed", "epoch")
    splits: tuple[tuple[Subset, str], ...] = (
        ("train", "running over the batches of the epoch"),
        ("validation", "after the epoch"),
        ("test", "after the epoch"),
    )
    metrics = []
    for split, when in splits:
        scored, lost = f"{task.scored}, {when}.", f"{task.lost}, {when}."
        metrics.append(Metric(dataset, f"{split}_{task.score}", split, "percent", "maximise", dims, scored))
        metrics.append(Metric(dataset, f"{split}_loss", split, task.loss_units, "minimise", dims, lost))
    seconds = (
        "Training time up to the end of the epoch, of one network by itself, without evaluation: wall clock on CUDA, "
        "processor on the CPU. Of networks trained side by side, from steps of each that are timed by themselves."
    )
    return [*metrics, Metric(dataset, "train_seconds", "none", "seconds", "minimise", dims, seconds)]


def measured_metrics(dataset: str, measure: Measure) -> list[Metric]:
    """Metrics of a measure, in order."""
    dims = ("architecture", "seed") if measure.trained else ("architecture",)
    return [
        Metric(dataset, name, split, units, direction, dims, description)
        for name, units, direction, description, split in measure.quantities
    ]
