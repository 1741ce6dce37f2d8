"""`nasbench merge`: benchmarks of one space are joined by architecture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nasbench.cli.console import interruptible, out, plain, show
from nasbench.cli.options import JsonOption, OutOption, all_located
from nasbench.cli.output import writable, write_json, wrote
from nasbench.errors import InputError

if TYPE_CHECKING:
    from nasbench.benchmark.table import Table


def merge(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="Tabular benchmarks of one space.", show_default=False, callback=all_located
        ),
    ],
    target: OutOption,
    by: Annotated[
        Literal["key", "genotype"],
        typer.Option(help="Rows of isomorphic graphs are one, or only those of equal genotypes."),
    ] = "key",
    inner: Annotated[bool, typer.Option("--inner", help="Keep only architectures that are in all files.")] = False,
    prefer: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file whose numbers count where others differ.")
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[FILE:]OLD=NEW", help="Another name of a metric or a whole data set, in one file or all."
        ),
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Join benchmarks of one space by architecture into one file; numbers that differ are refused."""
    from nasbench.benchmark import hdf5
    from nasbench.benchmark.merge import merge as joined
    from nasbench.benchmark.merge import report
    from nasbench.benchmark.rename import renamed_as

    writable(target, *files)
    writable(json_file, *files)
    names = [file.name for file in files]
    if len(set(names)) < len(names):
        names = [str(file) for file in files]
    if prefer is not None and prefer not in files:
        raise InputError(f"--prefer names one of the files, {', '.join(map(str, files))}; got {prefer}")
    with interruptible("nothing was written"):
        tables = [_measured(file) for file in files]
        for text in rename or []:
            tables = renamed_as(text, tables, names)
        merged = joined(tables, names, by=by, inner=inner, prefer=names[files.index(prefer)] if prefer else None)
        hdf5.write(merged, target)
    done = report(merged)
    write_json(json_file, done)
    show(done["sources"])
    shared = [column for column in done["columns"] if len(column["sources"]) > 1]
    if shared:
        out.print("\n[bold]metrics of several files[/]")
        show([{**column, "sources": list(column["sources"])} for column in shared])
    if done["unconfirmed"]:
        names_of = plain(done["unconfirmed"])
        out.print(f"No number in common: {names_of}; whether they were measured alike, only you know", soft_wrap=True)
    wrote(target, merged)


def _measured(file: Path) -> Table:
    """The table of a tabular benchmark, whose numbers are read when they are asked for."""
    from nasbench.benchmark.load import load
    from nasbench.benchmark.tabular import TabularBenchmark

    benchmark = load(file)
    if not isinstance(benchmark, TabularBenchmark):
        raise InputError(f"{file} is a {benchmark.kind} benchmark; pass the tabular one that it was fitted on")
    return benchmark.table
