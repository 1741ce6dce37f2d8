"""Query times of a table, beside those of the packages that publish the same tables, in one run."""

from __future__ import annotations

import csv
import importlib.resources
import subprocess
import sys
import tempfile
import types
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from nasbench.benchmark import hdf5
from nasbench.benchmark.base import Metric
from nasbench.benchmark.load import load
from nasbench.benchmark.table import Column, Table
from nasbench.importers import importers
from nasbench.spaces import spaces
from nasbench.types import Subset

TABLES = Path(__file__).parent.parent.parent / "shared/tables"
PUBLISHED = TABLES / "nb201_nasgraph/raw"
NATS = TABLES / "nats_bench_sample/raw/NATS-tss-v1_0-3ffb9-simple"
SPLITS: tuple[Subset, ...] = ("train", "validation", "test")


def published() -> Table:
    """All 15,625 cells x 3 data sets x 3 splits; random numbers of the same shape if the files are absent."""
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
    """Median seconds of a call."""
    times = []
    for _ in range(repeats):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return float(np.median(times))


def show(what: str, value: float) -> None:
    print(f"{what:40} {value:10.3f}", flush=True)


def each(work: Callable[[Any], Any], arguments: list[Any]) -> float:
    """Mean seconds of a call over all arguments; the best of three rounds."""
    times = []
    for _ in range(3):
        start = perf_counter()
        for argument in arguments:
            work(argument)
        times.append((perf_counter() - start) / len(arguments))
    return min(times)


def versus(what: str, theirs: float, ours: float, unit: str) -> None:
    print(f"{what:58} {theirs:12,.2f} {ours:10,.2f} {unit:12} {theirs / ours:8,.1f}", flush=True)


def imported(source: str, folder: Path, paths: list[Path], **settings: Any) -> Path:
    """A published table, imported into a file."""
    path = folder / f"{source}.h5"
    hdf5.write(importers.create(source, **settings).read(paths), path)
    return path


def graph_peer(folder: Path) -> None:
    """NAS-Bench-Graph: 26,206 networks; theirs reads one data set, ours holds nine in a file."""
    from nas_bench_graph import Arch, light_read

    path = imported("nas-bench-graph", folder, [])
    benchmark = load(path)
    space, metric = benchmark.space, "cora/test_accuracy"
    genotypes = list(space.sample(5_000, np.random.default_rng(0)))
    texts = [space.to_string(genotype) for genotype in genotypes]
    theirs = light_read("cora")
    networks = [([int(n) for n in text.split(":")[0].split(",")], text.split(":")[1].split(",")) for text in texts]

    def look_up(network: tuple[list[int], list[str]]) -> Any:
        return theirs[Arch(*network).valid_hash()]["perf"]

    known = [index for index, network in enumerate(networks) if Arch(*network).valid_hash() in theirs]
    networks, texts, genotypes = ([every[i] for i in known] for every in (networks, texts, genotypes))
    versus(
        "nas_bench_graph: open, first query",
        1e3 * seconds(lambda: light_read("cora")[Arch(*networks[0]).valid_hash()]["perf"], 15),
        1e3 * seconds(lambda: load(path).query(texts[0], metric), 15),
        "ms",
    )
    hashes = [Arch(*network).valid_hash() for network in networks]
    versus(
        "nas_bench_graph: query (a new string)",
        1e6 * each(look_up, networks),
        1e6 * each(lambda text: load_once(benchmark).query(text, metric), texts),
        "microseconds",
    )
    versus(
        "nas_bench_graph: query by hash (a genotype)",
        1e6 * each(lambda name: theirs[name]["perf"], hashes),
        1e6 * each(lambda genotype: benchmark.query(genotype, metric), genotypes),
        "microseconds",
    )


def load_once(benchmark: Any) -> Any:
    """The benchmark with an empty cache of strings."""
    benchmark._graph_index._row_of_text.clear()
    return benchmark


def analog_peer(folder: Path) -> None:
    """AnalogNAS-Bench: 15,625 cells of NAS-Bench-201."""
    if "pkg_resources" not in sys.modules:  # missing from newer releases of setuptools
        stand_in = types.ModuleType("pkg_resources")
        stand_in.resource_filename = lambda package, name: str(importlib.resources.files(package) / name)  # type: ignore[attr-defined]
        sys.modules["pkg_resources"] = stand_in
    from analognasbench import AnalogNASBench

    path = imported("analog-nasbench", folder, [])
    benchmark, theirs = load(path), AnalogNASBench()
    cells, metric = list(theirs.data)[:5_000], "cifar10/test_accuracy"
    space = benchmark.space
    genotypes = list(space.sample(5_000, np.random.default_rng(0)))
    text = space.to_string(genotypes[0])
    versus(
        "analog-nasbench: open, first query",
        1e3 * seconds(lambda: AnalogNASBench().query_metric(cells[0], "baseline_accuracy"), 5),
        1e3 * seconds(lambda: load(path).query(text, metric), 15),
        "ms",
    )
    versus(
        "analog-nasbench: query by tuple (genotype)",
        1e6 * each(lambda cell: theirs.query_metric(cell, "baseline_accuracy"), cells),
        1e6 * each(lambda genotype: benchmark.query(genotype, metric), genotypes),
        "microseconds",
    )


def nats_peer(folder: Path) -> None:
    """NATS-Bench, its sample of three architectures, in fast mode."""
    from nats_bench import create

    path = imported("nats-bench", folder, [NATS])
    benchmark = load(path)
    metric, text, index = "cifar10@200/test_accuracy", benchmark.space.to_string(benchmark.architectures()[0]), 0

    def ask(api: Any) -> Any:
        return api.get_more_info(index, "cifar10", hp="200", is_random=False)

    def fresh() -> Any:
        return create(str(NATS), "tss", fast_mode=True, verbose=False)

    theirs = fresh()
    ask(theirs)
    many = [index] * 300
    versus(
        "nats_bench: open, first query of an architecture",
        1e3 * seconds(lambda: ask(fresh()), 5),
        1e3 * seconds(lambda: load(path).query(text, metric), 15),
        "ms",
    )
    benchmark.query(text, metric)
    ours = 1e6 * each(lambda _: benchmark.query(text, metric), many)
    versus("nats_bench: next query", 1e6 * each(lambda _: ask(theirs), many), ours, "microseconds")
    cost = 1e6 * each(lambda _: theirs.get_cost_info(index, "cifar10"), many[:20])
    ours = 1e6 * each(lambda _: benchmark.query(text, "cifar10@200/flops"), many)
    versus("nats_bench: cost", cost, ours, "microseconds")


def peers() -> None:
    print(f"\n{'':58} {'theirs':>12} {'ours':>10} {'':12} {'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for peer in (graph_peer, analog_peer, nats_peer):
            try:
                peer(Path(folder))
            except (ImportError, FileNotFoundError) as error:
                print(f"{peer.__name__}: left out, {error}")


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
            "row": list(range(10_000)),
            "genotype, new": list(genotypes),
            "genotype, seen before": list(genotypes),
            "string, new": [space.to_string(genotype) for genotype in genotypes],
            "string, seen before": [space.to_string(genotype) for genotype in genotypes],
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
        command = [sys.executable, "-m", "nasbench", "query", str(path), space.to_string(million[0])]
        run = partial(subprocess.run, command, check=True, stdout=subprocess.DEVNULL)
        show("nasbench query, whole command (s)", seconds(run, 7))
    peers()


if __name__ == "__main__":
    main()
