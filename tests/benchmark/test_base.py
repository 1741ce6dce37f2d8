"""Properties of a metric, its counterpart on another split, and its round trip through a file."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nasbench.benchmark import hdf5
from nasbench.benchmark.base import Metric
from nasbench.benchmark.hdf5.verify import verify
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import FileError, InputError, NotFoundError


def metric(table: Table, path: str) -> Metric:
    return table.columns[path].metric


def test_static_metrics_are_known_without_training(table: Table) -> None:
    assert [path for path in table.columns if metric(table, path).static] == ["parameters"]
    time, cost = (Metric("", name, "none", "s", "minimise", ("architecture",)) for name in ("train_seconds", "latency"))
    assert (time.trained, time.static) == (True, False)
    assert (cost.trained, cost.static) == (False, True)


def test_cost_path_is_the_training_time_of_the_data_set(table: Table) -> None:
    assert metric(table, "digits/validation_accuracy").cost_path == "digits/train_seconds"
    assert metric(table, "parameters").cost_path == "train_seconds"


def renamed(table: Table, **names: str) -> TabularBenchmark:
    columns = {}
    for column in table.columns.values():
        old = column.metric
        kind = replace(old, dataset=names.get(old.dataset, old.dataset), name=names.get(old.name, old.name))
        columns[kind.path] = Column(kind, column.values, column.missing, column.reasons)
    epochs = {names.get(dataset, dataset): found for dataset, found in table.epochs.items()}
    return TabularBenchmark(replace(table, columns=columns, epochs=epochs))


def test_a_data_set_may_be_called_like_a_split(table: Table) -> None:
    benchmark = renamed(table, digits="validation_half")
    assert benchmark.partner("validation_accuracy", "test").path == "validation_half/test_accuracy"


def test_a_metric_is_never_its_own_counterpart(table: Table) -> None:
    benchmark = renamed(table, validation_accuracy="held_out_accuracy")
    with pytest.raises(NotFoundError, match="'digits/held_out_accuracy' has no counterpart of split 'test'"):
        benchmark.partner("held_out_accuracy", "test")


@pytest.mark.parametrize("name", [3, None, ["validation_accuracy"], {"a": 1}])
def test_the_name_of_a_metric_is_a_string(table: Table, name: Any) -> None:
    benchmark = TabularBenchmark(table)
    for ask in (
        lambda: benchmark.metric(name),
        lambda: benchmark.query([3] * 6, name),
        lambda: benchmark.query([3] * 6, name, seed=np.random.default_rng(0)),
        lambda: benchmark.query_many([[3] * 6], name),
    ):
        with pytest.raises(InputError, match="the name of a metric is a string such as"):
            ask()


def test_schedules_beside_learning_curves_stay_what_they_are(table: Table, tmp_path: Path) -> None:
    """A data set called like the curves of a schedule says nothing about one whose file says that it has curves."""
    columns = dict(table.columns)
    for column in table.columns.values():
        kind = replace(column.metric, dataset="digits@12")
        if column.metric.dataset == "digits":
            columns[kind.path] = Column(kind, column.values, column.missing, column.reasons)
    both = replace(table, columns=columns, epochs={**table.epochs, "digits@12": table.epochs["digits"]})
    hdf5.write(both, tmp_path / "table.h5")
    assert all(column.metric.resumable for column in hdf5.read(tmp_path / "table.h5").columns.values())


@pytest.mark.parametrize("value", [2, -1, 0.5, [1, 0]])
def test_whether_trainings_continue_is_0_or_1(file: Path, value: object) -> None:
    with h5py.File(file, "r+") as opened:
        opened["metrics/digits/validation_accuracy"].attrs["resumable"] = value
    with pytest.raises(FileError, match="attribute 'resumable' is 0 or 1, got"):
        hdf5.read(file)


@pytest.mark.parametrize("resumable", [True, False])
def test_a_file_says_whether_longer_trainings_continue_shorter_ones(
    table: Table, tmp_path: Path, resumable: bool
) -> None:
    def changed(column: Column) -> Column:
        kind = replace(column.metric, resumable=resumable or "epoch" not in column.metric.dims)
        return Column(kind, column.values, column.missing, column.reasons)

    table = replace(table, columns={path: changed(column) for path, column in table.columns.items()})
    hdf5.write(table, tmp_path / "table.h5")
    read = hdf5.read(tmp_path / "table.h5")
    assert {path: column.metric for path, column in read.columns.items()} == {
        path: column.metric for path, column in table.columns.items()
    }
    assert verify(tmp_path / "table.h5") == []
