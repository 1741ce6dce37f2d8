"""NAS-Bench-Macro: one JSON object with three trainings and costs of each network, keyed by its eight digits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import Table
from nasbench.errors import FileError, InputError
from nasbench.importers.base import Importer, one_path
from nasbench.importers.formats.json import read_json
from nasbench.importers.tabulate import Series, tabulate
from nasbench.printable import brief
from nasbench.spaces import spaces

REPEATS = 3


class NASBenchMacro(Importer):
    """The file `nas-bench-macro_cifar10.json`. Its accuracies are test accuracies; the trainings are seeds 0, 1, 2."""

    name = "nas-bench-macro"
    paper = "Su et al. (2021), NAS-Bench-Macro, arXiv:2103.11922; github.com/xiusu/NAS-Bench-Macro"
    licence = "Apache-2.0"

    def read(self, paths: Sequence[Path]) -> Table:
        """The table in one file."""
        path = one_path(paths, "one JSON file")
        content = read_json(path)
        if not isinstance(content, dict) or not content:
            raise FileError(f"{path.name} is not a JSON object of networks")
        rows = [_row(key, record) for key, record in content.items()]
        genotypes = np.array([[int(digit) for digit in key] for key in content], dtype=np.int8)
        numbers = np.array(rows)  # (n, 3 + 2)
        source = self.source([path], rows=len(rows) * REPEATS, architectures=len(rows), skipped={})
        about = "Of one training, of three."
        accuracy = Metric("cifar10", "test_accuracy", "test", "percent", "maximise", ("architecture", "seed"), about)
        series = [Series(accuracy, numbers[:, :REPEATS].ravel())]
        for at, name in enumerate(("parameters", "flops"), REPEATS):
            metric = Metric("", name, "none", "count", "minimise", ("architecture",), "As published.")
            series.append(Series(metric, np.repeat(numbers[:, at], REPEATS)))
        seeds = np.tile(np.arange(REPEATS), len(rows))
        space = spaces.create("macro")
        return tabulate(space, np.repeat(genotypes, REPEATS, axis=0), series, {"source": source}, seeds)


def _row(key: str, record: object) -> list[float]:
    """Three accuracies, parameters and FLOPs of one network."""
    if not re.fullmatch("[0-2]{8}", key):
        raise InputError(f"expected eight digits 0 to 2 as the name of a network, got {brief(key)}")
    if not isinstance(record, dict) or not isinstance(record.get("test_acc"), list):
        raise FileError(f"network {key} has no list 'test_acc'")
    values = [*record["test_acc"], record.get("params"), record.get("flops")]
    if len(values) != REPEATS + 2:
        raise FileError(f"network {key} has {len(values) - 2} accuracies; expected {REPEATS}")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
            raise InputError(f"network {key}: {brief(value)} is not a finite number")
    return [float(value) for value in values]
