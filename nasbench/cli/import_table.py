"""`nasbench import`: a published table, or one of your own, becomes a benchmark."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated

import typer

from nasbench.cli.console import facts, interruptible, out
from nasbench.cli.options import OutOption
from nasbench.cli.output import writable, wrote
from nasbench.errors import InputError


def import_table(
    source: Annotated[str, typer.Argument(help="What the files are; see nasbench list importers.", show_default=False)],
    file: OutOption,
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders that hold the table.", show_default=False)
    ] = None,
    space: Annotated[str | None, typer.Option(help="csv, transnas101: search space.")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="csv: METRIC=COLUMN[:unit][:min|max][:static]; once for each metric."),
    ] = None,
    arch_column: Annotated[str | None, typer.Option(help="csv: column of architectures (default: arch).")] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="csv: what metrics were measured on (default: table). nas-bench-graph, nas-bench-nlp, nasbench201, "
            "nats-bench, transnas101: data sets to read, separated by commas (default: all)."
        ),
    ] = None,
    seed_column: Annotated[str | None, typer.Option(help="csv: column of training seeds.")] = None,
    epoch_column: Annotated[str | None, typer.Option(help="csv: column of finished epochs.")] = None,
    missing: Annotated[str | None, typer.Option(help="csv: number for a missing one, as -1 or -1=REASON.")] = None,
    lenient: Annotated[
        bool,
        typer.Option("--lenient", help="csv, nas-bench-nlp, nasbench301: skip and count what cannot be read."),
    ] = False,
) -> None:
    """Read a published table, or one of your own, and write it as a benchmark.

    What else a source takes is written after its name: nats-bench+schedule=12.
    """
    from nasbench.benchmark import hdf5
    from nasbench.importers import importers

    options = {
        "space": space,
        "column": column,
        "arch_column": arch_column,
        "dataset": dataset,
        "seed_column": seed_column,
        "epoch_column": epoch_column,
        "missing": missing,
        "lenient": lenient or None,
    }
    given = {name: value for name, value in options.items() if value is not None}
    importer, written = importers.resolve(source)
    takes = inspect.signature(importer).parameters
    for name in given:
        if name not in takes:
            raise InputError(f"source {source!r} takes no option --{name.replace('_', '-')}")
    for name, parameter in takes.items():
        if parameter.default is parameter.empty and name not in {**given, **written}:
            raise InputError(f"source {source!r} needs the option --{name.replace('_', '-')}")
    writable(file, *(paths or ()))
    with interruptible("nothing was written"):
        table = importers.create(source, **given).read(paths or [])
        hdf5.write(table, file)
    read = table.recipe["source"]
    out.print(facts({name: read[name] for name in ("rows", "architectures", "skipped", "licence") if read.get(name)}))
    wrote(file, table)
