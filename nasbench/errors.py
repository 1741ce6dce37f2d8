"""User errors: one line with the mistake, its place and the remedy."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nasbench.printable import MOST_OF_LINE, cut


class NasbenchError(Exception):
    """Base of all errors a user can fix; the command line prints one line and exits with status 2."""

    def __str__(self) -> str:
        words = " ".join(str(part) for part in self.args)  # KeyError would print the repr of its message
        line = " ".join(words.split()) if "\n" in words else words  # quoted text may have line breaks
        return cut(line, MOST_OF_LINE)


class InputError(NasbenchError, ValueError):
    """A value, name, architecture or option is invalid."""


class NotFoundError(NasbenchError, KeyError):
    """An architecture, metric, epoch or seed is not in the benchmark."""


class FileError(NasbenchError, OSError):
    """A file cannot be read or written, or has unexpected content."""


class MissingExtraError(NasbenchError, ImportError):
    """An optional dependency is not installed."""


def described(error: BaseException) -> str:
    """Kind, message and place of an error in one line."""
    if isinstance(error, SyntaxError):
        where = f"{Path(error.filename or '?').name}, line {error.lineno}"
        return f"{type(error).__name__}: {error.msg} ({where})"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    try:
        text = " ".join(str(error).split())
    except Exception:  # anybody's error
        text = "(its message cannot be read)"
    return f"{type(error).__name__}: {text} ({Path(frame.filename).name}, line {frame.lineno})"


@contextmanager
def blamed(what: str) -> Iterator[None]:
    """Turn whatever anybody's code raises, `sys.exit` included, into one line that names it; Ctrl-C stays.

    Args:
        what: Whose code runs, as "predictor 'mine:Forest'".

    Raises:
        InputError: The code raised something that is no error of ours.
    """
    try:
        yield
    except (NasbenchError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise InputError(f"{what}: {described(error)}") from error
