"""Gradient ascent of a graph neural network's prediction on relaxed architectures (Luo et al., NeurIPS 2018)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from nasbench.checks import check_number, check_whole
from nasbench.errors import InputError
from nasbench.predictors import Inputs, predictors
from nasbench.predictors.gnn import GNN
from nasbench.search.base import Outcome, Strategy, Trial
from nasbench.search.seen import SAMPLES_FOR_ONE, Seen
from nasbench.types import FloatArray, GenotypeArray

MAX_WHOLE = 20_000
"""Largest space over which expectations are taken as a whole."""
SAMPLES = 2_000
"""Random samples over which they are taken in a larger one, beside what is known and its neighbours."""
FIRST_PROBABILITY = 0.5
"""Probability of the options of the architecture from which an ascent starts; the others share the rest."""


class GradientAscent(Strategy):
    """The best architectures become distributions, which climb the prediction at their expected features.

    An architecture is relaxed to independent probabilities of the options at each position. The predictor is a
    function of features; the gradient of its value at the expected features, over the space or over samples of it, says
    how the probabilities change. The most probable new architectures of each ascent are proposed in turn. Nothing that
    is proposed is trained by the strategy itself.

    Args:
        predictor: Specification of the predictor, a `gnn` with its arguments.
        first_fit: Finished evaluations before the first fit; random samples complete the initial designs.
        interval: Proposals between two fits.
        starts: Best architectures from which ascents start.
        steps: Steps of Adam of each ascent.
        rate: Its learning rate, on the logits of options.
    """

    def __init__(
        self,
        predictor: str = "gnn",
        first_fit: int = 10,
        interval: int = 10,
        starts: int = 5,
        steps: int = 50,
        rate: float = 0.1,
    ) -> None:
        for name, number in (("first_fit", first_fit), ("interval", interval), ("starts", starts), ("steps", steps)):
            check_whole(name, number)
        check_number("rate", rate, above=0)
        self.predictor, self.first_fit, self.interval = predictor, first_fit, interval
        self.starts, self.steps, self.rate = starts, steps, rate

    def _start(self) -> None:
        model = predictors.create(self.predictor, seed=int(self.rng.integers(2**31)))
        if not isinstance(model, GNN):
            raise InputError(
                f"gradient climbs a predictor with gradients: gnn and its arguments; got {self.predictor!r}"
            )
        if model.needs.columns or model.needs.epochs:
            raise InputError(f"gradient climbs features of architectures; leave columns out of {self.predictor!r}")
        self._model, self._seen = model, Seen(self.space, self.problem.initial)
        self._whole = self.space.unique() if self.space.size <= MAX_WHOLE else None
        self._genotypes: list[GenotypeArray] = []
        self._scores: list[float] = []
        self._queue: list[GenotypeArray] = []

    def _ask(self) -> Trial:
        if len(self._scores) < max(self.first_fit, self._model.min_samples):
            samples = self.problem.feasible_or_all(self.space.sample(SAMPLES_FOR_ONE, self.rng))
            return self.trial(self._seen.take_or_repeat(samples, 1)[0])
        if not self._queue:
            self._queue = list(self._climb()[::-1])
        return self.trial(self._queue.pop())

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        if math.isfinite(outcome.score):
            self._genotypes.append(trial.architecture)
            self._scores.append(outcome.score)

    def _climb(self) -> GenotypeArray:
        """The next proposals `(n, d)`, of which at least one."""
        genotypes, scores = np.array(self._genotypes), np.array(self._scores)
        self._model.fit(Inputs.of(self.space, genotypes), scores)
        best = genotypes[np.argsort(-scores, kind="stable")[: self.starts]]
        support = self._whole
        if support is None:
            near = self.space.neighbours_of(best)[0]
            support = np.concatenate([genotypes, near, self.space.sample(SAMPLES, self.rng)])
            support = support[np.sort(np.unique(self.space.key(support), return_index=True)[1])]
        value = self._model.expected(Inputs.of(self.space, support))
        log_p = ascend(value, self._one_hot(best), self._one_hot(support), self.steps, self.rate)  # (starts, n)
        order = np.argsort(-log_p, axis=1, kind="stable").T.ravel()  # the best of each ascent, then the second, ...
        return self._seen.take_or_repeat(self.problem.feasible_or_all(support[order]), self.interval)

    def _one_hot(self, genotypes: GenotypeArray) -> Tensor:
        """One number for each option of each position; shape `(n, d, most options)`."""
        options = np.arange(max(self.space.cardinalities))
        return torch.from_numpy((genotypes[:, :, None] == options).astype(np.float32))


def ascend(value: Callable[[Tensor], Tensor], starts: Tensor, support: Tensor, steps: int, rate: float) -> FloatArray:
    """Distributions over architectures that climb a function of them.

    Args:
        value: Function of probabilities `(b, n)` of `n` architectures; shape `(b,)`.
        starts: Architectures from which `b` ascents start, one-hot; shape `(b, d, options)`.
        support: The `n` architectures, one-hot; shape `(n, d, options)`.
        steps: Steps of Adam.
        rate: Its learning rate.

    Returns:
        Log-probability of each architecture after each ascent; shape `(b, n)`.
    """
    used = support.sum(dim=0) > 0  # (d, options): what exists at each position
    rest = (1 - FIRST_PROBABILITY) / (used.sum(dim=1, keepdim=True) - 1).clamp(min=1)
    logits = torch.where(starts > 0, FIRST_PROBABILITY, rest).log().requires_grad_()
    adam = torch.optim.Adam([logits], lr=rate)

    def log_probabilities() -> Tensor:
        options = logits.masked_fill(~used, -1e9).log_softmax(dim=2)
        return (options.flatten(1) @ support.flatten(1).T).log_softmax(dim=1)  # (b, n)

    for _ in range(steps):
        adam.zero_grad()
        (-value(log_probabilities().exp()).sum()).backward()  # type: ignore[no-untyped-call]
        adam.step()
    result: FloatArray = log_probabilities().detach().double().numpy()
    return result
