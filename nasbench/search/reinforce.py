"""Reinforcement learning of a policy over genotypes by REINFORCE (Williams, 1992; Zoph & Le, 2017)."""

from __future__ import annotations

from nasbench.search.policy import TabularPolicySearch, policy_gradient
from nasbench.types import GenotypeArray


class Reinforce(TabularPolicySearch):
    """An independent categorical distribution for each position of the genotype, updated after every evaluation.

    Actions go through `space.repair`, and invalid ones are drawn again. The first policy takes each option as often as
    uniform samples of the space do. The reward is the score minus a moving average, in units of the moving standard
    deviation, so that the settings fit any metric.

    Args:
        learning_rate: Step size of Adam (Kingma & Ba, 2015) on the logits.
        decay: Weight of the past in the moving average and variance of the score.
        entropy: Weight of an entropy bonus.
    """

    def __init__(self, learning_rate: float = 0.05, decay: float = 0.9, entropy: float = 0.0) -> None:
        super().__init__(learning_rate, decay, entropy)

    def _learn(self, action: GenotypeArray, advantage: float, note: float | None) -> None:
        self._ascend(policy_gradient(self._logits, self._exists, action, advantage))
