"""Accel-NASBench: networks of the mobile space, trained on ImageNet with a cheap recipe and run on six accelerators.

The source publishes an archive with one JSON file for each result, `result_<number>.json`. The importer reads the
archive, a folder of the files, or one csv file with a row for each result.

The table has the results in order of their numbers. Several results of one architecture are repeats with seeds 0, 1,
...: the source gives neither seed nor reason. Parameters and multiply-adds, in millions in the source, become counts.
Columns without any number (the deviations on the two FPGAs) are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import DIMS, Table
from nasbench.errors import FileError, InputError
from nasbench.importers.base import Importer, one_path
from nasbench.importers.formats.documents import Document, documents
from nasbench.importers.formats.frames import PACKED, numbers, read_frame
from nasbench.importers.formats.json import parse_json
from nasbench.importers.holdout_files import read_split, split_files, split_folder
from nasbench.importers.tabulate import Series, table_rows, tabulate
from nasbench.printable import brief
from nasbench.spaces.mobile import Mobile
from nasbench.types import Direction, GenotypeArray, Subset

if TYPE_CHECKING:
    import pandas as pd

DATASET = "imagenet"
RESULT = re.compile(r"result_(\d{1,9})\.json")
NUMBER = "result_id"
"""Column of the csv file with the number of a result."""
LATENCY = ("zcu102", "vck190")
"""Devices with measured latency."""
THROUGHPUT = ("a100", "3090", "tpuv2", "tpuv3", *LATENCY)
MILLION = 1e6


class AccelNASBench(Importer):
    """`anb_dataset_jsons.tar.gz`, its unpacked folder, or a csv file of the same results.

    The recipe stores the published split (`train_paths.json`, `val_paths.json`, `test_paths.json`) as row numbers; see
    `nasbench.importers.holdout_files`.

    Args:
        splits: Folder of these three files; by default they are searched for beside the results, and may be missing.
    """

    name = "accel-nasbench"
    paper = "Ahmad et al. (2024), Accel-NASBench, arXiv:2404.08005; github.com/afzalxo/Accel-NASBench"
    licence = "Apache-2.0"

    def __init__(self, splits: str | None = None) -> None:
        self.splits = splits

    def read(self, paths: Sequence[Path]) -> Table:
        """The table in one archive, folder or csv file."""
        path = one_path(paths, "one archive, folder or csv file")
        folder = split_folder(path, self.splits)
        frame = _csv(path) if _is_csv(path) else _results(path)
        space = Mobile()
        genotypes = _genotypes(space, frame)
        rows, first = table_rows(space, genotypes)
        facts: dict[str, Any] = {"rows": len(rows), "architectures": len(first), "repeats": len(rows) - len(first)}
        recipe: dict[str, Any] = {}
        files = [path]
        if folder is not None:
            names = [f"result_{number}.json" for number in frame[NUMBER]]
            recipe["splits"], facts["splits"] = read_split(folder, names, rows)
            files += split_files(folder)
        recipe["source"] = self.source(files, **facts, skipped={})
        return tabulate(space, genotypes, _series(frame), recipe, numbers=frame[NUMBER].to_numpy(dtype=np.int64))


# --- files ----------------------------------------------------------------------------------------------------------


def _is_csv(path: Path) -> bool:
    """Whether the name is that of a csv file, compressed or not."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return path.is_file() and ".csv" in suffixes[-1:] + [s for s in suffixes[-2:-1] if suffixes[-1] in PACKED]


def _csv(path: Path) -> pd.DataFrame:
    """The results in a csv file as text, indexed by their place."""
    frame = read_frame(path, [NUMBER, *Mobile().choice_names, *_columns()])
    ids = frame[NUMBER].str.strip()
    wrong = ~ids.str.fullmatch(r"\d{1,9}") | ids.duplicated()
    if wrong.any():
        at = int(np.argmax(wrong))
        raise FileError(
            f"{path.name}, row {at + 1}: {brief(ids.iloc[at])} is not the number of a result, or occurs twice"
        )
    frame[NUMBER] = ids.astype(int)
    return frame.set_axis([f"{path.name}, row {row}" for row in frame.index]).sort_values(NUMBER)


def _results(path: Path) -> pd.DataFrame:
    """The results in single files as text, with the columns of the csv file, indexed by file name."""
    import pandas as pd

    names = [*Mobile().choice_names, *_columns()]
    results: dict[int, tuple[str, list[str]]] = {}
    for document in documents(path, RESULT):
        match = RESULT.fullmatch(document.name.rpartition("/")[2])
        assert match is not None  # documents() matched it
        if int(match[1]) in results:
            raise FileError(f"{document.name} and {results[int(match[1])][0]} have the same number")
        values = dict(_values(document))
        results[int(match[1])] = document.name, [values.get(name, "") for name in names]
    ids = sorted(results)
    rows, places = [results[number][1] for number in ids], [results[number][0] for number in ids]
    frame = pd.DataFrame(rows, places, names, dtype=str)
    frame[NUMBER] = ids
    return frame


def _values(document: Document) -> Iterator[tuple[str, str]]:
    """Column names and values of one result as text."""
    record = parse_json(document.content, document.name)
    parts = [record.get(part) for part in ("architecture", "metrics", "platform_perf")] if type(record) is dict else []
    if not parts or not all(isinstance(part, dict) for part in parts):
        raise FileError(f"{document.name} is not an object with 'architecture', 'metrics' and 'platform_perf'")
    for name, value in [pair for part in (record, *parts) for pair in part.items()]:
        for inner, number in value.items() if isinstance(value, dict) else [("", value)]:
            text = str(number) if isinstance(number, bool) else json.dumps(number)
            yield f"{name}.{inner}" if inner else name, text[:100]


# --- columns --------------------------------------------------------------------------------------------------------


def _columns() -> dict[str, tuple[Metric, float]]:
    """The metric of each column of the source, and the factor to its unit."""
    columns = {
        "val_top1": (_metric("validation_accuracy", "percent", "maximise", "Top-1 accuracy on validation images."), 1),
        "val_top5": (_metric("validation_top5_accuracy", "percent", "maximise", "Top-5 accuracy, same images."), 1),
        "train_time": (_metric("train_seconds", "seconds", "minimise", "Seconds of the whole training."), 1),
        "macs": (_metric("flops", "count", "minimise", "Multiply-adds for one image.", static=True), MILLION),
        "params": (_metric("parameters", "count", "minimise", "Trainable parameters.", static=True), MILLION),
    }
    kinds: tuple[tuple[str, tuple[str, ...], str, Direction], ...] = (
        ("latency", LATENCY, "milliseconds", "minimise"),
        ("throughput", THROUGHPUT, "images per second", "maximise"),
    )
    for kind, devices, units, direction in kinds:
        for device in devices:
            mean = _metric(f"{device}_{kind}", units, direction, f"Mean of the measurements on {device}.")
            deviation = _metric(f"{device}_{kind}_deviation", units, "none", "Standard deviation of the measurements.")
            columns[f"{kind}_{device}.{kind}_mean"] = mean, 1
            columns[f"{kind}_{device}.{kind}_std"] = deviation, 1
    return columns


def _metric(name: str, units: str, direction: Direction, about: str, static: bool = False) -> Metric:
    split: Subset = "validation" if name.startswith("validation") else "none"
    return Metric("" if static else DATASET, name, split, units, direction, DIMS[:1] if static else DIMS[:2], about)


def _genotypes(space: Mobile, frame: pd.DataFrame) -> GenotypeArray:
    """The architectures of the results; shape `(r, 28)`."""
    for position, name in enumerate(space.choice_names):
        known = [str(option) for option in space.option_names(position)]
        wrong = ~frame[name].isin(known)
        if wrong.any():
            at = int(np.argmax(wrong))
            raise InputError(
                f"{frame.index[at]}: {name} is {brief(frame[name].iloc[at])}; allowed are {', '.join(known)}"
            )
    return space.from_columns({name: frame[name] for name in space.choice_names})


def _series(frame: pd.DataFrame) -> list[Series]:
    """The columns with any number."""
    series = []
    for name, (metric, factor) in _columns().items():
        values, broken = numbers(frame[name])
        if broken.any():
            at = int(np.argmax(broken))
            raise InputError(f"{frame.index[at]}, {name}: {brief(frame[name].iloc[at])} is not a finite number")
        if metric.units == "count":
            values = np.round(factor * values)
        if not np.isnan(values).all():
            series.append(Series(metric, values))
    if not any(each.metric.name == "validation_accuracy" for each in series):
        raise FileError("no result has a number val_top1")
    return series
