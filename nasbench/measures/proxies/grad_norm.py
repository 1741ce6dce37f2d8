"""Gradient norm: steepness of the loss in the weights of each layer (Abdelfattah et al., 2021)."""

import torch

from nasbench.measures.proxies.base import Proxy
from nasbench.measures.proxies.parts import slopes, total, weights
from nasbench.tasks import Task


class GradientNorm(Proxy):
    """`sum over layers of ||dL/dW||`, with `L` the batch loss and `W` the weights of a layer."""

    name = "grad_norm"
    paper = "Abdelfattah et al. (2021), Zero-cost proxies for lightweight NAS, arXiv:2101.08134"
    needs = "targets"

    def _score(self, network: torch.nn.Module, task: Task, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        loss = task.loss(network(inputs), targets)
        return total([slope.norm() for slope in slopes(loss, weights(network))]).item()
