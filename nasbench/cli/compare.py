"""`nasbench compare`: search strategies race in simulated time."""

from __future__ import annotations

import math
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nasbench.cli.console import bar, interruptible, note, out, show
from nasbench.cli.engines import cluster_of
from nasbench.cli.options import (
    STANDARD_OUTPUT,
    AddressOption,
    BenchmarkFiles,
    EngineOption,
    GuardOption,
    JobsOption,
    JsonOption,
    MemoryOption,
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
    files: BenchmarkFiles,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", help="Objective (default: the validation score); may be repeated."),
    ] = None,
    limit: Annotated[
        list[str] | None, typer.Option("--limit", help="Bound on a static metric, as 'latency<=0.6'; may be repeated.")
    ] = None,
    guide: Annotated[
        str | None,
        typer.Option(
            help="What strategies are told, where there is no validation metric: METRIC or METRIC@SEED,SEED, as "
            "test_accuracy@0."
        ),
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(help="What results are scored with, where there is no test metric, as test_accuracy@1,2."),
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
        str,
        typer.Option(
            help="Simulated workers of a run: a number, or the speed of each as 1,1,0.5; with stragglers and failures "
            "as 4+jitter=0.3+mtbf=3600+restarts=3."
        ),
    ] = "1",
    initial: Annotated[int, typer.Option(min=0, help="Random architectures that start every run.")] = 10,
    score: Annotated[
        Literal["paid", "retrained"],
        typer.Option(help="Score the best trial so far at the epochs paid for, or as if retrained in full for free."),
    ] = "paid",
    seed_policy: Annotated[
        Literal["mean", "draw"],
        typer.Option(
            "--seed-policy",
            help="Show strategies means over training seeds, or one training of each, drawn for each repeat.",
        ),
    ] = "mean",
    seed: SeedOption = 0,
    strict: StrictOption = False,
    jobs: JobsOption = None,
    engine: EngineOption = "local",
    address: AddressOption = None,
    patience: PatienceOption = None,
    memory: MemoryOption = None,
    guard: GuardOption = False,
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
    """Race search strategies in simulated time: same budget, same initial designs, many repeats.

    On several benchmarks they race one by one, and are ranked over benchmarks.

    With --json FILE, the same command continues after a stop.
    """
    from nasbench.benchmark.load import load
    from nasbench.evaluate.ioh import check_ioh_folder, write_ioh
    from nasbench.evaluate.logs import read_log
    from nasbench.evaluate.races import compare_all
    from nasbench.evaluate.run_ledger import RunLedger, ledger_of
    from nasbench.evaluate.strategies import DEFAULT
    from nasbench.evaluate.strategies import compare as race
    from nasbench.simulator.cluster import Cluster

    if (evaluations is not None) + (epochs is not None) + (seconds is not None) > 1:
        raise InputError("--evaluations, --epochs-budget and --seconds are three budgets; give one of them")
    if log and len(files) > 1:
        raise InputError("--log takes one benchmark, as its architectures are of one space")
    inputs = (*files, *(log or ()))
    writable(json_file, *inputs)
    writable(records, *inputs, *([json_file] if json_file else []))
    if ioh is not None:
        check_ioh_folder(ioh)
    cluster = cluster_of(engine, address, jobs, patience)
    benchmarks = [*map(load, files)]
    logs = [runs for path in log or () for runs in read_log(path, benchmarks[0].space)]

    def warn(reason: str) -> None:
        note(f"left out: {reason}")

    with ExitStack() as stack:
        ledger, remedy = None, "nothing was written"
        if json_file and json_file.name != STANDARD_OUTPUT.name:
            ledger = stack.enter_context(RunLedger(ledger_of(json_file)))
            remedy = f"the same command continues, from {ledger.path}"
            if ledger.count:
                note(f"{ledger.count} runs are there from an earlier call")
        several: dict[str, Any] = {"benchmarks": benchmarks, "metric": metric, "warn": warn}
        one: dict[str, Any] = {"benchmark": benchmarks[0], "metric": metric or (), "logs": logs}
        with interruptible(remedy), bar("Racing strategies") as progress:
            results = (compare_all if len(files) > 1 else race)(
                **(several if len(files) > 1 else one),
                guide=guide,
                judge=judge,
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
                seed_policy=seed_policy,
                strict=strict,
                jobs=jobs,
                patience=patience,
                memory=memory,
                guard=guard,
                progress=progress,
                engine=cluster,
                ledger=ledger,
            )
        save(results, json_file, records)  # first: whatever happens to the terminal, the results are there
        if ioh is not None:
            write_ioh(results, ioh, {benchmark.name: len(benchmark.space.cardinalities) for benchmark in benchmarks})
            wrote(ioh)
        if ledger:
            ledger.remove()
    show_comparisons(results)
    if evaluations is not None and evaluations <= initial:
        note(f"the {initial} initial designs use up the {evaluations} evaluations, so all strategies do the same")
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


def show_comparisons(results: Results) -> None:
    """Print what was found on one benchmark or several."""
    from nasbench.evaluate.several import COMPARISONS, separate

    if results.kind != COMPARISONS:
        show_comparison(results)
        return
    for part in separate(results):
        out.heading(f"{part.benchmark}, {part.space}")
        show_comparison(part)
        out.print()
    show_over_benchmarks(results)


def show_over_benchmarks(results: Results) -> None:
    """Mean regrets, ranks, ratings and win rates over benchmarks, and who cannot be told apart."""
    from nasbench.evaluate.quality import REGRETS

    for regret, found in zip(REGRETS, results.summary["over"], strict=True):
        out.heading(f"Over {len(found['benchmarks'])} benchmarks, by {regret.title} ({regret.meaning}):")
        out.print(found["statement"], soft_wrap=True)
        if found["left_out"]:
            out.print(f"Not ranked, as a benchmark lacks them: {', '.join(found['left_out'])}", soft_wrap=True)
        ranking = found["ranking"]
        if not ranking:
            continue
        rows = []
        for name in ranking["order"]:
            rating = found["ratings"][name]
            row = {"strategy": name, "mean rank": interval(*(ranking[key][name] for key in ("means", "lows", "highs")))}
            row["rating"] = interval(rating["rating"], rating["low"], rating["high"], 0)
            row |= {f"beats {other}": f"{found['wins'][name][other]:.0%}" for other in ranking["order"][:1]}
            rows.append(row)
        show(rows)
        if found["critical_difference"] is not None:
            out.print(
                "Mean ranks by mean final regret (1 is best) and Bradley-Terry ratings of runs (mean 1,000), with 95 % "
                f"bootstrap intervals over benchmarks; by Nemenyi's test, ranks differ that are more than "
                f"{found['critical_difference']:.2f} apart",
                soft_wrap=True,
            )
        out.print()
    areas = results.summary["areas"]
    if areas:
        out.print(
            "Interquartile mean of the areas under the distributions of running times: "
            + ", ".join(f"{name} {interval(row['mean'], row['low'], row['high'], 3)}" for name, row in areas.items()),
            soft_wrap=True,
        )


def interval(mean: float, low: float, high: float, digits: int = 2) -> str:
    """A number and its interval; without one that is the same everywhere, which tells no spread."""
    return f"{mean:.{digits}f}" + (f" ({low:.{digits}f} to {high:.{digits}f})" if low < high else "")


def show_comparison(results: Results) -> None:
    """Both rankings with their intervals, and what each can say."""
    from nasbench.benchmark.base import difference
    from nasbench.evaluate.quality import REGRETS, SEED_POLICIES

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
    if results.settings.get("seed_policy") in SEED_POLICIES:
        out.print(SEED_POLICIES[results.settings["seed_policy"]])
    for _, regret, prefix, meaning in REGRETS:
        out.print()
        out.heading(f"By {regret} ({meaning}):")
        out.print(summary[f"{prefix}statement"])
    show_runtimes(summary.get("runtimes"))
    floor = summary.get("floor")
    if floor is not None and math.isfinite(floor):
        seen = "mean validation values" if results.settings.get("seed_policy") == "draw" else "validation values"
        out.print(f"\nA perfect search on {seen} would have a test regret of {floor:.4g} {units}")
