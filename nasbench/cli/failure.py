"""An error that the user can mend is one line on standard error, and the exit status is 2."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn, cast

import typer

from nasbench.errors import NasbenchError

UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__base__)  # which typer does not export


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn what may go wrong in a command into one line and an exit status."""
    try:
        yield
    except UsageError as error:
        command = error.ctx.command_path if error.ctx else "nasbench"
        fail(f"{error.format_message().rstrip('.')}; see {command} --help")
    except NasbenchError as error:
        fail(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone; there is nothing to say
        sys.exit(1)
    except OSError as error:
        fail(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))


def fail(message: str) -> NoReturn:
    """Print one line and exit with status 2."""
    print(f"nasbench: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)
