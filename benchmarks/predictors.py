"""Rank correlation, calibration and speed of predictors by training size, on published tables and a shipped one.

    python benchmarks/predictors.py [--tables nb201,nb101] [--predictors gp,auto] [--columns] [--splits 10] [--jobs 1]
    python benchmarks/predictors.py --out FOLDER --pages docs/predictors

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
of a fit on one thread, at both ends. Below it single numbers that rank without labels, the noise ceiling, and who
cannot be told apart from the highest mean.

With `--out`, the results of each table are kept in a folder, for `nasbench report` too, and a command that was stopped
goes on; `--pages` writes a page for each table into a folder, besides the terminal.
"""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from published import TABLES, TASKS, Task

from nasbench.cli.evaluate import baselines_line, ceiling_line
from nasbench.evaluate.evaluation import Evaluation
from nasbench.evaluate.fit_ledger import FitLedger, ledger_of
from nasbench.evaluate.leaders import standing
from nasbench.evaluate.results import Results

PREDICTORS = (
    "mean,ridge,svr,gp,gp-wl,gp-unlabelled,gp-deep,xgb,xgb+objective=pairwise,hist,forest,gnn,ensemble,conformal,"
    "transfer,auto"
)
PAGE = """# {title}

{about}. Written by `python benchmarks/predictors.py --tables {name} --pages docs/predictors`: mean Kendall tau over the
splits, with its 95 % bootstrap interval; then the share of test targets inside the 90 % interval, the negative
log-likelihood in nats, and the seconds of a fit: one thread of a machine with other load, so that ratios within the
table tell more than numbers. [Which predictor](../predictors.md) says what the names are.

{shown}
"""


def evaluation(task: Task, names: list[str], columns: bool, splits: int, jobs: int) -> Evaluation:
    benchmark = task.load()
    static = [m.name for m in benchmark.metrics.values() if m.static] if columns else []
    features = "+features=" + "/".join(["default", *static]) if static else ""
    return Evaluation.plan(
        benchmark,
        task.metric,
        predictors=[name if name == "mean" else name + features for name in names],
        train_sizes=task.sizes,
        test_size=task.test_size or None,
        splits=splits,
        protocol=task.protocol,  # type: ignore[arg-type]
        jobs=jobs,
    )


def results_of(plan: Evaluation, kept: Path | None) -> Results:
    """What was kept, or is evaluated now, from where an earlier call stopped."""
    if kept and kept.exists():
        return Results.read(kept)
    with ExitStack() as stack:
        ledger = stack.enter_context(FitLedger(ledger_of(kept), [plan])) if kept else None
        hooks = ledger.hooks(plan.benchmark.name) if ledger else {}
        failed = plan.try_out(True, print, hooks.get("known"))
        results = plan.run(failed, strict=True, **hooks)
        if kept and ledger:
            results.write(kept)
            ledger.remove()
    return results


def interval(tau: dict[str, float | None]) -> str:
    if tau["mean"] is None:
        return "-"
    return f"{tau['mean']:.3f}" + ("" if tau["low"] is None else f" [{tau['low']:.3f}, {tau['high']:.3f}]")


def shown(results: Results, sizes: tuple[int, ...]) -> str:
    rows: dict[str, dict[int, Any]] = {}
    for row in results.summary["scores"]:
        rows.setdefault(row["predictor"].split("+features=default")[0], {})[row["n_train"]] = row
    ends = dict.fromkeys((sizes[0], sizes[-1]))
    heads = [
        *(f"tau at {n}" for n in sizes),
        *(f"{what} at {n}" for what in ("inside 90 %", "NLL", "fit, s") for n in ends),
    ]
    lines = ["| | " + " | ".join(heads) + " |", "|" + "---|" * (1 + len(heads))]
    for name, by_size in rows.items():
        taus = [by_size[n]["kendall_tau"] for n in sizes]
        cells = [interval(tau) for tau in taus]
        cells += [f"{by_size[n][what]['mean']:.2f}" for what in ("coverage_90", "nll", "fit_seconds") for n in ends]
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    below = [*filter(None, (baselines_line(results), ceiling_line(results)))]
    below += [f"n = {row['n_train']}: {standing(row['ranking'])}" for row in results.summary["rankings"]]
    return "\n".join([*lines, "", *(f"- {line}" for line in below)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", default=",".join(TASKS))
    parser.add_argument("--predictors", default=PREDICTORS)
    parser.add_argument("--columns", action="store_true")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--pages", type=Path)
    given = parser.parse_args()
    if not TABLES.exists() and given.tables != "digits":
        sys.exit(f"{TABLES} is not here; the published tables are not part of the repository, only --tables digits is")
    for folder in filter(None, (given.out, given.pages)):
        folder.mkdir(parents=True, exist_ok=True)
    columns = "-columns" if given.columns else ""
    for name in given.tables.split(","):
        task = TASKS[name]
        plan = evaluation(task, given.predictors.split(","), given.columns, given.splits, given.jobs)
        results = results_of(plan, given.out / f"{name}{columns}.json" if given.out else None)
        title = f"{plan.benchmark.name}, {results.metric}"
        about = f"`{name}`: {task.protocol}, {given.splits} splits" + (", with columns" if columns else "")
        table = shown(results, task.sizes)
        print(f"\n{about}\n\n{table}", flush=True)
        if given.pages:
            page = PAGE.format(title=title, about=about, name=name + " --columns" * given.columns, shown=table)
            (given.pages / f"{name}{columns}.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
