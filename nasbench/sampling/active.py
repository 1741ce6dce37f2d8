"""Active sampling: train next what a predictor, fitted on all that is trained, is least sure of."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np

from nasbench.errors import InputError
from nasbench.predictors import Inputs, predictors
from nasbench.sampling.base import Sampler
from nasbench.sampling.draws import Draws
from nasbench.spaces.base import Space
from nasbench.types import FloatArray, GenotypeArray


class Active(Sampler):
    """Uncertainty sampling: of random candidates, those with the largest predicted standard deviation.

    Args:
        predictor: Specification of a predictor that knows how sure it is.
        start: Architectures drawn at random before there is anything to learn from.
        batch: Architectures in each later round.
        pool: Random candidates of each later round.
    """

    source = "uncertainty sampling (Lewis & Gale, SIGIR 1994)"

    def __init__(self, predictor: str = "gp", start: int = 32, batch: int = 16, pool: int = 1024) -> None:
        self.predictor, self.start, self.batch, self.pool = predictor, start, batch, pool

    def rounds(
        self, space: Space, cells: int | None, rng: np.random.Generator
    ) -> Generator[GenotypeArray, FloatArray, None]:
        """First random ones, then rounds of uncertain ones."""
        for name in ("start", "batch", "pool"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise InputError(f"{name} must be an integer of at least 1, got {value!r}")
        if cells is None:
            raise InputError("active sampling has no end; say how many cells")
        least = predictors.create(self.predictor).min_samples  # before anything is trained
        if self.start < min(least, cells):
            raise InputError(f"{self.predictor} learns from at least {least} architectures; start with more (start=)")
        first, *later = rng.spawn(1 + -(-max(0, cells - self.start) // self.batch))
        chosen = Draws().sample(space, min(self.start, cells), first)
        scores = yield chosen
        for stream in later:
            known = np.isfinite(scores)
            if known.sum() < 2:
                raise InputError("too few of the first trainings have a score to learn from; start with more (start=)")
            predictor = predictors.create(self.predictor).fit(Inputs(space, chosen[known]), scores[known])
            count = min(self.batch, cells - len(chosen))
            candidates = self._candidates(space, chosen, count, stream)
            taken = candidates[np.argsort(-predictor.predict(Inputs(space, candidates)).std, kind="stable")[:count]]
            chosen = np.concatenate([chosen, taken])
            scores = yield taken

    def _candidates(self, space: Space, chosen: GenotypeArray, count: int, rng: np.random.Generator) -> GenotypeArray:
        """Random ones of different `key`, none of them chosen before."""
        draws = space.canonical(space.sample(self.pool, rng))
        keys = space.key(draws)
        _, first = np.unique(keys, return_index=True)
        fresh = first[~np.isin(keys[first], space.key(chosen))]
        if len(fresh) < count:
            raise InputError(
                f"of {self.pool} random architectures of {space.name} only {len(fresh)} are new, and {count} are "
                "needed; ask for fewer cells, or a larger pool"
            )
        return draws[fresh]
