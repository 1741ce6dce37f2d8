"""NATS-Bench: a published folder with one pickle for each architecture, or one pickle of all.

Table: each schedule (hp 12 and 200 of the topology space; 01, 12 and 90 of the size space) is a training of its own,
with a learning rate that falls to 0 by its end. So each pair of data set and schedule is a data set of the table,
`cifar10@200`, with epochs 1 to 200; if only one schedule is read, `cifar10`. The axis of seeds has every seed that
occurs; the trained seeds differ by architecture, data set and schedule, and the others are missing.

Splits: `x-valid` is validation, `x-test` is test. `ori-test` is the test set of CIFAR-10 for `cifar10` and
`cifar10-valid`, but the validation and test halves together for `cifar100` and `ImageNet16-120`; there it becomes
`validation_and_test_accuracy`, without a split. `cifar10` was also trained on its validation part, so it has none. With
200 epochs, `x-valid` and `x-test` of `cifar100` and `ImageNet16-120` and `ori-test` of `cifar10-valid` are recorded
only at the last epoch; the other epochs are missing.

Memory: architectures are read one at a time into preallocated arrays of float64. The whole topology space takes 15,625
architectures x 4 seeds x 200 epochs x 9 bytes = 113 MB for each of 30 columns, 3.4 GB; if that is too much, read one
schedule or some data sets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import DIMS, Column, Table
from nasbench.errors import FileError, InputError
from nasbench.importers.base import Importer, names_in, one_path
from nasbench.importers.formats.pickle import read as read_pickle
from nasbench.importers.tabulate import used_reasons
from nasbench.printable import brief
from nasbench.provenance import provenance
from nasbench.spaces import spaces
from nasbench.spaces.base import Space
from nasbench.types import Direction, FloatArray, Subset

MAX_ARCHITECTURES = 32_768
"""Number of architectures in the size space, the larger one."""
SEEDS = (111, 777, 888, 999)
DATASETS = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
SCHEDULES = {"01": 1, "12": 12, "90": 90, "200": 200}
"""Epochs by `hp` of the source."""
OLD_SCHEDULES = {"less": "12", "full": "200"}
"""`hp` by the name of the schedule in NAS-Bench-201."""
MIXED = "validation_and_test"
NOT_TRAINED, NOT_RECORDED, NOT_FINITE = range(1, 4)
REASONS = (
    "the source has no training with this seed",
    "the source does not record it at this epoch",
    "the source has no finite number",
)
FILE = re.compile(r"(\d{6})(-FULL)?\.(pickle\.pbz2|pickle|pth)")


class Entry(NamedTuple):
    """The records of one architecture by schedule."""

    place: str
    number: int
    schedules: Mapping[str, Any]


class NATSBench(Importer):
    """`NATS-tss-v1_0-*-simple`, `NATS-sss-v1_0-*-simple`, or a file with all of their architectures.

    Args:
        schedule: Schedule (`hp`) to read: `12`, `200`, `01` or `90`; all by default.
        dataset: Names of the data sets to read as in the source, separated by commas; all by default.
    """

    name = "nats-bench"
    paper = "Dong et al. (2021), NATS-Bench, arXiv:2009.00437; github.com/D-X-Y/NATS-Bench"
    licence = "MIT"
    expected: ClassVar[str] = "one folder or file of NATS-Bench"

    def __init__(self, schedule: str | int | None = None, dataset: str | Sequence[str] = ()) -> None:
        self.schedule = None if schedule is None else str(schedule)
        self.dataset = names_in(dataset)

    def read(self, paths: Sequence[Path]) -> Table:
        """The table in one folder or file."""
        path = one_path(paths, self.expected)
        for name in self.dataset:
            if name not in DATASETS:
                raise InputError(f"unknown data set {name!r}; known are {', '.join(DATASETS)}")
        if self.schedule is not None and self.schedule not in SCHEDULES:
            raise InputError(f"unknown schedule {self.schedule!r}; known are {', '.join(SCHEDULES)}")
        total, entries = _entries(path)
        if total > MAX_ARCHITECTURES:
            raise FileError(f"{path.name} has {total:,} architectures, more than the {MAX_ARCHITECTURES:,} of a space")
        genotypes: list[Any] = []
        trainings = 0
        space: Space | None = None
        columns = _Columns(total)
        for row, entry in enumerate(entries):
            if not isinstance(entry.schedules, dict) or not entry.schedules:
                raise FileError(f"{entry.place}: expected a dictionary of schedules")
            text = ""
            for key, record in entry.schedules.items():
                schedule = OLD_SCHEDULES.get(key, key)
                if schedule not in SCHEDULES:
                    raise FileError(f"{entry.place}: unknown schedule {brief(key)}")
                text = _text(record, entry, text)
                if self.schedule in (None, schedule):
                    trainings += self._trainings(columns, row, schedule, record, entry.place)
            space = space or spaces.create("nb201" if "|" in text else "nats_size")
            try:
                genotype = space.genotype(text)
            except InputError as error:
                raise FileError(f"{entry.place}: {error}") from error
            if int(space.index(genotype[None])[0]) != entry.number:  # type: ignore[attr-defined]
                raise FileError(f"{entry.place}: {text} is not the architecture with number {entry.number}")
            genotypes.append(genotype)
        if space is None or not trainings:
            raise FileError(f"{path.name} has none of the requested trainings")
        facts = {"rows": trainings, "architectures": len(genotypes), "skipped": {}}
        seeds, epochs, finished = columns.finish()
        return Table(
            space=space,
            genotypes=np.array(genotypes, dtype=np.int8),
            seeds=seeds,
            epochs=epochs,
            columns=finished,
            recipe={"source": self.source([path], **facts)},
            provenance=provenance(),
        )

    def _trainings(self, columns: _Columns, row: int, schedule: str, record: Any, place: str) -> int:
        """Store the trainings of one architecture under one schedule, and return their number."""
        results, count = record.get("all_results"), 0
        if not isinstance(results, dict):
            raise FileError(f"{place}: schedule {schedule} has no results")
        for key, result in results.items():
            if not (isinstance(key, tuple) and len(key) == 2 and key[0] in DATASETS and key[1] in SEEDS):
                raise FileError(f"{place}: {brief(key)} is not a known data set and seed")
            dataset, seed = key
            if self.dataset and dataset not in self.dataset:
                continue
            name = dataset if self.schedule else f"{dataset}@{schedule}"
            try:
                _training(columns, row, SEEDS.index(seed), name, dataset, SCHEDULES[schedule], result)
            except ValueError as error:
                raise FileError(f"{place}, schedule {schedule}, {dataset}, seed {seed}: {error}") from error
            count += 1
        return count


# --- files ----------------------------------------------------------------------------------------------------------


def _entries(path: Path) -> tuple[int, Iterator[Entry]]:
    """The number of architectures, and their records in order of their published numbers."""
    if not path.exists():
        raise FileError(f"no file or folder {path}")
    if path.is_file():
        content = read_pickle(path)
        infos = content.get("arch2infos") if isinstance(content, dict) else None
        if not isinstance(infos, dict) or not all(type(index) is int for index in infos):
            raise FileError(f"{path.name} has no architectures in 'arch2infos'; for a simple archive, name the folder")
        return len(infos), (Entry(f"{path.name}, architecture {i}", i, infos[i]) for i in sorted(infos))
    files = sorted((int(match[1]), file) for file in path.iterdir() if (match := FILE.fullmatch(file.name)))
    if not files:
        raise FileError(f"the folder {path} has no file like 000000.pickle.pbz2 or 000000-FULL.pth")
    if len({index for index, _ in files}) < len(files):
        raise FileError(f"the folder {path} has two files of one architecture")
    return len(files), (Entry(file.name, index, read_pickle(file)) for index, file in files)


def _text(record: Any, entry: Entry, known: str) -> str:
    """The string of the architecture, on which all schedules must agree."""
    text = record.get("arch_str") if isinstance(record, dict) else None
    index = record.get("arch_index") if isinstance(record, dict) else None
    if not isinstance(text, str) or type(index) is not int or index != entry.number or known not in ("", text):
        raise FileError(f"{entry.place}: a record is not of architecture {entry.number}")
    return text


# --- numbers --------------------------------------------------------------------------------------------------------


def _training(columns: _Columns, row: int, seed: int, name: str, dataset: str, epochs: int, result: Any) -> None:
    """Store the numbers of one training.

    Raises:
        ValueError: The layout is not that of the source.
    """
    if not isinstance(result, dict) or result.get("epochs") != epochs:
        raise ValueError(f"expected a training of {epochs} epochs")
    for field, quantity in (("train_acc1es", "accuracy"), ("train_losses", "loss")):
        columns.curve(_measure(name, "train", quantity), row, seed, epochs, _curve(result.get(field), epochs, field))
    seconds = np.cumsum(_curve(result.get("train_times"), epochs, "train_times"))
    what = "Seconds of training up to and including the epoch, as the source estimates them."
    columns.curve(_metric(name, "train_seconds", "none", "seconds", DIMS, what), row, seed, epochs, seconds)
    for part, split in _splits(dataset).items():
        for field, quantity in (("eval_acc1es", "accuracy"), ("eval_losses", "loss")):
            values = _curve(_part(result.get(field), part, field), epochs, field)
            columns.curve(_measure(name, split, quantity), row, seed, epochs, values)
        times = _curve(_part(result.get("eval_times"), part, "eval_times"), epochs, "eval_times")
        what = f"Seconds of one evaluation on the {split.replace('_', ' ')} split after the last epoch."
        columns.number(_metric(name, f"{split}_seconds", "none", "seconds", DIMS[:2], what), row, seed, times[-1])
    latency = result.get("latency")
    batches = [_finite(value, "latency") for value in latency] if isinstance(latency, list) else []
    measured = 1000 * float(np.mean(batches)) if batches and min(batches) > 0 else np.nan
    what = "Milliseconds of one batch, mean over the measurements of the source."
    columns.number(_metric(name, "latency", "none", "milliseconds", DIMS[:2], what), row, seed, measured)
    for field, metric in (("params", "parameters"), ("flop", "flops")):
        count = np.round(1e6 * _finite(result.get(field), field))  # the source counts in millions
        what = f"{field} of the source, times a million."
        columns.static(_metric(name, metric, "none", "count", DIMS[:1], what), row, float(count))


def _splits(dataset: str) -> dict[str, str]:
    """Our splits by the names of evaluations in the source."""
    if dataset == "cifar10":
        return {"ori-test": "test"}
    if dataset == "cifar10-valid":
        return {"x-valid": "validation", "ori-test": "test"}
    return {"x-valid": "validation", "x-test": "test", "ori-test": MIXED}


def _metric(dataset: str, name: str, split: Subset, units: str, dims: tuple[str, ...], description: str) -> Metric:
    direction: Direction = "maximise" if units == "percent" else "minimise"
    return Metric(dataset, name, split, units, direction, dims, description)


def _measure(dataset: str, part: str, quantity: str) -> Metric:
    """Metric of accuracy or loss on a part of the data."""
    known: dict[str, Subset] = {"train": "train", "validation": "validation", "test": "test"}
    units = "percent" if quantity == "accuracy" else "nats"
    what = f"{quantity.capitalize()} on the {part} split."
    if part == MIXED:
        what = f"{quantity.capitalize()} on the validation and test halves together: neither validation nor test."
    return _metric(dataset, f"{part}_{quantity}", known.get(part, "none"), units, DIMS, what)


def _part(numbers: Any, part: str, field: str) -> dict[int, Any]:
    """The numbers of one part by epoch, from numbers by `part@epoch`."""
    if not isinstance(numbers, dict):
        raise ValueError(f"{field} is not a dictionary")
    selected = {}
    for key, value in numbers.items():
        name, _, epoch = key.rpartition("@") if isinstance(key, str) else ("", "", "")
        if not epoch.isdecimal() or len(epoch) > 4:
            raise ValueError(f"{field} has the key {brief(key)}, expected one like {part}@0")
        if name == part:
            selected[int(epoch)] = value
    return selected


def _curve(numbers: Any, epochs: int, field: str) -> FloatArray:
    """Numbers by epoch (from 0), shape `(epochs,)`: NaN where not recorded, infinity where not finite."""
    if numbers is None:
        numbers = {}
    if not isinstance(numbers, dict):
        raise ValueError(f"{field} is not a dictionary")
    values = np.full(epochs, np.nan)
    for epoch, value in numbers.items():
        if type(epoch) is not int or not 0 <= epoch < epochs:
            raise ValueError(f"{field} has the epoch {brief(epoch)}, expected 0 to {epochs - 1}")
        number = _finite(value, field)
        values[epoch] = np.inf if np.isnan(number) else number
    return values


def _finite(value: Any, field: str) -> float:
    """A number, NaN if it is not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{field} has {brief(value)}, expected a number")
    try:
        number = float(value)
    except OverflowError:
        number = np.inf
    return number if np.isfinite(number) else np.nan


class _Columns:
    """Arrays that are filled while architectures are read one at a time."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.epochs: dict[str, int] = {}
        self.filled: dict[str, tuple[Metric, FloatArray, npt.NDArray[np.uint8]]] = {}
        self.seeds = np.zeros(len(SEEDS), dtype=bool)

    def _arrays(self, metric: Metric, epochs: int = 0) -> tuple[FloatArray, npt.NDArray[np.uint8]]:
        if metric.path not in self.filled:
            shape = (self.rows, len(SEEDS), epochs)[: len(metric.dims)]
            self.filled[metric.path] = metric, np.full(shape, np.nan), np.full(shape, NOT_TRAINED, dtype=np.uint8)
        _, values, missing = self.filled[metric.path]
        return values, missing

    def curve(self, metric: Metric, row: int, seed: int, epochs: int, numbers: FloatArray) -> None:
        """Store the numbers `(epochs,)` of one training."""
        values, missing = self._arrays(metric, epochs)
        self.epochs[metric.dataset], self.seeds[seed] = epochs, True
        missing[row, seed] = np.where(np.isnan(numbers), NOT_RECORDED, np.where(np.isinf(numbers), NOT_FINITE, 0))
        values[row, seed] = np.where(np.isinf(numbers), np.nan, numbers)

    def number(self, metric: Metric, row: int, seed: int, number: float) -> None:
        """Store one number of one training."""
        values, missing = self._arrays(metric)
        known = bool(np.isfinite(number))
        values[row, seed], missing[row, seed] = number if known else np.nan, 0 if known else NOT_FINITE

    def static(self, metric: Metric, row: int, number: float) -> None:
        """Store a number on which all trainings of an architecture agree."""
        values, missing = self._arrays(metric)
        if not np.isfinite(number) or number < 0:
            raise ValueError(f"{metric.name} is {number}, expected a count")
        if not missing[row] and values[row] != number:
            raise ValueError(f"{metric.name} is {number:.0f}, but another training says {values[row]:.0f}")
        values[row], missing[row] = number, 0

    def finish(self) -> tuple[tuple[int, ...], dict[str, tuple[int, ...]], dict[str, Column]]:
        """Occurring seeds, epochs, and columns without those that have no number."""
        occurring = np.flatnonzero(self.seeds)
        columns = {}
        for path, (metric, values, missing) in self.filled.items():
            if not missing.all():
                if len(metric.dims) > 1 and len(occurring) < len(SEEDS):
                    values, missing = values[:, occurring], missing[:, occurring]
                columns[path] = Column(metric, values, *used_reasons(missing, REASONS))
        self.filled.clear()
        seeds = tuple(SEEDS[seed] for seed in occurring)
        return seeds, {name: tuple(range(1, n + 1)) for name, n in self.epochs.items()}, columns
