"""`nasbench merge`: joins benchmarks of one space by architecture."""

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
        typer.Option(help="Join rows with isomorphic graphs, or only rows with equal genotypes."),
    ] = "key",
    inner: Annotated[bool, typer.Option("--inner", help="Keep only architectures that are in all files.")] = False,
    prefer: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File whose numbers win where others differ.")
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(metavar="[FILE:]OLD=NEW", help="Rename a metric or a whole data set, in one file or all."),
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Join benchmarks of one space by architecture into one file; different numbers are an error."""
    from nasbench.benchmark import hdf5
    from nasbench.benchmark.merge import merge as merge_tables
    from nasbench.benchmark.merge import report
    from nasbench.benchmark.rename import renamed_as

    writable(target, *files)
    writable(json_file, *files, target)
    names = [file.name for file in files]
    if len(set(names)) < len(names):
        names = [str(file) for file in files]
    if prefer is not None and prefer not in files:
        raise InputError(f"--prefer names one of the files, {', '.join(map(str, files))}; got {prefer}")
    with interruptible("nothing was written"):
        tables = [_measured(file) for file in files]
        for text in rename or []:
            tables = renamed_as(text, tables, names)
        merged = merge_tables(tables, names, by=by, inner=inner, prefer=names[files.index(prefer)] if prefer else None)
        hdf5.write(merged, target)
    summary = report(merged)
    write_json(json_file, summary)
    show(summary["sources"])
    shared = [column for column in summary["columns"] if len(column["sources"]) > 1]
    if shared:
        out.print()
        out.heading("metrics of several files")
        show([{**column, "sources": list(column["sources"])} for column in shared])
    if summary["unconfirmed"]:
        unconfirmed = plain(summary["unconfirmed"])
        out.print(
            f"No number in common: {unconfirmed}; check yourself whether they were measured alike", soft_wrap=True
        )
    wrote(target, merged)


def _measured(file: Path) -> Table:
    """The table of a tabular benchmark, with numbers read on request."""
    from nasbench.benchmark.load import load

    benchmark = load(file)
    if benchmark.kind != "tabular":
        raise InputError(f"{file} is a {benchmark.kind} benchmark; pass the tabular one on which it was fitted")
    return benchmark.table
