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
| `nb201-in16` | NAS-Bench-201, ImageNet16-120 validation accuracy | functions, 1,000 tested |
| `bert` | NAS-Bench-BERT, 500 encoders, mean of GLUE | functions, 160 tested |
| `yolo` | YOLOBench, 968 detectors, mAP50-95 on VOC, trained from scratch | functions, 300 tested |
| `digits` | the shipped `nb201-digits`, validation accuracy | functions, 1,000 tested |

With `--columns`, predictors also read the static columns of a table, where it has them: parameters, FLOPs and zero-cost
proxies; of `nb201` the accuracy after 12 epochs. For each table a table in Markdown: mean Kendall tau with its 95 %
bootstrap interval over the splits at each size; then coverage of the 90 % interval, negative log-likelihood and seconds
of a fit on one thread, at both ends.
"""

import argparse
import sys
from typing import Any

from published import TABLES, TASKS, Task

from nasbench.evaluate.predictors import evaluate
from nasbench.evaluate.results import Results

PREDICTORS = "mean,ridge,gp,xgb,forest,gnn,ensemble,auto"


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
