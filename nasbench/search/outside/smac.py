"""SMAC3: Bayesian optimisation with a random forest or a Gaussian process (Lindauer et al., 2022, JMLR 23, 54)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nasbench.errors import InputError
from nasbench.search.outside.base import OutsideStrategy, Result, Suggestion, library
from nasbench.types import GenotypeArray

FACADES = {"forest": "HyperparameterOptimizationFacade", "gp": "BlackBoxFacade"}
"""Facades of SMAC by the model that each brings."""
MAX_TRIALS = 10**6
"""Trials that SMAC plans for; the budget of the run ends before."""


class SMAC(OutsideStrategy):
    """A facade of SMAC3 on one categorical hyperparameter for each position, without seeds or instances.

    The initial designs are told; SMAC's own initial design completes them to ten. Failed trainings, and what is not
    trained, are crashes that cost as much as the worst successful training so far. Nothing is left on disk.

    Args:
        model: `"forest"` or `"gp"`.
    """

    def __init__(self, model: str = "forest") -> None:
        if model not in FACADES:
            raise InputError(f"a model of smac is one of {', '.join(FACADES)}; got {model!r}")
        library("smac", "smac", "smac")
        self.model = model

    def _open(self, seed: int) -> None:
        import smac
        from ConfigSpace import CategoricalHyperparameter, ConfigurationSpace

        self._names = [f"position_{position:04d}" for position in range(len(self.space.cardinalities))]
        self._configurations = ConfigurationSpace(seed=seed)
        self._configurations.add(
            [
                CategoricalHyperparameter(name, list(range(number)))
                for name, number in zip(self._names, self.space.cardinalities, strict=True)
            ]
        )
        facade = getattr(smac, FACADES[self.model])
        with TemporaryDirectory() as folder:  # SMAC writes its settings, and nothing more if it is not asked to
            scenario = smac.Scenario(
                self._configurations,
                deterministic=True,
                n_trials=MAX_TRIALS,
                seed=seed,
                output_directory=Path(folder),
            )
            self._facade = facade(
                scenario,
                _never_called,
                initial_design=facade.get_initial_design(scenario, n_configs=max(10 - len(self.problem.initial), 1)),
                intensifier=facade.get_intensifier(scenario, max_config_calls=1),
                overwrite=True,
                logging_level=False,
            )
        self._owed: list[Any] = []

    def _suggest(self) -> Suggestion | None:
        from smac.main.exceptions import ConfigurationSpaceExhaustedException

        try:
            with _quiet():
                info = self._facade.ask()
        except (ConfigurationSpaceExhaustedException, StopIteration):
            return None
        return Suggestion(info, [int(info.config[name]) for name in self._names])

    def _report(self, token: Any, result: Result) -> None:
        from smac.runhistory.dataclasses import TrialValue
        from smac.runhistory.enumerations import StatusType

        costs = self._costs_or_worst(result)
        if costs is None:
            self._owed.append(token)  # until something costs a number
            return
        status = StatusType.SUCCESS if result.costs is not None else StatusType.CRASHED
        self._facade.tell(token, TrialValue(cost=costs[0], status=status), save=False)
        while self._owed:
            self._facade.tell(self._owed.pop(), TrialValue(cost=costs[0], status=StatusType.CRASHED), save=False)

    def _inform(self, architecture: GenotypeArray, result: Result) -> None:
        from ConfigSpace import Configuration
        from smac.runhistory.dataclasses import TrialInfo

        values = dict(zip(self._names, architecture.tolist(), strict=True))
        self._report(TrialInfo(Configuration(self._configurations, values=values), seed=0), result)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep SMAC from telling the terminal how its search for a new configuration goes."""
    logger = logging.getLogger("smac")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _never_called(config: Any, seed: int = 0) -> float:
    """The target function that SMAC wants; it is asked and told instead."""
    raise AssertionError("SMAC is asked and told")
