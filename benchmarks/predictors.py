"""Rank correlation, calibration and speed of the predictors by training size on NAS-Bench-201 (published table).

python benchmarks/predictors.py [metric] [predictor,...] [jobs]

The metric is a column of the CIFAR-10 file: validation_accuracy, test_accuracy or train_accuracy, in percent after 200
epochs. One architecture of each of the 5,000 functions takes part, 1,000 of them for testing.
"""

import csv
import sys
from pathlib import Path

import numpy as np

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.evaluate.predictors import evaluate
from nasbench.spaces import spaces

FILE = Path("../shared/tables/nb201_nasgraph/raw/nasbench201_cifar10.csv")
SIZES = (10, 20, 50, 100, 200, 400)


def nb201(path: Path = FILE) -> TabularBenchmark:
    """All 15,625 cells of NAS-Bench-201 with their accuracies on CIFAR-10."""
    space = spaces.create("nb201")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {}
    for split in ("train", "validation", "test"):
        metric = Metric("cifar10", f"{split}_accuracy", split, "percent", "maximise", ("architecture",))
        values = np.array([float(row[f"{split} accuracy"]) for row in rows])
        columns[metric.path] = Column(metric, values, np.zeros(len(rows), dtype=np.uint8))
    genotypes = np.stack([space.genotype(row["arch str"]) for row in rows])
    return TabularBenchmark(Table(space, genotypes, (), {}, columns), name="NAS-Bench-201 CIFAR-10")


def main(metric: str = "validation_accuracy", names: str = "mean,ridge,gp,xgb,gnn", jobs: str = "1") -> None:
    if not FILE.exists():
        sys.exit(f"{FILE} is not here; run in the repository root, beside which the published tables lie")
    results = evaluate(
        nb201(),
        metric,
        predictors=names.split(","),
        train_sizes=SIZES,
        test_size=1000,
        splits=5,
        jobs=int(jobs),
    )
    print(f"{results.metric}, {results.settings}")
    shown = ("kendall_tau", "r2", "rmse", "nll", "coverage_90", "fit_seconds", "predict_seconds")
    print(f"{'predictor':10}{'n':>5}{'tau [95 %]':>24}" + "".join(f"{name:>16}" for name in shown[1:]))
    for row in results.summary["scores"]:
        tau = row["kendall_tau"]
        interval = "-" if tau["mean"] is None else f"{tau['mean']:.3f} [{tau['low']:.3f}, {tau['high']:.3f}]"
        rest = "".join(f"{row[name]['mean']:16.3f}" for name in shown[1:])
        print(f"{row['predictor']:10}{row['n_train']:5}{interval:>24}{rest}")


if __name__ == "__main__":
    main(*sys.argv[1:])
