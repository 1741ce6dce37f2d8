"""Statistics of repeated runs: bootstrap intervals, paired tests, and a ranking that says what it cannot tell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from nasbench.errors import InputError
from nasbench.types import FloatArray

EXACT = 200
"""Most pairs for which the signed-rank distribution is computed exactly."""


def bootstrap_interval(
    values: npt.ArrayLike, rng: np.random.Generator, confidence: float = 0.95, resamples: int = 2000
) -> tuple[FloatArray, FloatArray]:
    """Percentile bootstrap interval of the mean over the first axis (Efron, 1979), expanded for few repeats.

    Percentiles alone leave out that the variance is estimated: of five normal values a "95 %" interval would hold the
    mean in 82 % of cases. Expanded as by Hesterberg (2015, The American Statistician 69, 371-386), in 91 %.

    Args:
        values: Shape `(repeats, ...)`; the repeats are resampled as wholes, so a curve stays a curve.
        rng: Draws the resamples.
        confidence: Probability that the interval is meant to cover the mean with.
        resamples: Number of resamples.

    Returns:
        Lower and upper end, each of shape `(...)`; NaN where a value is NaN. Of a single repeat both are its value.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0 or not len(array):
        raise InputError(f"an interval needs values of at least one repeat, got shape {array.shape}")
    n = len(array)
    return percentile_ends(np.tensordot(resampling_weights(n, rng, resamples), array, axes=1), n, confidence)


def resampling_weights(n: int, rng: np.random.Generator, resamples: int = 2000) -> FloatArray:
    """Share of each of `n` repeats in each resample; shape `(resamples, n)`."""
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples) / n


def percentile_ends(drawn: FloatArray, n: int, confidence: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Ends of an expanded percentile interval, each `(...)`, of what `n` resampled repeats gave; see above.

    Args:
        drawn: Statistic of each resample; shape `(resamples, ...)`.
        n: Number of repeats.
        confidence: Probability that the interval is meant to cover the statistic with.
    """
    degrees = max(n - 1, 1)
    tail = stats.norm.sf(math.sqrt(n / degrees) * stats.t.isf((1 - confidence) / 2, degrees))
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    return low, high


def signed_rank(differences: npt.ArrayLike) -> tuple[float, float]:
    """Two-sided Wilcoxon signed-rank test that paired differences `(n,)` are symmetric about 0 (Wilcoxon, 1945).

    Zeros are left out and ties share their rank. Up to 200 differences the distribution of the rank sum, ties and all,
    is computed exactly; above, its normal approximation is used.

    Returns:
        Rank sum of the positive minus that of the negative differences, and the p-value (1 where all are zero).
    """
    d = np.asarray(differences, dtype=np.float64)
    d = d[d != 0]
    if not len(d):
        return 0.0, 1.0
    ranks = stats.rankdata(np.abs(d))
    positive, total = float(ranks[d > 0].sum()), float(ranks.sum())
    if len(d) > EXACT:
        p = stats.wilcoxon(d, zero_method="wilcox", correction=False, method="approx").pvalue
    else:
        chances = np.ones(1)  # of each doubled rank sum, which is whole even where ranks are tied
        for step in np.rint(2 * ranks).astype(int):
            chances = (np.pad(chances, (0, step)) + np.pad(chances, (step, 0))) / 2
        smaller = round(2 * min(positive, total - positive))
        p = min(1.0, 2 * chances[: smaller + 1].sum())
    return 2 * positive - total, float(p)


def holm(p_values: npt.ArrayLike) -> FloatArray:
    """Adjusted p-values `(m,)` that hold the chance of any false claim among `m` at the level (Holm, 1979)."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return adjusted


def friedman(values: npt.ArrayLike) -> float:
    """P-value of the hypothesis that `k` treatments `(n, k)` rank alike within each of `n` blocks (Friedman, 1937).

    Uses the chi-squared approximation, corrected for ties; 1 where all are tied everywhere.
    """
    ranks = stats.rankdata(np.asarray(values, dtype=np.float64), axis=1)
    n, k = ranks.shape
    spread = ((ranks - (k + 1) / 2) ** 2).sum() / (k - 1)
    if spread == 0:
        return 1.0
    between = ((ranks.sum(axis=0) - n * (k + 1) / 2) ** 2).sum()
    return float(stats.chi2.sf(between / spread, k - 1))


@dataclass(frozen=True)
class Pair:
    """Test between two strategies or predictors.

    Attributes:
        better: The one that the signed ranks favour.
        worse: The other.
        difference: Mean of better minus worse.
        p: Two-sided p-value of the signed-rank test.
        adjusted: The same, Holm-corrected over all pairs.
    """

    better: str
    worse: str
    difference: float
    p: float
    adjusted: float


@dataclass(frozen=True)
class Ranking:
    """Strategies or predictors in the order of their mean, best first, and what can be said about the order.

    Attributes:
        order: Names, best first.
        repeats: Values of each.
        means: Mean value of each.
        lows: Lower ends of the bootstrap intervals of the means.
        highs: Upper ends.
        mean_ranks: Mean over the repeats of the rank within the repeat (1 is best, ties share).
        friedman: P-value that all rank alike; None for fewer than three.
        pairs: The test of each pair.
        groups: Largest runs of neighbours in the order among whom no pair differs; each has at least two names.
        level: Chance of any false claim among the pairs.
        statement: All of this as one sentence.
    """

    order: tuple[str, ...]
    repeats: int
    means: dict[str, float]
    lows: dict[str, float]
    highs: dict[str, float]
    mean_ranks: dict[str, float]
    friedman: float | None
    pairs: tuple[Pair, ...]
    groups: tuple[tuple[str, ...], ...]
    level: float
    statement: str


def rank(
    final: Mapping[str, npt.ArrayLike],
    rng: np.random.Generator,
    *,
    level: float = 0.05,
    confidence: float = 0.95,
    what: str = "final regret",
    units: str = "",
    direction: Literal["minimise", "maximise"] = "minimise",
    repeat: str = "repeat",
) -> Ranking:
    """Rank strategies by a final value, or predictors by a score.

    Args:
        final: For each the value of each repeat, shape `(repeats,)`; equal repeats share initial designs, or a split,
            so they are compared as pairs.
        rng: Draws the bootstrap resamples.
        level: Chance of any false claim among all pairs.
        confidence: Of the bootstrap intervals.
        what: Name of the value in the statement.
        units: Unit of the value in the statement.
        direction: Which values are better.
        repeat: Name of a repeat in the statement.

    Raises:
        InputError: There is nothing to rank, numbers of repeats differ, or a value is not finite.
    """
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in final.items()}
    if not arrays:
        raise InputError("nothing to rank: give the final values of at least one strategy")
    repeats = {name: array.shape for name, array in arrays.items()}
    if len(set(repeats.values())) > 1 or any(len(shape) != 1 or not shape[0] for shape in repeats.values()):
        raise InputError(f"all need the same number of repeats, at least one; got shapes {repeats}")
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            row = int(np.argmin(np.isfinite(array)))
            raise InputError(f"values to rank must be finite: {name} repeat {row} is {array[row]}; leave it out")

    sign = 1 if direction == "minimise" else -1
    means = {name: math.fsum(array) / len(array) for name, array in arrays.items()}  # the same in any order of repeats
    order = tuple(sorted(arrays, key=lambda name: sign * means[name]))
    table = np.stack([arrays[name] for name in order], axis=1)  # (repeats, strategies)
    lows, highs = bootstrap_interval(table, rng, confidence)
    pairs = _pairs(order, table, sign)

    def by_name(numbers: FloatArray) -> dict[str, float]:
        return dict(zip(order, numbers.tolist(), strict=True))

    ranking = Ranking(
        order=order,
        repeats=len(table),
        means={name: means[name] for name in order},
        lows=by_name(lows),
        highs=by_name(highs),
        mean_ranks=by_name(stats.rankdata(sign * table, axis=1).mean(axis=0)),
        friedman=friedman(table) if len(order) > 2 else None,
        pairs=pairs,
        groups=_groups(order, {frozenset((p.better, p.worse)) for p in pairs if p.adjusted < level}),
        level=level,
        statement="",
    )
    mean = f"{'lowest' if direction == 'minimise' else 'highest'} mean"
    return replace(ranking, statement=_statement(ranking, confidence, what, units, mean, repeat))


def leading(ranking: Mapping[str, Any]) -> list[str]:
    """Names in a ranking (the fields of `Ranking`) with the best mean: several where theirs are equal."""
    return [name for name in ranking["order"] if ranking["means"][name] == ranking["means"][ranking["order"][0]]]


def undistinguished(ranking: Mapping[str, Any]) -> list[str]:
    """Names in a ranking (the fields of `Ranking`) that the first of the order is not significantly better than."""
    first, *others = ranking["order"]
    beaten = {p["worse"] for p in ranking["pairs"] if p["better"] == first and p["adjusted"] < ranking["level"]}
    return [name for name in others if name not in beaten]


def _pairs(order: Sequence[str], table: FloatArray, sign: int) -> tuple[Pair, ...]:
    tested = []
    for i, j in combinations(range(len(order)), 2):
        difference = table[:, i] - table[:, j]
        balance, p = signed_rank(sign * difference)
        tested.append((i, j, float(difference.mean()), p) if balance <= 0 else (j, i, -float(difference.mean()), p))
    adjusted = holm([p for *_, p in tested])
    return tuple(
        Pair(order[i], order[j], difference, p, float(q))
        for (i, j, difference, p), q in zip(tested, adjusted, strict=True)
    )


def _groups(order: Sequence[str], different: set[frozenset[str]]) -> tuple[tuple[str, ...], ...]:
    groups: list[tuple[str, ...]] = []
    reached = 0
    for start in range(len(order)):
        stop = start + 1
        while stop < len(order) and all(frozenset((name, order[stop])) not in different for name in order[start:stop]):
            stop += 1
        if stop - start > 1 and stop > reached:
            groups.append(tuple(order[start:stop]))
        reached = max(reached, stop)
    return tuple(groups)


def _statement(ranking: Ranking, confidence: float, what: str, units: str, extreme: str, repeat: str) -> str:
    """All of a ranking as one sentence; `extreme` is what the first has, the lowest or the highest mean."""
    order, means, n, pairs, level = ranking.order, ranking.means, ranking.repeats, ranking.pairs, ranking.level
    unit = f" {units}" if units else ""
    first = order[0]
    over = f"Over {n} paired {repeat if n == 1 else f'{repeat}s'}"
    interval = f"{confidence:.0%} bootstrap interval {ranking.lows[first]:.4g} to {ranking.highs[first]:.4g}"
    equal = leading(vars(ranking))
    verb = "has a mean" if len(order) == 1 else f"has the {extreme}" if len(equal) == 1 else f"have the {extreme}"
    head = (
        f"{over}, {_list(equal)} {verb} {what}, {means[first]:.4g}{unit} ({'a single value' if n == 1 else interval})"
    )
    if len(order) == 1:
        return f"{head}; there is nothing to compare it with."
    if len(equal) == len(order):
        return f"{over}, all have the same mean {what}, {means[first]:.4g}{unit}."
    method = (
        f"two-sided Wilcoxon signed-rank tests, Holm-corrected over {len(pairs)} "
        f"{'pair' if len(pairs) == 1 else 'pairs'}, level {level:g}"
    )
    if ranking.friedman is not None:
        method += f"; Friedman test of all: p = {ranking.friedman:.2g}"
    if n < (needed := fewest_repeats(len(pairs), level)):
        return f"{head}, but so few {repeat}s cannot show a difference beyond chance; {needed} could ({method})."
    better: list[str] = []
    worse: list[str] = []
    undecided: list[str] = []
    for other in order[1:]:
        pair = next(p for p in pairs if {p.better, p.worse} == {first, other})
        (undecided if pair.adjusted >= level else better if pair.better == first else worse).append(other)
    parts = []
    if better:
        parts.append(f"is better than {_list(better)}")
    if worse:
        parts.append(f"is worse by signed ranks than {_list(worse)}")
    if undecided:
        parts.append(f"cannot be told apart from {_list(undecided)}")
    return f"{head}; {'it' if len(equal) == 1 else first} {_list(parts)} ({method})."


def fewest_repeats(pairs: int, level: float = 0.05) -> int:
    """Fewest repeats with which any of several pairs can differ significantly: the least p-value of n is 2^(1 - n)."""
    return math.floor(1 + math.log2(pairs / level)) + 1


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
