"""Section of an evaluation: how well predictors rank and estimate held-out architectures, by training size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from nasbench.benchmark.base import difference
from nasbench.evaluate.results import Results
from nasbench.evaluate.statistics import bootstrap_interval
from nasbench.report.document import Block, Fact, Figures, Paragraph, Section, TextTable, format_interval, titled
from nasbench.report.figures import GREY, Axis, Figure, Line, Mark, Plot, Points, Style
from nasbench.types import FloatArray

Scores: TypeAlias = dict[tuple[str, int], dict[str, FloatArray]]
"""Values of each score over the splits, shape `(splits,)`, by predictor and training size, then by score."""
SCORES = {
    "kendall_tau": "Kendall tau",
    "spearman": "Spearman rho",
    "r2": "R²",
    "rmse": "RMSE",
    "nll": "negative log-likelihood",
    "coverage_90": "coverage of the 90 % interval",
    "fit_seconds": "fit seconds",
}
"""Columns of the table, in order, with their titles."""
NOTES = (
    "Every number is the mean over random splits. Its 95 % bootstrap interval resamples the splits, whose test sets "
    "may overlap: it describes the variation between splits, not between spaces.",
    "The correlation of a constant prediction is undefined and left out (-).",
    "Coverage: share of held-out architectures inside the central 90 % interval of the predicted normal distribution; "
    "0.9 is right.",
)


def evaluation_section(results: Results, styles: Mapping[str, Style], anchor: str) -> Section:
    """The section on one evaluation."""
    scores = collect(results)
    sizes = sorted({size for _, size in scores})
    splits = len({record["seed"] for record in results.records})
    test_size = results.settings.get("test_size")
    tested = f" and were tested on {test_size:,} held-out ones" if isinstance(test_size, int) else ""
    blocks: list[Block] = [
        Paragraph(
            f"{len({name for name, _ in scores})} predictors of {results.metric} learnt from {_listed(sizes)} "
            f"architectures of {results.space}"
            f"{tested}; {splits} random {'split' if splits == 1 else 'splits'}."
        ),
        Figures(tuple(_figures(results, scores, styles, anchor))),
        _table(results, scores),
    ]
    title, sentences = f"Predictors on {results.benchmark}", (evaluation_sentence(results),)
    return Section(anchor, title, tuple(blocks), NOTES, sentences, evaluation_facts(results))


def evaluation_sentence(results: Results) -> str:
    """The predictor that ranks best at the largest training size."""
    scores = collect(results)
    size = max(size for _, size in scores)
    ranked = _ranked(scores, size)
    if not ranked:
        return "No predictor has a rank correlation: all predictions are constant."
    mean, low, high, n, name = ranked[0]
    found = (
        f"Kendall tau {format_interval(mean, low, high)} on held-out cells (n = {n} splits, 95 % bootstrap interval)"
    )
    text = f"From {size:,} trained cells, {name} predicts the ranking best: {found}"
    if len(ranked) > 1:
        text += f", followed by {ranked[1][-1]} with {format_interval(*ranked[1][:3])}"
    return f"{text}."


def evaluation_facts(results: Results) -> tuple[Fact, ...]:
    """The best predictor as a key figure; none if none has a rank correlation."""
    scores = collect(results)
    size = max(size for _, size in scores)
    ranked = _ranked(scores, size)
    if not ranked:
        return ()
    mean, low, high, n, name = ranked[0]
    note = f"τ = {mean:.2f}, 95 % [{low:.2f}, {high:.2f}], n = {n} splits, {size:,} training cells"
    return (Fact("best predictor", name, note),)


def collect(results: Results) -> Scores:
    """Finite values of each score over the splits; the name of a predictor includes a left-out strategy."""
    grouped: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for record in results.records:
        without = f" without {record['left_out']}" if record.get("left_out") else ""
        grouped.setdefault((f"{record['predictor']}{without}", record["n_train"]), []).append(record)
    return {
        key: {score: _finite([record.get(score) for record in records]) for score in SCORES}
        for key, records in grouped.items()
    }


def _finite(values: list[Any]) -> FloatArray:
    return np.array([v for v in values if isinstance(v, int | float) and math.isfinite(v)], dtype=np.float64)


def interval(values: FloatArray) -> tuple[float, float, float]:
    """Mean and 95 % bootstrap interval; NaN without values, and a NaN interval for a single value."""
    if not len(values):
        return math.nan, math.nan, math.nan
    if len(values) == 1:
        return float(values[0]), math.nan, math.nan
    low, high = bootstrap_interval(values, np.random.default_rng(0))
    return float(values.mean()), float(low), float(high)


def _ranked(scores: Scores, size: int) -> list[tuple[float, float, float, int, str]]:
    ranked = [
        (*interval(values["kendall_tau"]), len(values["kendall_tau"]), name)
        for (name, n), values in scores.items()
        if n == size and len(values["kendall_tau"])
    ]
    return sorted(ranked, reverse=True)


def _figures(
    results: Results,
    scores: Scores,
    styles: Mapping[str, Style],
    anchor: str,
) -> list[Figure]:
    sizes = sorted({size for _, size in scores})
    place = {size: float(number) for number, size in enumerate(sizes)}
    trained = Axis("training architectures", categories=tuple(f"{size:,}" for size in sizes))
    figures: list[Figure] = []
    for score, title, axis, goal in (
        ("kendall_tau", "Rank correlation", "Kendall tau", None),
        ("r2", "Explained variance", "R²", None),
        ("rmse", "Error", titled("RMSE", difference(results.units)), None),
        ("coverage_90", "Calibration", "share inside the 90 % interval", 0.9),
    ):
        marks: list[Mark] = []
        splits, drawn = 0, []
        if goal is not None:
            across, style = np.array([-0.5, len(sizes) - 0.5]), Style(GREY, "dash")
            marks.append(Line(across, np.full(2, goal), style, "ideal coverage (0.9)", width=1.5, silent=True))
        names = list(dict.fromkeys(name for name, _ in scores))
        for number, name in enumerate(names):
            rows = [(size, *interval(scores[name, size][score])) for size in sizes if (name, size) in scores]
            rows = [row for row in rows if math.isfinite(row[1])]
            if not rows:
                marks.append(Line(np.empty(0), np.empty(0), styles[name], name))  # to keep its place in the legend
                continue
            drawn.append(name)
            splits = max([splits, *(len(scores[name, int(row[0])][score]) for row in rows)])
            _, y, low, high = np.array(rows, dtype=np.float64).T
            # Shifted sideways, so that intervals at the same size do not overlap.
            shift = (number - (len(names) - 1) / 2) * min(0.06, 0.7 / len(names))
            x = np.array([place[size] + shift for size, *_ in rows])
            hover = tuple(f"{name}, {size:,} training architectures" for size, *_ in rows)
            marks.append(Line(x, y, styles[name], name, silent=True))
            low, high = np.where(np.isfinite(low), low, y), np.where(np.isfinite(high), high, y)
            marks.append(Points(x, y, styles[name], name, low, high, size=7, hover=hover))
        if not splits:
            continue
        caption = f"Mean over n = {splits} random splits; whiskers are 95 % bootstrap intervals of the mean."
        constant = [name for name in names if name not in drawn]
        if constant:
            caption += f" Undefined for the constant predictions of {', '.join(constant)}."
        name = f"{anchor}-{score.replace('_', '-')}"
        figures.append(Plot(name, title, caption, tuple(marks), trained, Axis(axis)))
    return figures


def _table(results: Results, scores: Scores) -> TextTable:
    columns = [score for score in SCORES if any(len(values[score]) for values in scores.values())]
    rows = []
    for (name, size), values in sorted(scores.items(), key=lambda item: item[0][1]):
        n = max(len(values[score]) for score in SCORES)
        cells = [format_interval(*interval(values[score]), 3 if score == "fit_seconds" else 2) for score in columns]
        rows.append((f"{size:,}", name, str(n), *cells))
    units = {"rmse": difference(results.units)}
    names = [titled(SCORES[score], units.get(score, "")) for score in columns]
    header = ("training architectures", "predictor", "splits (n)", *names)
    return TextTable("All scores: mean over splits [95 % bootstrap interval]", header, tuple(rows))


def _listed(sizes: list[int]) -> str:
    texts = [f"{size:,}" for size in sizes]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
