"""How long strategies take to targets, as part of the section of a comparison: distribution and expected times."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nasbench.evaluate.results import Results
from nasbench.evaluate.runtimes import Target, runtimes
from nasbench.report.document import Block, Figures, TextTable, counted, format_interval, mapping
from nasbench.report.figures import Axis, Line, Mark, Plot, Style
from nasbench.types import FloatArray

UNITS = {"evaluations": "evaluations", "epochs": "epochs of training", "simulated_seconds": "simulated seconds"}
CAPTION = (
    "Share of pairs of a run and a target that were reached; n = {repeats}, {targets}: to be as good on validation "
    "data as the better half of the space, and so on to the best of all. Higher is better; the table has the areas."
)


def runtimes_blocks(results: Results, styles: Mapping[str, Style], anchor: str) -> list[Block]:
    """The figure and the table; nothing where the space is not known as a whole."""
    found = mapping(results.summary.get("runtimes"))
    if not found.get("spread"):
        return []
    return [Figures((_distribution(results, found, styles, anchor),)), _table(found)]


def _distribution(results: Results, found: Mapping[str, Any], styles: Mapping[str, Style], anchor: str) -> Plot:
    key, budget = found["counted_in"], float(found["budget"])
    targets = [Target(**target) for target in found["spread"]]
    lines: list[Mark] = []
    repeats = 0
    for name, (first, _) in runtimes(results.records, targets, key).items():
        x, y = _steps(first.ravel(), budget)
        lines.append(Line(x, y, styles[name], name, step=True))
        repeats = len(first)
    caption = CAPTION.format(repeats=counted(repeats, "repeat"), targets=counted(len(targets), "target"))
    return Plot(
        f"{anchor}-running-times",
        "Running times to targets",
        caption,
        tuple(lines),
        Axis(UNITS[key]),
        Axis("share of targets reached"),
    )


def _steps(times: FloatArray, budget: float) -> tuple[FloatArray, FloatArray]:
    """Distribution function of times `(n,)`, infinite ones included, from 0 to the budget."""
    reached = np.sort(times[times <= budget])
    x = np.concatenate([[0.0], reached, [budget]])
    shares = np.arange(len(reached) + 1) / len(times)
    return x, np.append(shares, shares[-1])


def _table(found: Mapping[str, Any]) -> TextTable:
    heads = [f"best {100 * t['share']:.4g} %" if t["share"] else "best of all" for t in found["targets"]]
    rows = []
    for name, area in sorted(found["areas"].items(), key=lambda item: -item[1]["mean"]):
        told = [target["strategies"][name] for target in found["targets"]]
        cells = [f"{'-' if t['expected'] is None else format(t['expected'], '.3g')} ({t['reached']:.0%})" for t in told]
        low, high = (area[end] if area["low"] < area["high"] else math.nan for end in ("low", "high"))
        rows.append((name, *cells, format_interval(area["mean"], low, high, 3)))
    caption = (
        f"Expected {UNITS[found['counted_in']]} until the validation value is among the best of the space (share of "
        "runs that get there; those that do not count in full), and area under the distribution of running times"
    )
    return TextTable(caption, ("strategy", *heads, "area [95 % bootstrap]"), tuple(rows))
