"""The command line: each command is one file and one line of the table below, in the order of `nasbench --help`."""

from __future__ import annotations

import sys
from pkgutil import resolve_name
from typing import Annotated

import typer

from nasbench import __version__
from nasbench.cli.console import interruptible
from nasbench.cli.failure import one_line_errors
from nasbench.stopping import stoppable

COMMANDS = {
    "demo": "nasbench.cli.demo:demo",
    "build": "nasbench.cli.build:build",
    "import": "nasbench.cli.import_table:import_table",
    "merge": "nasbench.cli.merge:merge",
    "info": "nasbench.cli.info:info",
    "verify": "nasbench.cli.verify:verify",
    "query": "nasbench.cli.query:query",
    "evaluate": "nasbench.cli.evaluate:evaluate",
    "surrogate": "nasbench.cli.surrogate:surrogate",
    "compare": "nasbench.cli.compare:compare",
    "report": "nasbench.cli.report:report",
    "list": "nasbench.cli.list_parts:list_parts",
}
"""Function of each command: its signature defines the flags, its docstring is the help."""

app = typer.Typer(
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def version(
    show: Annotated[bool, typer.Option("--version", is_eager=True, help="Show the version and stop.")] = False,
) -> None:
    """Benchmarking suite for search strategies and performance predictors in neural architecture search."""
    if show:
        print(f"nasbench {__version__}")
        raise typer.Exit


for name, function in COMMANDS.items():
    command = interruptible()(resolve_name(function))
    app.command(name, cls=getattr(command, "command_class", None))(command)


def main() -> None:
    """Run the command line; a user error is one line, with exit status 2."""
    with stoppable(), one_line_errors():
        sys.exit(app(args=sys.argv[1:] or ["--help"], standalone_mode=False))
