"""Description and verification of a benchmark file, for `nasbench info` and `nasbench verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from nasbench.benchmark import hdf5
from nasbench.benchmark.base import TRAINING_TIME, Benchmark
from nasbench.benchmark.hdf5 import attributes
from nasbench.benchmark.hdf5.reader import Reader
from nasbench.benchmark.load import load
from nasbench.benchmark.table import Column, Table
from nasbench.errors import FileError
from nasbench.printable import MOST, MOST_OF_LINE, printable
from nasbench.types import KeyArray


def verify(path: Path) -> list[str]:
    """Recompute every checksum of a benchmark file and test every invariant.

    Returns:
        One sentence for each fault; an empty list if the file is sound.

    Raises:
        FileError: The file is not a benchmark.
    """
    with hdf5.opened(path) as file:
        kind = file.kind()
        findings = _checksums(file)
    try:
        with hdf5.opened(path) as file:
            table, keys = file.table(), file.array("/architecture", (np.int64,), (None,))
            if kind == "surrogate":
                file.surrogate()
            return [*findings, *_keys(table, keys), *_columns(table)]
    except FileError as error:
        return [*findings, str(error)]


def _checksums(reader: Reader) -> list[str]:
    findings, file = [], reader.file
    for name, item in hdf5.objects(file):
        if isinstance(item, h5py.Dataset):
            try:
                reader.dataset(name, None, None)  # check that its type and size can be read
                if hdf5.digest(item) != attributes.get(item, "sha256"):
                    findings.append(
                        f"{printable(name, MOST)}: the checksum does not fit the numbers and their attributes"
                    )
            except FileError as error:
                findings.append(str(error))
            except (OSError, RuntimeError, ValueError, TypeError, MemoryError) as error:
                fault = printable(" ".join(str(error).split()), MOST_OF_LINE)
                findings.append(f"{printable(name, MOST)}: cannot be read: {fault}")
    if hdf5.root_digest(file) != attributes.get(file, "sha256"):
        findings.append("/: the checksum does not fit the attributes and the list of what the file holds")
    return findings


def _keys(table: Table, keys: KeyArray) -> list[str]:
    computed = table.space.key(table.genotypes)
    if keys.shape != computed.shape:
        return [f"/architecture: has {len(keys)} keys for {len(computed)} genotypes"]
    wrong = np.flatnonzero(keys != computed)
    return [f"/architecture: key {wrong[0]} is {keys[wrong[0]]}, recomputed {computed[wrong[0]]}"] if len(wrong) else []


def _columns(table: Table) -> list[str]:
    findings = []
    for path, column in table.columns.items():
        metric, values = column.metric, column.values
        if metric.units == "percent" and metric.split != "none":
            outside = (values < 0) | (values > 100)
            findings += _first(path, column, outside, "is not a percentage from 0 to 100")
        if metric.name == TRAINING_TIME:
            findings += _first(path, column, values <= 0, "is not a positive time")
            if "epoch" in metric.dims and metric.resumable:
                shorter = np.zeros(values.shape, dtype=bool)
                shorter[..., 1:] = np.diff(values, axis=-1) < 0
                findings += _first(path, column, shorter, "is less than at the epoch before")
        if metric.units == "count":
            findings += _first(path, column, (values < 0) | (values != np.floor(values)), "is not a count")
    return findings


def _first(path: str, column: Column, wrong: Any, fault: str) -> list[str]:
    wrong = wrong & (column.missing == 0)
    if not wrong.any():
        return []
    at = tuple(map(int, np.argwhere(wrong)[0]))
    return [f"/metrics/{path}: {column.values[at]} at {at} {fault} ({np.count_nonzero(wrong)} such)"]


def describe(path: Path) -> dict[str, Any]:
    """Contents of a benchmark file, as JSON values.

    Returns:
        `file`, `bytes`, `kind`, `space`, `paper`, `space_size`, `architectures`, `complete`, `seeds`, `metrics` (one
        record each: units, split, direction, epochs, seeds, range, missing numbers), for a surrogate `quality` (one
        record for each model), `recipe` and `provenance`.

    Raises:
        FileError: The file is not a complete benchmark.
    """
    benchmark = load(path)
    table = benchmark.table
    content: dict[str, Any] = {
        "file": Path(path).name,
        "bytes": Path(path).stat().st_size,
        "kind": benchmark.kind,
        "space": table.space.name,
        "paper": table.space.paper,
        "space_size": table.space.size,
        "architectures": len(table.genotypes),
        "complete": benchmark.complete,
        "seeds": list(table.seeds),
        "metrics": [_facts(benchmark, column) for column in table.columns.values()],
    }
    if quality := benchmark.quality_records():
        content["quality"] = quality
    return {**content, "recipe": dict(table.recipe), "provenance": dict(table.provenance)}


def _facts(benchmark: Benchmark, column: Column) -> dict[str, Any]:
    metric, measured = column.metric, column.missing == 0
    values = column.values[measured]
    return {
        "metric": metric.path,
        "units": metric.units,
        "split": metric.split,
        "direction": metric.direction,
        "epochs": _span(benchmark.recorded_epochs(metric.path)),
        "seeds": len(benchmark.recorded_seeds(metric.path)),
        "least": float(values.min()) if len(values) else None,
        "most": float(values.max()) if len(values) else None,
        "numbers": len(values),
        "missing": int(np.count_nonzero(~measured)),
        "reasons": list(column.reasons) if not measured.all() else [],
    }


def _span(epochs: tuple[int, ...]) -> str | None:
    """Epochs in short: `1 to 12`, or all of them if they have gaps."""
    if len(epochs) > 2 and epochs == tuple(range(epochs[0], epochs[-1] + 1)):
        return f"{epochs[0]} to {epochs[-1]}"
    return ", ".join(map(str, epochs)) or None
