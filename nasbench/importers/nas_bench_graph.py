"""NAS-Bench-Graph: dictionaries of networks by their number, means of three trainings or whole curves of one."""

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
from nasbench.importers.base import Importer, files_of
from nasbench.importers.formats import pickle as plain_pickle
from nasbench.importers.installed import folder_of
from nasbench.importers.tabulate import used_reasons
from nasbench.provenance import provenance
from nasbench.spaces.graph import NODES, OPERATIONS, SKIP, Graph
from nasbench.types import BoolArray, Direction, FloatArray, GenotypeArray, KeyArray, Subset

DATASETS = ("arxiv", "citeseer", "computers", "cora", "cs", "photo", "physics", "proteins", "pubmed")
SCORES = {"proteins": "roc_auc"}
"""What performance is, where it is no accuracy."""
PUBLISHED = 26_206
"""Networks of the whole source."""
CURVES: tuple[tuple[Subset, str], ...] = (
    ("train", "score"),
    ("validation", "score"),
    ("test", "score"),
    ("train", "loss"),
    ("validation", "loss"),
    ("test", "loss"),
    ("none", "best"),
)
"""The seven numbers of an epoch."""
SINGLE = {"valid_perf": 1.0, "perf": 1.0, "latency": np.inf, "para": 1e6}
"""The numbers of a training in the source, and the most that they can be."""
MOST_EPOCHS = 10_000
NO_TRAINING, NOT_FINITE, ENDED = 1, 2, 3
REASONS = ("the source has no training of it", "the source has no finite number", "the training had ended")
FILE = re.compile(rf"({'|'.join(DATASETS)})(\d?)\.bench(\.gz|\.xz|\.bz2)?")


class Numbers(NamedTuple):
    """What a file says of `n` networks.

    Attributes:
        file: Its name.
        dataset: What they were trained on.
        seed: With which seed; None for the mean of three.
        keys: Their numbers, increasing; shape `(n,)`.
        single: By name in the source: a number of each training; shape `(n,)`.
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

    The source files several networks under one number (`Graph.published_key`), and answers with its training for each
    of them. So does the table: it has a row for each network of `Graph` whose number is in the files, 35,910 of 26,206
    numbers. The nine networks of skips alone have none; where all numbers are there, they are rows without numbers.

    Accuracies (ROC-AUC of `proteins`) become percent, parameters counts, latency milliseconds: the source does not name
    units, but parameters are whole counts in millions, and latencies are those of such networks only in seconds. Of a
    file with curves, position `i` is taken for `i + 1` finished epochs; it takes some ten times its size in memory.

    Args:
        dataset: Names of the data sets to read. All if not given.
    """

    name = "nas-bench-graph"
    paper = "Qin et al. (2022), NAS-Bench-Graph, arXiv:2206.09166; github.com/THUMNLab/NAS-Bench-Graph"
    licence = "Apache-2.0"

    def __init__(self, dataset: str | Sequence[str] = ()) -> None:
        self.dataset = tuple(dataset.split(",")) if isinstance(dataset, str) else tuple(dataset)

    def read(self, paths: Sequence[Path] = ()) -> Table:
        """The table in these files and folders; if no path is given, in the files of the installed package.

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
            own = [part for part in parts if part.dataset == dataset]
            columns.update({column.metric.path: column for column in _columns(own, keys, seeds)})
            lengths = [part.curves.shape[1] for part in own if part.curves is not None]
            if lengths:
                epochs[dataset] = tuple(range(1, 1 + max(lengths)))
        facts = {"rows": sum(len(part.keys) for part in parts), "architectures": len(genotypes), "skipped": {}}
        source = self.source([file for file, _ in files], **facts)
        return Table(space, genotypes, seeds, epochs, columns, {"source": source}, provenance())

    def _files(self, paths: Sequence[Path]) -> list[tuple[Path, re.Match[str]]]:
        """The files of the wanted data sets; of each either one of means, or several of a seed each."""
        found: dict[str, tuple[Path, re.Match[str]]] = {}
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
                others = [name for name in found if name.startswith(match[1])]
                if match[1] + match[2] in found or (others and (not match[2] or match[1] in found)):
                    first = found[others[0]][0].name
                    raise InputError(
                        f"{first} and {file.name} are both of {match[1]}; import means or seeds, each once"
                    )
                found[match[1] + match[2]] = file, match
        if not found:
            raise FileError(f"found no file <data set>.bench of {', '.join(self.dataset or DATASETS)}")
        return [found[name] for name in sorted(found)]


# --- files ----------------------------------------------------------------------------------------------------------


def _read(space: Graph, file: Path, match: re.Match[str]) -> Numbers:
    """The numbers in a file.

    Raises:
        FileError: They are not as the source has them; says of which network.
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
    """The numbers of networks `(n,)`, increasing: shape and four operations as decimal digits."""
    numbers = list(content)
    wrong = next((n for n in numbers if type(n) is not int or not 0 <= n < 10 ** (NODES + 1)), None)
    if wrong is not None:
        raise FileError(f"{file.name}: {str(wrong)[:40]!r} is not the number of a network")
    keys = np.sort(np.array(numbers, dtype=np.int64))
    genotypes = _genotypes(keys)
    inside: BoolArray = np.all(genotypes < len(OPERATIONS), axis=1)
    inside[inside] = space.published_key(genotypes[inside]) == keys[inside]
    if not inside.all():
        raise FileError(f"{file.name}: {keys[np.argmin(inside)]} is not the number of a network")
    return keys


def _genotypes(keys: KeyArray) -> GenotypeArray:
    """The digits of `(n,)` numbers; shape `(n, 5)`."""
    return (keys[:, None] // 10 ** np.arange(NODES + 1)[::-1] % 10).astype(np.int8)


def _rows(space: Graph, keys: KeyArray) -> GenotypeArray:
    """One genotype of each network that the source answers for, and if it answers for all, of those of skips alone."""
    genotypes = space.unique()
    wanted = np.isin(space.published_key(genotypes), keys)
    if len(keys) == PUBLISHED:
        wanted |= (genotypes[:, 1:] == SKIP).all(axis=1)
    return genotypes[wanted]


def _singles(file: Path, keys: KeyArray, records: Sequence[Mapping[str, Any]], name: str, most: float) -> FloatArray:
    """One number of each network; shape `(n,)`."""
    values = np.array([_number(file, key, name, record.get(name)) for key, record in zip(keys, records, strict=True)])
    wrong = ~((values >= 0) & (values <= most) & np.isfinite(values))
    if wrong.any():
        at = int(np.argmax(wrong))
        limit = "0 or more" if np.isinf(most) else f"from 0 to {most:g}"
        raise FileError(f"{file.name}, network {keys[at]}: {name} is {values[at]}, expected {limit}")
    return values


def _number(file: Path, key: int, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300:
        raise FileError(f"{file.name}, network {key}: {name} is {str(value)[:40]!r}, expected a number")
    return float(value)


def _curves(file: Path, keys: KeyArray, records: Sequence[Any]) -> tuple[FloatArray, KeyArray]:
    """The curves `(n, epochs, 7)` and their lengths `(n,)`; what was read is dropped on the way, as it is large."""
    arrays = []
    for key, record in zip(keys, records, strict=True):
        curve = record.pop("dur", None)
        try:
            array = np.array(curve, dtype=np.float64)
        except (ValueError, TypeError, OverflowError) as error:
            raise FileError(f"{file.name}, network {key}: dur is not a table of numbers") from error
        if array.ndim != 2 or array.shape[1] != len(CURVES) or not 0 < len(array) <= MOST_EPOCHS:
            raise FileError(
                f"{file.name}, network {key}: expected dur as rows of {len(CURVES)} numbers, got shape {array.shape}"
            )
        scores = array[:, [at for at, (_, what) in enumerate(CURVES) if what != "loss"]]
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
    """The columns of one data set: of its means, or by seed (and epoch) of its trainings."""
    dataset = parts[0].dataset
    score = SCORES.get(dataset, "accuracy")
    columns = []
    for name in SINGLE:
        known = [part for part in parts if name in part.single]
        if known:
            metric = _single_metric(dataset, name, score, known[0].seed is not None)
            columns.append(_single_column(metric, name, known, keys, seeds))
    curved = [part for part in parts if part.curves is not None]
    for at, (split, what) in enumerate(CURVES if curved else ()):
        name = f"{what}_{score}" if what == "best" else f"{split}_{score if what == 'score' else what}"
        units = "nats" if what == "loss" else "percent"
        direction: Direction = "minimise" if what == "loss" else "maximise"
        told = "What the source calls best performance, without a split." if what == "best" else "At the epoch."
        metric = Metric(dataset, name, split, units, direction, DIMS, told)
        columns.append(_curve_column(metric, at, 1 if what == "loss" else 100, curved, keys, seeds))
    return columns


def _single_metric(dataset: str, name: str, score: str, seeded: bool) -> Metric:
    """Of one number for each training, or for the mean of three."""
    dims = DIMS[:2] if seeded else DIMS[:1]
    whose = "Of one training" if seeded else "Mean of three trainings"
    if name == "latency":
        told = f"{whose}; as the source measured it."
        return Metric(dataset, name, "none", "milliseconds", "minimise", dims, told)
    if name == "para":
        return Metric(dataset, "parameters", "none", "count", "minimise", dims, f"{whose}, which can differ in them.")
    split: Subset = "validation" if name == "valid_perf" else "test"
    told = f"{whose}; as the source states it for the whole training."
    stated = "stated_" if seeded else ""  # the curve has the plain name
    return Metric(dataset, f"{stated}{split}_{score}", split, "percent", "maximise", dims, told)


def _single_column(metric: Metric, name: str, parts: Sequence[Numbers], keys: KeyArray, seeds: Sequence[int]) -> Column:
    seeded = "seed" in metric.dims
    values = np.full((len(keys), len(seeds) if seeded else 1), np.nan)
    scale = {"latency": 1e3, "para": 1e6}.get(name, 100.0)
    for part in parts:
        rows, at = _found(part, keys)
        values[rows, 0 if part.seed is None else seeds.index(part.seed)] = scale * part.single[name][at]
    if name == "para":
        values = np.round(values, 3)
        if (values != np.floor(values))[~np.isnan(values)].any():
            metric = replace(metric, units="count, mean of three trainings")  # which differ in it
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
        rows, where = _found(part, keys)
        seed, own = seeds.index(part.seed), part.curves.shape[1]
        numbers = scale * part.curves[where, :, at]
        broken = ~np.isfinite(numbers)
        ended = np.arange(epochs) >= part.lengths[where, None]
        values[rows, seed, :own] = np.where(broken, np.nan, numbers)
        missing[rows, seed, :own] = np.where(broken, NOT_FINITE, 0)
        missing[rows, seed] = np.where(ended, ENDED, missing[rows, seed])
    return Column(metric, values, *used_reasons(missing, REASONS))


def _found(part: Numbers, keys: KeyArray) -> tuple[KeyArray, KeyArray]:
    """Rows of the table that a file answers for, and where in the file."""
    at = np.minimum(np.searchsorted(part.keys, keys), len(part.keys) - 1)
    rows = np.flatnonzero(part.keys[at] == keys)
    return rows, at[rows]
