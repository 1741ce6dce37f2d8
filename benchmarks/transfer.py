"""What other tables tell of one: rank correlation of `transfer` with none or a handful of labels.

    python benchmarks/transfer.py [--tables nb101,darts] [--predictor gp-wl] [--splits 10] [--ship]

For each table: Kendall tau on its test architectures of the score learnt from the tables of all other spaces, and from
the other data sets of its own space where there are any, without labels and with 5 to 50; of the same predictor without
transfer. Of two statistics that need no other table, the number of layers and the cost of the convolutions, the size of
tau over the whole table, as whether more is better nobody tells. The tables,
their targets and tests are those of benchmarks/predictors.py. With `--ship`, the weights that come with the package are
learnt anew, from the tables that come with it.
"""

import argparse
import json
import sys
from collections.abc import Sequence

import numpy as np
from published import TABLES, TASKS, Task

import nasbench
from nasbench.benchmark.base import Benchmark
from nasbench.benchmark.load import shipped
from nasbench.evaluate.metrics import kendall_tau
from nasbench.evaluate.predictors import evaluate
from nasbench.evaluate.sources import Source, gathered
from nasbench.evaluate.splits import targets
from nasbench.predictors import Inputs, Needs
from nasbench.predictors.base import same_space
from nasbench.predictors.encodings import encode
from nasbench.predictors.encodings.statistics import NAMES
from nasbench.predictors.transfer import SHIPPED, part, ridge_weights

USED = ("nb201", "nb201-in16", "digits", "nb101", "darts", "macro", "accel", "graph-cora", "bert", "yolo")
SIZES = (5, 10, 20, 50)


def taus(
    task: Task, benchmark: Benchmark, predictor: str, sources: Sequence[Source], sizes: tuple[int, ...], splits: int
) -> dict[int, float]:
    """Mean Kendall tau by training size."""
    results = evaluate(
        benchmark,
        task.metric,
        predictors=[predictor],
        train_sizes=sizes,
        test_size=task.test_size or 1000,
        splits=splits,
        protocol="functions",
        sources=sources,
    )
    return {row["n_train"]: row["kendall_tau"]["mean"] for row in results.summary["scores"]}


def ship() -> None:
    """Learn the weights that come with the package, and write them."""
    tables = [nasbench.load(name) for name in shipped()]
    metric = tables[0].score()
    weights = ridge_weights([part(*source, seed=0) for source in gathered(tables, Needs(), metric, strict=True)])
    named = dict(zip(NAMES, weights.round(4).tolist(), strict=True))
    learnt = {"tables": list(shipped()), "weights": named}
    SHIPPED.write_text(json.dumps(learnt, indent=1) + "\n", encoding="utf-8")


def alone(task: Task, benchmark: Benchmark) -> list[float]:
    """Kendall tau over the table of single statistics."""
    found = targets(benchmark, benchmark.metric(task.metric).path)
    values, _ = encode(Inputs(benchmark.space, found.genotypes).canonical, "statistics")
    return [kendall_tau(found.values, values[:, NAMES.index(name)]) for name in ("layers", "cost")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", default=",".join(USED))
    parser.add_argument("--predictor", default="gp-wl")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--ship", action="store_true")
    given = parser.parse_args()
    if given.ship:
        ship()
        return
    if not TABLES.exists():
        sys.exit(f"{TABLES} is not here; the published tables are not part of the repository")
    loaded = {name: (TASKS[name].load(), TASKS[name].metric) for name in USED}
    print("| table | learnt from | layers | cost | " + " | ".join(f"{n} labels" for n in (0, *SIZES)) + " |")
    print("|---" * (5 + len(SIZES)) + "|")
    for name in given.tables.split(","):
        task, benchmark = TASKS[name], loaded[name][0]
        same = [same_space(table.space, benchmark.space) for table, _ in loaded.values()]
        others = {
            "other spaces": [source for source, is_same in zip(loaded.values(), same, strict=True) if not is_same],
            "its space": [
                source
                for source, is_same in zip(loaded.values(), same, strict=True)
                if is_same and source[0] is not benchmark
            ],
        }
        single = [f"{abs(tau):.3f}" if np.isfinite(tau) else "-" for tau in alone(task, benchmark)]
        rows = {"itself": taus(task, benchmark, given.predictor, [], SIZES, given.splits)}
        for what, sources in others.items():
            if sources:
                spec = f'transfer+predictor="{given.predictor}"'
                rows[what] = taus(task, benchmark, spec, sources, (0, *SIZES), given.splits)
        for what, row in rows.items():
            cells = [f"{row[n]:.3f}" if n in row else "-" for n in (0, *SIZES)]
            print(f"| `{name}` | {what} | " + " | ".join([*single, *cells]) + " |", flush=True)


if __name__ == "__main__":
    main()
