"""`nasbench evaluate`: how good predictors are, by training size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nasbench.cli.console import bar, interruptible, note, out, plain, show
from nasbench.cli.engines import cluster_of
from nasbench.cli.options import (
    STANDARD_OUTPUT,
    AddressOption,
    BenchmarkFiles,
    EngineOption,
    JobsOption,
    JsonOption,
    MetricOption,
    PatienceOption,
    RecordsOption,
    SeedOption,
    StrictOption,
)
from nasbench.cli.output import save, say_what_failed, writable
from nasbench.cli.parsing import separated, whole
from nasbench.errors import InputError

if TYPE_CHECKING:
    from nasbench.benchmark.base import Benchmark
    from nasbench.evaluate.results import Results
    from nasbench.evaluate.sources import Source
    from nasbench.evaluate.splits import Protocol, Split

TRAIN_SIZES, TEST_SIZE = (10, 25, 50, 100, 200, 400), 1000
TOP = ("precision_at_10", "regret_at_10")
"""Printed scores of the top of a ranking."""
BASELINES = 6
"""Single numbers that are printed, of those that rank best."""


def evaluate(
    files: BenchmarkFiles,
    metric: MetricOption = None,
    names: Annotated[
        str | None,
        typer.Option("--predictors", help="Comma-separated (default: mean,ridge,gp,xgb,gnn,auto).", show_default=False),
    ] = None,
    train_sizes: Annotated[
        str | None, typer.Option(help="Comma-separated (default: 10,25,50,100,200,400, as far as the table goes).")
    ] = None,
    test_size: Annotated[
        int | None, typer.Option(min=2, help="Held-out architectures (default: 1000, as far as the table goes).")
    ] = None,
    splits: Annotated[int, typer.Option(min=1, help="Random splits.")] = 10,
    protocol: Annotated[
        Literal["functions", "random", "published", "tagates"] | None,
        typer.Option(
            "--split",
            help="functions: random, one architecture of each function (default). random: random among all, functions "
            "may be shared. published: the split of the source. tagates: half the table is tested on, 1 % of the rest "
            "learnt from.",
            show_default=False,
        ),
    ] = None,
    leave_out: Annotated[
        str | None,
        typer.Option(
            help="Test on what one search strategy found, and learn from what others did; comma-separated, or all."
        ),
    ] = None,
    sources: Annotated[
        str | None,
        typer.Option(
            help="Other tables that predictors such as transfer learn from first, comma-separated, each as FILE or "
            "FILE:METRIC (default: those that come with the package). With --train-sizes 0, nothing else is learnt.",
            show_default=False,
        ),
    ] = None,
    seed: SeedOption = 0,
    tune: Annotated[
        float | None,
        typer.Option(
            "--tune",
            metavar="SECONDS",
            help="Tune predictors before each fit, by cross-validation within the training set, for this wall time; "
            "what is chosen depends on the machine and its load.",
        ),
    ] = None,
    tune_trials: Annotated[
        int | None,
        typer.Option(
            "--tune-trials",
            min=1,
            metavar="N",
            help="Tune with this number of settings, the defaults included: repeatable, unless --tune ends it earlier.",
        ),
    ] = None,
    strict: StrictOption = False,
    jobs: JobsOption = None,
    engine: EngineOption = "local",
    address: AddressOption = None,
    patience: PatienceOption = None,
    json_file: JsonOption = None,
    records: RecordsOption = None,
) -> None:
    """Score predictors by training size; unless --split says so, none is tested on a function that it learnt from.

    With --split published or --leave-out they learn from all that is left, if no training sizes are given.

    Several tables are scored one by one, and predictors are ranked over tables.

    With --json FILE, the same command continues after a stop.
    """
    from nasbench.benchmark.load import load
    from nasbench.evaluate.fit_ledger import FitLedger, ledger_of
    from nasbench.evaluate.predictors import DEFAULT, Evaluation
    from nasbench.evaluate.several import naming
    from nasbench.evaluate.tables import check_tables, evaluate_tables
    from nasbench.evaluate.tuning import TuningBudget
    from nasbench.parallel.processes import cores

    sizes = None
    if train_sizes is not None:
        sizes = tuple(whole(size, "train size") for size in train_sizes.split(","))
    tuning = None if tune is None and tune_trials is None else TuningBudget(tune, tune_trials)
    writable(json_file, *files)
    writable(records, *files, *([json_file] if json_file else []))
    if protocol and leave_out is not None:
        raise InputError("--split and --leave-out both say what is tested on; give one of them")
    if test_size and (protocol in ("published", "tagates") or leave_out is not None):
        option = "--leave-out" if protocol is None else f"--split {protocol}"
        raise InputError(f"{option} tests on all that is held out; leave --test-size out")
    if len(files) > 1 and (protocol == "published" or leave_out is not None):
        option = "--leave-out" if protocol is None else f"--split {protocol}"
        raise InputError(f"{option} takes one table, as what is held out differs from table to table")
    if len(files) > 1 and protocol == "tagates" and sizes is None:
        raise InputError("--split tagates learns from 1 % of half of each table; with several give --train-sizes")
    others = None if sources is None else [_source(text) for text in separated(sources)]
    cluster = cluster_of(engine, address, jobs, patience)
    plans = []
    for benchmark in map(load, files):
        with naming(benchmark.name) if len(files) > 1 else nullcontext():
            path = benchmark.metric(metric).path if metric else benchmark.score().path
            holdouts = None if leave_out is None else _left_out(benchmark, path, leave_out, seed)
            wanted, held_out = _sizes(benchmark, path, sizes, test_size, protocol, holdouts, among=len(files))
            plans.append(
                Evaluation.plan(
                    benchmark,
                    path,
                    predictors=DEFAULT if names is None else separated(names),
                    train_sizes=wanted,
                    test_size=held_out,
                    splits=splits,
                    protocol=protocol or "functions",
                    seed=seed,
                    jobs=jobs or cores(),
                    patience=patience,
                    holdouts=holdouts,
                    tuning=tuning,
                    sources=others,
                    cluster=cluster,
                )
            )
    if len(plans) > 1:
        check_tables(plans)

    def warn(reason: str) -> None:
        note(f"left out from now on: {reason}")

    with ExitStack() as stack:
        ledger, remedy = None, "nothing was written"
        if json_file and json_file.name != STANDARD_OUTPUT.name:
            ledger = stack.enter_context(FitLedger(ledger_of(json_file), plans))
            remedy = f"the same command continues, from {ledger.path}"
            if ledger.count:
                note(f"{ledger.count} of {sum(len(plan.fits) for plan in plans)} fits are there from an earlier call")
        with interruptible(remedy), bar("Evaluating predictors") as progress:
            if len(plans) > 1:
                results = evaluate_tables(plans, strict=strict, progress=progress, warn=warn, ledger=ledger)
            else:
                (plan,) = plans
                hooks = ledger.hooks(plan.benchmark.name) if ledger else {}
                failed = plan.try_out(strict, warn, hooks.get("known"))
                results = plan.run(failed, strict=strict, progress=progress, warn=warn, **hooks)
        save(results, json_file, records)  # first: whatever happens to the terminal, the results are there
        if ledger:
            ledger.remove()
    show_results(results)
    say_what_failed(results)


def _source(text: str) -> Source:
    """The table in `FILE`, or in `FILE:METRIC` with its metric."""
    from nasbench.benchmark.load import load

    file, colon, metric = text.rpartition(":")
    return (load(file), metric) if colon and "/" in metric and not Path(text).exists() else load(text)


def _left_out(benchmark: Benchmark, metric: str, names: str, seed: int) -> dict[str, Split]:
    """The split for each strategy that is named, or for all."""
    from nasbench.evaluate.holdout import left_out

    return left_out(benchmark, metric, None if names == "all" else separated(names), seed=seed)


def _sizes(
    benchmark: Benchmark,
    metric: str,
    sizes: tuple[int, ...] | None,
    test_size: int | None,
    protocol: Protocol | None,
    holdouts: Mapping[str, Split] | None,
    among: int,
) -> tuple[tuple[int, ...], int]:
    """Training sizes and test size: those that are given, or the usual ones as far as the table goes."""
    from nasbench.evaluate.splits import feasible

    if holdouts is not None or protocol in ("published", "tagates"):
        return sizes or (), TEST_SIZE
    wanted = sizes or TRAIN_SIZES, test_size or TEST_SIZE
    if sizes and test_size:
        return wanted
    keep: Literal["train", "test"] | None = "train" if sizes else "test" if test_size else None
    found = feasible(*wanted, benchmark, metric, keep, protocol == "random")
    if found != wanted:
        what = "The table" if among == 1 else benchmark.name
        out.print(f"{what} is small: training sizes {plain(found[0])}, {found[1]} held-out architectures")
    return found


def show_results(results: Results) -> None:
    """Print what an evaluation of one table or several found."""
    from nasbench.evaluate.several import EVALUATIONS, separate

    if results.kind != EVALUATIONS:
        show_table(results)
        return
    for part in separate(results):
        out.heading(f"{part.benchmark}, {part.space}")
        show_table(part)
        out.print()
    show_ranks(results)


def show_table(results: Results) -> None:
    """Print the scores on one table, and who cannot be told apart."""
    if "left_out" in results.settings:
        show([_tested(row) for row in results.summary["scores"]])
    else:
        show_evaluation(results)
    for line in filter(None, [*_leaders(results), baselines_line(results), ceiling_line(results), _tuning(results)]):
        out.print(line, soft_wrap=True)


def show_ranks(results: Results) -> None:
    """Mean ranks over tables by training size, best at the largest size first, and who cannot be told apart."""
    from nasbench.evaluate.leaders import standing

    ranks = [row for row in results.summary["ranks"] if row["ranking"]]
    if not ranks:
        out.print("No training size is common to two tables, so there are no ranks over tables")
        return
    out.heading(f"Ranks over {len(results.settings['tables'])} tables")
    rows: dict[str, dict[str, Any]] = {}
    for row in reversed(ranks):
        for name in row["ranking"]["order"]:
            rows.setdefault(name, {"predictor": name})
    for row in ranks:
        size, ranking = row["n_train"], row["ranking"]
        for name in ranking["order"]:
            low, high = ranking["lows"][name], ranking["highs"][name]
            interval = f" ({low:.2f} to {high:.2f})" if low < high else ""  # the same rank everywhere tells no spread
            rows[name][f"rank n={size}"] = f"{ranking['means'][name]:.2f}{interval}"
    last = ranks[-1]
    for name, taus in last["taus"].items():
        rows[name][f"mean tau n={last['n_train']}"] = round(sum(taus) / len(taus), 3)
    columns = ["predictor", *(f"rank n={row['n_train']}" for row in ranks), f"mean tau n={last['n_train']}"]
    show([{column: row.get(column) for column in columns} for row in rows.values()])
    out.print(
        "Mean ranks by Kendall tau within each table (1 is best), with 95 % bootstrap intervals over tables; "
        "an undefined tau, of constant predictions, counts as 0",
        soft_wrap=True,
    )
    for row in ranks:
        place = f"n={row['n_train']}, {len(row['tables'])} tables"
        out.print(f"{place}: {standing(row['ranking'], 'lowest mean rank', 'is ranked', 'table')}", soft_wrap=True)
        if row["left_out"]:
            out.print(f"  not ranked, as a table lacks them: {', '.join(row['left_out'])}", soft_wrap=True)


def _tested(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the summary of an evaluation on what was held out."""
    names = ("kendall_tau", "sparse_kendall_tau", "spearman", "r2", "rmse", "coverage_90", *TOP, "fit_seconds")
    return {name: row[name] for name in ("predictor", "left_out", "n_train")} | {
        name: row[name]["mean"] for name in names
    }


def _leaders(results: Results) -> list[str]:
    """For each training size, the predictors that cannot be told apart from the one with the highest mean tau."""
    from nasbench.evaluate.leaders import standing

    lines = []
    for row in results.summary["rankings"]:
        place = f"n={row['n_train']}" + (f", held out: {row['left_out']}" if "left_out" in row else "")
        lines.append(f"{place}: {standing(row['ranking']) if row['ranking'] else row['statement']}")
    return lines


def baselines_line(results: Results) -> str:
    """Single numbers that rank best without any label; empty if there are none."""
    found = [row for row in results.summary["baselines"] if "left_out" not in row]
    shown = [f"{row['name']} {row['kendall_tau']['mean']:.3f}" for row in found[:BASELINES]]
    more = f", and {len(found) - len(shown)} others" if len(found) > len(shown) else ""
    return f"One number alone, without labels: tau of {', '.join(shown)}{more}" if shown else ""


def ceiling_line(results: Results) -> str:
    """The tau that no predictor exceeds but by luck; empty if unknown."""
    found = results.summary["noise_ceiling"]
    if not found:
        return ""
    ends = "" if found["low"] is None else f" ({found['low']:.3f} to {found['high']:.3f})"
    return f"Noise ceiling, tau of the expected values with the targets: {found['tau']:.3f}{ends}"


def _tuning(results: Results) -> str:
    """What tuning could try, and who was not tuned; empty without tuning."""
    if "tuning" not in results.settings:
        return ""
    limits = {"seconds": "{:g} s", "trials": "{} settings"}
    budget = results.settings["tuning"]
    given = " and ".join(text.format(budget[name]) for name, text in limits.items() if budget[name] is not None)
    fixed = sorted({row["predictor"] for row in results.records if row["tuned"] is None})
    trials = [row["tune_trials"] for row in results.records if row["tuned"] is not None]
    untried = 0 if budget["seconds"] is None else sum(number < 2 for number in trials)
    text = f"Tuned within the training set, at most {given} a fit ({budget['note']})"
    text += f"; nothing to tune: {', '.join(fixed)}" if fixed else ""
    return text + (f"; {untried} of {len(trials)} fits had time for the defaults alone" if untried else "")


def show_evaluation(results: Results) -> None:
    """Kendall tau by training size, mean over the splits, and the other scores at the largest size."""
    rows = results.records
    sizes = sorted({row["n_train"] for row in rows})
    names = list(dict.fromkeys(row["predictor"] for row in rows))
    queried = ("query_seconds",) if any(row.get("query_seconds") for row in rows) else ()
    tuned = ("tune_seconds", "tune_trials") if "tuning" in results.settings else ()
    shown = []
    for name in names:
        row: dict[str, Any] = {"predictor": name}
        for size in sizes:
            row[f"tau n={size}"] = _mean(rows, name, size, "kendall_tau")
        for score in ("spearman", "r2", "rmse", "coverage_90", *TOP, "fit_seconds", *tuned, *queried):
            row[f"{score} n={sizes[-1]}"] = _mean(rows, name, sizes[-1], score)
        shown.append(row)
    show(shown)
    splits = len({row["seed"] for row in rows})
    out.print(f"Means over {splits} random splits of {results.metric} ({results.units}); tau: Kendall rank correlation")
    shares = {size: _mean(rows, names[0], size, "shared_functions") for size in sizes}
    if any(shares.values()) or results.settings["protocol"] != "functions":
        told = ", ".join(f"{share:.1%} (n={size})" for size, share in shares.items() if share is not None)
        out.print(f"Share of the test architectures whose function is in the training set: {told}")
    out.print("Taus are compared on the same splits by signed-rank tests, Holm-corrected over all pairs, level 0.05")


def _mean(rows: Sequence[Mapping[str, Any]], name: str, size: int, score: str) -> float | None:
    values = [r[score] for r in rows if r["predictor"] == name and r["n_train"] == size and _finite(r[score])]
    return round(sum(values) / len(values), 3) if values else None


def _finite(value: float | None) -> bool:
    """Whether a number is there."""
    return value is not None and math.isfinite(value)
