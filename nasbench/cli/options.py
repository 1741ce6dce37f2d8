"""Arguments and options of several commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from nasbench.cli.output import standard_output
from nasbench.errors import FileError, InputError

STANDARD_OUTPUT = Path("-")


def located(file: Path) -> Path:
    """A file, or the one of a benchmark that comes with nasbench."""
    from nasbench.benchmark.load import locate

    return locate(file)


def stored(file: Path) -> Path:
    """A file that a command looks into itself.

    Raises:
        FileError: It is the name of a made-up problem, which has none.
    """
    from nasbench.benchmark.load import made_up

    if made_up(file):
        raise FileError(f"{file} is made up and has no file; query, evaluate and compare take it")
    return file


def all_located(files: list[Path]) -> list[Path]:
    """Several of them."""
    return [located(file) for file in files]


def json_target(context: typer.Context, path: Path | None) -> Path | None:
    """A file for JSON; for `-`, one that is printed when the command is done."""
    if path != STANDARD_OUTPUT:
        return path
    return context.find_root().with_resource(standard_output())  # which is left also after a mistake in another word


def record_file(path: Path | None) -> Path | None:
    """A file for records, of a format that can be written."""
    if path is not None:
        from nasbench.evaluate.record_files import check_record_file

        check_record_file(path)
    return path


def named_file(path: Path) -> Path:
    """A file to write; HDF5, and a page with figures beside it, cannot be piped."""
    if path == STANDARD_OUTPUT:
        raise InputError("--out is a file and cannot be standard output; name one")
    return path


BenchmarkFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="Benchmark file (HDF5), or the name of a benchmark that comes with nasbench.",
        show_default=False,
        callback=located,
    ),
]
BenchmarkFiles = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...",
        help="Benchmark files (HDF5), or names of benchmarks that come with nasbench.",
        show_default=False,
        callback=all_located,
    ),
]
MetricOption = Annotated[
    str | None, typer.Option("--metric", help="Name of a metric; if not given, the validation score.")
]
StrictOption = Annotated[bool, typer.Option("--strict", help="End at a failure; otherwise what fails is left out.")]
JsonOption = Annotated[
    Path | None,
    typer.Option(
        "--json",
        metavar="FILE",
        help="Write machine-readable results to this file; - is standard output.",
        callback=json_target,
    ),
]
RecordsOption = Annotated[
    Path | None,
    typer.Option(
        "--records",
        metavar="FILE",
        help="Write one row for each record to this file, .csv or .parquet.",
        callback=record_file,
    ),
]
OutOption = Annotated[Path, typer.Option("--out", help="File to write.", show_default=False, callback=named_file)]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Seed of all random choices.")]
PatienceOption = Annotated[
    float | None,
    typer.Option(
        "--patience",
        metavar="SECONDS",
        help="Time limit of one step (a proposal, a fit): its process is killed, and what runs in it has failed.",
    ),
]
EngineOption = Annotated[Literal["local", "ray"], typer.Option("--engine", help="Where the work is done.")]
AddressOption = Annotated[
    str | None,
    typer.Option("--address", help="ray: address of the cluster (default: start one on this machine)."),
]
MemoryOption = Annotated[
    float | None,
    typer.Option(
        "--memory",
        metavar="GB",
        help="Memory limit of a process that runs a strategy; more is an error in the strategy (Linux).",
    ),
]
GuardOption = Annotated[
    bool,
    typer.Option("--guard", help="Run strategies in processes that know nothing but the outcomes of their own trials."),
]
JobsOption = Annotated[
    int | None, typer.Option("--jobs", min=1, help="Processes of this machine; all cores by default.")
]
