"""Predictors on several tables: their ranks, and who cannot be told apart over tables (Demšar, JMLR 2006)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from scipy import stats

from nasbench.errors import InputError
from nasbench.evaluate.evaluation import Evaluation
from nasbench.evaluate.fit_ledger import FitLedger
from nasbench.evaluate.results import Results
from nasbench.evaluate.several import check_names, join
from nasbench.evaluate.statistics import rank, undistinguished
from nasbench.progress import Progress, silent
from nasbench.types import FloatArray

DIGITS = 9
"""Decimals of a mean tau: with more, rounding would decide between predictors that rank alike."""


def check_tables(evaluations: Sequence[Evaluation]) -> None:
    """Refuse evaluations that do not belong side by side.

    Raises:
        InputError: Two tables have one name, predictors or protocols differ, or held-out parts are given.
    """
    check_names([evaluation.benchmark.name for evaluation in evaluations])
    for evaluation in evaluations:
        if evaluation.given:
            raise InputError(
                "given or published parts differ in size from table to table; evaluate one table at a time"
            )
        if (evaluation.protocol, [*evaluation.predictors]) != (evaluations[0].protocol, [*evaluations[0].predictors]):
            raise InputError("tables are compared with the same predictors and the same protocol")


def evaluate_tables(
    evaluations: Sequence[Evaluation],
    *,
    strict: bool = False,
    progress: Progress = silent,
    warn: Callable[[str], None] = lambda reason: None,
    ledger: FitLedger | None = None,
) -> Results:
    """Score predictors on several tables, and rank them over tables.

    Every predictor is tried on every table before the long work begins.

    Args:
        evaluations: One of each table, as `Evaluation.plan` makes them.
        strict: Whether a predictor that fails ends all; otherwise it is left out of the table, and of the ranks.
        progress: Told about finished fits of all tables.
        warn: Told at once why a predictor is left out of a table.
        ledger: Keeps finished fits, and knows those of an earlier call.

    Returns:
        Results of kind `"evaluations"`; see `several.join`.

    Raises:
        InputError: As `check_tables`, or a table fails as by `evaluate`.
    """
    check_tables(evaluations)

    def told(evaluation: Evaluation) -> Callable[[str], None]:
        return lambda reason: warn(f"{evaluation.benchmark.name}: {reason}")

    hooks = [ledger.hooks(evaluation.benchmark.name) if ledger else {} for evaluation in evaluations]
    failed = [
        evaluation.try_out(strict, told(evaluation), kept.get("known"))
        for evaluation, kept in zip(evaluations, hooks, strict=True)
    ]
    parts: list[Results] = []
    total, done = sum(len(evaluation.fits) for evaluation in evaluations), 0
    for evaluation, reasons, kept in zip(evaluations, failed, hooks, strict=True):
        before = done

        def so_far(number: int, _: int, before: int = before) -> None:
            progress(before + number, total)

        parts.append(evaluation.run(reasons, strict=strict, progress=so_far, warn=told(evaluation), **kept))
        done += len(evaluation.fits)
    return joined(parts, evaluations[0].seed)


def joined(parts: Sequence[Results], seed: int) -> Results:
    """Results of several tables in one, with the ranks over tables (`table_ranks`) as `ranks` of the summary.

    Args:
        parts: Results of kind `"evaluation"`, of tables with different names.
        seed: Of the bootstrap.
    """
    return join(parts, {"ranks": table_ranks(parts, seed)})


def table_ranks(parts: Sequence[Results], seed: int) -> list[dict[str, Any]]:
    """Ranks of predictors over tables, for each training size that at least two tables have.

    On a table, predictors are ranked by their mean Kendall tau over the splits; an undefined one, of constant
    predictions, counts as 0: they order nothing. Over tables, mean ranks are compared by signed-rank tests of the
    differences of ranks, Holm-corrected, with the Friedman test of all; tables are resampled for the intervals.

    Args:
        parts: Results of kind `"evaluation"`.
        seed: Of the bootstrap.

    Returns:
        For each size `n_train`, the names of the `tables`, the mean tau of each predictor on each (`taus`), the
        predictors that are `left_out` as a table lacks them, the `ranking` (the fields of `statistics.Ranking`; its
        means are mean ranks), its `statement`, and those `undistinguished` from the first.
    """
    found = []
    for size in sorted({record["n_train"] for part in parts for record in part.records}):
        scored = {part.benchmark: _mean_taus(part, size) for part in parts}
        scored = {name: taus for name, taus in scored.items() if taus}
        if len(scored) < 2:
            continue
        every = list(dict.fromkeys(name for taus in scored.values() for name in taus))
        names = [name for name in every if all(name in taus for taus in scored.values())]
        row: dict[str, Any] = {"n_train": size, "tables": list(scored)}
        row["left_out"] = [name for name in every if name not in names]
        row["taus"] = {name: [taus[name] for taus in scored.values()] for name in names}
        if not names:
            statement = "No predictor was scored on every table."
            found.append({**row, "statement": statement, "undistinguished": [], "ranking": None})
            continue
        ranking = asdict(
            rank(
                dict(zip(names, _ranks(row["taus"]).T, strict=True)),
                np.random.default_rng(seed),
                what="rank",
                repeat="table",
            )
        )
        statement = ranking.pop("statement")
        found.append({**row, "statement": statement, "undistinguished": undistinguished(ranking), "ranking": ranking})
    return found


def _mean_taus(part: Results, size: int) -> dict[str, float]:
    """Mean tau over the splits by predictor, at a training size."""
    taus: dict[str, list[float]] = {}
    for record in part.records:
        if record["n_train"] == size:
            taus.setdefault(record["predictor"], []).append(record["kendall_tau"] or 0.0)
    return {name: float(np.mean(values)) for name, values in taus.items()}


def _ranks(taus: Mapping[str, Sequence[float]]) -> FloatArray:
    """Ranks `(tables, predictors)` within each table: 1 is the highest tau, ties share."""
    table = np.round(np.array(list(taus.values())).T, DIGITS)
    ranks: FloatArray = stats.rankdata(-table, axis=1)
    return ranks
