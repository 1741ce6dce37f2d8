"""`nasbench compare`: search strategies race in simulated time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nasbench.cli.console import bar, interruptible, out, show
from nasbench.cli.options import BenchmarkFile, JobsOption, JsonOption, MetricOption, SeedOption
from nasbench.cli.output import save, writable
from nasbench.cli.parsing import separated
from nasbench.errors import InputError

if TYPE_CHECKING:
    from nasbench.evaluate.results import Results


def compare(
    file: BenchmarkFile,
    metric: MetricOption = None,
    names: Annotated[str, typer.Option("--strategies", help="Comma-separated.")] = (
        "random,local,evolution,reinforce,bayesian-gp,bayesian-xgb"
    ),
    evaluations: Annotated[int | None, typer.Option(min=1, help="Budget of a run (default: 300).")] = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="Budget of a run in simulated seconds instead.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each strategy.")] = 30,
    workers: Annotated[int, typer.Option(min=1, help="Simulated workers of a run.")] = 1,
    initial: Annotated[int, typer.Option(min=0, help="Random architectures that start every run.")] = 10,
    seed: SeedOption = 0,
    jobs: JobsOption = None,
    json_file: JsonOption = None,
) -> None:
    """Race search strategies on a benchmark in simulated time: same budget, same initial designs, many repeats."""
    from nasbench.benchmark.load import load
    from nasbench.evaluate.strategies import compare as race

    if evaluations and seconds:
        raise InputError("--evaluations and --seconds are two budgets; give one of them")
    writable(json_file, file)
    benchmark = load(file)
    with interruptible("nothing was written"), bar("Racing strategies") as progress:
        results = race(
            benchmark,
            metric or benchmark.score().path,
            strategies=separated(names),
            evaluations=evaluations or (None if seconds else 300),
            seconds=seconds,
            repeats=repeats,
            workers=workers,
            initial=initial,
            seed=seed,
            jobs=jobs,
            progress=progress,
        )
    show_comparison(results)
    save(results, json_file)


def show_comparison(results: Results) -> None:
    """The ranking by final regret with its intervals, and what can be said about it."""
    from nasbench.benchmark.base import difference

    ranking = results.summary.get("ranking")
    if ranking:
        rows = [
            {
                "strategy": name,
                f"mean regret ({difference(results.units)})": round(ranking["means"][name], 4),
                "95 % interval": f"{ranking['lows'][name]:.4g} to {ranking['highs'][name]:.4g}",
                "mean rank": round(ranking["mean_ranks"][name], 2),
            }
            for name in ranking["order"]
        ]
        show(rows)
    out.print(results.summary["statement"])
