"""Output files of commands: checked before the work begins, and named after it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import typer

from nasbench.cli.console import counted, note, out
from nasbench.errors import InputError
from nasbench.files import atomic, followed, one_file

if TYPE_CHECKING:
    from nasbench.benchmark.table import Table
    from nasbench.evaluate.results import Results


def writable(path: Path | None, *sources: Path) -> None:
    """Refuse an output file that cannot be written or would replace one of its sources or another output."""
    if path is None:
        return
    if any(one_file(path, source) for source in sources):
        raise InputError(f"{path} is an input or another output and would be replaced; name another file")
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise InputError(f"{path} is not a regular file; name another file")
    folder = followed(path).parent
    if path.is_dir() or not os.access(folder, os.W_OK):
        problem = "is a folder" if path.is_dir() else f"cannot be written: no writable folder {folder}"
        raise InputError(f"{path} {problem}; name another file")


@contextmanager
def standard_output() -> Iterator[Path]:
    """A temporary file whose content is all of standard output: what else is printed goes to standard error.

    Descriptors are redirected, because processes that run jobs print too.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "-"
        sys.stdout.flush()
        descriptor = os.dup(1)
        os.dup2(2, 1)
        try:
            yield file
        finally:
            sys.stdout.flush()
            os.dup2(descriptor, 1)
            os.close(descriptor)
            if file.exists():  # written whole, also where the command fails afterwards
                sys.stdout.write(file.read_text(encoding="utf-8"))
                sys.stdout.flush()


def wrote(path: Path, table: Table | None = None) -> None:
    """Print the name of a written file, and the size of its table if it has one."""
    line = f"Wrote {path}"
    if table is not None:
        line += f": {counted(len(table.columns), 'metric')} of {counted(len(table.genotypes), 'architecture')}"
    out.print(line, soft_wrap=True)


def write_json(path: Path | None, content: Any) -> None:
    """Write JSON values to a file atomically; do nothing for None."""
    if path is None:
        return
    from nasbench.evaluate.results import json_values

    with atomic(path) as temporary:
        temporary.write_text(json.dumps(json_values(content), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def save(results: Results, path: Path | None, records: Path | None = None) -> None:
    """Write results, and their records as a table, to files; do nothing for None."""
    if records:
        from nasbench.evaluate.record_files import write_records

        write_records(results, records)
        wrote(records)
    if path:
        results.write(path)
        if path.name != "-":  # standard output
            wrote(path)


def say_what_failed(results: Results) -> None:
    """Print why each of what was left out failed.

    Raises:
        typer.Exit: Something failed; the exit status is 1.
    """
    for reason in results.summary["failures"].values():
        note(f"left out: {reason}")
    if results.summary["failures"]:
        raise typer.Exit(1)
