"""Records of results as a tidy table, one row a record: CSV or parquet, by the suffix of the file."""

from __future__ import annotations

from pathlib import Path

from nasbench.errors import InputError, MissingExtraError
from nasbench.evaluate.results import Results
from nasbench.files import atomic

SUFFIXES = (".csv", ".parquet")
ABOUT = ("benchmark", "space", "metric", "units")
"""Columns that say what a record is of, before those of the record."""


def check_record_file(path: Path) -> None:
    """Refuse a file for records whose format is unknown, or cannot be written here.

    Raises:
        InputError: The suffix is another one.
        MissingExtraError: Parquet needs pyarrow, which is not installed.
    """
    if path.suffix not in SUFFIXES:
        raise InputError(f"records are written as {' or '.join(SUFFIXES)}, by the suffix; got {path.name!r}")
    if path.suffix == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("files of parquet need pyarrow: pip install pyarrow; or write .csv") from error


def write_records(results: Results, path: Path) -> None:
    """Write the records of an evaluation, or of a comparison, whole or not at all.

    Every row says of what it is: the columns `benchmark`, `space`, `metric` and `units` come first. Missing numbers are
    empty in CSV and null in parquet; numbers of CSV are as in the JSON of `Results.write`.

    Raises:
        InputError: The suffix is neither `.csv` nor `.parquet`.
        MissingExtraError: Parquet needs pyarrow, which is not installed.
        FileError: The file cannot be written.
    """
    check_record_file(path)
    import pandas as pd

    tables = results.settings.get("tables")
    rows = []
    for record in results.records:
        of = tables[record["benchmark"]] if isinstance(tables, dict) else vars(results)
        about = {"benchmark": results.benchmark, **{name: of[name] for name in ABOUT[1:]}}
        rows.append({**about, **record})
    frame = pd.DataFrame(rows)
    with atomic(path) as temporary:
        if path.suffix == ".csv":
            frame.to_csv(temporary, index=False)
        else:
            frame.to_parquet(temporary, index=False, engine="pyarrow")
