"""`nasbench import`: a published table, or one of your own, becomes a benchmark; each source has its own options."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperCommand

from nasbench.cli.console import facts, interruptible, out
from nasbench.cli.options import OutOption
from nasbench.cli.output import writable, wrote

if TYPE_CHECKING:
    from nasbench.importers.options import Option


def import_table(
    source: Annotated[
        str, typer.Argument(help="Layout of the files; see nasbench list importers.", show_default=False)
    ],
    file: OutOption,
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders that hold the table.", show_default=False)
    ] = None,
) -> None:
    """Read a published table, or one of your own, and write it as a benchmark.

    Each source has options of its own; nasbench import SOURCE --help describes them. They may also be written after its
    name: nats-bench+schedule=12.
    """
    _import(source, file, paths or [], {})


def _import(source: str, file: Path, paths: Sequence[Path], options: dict[str, Any]) -> None:
    from nasbench.benchmark import hdf5
    from nasbench.importers import importers

    with interruptible("nothing was written"):
        importer = importers.create(source, **{name: value for name, value in options.items() if value is not None})
        writable(file, *paths)
        table = importer.read(paths)
        hdf5.write(table, file)
    origin = table.recipe["source"]
    shown = ("read_as", "rows", "architectures", "skipped", "licence")
    out.print(facts({name: origin[name] for name in shown if origin.get(name)}))
    wrote(file, table)


# --- options of a source --------------------------------------------------------------------------------------------


class ImportCommand(TyperCommand):
    """`nasbench import`, with the options of the source among its arguments."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Parse the arguments by the command of the source that they name."""
        at = _source_position(args)
        if at is None:
            return super().make_context(info_name, args, parent, **extra)
        others = [*args[:at], *args[at + 1 :]]
        return _source_command(args[at]).make_context(f"{info_name} {args[at]}", others, parent, **extra)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The help of the command, and below it the options of every source."""
        self.epilog = _options_by_source()
        super().format_help(ctx, formatter)


import_table.command_class = ImportCommand  # type: ignore[attr-defined]


def _source_position(args: Sequence[str]) -> int | None:
    """Where the source stands: in front, or after options the first argument that names one."""
    from nasbench.importers import importers

    if args and not args[0].startswith("-"):
        return 0
    names = [arg.partition("+")[0] for arg in args]
    return next((at for at, name in enumerate(names) if name in importers or re.fullmatch(r"[\w.]+:\w+", name)), None)


def _source_command(source: str) -> Any:
    """`nasbench import SOURCE`, whose options are the constructor arguments of the importer."""
    from nasbench.importers import importers
    from nasbench.importers.options import options_of, summary_of

    importer, preset = importers.resolve(source)

    def run(file: Path, paths: list[Path] | None = None, **options: Any) -> None:
        _import(source, file, paths or [], options)

    common = inspect.signature(import_table, eval_str=True).parameters
    own = [_parameter(option, option.required and option.name not in preset) for option in options_of(importer)]
    run.__signature__ = inspect.Signature([common["file"], common["paths"], *own])  # type: ignore[attr-defined]
    app = typer.Typer(add_completion=False)
    app.command(help=escape(summary_of(importer).replace("`", "")))(run)
    return typer.main.get_command(app)


def _parameter(option: Option, required: bool) -> Parameter:
    """An option of a source as a parameter that typer makes a flag of; a switch where it is false by default."""
    default = ... if required else option.default
    names = [option.flag] if option.default is False else []
    info = typer.Option(default, *names, help=escape(option.help.replace("`", "")))
    kind = option.type | None if default is None else option.type
    return Parameter(option.name, Parameter.KEYWORD_ONLY, default=info, annotation=kind)


def _options_by_source() -> str:
    """The options of every source that has some, as paragraphs."""
    from nasbench.importers import importers
    from nasbench.importers.options import options_of

    lines = ["Options of the sources:"]
    for source in importers:
        described = []
        for option in options_of(importers.resolve(source)[0]):
            default = f" (default: {option.default})" if option.default not in (None, False) else ""
            described.append(f"{option.flag}{' (required)' if option.required else default}")
        if described:
            lines.append(f"{source}: {', '.join(described)}")
    return "\n\n".join(lines)
