"""TransNAS-Bench-101: networks of two spaces, each trained for seven vision tasks, with the curves of all metrics.

The source publishes one file, `transnas-bench_v10141024.pth`. Its pickle has for each space, architecture and task the
number of epochs, facts of the network, and a list over epochs for each metric.

Table: one space at a time; each task is a data set. Metrics, units and directions differ by task: classification
(`class_object`, `class_scene`, `jigsaw`) has accuracies in percent; `segmentsemantic` has pixel accuracies and the mean
intersection over union; `autoencoder` and `normal` have the structural similarity; `room_layout` has only a loss, and
the loss times -1 for maximisation. `valid_*` is validation and `test_*` test. There is one training of each network;
its seed is the one of the authors' training script, as the file does not record it.

The source has the training time as text (`01:23:45`) or seconds, from the start or for each epoch; times that never
decrease, in any training of a task, are taken for times from the start. They include evaluations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import DIMS, Column, Table
from nasbench.errors import FileError, InputError
from nasbench.importers.base import Importer, names_in, one_path, regular
from nasbench.importers.formats import pickle as plain_pickle
from nasbench.importers.formats.json import finite
from nasbench.importers.tabulate import used_reasons
from nasbench.printable import MOST, brief, printable
from nasbench.provenance import provenance
from nasbench.spaces import spaces
from nasbench.spaces.base import Space
from nasbench.types import Direction, FloatArray, GenotypeArray, Subset

TASKS = ("class_scene", "class_object", "room_layout", "jigsaw", "segmentsemantic", "normal", "autoencoder")
LEVELS = {"micro": "tnb101_micro", "macro": "tnb101_macro"}
SEED = 666
"""Seed of the authors' training script."""
SPLITS: dict[str, Subset] = {"train": "train", "valid": "validation", "val": "validation", "test": "test"}
QUANTITIES: dict[str, tuple[str, str, Direction, str]] = {
    "top1": ("accuracy", "percent", "maximise", "Top-1 accuracy"),
    "top5": ("top5_accuracy", "percent", "maximise", "Top-5 accuracy"),
    "acc": ("accuracy", "percent", "maximise", "Share of the pixels that are labelled right"),
    "mIoU": ("mean_iou", "percent", "maximise", "Mean intersection over union of the classes"),
    "ssim": ("ssim", "none", "maximise", "Structural similarity to the target image"),
    "l1_loss": ("l1_loss", "none", "minimise", "Mean absolute error of the pixels, times 0.99"),
    "loss": ("loss", "nats", "minimise", "Cross-entropy"),
    "neg_loss": ("negative_loss", "none", "maximise", "Loss times -1"),
}
"""Our name, units, direction and description, by the name that follows the split."""
SQUARED_ERROR_TASKS = ("room_layout",)
"""Tasks whose loss is the mean squared error."""
TIME = "time_elapsed"
INFOS: dict[str, tuple[str, str, str]] = {
    "inference_time": ("inference_seconds", "seconds", "Seconds of answering one image of 720 x 1080 pixels on a GPU."),
    "model_params": ("parameters", "count", "Parameters of encoder and decoder."),
    "encoder_params": ("encoder_parameters", "count", "Parameters of the encoder."),
    "model_FLOPs": ("flops", "count", "Multiply-adds of encoder and decoder for one input of the task."),
    "encoder_FLOPs": ("encoder_flops", "count", "Multiply-adds of the encoder for one input."),
}
"""Our name, units and description, by name in the source."""
MIN_LARGEST_COUNT = 1e6
"""Counts whose largest is smaller have a unit that the file does not name."""
MAX_EPOCHS = 100
"""Epochs taken for valid; the published trainings have 10 to 30."""
NOT_TRAINED, NOT_RECORDED, NOT_FINITE = range(1, 4)
REASONS = (
    "the source has no training of this task",
    "the source does not record it at this epoch",
    "the source has no finite number",
)


class Training(NamedTuple):
    """The training of an architecture for a task.

    Attributes:
        epochs: Number of epochs.
        infos: Facts of the network by name in the source.
        curves: Numbers by epoch, by name in the source; shape `(epochs,)`, NaN where not finite.
    """

    epochs: int
    infos: Mapping[str, float]
    curves: Mapping[str, FloatArray]


class TransNAS101(Importer):
    """The file `transnas-bench_v10141024.pth`.

    Args:
        space: `micro` (4,096 cells) or `macro` (3,256 chains of modules).
        dataset: Names of the tasks to read, separated by commas; all by default.
    """

    name = "transnas101"
    paper = "Duan et al. (2021), TransNAS-Bench-101, arXiv:2105.11871; github.com/yawen-d/TransNASBench"
    licence = "MIT, as the authors' repository"

    def __init__(self, space: str, dataset: str | Sequence[str] = ()) -> None:
        self.space = space
        self.dataset = names_in(dataset)

    def read(self, paths: Sequence[Path]) -> Table:
        """The table of one space in one file."""
        path = one_path(paths, "one file transnas-bench_*.pth")
        level = self.space.removeprefix("tnb101_")
        if level not in LEVELS:
            raise InputError(f"unknown space {self.space!r}; TransNAS-Bench-101 has {' and '.join(LEVELS)}")
        content = plain_pickle.read(regular(path))
        metrics, results = _part(content, "metrics_dict", path.name), _part(content, "data", path.name).get(level)
        if not isinstance(results, dict) or not results:
            raise FileError(f"{path.name} has no architectures of the space {level!r}")
        tasks = self._tasks(metrics, path.name)
        space = spaces.create(LEVELS[level])
        genotypes = np.array([_genotype(space, text, path.name) for text in results])
        places = [f"{path.name}, {space.to_string(genotype)}" for genotype in genotypes]
        facts: dict[str, Any] = {"rows": 0, "architectures": len(genotypes), "time_is_from_start": {}, "not_read": []}
        columns: dict[str, Column] = {}
        epochs: dict[str, tuple[int, ...]] = {}
        for task in tasks:
            names = [name for name in metrics[task] if _metric(task, name)]
            facts["not_read"] += [f"{task}: {printable(name, MOST)}" for name in metrics[task] if name not in names]
            records = zip(places, results.values(), strict=True)
            trainings = [_training(record, task, names, place) for place, record in records]
            columns |= {column.metric.path: column for column in _columns(task, names, trainings, facts)}
            epochs[task] = tuple(range(1, max((each.epochs for each in trainings if each), default=0) + 1))
        if not facts["rows"]:
            raise FileError(f"{path.name} has none of the requested trainings")
        recipe = {"source": self.source([path], **facts, skipped={})}
        return Table(space, genotypes, (SEED,), epochs, columns, recipe, provenance())

    def _tasks(self, metrics: dict[Any, Any], place: str) -> list[str]:
        """The tasks to read, after a check of the metrics that the file names."""
        for task, names in metrics.items():
            if task not in TASKS or not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise FileError(f"{place}: metrics_dict has no list of metrics of a known task for {brief(task)}")
            known = [metric.name for name in names if (metric := _metric(task, name))]
            if len(set(known)) < len(known):
                raise FileError(f"{place}: metrics_dict names a metric of {task} twice")
        for task in self.dataset:
            if task not in metrics:
                raise InputError(f"unknown task {task!r}; the file has {', '.join(metrics)}")
        return list(dict.fromkeys(self.dataset or metrics))


# --- what is in the file --------------------------------------------------------------------------------------------


def _part(content: Any, name: str, place: str) -> dict[Any, Any]:
    """A named dictionary of the file."""
    part = content.get(name) if isinstance(content, dict) else None
    if not isinstance(part, dict):
        raise FileError(f"{place} has no dictionary {name!r}: it is not a file of TransNAS-Bench-101")
    return part


def _genotype(space: Space, text: Any, place: str) -> GenotypeArray:
    if not isinstance(text, str) or len(text) > 40:
        raise FileError(f"{place}: {brief(text)} is not an architecture of {space.name}")
    try:
        return space.genotype(text)
    except InputError as error:
        raise FileError(f"{place}: {error}") from error


def _training(record: Any, task: str, names: Sequence[str], place: str) -> Training | None:
    """The training for one task, None if there is none."""
    if not isinstance(record, dict):
        raise FileError(f"{place}: expected a dictionary of tasks")
    result = record.get(task)
    if result is None:
        return None
    place = f"{place}, task {task}"
    if not isinstance(result, dict):
        raise FileError(f"{place}: expected a dictionary")
    epochs, infos, metrics = (result.get(name) for name in ("total_epochs", "model_info", "metrics"))
    if type(epochs) is not int or not 0 < epochs <= MAX_EPOCHS:
        raise FileError(f"{place}: total_epochs is {brief(epochs)}, expected a number from 1 to {MAX_EPOCHS:,}")
    if not isinstance(infos, dict) or not isinstance(metrics, dict):
        raise FileError(f"{place}: expected the dictionaries 'model_info' and 'metrics'")
    numbers = {name: finite([infos[name]], f"{place}, {name}").item() for name in INFOS if infos.get(name) is not None}
    curves = {}
    for name in names:
        values = metrics.get(name)
        if not isinstance(values, list) or len(values) != epochs:
            length = f"{len(values)} numbers" if isinstance(values, list) else "no list"
            raise FileError(f"{place}: {brief(name)} has {length}, expected one for each of {epochs} epochs")
        if name == TIME:
            values = [_seconds(value) if isinstance(value, str) else value for value in values]
        curves[name] = finite(values, f"{place}, {name}")
    return Training(epochs, numbers, curves)


def _seconds(text: str) -> Any:
    """The seconds in a text `hours:minutes:seconds`; any other text itself."""
    match = re.fullmatch(r"(\d{1,5}):([0-5]\d):([0-5]\d)", text)
    return 3600 * int(match[1]) + 60 * int(match[2]) + int(match[3]) if match else text


# --- columns --------------------------------------------------------------------------------------------------------


def _columns(
    task: str, names: Sequence[str], trainings: Sequence[Training | None], facts: dict[str, Any]
) -> Iterator[Column]:
    """The columns of one task; updates the facts."""
    epochs = np.array([0 if each is None else each.epochs for each in trainings])
    facts["rows"] += int((epochs > 0).sum())
    if not epochs.any():
        return
    for name in names:
        values = np.full((len(epochs), epochs.max()), np.nan)
        for row, training in enumerate(trainings):
            if training is not None:
                values[row, : training.epochs] = training.curves[name]
        recorded = np.arange(1, epochs.max() + 1) <= epochs[:, None]
        missing = np.where(epochs[:, None] == 0, NOT_TRAINED, NOT_RECORDED)
        missing = np.where(recorded, np.where(np.isnan(values), NOT_FINITE, 0), missing)
        if name == TIME:
            from_start = not bool((np.diff(values, axis=1)[recorded[:, 1:]] < 0).any())
            facts["time_is_from_start"][task] = from_start
            if not from_start:
                values = values.cumsum(axis=1)
                missing = np.where((missing == 0) & np.isnan(values), NOT_FINITE, missing)
        metric = _metric(task, name)
        assert metric is not None  # unknown ones are not read
        yield _column(metric, values[:, None], missing[:, None])
    for name, (ours, units, about) in INFOS.items():
        values = np.array([np.nan if each is None else each.infos.get(name, np.nan) for each in trainings])
        if not np.isnan(values).all():
            if units == "count" and np.nanmax(values) < MIN_LARGEST_COUNT:
                units = "as in the source"
            missing = np.where(epochs == 0, NOT_TRAINED, np.where(np.isnan(values), NOT_FINITE, 0))
            yield _column(Metric(task, ours, "none", units, "minimise", DIMS[:1], about), values, missing)


def _column(metric: Metric, values: FloatArray, missing: npt.NDArray[np.int64]) -> Column:
    return Column(metric, values, *used_reasons(missing.astype(np.uint8), REASONS))


def _metric(task: str, name: str) -> Metric | None:
    """The metric for a name in the source, None if it is unknown."""
    if name == TIME:
        about = "Seconds from the start to the end of the epoch, evaluations included."
        return Metric(task, "train_seconds", "none", "seconds", "minimise", DIMS, about)
    prefix, _, quantity = name.partition("_")
    if prefix not in SPLITS or quantity not in QUANTITIES:
        return None
    ours, units, direction, about = QUANTITIES[quantity]
    if quantity == "loss" and task in SQUARED_ERROR_TASKS:
        units, about = "none", "Mean squared error"
    split = SPLITS[prefix]
    return Metric(task, f"{split}_{ours}", split, units, direction, DIMS, f"{about}, on the {split} split.")
