"""Number of trainable parameters, also a baseline of every zero-cost proxy (White et al., 2022)."""

from __future__ import annotations

import torch

from nasbench.measures.proxies.base import Proxy
from nasbench.tasks import Task


def parameters(network: torch.nn.Module) -> int:
    """Number of trainable parameters; a tensor shared by several modules counts once."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


class Parameters(Proxy):
    """Number of trainable parameters. A table records it as a cost; as a proxy, more is better."""

    name = "parameters"
    paper = "White et al. (2022), A deeper look at zero-cost proxies for lightweight NAS, ICLR blog track"
    needs = "nothing"
    units = "count"
    direction = "minimise"
    description = "Trainable parameters."

    def _score(self, network: torch.nn.Module, task: Task, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        return float(parameters(network))
