"""Section of several tables: ranks of predictors over tables, by training size, and who cannot be told apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nasbench.evaluate.leaders import standing
from nasbench.evaluate.results import Results
from nasbench.evaluate.statistics import leading, undistinguished
from nasbench.report.document import (
    Block,
    Fact,
    Figures,
    Lines,
    Paragraph,
    Section,
    TextTable,
    counted,
    format_interval,
    interval_note,
    listed,
)
from nasbench.report.figures import Axis, Line, Mark, Plot, Points, Style

NOTES = (
    "On each table predictors are ranked by their mean Kendall tau over the splits: 1 is best, ties share a rank, and "
    "an undefined tau, of constant predictions, counts as 0.",
    "Over tables, ranks are compared by two-sided Wilcoxon signed-rank tests, with p-values Holm-corrected over all "
    "pairs. A 95 % bootstrap interval resamples the tables: it speaks for tables like these, and of few of them it is "
    "rough. There is none where a rank is the same on all.",
    "A rank depends on which other predictors take part, a tau does not.",
)


def ranks_section(results: Results, styles: Mapping[str, Style], anchor: str) -> Section:
    """The section on all tables of one call."""
    tables = results.settings["tables"]
    ranks = [row for row in results.summary["ranks"] if row["ranking"]]
    title = f"Predictors over {counted(len(tables), 'table')}"
    names = listed([f"{name} ({described['space']})" for name, described in tables.items()])
    if not ranks:
        text = f"{names}: no training size is common to two tables, so there are no ranks over tables."
        return Section(anchor, title, (Paragraph(text),))
    blocks: list[Block] = [
        Paragraph(f"Ranks of {counted(len(ranks[-1]['ranking']['order']), 'predictor')} over {names}."),
        Figures((_figure(ranks, styles, anchor),)),
        Lines(tuple(_standing(row) for row in ranks)),
        _table(ranks),
    ]
    return Section(anchor, title, tuple(blocks), NOTES, (_sentence(ranks[-1]),), (_fact(ranks[-1]),))


def _standing(row: Mapping[str, Any]) -> str:
    """Who leads at a training size."""
    text = standing(row["ranking"], "lowest mean rank", "is ranked", "table")
    missing = f"; not ranked, as a table lacks them: {listed(row['left_out'])}" if row["left_out"] else ""
    return f"n = {row['n_train']:,}, {counted(len(row['tables']), 'table')}: {text}{missing}."


def mean_rank(ranking: Mapping[str, Any], name: str) -> tuple[float, float, float]:
    """Mean rank and the ends of its interval; NaN where the rank is the same on every table, which tells no spread."""
    mean, low, high = (float(ranking[field][name]) for field in ("means", "lows", "highs"))
    return (mean, low, high) if low < high else (mean, math.nan, math.nan)


def _sentence(row: Mapping[str, Any]) -> str:
    """Who has the best mean rank at the largest training size, if the tables can tell."""
    ranking = row["ranking"]
    mean, low, high = mean_rank(ranking, ranking["order"][0])
    tables = counted(len(row["tables"]), "table")
    return (
        f"Over {tables}, from {counted(row['n_train'], 'trained cell')}, "
        f"{standing(ranking, 'lowest mean rank', 'is ranked', 'table')}; mean rank of {ranking['order'][0]}: "
        f"{format_interval(mean, low, high)}{' (95 % bootstrap interval over tables)' if low < high else ' on each'}."
    )


def _fact(row: Mapping[str, Any]) -> Fact:
    """The best mean rank as a key figure."""
    ranking = row["ranking"]
    equal = leading(ranking)
    mean, low, high = mean_rank(ranking, equal[0])
    note = f"rank {mean:.2f}, {interval_note(low, high, counted(len(row['tables']), 'table'))}"
    ties = [name for name in undistinguished(ranking) if name not in equal]
    note += f"; not distinguishable from {listed(ties)}" if ties else ""
    return Fact("lowest mean rank over tables", listed(equal), note)


def _figure(ranks: Sequence[Mapping[str, Any]], styles: Mapping[str, Style], anchor: str) -> Plot:
    """Mean ranks by training size."""
    sizes = [row["n_train"] for row in ranks]
    names = list(dict.fromkeys(name for row in ranks for name in row["taus"]))
    marks: list[Mark] = []
    for turn, name in enumerate(names):
        places = [place for place, row in enumerate(ranks) if name in row["ranking"]["order"]]
        y, low, high = np.array([mean_rank(ranks[place]["ranking"], name) for place in places]).T
        shift = (turn - (len(names) - 1) / 2) * min(0.06, 0.7 / len(names))  # so that intervals do not overlap
        x = np.array(places) + shift
        hover = tuple(f"{name}, {counted(sizes[place], 'training architecture')}" for place in places)
        marks.append(Line(x, y, styles[name], name, silent=True))
        marks.append(Points(x, y, styles[name], name, low, high, size=7, hover=hover))
    numbers = sorted({len(row["tables"]) for row in ranks})
    n = str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
    caption = f"Mean over n = {n} tables, 1 is best; whiskers are 95 % bootstrap intervals over tables."
    categories = tuple(f"{size:,}" for size in sizes)
    return Plot(
        f"{anchor}-rank",
        "Mean rank",
        caption,
        tuple(marks),
        Axis("training architectures", categories=categories),
        Axis("rank by Kendall tau"),
    )


def _table(ranks: Sequence[Mapping[str, Any]]) -> TextTable:
    """Mean ranks, and the mean tau on each table."""
    tables = list(dict.fromkeys(name for row in ranks for name in row["tables"]))
    rows = []
    for row in ranks:
        for name in row["ranking"]["order"]:
            taus = dict(zip(row["tables"], row["taus"][name], strict=True))
            cells = [f"{taus[table]:.3f}" if table in taus else "-" for table in tables]
            mean = format_interval(*mean_rank(row["ranking"], name))
            rows.append((f"{row['n_train']:,}", name, str(len(row["tables"])), mean, *cells))
    header = ("training architectures", "predictor", "tables (n)", "mean rank", *(f"tau, {name}" for name in tables))
    return TextTable("Mean rank [95 % bootstrap interval], and mean Kendall tau on each table", header, tuple(rows))
