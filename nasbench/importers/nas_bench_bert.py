"""NAS-Bench-BERT: encoders of FlexiBERT with GLUE scores, time of pretraining, and training-free metrics.

The source publishes `BERT_benchmark.json`, a list of trainings, and `BERT_results_activation.csv`, their metrics by
`ID`. An encoder drawn twice was trained twice: its trainings have seeds 0, 1, ... in the order of the file, each with
metrics of its own.

GLUE scores are from the development sets (labels of the test sets are not public), times 100: the first number that the
authors' fine-tuning reports for a task. `validation_average` is the mean over the eight tasks. An accuracy of exactly 0
(one training on RTE) is a failure: it and its mean are missing. A correlation of 0 (CoLA, 53 times) is valid: a
classifier that always gives the same answer has it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import DIMS, Table
from nasbench.errors import FileError, InputError
from nasbench.importers.base import Importer, files_among
from nasbench.importers.formats.frames import column, read_frame
from nasbench.importers.formats.json import finite, read_json
from nasbench.importers.tabulate import Series, tabulate
from nasbench.spaces.flexibert import FlexiBERT
from nasbench.types import BoolArray, Direction, FloatArray, Subset

TASKS = ("cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst", "sts")
CORRELATIONS = ("cola", "sts")
"""Tasks scored by correlation; the others are scored by accuracy."""
FAILED = "an accuracy of 0 in the source: the fine-tuning failed"
AVERAGE = "glue"
"""Name in the source of the mean over tasks."""
ID, SCORE, PARAMETERS = "ID", "GLUE Score", "Number of Parameters"
KINDS = (
    *("Synaptic Diversity", "Synaptic Saliency", "Activation Distance", "Jacobian Score"),
    *("Head Importance", "Head Confidence", "Head Softmax Confidence"),
)
METRICS = tuple(f"{kind}{suffix}" for kind in KINDS for suffix in ("", " Normalized"))
"""Training-free metrics, each also normalised by the number of layers or heads."""
FILES = re.compile(r"BERT_benchmark\.json|BERT_results_activation\.csv")


class NASBenchBERT(Importer):
    """`BERT_benchmark.json`, alone or with `BERT_results_activation.csv`, or the folder of both."""

    name = "nas-bench-bert"
    paper = "Serianni & Kalita (2023), arXiv:2306.00288; github.com/aaronserianni/training-free-nas"
    licence = "Apache-2.0"

    def read(self, paths: Sequence[Path]) -> Table:
        """The table in one JSON file, optionally with the csv file of the same trainings."""
        files = files_among(paths, lambda file: FILES.fullmatch(file.name))
        kinds = {".json": "a JSON file of trainings", ".csv": "a csv file of metrics"}
        by_suffix = {suffix: [file for file in files if suffix in file.suffixes[-2:]] for suffix in kinds}
        if len(by_suffix[".json"]) != 1 or len(by_suffix[".csv"]) > 1 or sum(map(len, by_suffix.values())) < len(files):
            got = ", ".join(file.name for file in files[:5]) or "no file"
            raise FileError(f"expected {kinds['.json']} and at most one {kinds['.csv'][2:]}, got {got}")
        (trained,) = by_suffix[".json"]
        records = read_json(trained)
        if not isinstance(records, list) or not records:
            raise FileError(f"{trained.name} is not a list of trainings")
        space, ids, rows, genotypes = FlexiBERT(), [], [], []
        for at, record in enumerate(records):
            place = f"{trained.name}, training {at}"
            ids.append(_id(record, place))
            rows.append(_numbers(record, place))
            genotypes.append(_genotype(space, record, place))
        if len(set(ids)) < len(ids):
            raise InputError(f"{trained.name} has two trainings of one id")
        numbers = np.array(rows)  # (r, 1 + 8 + 1)
        series, failed = [], _failed(numbers)
        for metric, values, invalid in zip(_scores(), numbers.T, failed.T, strict=True):
            reason = FAILED if invalid.any() else "not in the source"
            series.append(Series(metric, np.where(invalid, np.nan, values), reason))
        for metrics in by_suffix[".csv"]:
            series += _metrics(metrics, ids, numbers[:, 0])
        facts: dict[str, Any] = {"rows": len(rows), "architectures": len(np.unique(genotypes, axis=0))}
        facts["skipped"] = {FAILED: int(failed[:, 0].sum())} if failed.any() else {}
        source = self.source([trained, *by_suffix[".csv"]], **facts)
        return tabulate(space, np.array(genotypes, dtype=np.int8), series, {"source": source})


# --- trainings ------------------------------------------------------------------------------------------------------


def _scores() -> list[Metric]:
    """The metrics, in the order of `_numbers`."""

    def metric(name: str, split: Subset, units: str, direction: Direction, about: str) -> Metric:
        return Metric("glue", name, split, units, direction, DIMS[:2], about)

    average = "Mean GLUE score of the eight tasks on their development sets."
    return [
        metric("validation_average", "validation", "points", "maximise", average),
        *(
            metric(f"validation_{task}", "validation", "points", "maximise", f"Score of {task} on development data.")
            for task in TASKS
        ),
        metric("train_seconds", "none", "seconds", "minimise", "Seconds of pretraining on one TPU of eight cores."),
    ]


def _failed(numbers: FloatArray) -> BoolArray:
    """Whether each of the numbers `(r, 10)` is an accuracy of 0, or a mean that includes one."""
    failed = np.zeros(numbers.shape, dtype=np.bool_)
    for place, task in enumerate(TASKS, start=1):
        failed[:, place] = (numbers[:, place] == 0) & (task not in CORRELATIONS)
    failed[:, 0] = failed.any(axis=1)
    return failed


def _id(record: Any, place: str) -> int:
    if not isinstance(record, dict) or type(record.get("id")) is not int:
        raise FileError(f"{place} is not an object with a whole number 'id'")
    return int(record["id"])


def _numbers(record: dict[str, Any], place: str) -> list[float]:
    """Scores and seconds of a training, NaN where it was not completed."""
    scores = record.get("scores")
    if not isinstance(scores, dict):
        raise FileError(f"{place} has no object 'scores'")
    values = {**{name: scores.get(name) for name in (AVERAGE, *TASKS)}, "time_to_train": record.get("time_to_train")}
    return [float(finite([value], f"{place}, {name}")[0]) for name, value in values.items()]


def _genotype(space: FlexiBERT, record: dict[str, Any], place: str) -> list[int]:
    settings = record.get("hparams")
    if not isinstance(settings, dict) or "model_hparam_overrides" not in settings:
        raise FileError(f"{place} has no 'hparams' with 'model_hparam_overrides'")
    try:
        return [int(option) for option in space.genotype(json.dumps(settings["model_hparam_overrides"]))]
    except InputError as error:
        raise InputError(f"{place}: {error}") from error


# --- training-free metrics ------------------------------------------------------------------------------------------


def _metrics(file: Path, ids: Sequence[int], average: FloatArray) -> list[Series]:
    """The columns of the csv file, in the order of the trainings.

    Raises:
        InputError: The file has other trainings: an id is missing, or a score differs.
    """
    frame = read_frame(file, [ID, SCORE, PARAMETERS, *METRICS])
    rows = {number: row for row, number in enumerate(column(frame, ID, file.name).tolist())}
    absent = [number for number in ids if number not in rows]
    if absent or len(rows) != len(ids) or len(frame) != len(ids):
        problem = f"lacks training {absent[0]}" if absent else f"has {len(frame)} rows for {len(ids)} trainings"
        raise InputError(f"{file.name} {problem}; it belongs to another benchmark")
    order = np.array([rows[number] for number in ids])
    differing = np.flatnonzero(column(frame, SCORE, file.name)[order] != average)
    if len(differing):
        raise InputError(f"{file.name} has another GLUE score of training {ids[differing[0]]} than the benchmark")
    parameters = Metric("", "parameters", "none", "count", "minimise", DIMS[:1], "Trainable parameters.")
    series = [Series(parameters, column(frame, PARAMETERS, file.name)[order])]
    for name in METRICS:
        ours = name.lower().replace(" ", "_")
        description = f"{name} at initialisation, before any training."
        metric = Metric("training_free", ours, "none", "none", "none", DIMS[:2], description)
        series.append(Series(metric, column(frame, name, file.name)[order]))
    return series
