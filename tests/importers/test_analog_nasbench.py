"""AnalogNAS-Bench: a small file by hand, the published file, and what is refused."""

import pickle
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nasbench
from nasbench.benchmark.table import Table
from nasbench.cli import main
from nasbench.errors import FileError, InputError, MissingExtraError, NasbenchError
from nasbench.importers.analog_nasbench import ACCURACIES, DRIFT_TIMES, DRIFTS, AnalogNASBench
from nasbench.importers.csv import CSV
from nasbench.spaces.nb201 import NB201

ORIGINAL = Path(__file__).parents[2] / "../shared/tables/nb201_nasgraph/raw/nasbench201_cifar10.csv"
NAMES = [*ACCURACIES, *(f"{what}_drift_{seconds}" for what in DRIFTS for seconds in DRIFT_TIMES)]

published = pytest.mark.skipif(find_spec("analognasbench") is None, reason="analog-nasbench is not installed")


def pickled(monkeypatch: pytest.MonkeyPatch, cells: dict[Any, dict[str, Any]]) -> bytes:
    """Objects of the source's two classes, written as the source writes them."""
    module = ModuleType("analognasbench.data")
    for name in ("Architecture", "DriftMeasurement"):
        setattr(module, name, type(name, (), {"__module__": module.__name__}))

    def made(name: str, attributes: dict[str, Any]) -> Any:
        thing = getattr(module, name)()
        vars(thing).update(attributes)
        return thing

    def drifts(value: Any) -> Any:
        return made("DriftMeasurement", value) if isinstance(value, dict) else value

    objects = {
        cell: made("Architecture", {name: drifts(v) for name, v in record.items()}) for cell, record in cells.items()
    }
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "analognasbench", ModuleType("analognasbench"))
        patch.setitem(sys.modules, module.__name__, module)
        return pickle.dumps(objects, 4)


def record(cell: Any, **changed: Any) -> dict[str, Any]:
    """The numbers of a cell: 0, 1, 2, ... percent in the order of the source, drifts with 0.5 points."""
    numbers: dict[str, Any] = {name: float(at) for at, name in enumerate(NAMES)}
    for name in NAMES[len(ACCURACIES) :]:
        numbers[name] = {"value": numbers[name], "uncertainty": 0.5}
    return {"architecture": cell, **numbers, **changed}


def write(folder: Path, content: bytes) -> Path:
    path = folder / "data.anb"
    path.write_bytes(content)
    return path


@pytest.fixture(scope="module")
def table() -> Table:
    return AnalogNASBench().read()


def test_codes_become_operations_and_drifts_two_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = (0, 1, 2, 3, 4, 0)
    table = AnalogNASBench().read([write(tmp_path, pickled(monkeypatch, {cell: record(cell)}))])
    ops = "|skip_connect~0|+|none~0|nor_conv_1x1~1|+|nor_conv_3x3~0|avg_pool_3x3~1|skip_connect~2|"
    assert table.space.to_string(table.genotypes[0]) == ops
    values = {path.removeprefix("cifar10/"): float(column.values[0]) for path, column in table.columns.items()}
    assert len(values) == 5 + 2 * 8
    assert (values["test_accuracy"], values["noisy_test_accuracy"], values["analog_test_accuracy"]) == (0, 3, 4)
    assert (values["noisy_60s_test_accuracy"], values["noisy_2592000s_test_accuracy"]) == (5, 8)
    assert (values["analog_60s_test_accuracy"], values["analog_60s_test_accuracy_sd"]) == (9, 0.5)
    assert {column.metric.split for column in table.columns.values()} == {"test"}
    units = {path[-3:]: (column.metric.units, column.metric.direction) for path, column in table.columns.items()}
    assert units == {"acy": ("percent", "maximise"), "_sd": ("percentage points", "none")}


@pytest.mark.parametrize(
    ("key", "changed", "message"),
    [
        ((0, 1, 2, 3, 4, 5), {}, "expected six codes 0 to 4"),
        ((0, 1, 2, 3, 4), {}, "expected six codes 0 to 4"),
        ((0,) * 6, {"architecture": (1,) * 6}, "the record is not of this cell"),
        ((0,) * 6, {"ptq_accuracy": 100.5}, r"ptq_accuracy is 100.5, expected a number from 0 to 100"),
        ((0,) * 6, {"qat_accuracy": float("nan")}, r"qat_accuracy is nan, expected a number"),
        ((0,) * 6, {"analog_drift_60": "10 ± 1"}, r"cell \(0, 0, 0, 0, 0, 0\) has no analog_drift_60"),
        ((0,) * 6, {"baseline_drift_60": {"value": 1.0}}, r"baseline_drift_60 is None, expected"),
    ],
    ids=["code", "length", "other", "range", "nan", "text", "half"],
)
def test_bad_records_are_named(
    key: Any, changed: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, pickled(monkeypatch, {key: record(key, **changed)}))
    with pytest.raises(FileError, match=message):
        AnalogNASBench().read([path])


def test_bad_files_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileError, match="is not a dictionary of cells"):
        AnalogNASBench().read([write(tmp_path, pickle.dumps([]))])
    with pytest.raises(FileError, match="is a folder, expected a file"):
        AnalogNASBench().read([tmp_path])
    with pytest.raises(InputError, match=r"expected no path, or one file data\.anb, got 2 paths"):
        AnalogNASBench().read([tmp_path, tmp_path])
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "analognasbench", raising=False)
    with pytest.raises(MissingExtraError, match=r"pip install 'nasbench\[analog\]'"):
        AnalogNASBench().read()


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_mutated_bytes_are_a_table_or_one_line(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    cells = {(code,) * 6: record((code,) * 6) for code in range(2)}
    content = pickled(pytest.MonkeyPatch(), cells)
    at, put = data.draw(st.integers(0, len(content))), data.draw(st.binary(max_size=6))
    path = write(tmp_path_factory.mktemp("fuzz"), content[:at] + put + content[at + len(put) :])
    try:
        AnalogNASBench().read([path])
    except NasbenchError as error:
        assert "\n" not in str(error)


@published
def test_every_cell_has_every_number(table: Table) -> None:
    assert len(table.genotypes) == NB201().size == 15_625
    assert len(table.columns) == 21
    assert not any(column.missing.any() for column in table.columns.values())
    for path, column in table.columns.items():
        low, high = (0, 12) if path.endswith("_sd") else (7, 95)
        assert low <= column.values.min() and column.values.max() <= high, path
    blind = NB201().is_constant(table.genotypes)
    assert blind.sum() == 341
    assert set(table.columns["cifar10/test_accuracy"].values[blind]) == {10.0}


@published
@pytest.mark.parametrize(
    ("name", "value", "cell"),
    [
        (
            "test_accuracy",
            94.0664,
            "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|",
        ),
        (
            "ptq_test_accuracy",
            93.8408,
            "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|",
        ),
        (
            "qat_test_accuracy",
            93.5448,
            "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|",
        ),
        (
            "noisy_test_accuracy",
            88.352,
            "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|",
        ),
        (
            "analog_test_accuracy",
            91.326,
            "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|",
        ),
        (
            "noisy_2592000s_test_accuracy",
            64.73,
            "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_3x3~2|",
        ),
        (
            "analog_2592000s_test_accuracy",
            90.0,
            "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|",
        ),
    ],
)
def test_best_cells(table: Table, name: str, value: float, cell: str) -> None:
    values = table.columns[f"cifar10/{name}"].values
    assert values.max() == pytest.approx(value, abs=1e-9)
    assert table.space.to_string(table.genotypes[values.argmax()]) == cell


@published
@pytest.mark.skipif(not ORIGINAL.exists(), reason="the published tables are not here")
def test_it_is_a_training_of_its_own_of_the_original_cells(table: Table) -> None:
    """The original here trained on half of the data, whose test accuracy is lower, and most so for poor cells."""
    column = ["test_accuracy=test accuracy"]
    original = CSV("nb201", column, arch_column="arch str", dataset="half").read([ORIGINAL])
    theirs, ours = (one.space.code(one.genotypes) for one in (original, table))
    half = original.columns["half/test_accuracy"].values[np.argsort(theirs)]
    for name, correlation in (("test", 0.9944), ("ptq_test", 0.9807), ("noisy_test", 0.4527)):
        whole = table.columns[f"cifar10/{name}_accuracy"].values[np.argsort(ours)]
        assert np.corrcoef(half, whole)[0, 1] == pytest.approx(correlation, abs=5e-5)
    whole = table.columns["cifar10/test_accuracy"].values[np.argsort(ours)]
    assert np.mean(whole - half) == pytest.approx(3.38, abs=0.01)


@published
def test_the_command_needs_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["nasbench", "import", "analog-nasbench", "--out", str(tmp_path / "analog.h5")])
    with pytest.raises(SystemExit) as done:
        main()
    assert not done.value.code
    benchmark = nasbench.load(tmp_path / "analog.h5")
    cell = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"
    assert benchmark.query(cell, "test_accuracy").value == pytest.approx(60.7836)
    assert benchmark.complete
