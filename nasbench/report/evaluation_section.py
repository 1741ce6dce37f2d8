"""Section of an evaluation: how well predictors rank and estimate held-out architectures, by training size."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from nasbench.benchmark.base import difference
from nasbench.evaluate.leaders import rank_predictors, standing, vary
from nasbench.evaluate.results import Results
from nasbench.evaluate.statistics import leading, percentile_ends, resampling_weights, undistinguished
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
    known,
    listed,
    mapping,
    number,
    titled,
)
from nasbench.report.figures import GREY, Axis, Figure, Line, Mark, Plot, Points, Style
from nasbench.types import FloatArray

Scores: TypeAlias = dict[tuple[str, int], dict[str, FloatArray]]
"""Values of each score over the splits, NaN where undefined, shape `(splits,)`, by predictor and training size."""
SCORES = {
    "kendall_tau": "Kendall tau",
    "spearman": "Spearman rho",
    "r2": "R²",
    "rmse": "RMSE",
    "nll": "negative log-likelihood",
    "coverage_90": "coverage of the 90 % interval",
    "calibration_error": "calibration error",
    "fit_seconds": "fit seconds",
}
"""Columns of the first table, in order, with their titles."""
TOP_SCORES = {
    "ndcg_at_10": "nDCG of the first 10",
    "precision_at_10": "precision of the first 10",
    "precision_at_1_percent": "precision of the first 1 %",
    "best_rank_at_10": "best rank among the first 10",
    "regret_at_10": "regret of the first 10",
}
"""Columns of the second table."""
DIGITS = {"fit_seconds": 3, "calibration_error": 3, "ndcg_at_10": 3, "best_rank_at_10": 1}
"""Decimals of the scores that have not two."""
PROTOCOLS = {
    "random": " Splits are random among all architectures (protocol random).",
    "tagates": " One half of the architectures is tested on, and the training architectures are drawn from the other "
    "half (protocol of TA-GATES).",
}
"""What a paragraph says about a protocol that is not the usual one."""
RANDOM_SPLITS = (
    "Every number is the mean over random splits. Its 95 % bootstrap interval resamples the splits, whose test sets "
    "may overlap: it describes the variation between splits, not between spaces."
)
TRAINING_ORDERS = (
    "Every number is the mean over orders of the training architectures, of which the first so many are learnt from; "
    "the held-out architectures are always the same. Its 95 % bootstrap interval resamples the orders."
)
NOTES = (
    "Predictors are compared by Kendall tau on the same splits: two-sided Wilcoxon signed-rank tests, with p-values "
    "Holm-corrected over all pairs.",
    "The correlation of a constant prediction is undefined and left out (-).",
    "Coverage: share of held-out architectures inside the central 90 % interval of the predicted normal distribution; "
    "0.9 is right. Calibration error: mean absolute difference between nominal and observed coverage, at all levels.",
    "Noise ceiling: estimated from Kendall's tau between two trainings of the same architectures, for targets that are "
    "means over the recorded seeds, with the normal copula (Greiner; Spearman-Brown).",
    "The first 10 or 1 % are those that are predicted best; a score is the mean over all orders of tied predictions, "
    "so a constant one has the score of chance. nDCG: linear gain of the measured values scaled to [0, 1].",
)


class Leader(NamedTuple):
    """What is known about the best predictor.

    Attributes:
        size: The largest training size.
        taus: Kendall's tau there by predictor, shape `(splits,)`, best first; empty if none has it on all splits.
        equal: Those with the highest mean: several where theirs are equal.
        ties: Further predictors that the first is not significantly better than.
    """

    size: int
    taus: dict[str, FloatArray]
    equal: list[str]
    ties: list[str]


def evaluation_section(results: Results, styles: Mapping[str, Style], anchor: str) -> Section:
    """The section on one evaluation."""
    parts = collect(results)
    sizes = sorted({size for scores in parts.values() for _, size in scores})
    predictors = {name for scores in parts.values() for name, _ in scores}
    test_size = results.settings.get("test_size")
    tested = f" and were tested on {test_size:,} held-out ones" if isinstance(test_size, int) else ""
    blocks: list[Block] = [
        Paragraph(
            f"{counted(len(predictors), 'predictor')} of {results.metric} learnt from "
            f"{listed([f'{size:,}' for size in sizes])} architectures of {results.space}{tested}; "
            f"{_splits(results, len({record['seed'] for record in results.records}))}.{_protocol(results, sizes)}"
        )
    ]
    tests = mapping(results.settings.get("left_out"))
    for place, (left_out, scores) in enumerate(parts.items(), start=1):
        if left_out:
            size = f" ({counted(int(tests[left_out]), 'architecture')})" if known(tests.get(left_out)) else ""
            blocks.append(Paragraph(f"Held out: {left_out}{size}."))
        name = f"{anchor}-{place}" if left_out else anchor
        blocks.append(Figures(tuple(_figures(results, left_out, scores, styles, name))))
        blocks.append(_standings(scores))
    blocks += _tables(results, parts)
    blocks += _tuned(results)
    title = f"Predictors on {results.benchmark}"
    best = {left_out: _leader(scores) for left_out, scores in parts.items()}
    sentences = tuple(_sentence(results, left_out, leader) for left_out, leader in best.items())
    facts = tuple(_fact(results, left_out, leader) for left_out, leader in best.items() if leader.taus)
    _interval.cache_clear()
    _weights.cache_clear()
    notes = (TRAINING_ORDERS if any(parts) else RANDOM_SPLITS, *NOTES)
    return Section(anchor, title, tuple(blocks), notes, sentences, facts)


def _tuned(results: Results) -> list[Block]:
    """What tuning chose, by predictor and training size, the most frequent first; nothing without tuning."""
    budget = mapping(results.settings.get("tuning"))
    if not budget:
        return []
    seconds, trials = number(budget.get("seconds")), number(budget.get("trials"))
    limits = [f"{seconds:g} s of wall time"] * math.isfinite(seconds) + [f"{trials:g} settings"] * math.isfinite(trials)
    chosen: dict[tuple[int, str], Counter[str]] = {}
    tried: dict[tuple[int, str], list[float]] = {}
    for record in results.records:
        place = (record["n_train"], record["predictor"])
        text = record.get("tuned")
        chosen.setdefault(place, Counter())[text if isinstance(text, str) else "(nothing to tune)"] += 1
        tried.setdefault(place, []).append(number(record.get("tune_trials")))
    rows = []
    for place, counts in sorted(chosen.items(), key=lambda item: item[0][0]):
        size, name = place
        for text, count in counts.most_common():
            rows.append((f"{size:,}", name, f"{np.mean(tried[place]):.1f}", text, str(count)))
    caveat = " What is reached in it depends on the machine and its load." if math.isfinite(seconds) else ""
    return [
        Paragraph(
            "Before each fit, predictors were tuned by cross-validation within their training set, for at most "
            f"{listed(limits) if limits else 'an unknown budget'} each; the defaults were the first of the settings "
            f"that were tried.{caveat}"
        ),
        TextTable(
            "What tuning chose",
            ("training architectures", "predictor", "settings tried, mean", "chosen", "fits (n)"),
            tuple(rows),
            folded=True,
        ),
    ]


def _protocol(results: Results, sizes: Sequence[int]) -> str:
    """The protocol that has a name of its own, and the share of functions that are learnt from and tested."""
    text = PROTOCOLS.get(str(results.settings.get("protocol")), "")
    shares = []
    for size in sizes:
        recorded = [number(row.get("shared_functions")) for row in results.records if row["n_train"] == size]
        shares.append(float(np.mean(recorded)))
    if not any(share > 0 for share in shares):
        return text
    told = [f"{share:.1%} (n = {size:,})" for share, size in zip(shares, sizes, strict=True)]
    return f"{text} The training set has the function of {listed(told)} of the test architectures."


def _sentence(results: Results, left_out: str, leader: Leader) -> str:
    """Which predictor ranks best at the largest training size, if the splits can tell."""
    size, taus, equal, ties = leader
    held_out = f"held out: {left_out}; " if left_out else ""
    if not taus:
        return f"No predictor has a rank correlation on every split ({held_out}predictions are constant)."
    mean, low, high = _interval_of(taus, equal)
    tau = format_interval(mean, low, high)
    of = f"{_splits(results, len(taus[equal[0]]), '')}{', 95 % bootstrap interval' if math.isfinite(low) else ''}"
    found = f"Kendall tau of {tau} on held-out cells ({held_out}n = {of})"
    text = f"From {counted(size, 'trained cell')}, "
    others = [name for name in taus if name not in equal]
    if not others:
        return f"{text}{equal[0]} has a {found}." if len(equal) == 1 else f"{text}all have the same mean {found}."
    if len(equal) > 1:
        text += f"{listed(equal)} share the highest mean {found}"
    else:
        text += f"{equal[0]} {'has the highest mean' if ties else 'predicts the ranking best, with a'} {found}"
    text += f", followed by {others[0]} with {format_interval(*interval(taus[others[0]]))}"
    return f"{text}; not distinguishable from {listed(ties)}." if ties else f"{text}."


def _fact(results: Results, left_out: str, leader: Leader) -> Fact:
    """The predictor that ranks best as a key figure."""
    size, taus, equal, ties = leader
    mean, low, high = _interval_of(taus, equal)
    n = f"{_splits(results, len(taus[equal[0]]), '')}, {counted(size, 'training cell')}"
    note = f"τ = {mean:.2f}, {interval_note(low, high, n)}"
    name, value = "rank correlation", listed(equal)
    if 1 < len(taus) == len(equal):
        name, value = f"mean {name}", "equal for all"
    elif len(taus) > 1:
        name = f"highest mean {name}" if ties or len(equal) > 1 else "best predictor"
        note += f"; not distinguishable from {listed(ties)}" if ties else ""
    return Fact(f"{name}, held out: {left_out}" if left_out else name, value, note)


def _interval_of(taus: Mapping[str, FloatArray], equal: Sequence[str]) -> tuple[float, float, float]:
    """The highest mean with its interval; without one where predictors share it, as their intervals differ."""
    mean, low, high = interval(taus[equal[0]])
    return (mean, low, high) if len(equal) == 1 else (mean, math.nan, math.nan)


def collect(results: Results) -> dict[str, Scores]:
    """Scores by the name of what was held out; `""` for random splits."""
    grouped: dict[str, dict[tuple[str, int], list[Mapping[str, Any]]]] = {}
    for record in results.records:
        part = grouped.setdefault(str(record.get("left_out") or ""), {})
        part.setdefault((record["predictor"], record["n_train"]), []).append(record)
    return {
        left_out: {key: _columns(sorted(rows, key=lambda row: int(row["seed"]))) for key, rows in part.items()}
        for left_out, part in grouped.items()
    }


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, FloatArray]:
    """Each score of records in their order, NaN where it is no finite number."""
    columns = {}
    for score in SCORES | TOP_SCORES:
        values = [row.get(score) for row in rows]
        column = np.array([value if type(value) is float else number(value) for value in values])
        columns[score] = np.where(np.isfinite(column), column, np.nan)
    return columns


def interval(values: FloatArray) -> tuple[float, float, float]:
    """Mean and 95 % bootstrap interval without NaN; NaN without values, and a NaN interval where they do not vary."""
    values = values[np.isfinite(values)]
    if not len(values):
        return math.nan, math.nan, math.nan
    if not vary(values):
        return float(values.mean()), math.nan, math.nan
    return _interval(values.tobytes())


@lru_cache(maxsize=4096)
def _interval(values: bytes) -> tuple[float, float, float]:
    """The interval of finite float64 values; several figures and tables show the same."""
    array = np.frombuffer(values)
    low, high = percentile_ends(np.tensordot(_weights(len(array)), array, axes=1), len(array))
    return float(array.mean()), float(low), float(high)


@lru_cache(maxsize=1)
def _weights(n: int) -> FloatArray:
    """Weights of the resamples of `n` values: drawing them takes longer than everything else."""
    return resampling_weights(n, np.random.default_rng(0))


def _leader(scores: Scores) -> Leader:
    """The predictors with Kendall's tau on all splits of the largest training size."""
    size = max(size for _, size in scores)
    ranking = _ranking(scores, size)
    if ranking is None:
        return Leader(size, {}, [], [])
    equal = leading(ranking)
    return Leader(
        size,
        {name: scores[name, size]["kendall_tau"] for name in ranking["order"]},
        equal,
        [name for name in undistinguished(ranking) if name not in equal],
    )


def _ranking(scores: Scores, size: int) -> Mapping[str, Any] | None:
    """The fields of the ranking at a training size; None where no predictor has Kendall's tau on all splits."""
    taus = {name: values["kendall_tau"] for (name, n), values in scores.items() if n == size}
    ranking = rank_predictors(taus, np.random.default_rng(0))
    return asdict(ranking) if ranking else None


def _standings(scores: Scores) -> Lines:
    """For each training size who leads, and who cannot be told apart from it."""
    sizes = sorted({size for _, size in scores})
    known_sizes = {size: ranking for size in sizes if (ranking := _ranking(scores, size))}
    return Lines(tuple(f"n = {size:,}: {standing(ranking)}." for size, ranking in known_sizes.items()))


def _splits(results: Results, n: int, random: str = "random ") -> str:
    """`4 random splits`, or what differs between the fits where the held-out part was given."""
    if any(record.get("left_out") for record in results.records):
        return counted(n, "order of the training architectures", "orders of the training architectures")
    return counted(n, f"{random}split")


def _figures(results: Results, left_out: str, scores: Scores, styles: Mapping[str, Style], anchor: str) -> list[Figure]:
    sizes = sorted({size for _, size in scores})
    place = {size: float(position) for position, size in enumerate(sizes)}
    trained = Axis("training architectures", categories=tuple(f"{size:,}" for size in sizes))
    held_out = f", held out: {left_out}" if left_out else ""
    figures: list[Figure] = []
    for score, title, axis, goal in (
        ("kendall_tau", "Rank correlation", "Kendall tau", None),
        ("r2", "Explained variance", "R²", None),
        ("rmse", "Error", titled("RMSE", difference(results.units)), None),
        ("coverage_90", "Calibration", "share inside the 90 % interval", 0.9),
    ):
        marks: list[Mark] = []
        splits, drawn, varied = 0, [], False
        across = np.array([-0.5, len(sizes) - 0.5])
        if goal is not None:
            style = Style(GREY, "dash")
            marks.append(Line(across, np.full(2, goal), style, "ideal coverage (0.9)", width=1.5, silent=True))
        ceiling = "" if left_out or score != "kendall_tau" else _ceiling(results)
        if ceiling:
            tau = number(mapping(results.summary["noise_ceiling"])["tau"])
            marks.append(Line(across, np.full(2, tau), Style(GREY, "dot"), "noise ceiling", width=1.5, silent=True))
        baseline = _best_baseline(results, left_out) if score == "kendall_tau" else None
        if baseline:
            alone, tau = baseline
            marks.append(Line(across, np.full(2, tau), Style(GREY, "dash"), f"{alone} alone", width=1.5, silent=True))
        names = list(dict.fromkeys(name for name, _ in scores))
        for turn, name in enumerate(names):
            rows = [(size, *interval(scores[name, size][score])) for size in sizes if (name, size) in scores]
            rows = [row for row in rows if math.isfinite(row[1])]
            if not rows:
                marks.append(Line(np.empty(0), np.empty(0), styles[name], name))  # to keep its place in the legend
                continue
            drawn.append(name)
            splits = max([splits, *(int(np.isfinite(scores[name, size][score]).sum()) for size, *_ in rows)])
            _, y, low, high = np.array(rows, dtype=np.float64).T
            varied = varied or bool(np.isfinite(low).any())
            # Shifted sideways, so that intervals at the same size do not overlap.
            shift = (turn - (len(names) - 1) / 2) * min(0.06, 0.7 / len(names))
            x = np.array([place[size] + shift for size, *_ in rows])
            hover = tuple(f"{name}, {counted(size, 'training architecture')}" for size, *_ in rows)
            marks.append(Line(x, y, styles[name], name, silent=True))
            marks.append(Points(x, y, styles[name], name, low, high, size=7, hover=hover))
        if not splits:
            continue
        whiskers = "; whiskers are 95 % bootstrap intervals of the mean" if varied else ""
        caption = f"Mean over n = {_splits(results, splits)}{whiskers}."
        constant = [name for name in names if name not in drawn]
        if constant:
            caption += f" Undefined for the constant predictions of {', '.join(constant)}."
        if baseline:
            caption += f" {baseline[0]} alone, without labels: {baseline[1]:.2f}."
        caption += ceiling
        name = f"{anchor}-{score.replace('_', '-')}"
        figures.append(Plot(name, f"{title}{held_out}", caption, tuple(marks), trained, Axis(axis)))
    return figures


def _tables(results: Results, parts: Mapping[str, Scores]) -> list[TextTable]:
    """All scores, and those of the top of the ranking if they were recorded."""
    over = "orders" if any(parts) else "splits"
    how = f"mean over {over} [95 % bootstrap interval]"
    tables = [
        _table(results, parts, SCORES, f"All scores: {how}"),
        _table(results, parts, TOP_SCORES, f"Top of the ranking: {how}"),
    ]
    shown = [table for table in tables if len(table.header) > 3 + any(parts)]
    alone = [
        (*([left_out] if any(parts) else []), name, format_interval(tau, low, high))
        for left_out in parts
        for name, tau, low, high in _baselines(results, left_out)
    ]
    header = (*(["held out"] if any(parts) else []), "number", f"Kendall tau, {how}")
    return shown + [TextTable("One number alone, without labels", header, tuple(alone), folded=True)] * bool(alone)


def _baselines(results: Results, left_out: str) -> list[tuple[str, float, float, float]]:
    """Name, tau and the ends of its interval of single numbers, those first that rank best, whichever way."""
    found = []
    for row in results.summary.get("baselines") or ():
        if str(row.get("left_out") or "") == left_out:
            tau, low, high = (number(mapping(row["kendall_tau"]).get(end)) for end in ("mean", "low", "high"))
            found.append((str(row["name"]), tau, low, high))
    return found


def _best_baseline(results: Results, left_out: str) -> tuple[str, float] | None:
    """The single number that ranks best, and the size of its tau."""
    found = _baselines(results, left_out)
    return (found[0][0], abs(found[0][1])) if found else None


def _ceiling(results: Results) -> str:
    """What the noise ceiling of the random splits is; empty if unknown."""
    found = mapping(results.summary.get("noise_ceiling"))
    tau, low, high = (number(found.get(name)) for name in ("tau", "low", "high"))
    if not math.isfinite(tau):
        return ""
    architectures = number(found.get("architectures"))
    n = f", from {counted(int(architectures), 'architecture')} trained twice or more" if known(architectures) else ""
    return f" Noise ceiling, tau of the expected values with the targets: {format_interval(tau, low, high)}{n}."


def _table(results: Results, parts: Mapping[str, Scores], titles: Mapping[str, str], caption: str) -> TextTable:
    every = [values for scores in parts.values() for values in scores.values()]
    columns = [score for score in titles if any(np.isfinite(values[score]).any() for values in every)]
    rows = []
    for left_out, scores in parts.items():
        for (name, size), values in sorted(scores.items(), key=lambda item: item[0][1]):
            n = max(int(np.isfinite(values[score]).sum()) for score in titles)
            cells = [format_interval(*interval(values[score]), DIGITS.get(score, 2)) for score in columns]
            rows.append((*([left_out] if any(parts) else []), f"{size:,}", name, str(n), *cells))
    units = dict.fromkeys(("rmse", "regret_at_10"), difference(results.units))
    names = [titled(titles[score], units.get(score, "")) for score in columns]
    over = "orders" if any(parts) else "splits"
    header = (*(["held out"] if any(parts) else []), "training architectures", "predictor", f"{over} (n)", *names)
    return TextTable(caption, header, tuple(rows))
