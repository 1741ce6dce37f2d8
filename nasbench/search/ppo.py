"""Proximal policy optimisation of a policy over genotypes (Schulman et al., 2017, arXiv:1707.06347)."""

from __future__ import annotations

import numpy as np

from nasbench.checks import check_number, check_whole
from nasbench.search.policy import TabularPolicySearch, softmax
from nasbench.types import BoolArray, FloatArray, GenotypeArray


class PPO(TabularPolicySearch):
    """The policy of `reinforce`, updated after every batch by several steps on the clipped surrogate objective.

    The probability ratio is that of a whole genotype, to the policy that drew it. For initial designs that is the
    policy at the time they are told.

    Args:
        learning_rate: Step size of Adam (Kingma & Ba, 2015) on the logits.
        batch: Finished evaluations in a batch.
        steps: Steps of gradient ascent on each batch.
        clip: How far a probability ratio may leave 1 before its gradient is cut.
        decay: Weight of the past in the moving average and variance of the score.
        entropy: Weight of an entropy bonus.
    """

    keeps_drawn = True

    def __init__(
        self,
        learning_rate: float = 0.05,
        batch: int = 5,
        steps: int = 10,
        clip: float = 0.2,
        decay: float = 0.9,
        entropy: float = 0.01,
    ) -> None:
        super().__init__(learning_rate, decay, entropy)
        check_whole("batch", batch)
        check_whole("steps", steps)
        check_number("clip", clip, above=0, below=1)
        self.batch, self.steps, self.clip = batch, steps, clip

    def _start(self) -> None:
        super()._start()
        self._batch: list[tuple[GenotypeArray, float, float]] = []  # actions, log p when drawn, advantage

    def _note(self, action: GenotypeArray) -> float:
        return float(log_probability(self._logits, self._exists, action[None])[0])

    def _learn(self, action: GenotypeArray, advantage: float, note: float | None) -> None:
        self._batch.append((action, self._note(action) if note is None else note, advantage))
        if len(self._batch) < self.batch:
            return
        actions = np.array([action for action, _, _ in self._batch])
        drawn, advantages = np.array([rest for _, *rest in self._batch]).T
        self._batch, self._ready = [], []
        for _ in range(self.steps):
            self._ascend(surrogate_gradient(self._logits, self._exists, actions, drawn, advantages, self.clip))


def log_probability(logits: FloatArray, exists: BoolArray, actions: GenotypeArray) -> FloatArray:
    """Log-probability of each of `(n, d)` actions; shape `(n,)`."""
    p = softmax(logits, exists)
    result: FloatArray = np.log(np.maximum(p[np.arange(len(p)), actions], np.finfo(float).tiny)).sum(axis=1)
    return result


def surrogate_gradient(
    logits: FloatArray,
    exists: BoolArray,
    actions: GenotypeArray,
    drawn: FloatArray,
    advantages: FloatArray,
    clip: float,
) -> FloatArray:
    """Gradient `(d, k)` of the clipped surrogate objective (Schulman et al., 2017, Equation 7), a mean over a batch.

    Args:
        logits: The policy; shape `(d, k)`.
        exists: Which options exist; shape `(d, k)`.
        actions: The batch; shape `(n, d)`.
        drawn: Log-probability of each when it was drawn; shape `(n,)`.
        advantages: Advantage of each; shape `(n,)`.
        clip: The ratio is cut beyond `1 + clip` where the advantage is positive, below `1 - clip` where negative.
    """
    ratio = np.exp(np.minimum(log_probability(logits, exists, actions) - drawn, 50.0))
    cut = np.where(advantages > 0, ratio > 1 + clip, ratio < 1 - clip)
    weights = np.where(cut, 0.0, ratio * advantages)
    chosen = actions[:, :, None] == np.arange(logits.shape[1])  # (n, d, k)
    result: FloatArray = (weights[:, None, None] * (chosen - softmax(logits, exists))).mean(axis=0)
    return result
