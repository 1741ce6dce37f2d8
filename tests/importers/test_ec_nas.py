"""EC-NAS: energy and carbon of a training, in lines of JSON and in TFRecords, and what is refused."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.benchmark.table import Table
from nasbench.errors import FileError, NasbenchError
from nasbench.importers.ec_nas import ECNAS
from nasbench.importers.formats.tfrecord import encode, write
from nasbench.importers.nasbench101 import NASBench101

SHARED = Path(__file__).parents[2] / "../shared/tables/ecnas_nb101"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the published files are not here")


def line(epochs: Any = 4, **changes: Any) -> str:
    """A training whose numbers are its epochs times 1, 2, ... by field."""
    numbers = {"current_epoch": 1, "training_time": 2, **{f"f{k}": k for k in (6, 7, 8)}, "f9": "2022-05-16 07:52:15"}
    accuracies = {"train_accuracy": 0.5, "validation_accuracy": 0.25, "test_accuracy": 0.125}
    evaluations = [
        {**accuracies, **{name: at * n if isinstance(n, int) else n for name, n in numbers.items()}}
        for at in (0.0, 1.0, 4.0)
    ]
    evaluations[-1] |= {"f11": 11.0, "f12": 12.0, "f13": 13.0, "f14": 14.0}
    record = {
        "hash": "h",
        "epochs": epochs,
        "adjacency": "010001000",
        "operations": "input,conv3x3-bn-relu,output",
        "evaluation_data": evaluations,
        "trainable_parameters": 1000,
        "total_time": 50.0,
    }
    return json.dumps({**record, **changes})


def read(folder: Path, *lines: str) -> Table:
    path = folder / "carbon.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return ECNAS().read([path])


def test_numbers_of_a_training_by_hand(tmp_path: Path) -> None:
    table = read(tmp_path, line(), line(), line(operations="input,maxpool3x3,output", trainable_parameters=7))
    assert (table.seeds, dict(table.epochs), len(table.genotypes)) == ((0, 1), {"cifar10": (4,)}, 2)
    values = {path: column.values[0].tolist() for path, column in table.columns.items()}
    assert values.pop("parameters") == 1000
    assert values == {
        f"cifar10/{name}": [[number], [number]]
        for name, number in {
            "train_accuracy": 50, "validation_accuracy": 25, "test_accuracy": 12.5,
            "train_seconds": 8, "total_seconds": 50,
            "train_energy": 24, "train_carbon": 28, "carbon_intensity": 32,
            "predicted_train_energy": 11, "predicted_train_carbon": 12,
            "predicted_train_seconds": 13, "predicted_carbon_intensity": 14,
        }.items()
    }  # fmt: skip
    facts = {path: (column.metric.units, column.metric.direction) for path, column in table.columns.items()}
    assert facts["cifar10/train_energy"] == ("kWh", "minimise")
    assert facts["cifar10/train_carbon"] == ("g CO2eq", "minimise")
    assert facts["cifar10/carbon_intensity"] == ("g CO2eq per kWh", "none")
    assert facts["cifar10/predicted_train_energy"][1] == "none"


def test_energy_of_a_whole_training_is_in_the_message(tmp_path: Path) -> None:
    last = encode([(1, 4.0), (2, 8.0), (3, 0.5), (4, 0.5), (5, 0.5), (6, 24.0), (7, 28.0), (9, b"2022-05-16")])
    message = encode([(1, last), (2, 1000), (3, 50.0), (4, 25.0), (5, 30.0), (6, b"2022-05-16")])
    record = ["h", 4, "010001000", "input,conv3x3-bn-relu,output", base64.encodebytes(message).decode()]
    write(tmp_path / "t.tfrecord", [json.dumps(record).encode()])
    table = ECNAS().read([tmp_path / "t.tfrecord"])
    got = {name: table.columns[f"cifar10/{name}"].values.item() for name in ("train_energy", "total_energy")}
    assert got == {"train_energy": 24, "total_energy": 25}
    assert table.columns["cifar10/total_carbon"].values.item() == 30
    assert "cifar10/predicted_train_energy" not in table.columns


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "line 2 cannot be read as json"),
        ("[]", "line 2: expected an object with epochs, adjacency, operations, evaluation_data"),
        (line("4"), "line 2: expected an object with epochs"),
        (line(True), "line 2: expected an object with epochs"),
        (line(0), "line 2: 0 epochs are not a budget"),
        (line(evaluation_data=[1]), "line 2: evaluation_data is not a list of objects"),
        (line(adjacency="0101"), "line 2: '0101' is not a matrix"),
        (line(evaluation_data=[{"current_epoch": 4.0, "f6": -1}]), "line 2: train_energy is -1, expected a number"),
        (line(evaluation_data=[{"current_epoch": 4.0, "f7": "1"}]), "line 2: train_carbon is '1', expected a number"),
        (line(evaluation_data=[{"current_epoch": 4.0, "f7": None}]), "line 2: train_carbon is None"),
        (line(total_time=[]), "line 2: total_time is"),
    ],
)
def test_bad_lines(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(FileError, match=f"carbon.jsonl, {message}"):
        read(tmp_path, line(), content)


def test_a_file_is_named_and_holds_something(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no file"):
        ECNAS().read([tmp_path / "no.jsonl"])
    with pytest.raises(FileError, match=r"carbon.jsonl has no records"):
        read(tmp_path, "")


@settings(max_examples=100, deadline=None)
@given(at=st.integers(0, 900), put=st.binary(min_size=1, max_size=4))
def test_mutated_bytes_are_read_or_refused(at: int, put: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("mutated") / "t.jsonl"
    content = line().encode()
    path.write_bytes(content[:at] + put + content[at + len(put) :])
    try:
        ECNAS().read([path])
    except NasbenchError as error:
        assert "\n" not in str(error)


@needs_shared
def test_both_published_forms_are_one_table_and_extend_nas_bench_101() -> None:
    lines = ECNAS().read([SHARED / "carbon_4V9E.jsonl"])
    records = ECNAS().read([SHARED / "raw/datasets/carbon_4V9E.tfrecord"])
    plain = NASBench101().read([SHARED / "raw/datasets/carbon_4V9E.tfrecord"])
    assert records.recipe["source"]["rows"] == 84 and len(records.genotypes) == 7
    assert set(records.columns) - set(lines.columns) == {"cifar10/total_energy", "cifar10/total_carbon"}
    for shorter in (lines, plain):
        assert np.array_equal(shorter.genotypes, records.genotypes)
        for path, column in shorter.columns.items():
            assert np.array_equal(column.values, records.columns[path].values), path
    energy = records.columns["cifar10/train_energy"].values
    assert (np.diff(energy, axis=2) > 0).all()  # more epochs take more
    assert (energy < records.columns["cifar10/total_energy"].values).all()
    np.testing.assert_allclose(energy.mean(axis=(0, 1)), [0.0215, 0.0649, 0.2000, 0.6181], atol=5e-5)
    predicted = records.columns["cifar10/predicted_train_energy"].values
    assert 1 < np.median(predicted / energy) < 1.25  # the first epoch is dearer than the mean one
