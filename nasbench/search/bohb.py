"""BOHB: Hyperband whose samples come from densities of good and bad architectures (Falkner et al., 2018, ICML)."""

from __future__ import annotations

import math
from bisect import insort

import numpy as np

from nasbench.checks import check_number, check_whole
from nasbench.search.base import Outcome, Trial
from nasbench.search.categorical_density import CategoricalDensity
from nasbench.search.hyperband import Hyperband
from nasbench.search.seen import Seen
from nasbench.types import GenotypeArray


class BOHB(Hyperband):
    """Proposes the candidate with the largest ratio of two densities, of good and of bad trials at one rung.

    The rung is the highest with enough trials: two more, failed ones not counted, than the least number of points of a
    density, which is the length of a genotype plus one. Failed trainings are the worst
    trials. The densities are categorical (`categorical_density.py`), candidates are drawn from the good one with wider
    kernels, go through `space.repair`, and are proposed once.

    Args:
        eta: Factor between the epochs of two rungs, and between the numbers of trials that reach them.
        random_fraction: Chance that a sample is uniform.
        good: Share of trials that are good.
        candidates: Candidates for each proposal.
        widening: Factor by which the kernels are wider that candidates are drawn from.
    """

    def __init__(
        self,
        eta: int = 3,
        random_fraction: float = 1 / 3,
        good: float = 0.15,
        candidates: int = 64,
        widening: float = 3.0,
    ) -> None:
        super().__init__(eta)
        check_number("random_fraction", random_fraction, least=0, most=1)
        check_number("good", good, above=0, below=1)
        check_whole("candidates", candidates)
        check_number("widening", widening, above=0)
        self.random_fraction, self.good = random_fraction, good
        self.candidates, self.widening = candidates, widening

    def _start(self) -> None:
        super()._start()
        self._seen = Seen(self.space, self.problem.initial)
        self._cardinalities = np.array(self.space.cardinalities)
        self._least = len(self._cardinalities) + 1  # points of a density
        self._ranked: list[list[tuple[float, int, GenotypeArray]]] = [[] for _ in self._rungs]  # -score, number; sorted

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        super()._tell(trial, outcome)
        cost = math.inf if math.isnan(outcome.score) else -outcome.score
        insort(self._ranked[self._rungs.index(trial.epochs)], (cost, trial.tag[1], trial.architecture))

    def _sample(self) -> GenotypeArray:
        ranked = self._highest_rung()
        if ranked is None or self.rng.random() < self.random_fraction:
            return self._seen.sample(self.rng)
        good, bad = (CategoricalDensity(points, self._cardinalities) for points in self._split(ranked))
        genotypes, valid = self.space.repair(good.sample(self.candidates, self.rng, self.widening))
        genotypes = genotypes[valid]
        ratios = good.log_density(genotypes) - bad.log_density(genotypes)
        best = self._seen.take(genotypes[np.argsort(-ratios, kind="stable")], 1)
        return best[0] if len(best) else self._seen.sample(self.rng)

    def _highest_rung(self) -> GenotypeArray | None:
        """Architectures `(n, d)` of the highest rung with enough trials, best first; None where none has."""
        for ranked in reversed(self._ranked):
            if sum(cost < math.inf for cost, _, _ in ranked) >= self._least + 2:
                return np.array([architecture for _, _, architecture in ranked])
        return None

    def _split(self, ranked: GenotypeArray) -> tuple[GenotypeArray, GenotypeArray]:
        """The good and the bad of `(n, d)` architectures, best first; of few some are both."""
        good = max(self._least, int(self.good * len(ranked)))
        bad = max(self._least, len(ranked) - good)
        return ranked[:good], ranked[-bad:]
