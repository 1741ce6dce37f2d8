"""Rank correlation, calibration and speed of predictors by training size, on published tables and a shipped one.

    python benchmarks/predictors.py [--tables nb201,nb101] [--predictors gp,auto] [--columns] [--splits 10] [--jobs 1]

| table | targets | protocol |
|---|---|---|
| `nb201` | NAS-Bench-201, CIFAR-10 validation accuracy after 200 epochs, 15,625 cells | functions, 1,000 tested |
| `nb201-pruned` | test accuracy of its 9,445 cells without unreachable operations | random, 1,000 tested |
| `nb201-78` | validation accuracy of all 15,625 | tagates: 78 of one half, tested on the other |
| `nb101` | 301 cells of NAS-Bench-101 | functions, 150 tested |
| `darts` | 500 cells of NAS-Bench-301 (values of its surrogate) | random, 200 tested |
| `macro` | all 6,561 networks of NAS-Bench-Macro, test accuracy, mean of 3 seeds | random, 1,000 tested |
| `accel` | Accel-NASBench, ImageNet accuracy, 5,125 networks | published: its test networks |
| `graph-cora` and so on | NAS-Bench-Graph, 35,919 networks, test part of one data set | functions, 1,000 tested |
| `digits` | the shipped `nb201-digits`, validation accuracy | functions, 1,000 tested |

With `--columns`, predictors also read the static columns of a table, where it has them: parameters, FLOPs and zero-cost
proxies; of `nb201` the accuracy after 12 epochs. For each table a table in Markdown: mean Kendall tau with its 95 %
bootstrap interval over the splits at each size; then coverage of the 90 % interval, negative log-likelihood and seconds
of a fit on one thread, at both ends.
"""

import argparse
import json
import sys
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
from nasbench.evaluate.predictors import evaluate
from nasbench.evaluate.results import Results
from nasbench.importers import importers
from nasbench.spaces import spaces
from nasbench.types import FloatArray

TABLES = Path(__file__).parents[2] / "shared/tables"
NASGRAPH = "nb201_nasgraph/raw/nasbench201_cifar10.csv"
PREDICTORS = "mean,ridge,gp,xgb,forest,gnn,ensemble,auto"


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
    "digits": Task(digits, "validation_accuracy", "functions", (10, 25, 50, 100, 400), 1000),
}


def score(task: Task, names: list[str], columns: bool, splits: int, jobs: int) -> Results:
    benchmark = task.load()
    static = [m.name for m in benchmark.metrics.values() if m.static] if columns else []
    features = "+features=" + "/".join(["default", *static]) if static else ""
    predictors = [name if name == "mean" else name + features for name in names]
    return evaluate(
        benchmark,
        task.metric,
        predictors=predictors,
        train_sizes=task.sizes,
        test_size=task.test_size or None,
        splits=splits,
        protocol=task.protocol,  # type: ignore[arg-type]
        jobs=jobs,
    )


def show(results: Results, sizes: tuple[int, ...]) -> None:
    rows: dict[str, dict[int, Any]] = {}
    for row in results.summary["scores"]:
        rows.setdefault(row["predictor"].split("+features=default")[0], {})[row["n_train"]] = row
    ends = dict.fromkeys((sizes[0], sizes[-1]))
    heads = [
        *(f"tau at {n}" for n in sizes),
        *(f"{what} at {n}" for what in ("inside 90 %", "NLL", "fit, s") for n in ends),
    ]
    print("| | " + " | ".join(heads) + " |\n|" + "---|" * (1 + len(heads)))
    for name, by_size in rows.items():
        taus = [by_size[n]["kendall_tau"] for n in sizes]
        cells = ["-" if t["mean"] is None else f"{t['mean']:.3f} [{t['low']:.3f}, {t['high']:.3f}]" for t in taus]
        cells += [f"{by_size[n][what]['mean']:.2f}" for what in ("coverage_90", "nll", "fit_seconds") for n in ends]
        print(f"| `{name}` | " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", default=",".join(TASKS))
    parser.add_argument("--predictors", default=PREDICTORS)
    parser.add_argument("--columns", action="store_true")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    if not TABLES.exists() and given.tables != "digits":
        sys.exit(f"{TABLES} is not here; the published tables are not part of the repository, only --tables digits is")
    for name in given.tables.split(","):
        results = score(TASKS[name], given.predictors.split(","), given.columns, given.splits, given.jobs)
        print(f"\n{name}: {TASKS[name].protocol}, {given.splits} splits" + (", with columns" if given.columns else ""))
        show(results, TASKS[name].sizes)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
