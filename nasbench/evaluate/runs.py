"""One run of a comparison: a contestant, its protection, and what it returns in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from nasbench.evaluate.logs import LoggedRuns
from nasbench.evaluate.quality import Score, Standing, standing
from nasbench.parallel.memory import limit_memory
from nasbench.search import strategies as registry
from nasbench.search.base import Strategy
from nasbench.search.problem import Budget
from nasbench.simulator.cluster import Cluster
from nasbench.simulator.draws import SearchSeedPolicy
from nasbench.simulator.evaluator import Evaluator
from nasbench.simulator.guard import Guarded
from nasbench.simulator.simulate import simulate
from nasbench.simulator.streams import initial_designs, noise_seed, rng_for
from nasbench.types import GenotypeArray


@dataclass(frozen=True)
class RunSettings:
    """Settings that all runs of a comparison share.

    Attributes:
        budget: Limits of a run.
        cluster: Simulated workers of a run.
        initial: Number of initial designs.
        seed: Root of all randomness.
        score: At which epochs incumbents are scored.
        seed_policy: Whether strategies see means over training seeds, or a noise draw of the repeat.
    """

    budget: Budget
    cluster: Cluster
    initial: int
    seed: int
    score: Score
    seed_policy: SearchSeedPolicy = "mean"


class Protection(NamedTuple):
    """What strategies are kept from.

    Attributes:
        guard: Whether they run in a process of their own, without the benchmark.
        patience: Seconds that a step may take, or None.
        memory: Gigabytes that their process may allocate, or None.
    """

    guard: bool
    patience: float | None
    memory: float | None


Contestant: TypeAlias = str | type[Strategy] | Strategy | LoggedRuns
"""Somebody who races: a strategy in whatever form, or what one did elsewhere."""


class RunJob(NamedTuple):
    """One run of a comparison.

    Attributes:
        strategy: Name of the strategy.
        repeat: Number of the repeat, from 0.
        again: Whether the same run was made before; then only its result is compared.
    """

    strategy: str
    repeat: int
    again: bool = False


def described_run(run: RunJob) -> str:
    """The run in messages."""
    return f"strategy {run.strategy!r}, repeat {run.repeat}"


def prepare(
    source: Callable[[], Evaluator], strategy: Contestant, settings: RunSettings, protection: Protection
) -> Callable[[RunJob], Standing]:
    """What runs the jobs of a contestant in one process, and is called there.

    Args:
        source: Makes, or opens, what answers trials.
        strategy: The contestant.
        settings: Those of all runs.
        protection: What it is kept from.
    """
    if protection.memory is not None and not protection.guard:
        limit_memory(protection.memory)
    return _Runs(source(), strategy, settings, protection)


class _Runs:
    """Runs of one strategy in one process."""

    def __init__(
        self, evaluator: Evaluator, strategy: Contestant, settings: RunSettings, protection: Protection
    ) -> None:
        self.evaluator, self.strategy, self.settings = evaluator, strategy, settings
        self.guarded = None
        if protection.guard and not isinstance(strategy, LoggedRuns):
            self.guarded = Guarded(strategy, protection.patience, protection.memory)
        self.fresh = True

    def __call__(self, job: RunJob) -> Standing:
        """The result of a run; one that is made again is not the first of its process, which would remember nothing."""
        if job.again and self.fresh:
            self._run(job)
        self.fresh = False
        return self._run(job)

    def _run(self, job: RunJob) -> Standing:
        settings, evaluator, strategy = self.settings, self.evaluator, self.strategy
        if settings.seed_policy == "draw":
            evaluator = evaluator.drawn(noise_seed(settings.seed, job.repeat))
        initial: GenotypeArray | None = None
        searching: Strategy | Guarded
        if isinstance(strategy, LoggedRuns):
            searching = strategy.strategy(job.repeat)
        else:
            searching = self.guarded or registry.create(strategy)
            initial = initial_designs(self.evaluator, settings.initial, settings.seed, job.repeat)
        run = simulate(
            searching,
            evaluator,
            settings.budget,
            rng_for(settings.seed, "strategy", job.strategy, job.repeat),
            workers=settings.cluster,
            chance=rng_for(settings.seed, "cluster", "", job.repeat),
            initial=initial,
        )
        if self.guarded:
            self.guarded.finish()
        return standing(run, self.evaluator, settings.score)
