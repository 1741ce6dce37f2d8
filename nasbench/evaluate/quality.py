"""What a run is worth: the incumbent at the epochs that were paid for, and its regret on validation and test data.

The incumbent is the best trial at the highest fidelity that has finished so far. Its worth is what it has at the epochs
that it was trained for (`"paid"`), or what it would have after a full training that nobody pays for, the convention of
the field (`"retrained"`). With several objectives the worth is the hypervolume of the trials that no other beats.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from nasbench.search.pareto import hypervolume, non_dominated
from nasbench.simulator.evaluator import Evaluator, TabulatedEvaluator
from nasbench.simulator.simulate import Run
from nasbench.types import BoolArray, FloatArray, IntArray

Score: TypeAlias = Literal["paid", "retrained"]
"""At which epochs incumbents are scored."""
SHARE_ROUNDING = 2.0**-32
"""Rounding of a share of hypervolume: a sum of up to a million boxes, each known to 2^-52 of the whole."""


SEED_POLICIES = {
    "mean": "Strategies saw validation values that are means over training seeds",
    "draw": (
        "Strategies saw validation values of one training seed, drawn for each architecture and repeat, "
        "and regrets are those of the means over seeds"
    ),
}
"""What a seed policy means, for who reads results."""


class Regret(NamedTuple):
    """One of the two regrets of a comparison.

    Attributes:
        field: Its field in a record.
        title: Its name in texts.
        prefix: Beginning of its entries in a summary.
        meaning: What a ranking by it says.
    """

    field: str
    title: str
    prefix: str
    meaning: str

    @property
    def slug(self) -> str:
        """Beginning of the names of its figures."""
        return self.prefix.replace("_", "-")


REGRETS = (
    Regret("regret", "test regret", "", "how good the chosen architectures are"),
    Regret("valid_regret", "validation regret", "valid_", "how well each strategy does what it is asked to do"),
)


@dataclass(frozen=True)
class Standing:
    """Trials that changed what a run would return: `k` of its `n`, in order.

    Attributes:
        trials: Their numbers, from 0; shape `(k,)`.
        positions: The fidelity each reached; shape `(k,)`.
        valid: Validation scores, more is better; shape `(k, objectives)`.
        test: Test scores, NaN where missing; same shape.
        retrain_epochs: Epochs that a full training would add to each; shape `(k,)`.
        retrain_seconds: The simulated time of these; shape `(k,)`.
        epochs: Epochs paid for after each of all trials; shape `(n,)`.
        seconds: Simulated time after each of all trials; shape `(n,)`.
    """

    trials: IntArray
    positions: IntArray
    valid: FloatArray
    test: FloatArray
    retrain_epochs: IntArray
    retrain_seconds: FloatArray
    epochs: IntArray
    seconds: FloatArray


class Bounds(NamedTuple):
    """Worst and best scores of each objective; shape `(objectives,)`. One on which all agree decides nothing."""

    worst: FloatArray
    best: FloatArray

    def share(self, front: FloatArray) -> float:
        """Hypervolume of points `(n, objectives)`, as a share of that of the best scores together."""
        differ = self.best > self.worst
        scaled = np.where(differ, (front - self.worst) / np.where(differ, self.best - self.worst, 1.0), 1.0)
        return hypervolume(scaled, np.zeros(len(differ)))


@dataclass(frozen=True)
class Best:
    """What regrets are measured against.

    Attributes:
        valid: Largest worth on validation data.
        test: Largest worth on test data.
        perfect_test: Worth on test data of what a perfect search on validation data returns; NaN where unknown.
        whole_space: Whether all of the space was looked at, and not only what the strategies found.
        valid_bounds: Of the scores on validation data; None with one objective.
        test_bounds: Of the scores on test data; None with one objective.
    """

    valid: float
    test: float
    perfect_test: float
    whole_space: bool
    valid_bounds: Bounds | None = None
    test_bounds: Bounds | None = None


def standing(run: Run, evaluator: Evaluator, score: Score) -> Standing:
    """The trials that changed what a run would return.

    Args:
        run: Its scores decide which trials these are.
        evaluator: Scores them. After a run on a noise draw it is the one of means: what is found is worth its mean.
        score: At which epochs they are scored.
    """
    possible = complete_rows(run.scores)
    if evaluator.constraints:
        possible &= evaluator.feasible(evaluator.genotypes(run.rows))
    single = run.scores.shape[1] == 1
    trials = incumbents(run.positions, run.scores[:, 0], possible) if single else _entering(run, possible)
    last = len(evaluator.fidelities) - 1
    valid, test, more_epochs, more_seconds = [], [], [], []
    for trial in trials.tolist():
        row, position = int(run.rows[trial]), int(run.positions[trial])
        at = position if score == "paid" else last
        valid.append(evaluator.scores(row, at))
        test.append(evaluator.test(row, at))
        continued = evaluator.resumable and position < last
        full, reached = evaluator.fidelities[last], evaluator.fidelities[position]
        more_epochs.append(0 if position == last else full - reached if continued else full)
        before = evaluator.seconds(row, position) if continued else 0.0
        more_seconds.append(0.0 if position == last else max(evaluator.seconds(row, last) - before, 0.0))
    shape = (len(trials), run.scores.shape[1])
    return Standing(
        trials=trials,
        positions=run.positions[trials],
        valid=np.array(valid).reshape(shape),
        test=np.array(test).reshape(shape),
        retrain_epochs=np.array(more_epochs, dtype=np.int64),
        retrain_seconds=np.array(more_seconds, dtype=np.float64),
        epochs=run.epochs,
        seconds=run.seconds,
    )


def incumbents(positions: IntArray, scores: FloatArray, possible: BoolArray) -> IntArray:
    """Trials `(k,)` that became the incumbent: the first at a higher fidelity, or better than all at the highest.

    Args:
        positions: Fidelity of each trial; shape `(n,)`.
        scores: More is better; shape `(n,)`.
        possible: Which trials may be an incumbent; shape `(n,)`.
    """
    rows = np.flatnonzero(possible)
    _, fidelity = np.unique(positions[rows], return_inverse=True)
    _, rank = np.unique(scores[rows], return_inverse=True)
    value = fidelity * (len(rows) + 1) + rank  # in the order of fidelity, then of score
    best = np.maximum.accumulate(np.concatenate([[-1], value]))
    entering: IntArray = rows[value > best[:-1]]
    return entering


def _entering(run: Run, possible: BoolArray) -> IntArray:
    """Trials that no earlier one at the highest fidelity so far beats or equals."""
    entering: list[int] = []
    front, highest = run.scores[:0], -1
    for trial in np.flatnonzero(possible).tolist():
        position, point = int(run.positions[trial]), run.scores[trial]
        if position > highest:
            front, highest = run.scores[:0], position
        if position == highest and not (front >= point).all(axis=1).any():
            front = np.concatenate([front[~(point >= front).all(axis=1)], point[None]])
            entering.append(trial)
    return np.array(entering, dtype=np.int64)


def worth(found: Standing, best: Best) -> tuple[FloatArray, FloatArray]:
    """Worth on validation and on test data after each change; each of shape `(k,)`, more is better."""
    if best.valid_bounds is None or best.test_bounds is None:
        return found.valid[:, 0], found.test[:, 0]
    valid, test = np.empty(len(found.trials)), np.empty(len(found.trials))
    for last in range(len(found.trials)):
        rows = np.flatnonzero(found.positions[: last + 1] == found.positions[: last + 1].max())
        rows = rows[non_dominated(found.valid[rows])]
        valid[last] = best.valid_bounds.share(found.valid[rows])
        known = np.isfinite(found.test[rows]).all()
        test[last] = best.test_bounds.share(found.test[rows]) if known else math.nan
    return valid, test


def best_of_space(evaluator: TabulatedEvaluator) -> Best:
    """The best that a full training gives, over all architectures that meet the constraints."""
    valid, test = (scores[:, -1, evaluator.meets].T for scores in (evaluator.valid, evaluator.tested))
    return _best(valid, test, whole_space=True)


def best_found(standings: Iterable[Standing]) -> Best:
    """The best that any of several runs found."""
    runs = list(standings)
    valid, test = (np.concatenate([getattr(run, split) for run in runs]) for split in ("valid", "test"))
    return _best(valid, test, whole_space=False)


def complete_rows(scores: FloatArray) -> BoolArray:
    """Which of `(n, objectives)` scores are all finite; shape `(n,)`."""
    finite: BoolArray = np.logical_and.reduce(np.isfinite(scores), axis=1)
    return finite


def _best(valid: FloatArray, test: FloatArray, whole_space: bool) -> Best:
    known, tested = complete_rows(valid), complete_rows(test)
    if not known.any():
        return Best(math.nan, math.nan, math.nan, whole_space)
    if valid.shape[1] == 1:
        perfect = known & (valid[:, 0] == valid[known, 0].max())
        best_test = float(test[tested, 0].max()) if tested.any() else math.nan
        return Best(float(valid[known, 0].max()), best_test, float(test[perfect, 0].mean()), whole_space)
    valid_bounds = Bounds(valid[known].min(axis=0), valid[known].max(axis=0))
    test_bounds = Bounds(test[tested].min(axis=0), test[tested].max(axis=0)) if tested.any() else valid_bounds
    front = np.flatnonzero(known)[non_dominated(valid[known])]
    seen = front[tested[front]]
    return Best(
        valid_bounds.share(valid[front]),
        test_bounds.share(test[tested]) if tested.any() else math.nan,
        test_bounds.share(test[seen]) if len(seen) else math.nan,
        whole_space,
        valid_bounds,
        test_bounds,
    )


def excess(found: Standing, best: Best, score: Score) -> str | None:
    """By how much a run is worth more than the best of the whole space, which cannot be; None where it is not.

    The regret of a full training is never negative, apart from rounding of hypervolumes: an architecture has one value,
    its mean over seeds or its prediction, and the best of all these is known. Values above were changed or mixed in the
    run. A shorter training is not looked at: it may beat all full ones, where these overfit. The best that was found
    says nothing either: it is at least as good as each run by its definition.
    """
    if not best.whole_space:
        return None
    full = np.ones(len(found.trials), dtype=bool) if score == "retrained" else found.retrain_epochs == 0
    rounding = 0.0 if best.valid_bounds is None else SHARE_ROUNDING
    for what, values, most in zip(("validation", "test"), worth(found, best), (best.valid, best.test), strict=True):
        above = np.flatnonzero(full & (values > most + rounding))
        if len(above):
            trial, value = int(found.trials[above[0]]) + 1, float(values[above[0]])
            return f"after {trial} evaluations by {value - most:.3g} on {what} data"
    return None


def records(found: Standing, best: Best, evaluator: Evaluator, score: Score, **names: Any) -> list[dict[str, Any]]:
    """One record for each trial at which the worth changed, and the last; `compare` says what they hold."""
    valid, test = worth(found, best)
    sign = evaluator.objectives[0].sign if best.valid_bounds is None else 1.0
    changes: list[tuple[int, int]] = list(enumerate(found.trials.tolist()))
    last = len(found.epochs) - 1  # -1 where nothing finished within the budget
    if not changes or changes[-1][1] != last:
        changes.append((len(changes) - 1, last))
    rows = []
    for change, trial in changes:
        nothing = change < 0  # no training has succeeded so far
        row = {
            **names,
            "evaluations": trial + 1,
            "epochs": int(found.epochs[trial]) if trial >= 0 else 0,
            "simulated_seconds": (
                math.nan if not evaluator.has_costs else float(found.seconds[trial]) if trial >= 0 else 0.0
            ),
            "valid": math.nan if nothing else sign * float(valid[change]),
            "test": math.nan if nothing else sign * float(test[change]),
            "regret": math.nan if nothing else best.test - float(test[change]),
            "valid_regret": math.nan if nothing else best.valid - float(valid[change]),
        }
        if score == "retrained":
            untimed = nothing or not evaluator.has_costs
            row["retrain_epochs"] = 0 if nothing else int(found.retrain_epochs[change])
            row["retrain_seconds"] = math.nan if untimed else float(found.retrain_seconds[change])
        rows.append(row)
    return rows


def described(best: Best, objectives: Sequence[Any]) -> dict[str, Any]:
    """Entries of a summary: the best worth, the floor of a perfect search, and the reference points."""
    sign = objectives[0].sign if best.valid_bounds is None else 1.0
    entries: dict[str, Any] = {
        "best_valid": sign * best.valid,
        "best_test": sign * best.test,
        "best_is": "the best of the whole space" if best.whole_space else "the best that any strategy found",
        "floor": best.test - best.perfect_test,
    }
    for name, bounds in (("valid_bounds", best.valid_bounds), ("test_bounds", best.test_bounds)):
        if bounds is not None:
            entries[name] = {
                objective.name: {"reference": objective.sign * worst, "best": objective.sign * top}
                for objective, worst, top in zip(objectives, *(b.tolist() for b in bounds), strict=True)
            }
    return entries
