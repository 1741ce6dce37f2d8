"""Arguments and options of several commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def located(file: Path) -> Path:
    """A file, or the one of a benchmark that comes with nasbench."""
    from nasbench.benchmark.load import locate

    return locate(file)


def all_located(files: list[Path]) -> list[Path]:
    """Several of them."""
    return [located(file) for file in files]


BenchmarkFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="Benchmark file (HDF5), or the name of a benchmark that comes with nasbench.",
        show_default=False,
        callback=located,
    ),
]
MetricOption = Annotated[
    str | None, typer.Option("--metric", help="Name of a metric; if not given, the validation score.")
]
StrictOption = Annotated[bool, typer.Option("--strict", help="End at a failure; otherwise what fails is left out.")]
JsonOption = Annotated[Path | None, typer.Option("--json", help="Write machine-readable results to this file.")]
OutOption = Annotated[Path, typer.Option("--out", help="File to write.", show_default=False)]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Seed of all random choices.")]
JobsOption = Annotated[
    int | None, typer.Option("--jobs", min=1, help="Processes of this machine; all cores by default.")
]
