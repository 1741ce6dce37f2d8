"""EC-NAS: cells of NAS-Bench-101 trained on one GPU, with the energy and carbon of each training.

The source publishes TFRecord files in the layout of NAS-Bench-101 with further fields. The importer also reads lines of
JSON, one training each, in which the further fields are called `f6` to `f14`. Both give the same table.

Energy and carbon are sums from the first step up to the evaluation (the source adds earlier measurements), without the
evaluations themselves; `total_energy` and `total_carbon` include them. Carbon is energy times the intensity of the
local grid during training, so two trainings of one cell differ in carbon by the time of day: `train_energy` is the
fairer cost for comparing cells.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import DIMS, Table
from nasbench.errors import FileError
from nasbench.importers.base import Importer, one_path, regular
from nasbench.importers.formats.json import parse_json
from nasbench.importers.formats.unpack import unpacked
from nasbench.importers.nasbench101 import (
    DATASET,
    EPOCH,
    METRICS,
    PARAMETERS,
    SECONDS,
    TEST,
    TOTAL_SECONDS,
    TRAIN,
    VALIDATION,
    Training,
    evaluation,
    field,
    numbers,
    trainings,
)
from nasbench.importers.nasbench101 import table_of as table_of_trainings
from nasbench.types import Direction

KWH, GRAMS, INTENSITY = "kWh", "g CO2eq", "g CO2eq per kWh"
MEASURED: Mapping[int, tuple[str, str, str]] = {
    6: ("train_energy", KWH, "Energy of the training."),
    7: ("train_carbon", GRAMS, "Carbon of the training, at the intensity of the grid while it ran."),
    8: ("carbon_intensity", INTENSITY, "Mean carbon intensity of the grid since the evaluation before."),
    11: ("predicted_train_energy", KWH, "Energy of the training as predicted after its first epoch."),
    12: ("predicted_train_carbon", GRAMS, "Carbon of the training as predicted after its first epoch."),
    13: ("predicted_train_seconds", "seconds", "Seconds of the training as predicted after its first epoch."),
    14: ("predicted_carbon_intensity", INTENSITY, "Carbon intensity as predicted after the first epoch."),
}
"""Name, unit and description by field of an evaluation."""
TOTAL: Mapping[int, tuple[str, str, str]] = {
    4: ("total_energy", KWH, "Energy of training and evaluation together."),
    5: ("total_carbon", GRAMS, "Carbon of training and evaluation together."),
}
"""Name, unit and description by field of a whole training."""
NAMES = {
    "current_epoch": EPOCH,
    "training_time": SECONDS,
    "train_accuracy": TRAIN,
    "validation_accuracy": VALIDATION,
    "test_accuracy": TEST,
    **{f"f{number}": number for number in MEASURED},
}
"""Field of an evaluation by its name in a line of JSON."""
TOTALS = {"trainable_parameters": PARAMETERS, "total_time": TOTAL_SECONDS}
MAX_NUMBER = 1e12
"""Largest number taken for valid."""


class ECNAS(Importer):
    """`carbon_4V9E.tfrecord` and similar files, or the same trainings as lines of JSON (`.jsonl`), also compressed."""

    name = "ec-nas"
    paper = "Bakhtiarifard et al. (2024), EC-NAS, arXiv:2210.06015; github.com/PedramBakh/nc_nasbench"
    licence = "Apache-2.0"

    def read(self, paths: Sequence[Path]) -> Table:
        """The table in one file."""
        path = one_path(paths, "one TFRecord or jsonl file")
        content = _lines(path) if ".jsonl" in path.suffixes[-2:] else trainings(path)
        return table_of_trainings(self, path, content, (*METRICS, *_columns()), _numbers)


def _columns() -> list[Metric]:
    """The further metrics."""
    columns = []
    for name, units, description in (*MEASURED.values(), *TOTAL.values()):
        direction: Direction = "none" if units == INTENSITY or name.startswith("predicted") else "minimise"
        columns.append(Metric(DATASET, name, "none", units, direction, DIMS, description, resumable=False))
    return columns


def _numbers(training: Training) -> list[float]:
    """The numbers of a training in the order of `METRICS` and `_columns`."""
    last = evaluation(training, training.epochs) or {}
    parts = ((MEASURED, last), (TOTAL, training.total))
    return numbers(training) + [
        field(message, number, name, MAX_NUMBER) if number in message else math.nan
        for names, message in parts
        for number, (name, _, _) in names.items()
    ]


def _lines(path: Path) -> Iterator[Training]:
    """The trainings in lines of JSON."""
    for number, line in enumerate(unpacked(regular(path)).splitlines(), start=1):
        if line.strip():
            yield _training(parse_json(line, f"{path.name}, line {number}"), f"{path.name}, line {number}")


def _training(record: Any, place: str) -> Training:
    kinds = {"epochs": int, "adjacency": str, "operations": str, "evaluation_data": list}
    if not isinstance(record, dict) or any(type(record.get(name)) is not kind for name, kind in kinds.items()):
        raise FileError(f"{place}: expected an object with {', '.join(kinds)}")
    evaluations = record["evaluation_data"]
    if not all(isinstance(each, dict) for each in evaluations):
        raise FileError(f"{place}: evaluation_data is not a list of objects")
    return Training(
        place,
        record["epochs"],
        record["adjacency"],
        record["operations"],
        [{NAMES[name]: value for name, value in each.items() if name in NAMES} for each in evaluations],
        {TOTALS[name]: value for name, value in record.items() if name in TOTALS},
    )
