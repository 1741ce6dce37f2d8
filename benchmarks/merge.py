"""Time of merging made-up tables of published size that share all, half or no metrics."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

import numpy as np
from large import made_up

from nasbench.benchmark.merge import merge
from nasbench.benchmark.rename import renamed
from nasbench.benchmark.table import Column, Table
from nasbench.spaces import spaces

SIZES = {
    "nb201, 200 epochs": ("nb201", 15_625, tuple(range(1, 201))),
    "nb101, 4 budgets": ("nb101", 423_624, (4, 12, 36, 108)),
}


def selection(table: Table, rows: np.ndarray) -> Table:
    """Some rows of a table."""
    columns = {
        path: Column(column.metric, column.values[rows], column.missing[rows], column.reasons)
        for path, column in table.columns.items()
    }
    return replace(table, genotypes=table.genotypes[rows], columns=columns)


def main() -> None:
    print(f"{'tables':<20}{'merged':<32}{'rows':>9}{'million numbers':>17}{'seconds':>9}")
    for name, (space, n, epochs) in SIZES.items():
        table = made_up(spaces.create(space), n, ("cifar10",), 3, epochs)
        half = selection(table, np.random.default_rng(0).permutation(n)[: n // 2])
        first, second = selection(table, np.arange(n // 2)), selection(table, np.arange(n // 4, n))
        cases = {
            "with half of its rows": [table, half],
            "two parts that overlap": [first, second],
            "with other metrics": [table, renamed(half, {"cifar10": "cifar100"})],
        }
        for case, tables in cases.items():
            start = perf_counter()
            merged = merge(tables, ["a", "b"])
            seconds = perf_counter() - start
            numbers = sum(column.values.size for column in merged.columns.values()) / 1e6
            cells = f"{len(merged.genotypes):>9,}{numbers:>17.1f}{seconds:>9.2f}"
            print(f"{name:<20}{case:<32}{cells}", flush=True)


if __name__ == "__main__":
    main()
