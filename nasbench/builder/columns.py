"""From what was measured to a table, and back again where a table is to be extended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import Column, Table
from nasbench.builder.ledger import TRAINING, Key
from nasbench.measures.base import MEASURES, Measure, Measurement, measure
from nasbench.provenance import provenance
from nasbench.spaces import Space
from nasbench.tasks import Task
from nasbench.training.loop import SPLITS
from nasbench.types import GenotypeArray, Subset

NOT_TRAINED, NOT_MEASURED = "not trained", "not measured"
MOST_REASONS = 255


def curve_name(dataset: str, epochs: int) -> str:
    """What the curves of one of several schedules are filed under: `digits@12`."""
    return f"{dataset}@{epochs}"


def assemble(
    space: Space,
    genotypes: GenotypeArray,
    seeds: int,
    metrics: Mapping[str, Sequence[Metric]],
    outcomes: Mapping[Key, Measurement],
    recipe: Mapping[str, Any],
) -> Table:
    """The table of all outcomes of some architectures.

    With one schedule its curve is filed under the name of the data set. With several, the last epoch of each is, as in
    NAS-Bench-101 (Ying et al., 2019), and each curve under `curve_name`.

    Args:
        space: The search space.
        genotypes: The architectures, in order; shape `(n, d)`.
        seeds: Number of training seeds.
        metrics: By name of the data set, what its curves are of; see `curve_metrics`.
        outcomes: What was measured; of other architectures, it is left out.
        recipe: How.
    """
    row = {genotype.tobytes(): index for index, genotype in enumerate(genotypes)}
    columns: list[Column] = []
    epochs: dict[str, tuple[int, ...]] = {}
    for dataset, kinds in metrics.items():
        theirs = [key for key in outcomes if key.dataset == dataset and key.genotype in row]
        here = {key: outcomes[key] for key in sorted(theirs, key=lambda key: (row[key.genotype], key))}
        lengths = sorted({key.epochs for key in here if key.what == TRAINING})
        work: dict[tuple[str, int], dict[tuple[int, ...], Measurement]] = {}
        for key, outcome in here.items():
            place = (row[key.genotype], key.seed) if key.epochs else (row[key.genotype],)
            work.setdefault((key.what, key.epochs), {})[place] = outcome
        for (what, length), found in work.items():
            name = curve_name(dataset, length) if length and len(lengths) > 1 else dataset
            shape = (len(genotypes), seeds) if length else (len(genotypes),)
            if what == TRAINING:
                epochs[name] = tuple(range(1, length + 1))
                named = [replace(kind, dataset=name, resumable=True) for kind in kinds]
                columns += _columns(named, found.items(), (*shape, length), NOT_TRAINED)
            else:
                columns += _columns(measured_metrics(name, measure(what)), found.items(), shape, NOT_MEASURED)
        if len(lengths) > 1:
            epochs[dataset] = tuple(lengths)
            ends = (
                ((*place, position), Measurement(None if values is None else values[:, -1], reason))
                for position, length in enumerate(lengths)
                for place, (values, reason) in work[TRAINING, length].items()
            )
            apart = [replace(kind, resumable=False) for kind in kinds]
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


def recover(table: Table) -> dict[Key, Measurement]:
    """The outcomes that `assemble` made a table of."""
    found: dict[Key, Measurement] = {}
    rows = [genotype.tobytes() for genotype in table.genotypes]
    for dataset, kinds in recorded_metrics(table).items():
        for name in [name for name in table.epochs if name.startswith(f"{dataset}@")] or [dataset]:
            length = table.epochs[name][-1]
            work = {TRAINING: [f"{name}/{kind.name}" for kind in kinds]}
            work |= {what: _paths(name, what) for what in MEASURES if MEASURES[what].trained}
            for what, paths in work.items():
                for (row, seed), outcome in _outcomes(table, paths):
                    found[Key(what, dataset, length, seed, rows[row])] = outcome
        for what in MEASURES:
            if not MEASURES[what].trained:
                for (row,), outcome in _outcomes(table, _paths(dataset, what)):
                    found[Key(what, dataset, 0, 0, rows[row])] = outcome
    return found


def _paths(dataset: str, what: str) -> list[str]:
    return [metric.path for metric in measured_metrics(dataset, measure(what))]


def _outcomes(table: Table, paths: Sequence[str]) -> Iterator[tuple[tuple[int, ...], Measurement]]:
    """What columns of one shape hold, by architecture, and seed if any; none where a column is not there."""
    if not all(path in table.columns for path in paths):
        return
    columns = [table.columns[path] for path in paths]
    axis = len([dim for dim in columns[0].metric.dims if dim != "epoch"])
    values = np.stack([column.values for column in columns], axis=axis)
    reasons: dict[tuple[int, ...], str] = {}
    for column in columns:
        for at in map(tuple, np.argwhere(column.missing).tolist()):
            reasons.setdefault(at[:axis], column.reasons[column.missing[at] - 1])
    for place in np.ndindex(*values.shape[:axis]):
        reason = reasons.get(place)
        if reason not in (NOT_TRAINED, NOT_MEASURED):
            yield place, Measurement(None if np.isnan(values[place]).all() else values[place], reason)


def recorded_metrics(table: Table) -> dict[str, list[Metric]]:
    """By name of the data set, what the curves of a table are of, in the order of `curve_metrics`."""
    found: dict[str, list[Metric]] = {}
    for column in table.columns.values():
        metric = column.metric
        if "epoch" in metric.dims and "@" not in metric.dataset:
            found.setdefault(metric.dataset, []).append(metric)
    order = [*SPLITS, "none"]
    return {
        dataset: sorted(kinds, key=lambda kind: (order.index(kind.split), kind.name.endswith("_loss")))
        for dataset, kinds in found.items()
    }


def _columns(
    metrics: Sequence[Metric],
    outcomes: Iterable[tuple[tuple[int, ...], Measurement]],
    shape: tuple[int, ...],
    otherwise: str,
) -> Iterator[Column]:
    """One column of a shape for each metric, from outcomes by their leading indices, with values `(metrics, ...)`.

    `otherwise` is why there is no number where there is no outcome.
    """
    values = np.full((*shape, len(metrics)), np.nan)
    missing = np.ones(values.shape, dtype=np.uint8)
    reasons = [otherwise]
    for index, (measured, reason) in outcomes:
        if measured is not None:
            values[index] = measured.T
        missing[index] = 0
        if reason is not None:
            if reason not in reasons and len(reasons) >= MOST_REASONS - 1:
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
    """What is measured after each epoch, in the order of `nasbench.training.loop.curves`."""
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
    """What a measure finds, in its order."""
    dims = ("architecture", "seed") if measure.trained else ("architecture",)
    return [
        Metric(dataset, name, split, units, direction, dims, description)
        for name, units, direction, description, split in measure.quantities
    ]
