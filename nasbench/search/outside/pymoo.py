"""Evolutionary algorithms of pymoo, for one objective or several (Blank & Deb, 2020, IEEE Access 8, 89497-89509)."""

from __future__ import annotations

from typing import Any

import numpy as np

from nasbench.checks import check_whole
from nasbench.errors import InputError
from nasbench.search.outside.base import OutsideStrategy, Result, Suggestion, library

ALGORITHMS = {
    "nsga2": "pymoo.algorithms.moo.nsga2:NSGA2",
    "sms-emoa": "pymoo.algorithms.moo.sms:SMSEMOA",
    "ga": "pymoo.algorithms.soo.nonconvex.ga:GA",
}
MAX_OBJECTIVES = 9


class PymooAlgorithm(OutsideStrategy):
    """An algorithm of pymoo with its operators for categorical variables, one variable for each position.

    A mutation changes one position on average. The initial designs are the first members of the population. A
    generation is complete when all its members are told, so workers may wait. Failed trainings break a constraint of
    their own, and violations of the others are told.

    Args:
        algorithm: `"nsga2"` or `"sms-emoa"`; or `"ga"`, for one objective, which `"sms-emoa"` is then, too.
        population: Members of the population.
    """

    max_objectives = MAX_OBJECTIVES

    def __init__(self, algorithm: str = "nsga2", population: int = 20) -> None:
        if algorithm not in ALGORITHMS:
            raise InputError(f"an algorithm is one of {', '.join(ALGORITHMS)}; got {algorithm!r}")
        check_whole("population", population, 2)
        library("pymoo", "pymoo", "pymoo")
        if algorithm == "ga":
            self.max_objectives = 1  # type: ignore[misc]  # of this algorithm, not of the class
        self.algorithm, self.population = algorithm, population

    def _open(self, seed: int) -> None:
        from pymoo.core.mixed import MixedVariableDuplicateElimination, MixedVariableMating, MixedVariableSampling
        from pymoo.core.population import Population
        from pymoo.core.problem import Problem
        from pymoo.core.termination import NoTermination
        from pymoo.core.variable import Choice
        from pymoo.operators.mutation.rm import ChoiceRandomMutation

        self._names = [f"position_{position}" for position in range(len(self.space.cardinalities))]
        objectives = len(self.problem.objectives)
        alone = objectives == 1 and self.algorithm == "sms-emoa"  # there is no hypervolume of one objective
        self._problem = Problem(
            vars={
                name: Choice(options=list(range(number)))
                for name, number in zip(self._names, self.space.cardinalities, strict=True)
            },
            n_obj=objectives,
            n_ieq_constr=1 + len(self.problem.constraints),
        )
        rng = np.random.default_rng(seed)
        designs = [dict(zip(self._names, design, strict=True)) for design in self.problem.initial.tolist()]
        more = max(self.population - len(designs), 0 if designs else 1)
        drawn = MixedVariableSampling()(self._problem, more, random_state=rng).get("X") if more else []
        duplicates = MixedVariableDuplicateElimination()
        module, _, name = ALGORITHMS["ga" if alone else self.algorithm].partition(":")
        self._algorithm = getattr(library(module, "pymoo", "pymoo"), name)(
            pop_size=self.population,
            sampling=Population.new(X=[*designs, *drawn]),
            eliminate_duplicates=duplicates,
        )
        self._algorithm.mating = MixedVariableMating(
            selection=self._algorithm.mating.selection,
            mutation={Choice: ChoiceRandomMutation(prob_var=1 / len(self._names))},
            eliminate_duplicates=duplicates,
        )
        self._algorithm.setup(self._problem, termination=NoTermination(), seed=seed, verbose=False)
        self._generation: Any = None
        self._asked = 0
        self._told: dict[int, Result] = {}

    def _suggest(self) -> Suggestion | None:
        if self._generation is None:
            self._generation, self._asked, self._told = self._algorithm.ask(), 0, {}
        if self._generation is None or self._asked == len(self._generation):
            return None
        member = self._asked
        self._asked += 1
        chosen = self._generation[member].X
        return Suggestion(member, [int(chosen[name]) for name in self._names])

    def _report(self, token: Any, result: Result) -> None:
        from pymoo.core.evaluator import Evaluator
        from pymoo.problems.static import StaticProblem

        self._told[token] = result
        if len(self._told) < len(self._generation):
            return
        nothing = (0.0,) * len(self.problem.objectives)
        results = [self._told[member] for member in range(len(self._generation))]
        costs = [self._costs_or_worst(result) or nothing for result in results]
        broken = [(-1.0 if result.costs is not None else 1.0, *result.violations) for result in results]
        Evaluator().eval(StaticProblem(self._problem, F=np.array(costs), G=np.array(broken)), self._generation)
        self._algorithm.tell(infills=self._generation)
        self._generation = None
