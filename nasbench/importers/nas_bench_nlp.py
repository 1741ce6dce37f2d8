"""NAS-Bench-NLP: a JSON log for each training of a recurrent cell on PTB or WikiText-2, with losses by epoch.

The release has the logs in `train_logs_single_run`, `train_logs_multi_runs` and `train_logs_wikitext-2`, as folders or
as the `logs.zip` inside. Training stopped when a loss was not a number or the program failed: a status other than OK.

Table: cells have their canonical form, so that isomorphic recipes are repeats of one architecture. Repeats are seeds 0,
1, ... in the order of paths and file names: the source does not record seeds. The authors' generator draws the smallest
cells a hundred times among 14,000, with other names of nodes, and a table has room for the same number of repeats of
every cell; so repeats beyond `repeats` are left out, and counted.

The data set is the last part of `data` (`data/ptb`). Losses are in nats per word; perplexity is their exponential.
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
from nasbench.importers.base import Importer, names_in
from nasbench.importers.formats.documents import Document, documents
from nasbench.importers.formats.json import finite, parse_json
from nasbench.importers.tabulate import occurrence, table_rows, used_reasons
from nasbench.printable import brief
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
"""Our name and the split, by name in the source."""
SETTINGS = (
    *("epochs", "batch_size", "eval_batch_size", "bptt", "lr", "wdecay", "clip", "alpha", "beta"),
    *("emsize", "nhid", "nlayers", "tied", "dropout", "dropouth", "dropouti", "dropoute", "wdrop"),
)
"""Hyperparameters of a training and its network."""
MAX_EPOCHS = 2_000
MAX_STATUSES = 200
MAX_SETTING = 1e9
SUCCESS = "OK"
NO_TRAINING, NO_NUMBER, FIRST_STATUS = 1, 2, 3
REASONS = ("the source has no such training", "the loss is no finite number")


class Training(NamedTuple):
    """The content of one log.

    Attributes:
        dataset: Data set of the training.
        genotype: The cell.
        losses: Losses after each epoch by name in the source, NaN where not a number.
        seconds: Seconds of training in each epoch.
        parameters: Parameters of the whole network.
        status: Status at the end.
        settings: Values of `SETTINGS`, if present.
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
        dataset: Names of the data sets to read, such as `ptb,wikitext-2`; all by default.
        repeats: Maximum of trainings of one cell on one data set.
        lenient: Skip and count unreadable logs, and recipes that are not cells of `nlp`.
    """

    name = "nas-bench-nlp"
    paper = "Klyuchnikov et al. (2020), NAS-Bench-NLP, arXiv:2006.07116; github.com/fmsnew/nas-bench-nlp-release"

    def __init__(self, dataset: str | Sequence[str] = (), repeats: int = 10, lenient: bool = False) -> None:
        self.dataset = names_in(dataset)
        self.repeats, self.lenient = repeats, lenient
        if type(repeats) is not int or repeats < 1:
            raise InputError(f"repeats is a number from 1, got {repeats!r}")

    def read(self, paths: Sequence[Path]) -> Table:
        """The table in these folders and archives."""
        if not paths:
            raise InputError("expected folders or archives of log_stats_model_*.json, got no path")
        space, skipped = NLP(), Counter[str]()
        trainings = self._trainings(space, paths, skipped)
        genotypes = space.canonical(np.array([training.genotype for training in trainings]))
        rows, first = table_rows(space, genotypes)
        datasets, number = np.unique([training.dataset for training in trainings], return_inverse=True)
        repeats = occurrence(rows * len(datasets) + number)
        selected = repeats < self.repeats
        if not selected.all():
            skipped["further repeats"] = int((~selected).sum())
        columns, epochs, recipe = {}, {}, {}
        seeds = int(repeats[selected].max()) + 1
        for at, dataset in enumerate(datasets.tolist()):
            matching = np.flatnonzero(selected & (number == at))
            on_dataset = [trainings[row] for row in matching]
            length = max(len(training.seconds) for training in on_dataset)
            if not length:
                raise FileError(f"no training on {dataset} finished an epoch")
            shape = (len(first), seeds, length)
            epochs[dataset] = tuple(range(1, length + 1))
            for column in _columns(dataset, on_dataset, rows[matching], repeats[matching], shape):
                columns[column.metric.path] = column
            recipe[dataset] = _settings(on_dataset)
        facts: dict[str, Any] = {"rows": len(rows), "architectures": len(first), "skipped": dict(skipped)}
        facts["statuses"] = dict(Counter(training.status for training in trainings).most_common(MAX_STATUSES))
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
        """The trainings on the wanted data sets, in the order of paths and file names."""
        trainings, seen = [], set[str]()
        for path in paths:
            by_name = {}
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
                    by_name[name] = training
            trainings += [by_name[name] for name in sorted(by_name)]
        if not trainings:
            raise FileError(
                f"found no training on {', '.join(self.dataset) or 'any data set'}; skipped {dict(skipped)}"
            )
        return trainings


# --- logs -----------------------------------------------------------------------------------------------------------


def _training(space: NLP, document: Document) -> Training:
    """The content of a log.

    Raises:
        FileError: The document is not a log.
        InputError: The recipe is not a cell of the space.
    """
    log = parse_json(document.content, document.name)
    recipe, data, status = (log.get(key) if isinstance(log, dict) else None for key in ("recepie", "data", "status"))
    if not (isinstance(recipe, str) and isinstance(data, str) and isinstance(status, str)):
        raise FileError(f"{document.name} is not an object with texts 'recepie', 'data' and 'status'")
    dataset = data.replace("\\", "/").rstrip("/").rpartition("/")[2]
    if FOLDER.fullmatch(dataset) is None:
        raise FileError(f"{document.name}: data is {brief(data)}, expected the folder of a data set")
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
    settings = {name: value for name, value in settings.items() if abs(value) < MAX_SETTING}  # and is a number
    return Training(dataset, genotype, losses, seconds, float(parameters), " ".join(status.split())[:80], settings)


def _curve(document: Document, log: Mapping[str, Any], name: str) -> FloatArray:
    """Numbers by epoch, NaN where not finite."""
    numbers = log.get(name)
    if not isinstance(numbers, list) or len(numbers) > MAX_EPOCHS:
        raise FileError(f"{document.name} has no list {name!r}, or one of more than {MAX_EPOCHS:,} epochs")
    values = finite(numbers, f"{document.name}: {name}")
    if (values < 0).any():
        raise FileError(f"{document.name}: {name} has {values[values < 0][0]}, expected no number below 0")
    return values


def _settings(trainings: Sequence[Training]) -> dict[str, Any]:
    """Settings that all trainings share, and the number of values of the others."""
    shared: dict[str, Any] = {}
    varying: dict[str, int] = {}
    for name in SETTINGS:
        values = {training.settings.get(name) for training in trainings}
        if len(values) > 1:
            varying[name] = len(values)
        elif values != {None}:
            (shared[name],) = values
    return {**shared, "varying": varying}


# --- columns --------------------------------------------------------------------------------------------------------


def _columns(
    dataset: str, trainings: Sequence[Training], rows: IntArray, repeats: IntArray, shape: tuple[int, int, int]
) -> list[Column]:
    """Columns of one data set: losses and seconds by seed and epoch, parameters by seed."""
    statuses = [status for status, _ in Counter(each.status for each in trainings).most_common(MAX_STATUSES)]
    causes = [
        "the training was over" if status == SUCCESS else f"the training had failed: {status}" for status in statuses
    ]
    reasons = (*REASONS, *causes, "the training had failed")
    ends = [
        FIRST_STATUS + (statuses.index(each.status) if each.status in statuses else len(statuses)) for each in trainings
    ]
    columns = []
    for source, (name, split) in LOSSES.items():
        about = f"Cross-entropy of a word of the {split} text, after the epoch."
        metric = Metric(dataset, name, split, "nats", "minimise", DIMS, about)
        curves = [training.losses[source] for training in trainings]
        columns.append(_by_epoch(metric, curves, ends, rows, repeats, shape, reasons))
    about = "Seconds of training up to and including the epoch; of a training that has failed, until it had."
    metric = Metric(dataset, "train_seconds", "none", "seconds", "minimise", DIMS, about)
    seconds = [np.cumsum(training.seconds) for training in trainings]
    for at, training in enumerate(trainings):
        if training.status != SUCCESS and len(seconds[at]):
            seconds[at] = np.pad(seconds[at], (0, shape[2] - len(seconds[at])), mode="edge")
    columns.append(_by_epoch(metric, seconds, ends, rows, repeats, shape, reasons))
    metric = Metric(dataset, "parameters", "none", "count", "minimise", DIMS[:2], "Of the whole language model.")
    values, missing = np.full(shape[:2], np.nan), np.full(shape[:2], NO_TRAINING, dtype=np.uint8)
    values[rows, repeats], missing[rows, repeats] = [training.parameters for training in trainings], 0
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
    """The column of curves of different lengths; `ends` are the reasons after the end of each."""
    values = np.full(shape, np.nan)
    missing: npt.NDArray[np.uint8] = np.full(shape, NO_TRAINING, dtype=np.uint8)
    for curve, end, row, repeat in zip(curves, ends, rows, repeats, strict=True):
        values[row, repeat, : len(curve)] = curve
        missing[row, repeat] = np.where(np.arange(shape[2]) < len(curve), 0, end)
        missing[row, repeat, : len(curve)] = np.where(np.isnan(curve), NO_NUMBER, 0)
    return Column(metric, values, *used_reasons(missing, reasons))
