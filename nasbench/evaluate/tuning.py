"""Tuning of predictors by cross-validation within the training set, with Optuna (Akiba et al., 2019; Bergstra, 2011).

Rankings of predictors may turn round once all are tuned with the same budget (White et al., 2021; TabArena: Erickson et
al., 2025), so a comparison should say what was tuned.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nasbench.checks import check_number, check_whole
from nasbench.errors import InputError, MissingExtraError, NasbenchError
from nasbench.evaluate import metrics
from nasbench.parallel.patience import watched
from nasbench.predictors import Inputs, Predictor
from nasbench.predictors.ranges import LogRange, OneOf, Range, WholeRange
from nasbench.types import FloatArray

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

FOLDS = 5
"""Maximum number of folds of a cross-validation."""
MAX_REPEATS = 50
"""Proposals in a row that were made before, after which a small range counts as searched."""
DIGITS = 3
"""Significant digits of tuned numbers, so that a specification can be read and typed."""


@dataclass(frozen=True)
class TuningBudget:
    """What the tuning of one fit may cost; the first limit that is reached ends it.

    Attributes:
        seconds: Wall time. What is reached in it depends on the machine and its load.
        trials: Settings that are tried, the defaults included. By itself it makes tuning repeatable.

    Raises:
        InputError: Both are None, or one is not a positive number.
        MissingExtraError: Optuna is not installed.
    """

    seconds: float | None = None
    trials: int | None = None

    def __post_init__(self) -> None:
        """Check the limits, and that Optuna is there."""
        if self.seconds is None and self.trials is None:
            raise InputError("tuning needs a limit; give seconds, trials or both")
        if self.seconds is not None:
            check_number("tuning seconds", self.seconds, above=0)
        if self.trials is not None:
            check_whole("tuning trials", self.trials, 1)
        try:
            import optuna  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("tuning predictors needs Optuna: pip install 'nasbench[optuna]'") from error

    @property
    def note(self) -> str:
        """Whether another machine would choose the same."""
        if self.seconds is None:
            return "repeatable"
        return "limited by wall time: what is chosen depends on the machine and its load"


class Tuned(NamedTuple):
    """What tuning found.

    Attributes:
        arguments: Constructor arguments that are chosen, those that differ from the predictor as it was given.
        trials: Settings whose cross-validation was finished; 0 where there was nothing to choose from, or no time.
        failed: Settings with which the predictor refused to fit or predict.
    """

    arguments: dict[str, Any]
    trials: int
    failed: int


class Held(NamedTuple):
    """How well a predictor predicts held-out training cells: larger is better, ties of the first by the second.

    Attributes:
        tau: Kendall's tau over all folds; 0 for constant predictions, which order nothing.
        accuracy: Minus the root mean squared error, in the unit of the targets.
    """

    tau: float
    accuracy: float


def tunable_of(predictor: Predictor, fixed: frozenset[str] = frozenset()) -> dict[str, Range]:
    """Arguments of a predictor that may be tuned, by name, without those that are fixed.

    Raises:
        InputError: The class declares an argument that it does not have, or a range without the present value.
    """
    arguments, name = predictor.get_params(), type(predictor).__name__
    found = {argument: choice for argument, choice in predictor.tunable.items() if argument not in fixed}
    for argument, choice in found.items():
        if argument not in arguments:
            raise InputError(f"{name} declares {argument!r} as tunable, but has no such argument")
        if arguments[argument] not in choice:
            raise InputError(f"{name} is tuned from {argument}={arguments[argument]!r}, which is not in {choice}")
    return found


def tune(
    predictor: Predictor,
    inputs: Inputs,
    targets: FloatArray,
    budget: TuningBudget,
    *,
    fixed: frozenset[str] = frozenset(),
    seed: int = 0,
) -> Tuned:
    """Choose constructor arguments by the predictions of held-out cells, of those given and of no others.

    The first settings are those of the predictor itself, and the best are taken, so a choice is never worse within the
    training set. Others are proposed by a tree-structured Parzen estimator.

    Args:
        predictor: An unfitted predictor; it stays so.
        inputs: The `n` training architectures.
        targets: Their targets; shape `(n,)`.
        budget: When to stop. Time is looked at between fits: the last one may take longer.
        fixed: Arguments that stay as they are.
        seed: Seed of the folds and of the proposals.

    Raises:
        InputError: The predictor cannot be fitted as it is, or declares ranges that do not fit it.
    """
    begin = perf_counter()
    choices = tunable_of(predictor, fixed)
    folds = min(FOLDS, len(targets))
    if not choices or len(targets) - -(-len(targets) // folds) < predictor.min_samples:
        return Tuned({}, 0, 0)
    fold = np.random.default_rng(seed).permutation(len(targets)) % folds
    once = inputs.encoded_once

    def held_out(candidate: Predictor) -> Held | None:
        """The quality of a predictor; None where the time is up."""
        mean = np.empty(len(targets))
        for number in range(folds):
            if budget.seconds is not None and perf_counter() - begin >= budget.seconds:
                return None
            outside = fold == number
            watched("fit", candidate.fit)(once[~outside], targets[~outside])
            mean[outside] = watched("prediction", candidate.predict)(once[outside]).mean
        tau = metrics.kendall_tau(targets, mean)
        return Held(0.0 if math.isnan(tau) else tau, -metrics.rmse(targets, mean))

    with _quiet():
        return _search(predictor, choices, held_out, budget.trials, seed)


def changed(predictor: Predictor, arguments: dict[str, Any]) -> Predictor:
    """An unfitted predictor with some arguments in the place of its own, that keeps what it learnt from other tables.

    Raises:
        InputError: It would read other inputs.
    """
    candidate = copy(predictor).set_params(**arguments)
    if candidate.needs != predictor.needs:
        raise InputError(f"{type(predictor).__name__} must not read other inputs when it is tuned")
    return candidate


def _search(
    predictor: Predictor,
    choices: dict[str, Range],
    held_out: Callable[[Predictor], Held | None],
    trials: int | None,
    seed: int,
) -> Tuned:
    """The best of proposals, of which the first is the predictor as it is; until one has no quality, or `trials`."""
    import optuna

    distributions = {argument: _distribution(choice) for argument, choice in choices.items()}
    given = {argument: predictor.get_params()[argument] for argument in choices}
    first = held_out(changed(predictor, {}))
    if first is None:
        return Tuned({}, 0, 0)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.add_trial(optuna.trial.create_trial(params=given, distributions=distributions, value=first.tau))
    known: dict[str, Held | None] = {_text(given): first}
    best, chosen, failed, repeated = first, given, 0, 0
    while (trials is None or len(known) < trials) and repeated < MAX_REPEATS and len(known) < _number(choices):
        trial = study.ask(distributions)
        proposed = {argument: _rounded(trial.params[argument], choice) for argument, choice in choices.items()}
        text = _text(proposed)
        repeated = repeated + 1 if text in known else 0
        if text not in known:
            candidate = changed(predictor, proposed)
            try:
                quality = held_out(candidate)
            except NasbenchError:  # such as a singular covariance: these settings are no good
                known[text], failed = None, failed + 1
            else:
                if quality is None:
                    break
                known[text] = quality
        found = known[text]
        if found is None:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            continue
        study.tell(trial, found.tau)
        if found > best:
            best, chosen = found, proposed
    other = {argument: value for argument, value in chosen.items() if value != given[argument]}
    return Tuned(other, len(known) - failed, failed)


def specification(name: str, arguments: dict[str, Any]) -> str:
    """A predictor by its name with further arguments, as the command line takes it.

    >>> specification("xgb", {"depth": 5, "features": "onehot"})
    'xgb+depth=5+features="onehot"'
    """
    return "+".join([name, *(f"{argument}={json.dumps(value)}" for argument, value in arguments.items())])


def _distribution(choice: Range) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(choice, WholeRange):
        return IntDistribution(choice.least, choice.most)
    if isinstance(choice, LogRange):
        return FloatDistribution(choice.least, choice.most, log=True)
    return CategoricalDistribution(choice.values)


def _rounded(value: Any, choice: Range) -> Any:
    """A proposed value; a number with few digits, inside its range."""
    if not isinstance(choice, LogRange):
        return value
    return min(max(float(f"{value:.{DIGITS}g}"), choice.least), choice.most)


def _number(choices: dict[str, Range]) -> float:
    """How many settings there are."""
    sizes = {
        name: choice.most - choice.least + 1 if isinstance(choice, WholeRange) else len(choice.values)
        for name, choice in choices.items()
        if isinstance(choice, WholeRange | OneOf)
    }
    return math.prod(sizes.values()) if len(sizes) == len(choices) else math.inf


def _text(arguments: dict[str, Any]) -> str:
    return json.dumps(arguments, sort_keys=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna reports every trial otherwise."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
