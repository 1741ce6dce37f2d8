"""Policy gradients: what searches by reinforcement learning share (Williams, 1992; Zoph & Le, 2017)."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

import numpy as np

from nasbench.checks import check_number
from nasbench.search.base import Outcome, Strategy, Trial
from nasbench.spaces.base import Space
from nasbench.types import BoolArray, FloatArray, GenotypeArray

ACTIONS_AT_ONCE = 16
PRIOR_SAMPLES = 4096
"""Uniform samples that set the option frequencies of the first policy."""
MAX_ATTEMPTS = 8
"""Batches of actions without a valid architecture before a uniform sample is proposed instead."""


class PolicySearch(Strategy):
    """A policy that draws actions, one for each position of the genotype, and learns from their advantages.

    Actions go through `space.repair`, and invalid ones are drawn again. The advantage is the score minus a moving
    average, in units of the moving standard deviation, so that the settings fit any metric. A subclass writes
    `_begin_policy`, `_draw` and `_learn`.

    Args:
        learning_rate: Step size of Adam (Kingma & Ba, 2015).
        decay: Weight of the past in the moving average and variance of the score.
        entropy: Weight of an entropy bonus.
    """

    keeps_drawn: ClassVar[bool] = False
    """Whether all actions that are drawn at once are proposed, until `_learn` clears `_ready` as the policy changes."""

    def __init__(self, learning_rate: float, decay: float, entropy: float) -> None:
        check_number("learning_rate", learning_rate, above=0)
        check_number("decay", decay, least=0, below=1)
        check_number("entropy", entropy, least=0)
        self.learning_rate, self.decay, self.entropy = learning_rate, decay, entropy

    def _start(self) -> None:
        choices = np.array(self.space.cardinalities)
        self._last_options = (choices - 1).astype(np.int8)
        self._exists: BoolArray = np.arange(choices.max()) < choices[:, None]  # (d, most choices)
        self._begin_policy(first_logits(self.space, self.rng))
        self._baseline, self._variance = math.nan, 0.0
        self._actions: dict[int, GenotypeArray] = {}  # by tag: the actions behind trials that are not told yet
        self._notes: dict[int, float | None] = {}  # by tag
        self._ready: list[tuple[GenotypeArray, GenotypeArray]] = []  # genotypes to propose, and the actions behind them
        self._asked = 0

    def _ask(self) -> Trial:
        for _ in range(MAX_ATTEMPTS + 1):
            if self._ready:
                genotype, action = self._ready.pop()
                self._asked += 1
                self._actions[self._asked] = action
                self._notes[self._asked] = self._note(action)
                return self.trial(genotype, tag=self._asked)
            actions = self._draw(ACTIONS_AT_ONCE)
            genotypes, valid = self.space.repair(actions)
            rows = np.flatnonzero(valid)[: None if self.keeps_drawn else 1][::-1]
            self._ready = [(genotypes[row], actions[row]) for row in rows]
        return self.trial(self.space.sample(1, self.rng)[0])

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        action, note = self._actions.pop(trial.tag, trial.architecture), self._notes.pop(trial.tag, None)
        score = outcome.score
        if math.isnan(score):
            return
        if math.isnan(self._baseline):
            self._baseline = score
            return
        difference = score - self._baseline
        self._variance = self.decay * (self._variance + (1 - self.decay) * difference**2)
        self._baseline += (1 - self.decay) * difference
        if self._variance > 0:
            self._learn(action, difference / math.sqrt(self._variance), note)

    @abstractmethod
    def _begin_policy(self, logits: FloatArray) -> None:
        """Make the first policy, which takes options as these logits `(d, most choices)` say."""

    @abstractmethod
    def _draw(self, count: int) -> GenotypeArray:
        """Actions `(count, d)` of the policy."""

    @abstractmethod
    def _learn(self, action: GenotypeArray, advantage: float, note: float | None) -> None:
        """Learn the advantage of actions `(d,)`, with what was noted when they were drawn; None for a design."""

    def _note(self, action: GenotypeArray) -> float | None:
        """What to keep of actions `(d,)` that were just drawn, until they are told."""
        return None


class TabularPolicySearch(PolicySearch):
    """An independent categorical distribution for each position of the genotype, given by logits."""

    def _begin_policy(self, logits: FloatArray) -> None:
        self._logits = logits
        self._first, self._second, self._steps = np.zeros_like(logits), np.zeros_like(logits), 0

    def _draw(self, count: int) -> GenotypeArray:
        cumulative = softmax(self._logits, self._exists).cumsum(axis=1)
        draws = self.rng.random((count, len(cumulative)))
        actions = (draws[:, :, None] >= cumulative[:, :-1]).sum(axis=2).astype(np.int8)  # (count, d)
        options: GenotypeArray = np.minimum(actions, self._last_options)  # sums may round below 1
        return options

    def _ascend(self, gradient: FloatArray) -> None:
        """A step of Adam along the gradient `(d, most choices)` of the expected advantage, and of the entropy bonus."""
        gradient = gradient + self.entropy * entropy_gradient(self._logits, self._exists)
        self._steps += 1
        self._first = 0.9 * self._first + 0.1 * gradient
        self._second = 0.999 * self._second + 0.001 * gradient**2
        first, second = self._first / (1 - 0.9**self._steps), self._second / (1 - 0.999**self._steps)
        self._logits += self.learning_rate * first / (np.sqrt(second) + 1e-8)


def first_logits(space: Space, rng: np.random.Generator) -> FloatArray:
    """Logits `(d, most choices)` of a policy that takes each option as often as uniform samples of the space do.

    With equal chances it would hardly leave the small cells of spaces such as NAS-Bench-101.
    """
    samples = space.sample(PRIOR_SAMPLES, rng)
    counts = (samples[:, :, None] == np.arange(max(space.cardinalities))).sum(axis=0)
    logits: FloatArray = np.log(counts + 1.0)
    return logits


def softmax(logits: FloatArray, exists: BoolArray) -> FloatArray:
    """Probabilities `(d, k)` of the options that exist at each of `d` positions."""
    weights = np.where(exists, np.exp(logits - np.where(exists, logits, -np.inf).max(axis=1, keepdims=True)), 0.0)
    result: FloatArray = weights / weights.sum(axis=1, keepdims=True)
    return result


def policy_gradient(logits: FloatArray, exists: BoolArray, action: GenotypeArray, advantage: float) -> FloatArray:
    """Gradient `(d, k)` of `advantage * log p(action)`: advantage (one-hot action - p) (Williams, 1992, Section 4)."""
    chosen = action[:, None] == np.arange(logits.shape[1])
    result: FloatArray = advantage * (chosen - softmax(logits, exists))
    return result


def entropy_gradient(logits: FloatArray, exists: BoolArray) -> FloatArray:
    """Gradient `(d, k)` of the entropy of each position: -p (log p + entropy)."""
    p = softmax(logits, exists)
    log_p = np.log(np.where(p > 0, p, 1.0))
    result: FloatArray = -p * (log_p - (p * log_p).sum(axis=1, keepdims=True))
    return result
