"""What a page consists of: sections of sentences, figures that share a legend, and tables; all of it plain text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from nasbench.benchmark.base import POINTS, Metric
from nasbench.report.figures import Figure

UNITS = {"percent": "%", "seconds": "s", "milliseconds": "ms", "count": "", "none": "", "": "", POINTS: "pp"}


@dataclass(frozen=True)
class Fact:
    """A key figure: what it is, its value with the unit, and how to read it."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Figures:
    """Figures that belong together and share one legend."""

    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class TextTable:
    """Rows of texts under a header.

    Attributes:
        caption: What it shows; the line to click where it is folded.
        header: Names of the columns.
        rows: Texts, one tuple a row.
        folded: Show the caption only, until clicked.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    folded: bool = False


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


Block: TypeAlias = Paragraph | Lines | Facts | Figures | TextTable


@dataclass(frozen=True)
class Section:
    """A headed part of the page.

    Attributes:
        anchor: Its name in links.
        title: Its heading.
        blocks: Its content, in order.
        notes: Footnotes: how its numbers were computed.
    """

    anchor: str
    title: str
    blocks: tuple[Block, ...]
    notes: tuple[str, ...] = ()


def label(metric: Metric) -> str:
    """Name of a metric for an axis, with its unit: `validation accuracy (%)`."""
    return titled(metric.name, metric.units)


def titled(name: str, units: str) -> str:
    """A name with a unit in parentheses, where there is one."""
    stated = not unit(units) or name.endswith(units)  # as in train_seconds
    return name.replace("_", " ") if stated else f"{name.replace('_', ' ')} ({unit(units)})"


def unit(units: str) -> str:
    """A unit as it follows a number: `%`, `pp`, `s`."""
    return UNITS.get(units, units)


def format_value(value: float, units: str, digits: int | None = None) -> str:
    """A number with its unit: `93.12 %`, `12,345`, with a no-break space; a dash where it is missing."""
    if not math.isfinite(value):
        return "-"
    text = format_number(value) if digits is None else f"{value:,.{digits}f}"
    return f"{text}\u00a0{unit(units)}" if unit(units) else text


def format_count(number: int) -> str:
    """A number of things in full, or, where that would have more than 12 digits, as in `1.08 * 10^18`."""
    exponent = len(str(number)) - 1
    return f"{number:,}" if exponent < 12 else f"{number / 10**exponent:.2f} * 10^{exponent}"


def format_number(value: float) -> str:
    """A number with about four significant digits, thousands separated."""
    if not math.isfinite(value):
        return "-"
    if value == 0 or 1e-3 <= abs(value) < 1e15:
        decimals = 0 if value == int(value) else max(0, 3 - math.floor(math.log10(abs(value))))
        return f"{value:,.{decimals}f}"
    return f"{value:.3g}"


def format_interval(value: float, low: float, high: float, digits: int | None = 2) -> str:
    """A number with its interval: `0.71 [0.62, 0.79]`; a dash where it is missing, no interval where that is.

    Without `digits`, the number has three that are significant.
    """
    if not math.isfinite(value):
        return "-"
    if digits is None:
        digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 2
    text = f"{value:.{digits}f}"
    return f"{text} [{low:.{digits}f},\u00a0{high:.{digits}f}]" if math.isfinite(low) and math.isfinite(high) else text


def flatten(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Names, dotted, and values of nested settings."""
    rows = []
    for name, value in content.items():
        if isinstance(value, Mapping):
            rows += flatten(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            rows.append((f"{prefix}{name}", ", ".join(map(str, value))))
        else:
            rows.append((f"{prefix}{name}", "-" if value is None else str(value)))
    return rows
