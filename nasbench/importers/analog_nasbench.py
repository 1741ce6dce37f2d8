"""AnalogNAS-Bench: the cells of NAS-Bench-201, retrained and run on simulated analogue hardware with drift."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nasbench.benchmark.base import POINTS, Metric
from nasbench.benchmark.table import DIMS, Table
from nasbench.errors import FileError
from nasbench.importers.base import Importer, one_path, regular
from nasbench.importers.formats import pickle as plain_pickle
from nasbench.importers.hw_nas_bench import CODES, ORDER
from nasbench.importers.installed import folder_of
from nasbench.importers.tabulate import Series, tabulate
from nasbench.printable import brief
from nasbench.spaces import spaces

DATASET = "cifar10"
ARCHITECTURE, DRIFT = "analognasbench.data.Architecture", "analognasbench.data.DriftMeasurement"
"""Classes of the source: a cell with its numbers, and a number with its standard deviation."""
ACCURACIES = {
    "baseline_accuracy": ("test_accuracy", "Trained for 200 epochs on the whole training set, in floating point"),
    "ptq_accuracy": ("ptq_test_accuracy", "The trained network, quantised after training"),
    "qat_accuracy": ("qat_test_accuracy", "The trained network, quantised while it was trained on"),
    "noisy_accuracy": ("noisy_test_accuracy", "The trained network as it is on noisy analogue hardware"),
    "analog_accuracy": ("analog_test_accuracy", "Trained on with the noise of analogue hardware, and run on it"),
}
"""Our name and the description, by name in the source."""
DRIFTS = {"baseline": "noisy", "analog": "analog"}
"""Prefix of our accuracy of the drifting network, by its name in the source."""
DRIFT_TIMES = {60: "one minute", 3_600: "one hour", 86_400: "one day", 2_592_000: "30 days"}


class AnalogNASBench(Importer):
    """The file `data.anb` of the package analog-nasbench: thirteen accuracies of each cell.

    All are accuracies on the test images of CIFAR-10 and must stay hidden from a search: use them to score, or for
    predictors. According to the published training script (the file does not say), they are means of 25 evaluations, in
    which test images are cropped and flipped at random.
    """

    name = "analog-nasbench"
    paper = "AnalogNAS-Bench (2025), arXiv:2506.18495; github.com/IBM/analog-nas, on PyPI as analog-nasbench"

    def read(self, paths: Sequence[Path] = ()) -> Table:
        """The table in a file `data.anb`, by default the one of the installed package.

        Raises:
            MissingExtraError: No path is given, and the package is not installed.
        """
        path = one_path(paths, "no path, or one file data.anb") if paths else _installed()
        content = plain_pickle.read(regular(path), (ARCHITECTURE, DRIFT))
        if not isinstance(content, dict) or not content:
            raise FileError(f"{path.name} is not a dictionary of cells")
        codes = np.array([_cell(key, record) for key, record in content.items()], dtype=np.int64)  # (n, 6)
        metrics = _metrics()
        numbers = np.array([_row(key, record) for key, record in content.items()])  # (n, 5 + 2 * 8)
        series = [Series(metric, column) for metric, column in zip(metrics, numbers.T, strict=True)]
        genotypes = CODES[codes[:, ORDER]].astype(np.int8)
        source = self.source([path], rows=len(codes), architectures=len(codes), skipped={})
        return tabulate(spaces.create("nb201"), genotypes, series, {"source": source})


def _installed() -> Path:
    """The file of the installed package."""
    return folder_of("analognasbench", "analog-nasbench", "analog") / "data.anb"


def _fields() -> list[tuple[str, str, str]]:
    """Name in the source, our name and description of each drift."""
    return [
        (f"{network}_drift_{seconds}", f"{ours}_{seconds}s_test_accuracy", f"As {ours}_test_accuracy, {when} later")
        for network, ours in DRIFTS.items()
        for seconds, when in DRIFT_TIMES.items()
    ]


def _metrics() -> list[Metric]:
    """The metrics, in the order of `_row`."""
    metrics = []
    for name, told in ACCURACIES.values():
        metrics.append(Metric(DATASET, name, "test", "percent", "maximise", DIMS[:1], f"{told}."))
    for _, name, told in _fields():
        metrics.append(Metric(DATASET, name, "test", "percent", "maximise", DIMS[:1], f"{told}: mean of repeats."))
        spread = f"{told}: standard deviation of repeats."
        metrics.append(Metric(DATASET, f"{name}_sd", "test", POINTS, "none", DIMS[:1], spread))
    return metrics


def _cell(key: Any, record: Any) -> tuple[int, ...]:
    """The six codes of a cell."""
    valid = type(key) is tuple and len(key) == len(ORDER) and all(type(code) is int and 0 <= code < 5 for code in key)
    if not valid:
        raise FileError(f"expected six codes 0 to 4 as the name of a cell, got {brief(key)}")
    if not isinstance(record, dict) or record.get("architecture") != key:
        raise FileError(f"cell {key}: the record is not of this cell")
    cell: tuple[int, ...] = key
    return cell


def _row(key: Any, record: Any) -> list[float]:
    """The numbers of a cell: the accuracies, then each drift with its standard deviation."""
    row = [_percent(key, name, record.get(name)) for name in ACCURACIES]
    for name, _, _ in _fields():
        drift = record.get(name)
        if not isinstance(drift, dict):
            raise FileError(f"cell {key} has no {name}")
        row += [_percent(key, name, drift.get(part)) for part in ("value", "uncertainty")]
    return row


def _percent(key: Any, name: str, value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value <= 100:
        raise FileError(f"cell {key}: {name} is {brief(value)}, expected a number from 0 to 100")
    return float(value)
