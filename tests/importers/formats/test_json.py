"""Untrusted JSON."""

import bz2
import math
from pathlib import Path

import numpy as np
import pytest

from nasbench.errors import FileError
from nasbench.importers.formats.json import finite, parse_json, read_json


def test_values_packed_or_not(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b'{"a": [1, null]}')
    (tmp_path / "b").write_bytes(bz2.compress(b'{"a": [1, null]}'))
    assert read_json(tmp_path / "a") == read_json(tmp_path / "b") == {"a": [1, None]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "p cannot be read as json: Expecting"),
        (b"\xff", "can't decode byte"),
        (b'{"a": 1, "a": 1}', "a name occurs twice in one object"),
        (b"[" * 100_000, "recursion"),
        (b"9" * 10_000, "integer string conversion"),
    ],
)
def test_bad_content_is_one_line(content: bytes, message: str) -> None:
    with pytest.raises(FileError, match=message) as caught:
        parse_json(content, "p")
    assert "\n" not in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no file"):
        read_json(tmp_path / "a")


def test_numbers() -> None:
    found = finite([3, 0.5, None, math.nan, -math.inf], "a")
    np.testing.assert_array_equal(found, [3, 0.5, np.nan, np.nan, np.nan])
    for value in (True, "3", [3], 10**400):
        with pytest.raises(FileError, match=r"what: .* is not a number"):
            finite([1, value], "what")
