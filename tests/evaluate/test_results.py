"""Result files survive the round trip and refuse what they are not."""

import json
from pathlib import Path

import numpy as np
import pytest

from nasbench.errors import FileError
from nasbench.evaluate.results import Results


def example() -> Results:
    records = [{"strategy": "random", "regret": np.float64(1.5), "test": float("nan"), "repeat": np.int64(0)}]
    return Results("comparison", "b.h5", "nb201", "digits/validation_accuracy", "percent", {"repeats": 1}, records)


def test_round_trip_with_missing_numbers_as_none(tmp_path: Path) -> None:
    example().write(tmp_path / "r.json")
    back = Results.read(tmp_path / "r.json")
    assert back.records == [{"strategy": "random", "regret": 1.5, "test": None, "repeat": 0}]
    assert back.settings == {"repeats": 1}
    assert back.provenance["python"]


def test_json_is_strict(tmp_path: Path) -> None:
    example().write(tmp_path / "r.json")
    json.loads((tmp_path / "r.json").read_text(), parse_constant=lambda constant: pytest.fail(constant))


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": "nasbench-results", "version": 99}', "\x00\x01", 100_000 * "["]
)
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(FileError, match="is not a result file"):
        Results.read(tmp_path / "r.json")


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"format": "nasbench-results", "version": 1, "kind": "comparison"}')
    with pytest.raises(FileError, match="is damaged"):
        Results.read(tmp_path / "r.json")


@pytest.mark.parametrize(
    ("name", "value"),
    [("settings", 1), ("records", "abc"), ("records", ["abc"]), ("summary", None), ("provenance", []), ("kind", 3)],
)
def test_a_value_of_another_type_is_refused(tmp_path: Path, name: str, value: object) -> None:
    example().write(tmp_path / "r.json")
    content = json.loads((tmp_path / "r.json").read_text())
    (tmp_path / "r.json").write_text(json.dumps({**content, name: value}))
    with pytest.raises(FileError, match=f"is damaged: '{name}' is of another type; make it again"):
        Results.read(tmp_path / "r.json")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot read"):
        Results.read(tmp_path / "none.json")
