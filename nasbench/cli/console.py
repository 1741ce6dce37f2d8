"""Terminal output: tables, progress bars and notes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import typer
from rich.console import Console, ConsoleOptions
from rich.measure import Measurement
from rich.table import Table as Grid
from rich.text import Text

from nasbench.printable import printable
from nasbench.stopping import exit_status

if TYPE_CHECKING:
    from nasbench.progress import Progress


class Terminal(Console):
    """Prints texts as they are: what stands in brackets is no markup, and control characters are written as escapes."""

    def print(self, *objects: Any, **settings: Any) -> None:
        """Print texts and whatever rich can show."""
        shown = [Text(printable(part, keep="\n")) if isinstance(part, str) else part for part in objects]
        super().print(*shown, **settings)

    def heading(self, text: str) -> None:
        """Print a line in bold."""
        self.print(bold(text))


def bold(text: str) -> Text:
    """A text in bold."""
    return Text(printable(text), style="bold")


out = Terminal(highlight=False)
if not out.is_terminal:
    out.width = 200  # a pipe has no edge at which lines must wrap
UNBROKEN_CHARACTERS = 30
"""Maximum length of a word or part of a name that is never broken across lines."""
MAX_LISTED, FIRST_LISTED = 50, 10
"""A list longer than `MAX_LISTED` shows its first `FIRST_LISTED` values."""
err = Terminal(stderr=True, highlight=False)


@contextmanager
def bar(description: str) -> Iterator[Progress]:
    """A progress bar with the estimated remaining time."""
    from rich import progress as rich

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TimeElapsedColumn(),
        rich.TextColumn("left"),
        rich.TimeRemainingColumn(),
    )
    with rich.Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as shown:
        task = shown.add_task(description, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


@contextmanager
def interruptible(remedy: str = "") -> Iterator[None]:
    """Turn Ctrl-C, or another signal to stop, into one line and the exit status that shells give it."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        what = f": {interrupt}" if interrupt.args else f"; {remedy}" if remedy else ""
        err.print(f"nasbench: stopped{what}", soft_wrap=True)
        raise typer.Exit(exit_status(interrupt)) from None


def note(text: str) -> None:
    """Print one line on standard error."""
    err.print(f"nasbench: {text}", soft_wrap=True)


def plain(value: Any) -> str:
    """A value in readable form."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.0f}" if value.is_integer() else f"{value:.5g}"
    if isinstance(value, list | tuple):
        shown = value if len(value) <= MAX_LISTED else value[:FIRST_LISTED]
        rest = "" if len(value) <= MAX_LISTED else f", ... ({len(value):,} in all)"
        return (", ".join(plain(v) for v in shown) or "-") + rest
    return printable(str(value))


def counted(number: int, noun: str) -> str:
    """A number with its noun, whose plural ends in s."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


@dataclass(frozen=True)
class Name:
    """A name that wraps only after `/` and `_`."""

    text: str

    @property
    def parts(self) -> list[str]:
        """Parts that are never broken across lines."""
        return re.findall("[^/_]*[/_]|[^/_]+", self.text)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(max(map(len, self.parts), default=0), len(self.text))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        lines = [""]
        for part in self.parts:
            if lines[-1] and len(lines[-1] + part) > options.max_width:
                lines.append("")
            lines[-1] += part
        yield Text("\n".join(lines))


def flatten(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested mappings with dotted names."""
    for name, value in content.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def is_table(value: Any) -> bool:
    """Whether a value is a list of records."""
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def facts(content: Mapping[str, Any]) -> Grid:
    """Names and values, one per line."""
    grid = Grid(show_header=False, box=None, padding=(0, 2, 0, 0))
    grid.add_column()
    grid.add_column(overflow="fold")  # a checksum is useless without its end
    for name, value in flatten(content):
        grid.add_row(bold(name), Text(plain(value)))
    return grid


def records(rows: Sequence[Mapping[str, Any]]) -> Grid:
    """Records as a table, without empty columns, with intervals beside their values."""
    rows = [_with_intervals(row) for row in rows]
    grid = Grid(box=None, padding=(0, 2, 0, 0))
    names = [n for n in rows[0] if any(plain(row.get(n)) != "-" for row in rows)] if rows else []
    for name in names:
        values = [row.get(name) for row in rows]
        justify: Literal["right", "left"] = "right" if any(isinstance(v, int | float) for v in values) else "left"
        pieces = [piece for value in values for piece in _pieces(plain(value))]
        widths = [len(piece) for piece in pieces if len(piece) <= UNBROKEN_CHARACTERS]
        grid.add_column(
            Text(printable(name.replace("_", " "))),
            justify=justify,
            overflow="fold",
            min_width=max(widths, default=None),
        )
    for row in rows:
        grid.add_row(*(_cell(plain(row.get(name))) for name in names))
    return grid


def _cell(text: str) -> Text | Name:
    return Name(text) if len(text) > UNBROKEN_CHARACTERS and " " not in text else Text(text)


def _pieces(text: str) -> list[str]:
    """Parts of a table cell that are never broken across lines."""
    cell = _cell(text)
    return cell.parts if isinstance(cell, Name) else [text] if " " not in text else []


def show(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print records; on a narrow terminal, lines run beyond its edge rather than lose digits."""
    out.print(records(rows), crop=False)


def _with_intervals(row: Mapping[str, Any]) -> dict[str, Any]:
    ends = {name for name in row if name.endswith(("_low", "_high"))}
    shown: dict[str, Any] = {}
    for name, value in row.items():
        if f"{name}_low" in row and value is not None:
            low, high = row[f"{name}_low"], row[f"{name}_high"]
            ends_shown = " to ".join("-" if end is None else f"{end:.3g}" for end in (low, high))
            shown[name] = f"{value:.3g} ({ends_shown})"
        elif name not in ends:
            shown[name] = value
    return shown


def quality(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Accuracy of a surrogate, in columns that fit a terminal."""
    names = ("kendall_tau", "r2")
    columns = ["metric", "n", *(name + end for name in names for end in ("", "_low", "_high"))]
    return [{column: row[column] for column in columns} for row in rows]
