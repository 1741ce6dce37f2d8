"""`nasbench demo`: every step of the suite in minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nasbench.cli.console import bar, bold, interruptible, out
from nasbench.cli.options import JobsOption


def demo(
    folder: Annotated[Path, typer.Option("--out", help="Folder for the benchmark, the results and the report.")] = Path(
        "demo"
    ),
    quick: Annotated[bool, typer.Option("--quick", help="A tiny version of every step, as a quick check.")] = False,
    jobs: JobsOption = None,
) -> None:
    """Run every step on real data in minutes: build, evaluate, fit a surrogate, compare, report."""
    from nasbench.demo import FULL, QUICK, run_demo
    from nasbench.parallel.processes import cores

    with interruptible("nasbench demo continues where it stopped"):
        report = run_demo(folder, QUICK if quick else FULL, jobs=jobs or cores(), tell=out.print, bar=bar)
    out.print(bold("Report:"), str(report.resolve()), soft_wrap=True)
