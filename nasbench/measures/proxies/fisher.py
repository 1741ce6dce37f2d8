"""Fisher pruning: effect of removing channels on the loss (Theis et al., 2018; Turner et al., 2020)."""

from typing import Any

import torch
from torch.nn.modules.conv import _ConvNd

from nasbench.measures.proxies.base import Proxy
from nasbench.measures.proxies.parts import slopes
from nasbench.tasks import Task


class Fisher(Proxy):
    """`1 / (2n) sum over channels of k sum over n inputs of (sum over places of a g)^2`.

    `a` is the output of a convolution or linear layer, and `g` the gradient of the batch loss with respect to it. A
    channel counts `k` times, once for each of its weights, as in the published tables: the code of Abdelfattah et al.
    (2021) gives every weight the score of its channel. The papers have `k = 1`.
    """

    name = "fisher"
    paper = "Turner et al. (2020), BlockSwap, arXiv:1906.04113; Theis et al. (2018), arXiv:1801.05787"
    needs = "targets"

    def _score(self, network: torch.nn.Module, task: Task, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        outputs: list[torch.Tensor] = []  # (n, ..., channels) each
        weights: list[float] = []  # weights per channel, by layer

        def keep(module: _ConvNd | torch.nn.Linear, inputs: Any, output: torch.Tensor) -> torch.Tensor:
            axis = 1 if isinstance(module, _ConvNd) else -1
            outputs.append(output.movedim(axis, -1))
            weights.append(module.weight.numel() / output.shape[axis])
            return outputs[-1].movedim(-1, axis).clone()  # an in-place ReLU must not change the recorded output

        for module in network.modules():
            if isinstance(module, _ConvNd | torch.nn.Linear):
                module.register_forward_hook(keep)
        loss = task.loss(network(inputs), targets)
        effects = map(effect, outputs, slopes(loss, outputs))
        return sum(k * each for k, each in zip(weights, effects, strict=True))


def effect(outputs: torch.Tensor, gradients: torch.Tensor) -> float:
    """Score of one layer for `k = 1`, summed over its channels; arguments of shape `(n, ..., channels)`."""
    products = (outputs * gradients).flatten(1, -2) if outputs.dim() > 2 else (outputs * gradients)[:, None]
    return products.sum(dim=1).square().mean(dim=0).sum().item() / 2
