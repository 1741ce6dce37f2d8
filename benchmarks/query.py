"""How fast a table answers: NAS-Bench-201 with three data sets, from the published numbers where they are at hand."""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from nasbench.benchmark import hdf5
from nasbench.benchmark.base import Metric, Split
from nasbench.benchmark.load import load
from nasbench.benchmark.table import Column, Table
from nasbench.spaces import spaces

PUBLISHED = Path(__file__).parent.parent.parent / "shared/tables/nb201_nasgraph/raw"
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def published() -> Table:
    """All 15,625 cells x 3 data sets x 3 splits; random numbers of the same shape where the files are absent."""
    space = spaces.create("nb201")
    columns = {}
    genotypes = np.concatenate(list(space.enumerate()))
    rng = np.random.default_rng(0)
    for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
        numbers = rng.uniform(0, 100, (len(genotypes), len(SPLITS)))
        if PUBLISHED.exists():
            with (PUBLISHED / f"nasbench201_{dataset}.csv").open(encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            genotypes = np.array([space.genotype(row["arch str"]) for row in rows])
            numbers = np.array([[float(row[f"{split} accuracy"]) for split in SPLITS] for row in rows])
        for split, values in zip(SPLITS, numbers.T, strict=True):
            metric = Metric(dataset, f"{split}_accuracy", split, "percent", "maximise", ("architecture",))
            columns[metric.path] = Column(metric, values.copy(), np.zeros(len(values), dtype=np.uint8))
    return Table(space, genotypes, (), {}, columns)


def seconds(work: Callable[[], Any], repeats: int) -> float:
    """Median of the seconds that a call takes."""
    times = []
    for _ in range(repeats):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return float(np.median(times))


def show(what: str, value: float) -> None:
    print(f"{what:40} {value:10.3f}", flush=True)


def main() -> None:
    table = published()
    print(f"NAS-Bench-201, {'published' if PUBLISHED.exists() else 'random'} numbers, {len(table.columns)} metrics")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "nb201.h5"
        show("write the file (ms)", 1e3 * seconds(lambda: hdf5.write(table, path), 5))
        show("size of the file (kB)", path.stat().st_size / 1e3)
        show("load the file (ms)", 1e3 * seconds(lambda: load(path), 5))
        benchmark, metric = load(path), "cifar10/validation_accuracy"
        space, rng = benchmark.space, np.random.default_rng(0)
        genotypes = space.sample(10_000, rng)
        forms: dict[str, list[Any]] = {
            "genotype": list(genotypes),
            "string, new": [space.text(genotype) for genotype in genotypes],
            "string, seen before": [space.text(genotype) for genotype in genotypes],
            "list of integers": genotypes.tolist(),
            "graph": [space.graph(genotype) for genotype in genotypes[:200]],
        }
        benchmark.query(genotypes[0], metric)
        for form, architectures in forms.items():
            start = perf_counter()
            for architecture in architectures:
                benchmark.query(architecture, metric)
            show(f"query by {form} (microseconds)", 1e6 * (perf_counter() - start) / len(architectures))
        million = space.sample(1_000_000, rng)
        rate = len(million) / seconds(lambda: benchmark.query_many(million, metric), 7)
        show("query_many (million architectures/s)", rate / 1e6)
        command = [sys.executable, "-m", "nasbench", "query", str(path), space.text(million[0])]
        run = partial(subprocess.run, command, check=True, stdout=subprocess.DEVNULL)
        show("nasbench query, whole command (s)", seconds(run, 7))


if __name__ == "__main__":
    main()
