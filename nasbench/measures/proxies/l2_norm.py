"""Weight norm: size of the initial weights of each layer (Abdelfattah et al., 2021)."""

import torch

from nasbench.measures.proxies.base import Proxy
from nasbench.measures.proxies.parts import total, weights
from nasbench.tasks import Task


class WeightNorm(Proxy):
    """`sum over layers of ||W||`, with `W` the weights of a layer."""

    name = "l2_norm"
    paper = "Abdelfattah et al. (2021), Zero-cost proxies for lightweight NAS, arXiv:2101.08134"
    needs = "nothing"

    def _score(self, network: torch.nn.Module, task: Task, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        return total([weight.norm() for weight in weights(network)]).item()
