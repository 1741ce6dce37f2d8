"""Which predictors cannot be told apart from the one with the highest mean Kendall tau, by training size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from nasbench.evaluate.statistics import Ranking, fewest_repeats, leading, rank, undistinguished
from nasbench.types import FloatArray

ROUNDING = 1e-9
"""Relative differences of scores up to this are those of one fit, repeated in another order of the same rows."""


def vary(values: FloatArray) -> bool:
    """Whether values `(n,)` differ: one value, or the same fit repeated, does not tell how much they vary."""
    return bool(np.ptp(values) > ROUNDING * np.abs(values).max())


def rank_predictors(taus: Mapping[str, FloatArray], rng: np.random.Generator, repeat: str = "split") -> Ranking | None:
    """Rank predictors by Kendall's tau, as strategies are ranked: paired, with signed-rank tests, Holm-corrected.

    Args:
        taus: For each predictor its tau on each split, NaN where undefined; shape `(splits,)`. Of fits that only repeat
            each other, the first counts.
        rng: Draws the bootstrap resamples.
        repeat: What the taus of a predictor differ by.

    Returns:
        The ranking of those that have a tau on every split; None if none has.
    """
    splits = max(map(len, taus.values()))
    complete = {name: values for name, values in taus.items() if len(values) == splits and np.isfinite(values).all()}
    if not complete:
        return None
    n = None if any(map(vary, complete.values())) else 1
    first = {name: values[:n] for name, values in complete.items()}
    return rank(first, rng, what="Kendall tau", direction="maximise", repeat=repeat)


def rankings(records: Sequence[Mapping[str, Any]], seed: int) -> list[dict[str, Any]]:
    """The ranking of the predictors for each training size, and for each held-out part, as JSON values.

    Args:
        records: As `evaluate` returns them.
        seed: Of the bootstrap.
    """
    groups: dict[tuple[str, int], dict[str, list[float]]] = {}
    for record in records:
        group = groups.setdefault((record.get("left_out", ""), record["n_train"]), {})
        group.setdefault(record["predictor"], []).append(record["kendall_tau"])
    found = []
    for (left_out, size), scores in groups.items():
        taus = {name: np.array(values, dtype=np.float64) for name, values in scores.items()}
        repeat = "order" if left_out else "split"
        ranking = rank_predictors(taus, np.random.default_rng(seed), repeat)
        place = {"n_train": size, **({"left_out": left_out} if left_out else {})}
        if ranking is None:
            statement = f"No predictor has a Kendall tau on every {repeat}: predictions are constant."
            found.append({**place, "statement": statement, "undistinguished": [], "ranking": None})
            continue
        fields = asdict(ranking)
        statement = fields.pop("statement")
        found.append({**place, "statement": statement, "undistinguished": undistinguished(fields), "ranking": fields})
    return found


def standing(
    ranking: Mapping[str, Any], best: str = "highest mean", has_one: str = "has a Kendall tau", repeat: str = "split"
) -> str:
    """Who leads a ranking (the fields of `Ranking`), and who cannot be told apart from it, in a few words.

    Args:
        ranking: The fields.
        best: What the first has.
        has_one: What a predictor has that alone is ranked.
        repeat: Name of a repeat.
    """
    first, *others = ranking["order"]
    equal = leading(ranking)
    ties = [name for name in undistinguished(ranking) if name not in equal]
    if not others:
        return f"{first} alone {has_one}"
    if len(equal) > len(others):
        return f"all have the same {best.partition(' ')[2]}"
    if not ties:
        return f"{first} is better than all others" if equal == [first] else f"{', '.join(equal)} share the {best}"
    has = "has" if equal == [first] else "share"
    text = f"{', '.join(equal)} {has} the {best}, not distinguishable from {', '.join(ties)}"
    needed = fewest_repeats(len(ranking["pairs"]), ranking["level"])
    return f"{text}; {needed} {repeat}s could tell" if ranking["repeats"] < needed else text
