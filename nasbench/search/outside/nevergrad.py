"""Optimisers of Nevergrad by name, NGOpt first (Rapin & Teytaud, 2018; Meunier et al., 2022, IEEE TEC 26)."""

from __future__ import annotations

from contextlib import suppress
from difflib import get_close_matches
from typing import Any

import numpy as np

from nasbench.errors import InputError
from nasbench.search.outside.base import OutsideStrategy, Result, Suggestion, library
from nasbench.types import GenotypeArray


class NevergradOptimiser(OutsideStrategy):
    """An optimiser of Nevergrad on one unordered choice for each position.

    Failed trainings cost as much as the worst successful one so far; violations of constraints are told. The optimiser
    knows the number of workers, and the budget where it is one of evaluations.

    Args:
        optimizer: A name of Nevergrad's registry, such as `"NGOpt"`, `"DiscreteOnePlusOne"` or `"TwoPointsDE"`.
    """

    def __init__(self, optimizer: str = "NGOpt") -> None:
        known = library("nevergrad", "nevergrad", "nevergrad").optimizers.registry
        if optimizer not in known:
            close = get_close_matches(str(optimizer), list(known), n=3) or ["NGOpt"]
            raise InputError(f"Nevergrad has no optimizer {optimizer!r}; close to it: {', '.join(close)}")
        self.optimizer = optimizer

    def _open(self, seed: int) -> None:
        import nevergrad as ng

        parameters = ng.p.Tuple(*(ng.p.Choice(list(range(number))) for number in self.space.cardinalities))
        parameters.random_state = np.random.RandomState(seed)  # the kind that Nevergrad takes
        self._optimiser = ng.optimizers.registry[self.optimizer](
            parametrization=parameters, budget=self.problem.budget.evaluations, num_workers=self.problem.workers
        )

    def _suggest(self) -> Suggestion:
        candidate = self._optimiser.ask()
        return Suggestion(candidate, candidate.value)

    def _report(self, token: Any, result: Result) -> None:
        costs = self._costs_or_worst(result)
        if costs is not None:  # a candidate may stay without an answer
            self._optimiser.tell(token, costs[0], constraint_violation=list(result.violations) or None)

    def _inform(self, architecture: GenotypeArray, result: Result) -> None:
        from nevergrad.common.errors import TellNotAskedNotSupportedError

        candidate = self._optimiser.parametrization.spawn_child(new_value=tuple(architecture.tolist()))
        with suppress(TellNotAskedNotSupportedError):  # by an optimiser that begins with its own suggestions
            self._report(candidate, result)
