"""TFRecord, protocol buffers and the layout of NAS-Bench-101: files written here, damaged ones, and a real one."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.errors import FileError, NasbenchError
from nasbench.importers.formats.tfrecord import crc32c, encode, fields, records, write
from nasbench.importers.nasbench101 import NASBench101

SHARED = Path(__file__).parents[2] / "../shared/tables/ecnas_nb101"
CONV, POOL = "input,conv3x3-bn-relu,output", "input,maxpool3x3,output"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the published files are not here")

VALUES = st.integers(0, 2**64 - 1) | st.floats(allow_nan=False) | st.binary()


def record(epochs: int = 4, ops: str = CONV, accuracy: float = 0.5, **changes: Any) -> bytes:
    evaluations = [
        encode(
            [(1, float(at)), (2, 10.0 * at), (3, accuracy), (4, accuracy / 2), (5, accuracy / 4), (6, b"checkpoint")]
        )
        for at in changes.pop("at", (0, epochs / 2, epochs))
    ]
    message = encode([*((1, one) for one in evaluations), (2, changes.pop("parameters", 1000)), (3, 50.0)])
    message = changes.pop("message", message)
    matrix = changes.pop("matrix", "010001000")
    return json.dumps(["hash", epochs, matrix, ops, base64.encodebytes(message).decode()]).encode()


def table_of(folder: Path, *contents: bytes) -> Any:
    write(folder / "t.tfrecord", contents)
    return NASBench101().read([folder / "t.tfrecord"])


# --- framing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "crc"),
    [
        (b"123456789", 0xE3069283),  # check value of CRC-32C
        (bytes(32), 0x8A9136AA),  # RFC 3720, B.4
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (b"", 0),
    ],
)
def test_published_crcs(content: bytes, crc: int) -> None:
    assert crc32c(np.frombuffer(content, dtype=np.uint8)[None]).tolist() == [crc]


@settings(max_examples=30, deadline=None)
@given(contents=st.lists(st.binary(max_size=40), max_size=8))
def test_records_come_back(contents: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("records") / "r"
    write(path, contents)
    assert list(records(path)) == contents


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 2**29 - 1), st.integers(0, 2**64 - 1) | st.floats(allow_nan=False) | st.binary()))
)
def test_messages_come_back(parts: list[Any]) -> None:
    assert list(fields(encode(parts))) == parts


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-1], "record 2: the file is cut off after"),
        (lambda data: data[: len(data) // 2 + 5], "record 2: the file is cut off in its head"),
        (lambda data: data[:20] + bytes([data[20] ^ 1]) + data[21:], "record 1: wrong CRC of its content"),
        (lambda data: data[:8] + bytes([data[8] ^ 1]) + data[9:], "record 1: wrong CRC of its length"),
        (lambda data: data + b"\xff" * 12, "record 3: a length of .* bytes is damage"),
    ],
)
def test_damaged_files(tmp_path: Path, change: Any, message: str) -> None:
    path = tmp_path / "t.tfrecord"
    write(path, [record(), record()])
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(FileError, match=f"t.tfrecord, {message}"):
        NASBench101().read([path])


# --- layout -----------------------------------------------------------------------------------------------------------


def test_budgets_repeats_and_halves(tmp_path: Path) -> None:
    table = table_of(tmp_path, record(4), record(12, accuracy=0.75), record(4, accuracy=0.25), record(4, POOL))
    assert (table.seeds, dict(table.epochs)) == ((0, 1), {"cifar10": (4, 12)})
    accuracy = table.columns["cifar10/validation_accuracy"]
    np.testing.assert_array_equal(accuracy.values[0], [[25, 37.5], [12.5, np.nan]])
    assert accuracy.metric.split == "validation"
    assert accuracy.reasons == ("no such row in the source",)
    np.testing.assert_array_equal(table.columns["cifar10/halfway_test_accuracy"].values[0, :, 0], [12.5, 6.25])
    np.testing.assert_array_equal(table.columns["cifar10/train_seconds"].values[0, 0], [40, 120])
    np.testing.assert_array_equal(table.columns["cifar10/halfway_train_seconds"].values[0, 0], [20, 60])
    assert table.columns["parameters"].values.tolist() == [1000, 1000]


def test_without_an_evaluation_at_half_the_budget_there_is_no_such_metric(tmp_path: Path) -> None:
    assert not [name for name in table_of(tmp_path, record(at=(0, 1, 4))).columns if "halfway" in name]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[1, 2]", "expected a list of hash"),
        (record(0), "0 epochs are not a budget"),
        (record(matrix="01"), "is not a matrix of zeros and ones for 3 operations"),
        (record(ops="input,conv,output"), "unknown operation 'conv'"),
        (record(message=b"\x0a\x7f"), "not a protocol buffer message: field 1 is cut off"),
        (record(message=b"\x0b"), "unknown kind 3"),
        (record(message=b"\xff" * 11), "longer than 10 bytes"),
        (record(accuracy=float("nan")), "train_accuracy is nan, expected a number from 0 to 1"),
        (record(accuracy=float("inf")), "train_accuracy is inf"),
        (record(at=(4, 2)), "which do not increase"),
        (b'["h", 4, "010001000", "input,maxpool3x3,output", "a"]', "no base64"),
    ],
)
def test_bad_records(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(FileError, match=f"t.tfrecord, record 2: .*{message}"):
        table_of(tmp_path, record(), content)


def test_parameters_of_one_architecture_agree(tmp_path: Path) -> None:
    with pytest.raises(NasbenchError, match=r"row 2: parameters is 7.0, but an earlier row of its architecture says"):
        table_of(tmp_path, record(), record(parameters=7))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_mutated_bytes_are_read_or_refused(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    content = bytearray(record())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        table_of(tmp_path_factory.mktemp("mutated"), bytes(content))
    except NasbenchError as error:
        assert "\n" not in str(error)


# --- published files ---------------------------------------------------------------------------------------------


@needs_shared
def test_every_number_of_a_published_file() -> None:
    table = NASBench101().read([SHARED / "raw/datasets/carbon_4V9E.tfrecord"])
    lines = [json.loads(line) for line in (SHARED / "carbon_4V9E.jsonl").read_text().splitlines()]
    assert len(lines) == 84
    hashes = table.space.published_hash(table.genotypes)  # type: ignore[attr-defined]
    seen: dict[Any, int] = {}
    for line in lines:
        where = line["hash"], line["epochs"]
        seed = seen[where] = seen.get(where, -1) + 1
        place = hashes.index(line["hash"]), seed, table.epochs["cifar10"].index(line["epochs"])
        last = line["evaluation_data"][-1]
        for split in ("train", "validation", "test"):
            assert table.columns[f"cifar10/{split}_accuracy"].values[place] == 100 * last[f"{split}_accuracy"]
        assert table.columns["cifar10/train_seconds"].values[place] == last["training_time"]
        assert table.columns["cifar10/total_seconds"].values[place] == line["total_time"]
        assert table.columns["parameters"].values[place[0]] == line["trainable_parameters"]
    assert not any(column.missing.any() for column in table.columns.values())
