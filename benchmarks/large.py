"""Made-up tables of published size: file size, time to open and to answer, memory."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from nasbench.benchmark import hdf5
from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import DIMS, Column, Table
from nasbench.spaces import spaces
from nasbench.spaces.base import Space
from nasbench.types import Direction, FloatArray, Subset

SPLITS: tuple[Subset, ...] = ("train", "validation", "test")
IMAGES = 10_000
PROBE = """
import json, sys, time
def resident():
    with open("/proc/self/status") as status:
        return {l.split(":")[0]: int(l.split()[1]) / 1024 for l in status if l.startswith(("VmRSS", "VmHWM"))}
bare = resident()["VmRSS"]
import h5py, numpy
from nasbench.benchmark import tabular
from nasbench.benchmark.hdf5 import reader
from nasbench.benchmark.load import load
imported = resident()["VmRSS"]
times = []
for _ in range(5):
    start = time.perf_counter()
    benchmark = load(sys.argv[1])
    opened = time.perf_counter()
    first = benchmark.query(sys.argv[2], sys.argv[3])
    times.append((opened - start, time.perf_counter() - opened))
rows = benchmark.table.genotypes
for metric in benchmark.metrics:
    benchmark.query_many(rows, metric)
    for row in range(1000):
        benchmark.query(rows[row], metric)
now = resident()
opened, first = map(min, zip(*times))
print(json.dumps([1e3 * opened, 1e3 * first, now["VmRSS"] - imported, now["VmHWM"] - imported, now["VmRSS"] - bare]))
"""


def curves(n: int, seeds: int, epochs: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Plausible curves: accuracies on 10,000 images in percent, and losses of float32."""
    best = np.clip(94 - rng.gamma(2, 4, (n, 1, 1)), 10, 94)
    shape = 1 - np.exp(-(np.arange(epochs) + 3) / (epochs / 4 + 3))
    accuracy = np.clip(best * shape + rng.normal(0, 0.5, (n, seeds, epochs)), 1, 99.9)
    loss = (np.log(100 / accuracy) + rng.gamma(2, 0.02, accuracy.shape)).astype(np.float32)
    return np.rint(accuracy / 100 * IMAGES) * 100 / IMAGES, loss.astype(np.float64)


def made_up(space: Space, n: int, datasets: tuple[str, ...], seeds: int, epochs: tuple[int, ...]) -> Table:
    """A table with all axes, and accuracy and loss on three splits of each data set."""
    rng = np.random.default_rng(0)
    genotypes = np.concatenate(list(space.enumerate()))[:n]
    columns = {}
    for dataset in datasets:
        for split in SPLITS:
            accuracy, loss = curves(n, seeds, len(epochs), rng)
            for name, values, units in (("accuracy", accuracy, "percent"), ("loss", loss, "nats")):
                direction: Direction = "maximise" if name == "accuracy" else "minimise"
                metric = Metric(dataset, f"{split}_{name}", split, units, direction, DIMS)
                columns[metric.path] = Column(metric, values, np.zeros(values.shape, dtype=np.uint8))
    return Table(space, genotypes, tuple(range(seeds)), dict.fromkeys(datasets, epochs), columns)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--only", choices=("nb201", "nb101"), help="One of the two tables.")
    only = arguments.parse_args().only
    sizes = {
        "nb201": (15_625, ("cifar10", "cifar100", "ImageNet16-120"), 3, tuple(range(1, 201))),
        "nb101": (423_624, ("cifar10",), 3, (4, 12, 36, 108)),
    }
    head = ("table", "million", "raw MB", "file MB", "part", "write s")
    print("".join(f"{word:>13}" for word in (*head, "open ms", "first ms", "held MB", "peak MB", "with imports")))
    for name in [only] if only else sizes:
        n, datasets, seeds, epochs = sizes[name]
        space = spaces.create(name)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.h5"
            table = made_up(space, n, datasets, seeds, epochs)
            raw = sum(column.values.nbytes for column in table.columns.values())
            start = perf_counter()
            hdf5.write(table, path)
            seconds, size = perf_counter() - start, path.stat().st_size
            architecture = space.to_string(table.genotypes[n // 2])
            del table
            command = [sys.executable, "-c", PROBE, str(path), architecture, "cifar10/test_accuracy"]
            probed = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        row = (raw / 8e6, raw / 1e6, size / 1e6, size / raw, seconds, *probed)
        print(f"{name:>13}" + "".join(f"{value:13,.2f}" for value in row), flush=True)


if __name__ == "__main__":
    main()
