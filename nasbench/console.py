"""What a person sees in the terminal: tables, progress, results."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from nasbench.progress import Progress
from nasbench.results import Results

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)


@contextmanager
def bar(description: str) -> Iterator[Progress]:
    """A progress bar with an estimate of the time that is left."""
    from rich import progress as rich

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TimeElapsedColumn(),
        rich.TextColumn("left"),
        rich.TimeRemainingColumn(),
    )
    with rich.Progress(*columns, console=err) as shown:
        task = shown.add_task(description, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


@contextmanager
def interruptible(remedy: str) -> Iterator[None]:
    """Turn Ctrl-C into one line."""
    try:
        yield
    except KeyboardInterrupt:
        err.print(f"nasbench: stopped; everything finished is kept, and {remedy}")
        raise typer.Exit(130) from None


def plain(value: Any) -> str:
    """A value as a person reads it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "-" if value != value else f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(plain(v) for v in value) or "-"
    return str(value)


def flatten(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested mappings with dotted names."""
    for name, value in content.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def facts(content: Mapping[str, Any]) -> Grid:
    """Names and values, one a line."""
    grid = Grid(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in flatten(content):
        grid.add_row(f"[bold]{escape(name)}[/]", escape(plain(value)))
    return grid


def records(rows: Sequence[Mapping[str, Any]]) -> Grid:
    """Records as a table; columns without any value are left out."""
    grid = Grid(box=None, padding=(0, 2, 0, 0))
    names = [n for n in rows[0] if any(plain(row.get(n)) != "-" for row in rows)] if rows else []
    for name in names:
        numeric = all(isinstance(row.get(name), int | float) or row.get(name) is None for row in rows)
        grid.add_column(name.replace("_", " "), justify="right" if numeric else "left")
    for row in rows:
        grid.add_row(*(escape(plain(row.get(name))) for name in names))
    return grid


def write_json(path: Path, content: Any) -> None:
    """Write JSON values, whole or not at all."""
    from nasbench.files import atomic
    from nasbench.results import json_values

    with atomic(path) as temporary:
        temporary.write_text(json.dumps(json_values(content), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def save(results: Results, path: Path | None) -> None:
    """Write results where they were asked for."""
    if path:
        results.write(path)
        out.print(f"Wrote {path}", soft_wrap=True)
