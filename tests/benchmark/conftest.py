"""A table small enough to work out on paper."""

from pathlib import Path

import numpy as np
import pytest

from nasbench.benchmark import hdf5
from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import DIMS, Column, Table
from nasbench.spaces import spaces
from nasbench.types import Direction, Subset

NAN = np.nan
GENOTYPES = [[3, 3, 3, 3, 3, 3], [3, 1, 3, 1, 3, 2], [0, 0, 0, 0, 0, 0], [4, 2, 1, 0, 3, 1]]
REASONS = ("diverged at epoch 2", "not trained with this seed", "not evaluated at this epoch")


def column(
    name: str, split: Subset, values: object, missing: object = None, *, units: str = "percent",
    direction: Direction = "maximise", dataset: str = "digits", reasons: tuple[str, ...] = REASONS,
) -> Column:  # fmt: skip
    numbers = np.array(values, dtype=np.float64)
    codes = np.zeros(numbers.shape) if missing is None else np.array(missing)
    metric = Metric(dataset, name, split, units, direction, DIMS[: numbers.ndim], f"The {name}.")
    return Column(metric, numbers, codes.astype(np.uint8), reasons if codes.any() else ())


@pytest.fixture(scope="session")
def table() -> Table:
    """Four cells, seeds 7 and 3, epochs 1, 4 and 12. Cell 2 diverges with seed 3; cell 3 has no number at epoch 12.

    The test accuracy is only measured at epoch 12; there is a second data set, and parameters belong to none.
    """
    validation = [
        [[50, 80, 90.5], [52, 82, 92.5]],
        [[40, 70, 91.0], [44, 74, 93.0]],
        [[10, 10, 11.0], [10, NAN, NAN]],
        [[30, 60, NAN], [34, NAN, NAN]],
    ]
    validation_missing = [[[0] * 3] * 2, [[0] * 3] * 2, [[0, 0, 0], [0, 1, 1]], [[0, 0, 1], [0, 2, 2]]]
    test = [[[NAN, NAN, v] for v in pair] for pair in ((89.5, 91.5), (92.0, 94.0), (12.0, NAN), (NAN, NAN))]
    test_missing = [[[3, 3, c] for c in pair] for pair in ((0, 0), (0, 0), (0, 1), (1, 2))]
    seconds = [
        [[1, 4, 12], [3, 8, 20]],
        [[2, 8, 24], [2, 8, 24]],
        [[1, 4, 12], [1, NAN, NAN]],
        [[5, 20, NAN], [5, NAN, NAN]],
    ]
    columns = [
        column("validation_accuracy", "validation", validation, validation_missing),
        column("test_accuracy", "test", test, test_missing),
        column("train_seconds", "none", seconds, validation_missing, units="seconds", direction="minimise"),
        column("test_accuracy", "test", [60, 61, 1, 20], dataset="cifar100"),
        column("parameters", "none", [500, 400, 10, 200], units="count", direction="minimise", dataset=""),
    ]
    return Table(
        space=spaces.create("nb201"),
        genotypes=np.array(GENOTYPES, dtype=np.int8),
        seeds=(7, 3),
        epochs={"digits": (1, 4, 12)},
        columns={c.metric.path: c for c in columns},
        recipe={"training": {"epochs": 12}, "name": "Löwe"},
        provenance={"python": "3.11"},
    )


@pytest.fixture
def file(table: Table, tmp_path: Path) -> Path:
    path = tmp_path / "table.h5"
    hdf5.write(table, path)
    return path
