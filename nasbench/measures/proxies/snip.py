"""Connection sensitivity: effect of removing each weight on the loss (SNIP: Lee et al., 2019)."""

import torch

from nasbench.measures.proxies.base import Proxy
from nasbench.measures.proxies.parts import slopes, total, weights
from nasbench.tasks import Task


class SNIP(Proxy):
    """`sum of |w dL/dw|` over all weights `w`, with `L` the batch loss.

    `w dL/dw` is the derivative of the loss with respect to a mask of the weight: 1 keeps it, 0 removes it.
    """

    name = "snip"
    paper = "Lee et al. (2019), SNIP: Single-shot network pruning based on connection sensitivity, arXiv:1810.02340"
    needs = "targets"

    def _score(self, network: torch.nn.Module, task: Task, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        layers = weights(network)
        loss = task.loss(network(inputs), targets)
        return total([(w * slope).abs() for w, slope in zip(layers, slopes(loss, layers), strict=True)]).item()
