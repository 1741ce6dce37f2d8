"""`nasbench compare`: search strategies race in simulated time."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nasbench.cli.console import bar, interruptible, note, out, show
from nasbench.cli.options import (
    BenchmarkFile,
    JobsOption,
    JsonOption,
    PatienceOption,
    RecordsOption,
    SeedOption,
    StrictOption,
)
from nasbench.cli.output import save, say_what_failed, writable, wrote
from nasbench.cli.parsing import separated
from nasbench.errors import InputError

if TYPE_CHECKING:
    from nasbench.evaluate.results import Results


def compare(
    file: BenchmarkFile,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", help="Objective (default: the validation score); may be repeated."),
    ] = None,
    limit: Annotated[
        list[str] | None, typer.Option("--limit", help="Bound on a static metric, as 'latency<=0.6'; may be repeated.")
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(
            "--strategies",
            help="Comma-separated (default: random,local,evolution,reinforce,bayesian-xgb,auto).",
            show_default=False,
        ),
    ] = None,
    evaluations: Annotated[int | None, typer.Option(min=1, help="Budget of a run in trials (default: 300).")] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs-budget", min=1, help="Budget of a run in epochs of training.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="Budget of a run in simulated seconds.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each strategy.")] = 30,
    workers: Annotated[
        str, typer.Option(help="Simulated workers of a run: a number, or the speed of each as 1,1,0.5.")
    ] = "1",
    initial: Annotated[int, typer.Option(min=0, help="Random architectures that start every run.")] = 10,
    score: Annotated[
        Literal["paid", "retrained"],
        typer.Option(help="Score the best trial so far at the epochs paid for, or as if retrained in full for free."),
    ] = "paid",
    seed: SeedOption = 0,
    strict: StrictOption = False,
    jobs: JobsOption = None,
    patience: PatienceOption = None,
    json_file: JsonOption = None,
    records: RecordsOption = None,
    ioh: Annotated[
        Path | None,
        typer.Option("--ioh", metavar="FOLDER", help="Make this folder, with the runs in IOHprofiler's format."),
    ] = None,
    log: Annotated[
        list[Path] | None,
        typer.Option(
            "--log",
            metavar="FILE",
            help="CSV of runs made elsewhere (strategy, repeat, evaluation, architecture[, epochs]), which take part; "
            "may be repeated.",
        ),
    ] = None,
) -> None:
    """Race search strategies on a benchmark in simulated time: same budget, same initial designs, many repeats."""
    from nasbench.benchmark.load import load
    from nasbench.evaluate.ioh import check_ioh_folder, write_ioh
    from nasbench.evaluate.logs import read_log
    from nasbench.evaluate.strategies import DEFAULT
    from nasbench.evaluate.strategies import compare as race
    from nasbench.simulator.cluster import Cluster

    if (evaluations is not None) + (epochs is not None) + (seconds is not None) > 1:
        raise InputError("--evaluations, --epochs-budget and --seconds are three budgets; give one of them")
    inputs = (file, *(log or ()))
    writable(json_file, *inputs)
    writable(records, *inputs, *([json_file] if json_file else []))
    if ioh is not None:
        check_ioh_folder(ioh)
    benchmark = load(file)
    logs = [runs for path in log or () for runs in read_log(path, benchmark.space)]
    with interruptible("nothing was written"), bar("Racing strategies") as progress:
        results = race(
            benchmark,
            metric or [benchmark.score().path],
            strategies=DEFAULT if names is None else separated(names),
            evaluations=evaluations,
            epochs=epochs,
            seconds=seconds,
            repeats=repeats,
            workers=Cluster.parse(workers),
            initial=initial,
            seed=seed,
            constraints=limit or (),
            score=score,
            strict=strict,
            jobs=jobs,
            patience=patience,
            logs=logs,
            progress=progress,
        )
    save(results, json_file, records)  # first: whatever happens to the terminal, the results are there
    if ioh is not None:
        write_ioh(results, ioh, len(benchmark.space.cardinalities))
        wrote(ioh)
    show_comparison(results)
    trials = results.settings["evaluations"]
    if trials is not None and trials <= initial:
        note(f"the {initial} initial designs use up the {trials} evaluations, so all strategies do the same")
    say_what_failed(results)


def show_runtimes(found: dict[str, Any] | None) -> None:
    """Expected running times to targets, and the share of runs that reached each."""
    if not found:
        return
    unit = found["counted_in"].replace("simulated_seconds", "simulated seconds")
    rows = []
    for name, area in sorted(found["areas"].items(), key=lambda item: -item[1]["mean"]):
        row: dict[str, Any] = {"strategy": name}
        for target in found["targets"]:
            title = f"best {100 * target['share']:.4g} %" if target["share"] else "best of all"
            told = target["strategies"][name]
            expected = "-" if told["expected"] is None else f"{told['expected']:.3g}"
            row[title] = f"{expected} ({told['reached']:.0%})"
        row["area"] = f"{area['mean']:.3f} ({area['low']:.3f} to {area['high']:.3f})"
        rows.append(row)
    out.print()
    out.heading(
        f"Expected {unit} until the validation value is among the best of the space (share of runs that get there):"
    )
    show(rows)
    out.print(
        "Runs that do not get there count in full. Area: mean share of the budget that is left at a target, over "
        "targets from the better half to the best of all"
    )


def show_comparison(results: Results) -> None:
    """Both rankings with their intervals, and what each can say."""
    from nasbench.benchmark.base import difference
    from nasbench.evaluate.quality import REGRETS

    summary, units = results.summary, difference(results.units)
    rows: dict[str, dict[str, Any]] = {}
    for _, regret, prefix, _ in REGRETS:
        ranking = summary.get(f"{prefix}ranking") or {"order": ()}
        for name in ranking["order"]:
            interval = f"({ranking['lows'][name]:.4g} to {ranking['highs'][name]:.4g})"
            rows.setdefault(name, {"strategy": name})[regret] = f"{ranking['means'][name]:.4g} {interval}"
            rows[name][f"rank by {regret.split()[0]}"] = round(ranking["mean_ranks"][name], 2)
    if rows:
        show(list(rows.values()))
        out.print(f"Mean final regrets in {units} with 95 % intervals, and mean ranks")
    for _, regret, prefix, meaning in REGRETS:
        out.print()
        out.heading(f"By {regret} ({meaning}):")
        out.print(summary[f"{prefix}statement"])
    show_runtimes(summary.get("runtimes"))
    floor = summary.get("floor")
    if floor is not None and math.isfinite(floor):
        out.print(f"\nA perfect search on validation values would have a test regret of {floor:.4g} {units}")
