"""Synaptic flow: total flow through the absolute values of all weights, without data (Tanaka et al., 2020)."""

import torch

from nasbench.errors import InputError
from nasbench.measures.proxies.base import Proxy
from nasbench.measures.proxies.parts import batch_norms, slopes, total, weights
from nasbench.tasks import Task


class SynFlow(Proxy):
    """`log(1 + sum of |w dR/dw|)` over all weights `w`, with `R` the sum of the outputs.

    The input is all ones, parameters are replaced by their absolute values, and batch normalisations are skipped, as
    in Abdelfattah et al. (2021). The sum grows exponentially with depth and needs double precision; its logarithm has
    a common scale, and is 0 if nothing flows.
    """

    name = "synflow"
    paper = "Tanaka et al. (2020), Pruning neural networks without any data, arXiv:2006.05467"
    needs = "nothing"
    units = "nats"

    def _score(self, network: torch.nn.Module, task: Task, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        if not inputs.is_floating_point():
            raise InputError(f"synflow needs inputs that can be all ones; those of {task.name} are indices")
        network.eval().double()
        for norm in batch_norms(network):
            norm.register_forward_hook(lambda module, inputs, output: inputs[0])
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.abs_()
        layers = weights(network)
        flow = total(network(torch.ones_like(inputs, dtype=torch.float64)))
        return total([(w * slope).abs() for w, slope in zip(layers, slopes(flow, layers), strict=True)]).log1p().item()
