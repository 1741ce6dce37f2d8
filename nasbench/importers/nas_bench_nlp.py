"""NAS-Bench-NLP: a log in JSON for each training of a recurrent cell, on PTB or WikiText-2, with its losses by epoch.

The release has them in `train_logs_single_run`, `train_logs_multi_runs` and `train_logs_wikitext-2`, as folders or as
the `logs.zip` inside. Training was stopped where a loss was no number, or the program failed: a status other than OK.

How it becomes a table: cells stand in their canonical form, so that recipes that are isomorphic are repeats of one
architecture. Repeats are seeds 0, 1, ... in the order of the paths and of the names of files: the source does not tell
seeds. The authors' generator gives the smallest cells a hundred times among 14,000, under other names of their nodes,
and a table has room for as many repeats of each cell as of any; so more than `repeats` are left out, and counted.

What `data` names (`data/ptb`) is the data set. Losses are in nats for a word; perplexity is their exponential.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import DIMS, Column, Table
from nasbench.errors import FileError, InputError
from nasbench.importers.base import Importer
from nasbench.importers.formats.documents import Document, documents
from nasbench.importers.formats.json import finite, parse_json
from nasbench.importers.tabulate import occurrence, table_rows, used_reasons
from nasbench.provenance import provenance
from nasbench.spaces.nlp import NLP
from nasbench.types import FloatArray, GenotypeArray, IntArray, Subset

LOG = re.compile(r"log_stats_model_.{1,200}\.json")
FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,40}")
LOSSES: dict[str, tuple[str, Subset]] = {
    "train_losses": ("train_loss", "train"),
    "val_losses": ("validation_loss", "validation"),
    "test_losses": ("test_loss", "test"),
}
"""By name in the source: our name, and the split."""
SETTINGS = (
    *("epochs", "batch_size", "eval_batch_size", "bptt", "lr", "wdecay", "clip", "alpha", "beta"),
    *("emsize", "nhid", "nlayers", "tied", "dropout", "dropouth", "dropouti", "dropoute", "wdrop"),
)
"""What a training and its network are set by."""
MOST_EPOCHS = 2_000
MOST_STATUSES = 200
LARGEST_SETTING = 1e9
FINE = "OK"
NO_TRAINING, NO_NUMBER, FIRST_STATUS = 1, 2, 3
REASONS = ("the source has no such training", "the loss is no finite number")


class Training(NamedTuple):
    """What one log says.

    Attributes:
        dataset: What it was trained on.
        genotype: The cell.
        losses: By the names of the source: after each epoch; NaN where it is not a number.
        seconds: Of training, for each epoch.
        parameters: Of the whole network.
        status: How it ended.
        settings: The values of `SETTINGS` that it names.
    """

    dataset: str
    genotype: GenotypeArray
    losses: Mapping[str, FloatArray]
    seconds: FloatArray
    parameters: float
    status: str
    settings: Mapping[str, Any]


class NASBenchNLP(Importer):
    """Folders or zip archives of `log_stats_model_*.json`.

    Args:
        dataset: Names of the data sets to read, as `ptb` and `wikitext-2`. All if not given.
        repeats: Most trainings of a cell on a data set that are kept.
        lenient: Skip logs that cannot be read, or whose recipe is not a cell of `nlp`, and count them.
    """

    name = "nas-bench-nlp"
    paper = "Klyuchnikov et al. (2020), NAS-Bench-NLP, arXiv:2006.07116; github.com/fmsnew/nas-bench-nlp-release"

    def __init__(self, dataset: str | Sequence[str] = (), repeats: int = 10, lenient: bool = False) -> None:
        self.dataset = tuple(dataset.split(",")) if isinstance(dataset, str) else tuple(dataset)
        self.repeats, self.lenient = repeats, lenient
        if type(repeats) is not int or repeats < 1:
            raise InputError(f"repeats is a number from 1, got {repeats!r}")

    def read(self, paths: Sequence[Path]) -> Table:
        """The table in these folders and archives."""
        if not paths:
            raise InputError("expected folders or archives of log_stats_model_*.json, got no path")
        space, skipped = NLP(), Counter[str]()
        trainings = self._trainings(space, paths, skipped)
        genotypes = space.canonical(np.array([one.genotype for one in trainings]))
        rows, first = table_rows(space, genotypes)
        datasets, number = np.unique([one.dataset for one in trainings], return_inverse=True)
        repeats = occurrence(rows * len(datasets) + number)
        kept = repeats < self.repeats
        if not kept.all():
            skipped["further repeats"] = int((~kept).sum())
        columns, epochs, recipe = {}, {}, {}
        seeds = int(repeats[kept].max()) + 1
        for at, dataset in enumerate(datasets.tolist()):
            own = np.flatnonzero(kept & (number == at))
            part = [trainings[row] for row in own]
            length = max(len(one.seconds) for one in part)
            if not length:
                raise FileError(f"no training on {dataset} finished an epoch")
            shape = (len(first), seeds, length)
            epochs[dataset] = tuple(range(1, length + 1))
            for column in _columns(dataset, part, rows[own], repeats[own], shape):
                columns[column.metric.path] = column
            recipe[dataset] = _settings(part)
        facts: dict[str, Any] = {"rows": len(rows), "architectures": len(first), "skipped": dict(skipped)}
        facts["statuses"] = dict(Counter(one.status for one in trainings).most_common(MOST_STATUSES))
        return Table(
            space=space,
            genotypes=genotypes[first],
            seeds=tuple(range(seeds)),
            epochs=epochs,
            columns=columns,
            recipe={"training": recipe, "source": self.source([Path(path) for path in paths], **facts)},
            provenance=provenance(),
        )

    def _trainings(self, space: NLP, paths: Sequence[Path], skipped: Counter[str]) -> list[Training]:
        """The trainings on the wanted data sets, in order of the paths and of the names of files."""
        trainings, seen = [], set[str]()
        for path in paths:
            found = {}
            for document in documents(Path(path), LOG):
                name = document.name.rpartition("/")[2]
                if name in seen:
                    raise FileError(f"{path}: there is a second file {name}; name each log once")
                seen.add(name)
                try:
                    training = _training(space, document)
                except (FileError, InputError) as error:
                    if not self.lenient:
                        raise
                    skipped["cannot be read" if isinstance(error, FileError) else "no cell of nlp"] += 1
                    continue
                if self.dataset and training.dataset not in self.dataset:
                    skipped[f"on {training.dataset}"] += 1
                else:
                    found[name] = training
            trainings += [found[name] for name in sorted(found)]
        if not trainings:
            raise FileError(
                f"found no training on {', '.join(self.dataset) or 'any data set'}; skipped {dict(skipped)}"
            )
        return trainings


# --- logs -----------------------------------------------------------------------------------------------------------


def _training(space: NLP, document: Document) -> Training:
    """What a log says.

    Raises:
        FileError: It is not a log.
        InputError: Its recipe is not a cell of the space.
    """
    log = parse_json(document.content, document.name)
    recipe, data, status = (log.get(key) if isinstance(log, dict) else None for key in ("recepie", "data", "status"))
    if not (isinstance(recipe, str) and isinstance(data, str) and isinstance(status, str)):
        raise FileError(f"{document.name} is not an object with texts 'recepie', 'data' and 'status'")
    dataset = data.replace("\\", "/").rstrip("/").rpartition("/")[2]
    if FOLDER.fullmatch(dataset) is None:
        raise FileError(f"{document.name}: data is {data[:40]!r}, expected the folder of a data set")
    losses = {name: _curve(document, log, name) for name in LOSSES}
    seconds = _curve(document, log, "wall_times")
    if np.isnan(seconds).any() or len({len(seconds), *map(len, losses.values())}) > 1:
        raise FileError(f"{document.name}: losses and wall_times are not of one length, or a time is not a number")
    (parameters,) = finite([log.get("num_params")], f"{document.name}: num_params")
    if not parameters >= 0:
        raise FileError(f"{document.name}: num_params is {parameters}, expected a count")
    try:
        genotype = space.genotype(recipe)
    except InputError as error:
        raise InputError(f"{document.name}: {error}") from error
    settings = {name: log[name] for name in SETTINGS if type(log.get(name)) in (int, float, bool)}
    settings = {name: value for name, value in settings.items() if abs(value) < LARGEST_SETTING}  # and is a number
    return Training(dataset, genotype, losses, seconds, float(parameters), " ".join(status.split())[:80], settings)


def _curve(document: Document, log: Mapping[str, Any], name: str) -> FloatArray:
    """Numbers by epoch, NaN where one is not finite."""
    numbers = log.get(name)
    if not isinstance(numbers, list) or len(numbers) > MOST_EPOCHS:
        raise FileError(f"{document.name} has no list {name!r}, or one of more than {MOST_EPOCHS:,} epochs")
    values = finite(numbers, f"{document.name}: {name}")
    if (values < 0).any():
        raise FileError(f"{document.name}: {name} has {values[values < 0][0]}, expected no number below 0")
    return values


def _settings(trainings: Sequence[Training]) -> dict[str, Any]:
    """The settings that all share, and of the others how many values there are."""
    shared: dict[str, Any] = {}
    varying: dict[str, int] = {}
    for name in SETTINGS:
        values = {one.settings.get(name) for one in trainings}
        if len(values) > 1:
            varying[name] = len(values)
        elif values != {None}:
            (shared[name],) = values
    return {**shared, "varying": varying}


# --- columns --------------------------------------------------------------------------------------------------------


def _columns(
    dataset: str, trainings: Sequence[Training], rows: IntArray, repeats: IntArray, shape: tuple[int, int, int]
) -> list[Column]:
    """Losses and seconds by seed and epoch, parameters by seed, of the trainings on one data set."""
    statuses = [status for status, _ in Counter(one.status for one in trainings).most_common(MOST_STATUSES)]
    told = ["the training was over" if status == FINE else f"the training had failed: {status}" for status in statuses]
    reasons = (*REASONS, *told, "the training had failed")
    ends = [
        FIRST_STATUS + (statuses.index(s) if s in statuses else len(statuses)) for s in (t.status for t in trainings)
    ]
    columns = []
    for source, (name, split) in LOSSES.items():
        what = f"Cross-entropy of a word of the {split} text, after the epoch."
        metric = Metric(dataset, name, split, "nats", "minimise", DIMS, what)
        curves = [one.losses[source] for one in trainings]
        columns.append(_by_epoch(metric, curves, ends, rows, repeats, shape, reasons))
    what = "Seconds of training up to and including the epoch; of a training that has failed, until it had."
    metric = Metric(dataset, "train_seconds", "none", "seconds", "minimise", DIMS, what)
    seconds = [np.cumsum(one.seconds) for one in trainings]
    for at, one in enumerate(trainings):
        if one.status != FINE and len(seconds[at]):
            seconds[at] = np.pad(seconds[at], (0, shape[2] - len(seconds[at])), mode="edge")
    columns.append(_by_epoch(metric, seconds, ends, rows, repeats, shape, reasons))
    metric = Metric(dataset, "parameters", "none", "count", "minimise", DIMS[:2], "Of the whole language model.")
    values, missing = np.full(shape[:2], np.nan), np.full(shape[:2], NO_TRAINING, dtype=np.uint8)
    values[rows, repeats], missing[rows, repeats] = [one.parameters for one in trainings], 0
    columns.append(Column(metric, values, *used_reasons(missing, reasons)))
    return columns


def _by_epoch(
    metric: Metric,
    curves: Sequence[FloatArray],
    ends: Sequence[int],
    rows: IntArray,
    repeats: IntArray,
    shape: tuple[int, int, int],
    reasons: tuple[str, ...],
) -> Column:
    """The column of curves of any lengths; what is missing after the end of each has the reason `ends`."""
    values = np.full(shape, np.nan)
    missing: npt.NDArray[np.uint8] = np.full(shape, NO_TRAINING, dtype=np.uint8)
    for curve, end, row, repeat in zip(curves, ends, rows, repeats, strict=True):
        values[row, repeat, : len(curve)] = curve
        missing[row, repeat] = np.where(np.arange(shape[2]) < len(curve), 0, end)
        missing[row, repeat, : len(curve)] = np.where(np.isnan(curve), NO_NUMBER, 0)
    return Column(metric, values, *used_reasons(missing, reasons))
