"""Local search: move to better neighbours, restart at a local optimum (White et al., 2021, UAI, arXiv:2005.02960)."""

from __future__ import annotations

import math

import numpy as np

from nasbench.search.base import Strategy, Trial
from nasbench.types import GenotypeArray


class LocalSearch(Strategy):
    """Hill climbing from the best initial design; an architecture (by key) is never evaluated twice.

    Algorithm 1 of the paper evaluates the whole neighbourhood before it moves to the best neighbour; the variant that
    moves to the first better one needs fewer evaluations and is the default here.

    Args:
        full: Evaluate all neighbours before moving, as in Algorithm 1.
    """

    def __init__(self, full: bool = False) -> None:
        self.full = full

    def _start(self) -> None:
        self._seen = set(self.space.key(np.array(self._initial)).tolist()) if self._initial else set()
        self._to_beat: dict[bytes, float] = {}  # by proposed architecture: the score of where it was a neighbour
        self._restart()

    def _restart(self) -> None:
        self._best: GenotypeArray | None = None
        self._best_score = -math.inf
        self._neighbours: list[GenotypeArray] = []
        self._moved = False

    def _ask(self) -> Trial:
        if self._moved and self._best is not None and not (self.full and self._neighbours):
            self._moved = False
            self._neighbours = self._unseen(self.space.neighbours(self._best))
        if self._neighbours:
            proposal = self._neighbours.pop()
            self._seen.add(int(self.space.key(proposal[None])[0]))
        else:
            self._restart()
            proposal = self._random_start()
        self._to_beat[proposal.tobytes()] = self._best_score
        return Trial(proposal, self.epochs)

    def _tell(self, trial: Trial, score: float) -> None:
        # A late answer from before a restart has to beat the optimum whose neighbour it is, not only the new start.
        if score > max(self._to_beat.pop(trial.architecture.tobytes(), -math.inf), self._best_score):
            self._best, self._best_score, self._moved = trial.architecture, score, True

    def _unseen(self, genotypes: GenotypeArray) -> list[GenotypeArray]:
        """The architectures `(n, d)` not yet evaluated, each once, in random order."""
        fresh = {key: row for row, key in enumerate(self.space.key(genotypes).tolist()) if key not in self._seen}
        return list(genotypes[self.rng.permutation(np.fromiter(fresh.values(), dtype=np.int64))])

    def _random_start(self) -> GenotypeArray:
        samples = self.space.sample(32, self.rng)
        keys = self.space.key(samples).tolist()
        row = next((row for row, key in enumerate(keys) if key not in self._seen), 0)
        self._seen.add(keys[row])
        start: GenotypeArray = samples[row]
        return start
