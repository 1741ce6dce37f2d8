"""Synaptic flow: what flows through the absolute values of all weights, without data (Tanaka et al., 2020)."""

import torch

from nasbench.errors import InputError
from nasbench.measures.proxies.base import Proxy
from nasbench.measures.proxies.parts import batch_norms, slopes, total, weights
from nasbench.tasks import Task


class SynFlow(Proxy):
    """`log(1 + sum of |w dR/dw|)` over all weights `w`, with `R` the sum of what the network answers.

    It answers one input of ones, with the absolute value of each parameter and, as Abdelfattah et al. (2021) have it,
    without batch normalisation. The sum grows by a factor with each layer and needs double precision; its logarithm
    has the size of other numbers, and is 0 where nothing flows.
    """

    paper = "Tanaka et al. (2020), Pruning neural networks without any data, arXiv:2006.05467"
    needs = "nothing"
    units = "nats"

    def _score(self, network: torch.nn.Module, task: Task, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        if not inputs.is_floating_point():
            raise InputError(f"synflow needs inputs that can be all ones; those of {task.name} are numbers of things")
        network.eval().double()
        for norm in batch_norms(network):
            norm.register_forward_hook(lambda module, arrived, output: arrived[0])
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.abs_()
        found = weights(network)
        flow = total(network(torch.ones_like(inputs, dtype=torch.float64)))
        return total([(w * slope).abs() for w, slope in zip(found, slopes(flow, found), strict=True)]).log1p().item()
