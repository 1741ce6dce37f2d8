"""Bagged graph neural networks: sums over the neighbours in both directions (Xu et al., 2019; Wen et al., 2020)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nasbench.predictors.bagging import bootstrap, out_of_bag_noise
from nasbench.predictors.base import Prediction, Predictor
from nasbench.predictors.encodings import flow
from nasbench.types import FloatArray, GenotypeArray

BATCH = 64
"""Most architectures in a step of training."""
EPOCHS = 100
"""How often each architecture is seen at least."""


class GNN(Predictor):
    """Mean of networks on the flow of the cell, each trained on a bootstrap sample; all train at once.

    A node is known by its operation, by whether information passes through it, and by its numeric attributes.

    A layer adds, for every node, linear maps of itself, of the sum of its predecessors and of the sum of its
    successors. The sums over the nodes after every layer are read out by a network of one hidden layer. The variance
    is that between the networks plus a noise learnt from out-of-bag errors.

    Args:
        members: Number of networks.
        hidden: Width.
        layers: Rounds of messages.
        steps: Steps of AdamW; more where architectures would be seen less than 100 times each.
        rate: Highest learning rate; it falls to zero along half a cosine.
        decay: Weight decay.
        seed: Seed of the bootstrap samples, the initial weights and the batches.
    """

    def __init__(
        self,
        members: int = 5,
        hidden: int = 32,
        layers: int = 2,
        steps: int = 300,
        rate: float = 0.01,
        decay: float = 0.1,
        seed: int = 0,
    ) -> None:
        self.members, self.hidden, self.layers = members, hidden, layers
        self.steps, self.rate, self.decay, self.seed = steps, rate, decay, seed

    def _fit(self, genotypes: GenotypeArray, z: FloatArray) -> None:
        largest = np.abs(self.space_.node_values(genotypes)).max(axis=(0, 1), initial=0)
        self.largest_ = np.where(largest > 0, largest, 1.0)  # of each numeric attribute
        cells, n, rng = self._cells(genotypes), len(z), np.random.default_rng(self.seed)
        counts = bootstrap(n, self.members, rng)
        self.weights_ = self._initial(cells.nodes.shape[-1], torch.Generator().manual_seed(self.seed))
        optimiser = torch.optim.AdamW(
            [weight.requires_grad_() for weight in self.weights_], lr=self.rate, weight_decay=self.decay
        )
        total = max(self.steps, EPOCHS * n // BATCH)
        weight = torch.from_numpy(counts).float()  # (members, n)
        target = torch.from_numpy(z).float()
        for step, rows in enumerate(_batches(n, total, rng)):
            for group in optimiser.param_groups:
                group["lr"] = self.rate * 0.5 * (1 + math.cos(math.pi * step / total))
            error = self._forward(cells.take(rows)) - target[rows]  # (members, batch)
            loss = (weight[:, rows] * error**2).mean(dim=1).sum()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        self.weights_ = [weight.detach() for weight in self.weights_]
        self.noise_ = out_of_bag_noise(self._members(genotypes), counts, z)

    def _predict(self, genotypes: GenotypeArray) -> Prediction:
        members = self._members(genotypes)
        return Prediction(members.mean(axis=0), np.sqrt(members.var(axis=0) + self.noise_))

    def _members(self, genotypes: GenotypeArray) -> FloatArray:
        """Predictions `(members, n)`."""
        cells = self._cells(genotypes)
        with torch.no_grad():
            parts = [self._forward(cells.take(rows)) for rows in torch.split(torch.arange(len(genotypes)), 4 * BATCH)]
        return torch.cat(parts, dim=1).double().numpy()

    def _cells(self, genotypes: GenotypeArray) -> _Cells:
        cells = flow(self.space_, genotypes)
        values = self.space_.node_values(genotypes) / self.largest_
        nodes = np.concatenate([cells.labels, cells.labels * cells.live[:, :, None], values], axis=-1)
        return _Cells(torch.from_numpy(nodes).float(), torch.from_numpy(cells.edges).float())

    def _forward(self, cells: _Cells) -> Tensor:
        """Predictions `(members, batch)` of every network."""
        *layers, w1, b1, w2, b2 = self.weights_
        n, v, _ = cells.nodes.shape
        h = cells.nodes.expand(self.members, n, v, -1)
        pooled = [h.sum(dim=2)]
        for weight, bias in zip(layers[::2], layers[1::2], strict=True):
            messages = torch.cat([h, cells.edges.mT @ h, cells.edges @ h], dim=-1)  # (members, batch, nodes, 3 width)
            h = torch.relu(messages.flatten(1, 2) @ weight + bias).view(self.members, n, v, -1)
            pooled.append(h.sum(dim=2))
        summed = torch.cat(pooled, dim=-1)  # (members, batch, widths)
        return (torch.relu(summed @ w1 + b1) @ w2 + b2)[:, :, 0]

    def _initial(self, inputs: int, generator: torch.Generator) -> list[Tensor]:
        """Weights `(members, in, out)` of variance 2 / in (He et al., 2015) and zero biases, layer by layer."""
        widths = [inputs] + [self.hidden] * self.layers
        shapes = [(3 * a, b) for a, b in pairwise(widths)] + [
            (sum(widths), self.hidden),
            (self.hidden, 1),
        ]
        weights = []
        for fan_in, fan_out in shapes:
            normal = torch.randn(self.members, fan_in, fan_out, generator=generator)
            weights += [normal * math.sqrt(2 / fan_in), torch.zeros(self.members, 1, fan_out)]
        return weights

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        weights = {f"weight_{i}": weight.numpy() for i, weight in enumerate(self.weights_)}
        return {"noise": np.array(self.noise_), "largest": self.largest_, **weights}

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self.noise_, self.largest_ = float(state["noise"]), state["largest"]
        count = 2 * (self.layers + 2)
        self.weights_ = [torch.from_numpy(state[f"weight_{i}"]) for i in range(count)]


class _Cells(NamedTuple):
    """Cells as tensors: `nodes` `(n, v, features)` and `edges` `(n, v, v)`."""

    nodes: Tensor
    edges: Tensor

    def take(self, rows: Tensor) -> _Cells:
        return _Cells(self.nodes[rows], self.edges[rows])


def _batches(n: int, steps: int, rng: np.random.Generator) -> Iterator[Tensor]:
    """Row numbers of each step: all rows where they fit in a batch, else without replacement within an epoch."""
    queue = np.empty(0, dtype=np.int64)
    for _ in range(steps):
        if n <= BATCH:
            yield torch.arange(n)
            continue
        if len(queue) < BATCH:
            queue = np.concatenate([queue, rng.permutation(n)])
        yield torch.from_numpy(queue[:BATCH])
        queue = queue[BATCH:]
