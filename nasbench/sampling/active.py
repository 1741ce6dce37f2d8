"""Active sampling: train next where a predictor is least certain."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from nasbench.checks import check_whole
from nasbench.errors import InputError
from nasbench.predictors import Inputs, predictors
from nasbench.sampling.base import Sampler
from nasbench.sampling.random import Random
from nasbench.spaces.base import Space
from nasbench.types import FloatArray, GenotypeArray


class Active(Sampler):
    """Uncertainty sampling: the random candidates with the largest predicted standard deviation.

    Args:
        predictor: Specification of a predictor with standard deviations.
        start: Random architectures of the first round.
        batch: Architectures of each later round.
        pool: Random candidates in each later round.
    """

    source = "uncertainty sampling (Lewis & Gale, SIGIR 1994)"

    def __init__(self, predictor: str = "gp", start: int = 32, batch: int = 16, pool: int = 1024) -> None:
        self.predictor, self.start, self.batch, self.pool = predictor, start, batch, pool

    def rounds(
        self, space: Space, cells: int | None, rng: np.random.Generator
    ) -> Generator[GenotypeArray, FloatArray, None]:
        """A random round, then rounds of uncertain candidates."""
        for name in ("start", "batch", "pool"):
            check_whole(name, getattr(self, name))
        if cells is None:
            raise InputError("active sampling has no end; say how many cells")
        first, *later = rng.spawn(1 + -(-max(0, cells - self.start) // self.batch))
        chosen = Random().sample(space, min(self.start, cells), first)
        self._check_predictor(space, chosen, cells)
        scores = yield chosen
        for stream in later:
            known = np.isfinite(scores)
            if known.sum() < 2:
                raise InputError("too few of the first trainings have a score; start with more (start=)")
            predictor = predictors.create(self.predictor).fit(Inputs(space, chosen[known]), scores[known])
            count = min(self.batch, cells - len(chosen))
            candidates = self._candidates(space, chosen, count, stream)
            batch = candidates[np.argsort(-predictor.predict(Inputs(space, candidates)).std, kind="stable")[:count]]
            chosen = np.concatenate([chosen, batch])
            scores = yield batch

    def _check_predictor(self, space: Space, chosen: GenotypeArray, cells: int) -> None:
        """Check before anything is trained that the predictor learns from architectures `(n, d)` and scores alone."""
        predictor = predictors.create(self.predictor)
        columns, epochs = predictor.needs
        read = [name for name in columns if name not in space.feature_kinds] + ["learning curves"] * (epochs > 0)
        if read:
            raise InputError(f"{self.predictor} reads {', '.join(read)}; active sampling knows architectures only")
        needed = min(predictor.min_samples, cells)
        if len(chosen) < needed:
            raise InputError(f"{self.predictor} learns from at least {needed} architectures; start with more (start=)")
        if len(chosen) < cells:
            predictor.fit(Inputs(space, chosen[:needed]), np.arange(needed))  # refuses unknown encodings

    def _candidates(self, space: Space, chosen: GenotypeArray, count: int, rng: np.random.Generator) -> GenotypeArray:
        """Random architectures with distinct `key`, none chosen before."""
        pool = space.canonical(space.sample(self.pool, rng))
        keys = space.key(pool)
        _, first = np.unique(keys, return_index=True)
        fresh = first[~np.isin(keys[first], space.key(chosen))]
        if len(fresh) < count:
            raise InputError(
                f"of {self.pool} random architectures of {space.name} only {len(fresh)} are new, and {count} are "
                "needed; ask for fewer cells, or a larger pool"
            )
        return pool[fresh]
