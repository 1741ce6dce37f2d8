"""NAS-Bench-Graph: dictionaries of networks by number, with means of three trainings or the curves of one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import DIMS, Column, Table
from nasbench.errors import FileError, InputError
from nasbench.importers.base import Importer, files_of, names_in
from nasbench.importers.formats import pickle as plain_pickle
from nasbench.importers.installed import folder_of
from nasbench.importers.tabulate import used_reasons
from nasbench.printable import brief
from nasbench.provenance import provenance
from nasbench.spaces.graph import INNER_NODES, OPERATIONS, SKIP, Graph
from nasbench.types import BoolArray, Direction, FloatArray, GenotypeArray, KeyArray, Subset

DATASETS = ("arxiv", "citeseer", "computers", "cora", "cs", "photo", "physics", "proteins", "pubmed")
SCORES = {"proteins": "roc_auc"}
"""Name of the score of data sets that are not scored by accuracy."""
PUBLISHED_COUNT = 26_206
"""Number of networks in the whole source."""
CURVES: tuple[tuple[Subset, str], ...] = (
    ("train", "score"),
    ("validation", "score"),
    ("test", "score"),
    ("train", "loss"),
    ("validation", "loss"),
    ("test", "loss"),
    ("none", "best"),
)
"""Split and quantity of the seven numbers of an epoch."""
SINGLE = {"valid_perf": 1.0, "perf": 1.0, "latency": np.inf, "para": 1e6}
"""Largest valid value of the numbers of a training, by name in the source."""
MAX_EPOCHS = 10_000
NO_TRAINING, NOT_FINITE, ENDED = 1, 2, 3
REASONS = ("the source has no training of it", "the source has no finite number", "the training had ended")
FILE = re.compile(rf"({'|'.join(DATASETS)})(\d?)\.bench(\.gz|\.xz|\.bz2)?")


class Numbers(NamedTuple):
    """Measurements of `n` networks in one file.

    Attributes:
        file: Name of the file.
        dataset: Data set of the trainings.
        seed: Seed of the trainings, None for the mean of three.
        keys: Published numbers of the networks, increasing; shape `(n,)`.
        single: Numbers of each training by name in the source; shape `(n,)` each.
        curves: `CURVES` by epoch, NaN after the end of a training; shape `(n, epochs, 7)`, or None.
        lengths: Epochs of each training; shape `(n,)`.
    """

    file: str
    dataset: str
    seed: int | None
    keys: KeyArray
    single: Mapping[str, FloatArray]
    curves: FloatArray | None
    lengths: KeyArray


class NASBenchGraph(Importer):
    """Files `<data set>.bench` of the package nas-bench-graph, or `<data set><seed>.bench` with curves.

    The source files several networks under one number (`Graph.published_key`) with one training. So does the table: it
    has a row for each network of `Graph` whose number is in the files, 35,910 rows for 26,206 numbers. The nine
    networks of skips alone have no number; if all numbers are there, they are rows without measurements.

    Accuracies (ROC-AUC of `proteins`) become percent, parameters counts, latency milliseconds. The source does not name
    units, but parameters are whole counts in millions, and latencies are plausible only in seconds. In a file with
    curves, position `i` is taken for `i + 1` finished epochs; reading takes about ten times its size in memory.

    Args:
        dataset: Names of the data sets to read, separated by commas; all by default.
    """

    name = "nas-bench-graph"
    paper = "Qin et al. (2022), NAS-Bench-Graph, arXiv:2206.09166; github.com/THUMNLab/NAS-Bench-Graph"
    licence = "Apache-2.0"

    def __init__(self, dataset: str | Sequence[str] = ()) -> None:
        self.dataset = names_in(dataset)

    def read(self, paths: Sequence[Path] = ()) -> Table:
        """The table in these files and folders, by default in the files of the installed package.

        Raises:
            MissingExtraError: No path is given, and the package is not installed.
        """
        for name in self.dataset:
            if name not in DATASETS:
                raise InputError(f"unknown data set {name!r}; known are {', '.join(DATASETS)}")
        paths = paths or [folder_of("nas_bench_graph", "nas-bench-graph", "graph") / "light"]
        files = self._files(paths)
        space = Graph()
        parts = [_read(space, file, match) for file, match in files]
        genotypes = _rows(space, np.unique(np.concatenate([part.keys for part in parts])))
        seeds = tuple(sorted({part.seed for part in parts if part.seed is not None}))
        keys = space.published_key(genotypes)
        columns, epochs = {}, {}
        for dataset in dict.fromkeys(part.dataset for part in parts):
            matching = [part for part in parts if part.dataset == dataset]
            columns.update({column.metric.path: column for column in _columns(matching, keys, seeds)})
            lengths = [part.curves.shape[1] for part in matching if part.curves is not None]
            if lengths:
                epochs[dataset] = tuple(range(1, 1 + max(lengths)))
        facts = {"rows": sum(len(part.keys) for part in parts), "architectures": len(genotypes), "skipped": {}}
        source = self.source([file for file, _ in files], **facts)
        return Table(space, genotypes, seeds, epochs, columns, {"source": source}, provenance())

    def _files(self, paths: Sequence[Path]) -> list[tuple[Path, re.Match[str]]]:
        """The files of the wanted data sets: for each one file of means, or one file for each seed."""
        files: dict[str, tuple[Path, re.Match[str]]] = {}
        for path in paths:
            for file in files_of(Path(path)):
                match = FILE.fullmatch(file.name)
                if match is None and file == Path(path):
                    known = ", ".join(DATASETS)
                    raise FileError(
                        f"expected a file <data set>.bench or <data set><seed>.bench of {known}; got {file}"
                    )
                if match is None or (self.dataset and match[1] not in self.dataset):
                    continue
                others = [name for name in files if name.startswith(match[1])]
                if match[1] + match[2] in files or (others and (not match[2] or match[1] in files)):
                    first = files[others[0]][0].name
                    raise InputError(
                        f"{first} and {file.name} are both of {match[1]}; import means or seeds, each once"
                    )
                files[match[1] + match[2]] = file, match
        if not files:
            raise FileError(f"found no file <data set>.bench of {', '.join(self.dataset or DATASETS)}")
        return [files[name] for name in sorted(files)]


# --- files ----------------------------------------------------------------------------------------------------------


def _read(space: Graph, file: Path, match: re.Match[str]) -> Numbers:
    """The measurements in a file.

    Raises:
        FileError: The layout is not that of the source; names the network.
    """
    content = plain_pickle.read(file)
    if not isinstance(content, dict) or not content:
        raise FileError(f"{file.name} is not a dictionary of networks")
    keys = _keys(space, file, content)
    records = [content[key] for key in keys.tolist()]
    del content
    for key, record in zip(keys, records, strict=True):
        if not isinstance(record, dict):
            raise FileError(f"{file.name}, network {key}: expected a dictionary")
    curved = bool(match[2])
    single = {
        name: _singles(file, keys, records, name, most)
        for name, most in SINGLE.items()
        if not curved or name in records[0]
    }
    curves, lengths = _curves(file, keys, records) if curved else (None, np.zeros(len(keys), dtype=np.int64))
    return Numbers(file.name, match[1], int(match[2]) if curved else None, keys, single, curves, lengths)


def _keys(space: Graph, file: Path, content: Iterable[Any]) -> KeyArray:
    """The numbers of networks `(n,)`, increasing: link structure and four operations as decimal digits."""
    numbers = list(content)
    wrong = next((n for n in numbers if type(n) is not int or not 0 <= n < 10 ** (INNER_NODES + 1)), None)
    if wrong is not None:
        raise FileError(f"{file.name}: {brief(wrong)} is not the number of a network")
    keys = np.sort(np.array(numbers, dtype=np.int64))
    genotypes = _genotypes(keys)
    inside: BoolArray = np.all(genotypes < len(OPERATIONS), axis=1)
    inside[inside] = space.published_key(genotypes[inside]) == keys[inside]
    if not inside.all():
        raise FileError(f"{file.name}: {keys[np.argmin(inside)]} is not the number of a network")
    return keys


def _genotypes(keys: KeyArray) -> GenotypeArray:
    """The digits of numbers `(n,)`; shape `(n, 5)`."""
    return (keys[:, None] // 10 ** np.arange(INNER_NODES + 1)[::-1] % 10).astype(np.int8)


def _rows(space: Graph, keys: KeyArray) -> GenotypeArray:
    """A genotype of each network in the source, and of the networks of skips alone if the source is complete."""
    genotypes = space.unique()
    wanted = np.isin(space.published_key(genotypes), keys)
    if len(keys) == PUBLISHED_COUNT:
        wanted |= (genotypes[:, 1:] == SKIP).all(axis=1)
    return genotypes[wanted]


def _singles(file: Path, keys: KeyArray, records: Sequence[Mapping[str, Any]], name: str, most: float) -> FloatArray:
    """A named number of each network; shape `(n,)`."""
    values = np.array([_number(file, key, name, record.get(name)) for key, record in zip(keys, records, strict=True)])
    wrong = ~((values >= 0) & (values <= most) & np.isfinite(values))
    if wrong.any():
        at = int(np.argmax(wrong))
        limit = "0 or more" if np.isinf(most) else f"from 0 to {most:g}"
        raise FileError(f"{file.name}, network {keys[at]}: {name} is {values[at]}, expected {limit}")
    return values


def _number(file: Path, key: int, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300:
        raise FileError(f"{file.name}, network {key}: {name} is {brief(value)}, expected a number")
    return float(value)


def _curves(file: Path, keys: KeyArray, records: Sequence[Any]) -> tuple[FloatArray, KeyArray]:
    """The curves `(n, epochs, 7)` and their lengths `(n,)`; empties the records on the way to save memory."""
    arrays = []
    for key, record in zip(keys, records, strict=True):
        curve = record.pop("dur", None)
        try:
            array = np.array(curve, dtype=np.float64)
        except (ValueError, TypeError, OverflowError) as error:
            raise FileError(f"{file.name}, network {key}: dur is not a table of numbers") from error
        if array.ndim != 2 or array.shape[1] != len(CURVES) or not 0 < len(array) <= MAX_EPOCHS:
            raise FileError(
                f"{file.name}, network {key}: expected dur as rows of {len(CURVES)} numbers, got shape {array.shape}"
            )
        scores = array[:, [at for at, (_, quantity) in enumerate(CURVES) if quantity != "loss"]]
        if not ((scores >= 0) & (scores <= 1) | np.isnan(scores)).all():
            raise FileError(f"{file.name}, network {key}: a performance in dur is not from 0 to 1")
        arrays.append(array)
    lengths = np.array([len(array) for array in arrays])
    curves = np.full((len(arrays), lengths.max(), len(CURVES)), np.nan)
    for row, array in enumerate(arrays):
        curves[row, : len(array)] = array
    return curves, lengths


# --- columns --------------------------------------------------------------------------------------------------------


def _columns(parts: Sequence[Numbers], keys: KeyArray, seeds: Sequence[int]) -> list[Column]:
    """The columns of one data set: its means, or its trainings by seed (and epoch)."""
    dataset = parts[0].dataset
    score = SCORES.get(dataset, "accuracy")
    columns = []
    for name in SINGLE:
        measured = [part for part in parts if name in part.single]
        if measured:
            metric = _single_metric(dataset, name, score, measured[0].seed is not None)
            columns.append(_single_column(metric, name, measured, keys, seeds))
    curved = [part for part in parts if part.curves is not None]
    for at, (split, quantity) in enumerate(CURVES if curved else ()):
        best, loss = quantity == "best", quantity == "loss"
        name = f"best_{score}" if best else f"{split}_{'loss' if loss else score}"
        direction: Direction = "minimise" if loss else "maximise"
        about = "What the source calls best performance, without a split." if best else "At the epoch."
        metric = Metric(dataset, name, split, "nats" if loss else "percent", direction, DIMS, about)
        columns.append(_curve_column(metric, at, 1 if loss else 100, curved, keys, seeds))
    return columns


def _single_metric(dataset: str, name: str, score: str, seeded: bool) -> Metric:
    """Metric of one number for each training, or for the mean of three."""
    dims = DIMS[:2] if seeded else DIMS[:1]
    whose = "Of one training" if seeded else "Mean of three trainings"
    if name == "latency":
        about = f"{whose}; as the source measured it."
        return Metric(dataset, name, "none", "milliseconds", "minimise", dims, about)
    if name == "para":
        return Metric(dataset, "parameters", "none", "count", "minimise", dims, f"{whose}, which can differ in them.")
    split: Subset = "validation" if name == "valid_perf" else "test"
    about = f"{whose}; as the source states it for the whole training."
    stated = "stated_" if seeded else ""  # the curve has the plain name
    return Metric(dataset, f"{stated}{split}_{score}", split, "percent", "maximise", dims, about)


def _single_column(metric: Metric, name: str, parts: Sequence[Numbers], keys: KeyArray, seeds: Sequence[int]) -> Column:
    seeded = "seed" in metric.dims
    values = np.full((len(keys), len(seeds) if seeded else 1), np.nan)
    scale = {"latency": 1e3, "para": 1e6}.get(name, 100.0)
    for part in parts:
        rows, at = _matches(part, keys)
        values[rows, 0 if part.seed is None else seeds.index(part.seed)] = scale * part.single[name][at]
    if name == "para":
        values = np.round(values, 3)
        if (values != np.floor(values))[~np.isnan(values)].any():
            metric = replace(metric, units="count, mean of three trainings")  # their counts differ
    missing = np.isnan(values).astype(np.uint8)
    reasons = REASONS[:1] if missing.any() else ()
    return Column(metric, values, missing, reasons) if seeded else Column(metric, values[:, 0], missing[:, 0], reasons)


def _curve_column(
    metric: Metric, at: int, scale: float, parts: Sequence[Numbers], keys: KeyArray, seeds: Sequence[int]
) -> Column:
    epochs = max(int(part.lengths.max()) for part in parts)
    values = np.full((len(keys), len(seeds), epochs), np.nan)
    missing = np.full(values.shape, NO_TRAINING, dtype=np.uint8)
    for part in parts:
        assert part.curves is not None and part.seed is not None
        rows, at_rows = _matches(part, keys)
        seed, length = seeds.index(part.seed), part.curves.shape[1]
        numbers = scale * part.curves[at_rows, :, at]
        broken = ~np.isfinite(numbers)
        ended = np.arange(epochs) >= part.lengths[at_rows, None]
        values[rows, seed, :length] = np.where(broken, np.nan, numbers)
        missing[rows, seed, :length] = np.where(broken, NOT_FINITE, 0)
        missing[rows, seed] = np.where(ended, ENDED, missing[rows, seed])
    return Column(metric, values, *used_reasons(missing, REASONS))


def _matches(part: Numbers, keys: KeyArray) -> tuple[KeyArray, KeyArray]:
    """Rows of the table that a file has, and their positions in the file."""
    at = np.minimum(np.searchsorted(part.keys, keys), len(part.keys) - 1)
    rows = np.flatnonzero(part.keys[at] == keys)
    return rows, at[rows]
