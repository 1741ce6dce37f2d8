"""A benchmark as an objective of Optuna, for one metric or several (Akiba et al., 2019)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from nasbench.benchmark.base import Answer, Benchmark, Epoch, Metric, SeedPolicy
from nasbench.errors import InputError, MissingExtraError
from nasbench.types import GenotypeArray

try:
    from optuna import TrialPruned
except ImportError as error:
    raise MissingExtraError("objectives for Optuna need it: pip install 'nasbench[optuna]'") from error

if TYPE_CHECKING:
    from optuna import Trial

CURVE: Literal["curve"] = "curve"
"""Value of `epoch` for an objective that reports every recorded epoch, so that a pruner can stop a trial."""


def objective(
    benchmark: Benchmark,
    metric: str | Sequence[str],
    *,
    epoch: Epoch | Literal["curve"] = "last",
    seed: SeedPolicy = "mean",
    report: Sequence[str] = (),
) -> Callable[[Trial], Any]:
    """A function for `study.optimize`: a trial chooses an architecture, the benchmark answers.

    `optuna.create_study(directions=directions(benchmark, metric))` creates a study with the right directions. The user
    attributes of a trial are `architecture` (its string), `train_seconds` (cost of its training; absent where not
    recorded) and the metrics in `report`. A trial whose choices are not an architecture, or whose value is missing, is
    pruned, with the `reason` as a user attribute: no number stands in for it.

    Args:
        benchmark: The benchmark that answers.
        metric: Metric to optimise, or several: validation metrics or costs.
        epoch: Finished epochs; `"curve"` reports each recorded epoch of the one metric and stops when the study's
            pruner says so, with the cost up to there.
        seed: Training seeds; a generator draws one training for each trial, to which all its numbers belong.
        report: Metrics that are stored but not optimised, such as test metrics.

    Raises:
        NotFoundError: There is no such metric.
        InputError: A metric belongs to the test split or has no direction, or several metrics have `epoch="curve"`.
    """
    wanted = _metrics(benchmark, metric)
    reported = [benchmark.metric(name) for name in report]
    several = not isinstance(metric, str)
    recorded = benchmark.recorded_epochs(wanted[0].path)
    if epoch == CURVE and (len(wanted) > 1 or not recorded):
        raise InputError("a curve is of one metric that has epochs; name one, or ask for an epoch")
    epochs: tuple[Epoch, ...] = recorded if epoch == CURVE else (epoch,)

    def ask(trial: Trial) -> Any:
        genotype = benchmark.space.optuna(trial)
        trial.set_user_attr("architecture", benchmark.space.to_string(genotype))
        training = _training(benchmark, genotype, wanted, seed)
        answers: list[Answer] = []
        for at in epochs:
            answers = [_answer(benchmark, genotype, each, at, training) for each in wanted]
            _store_cost(trial, answers)
            missing = next((answer for answer in answers if answer.reason is not None), None)
            if missing is not None:
                _prune(trial, f"{missing.metric} is missing: {missing.reason}")
            if epoch == CURVE and isinstance(at, int):
                trial.report(answers[0].value, at)
                if trial.should_prune():
                    _prune(trial, f"stopped by the pruner after {at} epochs")
        for each in reported:
            trial.set_user_attr(each.path, _answer(benchmark, genotype, each, "last", training).value)
        values = tuple(answer.value for answer in answers)
        return values if several else values[0]

    return ask


def directions(benchmark: Benchmark, metric: str | Sequence[str]) -> list[str]:
    """`maximize` or `minimize` for each metric; raises as `objective` does."""
    return ["maximize" if each.direction == "maximise" else "minimize" for each in _metrics(benchmark, metric)]


def _metrics(benchmark: Benchmark, metric: str | Sequence[str]) -> list[Metric]:
    wanted = [benchmark.metric(name) for name in ([metric] if isinstance(metric, str) else metric)]
    if not wanted:
        raise InputError("name at least one metric to optimise")
    for each in wanted:
        if each.split == "test":
            raise InputError(
                f"{each.path!r} is for judging a search, not for the search; optimise a validation metric, and record "
                f"this one with report=[{each.path!r}]"
            )
        if each.direction == "none":
            raise InputError(f"{each.path!r} has no direction, so it cannot be optimised; name another metric")
    return wanted


def _store_cost(trial: Trial, answers: Sequence[Answer]) -> None:
    """Store the training time of the first answer that has one."""
    cost = next((answer.cost for answer in answers if answer.cost == answer.cost), None)
    if cost is not None:
        trial.set_user_attr("train_seconds", cost)


def _prune(trial: Trial, reason: str) -> None:
    trial.set_user_attr("reason", reason)
    raise TrialPruned(reason)


def _training(
    benchmark: Benchmark, genotype: GenotypeArray, wanted: Sequence[Metric], seed: SeedPolicy
) -> int | Literal["mean"]:
    """The seed policy of one trial; a generator draws among the seeds of the first metric that has any."""
    if isinstance(seed, int | str):
        return seed
    seeded = next((each.path for each in wanted if benchmark.recorded_seeds(each.path)), None)
    drawn = benchmark.query(genotype, seeded, seed=seed).seeds if seeded else ()
    return drawn[0] if drawn else "mean"


def _answer(
    benchmark: Benchmark, genotype: GenotypeArray, metric: Metric, epoch: Epoch, seed: int | Literal["mean"]
) -> Answer:
    """The answer of the benchmark; metrics without seeds or epochs are queried without them."""
    at: Epoch = epoch if benchmark.recorded_epochs(metric.path) else "last"
    policy: SeedPolicy = seed if benchmark.recorded_seeds(metric.path) else "mean"
    return benchmark.query(genotype, metric.path, epoch=at, seed=policy)
