"""`nasbench evaluate`: how good predictors are, by training size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nasbench.cli.console import bar, interruptible, note, out, plain, show
from nasbench.cli.options import (
    BenchmarkFile,
    JobsOption,
    JsonOption,
    MetricOption,
    PatienceOption,
    SeedOption,
    StrictOption,
)
from nasbench.cli.output import save, say_what_failed, writable
from nasbench.cli.parsing import separated, whole
from nasbench.errors import InputError

if TYPE_CHECKING:
    from nasbench.evaluate.results import Results

TRAIN_SIZES, TEST_SIZE = (10, 25, 50, 100, 200, 400), 1000
TOP = ("precision_at_10", "regret_at_10")
"""Printed scores of the top of a ranking."""


def evaluate(
    file: BenchmarkFile,
    metric: MetricOption = None,
    names: Annotated[
        str | None,
        typer.Option("--predictors", help="Comma-separated (default: mean,ridge,gp,xgb,gnn).", show_default=False),
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
    patience: PatienceOption = None,
    json_file: JsonOption = None,
) -> None:
    """Score predictors by training size; unless --split says so, none is tested on a function that it learnt from.

    With --split published or --leave-out they learn from all that is left, if no training sizes are given.
    """
    from nasbench.benchmark.load import load
    from nasbench.evaluate.predictors import DEFAULT
    from nasbench.evaluate.predictors import evaluate as score
    from nasbench.evaluate.splits import feasible
    from nasbench.evaluate.tuning import TuningBudget
    from nasbench.parallel.processes import cores

    sizes = (
        tuple(whole(size, "train size") for size in train_sizes.split(",")) if train_sizes is not None else TRAIN_SIZES
    )
    tuning = None if tune is None and tune_trials is None else TuningBudget(tune, tune_trials)
    writable(json_file, file)
    benchmark = load(file)
    metric = metric or benchmark.score().path
    held_out, holdouts = test_size or TEST_SIZE, None
    if protocol and leave_out is not None:
        raise InputError("--split and --leave-out both say what is tested on; give one of them")
    if protocol in ("published", "tagates") or leave_out is not None:
        if test_size:
            option = "--leave-out" if protocol is None else f"--split {protocol}"
            raise InputError(f"{option} tests on all that is held out; leave --test-size out")
        sizes = sizes if train_sizes else ()
    if leave_out is not None:
        from nasbench.evaluate.holdout import left_out

        holdouts = left_out(benchmark, metric, None if leave_out == "all" else separated(leave_out), seed=seed)
    elif protocol not in ("published", "tagates") and not (train_sizes and test_size):
        wanted_sizes = sizes, held_out
        keep: Literal["train", "test"] | None = "train" if train_sizes else "test" if test_size else None
        sizes, held_out = feasible(sizes, held_out, benchmark, metric, keep, protocol == "random")
        if (sizes, held_out) != wanted_sizes:
            out.print(f"The table is small: training sizes {plain(sizes)}, {held_out} held-out architectures")
    with interruptible("nothing was written"), bar("Evaluating predictors") as progress:
        results = score(
            benchmark,
            metric,
            predictors=DEFAULT if names is None else separated(names),
            train_sizes=sizes,
            test_size=held_out,
            splits=splits,
            protocol=protocol or "functions",
            seed=seed,
            strict=strict,
            jobs=jobs or cores(),
            patience=patience,
            progress=progress,
            holdouts=holdouts,
            tuning=tuning,
            warn=lambda reason: note(f"left out from now on: {reason}"),
        )
    save(results, json_file)  # first: whatever happens to the terminal, the results are there
    if "left_out" in results.settings:
        show([_tested(row) for row in results.summary["scores"]])
    else:
        show_evaluation(results)
    for line in filter(None, [*_leaders(results), _ceiling(results), _tuning(results)]):
        out.print(line, soft_wrap=True)
    say_what_failed(results)


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


def _ceiling(results: Results) -> str:
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
