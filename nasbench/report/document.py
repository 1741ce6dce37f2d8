"""Document model of the report: sections of paragraphs, figures and tables, all plain text."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard

from nasbench.benchmark.base import POINTS, Metric
from nasbench.report.figures import Figure

UNIT_SYMBOLS = {"percent": "%", "seconds": "s", "milliseconds": "ms", "count": "", "none": "", "": "", POINTS: "pp"}


@dataclass(frozen=True)
class Fact:
    """A key figure: its name, its value with the unit, and a note on how to read it."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Lines:
    """Short lines, one below the other."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """Key figures side by side."""

    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Figures:
    """Figures that belong together and share one legend."""

    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class TextTable:
    """Rows of texts under a header.

    Attributes:
        caption: What the table shows; the line to click if it is folded.
        header: Names of the columns.
        rows: Texts, one tuple a row.
        folded: Whether only the caption is shown until it is clicked.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    folded: bool = False


Block: TypeAlias = Paragraph | Lines | Facts | Figures | TextTable


@dataclass(frozen=True)
class Section:
    """A headed part of the page.

    Attributes:
        anchor: Its name in links.
        title: Its heading.
        blocks: Its content, in order.
        notes: Footnotes: how its numbers were computed.
        sentences: Its findings, for the summary of the page.
        facts: Its key figures, for the summary of the page.
    """

    anchor: str
    title: str
    blocks: tuple[Block, ...]
    notes: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()


def known(value: Any) -> TypeGuard[int | float]:
    """Whether a value of a file is a finite number."""
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return numeric and abs(value) <= sys.float_info.max


def number(value: Any) -> float:
    """A value of a file as a number; NaN if it is none."""
    return float(value) if known(value) else math.nan


def mapping(value: Any) -> Mapping[str, Any]:
    """A value of a file as a mapping; empty if it is none."""
    return value if isinstance(value, Mapping) else {}


def counted(n: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 repeat`, `2,000 repeats`."""
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"


def listed(texts: Sequence[str]) -> str:
    """Texts in a sentence: `10, 20 and 30`."""
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def words(name: str) -> str:
    """A name of a file in a sentence: `validation accuracy` for `validation_accuracy`."""
    return name.replace("_", " ")


def interval_note(low: float, high: float, n: str) -> str:
    """How far to trust a key figure: `95 % [0.62, 0.79], n = 30 cells`; without an interval, only the last part."""
    interval = f"95 % [{low:.2f},\u00a0{high:.2f}], " if math.isfinite(low) and math.isfinite(high) else ""
    return f"{interval}n = {n}"


def label(metric: Metric) -> str:
    """Label of an axis for a metric, with its unit: `validation accuracy (%)`."""
    return titled(metric.name, metric.units)


def titled(name: str, units: str) -> str:
    """A name with its unit in parentheses, if it has one."""
    stated = not unit(units) or name.endswith(units)  # as in train_seconds
    return words(name) if stated else f"{words(name)} ({unit(units)})"


def unit(units: str) -> str:
    """The symbol of a unit that follows a number: `%`, `pp`, `s`."""
    return UNIT_SYMBOLS.get(units, units)


def format_value(value: float, units: str, digits: int | None = None) -> str:
    """A number with its unit after a no-break space: `93.12 %`, `12,345`; a dash for a missing number."""
    if not math.isfinite(value):
        return "-"
    text = format_number(value) if digits is None else f"{value:,.{digits}f}"
    return f"{text}\u00a0{unit(units)}" if unit(units) else text


def format_count(number: int) -> str:
    """A count in full, or as `1.08 * 10^18` if it has more than 12 digits."""
    exponent = len(str(number)) - 1
    return f"{number:,}" if exponent < 12 else f"{number / 10**exponent:.2f} * 10^{exponent}"


def format_number(value: float) -> str:
    """A number with about four significant digits and separated thousands."""
    if not math.isfinite(value):
        return "-"
    if value == 0 or 1e-3 <= abs(value) < 1e15:
        decimals = 0 if value == int(value) else max(0, 3 - math.floor(math.log10(abs(value))))
        return f"{value:,.{decimals}f}"
    return f"{value:.3g}"


def format_interval(value: float, low: float, high: float, digits: int | None = 2) -> str:
    """A number with its interval, `0.71 [0.62, 0.79]`; a dash for a missing number.

    A missing interval is left out. Without `digits`, the number has three significant digits.
    """
    if not math.isfinite(value):
        return "-"
    if digits is None:
        digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 2
    text = f"{value:.{digits}f}"
    return f"{text} [{low:.{digits}f},\u00a0{high:.{digits}f}]" if math.isfinite(low) and math.isfinite(high) else text


def flatten(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Dotted names and values of nested settings."""
    rows = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            rows += flatten(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            rows.append((f"{prefix}{name}", ", ".join(map(str, value))))
        else:
            rows.append((f"{prefix}{name}", "-" if value is None else str(value)))
    return rows
