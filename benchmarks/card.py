"""Facts of a built table for its card: seed noise, fidelities, best and worst cells, static columns, other tables.

    python benchmarks/card.py nb201-digits [--against nasgraph.h5 --metric cifar10/validation_accuracy]
    python benchmarks/card.py nb201-mnist5k --against nb201-digits --metric digits/validation_accuracy

Rank correlations are Kendall's tau-b with a bootstrap interval over cells (95 %, percentiles of 1,000 resamples, or of
100 for more than 2,000 cells). The better half has the higher means over the seeds, a restricted range, in which
correlations are lower by construction. `--against` compares the means over the seeds with another benchmark.
"""

from __future__ import annotations

import argparse
from itertools import combinations

import numpy as np
from scipy.stats import kendalltau, pearsonr, spearmanr

import nasbench
from nasbench.benchmark.base import Benchmark
from nasbench.types import FloatArray, GenotypeArray

RESAMPLES = 1000


def tau(a: FloatArray, b: FloatArray) -> str:
    """Kendall's tau-b of two vectors with its interval."""
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(RESAMPLES if len(a) <= 2000 else 100):
        rows = rng.integers(0, len(a), len(a))
        drawn.append(kendalltau(a[rows], b[rows]).statistic)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{kendalltau(a, b).statistic:.2f} [{low:.2f}, {high:.2f}]"


def by_seed(benchmark: Benchmark, metric: str) -> FloatArray:
    """Last epoch of a metric by cell and seed `(n, seeds)`; NaN where it is missing."""
    values: FloatArray = benchmark.table.columns[benchmark.metric(metric).path].values[:, :, -1]
    return values


def seeds(benchmark: Benchmark) -> None:
    """Noise between seeds, over the cells trained with every seed."""
    values = {split: by_seed(benchmark, f"{split}_accuracy") for split in ("validation", "test")}
    complete = np.isfinite(values["validation"]).all(axis=1)
    validation, test = values["validation"][complete], values["test"][complete]
    count = validation.shape[1]
    print(f"\n## Seeds\n\n{complete.sum():,} cells with {count} seeds each, {len(complete):,} with at least one\n")
    means = validation.mean(axis=1)
    better = means >= np.median(means)
    print(f"spread between cells {means.std(ddof=1):.2f}, in the better half {means[better].std(ddof=1):.2f}")
    print(
        f"noise between seeds  {np.sqrt(validation.var(axis=1, ddof=1).mean()):.2f}, in the better half "
        f"{np.sqrt(validation[better].var(axis=1, ddof=1).mean()):.2f}"
    )
    for name, rows in (("all cells", np.ones_like(better)), ("better half", better)):
        for a, b in combinations(range(count), 2):
            print(f"seeds {a} and {b}, {name}: {tau(validation[rows, a], validation[rows, b])}")
    print(f"validation of seed 0 and test of seed 1: {tau(validation[:, 0], test[:, 1])}")
    print(f"means of validation and of test: {tau(means, test.mean(axis=1))}")


def fidelities(benchmark: Benchmark) -> None:
    """Rank correlation of each epoch with the last one, of the same seed and of another."""
    column = benchmark.table.columns[benchmark.metric("validation_accuracy").path]
    print("\n## Fidelities\n\n| epochs | tau with the end, seed 0 | with the end of seed 1 |\n|---|---|---|")
    complete = np.isfinite(column.values[:, :2, -1]).all(axis=1)
    curve = column.values[complete]
    for epoch in range(curve.shape[2]):
        print(
            f"| {epoch + 1} | {tau(curve[:, 0, epoch], curve[:, 0, -1])} | {tau(curve[:, 0, epoch], curve[:, 1, -1])} |"
        )


def extremes(benchmark: Benchmark, count: int = 5) -> None:
    """Best and worst cells by mean validation accuracy, among the cells with most seeds."""
    values = by_seed(benchmark, "validation_accuracy")
    test = np.nanmean(by_seed(benchmark, "test_accuracy"), axis=1)
    known = np.isfinite(values).sum(axis=1)
    rows = np.flatnonzero(known == known.max())
    means = values[rows].mean(axis=1)
    order = rows[np.argsort(-means, kind="stable")]
    space = benchmark.space
    print("\n## Best and worst\n\n| validation | test | cell |\n|---|---|---|")
    for row in [*order[:count], *order[-count:]]:
        cell = space.to_string(benchmark.table.genotypes[row]).replace("|", "\\|")
        print(f"| {values[row].mean():.2f} | {test[row]:.2f} | `{cell}` |")
    best = benchmark.table.genotypes[order[: len(order) // 10]]
    names = space.option_names(0)
    print(
        "\nOperations of the best tenth, and of all cells:",
        ", ".join(
            f"{name} {(best == code).mean():.2f} ({(benchmark.table.genotypes[rows] == code).mean():.2f})"
            for code, name in enumerate(names)
        ),
    )


def static(benchmark: Benchmark) -> None:
    """Rank correlations of each static column with the mean validation accuracy over the seeds."""
    accuracy = np.nanmean(by_seed(benchmark, "validation_accuracy"), axis=1)
    print("\n## Static columns\n\n| column | cells | Kendall's tau | Spearman | better half |\n|---|---|---|---|---|")
    for column in benchmark.table.columns.values():
        if column.metric.static:
            known = np.isfinite(column.values) & np.isfinite(accuracy)
            values, targets = column.values[known], accuracy[known]
            better = targets >= np.median(targets)
            rho = spearmanr(values, targets).statistic
            print(
                f"| `{column.metric.name}` | {known.sum():,} | {tau(values, targets)} | {rho:.2f} "
                f"| {tau(values[better], targets[better])} |"
            )


def against(benchmark: Benchmark, other: Benchmark, metric: str) -> None:
    """Rank correlation of the means over the seeds with another benchmark."""
    cells: GenotypeArray = benchmark.table.genotypes
    theirs = other.query_many(cells, metric).values.filled(np.nan)
    ours = np.nanmean(by_seed(benchmark, "validation_accuracy"), axis=1)
    both = np.isfinite(theirs) & np.isfinite(ours)
    better = both & (theirs >= np.median(theirs[both]))
    tenth = both.sum() // 10
    best = [set(np.flatnonzero(both)[np.argsort(-values[both], kind="stable")[:tenth]]) for values in (ours, theirs)]
    print(
        f"\n## {metric} of {other.name}\n\n{both.sum():,} cells: tau {tau(ours[both], theirs[both])}, Spearman "
        f"{spearmanr(ours[both], theirs[both]).statistic:.2f}, Pearson {pearsonr(ours[both], theirs[both])[0]:.2f}; "
        f"in the better half there: tau {tau(ours[better], theirs[better])}; of the best tenth there "
        f"{len(best[0] & best[1]) / tenth:.0%} are in the best tenth here"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("--against")
    parser.add_argument("--metric", default="cifar10/validation_accuracy")
    arguments = parser.parse_args()
    benchmark = nasbench.load(arguments.table)
    seeds(benchmark)
    fidelities(benchmark)
    extremes(benchmark)
    static(benchmark)
    if arguments.against:
        against(benchmark, nasbench.load(arguments.against), arguments.metric)


if __name__ == "__main__":
    main()
