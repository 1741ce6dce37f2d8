"""Samplers of Optuna: TPE, CMA-ES, Gaussian processes, NSGA-II and others (Akiba et al., 2019, KDD)."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from nasbench.errors import InputError
from nasbench.search.outside.base import OutsideStrategy, Result, Suggestion, library
from nasbench.types import GenotypeArray

SAMPLERS = {
    "tpe": "TPESampler",
    "cmaes": "CmaEsSampler",
    "gp": "GPSampler",
    "nsga2": "NSGAIISampler",
    "nsga3": "NSGAIIISampler",
    "random": "RandomSampler",
}
CONSTRAINED = ("tpe", "gp", "nsga2", "nsga3")
"""Samplers that take constraints."""
VIOLATIONS = "violations"
"""Attribute of a trial that holds the violations of its constraints."""


class OptunaSampler(OutsideStrategy):
    """A sampler of Optuna, with the settings that Optuna gives it.

    Every position is a categorical parameter; for `cmaes`, which knows numbers only, every option of a position is a
    number from 0 to 1, and the option with the largest one is taken. Failed trainings are failed trials. With several
    workers `tpe` takes running trials for bad ones (constant liar).

    Args:
        sampler: `"tpe"`, `"gp"`, `"nsga2"`, `"nsga3"` or `"random"`, for several objectives as well; or `"cmaes"`, for
            one.
    """

    max_objectives = sys.maxsize

    def __init__(self, sampler: str = "tpe") -> None:
        if sampler not in SAMPLERS:
            raise InputError(f"a sampler is one of {', '.join(SAMPLERS)}; got {sampler!r}")
        library("optuna", "optuna", "optuna")
        if sampler == "cmaes":
            library("cmaes", "optuna+sampler=cmaes", "optuna")
            self.max_objectives = 1  # type: ignore[misc]  # of this sampler, not of the class
        self.sampler = sampler

    def _open(self, seed: int) -> None:
        import optuna

        arguments: dict[str, Any] = {"seed": seed}
        if self.sampler == "tpe":
            arguments["constant_liar"] = self.problem.workers > 1
        if self.problem.constraints and self.sampler in CONSTRAINED:
            arguments["constraints_func"] = _violations
        parameters = _Relaxed if self.sampler == "cmaes" else _Options
        self._params: _Relaxed | _Options = parameters(self.space.cardinalities)
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # creating a study is told to the terminal
        try:
            self._study = optuna.create_study(
                sampler=getattr(optuna.samplers, SAMPLERS[self.sampler])(**arguments),
                directions=["minimize"] * len(self.problem.objectives),
            )
        finally:
            optuna.logging.set_verbosity(verbosity)

    def _suggest(self) -> Suggestion:
        trial = self._study.ask(self._params.distributions)
        return Suggestion(trial, self._params.options(trial.params))

    def _report(self, token: Any, result: Result) -> None:
        from optuna.trial import TrialState

        token.set_user_attr(VIOLATIONS, list(result.violations))
        broken = any(violation > 0 for violation in result.violations)
        costs = self._costs_or_worst(result) if broken else result.costs
        if costs is None:
            self._study.tell(token, state=TrialState.FAIL)
        else:
            self._study.tell(token, list(costs))

    def _inform(self, architecture: GenotypeArray, result: Result) -> None:
        self._study.enqueue_trial(self._params.values(architecture))
        self._report(self._study.ask(self._params.distributions), result)


def _violations(trial: Any) -> list[float]:
    violations: list[float] = trial.user_attrs[VIOLATIONS]
    return violations


class _Options:
    """One categorical parameter for each position."""

    def __init__(self, cardinalities: tuple[int, ...]) -> None:
        from optuna.distributions import CategoricalDistribution

        self.names = [f"position_{position}" for position in range(len(cardinalities))]
        self.distributions: dict[str, Any] = {
            name: CategoricalDistribution(list(range(number)))
            for name, number in zip(self.names, cardinalities, strict=True)
        }

    def options(self, params: dict[str, Any]) -> list[int]:
        return [int(params[name]) for name in self.names]

    def values(self, architecture: GenotypeArray) -> dict[str, Any]:
        return dict(zip(self.names, architecture.tolist(), strict=True))


class _Relaxed:
    """One number from 0 to 1 for each option of each position; the largest one counts."""

    def __init__(self, cardinalities: tuple[int, ...]) -> None:
        from optuna.distributions import FloatDistribution

        self.names = [
            [f"position_{position}_option_{option}" for option in range(number)]
            for position, number in enumerate(cardinalities)
        ]
        self.distributions: dict[str, Any] = {name: FloatDistribution(0, 1) for names in self.names for name in names}

    def options(self, params: dict[str, Any]) -> list[int]:
        return [int(np.argmax([params[name] for name in names])) for names in self.names]

    def values(self, architecture: GenotypeArray) -> dict[str, Any]:
        return {
            name: float(option == chosen)
            for names, chosen in zip(self.names, architecture.tolist(), strict=True)
            for option, name in enumerate(names)
        }
