"""NAS-Bench-101: the published TFRecord file of trainings, with 4, 12, 36 and 108 epochs or only 108.

Each record is a JSON list: hash, epochs, adjacency matrix as digits, operations, and a `ModelMetrics` message in
base64. It has evaluations before the first epoch, (mostly) half-way, and at the end.

Table: each budget of epochs is a training of its own, with a learning rate that falls to 0 by its end, so a shorter
budget is not part of a longer curve. The axis of epochs is the budget; values half-way are metrics of their own
(`halfway_*`, at half the budget), never points of the curve. The repeats of an architecture and budget are seeds 0, 1,
2 in the order of the file: repeat 0 of one budget is unrelated to repeat 0 of another.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import DIMS, Table
from nasbench.errors import FileError, InputError
from nasbench.importers.base import Importer, one_path
from nasbench.importers.formats.tfrecord import fields, records
from nasbench.importers.tabulate import Series, tabulate
from nasbench.printable import brief
from nasbench.spaces.nb101 import NB101
from nasbench.types import Subset

DATASET = "cifar10"
SPLITS: tuple[Subset, ...] = ("train", "validation", "test")
EPOCH, SECONDS, TRAIN, VALIDATION, TEST = range(1, 6)
"""Fields of an evaluation, accuracies from 0 to 1; others, such as the name of a checkpoint, are not read."""
EVALUATION, PARAMETERS, TOTAL_SECONDS = 1, 2, 3
"""Fields of `ModelMetrics`."""
NO_EVALUATION = "the source has no such evaluation"


class NASBench101(Importer):
    """`nasbench_full.tfrecord` or `nasbench_only108.tfrecord`, or a file of the same layout."""

    name = "nasbench101"
    paper = "Ying et al. (2019), NAS-Bench-101, arXiv:1902.09635; storage.googleapis.com/nasbench"
    licence = "Apache-2.0"

    def read(self, paths: Sequence[Path]) -> Table:
        """The table in one file."""
        path = one_path(paths, "one TFRecord file")
        return table_of(self, path, trainings(path), METRICS, numbers)


class Training(NamedTuple):
    """The content of a record.

    Attributes:
        place: Name of the record in messages.
        epochs: The budget.
        matrix: Adjacency as digits, row by row.
        ops: Operations, separated by commas.
        evaluations: Numbers (and bytes) by field, one mapping for each evaluation in order of epochs.
        total: Numbers of the whole training by field.
    """

    place: str
    epochs: int
    matrix: str
    ops: str
    evaluations: list[dict[int, Any]]
    total: dict[int, Any]


def table_of(
    importer: Importer,
    path: Path,
    content: Iterable[Training],
    metrics: Sequence[Metric],
    read: Callable[[Training], list[float]],
) -> Table:
    """The table of the trainings in a file.

    Args:
        importer: Importer named in the recipe.
        path: The file.
        content: Its trainings.
        metrics: The columns; those without any number are left out.
        read: Returns the numbers of a training in the order of the columns, NaN where missing.

    Raises:
        FileError: There is no training, or a value is impossible.
    """
    space = NB101()
    cells: dict[tuple[str, str], int] = {}
    genotypes: list[npt.NDArray[np.int8]] = []
    cell_of: list[int] = []
    rows: list[list[float]] = []
    for training in content:
        if not 0 < training.epochs < 10**6:
            raise FileError(f"{training.place}: {training.epochs} epochs are not a budget")
        cell = training.matrix, training.ops
        if cell not in cells:
            cells[cell] = len(genotypes)
            genotypes.append(_genotype(space, *cell, training.place))
        cell_of.append(cells[cell])
        try:
            rows.append([training.epochs, *read(training)])
        except ValueError as error:
            raise FileError(f"{training.place}: {error}") from error
    if not rows:
        raise FileError(f"{path.name} has no records")
    values = np.array(rows, dtype=np.float64)
    series = [Series(metric, column, NO_EVALUATION) for metric, column in zip(metrics, values[:, 1:].T, strict=True)]
    series = [each for each in series if not np.isnan(each.values).all()]
    facts = {"rows": len(cell_of), "architectures": len(genotypes), "skipped": {}}
    recipe = {"source": importer.source([path], **facts)}
    stacked = np.array(genotypes, dtype=np.int8)
    return tabulate(space, stacked[cell_of], series, recipe, epochs=values[:, 0].astype(np.int64))


def trainings(path: Path) -> Iterator[Training]:
    """The trainings in a TFRecord file."""
    for number, content in enumerate(records(path), start=1):
        place = f"{path.name}, record {number}"
        epochs, matrix, ops, message = _parsed(content, place)
        try:
            yield Training(place, epochs, matrix, ops, *_fields(message))
        except ValueError as error:
            raise FileError(f"{place}: {error}") from error


def _columns() -> tuple[Metric, ...]:
    """The metrics, in the order of `numbers`."""
    columns = []
    for prefix, when in (("", "after the budget of epochs"), ("halfway_", "after half the budget of epochs")):
        for split in SPLITS:
            about = f"Accuracy on the {split} split {when}."
            columns.append(Metric(DATASET, f"{prefix}{split}_accuracy", split, "percent", "maximise", DIMS, about))
        about = f"Seconds of training {when}."
        columns.append(Metric(DATASET, f"{prefix}train_seconds", "none", "seconds", "minimise", DIMS, about))
    total = "Seconds of training and evaluation together."
    columns.append(Metric(DATASET, "total_seconds", "none", "seconds", "minimise", DIMS, total))
    columns.append(Metric("", "parameters", "none", "count", "minimise", DIMS[:1], "Trainable parameters."))
    return tuple(replace(metric, resumable="epoch" not in metric.dims) for metric in columns)


METRICS = _columns()


def _parsed(content: bytes, place: str) -> tuple[int, str, str, bytes]:
    """Budget, matrix, operations and message of a record."""
    try:
        record = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{place}: no JSON: {str(error)[:100]}") from error
    kinds = (str, int, str, str, str)
    if not (isinstance(record, list) and [type(part) for part in record] == list(kinds)):
        raise FileError(f"{place}: expected a list of hash, epochs, adjacency, operations and metrics")
    _, epochs, matrix, ops, message = record
    try:
        return epochs, matrix, ops, base64.b64decode(message)
    except (binascii.Error, ValueError) as error:
        raise FileError(f"{place}: no base64: {error}") from error


def _genotype(space: NB101, matrix: str, ops: str, place: str) -> npt.NDArray[np.int8]:
    names = ops.split(",")
    if len(matrix) != len(names) ** 2 or set(matrix) - {"0", "1"}:
        raise FileError(f"{place}: {brief(matrix)} is not a matrix of zeros and ones for {len(names)} operations")
    try:
        square = np.array([int(digit) for digit in matrix]).reshape(len(names), len(names))
        return np.asarray(space.from_matrix(square, names), dtype=np.int8)
    except InputError as error:
        raise FileError(f"{place}: {error}") from error


def _fields(message: bytes) -> tuple[list[dict[int, Any]], dict[int, Any]]:
    """The evaluations in a `ModelMetrics` message, and its other fields.

    Raises:
        ValueError: The message is damaged.
    """
    evaluations: list[dict[int, Any]] = []
    total: dict[int, Any] = {}
    try:
        for number, value in fields(message):
            if number == EVALUATION:
                if not isinstance(value, bytes):
                    raise ValueError("an evaluation is not a message")
                evaluations.append(dict(fields(value)))
            else:
                total[number] = value
    except ValueError as error:
        raise ValueError(f"metrics are not a protocol buffer message: {error}") from error
    return evaluations, total


def numbers(training: Training) -> list[float]:
    """The numbers of a training in the order of `METRICS`, NaN where missing.

    Raises:
        ValueError: A value is impossible.
    """
    values: list[float] = []
    for epoch in (training.epochs, training.epochs / 2):
        message = evaluation(training, epoch)
        for number, name in ((TRAIN, "train"), (VALIDATION, "validation"), (TEST, "test")):
            values.append(np.nan if message is None else 100 * field(message, number, f"{name}_accuracy", 1))
        values.append(np.nan if message is None else field(message, SECONDS, "training_time", 1e12))
    total = training.total
    values.append(field(total, TOTAL_SECONDS, "total_time", 1e12) if TOTAL_SECONDS in total else np.nan)
    values.append(field(total, PARAMETERS, "trainable_parameters", 2**53) if PARAMETERS in total else np.nan)
    return values


def evaluation(training: Training, epoch: float) -> dict[int, Any] | None:
    """The last evaluation at an epoch, which may be recorded a step earlier or later.

    Raises:
        ValueError: The epochs of the evaluations are not increasing.
    """
    epochs = [field(message, EPOCH, "current_epoch", 1e9) for message in training.evaluations]
    if any(a > b for a, b in pairwise(epochs)):
        raise ValueError(f"evaluations are at epochs {epochs}, which do not increase")
    matches = [k for k, recorded in enumerate(epochs) if abs(recorded - epoch) < 0.5]
    return training.evaluations[matches[-1]] if matches else None


def field(message: dict[int, Any], number: int, name: str, most: float) -> float:
    """A number from 0 to `most` in a field of a message, 0 if the field is absent.

    Raises:
        ValueError: The field has another value.
    """
    value = message.get(number, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise ValueError(f"{name} is {value!r:.40}, expected a number from 0 to {most:g}")
    return float(value)
