"""Fisher pruning: what leaving out channels would do to the loss (Theis et al., 2018; Turner et al., 2020)."""

from typing import Any

import torch
from torch.nn.modules.conv import _ConvNd

from nasbench.measures.proxies.base import Proxy
from nasbench.measures.proxies.parts import slopes
from nasbench.tasks import Task


class Fisher(Proxy):
    """`1 / (2n) sum over channels of k sum over n inputs of (sum over places of a g)^2`.

    `a` is what a convolution or linear layer answers, and `g` the gradient of the loss of the batch with respect to it.
    A channel counts `k` times, once for each of its weights, as in the published tables: the code of Abdelfattah et
    al. (2021) gives every weight the score of its channel. The papers have `k = 1`.
    """

    paper = "Turner et al. (2020), BlockSwap, arXiv:1906.04113; Theis et al. (2018), arXiv:1801.05787"
    needs = "targets"

    def _score(self, network: torch.nn.Module, task: Task, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        answers: list[torch.Tensor] = []  # (n, ..., channels) each
        weights: list[float] = []  # of each of its channels

        def keep(module: _ConvNd | torch.nn.Linear, arrived: Any, output: torch.Tensor) -> torch.Tensor:
            axis = 1 if isinstance(module, _ConvNd) else -1
            answers.append(output.movedim(axis, -1))
            weights.append(module.weight.numel() / output.shape[axis])
            return answers[-1].movedim(-1, axis).clone()  # of which a ReLU in place may make what it likes

        for module in network.modules():
            if isinstance(module, _ConvNd | torch.nn.Linear):
                module.register_forward_hook(keep)
        loss = task.loss(network(inputs), targets)
        effects = map(effect, answers, slopes(loss, answers))
        return sum(k * each for k, each in zip(weights, effects, strict=True))


def effect(answers: torch.Tensor, gradients: torch.Tensor) -> float:
    """The sum of the formula over the channels of one layer, for `k = 1`; both of shape `(n, ..., channels)`."""
    products = (answers * gradients).flatten(1, -2) if answers.dim() > 2 else (answers * gradients)[:, None]
    return products.sum(dim=1).square().mean(dim=0).sum().item() / 2
