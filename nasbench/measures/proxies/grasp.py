"""Gradient signal preservation: effect of each weight on the gradient norm (GraSP: Wang et al., 2020)."""

import torch

from nasbench.errors import InputError
from nasbench.measures.proxies.base import Proxy
from nasbench.measures.proxies.parts import slopes, total, weights
from nasbench.tasks import Task


class GraSP(Proxy):
    """`-w . H g` over all weights `w`, with `g` the gradient of the batch loss and `H` its Hessian.

    `H g` is the gradient of `g . c`, where the constant `c` has the value of `g`.
    """

    name = "grasp"
    paper = "Wang et al. (2020), Picking winning tickets before training by preserving gradient flow, arXiv:2002.07376"
    needs = "targets"

    def _score(self, network: torch.nn.Module, task: Task, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        layers = weights(network)
        g = slopes(task.loss(network(inputs), targets), layers, create_graph=True)
        product = total([slope * slope.detach() for slope in g])
        try:
            curved = slopes(product, layers)
        except RuntimeError as error:
            raise InputError(f"grasp needs a network that can be differentiated twice; of this one, {error}") from error
        return -total([w * hg for w, hg in zip(layers, curved, strict=True)]).item()
