"""Sampling stratified by cost: cheap and expensive networks equally often, to cover the whole range."""

from __future__ import annotations

import numpy as np

from nasbench.checks import check_whole
from nasbench.errors import InputError
from nasbench.sampling.base import OneRound, first
from nasbench.sampling.random import Random
from nasbench.sampling.unique import Unique
from nasbench.spaces.base import Space
from nasbench.spaces.enumeration import MAX_ENUMERATED
from nasbench.spaces.values import NetworkSettings
from nasbench.tasks import tasks
from nasbench.types import FloatArray, GenotypeArray


class CostStrata(OneRound):
    """Stratified sampling from a random pool, with strata of equal width in log cost.

    Strata are visited in turn. Each visit takes the next architecture of the stratum, in order of drawing; empty strata
    are skipped.

    Args:
        by: `"flops"` or `"parameters"` of a small network for the smallest inputs of its task.
        strata: Number of strata between the lowest and the highest cost of the pool.
        pool: Architectures in the pool; a smaller space is used completely.
    """

    source = "stratified sampling (Radosavovic et al., On Network Design Spaces for Visual Recognition, ICCV 2019)"

    def __init__(self, by: str = "flops", strata: int = 8, pool: int = 1024) -> None:
        self.by, self.strata, self.pool = by, strata, pool

    def sample(self, space: Space, cells: int | None, rng: np.random.Generator) -> GenotypeArray:
        """The first `cells` architectures in order of visits."""
        if self.by not in ("flops", "parameters"):
            raise InputError(f"cost is flops or parameters, got {self.by!r}")
        for name in ("strata", "pool"):
            check_whole(name, getattr(self, name))
        if space.size <= MAX_ENUMERATED:
            pool = Unique("key").sample(space, None, rng)[: self.pool]
        else:
            pool = Random().sample(space, self.pool, rng)
        cost = np.log(self._costs(space, pool))
        width = (cost.max() - cost.min()) / self.strata or 1.0
        stratum = np.minimum(((cost - cost.min()) / width).astype(np.int64), self.strata - 1)
        visit = np.empty(len(pool), dtype=np.int64)  # visit at which each architecture is taken
        for number in range(self.strata):
            members = np.flatnonzero(stratum == number)
            visit[members] = np.arange(len(members))
        return first(cells, pool[np.lexsort((stratum, visit))], "the pool (pool=)")

    def _costs(self, space: Space, pool: GenotypeArray) -> FloatArray:
        from nasbench.measures.flops import flops
        from nasbench.measures.parameters import parameters

        task = tasks.resolve(space.task)[0].small()
        settings = NetworkSettings(channels=4, cells=1, stages=2)
        costs = []
        for genotype in pool:
            network = space.network(genotype, task, settings)
            costs.append(parameters(network) if self.by == "parameters" else flops(network, task.inputs(1)))
        return np.maximum(np.array(costs, dtype=np.float64), 1.0)
