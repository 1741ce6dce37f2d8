"""Published tables as benchmarks, each with the protocol under which the literature reports on it, and a shipped one.

What each name stands for, benchmarks/predictors.py says. The published tables are not part of the repository.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import nasbench
from nasbench.benchmark.base import Benchmark, Metric
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.importers import importers
from nasbench.spaces import spaces
from nasbench.types import FloatArray

TABLES = Path(__file__).parents[2] / "shared/tables"
NASGRAPH = "nb201_nasgraph/raw/nasbench201_cifar10.csv"


def tabular(
    name: str, space: str, cells: list[Any], accuracy: FloatArray, columns: Mapping[str, FloatArray]
) -> Benchmark:
    """A table of one accuracy in percent, and static columns."""
    kind = spaces.create(space)
    genotypes = kind.check(np.stack([kind.genotype(cell) for cell in cells]))
    rows = np.sort(np.unique(kind.key(genotypes), return_index=True)[1])  # published samples repeat some cells
    measured = np.zeros(len(rows), dtype=np.uint8)
    metric = Metric("cifar10", "accuracy", "validation", "percent", "maximise", ("architecture",))
    given = {metric.path: Column(metric, accuracy[rows], measured)}
    for column, values in columns.items():
        given[column] = Column(
            Metric("", column, "none", "none", "minimise", ("architecture",)), values[rows], measured
        )
    return TabularBenchmark(Table(kind, genotypes[rows], (), {}, given), name=name)


def numbers(frame: pd.DataFrame, names: list[str]) -> dict[str, FloatArray]:
    return {name: frame[name].to_numpy(np.float64) for name in names}


def nb201() -> Benchmark:
    short = pd.read_csv(TABLES / "nb201_mini_12epoch/mini_nb201_12epoch.csv")[["cellstr", "cifar10-val"]]
    frame = pd.read_csv(TABLES / NASGRAPH).merge(short, left_on="arch str", right_on="cellstr")
    after_12_epochs = {"after_12_epochs": frame["cifar10-val"].to_numpy(np.float64)}
    accuracy = frame["validation accuracy"].to_numpy()
    return tabular("NAS-Bench-201", "nb201", list(frame["arch str"]), accuracy, after_12_epochs)


def nb201_in16() -> Benchmark:
    frame = pd.read_csv(TABLES / "nb201_nasgraph/raw/nasbench201_ImageNet16-120.csv")
    accuracy = frame["validation accuracy"].to_numpy(np.float64)
    return tabular("NAS-Bench-201, ImageNet16-120", "nb201", list(frame["arch str"]), accuracy, {})


def nb201_pruned() -> Benchmark:
    proxies = pd.read_csv(TABLES / "nb201_zc_proxies/raw/nb201_zc_proxies.csv")
    frame = pd.read_csv(TABLES / NASGRAPH).merge(proxies, left_on="arch str", right_on="net_str")
    names = [name for name in proxies.columns if name not in ("net", "net_str")]
    accuracy = frame["test accuracy"].to_numpy()
    return tabular("NAS-Bench-201, pruned", "nb201", list(frame["arch str"]), accuracy, numbers(frame, names))


def with_proxies(name: str, space: str, file: str) -> Benchmark:
    frame = pd.read_csv(TABLES / file)
    names = [column for column in frame.columns if column not in ("arch", "validation_accuracy")]
    accuracy = frame["validation_accuracy"].to_numpy(np.float64)
    return tabular(name, space, list(frame["arch"]), accuracy, numbers(frame, names))


def nb101() -> Benchmark:
    return with_proxies("NAS-Bench-101", "nb101", "nb101_zc_proxies/nb101_zc_proxies.csv")


def darts() -> Benchmark:
    return with_proxies("NAS-Bench-301", "darts", "nb301_zc_proxies/nb301_zc_proxies.csv")


def macro() -> Benchmark:
    data = json.loads((TABLES / "nas_bench_macro/raw/nas-bench-macro_cifar10.json").read_text(encoding="utf-8"))
    frame = pd.DataFrame(data).T
    cells = [np.array([int(digit) for digit in cell], dtype=np.int8) for cell in frame.index]
    accuracy = frame["mean_acc"].to_numpy(np.float64)
    return tabular("NAS-Bench-Macro", "macro", cells, accuracy, numbers(frame, ["params", "flops"]))


def accel() -> Benchmark:
    folder = TABLES / "accel_nasbench"
    source = importers.create("accel-nasbench", splits=str(folder / "raw"))
    return TabularBenchmark(source.read([folder / "accel_nasbench.csv"]), name="Accel-NASBench")


@cache
def graph() -> Benchmark:
    return TabularBenchmark(importers.create("nas-bench-graph").read([]), name="NAS-Bench-Graph")


def bert() -> Benchmark:
    source = importers.create("nas-bench-bert")
    return TabularBenchmark(source.read([TABLES / "nas_bench_bert/raw/BERT_benchmark.json"]), name="NAS-Bench-BERT")


def yolo() -> Benchmark:
    return TabularBenchmark(importers.create("yolobench").read([TABLES / "yolobench/raw"]), name="YOLOBench")


def digits() -> Benchmark:
    return nasbench.load("nb201-digits")


class Task(NamedTuple):
    """A table with the protocol under which the literature reports on it."""

    load: Callable[[], Benchmark]
    metric: str
    protocol: str
    sizes: tuple[int, ...]
    test_size: int


TASKS = {
    "nb201": Task(nb201, "accuracy", "functions", (10, 20, 50, 100, 200, 400), 1000),
    "nb201-pruned": Task(nb201_pruned, "accuracy", "random", (10, 25, 50, 100, 200, 400), 1000),
    "nb201-78": Task(nb201, "accuracy", "tagates", (78,), 1000),
    "nb101": Task(nb101, "accuracy", "functions", (10, 25, 50, 100), 150),
    "darts": Task(darts, "accuracy", "random", (10, 25, 50, 100, 200), 200),
    "macro": Task(macro, "accuracy", "random", (20, 50, 100, 200, 500), 1000),
    "accel": Task(accel, "imagenet/validation_accuracy", "published", (100, 400, 3000), 0),
    **{
        f"graph-{data}": Task(graph, f"{data}/test_accuracy", "functions", (25, 50, 100, 400), 1000)
        for data in ("cora", "citeseer", "pubmed", "arxiv", "cs", "physics", "photo", "computers")
    },
    "graph-proteins": Task(graph, "proteins/test_roc_auc", "functions", (25, 50, 100, 400), 1000),
    "nb201-in16": Task(nb201_in16, "accuracy", "functions", (10, 20, 50, 100), 1000),
    "bert": Task(bert, "glue/validation_average", "functions", (10, 25, 50, 100), 160),
    "yolo": Task(yolo, "voc/test_map", "functions", (10, 25, 50, 100), 300),
    "digits": Task(digits, "validation_accuracy", "functions", (10, 25, 50, 100, 400), 1000),
}
