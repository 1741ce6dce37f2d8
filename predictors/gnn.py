"""Bagged graph neural networks that rank: sums over the neighbours both ways (Xu et al., 2019; Wen et al., 2020)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nasbench.errors import InputError
from nasbench.predictors.bagging import Bagging, bootstrap, calibrated, out_of_bag_noise
from nasbench.predictors.base import at_least, between
from nasbench.predictors.encodings import DEFAULT, FIRST_DEFAULT, STRUCTURE, encode, split_names, units, variances
from nasbench.predictors.encodings.flow import flow
from nasbench.predictors.inputs import Inputs
from nasbench.predictors.losses import LOSSES
from nasbench.predictors.ranges import LogRange, OneOf, WholeRange, ranges
from nasbench.spaces.base import Space
from nasbench.types import FloatArray

BATCH_SIZE = 64
"""Maximum number of architectures in a training step."""
MIN_EPOCHS = 100
"""Minimum number of passes over the architectures."""


class GNN(Bagging):
    """Mean of networks on the flow of the cell, each trained on a bootstrap sample; all train at once.

    A node has its operation, whether information passes through it, and its numeric attributes. A layer adds, for every
    node, linear maps of itself, of the sum of its predecessors and of the sum of its successors. A network of one
    hidden layer reads out the sums over the nodes after every layer, and the features of the whole graph. A loss that
    only ranks leaves scores without a unit: a line fitted to out-of-bag scores takes them to the targets. The variance
    is the spread between the networks plus noise estimated from out-of-bag errors.

    Args:
        features: What is read out besides the graph, joined by `/`: encodings, columns and curves; see
            `nasbench.predictors.encodings`. `default` stands for the graph and what flows through it.
        members: Number of networks.
        hidden: Width.
        layers: Rounds of messages.
        steps: Steps of AdamW; more where architectures would be seen less than 100 times each.
        rate: Highest learning rate; it falls to zero along half a cosine.
        decay: Weight decay.
        loss: What training minimises, a name in `nasbench.predictors.losses`.
        seed: Seed of the bootstrap samples, the initial weights and the batches.
    """

    tunable = ranges(
        hidden=OneOf((16, 32, 64)),
        layers=WholeRange(1, 4),
        rate=LogRange(0.001, 0.05),
        decay=LogRange(0.001, 1.0),
        loss=OneOf(tuple(LOSSES)),
    )

    def __init__(
        self,
        features: str = DEFAULT,
        members: int = 5,
        hidden: int = 32,
        layers: int = 2,
        steps: int = 300,
        rate: float = 0.01,
        decay: float = 0.1,
        loss: str = "hinge",
        seed: int = 0,
    ) -> None:
        self.features, self.members, self.hidden, self.layers = features, members, hidden, layers
        self.steps, self.rate, self.decay, self.loss, self.seed = steps, rate, decay, loss, seed

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        at_least(self, 1, "members", "hidden")
        at_least(self, 0, "layers", "steps", "seed")
        between(self, 0, 1, "rate", "decay")
        if self.loss not in LOSSES:
            raise InputError(f"loss of GNN is one of {', '.join(LOSSES)}; got {self.loss!r}")
        self.names_ = _read_out(self.features, self.space_)
        largest = np.abs(self.space_.node_values(inputs.genotypes)).max(axis=(0, 1), initial=0)
        self.largest_ = np.where(largest > 0, largest, 1.0)  # of each numeric attribute
        features = self._graph_features(inputs)
        spread = np.sqrt(variances(features))
        self.centre_ = features.mean(axis=0)
        self.unit_ = units(spread, self.centre_)
        cells, n, rng = self._cells(inputs), len(z), np.random.default_rng(self.seed)
        counts = bootstrap(n, self.members, rng)
        sizes = cells.nodes.shape[-1], features.shape[1]
        self.weights_ = self._initial(*sizes, torch.Generator().manual_seed(self.seed))
        optimiser = torch.optim.AdamW(
            [weight.requires_grad_() for weight in self.weights_], lr=self.rate, weight_decay=self.decay
        )
        total = max(self.steps, MIN_EPOCHS * n // BATCH_SIZE)
        weight = torch.from_numpy(counts).float()  # (members, n)
        target = torch.from_numpy(np.round(z, 6)).float()  # rounding orders no equal targets
        loss_of = LOSSES[self.loss]
        for step, rows in enumerate(_batches(n, total, rng)):
            for group in optimiser.param_groups:
                group["lr"] = self.rate * 0.5 * (1 + math.cos(math.pi * step / total))
            loss = loss_of(self._forward(cells.take(rows)), target[rows], weight[:, rows]).sum()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        self.weights_ = [weight.detach() for weight in self.weights_]
        self.intercept_, self.slope_ = np.zeros((self.members, 1)), np.ones((self.members, 1))
        if self.loss != "mse":
            self.intercept_, self.slope_ = calibrated(self._members(inputs), counts, z)
        self.noise_ = out_of_bag_noise(self._members(inputs), counts, z)

    def _members(self, inputs: Inputs) -> FloatArray:
        cells = self._cells(inputs)
        with torch.no_grad():
            batches = torch.split(torch.arange(len(inputs)), 4 * BATCH_SIZE)
            outputs = [self._forward(cells.take(rows)) for rows in batches]
        members: FloatArray = self.intercept_ + self.slope_ * torch.cat(outputs, dim=1).double().numpy()
        return members

    def expected(self, inputs: Inputs) -> Callable[[Tensor], Tensor]:
        """Predictions at expected features, differentiable by the probabilities of architectures.

        Args:
            inputs: `n` architectures, between whose features it interpolates.

        Returns:
            Function of weights `(b, n)` that add up to 1: the mean of all networks at the weighted mean of nodes, edges
            and features, `(b,)`, in transformed targets.
        """
        cells = self._cells(inputs)
        slope, intercept = (torch.from_numpy(part).float() for part in (self.slope_, self.intercept_))

        def predict(weights: Tensor) -> Tensor:
            parts = ((weights @ part.flatten(1)).view(len(weights), *part.shape[1:]) for part in cells)
            return (intercept + slope * self._forward(_Cells(*parts))).mean(dim=0)

        return predict

    def _graph_features(self, inputs: Inputs) -> FloatArray:
        """Features `(n, f)` of whole graphs."""
        return encode(inputs, self.names_)[0]

    def _cells(self, inputs: Inputs) -> _Cells:
        cells = flow(self.space_, inputs.genotypes)
        values = self.space_.node_values(inputs.genotypes) / self.largest_
        nodes = np.concatenate([cells.labels, cells.labels * cells.live[:, :, None], values], axis=-1)
        features = (self._graph_features(inputs) - self.centre_) / self.unit_
        return _Cells(*(torch.from_numpy(array).float() for array in (nodes, cells.edges, features)))

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
        pooled.append(cells.features.expand(self.members, n, -1))
        summed = torch.cat(pooled, dim=-1)  # (members, batch, widths + features)
        return (torch.relu(summed @ w1 + b1) @ w2 + b2)[:, :, 0]

    def _initial(self, inputs: int, features: int, generator: torch.Generator) -> list[Tensor]:
        """Weights `(members, in, out)` of variance 2 / in (He et al., 2015) and zero biases, layer by layer."""
        widths = [inputs] + [self.hidden] * self.layers
        shapes = [(3 * a, b) for a, b in pairwise(widths)] + [
            (sum(widths) + features, self.hidden),
            (self.hidden, 1),
        ]
        weights = []
        for fan_in, fan_out in shapes:
            normal = torch.randn(self.members, fan_in, fan_out, generator=generator)
            weights += [normal * math.sqrt(2 / fan_in), torch.zeros(self.members, 1, fan_out)]
        return weights

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        weights = {f"weight_{i}": weight.numpy() for i, weight in enumerate(self.weights_)}
        scales = {"largest": self.largest_, "centre": self.centre_, "unit": self.unit_}
        line = {"intercept": self.intercept_, "slope": self.slope_}
        return {"noise": np.array(self.noise_), **scales, **line, **weights}

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self.noise_, self.largest_ = float(state["noise"]), state["largest"]
        nothing = np.zeros(0)  # of files written before graphs had features
        self.centre_, self.unit_ = state.get("centre", nothing), state.get("unit", nothing)
        self.names_ = _read_out(self.features, self.space_, flows="slope" in state)
        self.intercept_, self.slope_ = state.get("intercept", np.zeros(1)), state.get("slope", np.ones(1))
        count = 2 * (self.layers + 2)
        self.weights_ = [torch.from_numpy(state[f"weight_{i}"]) for i in range(count)]


class _Cells(NamedTuple):
    """Cells as tensors: `nodes` `(n, v, inputs)`, `edges` `(n, v, v)` and `features` `(n, f)` of whole graphs."""

    nodes: Tensor
    edges: Tensor
    features: Tensor

    def take(self, rows: Tensor) -> _Cells:
        return _Cells(self.nodes[rows], self.edges[rows], self.features[rows])


def _read_out(features: str, space: Space, flows: bool = True) -> str:
    """Names of what is read out besides the graph: for `default`, what flows through cells, if it does so at all."""
    flow_features = split_names(STRUCTURE) if flows and not space.attributes else []
    names = [flow_features if name == DEFAULT else [name] for name in split_names(features) if name != FIRST_DEFAULT]
    return "/".join(name for some in names for name in some)


def _batches(n: int, steps: int, rng: np.random.Generator) -> Iterator[Tensor]:
    """Row numbers of each step: all rows where they fit in a batch, else without replacement within an epoch."""
    queue = np.empty(0, dtype=np.int64)
    for _ in range(steps):
        if n <= BATCH_SIZE:
            yield torch.arange(n)
            continue
        if len(queue) < BATCH_SIZE:
            queue = np.concatenate([queue, rng.permutation(n)])
        yield torch.from_numpy(queue[:BATCH_SIZE])
        queue = queue[BATCH_SIZE:]
