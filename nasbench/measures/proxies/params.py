"""Parameters: the larger network is the better, a baseline of every proxy (White et al., 2022)."""

import torch

from nasbench.measures import parameters
from nasbench.measures.proxies.base import Proxy
from nasbench.tasks import Task


class Parameters(Proxy):
    """Number of trainable parameters, as `nasbench.measures.parameters` counts them."""

    paper = "White et al. (2022), A deeper look at zero-cost proxies for lightweight NAS, ICLR blog track"
    needs = "nothing"
    units = "count"

    def _score(self, network: torch.nn.Module, task: Task, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        return float(parameters(network))
