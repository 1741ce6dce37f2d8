import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nasbench.benchmark import hdf5
from nasbench.benchmark.hdf5 import attributes
from nasbench.benchmark.hdf5.packing import divisor_of, unpack
from nasbench.benchmark.hdf5.verify import describe, verify
from nasbench.benchmark.table import Table
from nasbench.errors import FileError


def test_a_sound_file_has_no_findings(file: Path) -> None:
    assert verify(file) == []


def _number(content: Any) -> None:
    content["metrics/digits/validation_accuracy"][0, 0, 0] = 50.5


def _units(content: Any) -> None:
    attributes.put(content["metrics/parameters"], "units", "percent")


def _reason(content: Any) -> None:
    attributes.put(content["missing/digits/test_accuracy"], "reasons", ["a", "b", "c"])


def _recipe(content: Any) -> None:
    attributes.put(content, "recipe", "{}")


def _added(content: Any) -> None:
    content["extra"] = [1, 2, 3]


def _taken_away(content: Any) -> None:
    del content["metrics/parameters"]


def _checksum(content: Any) -> None:
    del content["genotypes"].attrs["sha256"]


@pytest.mark.parametrize(
    ("edit", "places"),
    [
        (_number, ["/metrics/digits/validation_accuracy"]),
        (_units, ["/metrics/parameters"]),
        (_reason, ["/missing/digits/test_accuracy"]),
        (_recipe, ["/"]),
        (_added, ["/extra", "/"]),
        (_taken_away, ["/"]),
        (_checksum, ["/genotypes", "/"]),
    ],
)
def test_a_change_is_found(file: Path, edit: Callable[[Any], None], places: list[str]) -> None:
    with h5py.File(file, "r+") as content:
        edit(content)
    assert [finding.partition(":")[0] for finding in verify(file)] == places


def test_a_rotten_byte_is_found(file: Path) -> None:
    with h5py.File(file) as content:
        start = content["metrics/digits/validation_accuracy"].id.get_chunk_info(0).byte_offset
    whole = bytearray(file.read_bytes())
    whole[start + 5] ^= 0xFF
    file.write_bytes(whole)
    findings = verify(file)
    assert any("/metrics/digits/validation_accuracy" in finding for finding in findings)


def _sealed(file: Path, edit: Callable[[Any], None]) -> list[str]:
    """Findings after a change with updated checksums: only the meaning is wrong."""
    with h5py.File(file, "r+") as content:
        edit(content)
        for _, thing in hdf5.objects(content):
            if isinstance(thing, h5py.Dataset):
                attributes.put(thing, "sha256", hdf5.digest(thing))
        attributes.put(content, "sha256", hdf5.root_digest(content))
    return verify(file)


def _assign(path: str, at: Any, value: float) -> Callable[[Any], None]:
    """Put a number into an array, which becomes float64 in case no integer can hold it."""

    def edit(content: Any) -> None:
        old = content[path]
        if "scale_factor" in old.attrs:
            numbers = unpack(old[()], divisor_of(old.attrs["scale_factor"]))
            numbers[at] = value
            kept = {name: old.attrs[name] for name in ("units", "split", "direction", "description", "dims")}
            del content[path]
            content[path] = numbers
            content[path].attrs.update(kept)
        else:
            old[at] = value

    return edit


@pytest.mark.parametrize(
    ("path", "at", "value", "message"),
    [
        ("architecture", 1, -5, "/architecture: key 1 is -5, recomputed"),
        ("metrics/digits/validation_accuracy", (0, 0, 0), 100.5, "100.5 at (0, 0, 0) is not a percentage"),
        ("metrics/digits/train_seconds", (0, 0, 2), 3.5, "3.5 at (0, 0, 2) is less than at the epoch before (1 such)"),
        ("metrics/digits/train_seconds", (1, 0, 0), 0.0, "0.0 at (1, 0, 0) is not a positive time"),
        ("metrics/parameters", 0, 10.5, "10.5 at (0,) is not a count"),
        ("metrics/parameters", 0, np.nan, "NaN exactly where missing says why"),
    ],
)
def test_a_wrong_meaning_is_found(file: Path, path: str, at: Any, value: float, message: str) -> None:
    (finding,) = _sealed(file, _assign(path, at, value))
    assert message in finding


def test_what_is_no_benchmark_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "other.h5").write_bytes(b"other")
    for ask in (verify, describe):
        with pytest.raises(FileError, match="not an HDF5 file"):
            ask(tmp_path / "other.h5")


def test_describe(file: Path) -> None:
    content = describe(file)
    assert json.loads(json.dumps(content)) == content
    facts = ("kind", "space", "space_size", "architectures", "complete", "seeds")
    assert [content[name] for name in facts] == ["tabular", "nb201", 15_625, 4, False, [7, 3]]
    test = next(metric for metric in content["metrics"] if metric["metric"] == "digits/test_accuracy")
    assert {k: test[k] for k in ("units", "split", "direction", "epochs", "seeds", "least", "most", "missing")} == {
        "units": "percent", "split": "test", "direction": "maximise", "epochs": "12", "seeds": 2,
        "least": 12.0, "most": 94.0, "missing": 19,
    }  # fmt: skip
    assert content["recipe"]["name"] == "Löwe"
    assert content["bytes"] == file.stat().st_size


def test_describe_a_table_of_nothing_but_architectures(table: Table, tmp_path: Path) -> None:
    hdf5.write(replace(table, columns={}, epochs={}, seeds=()), tmp_path / "bare.h5")
    assert describe(tmp_path / "bare.h5")["metrics"] == []
    assert verify(tmp_path / "bare.h5") == []
