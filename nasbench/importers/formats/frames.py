"""Files of rows and named columns (csv, tsv, json lines, parquet) as text, and their numbers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.errors import FileError, InputError, MissingExtraError
from nasbench.importers.base import regular
from nasbench.importers.formats.unpack import unpacked
from nasbench.types import BoolArray, FloatArray

if TYPE_CHECKING:
    import pandas as pd

SEPARATORS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".ndjson")
PACKED = (".gz", ".xz", ".bz2")
NOT_NUMBERS = ("", "nan", "na", "n/a", "null", "none")
"""Texts that stand for a missing number, in any case."""
LISTED = 20
"""Most columns that a message names."""


def numbers(texts: pd.Series[str]) -> tuple[FloatArray, BoolArray]:
    """The numbers of a column `(n,)`, NaN where missing, and which of its texts are no finite number `(n,)`."""
    import pandas as pd

    texts = texts.str.strip()
    values = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64, copy=True)
    missing = texts.str.lower().isin(NOT_NUMBERS).to_numpy()
    return values, np.isinf(values) | (np.isnan(values) & ~missing)


def column(frame: pd.DataFrame, name: str, place: str, least: float = -np.inf, most: float = np.inf) -> FloatArray:
    """The numbers of a column of a frame `(n,)`, NaN where missing.

    Raises:
        InputError: A text is not a finite number from `least` to `most`; says in which row and column of `place`.
    """
    values, broken = numbers(frame[name])
    outside = broken | (values < least) | (values > most)
    if outside.any():
        row = int(np.argmax(outside))
        kind = "finite number" if broken[row] else f"number from {least:g} to {most:g}"
        what = f"{frame[name].iloc[row][:80]!r} is not a {kind}"
        raise InputError(f"{place}, row {frame.index[row]}, column {name!r}: {what}")
    return values


def read_frame(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """The named columns of a file as text, with rows counted from 1 after the header.

    Raises:
        FileError: The file cannot be read as what its name says it is, or lacks a column.
    """
    import pandas as pd

    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = bool(suffixes) and suffixes[-1] in PACKED
    kind = suffixes[-1 - packed] if len(suffixes) > packed else ""
    regular(path)
    try:
        if kind == ".parquet":
            frame = _parquet(path)
        elif kind in (*SEPARATORS, *JSON_LINES):
            stream = io.BytesIO(unpacked(path))
            if kind in JSON_LINES:
                frame = _texts(pd.DataFrame(_json_lines(stream)))
            else:
                frame = pd.read_csv(stream, sep=SEPARATORS[kind], dtype=str, keep_default_na=False, header=None)
                if (frame.iloc[:, -1].fillna("") == "").any():
                    _whole(stream, SEPARATORS[kind], path.name)
                frame = frame.iloc[1:].set_axis(frame.iloc[0].tolist(), axis=1)  # keeps a name that occurs twice
        else:
            known = ", ".join((*SEPARATORS, *JSON_LINES, ".parquet"))
            raise FileError(f"{path} is none of {known}, which may end in {', '.join(PACKED)} besides")
    except (ValueError, OSError, csv.Error) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path} cannot be read as {kind[1:]}: {' '.join(str(error).split())[:200]}") from error
    absent = [name for name in columns if name not in frame.columns]
    if absent:
        known = ", ".join(map(repr, frame.columns[:LISTED]))
        if len(frame.columns) > LISTED:
            known += f" and {len(frame.columns) - LISTED:,} more"
        raise FileError(f"{path.name} has no column {absent[0]!r}; its columns are {known}")
    twice = [name for name in columns if list(frame.columns).count(name) > 1]
    if twice:
        raise FileError(f"{path.name} has two columns {twice[0]!r}; rename one of them")
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return frame[list(dict.fromkeys(columns))]


def _whole(stream: io.BytesIO, separator: str, place: str) -> None:
    """Refuse a row with fewer fields than the header: pandas fills it up as if its last fields were there and empty.

    Raises:
        FileError: There is one, as the last line of a truncated file is.
    """
    stream.seek(0)
    lines = csv.reader(io.TextIOWrapper(stream, encoding="utf-8-sig", newline=""), delimiter=separator)
    sizes = (len(fields) for fields in lines if len(fields) > 1 or "".join(fields).strip())  # pandas skips blank lines
    expected = next(sizes, 0)
    for row, size in enumerate(sizes, start=1):
        if size < expected:
            raise FileError(f"{place}, row {row} has {size} field{'s' * (size > 1)}, expected {expected}")


def _json_lines(stream: io.BytesIO) -> list[dict[str, Any]]:
    """The objects in lines of JSON."""
    rows = []
    for number, line in enumerate(stream, start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"line {number}: {error}") from error
            if not isinstance(row, dict):
                raise ValueError(f"line {number} is not an object")
            rows.append(row)
    return rows


def _parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        return _texts(pd.read_parquet(path))
    except ImportError as error:
        raise MissingExtraError("reading parquet needs the package 'pyarrow': pip install pyarrow") from error


def _texts(frame: pd.DataFrame) -> pd.DataFrame:
    """All values as text; what is not a text, number or nothing is written as JSON."""

    def text(value: Any) -> str:
        return json.dumps(value) if isinstance(value, dict | list) else "" if value is None else str(value)

    return frame.map(text)
