"""Connection sensitivity: how much the loss depends on whether each weight is there (SNIP: Lee et al., 2019)."""

import torch

from nasbench.measures.proxies.base import Proxy
from nasbench.measures.proxies.parts import slopes, total, weights
from nasbench.tasks import Task


class SNIP(Proxy):
    """`sum of |w dL/dw|` over all weights `w`, with `L` the loss of the batch.

    `w dL/dw` is the derivative of the loss with respect to a factor that is 1 where the weight is there, and 0 where
    it is not.
    """

    paper = "Lee et al. (2019), SNIP: Single-shot network pruning based on connection sensitivity, arXiv:1810.02340"
    needs = "targets"

    def _score(self, network: torch.nn.Module, task: Task, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        found = weights(network)
        loss = task.loss(network(inputs), targets)
        return total([(w * slope).abs() for w, slope in zip(found, slopes(loss, found), strict=True)]).item()
