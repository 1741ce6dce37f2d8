"""Files of rows and named columns (csv, tsv, json lines, parquet) as text, and conversion to numbers."""

from __future__ import annotations

import csv
import io
import json
from codecs import BOM_UTF8
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nasbench.errors import FileError, InputError, MissingExtraError
from nasbench.files import strict_json
from nasbench.importers.base import regular
from nasbench.importers.formats.unpack import unpacked, unpacked_limit
from nasbench.printable import brief
from nasbench.types import BoolArray, FloatArray

if TYPE_CHECKING:
    import pandas as pd

SEPARATORS = {".csv": ",;\t", ".tsv": "\t,;"}
"""Separators of fields by suffix, the usual one first."""
HEADER_BYTES = 2**20
"""Bytes that are searched for the header."""
JSON_LINES = (".jsonl", ".ndjson")
PACKED = (".gz", ".xz", ".bz2")
NOT_NUMBERS = ("", "nan", "na", "n/a", "null", "none")
"""Texts that mark a missing number, in lower case."""
MAX_COLUMNS = 20_000
"""Maximum of columns of a file; each takes kilobytes of memory, however few rows there are."""
MAX_LINE_BYTES = 2**24
"""Maximum of bytes of a line of JSON, which takes some tens of times as much memory while it is read."""
VALUE_BYTES = 8
"""Bytes that a value of parquet counts for at least, as repeated values take none in the file."""
BATCH_ROWS = 2**14
"""Rows of parquet that are read at once."""
MAX_LISTED_COLUMNS = 20
"""Maximum of columns named in a message."""


def numbers(texts: pd.Series[str]) -> tuple[FloatArray, BoolArray]:
    """The numbers of a column `(n,)`, NaN where missing, and whether each text is invalid `(n,)`."""
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
        raise InputError(
            f"{place}, row {frame.index[row]}, column {name!r}: {brief(frame[name].iloc[row])} is not a {kind}"
        )
    return values


def read_frame(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """The named columns of a file as text, with rows counted from 1 after the header.

    Other separators than that of the suffix, and comments above the header, are recognised by the named columns;
    `attrs["read_as"]` says what was.

    Raises:
        FileError: The file is not in the format of its suffix, or lacks a column.
    """
    import pandas as pd

    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = bool(suffixes) and suffixes[-1] in PACKED
    kind = suffixes[-1 - packed] if len(suffixes) > packed else ""
    regular(path)
    try:
        if kind == ".parquet":
            frame = _parquet(path, columns)
        elif kind in (*SEPARATORS, *JSON_LINES):
            content = unpacked(path)
            if kind in JSON_LINES:
                frame = _json_lines(io.BytesIO(content), columns, path)
            else:
                layout = _layout(content, columns, SEPARATORS[kind])
                _check_columns(_header(content[layout.begin :], layout.separator), path)
                frame = _separated(content[layout.begin :], layout.separator, path.name)
                frame.attrs["read_as"] = layout.described(SEPARATORS[kind])
        else:
            known = ", ".join((*SEPARATORS, *JSON_LINES, ".parquet"))
            raise FileError(f"{path} is none of {known}, which may also end in {', '.join(PACKED)}")
    except (ValueError, OSError, csv.Error) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path} cannot be read as {kind[1:]}: {' '.join(str(error).split())[:200]}") from error
    absent = [name for name in columns if name not in frame.columns]
    if absent:
        known = ", ".join(map(brief, frame.columns[:MAX_LISTED_COLUMNS]))
        if len(frame.columns) > MAX_LISTED_COLUMNS:
            known += f" and {len(frame.columns) - MAX_LISTED_COLUMNS:,} more"
        raise FileError(f"{path.name} has no column {absent[0]!r}; its columns are {known}")
    twice = [name for name in columns if list(frame.columns).count(name) > 1]
    if twice:
        raise FileError(f"{path.name} has two columns {twice[0]!r}; rename one of them")
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return frame[list(dict.fromkeys(columns))]


def _check_columns(names: Collection[str], path: Path) -> None:
    if len(names) > MAX_COLUMNS:
        raise FileError(
            f"{path.name} has more than {MAX_COLUMNS:,} columns, the most that are read; keep those that you need"
        )


class Layout(NamedTuple):
    """Where the table begins in a text, and what separates its fields.

    Attributes:
        begin: Bytes before the header.
        comments: Lines of comments among them.
        separator: Separator of fields.
    """

    begin: int
    comments: int
    separator: str

    def described(self, separators: str) -> str:
        """In words, what is unlike the usual layout of the suffix; empty if nothing is."""
        words = [] if self.separator == separators[0] else [f"fields between {self.separator!r}"]
        lines = f"{self.comments} line{'s' * (self.comments > 1)}"
        return ", ".join(words + [f"header below {lines} of comments"] * (self.comments > 0))


def _layout(content: bytes, columns: Sequence[str], separators: str) -> Layout:
    """The first separator under which the header has all columns, or else the usual one.

    Lines above the header are comments if they begin with `#`.
    """
    begin, comments = 0, 0
    while content[begin : begin + 4].removeprefix(BOM_UTF8).startswith(b"#"):
        end = content.find(b"\n", begin) + 1 or len(content)
        if _separator(content[begin:end], columns, separators):
            break  # a header that begins with #
        begin, comments = end, comments + 1
    found = _separator(content[begin : begin + HEADER_BYTES], columns, separators)
    return Layout(begin, comments, found or separators[0])


def _separator(text: bytes, columns: Sequence[str], separators: str) -> str | None:
    """The first separator under which the first row of a text has all columns."""
    return next((each for each in separators if set(columns) <= set(_header(text, each))), None)


def _header(text: bytes, separator: str) -> list[str]:
    """The fields of the first row of a text."""
    stream = io.TextIOWrapper(io.BytesIO(text), encoding="utf-8-sig", errors="replace", newline="")
    return next(filter(None, csv.reader(stream, delimiter=separator)), [])


def _separated(content: bytes, separator: str, place: str) -> pd.DataFrame:
    """The rows of a text below its header, which may have a name twice."""
    import pandas as pd

    try:
        frame = pd.read_csv(io.BytesIO(content), sep=separator, dtype=str, keep_default_na=False, header=None)
    except pd.errors.ParserError:
        _check_lengths(content, separator, place)  # says it in our words
        raise
    if (frame.iloc[:, -1].fillna("") == "").any():
        _check_lengths(content, separator, place)
    return frame.iloc[1:].set_axis(frame.iloc[0].tolist(), axis=1)


def _check_lengths(content: bytes, separator: str, place: str) -> None:
    """Check that all rows have as many fields as the header; pandas would pad a short one silently.

    Raises:
        FileError: A row has not, such as the last line of a truncated file.
    """
    lines = csv.reader(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline=""), delimiter=separator)
    sizes = (len(fields) for fields in lines if len(fields) > 1 or "".join(fields).strip())  # pandas skips blank lines
    expected = next(sizes, 0)
    for row, size in enumerate(sizes, start=1):
        if size != expected:
            raise FileError(
                f"{place}, row {row} has {size} field{'s' * (size > 1)} between {separator!r}, expected {expected}"
            )


def _json_lines(stream: io.BytesIO, columns: Sequence[str], path: Path) -> pd.DataFrame:
    """The named columns of lines of JSON, or all without their rows if one is absent."""
    import pandas as pd

    names: dict[str, None] = {}
    rows = []
    for number, line in enumerate(stream, start=1):
        if len(line) > MAX_LINE_BYTES:
            raise ValueError(f"line {number} has {len(line):,} bytes, at most {MAX_LINE_BYTES:,} are read")
        if line.strip():
            try:
                row = strict_json(line)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"line {number}: {error}") from error
            if not isinstance(row, dict):
                raise ValueError(f"line {number} is not an object")
            names.update(dict.fromkeys(row))
            _check_columns(names, path)
            rows.append([row.get(name) for name in columns])
    if not names.keys() >= set(columns):
        return pd.DataFrame(columns=list(names))
    return _texts(pd.DataFrame(rows, columns=list(columns), dtype=object)).loc[:, list(dict.fromkeys(columns))]


def _parquet(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """The named columns, or all without their rows if one is absent or occurs twice.

    Raises:
        FileError: There are too many columns, or they unpack to more than `unpacked_limit`.
    """
    import pandas as pd

    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("reading parquet needs the package 'pyarrow': pip install pyarrow") from error
    limit = left = unpacked_limit(path.stat().st_size)
    frames = [pd.DataFrame(columns=list(dict.fromkeys(columns)))]
    try:
        with pq.ParquetFile(path) as file:
            names, schema = file.schema_arrow.names, file.schema
            _check_columns(schema.names, path)
            if any(names.count(name) != 1 for name in columns):
                return pd.DataFrame(columns=names)
            _check_sizes(file.metadata, columns, path)
            leaves = map(schema.column, range(len(schema)))
            texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
        with pq.ParquetFile(path, read_dictionary=texts) as file:  # repeated texts are kept once
            for batch in file.iter_batches(BATCH_ROWS, columns=list(frames[0].columns)):
                left -= sum(map(_text_bytes, batch.columns))
                if left < 0:
                    raise _too_large(path, limit)
                frames.append(_texts(pd.DataFrame(batch.to_pydict(), dtype=object)))
    except (pa.ArrowException, RecursionError) as error:
        raise ValueError(str(error)) from error
    return pd.concat(frames)


def _check_sizes(metadata: Any, columns: Sequence[str], path: Path) -> None:
    """Check what a file of parquet declares of some columns, before any of them is read.

    Raises:
        FileError: They unpack to more than `unpacked_limit`.
    """
    declared = 0
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for part in map(group.column, range(group.num_columns)):
            if any(f"{part.path_in_schema}.".startswith(f"{name}.") for name in columns):
                declared += max(part.total_uncompressed_size, VALUE_BYTES * part.num_values)
    limit = unpacked_limit(path.stat().st_size)
    if declared > limit:
        raise _too_large(path, limit)


def _text_bytes(values: Any) -> int:
    """Bytes of an array of pyarrow as text, where each text of a dictionary counts as often as it is used."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_struct(values.type):
        return sum(map(_text_bytes, values.flatten()))
    if pa.types.is_list(values.type) or pa.types.is_map(values.type):
        return _text_bytes(values.flatten() if pa.types.is_list(values.type) else values.items)
    if not pa.types.is_dictionary(values.type):
        return int(values.nbytes)
    lengths = pc.binary_length(values.dictionary).to_numpy(zero_copy_only=False)
    counts = np.bincount(values.indices.drop_null().to_numpy(zero_copy_only=False), minlength=len(lengths))
    return int(lengths.astype(np.float64) @ counts)


def _too_large(path: Path, limit: int) -> FileError:
    return FileError(f"{path} unpacks to more than {limit:,} bytes; keep the columns and rows that you need")


def _texts(frame: pd.DataFrame) -> pd.DataFrame:
    """All values as text: lists and objects as JSON, null as the empty text."""

    def text(value: Any) -> str:
        return json.dumps(value) if isinstance(value, dict | list) else "" if value is None else str(value)

    return frame.map(text)
