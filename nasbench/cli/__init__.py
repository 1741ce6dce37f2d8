"""The command line: each command is one file and one line of the table below, in the order of `nasbench --help`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pkgutil import resolve_name
from typing import Annotated

import typer

from nasbench import __version__
from nasbench.cli.console import interruptible
from nasbench.cli.failure import one_line_errors
from nasbench.errors import NasbenchError, described
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


def version(
    show: Annotated[bool, typer.Option("--version", is_eager=True, help="Show the version and stop.")] = False,
) -> None:
    """Benchmarking suite for search strategies and performance predictors in neural architecture search."""
    if show:
        print(f"nasbench {__version__}")
        raise typer.Exit


def application(names: Iterable[str]) -> typer.Typer:
    """The command line with these commands; only their files are imported."""
    app = typer.Typer(
        invoke_without_command=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        callback=version,
    )
    for name in names:
        command = interruptible()(resolve_name(COMMANDS[name]))
        app.command(name, cls=getattr(command, "command_class", None))(command)
    return app


def main() -> None:
    """Run the command line; a user error is one line, with exit status 2.

    Raises:
        KeyboardInterrupt: A signal told the process to stop outside of a command.
    """
    words = sys.argv[1:] or ["--help"]
    with stoppable(), one_line_errors():
        command = typer.main.get_command(application(words[:1] if words[0] in COMMANDS else COMMANDS))
        try:
            with command.make_context("nasbench", words) as context:  # typer's `main` would hide the signal
                status = command.invoke(context)
        except typer.Exit as end:
            status = end.exit_code
        except SystemExit as end:  # no command raises it
            if isinstance(end.__context__, BrokenPipeError):  # rich does, when the reader has closed the pipe
                raise
            raise NasbenchError(f"the command was ended by code of your own: {described(end)}") from end
        sys.exit(status)
