"""LSTM controller that samples one choice after another, by REINFORCE (Zoph & Le, 2017; Pham et al., 2018)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nasbench.checks import check_whole
from nasbench.search.policy import PolicySearch
from nasbench.types import FloatArray, GenotypeArray

FIRST_WEIGHT = 0.1
"""Weights begin uniformly between this and its negative, as in both papers."""


class Controller(PolicySearch):
    """A recurrent network reads the choices so far and gives the chances of the next; updated after every batch.

    Each position of the genotype has its own output layer. Its first bias makes the first policy take each option about
    as often as uniform samples of the space do. It is computed in float64, and drawn from with the numbers of the
    run's generator.

    Args:
        learning_rate: Step size of Adam (Kingma & Ba, 2015) on the weights.
        hidden: Width of the LSTM and of the embeddings of choices.
        batch: Finished evaluations in a batch.
        decay: Weight of the past in the moving average and variance of the score.
        entropy: Weight of an entropy bonus.
    """

    keeps_drawn = True

    def __init__(
        self,
        learning_rate: float = 0.03,
        hidden: int = 32,
        batch: int = 5,
        decay: float = 0.9,
        entropy: float = 0.01,
    ) -> None:
        super().__init__(learning_rate, decay, entropy)
        check_whole("hidden", hidden)
        check_whole("batch", batch)
        self.hidden, self.batch = hidden, batch

    def _begin_policy(self, logits: FloatArray) -> None:
        generator = torch.Generator().manual_seed(int(self.rng.integers(2**31)))
        d, k = logits.shape
        h = self.hidden
        shapes = {"embeddings": (d * k + 1, h), "gates": (2 * h, 4 * h), "heads": (d, h, k)}
        self._weights: dict[str, Tensor] = {}
        for name, shape in shapes.items():
            uniform = torch.rand(shape, generator=generator, dtype=torch.float64)
            self._weights[name] = FIRST_WEIGHT * (2 * uniform - 1)
        self._weights["gate_bias"] = torch.zeros(4 * h, dtype=torch.float64)
        self._weights["head_bias"] = torch.from_numpy(logits.copy())
        for weight in self._weights.values():
            weight.requires_grad_()
        self._adam = torch.optim.Adam(self._weights.values(), lr=self.learning_rate)
        self._batch: list[tuple[GenotypeArray, float]] = []

    def _draw(self, count: int) -> GenotypeArray:
        actions = np.empty((count, len(self._exists)), dtype=np.int8)
        draws = self.rng.random(actions.shape)
        with torch.no_grad():
            state = self._first_state(count)
            for position in range(actions.shape[1]):
                log_p, state = self._next(position, actions, state)
                cumulative = log_p.exp().numpy().cumsum(axis=1)[:, :-1]
                options = (draws[:, position, None] >= cumulative).sum(axis=1)
                actions[:, position] = np.minimum(options, self._last_options[position])  # sums may round below 1
        return actions

    def _learn(self, action: GenotypeArray, advantage: float, note: float | None) -> None:
        self._batch.append((action, advantage))
        if len(self._batch) < self.batch:
            return
        actions = np.array([action for action, _ in self._batch])
        advantages = torch.tensor([advantage for _, advantage in self._batch], dtype=torch.float64)
        self._batch, self._ready = [], []
        log_p, entropy = self._log_probability(actions)
        self._adam.zero_grad()
        (-(advantages * log_p + self.entropy * entropy).mean()).backward()  # type: ignore[no-untyped-call]
        self._adam.step()

    def _log_probability(self, actions: GenotypeArray) -> tuple[Tensor, Tensor]:
        """Log-probability of `(n, d)` actions and entropy of the choices on the way; each `(n,)`."""
        state = self._first_state(len(actions))
        rows = torch.arange(len(actions))
        total, entropy = torch.zeros(2, len(actions), dtype=torch.float64)
        for position in range(actions.shape[1]):
            log_p, state = self._next(position, actions, state)
            total = total + log_p[rows, torch.from_numpy(actions[:, position].astype(np.int64))]
            entropy = entropy - (log_p.exp() * log_p).sum(dim=1)
        return total, entropy

    def _first_state(self, count: int) -> tuple[Tensor, Tensor]:
        zeros = torch.zeros(count, self.hidden, dtype=torch.float64)
        return zeros, zeros

    def _next(
        self, position: int, actions: GenotypeArray, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Log-probabilities `(n, k)` of the options at a position, given those before it; and the next state."""
        w, (h, c) = self._weights, state
        last, k = len(w["embeddings"]) - 1, self._exists.shape[1]
        before = (position - 1) * k + actions[:, position - 1].astype(np.int64) if position else np.full(len(h), last)
        x = w["embeddings"][torch.from_numpy(before)]  # (n, hidden)
        i, f, g, o = (torch.cat([x, h], dim=1) @ w["gates"] + w["gate_bias"]).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        logits = h @ w["heads"][position] + w["head_bias"][position]
        exists = torch.from_numpy(self._exists[position])
        return logits.masked_fill(~exists, -1e9).log_softmax(dim=1), (h, c)
