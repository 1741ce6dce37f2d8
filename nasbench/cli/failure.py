"""User errors are one line on standard error, with exit status 2."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn, cast

import typer

from nasbench.errors import NasbenchError
from nasbench.printable import MOST_OF_LINE, printable

RENAMED = {
    "demo": {"--processes": "--jobs"},
    "build": {"--workers": "--jobs"},
    "evaluate": {"--processes": "--jobs", "--seeds": "--splits"},
    "compare": {"--processes": "--jobs"},
    "list": {"sources": "importers"},
}
"""By command, former words and their new names; a former word is refused with its new name."""
UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__base__)  # not exported by typer


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn errors of a command into one line and an exit status."""
    try:
        yield
    except UsageError as error:
        context = error.ctx
        path, command = (context.command_path, context.info_name or "") if context else ("nasbench", "")
        for old, new in RENAMED.get(command, {}).items():
            if any(word.partition("=")[0] == old for word in sys.argv):
                fail(f"{old} is now {new}", path)
        fail(f"{error.format_message().rstrip('.')}; see {path} --help")
    except NasbenchError as error:
        fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has closed the pipe: no message
        sys.exit(1)
    except OSError as error:
        fail(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))


def fail(message: str, command: str = "nasbench") -> NoReturn:
    """Print one line and exit with status 2."""
    print(printable(f"{command}: {' '.join(message.split())}", MOST_OF_LINE), file=sys.stderr)
    sys.exit(2)
