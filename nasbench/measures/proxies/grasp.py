"""Gradient signal preservation: what each weight does for the norm of the gradient (GraSP: Wang et al., 2020)."""

import torch

from nasbench.errors import InputError
from nasbench.measures.proxies.base import Proxy
from nasbench.measures.proxies.parts import slopes, total, weights
from nasbench.tasks import Task


class GraSP(Proxy):
    """`-w . H g` of all weights `w`, with `g` the gradient of the loss of the batch and `H` its Hessian.

    `H g` is the gradient of `g . c`, where `c` is what `g` is here, and constant.
    """

    paper = "Wang et al. (2020), Picking winning tickets before training by preserving gradient flow, arXiv:2002.07376"
    needs = "targets"

    def _score(self, network: torch.nn.Module, task: Task, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        found = weights(network)
        g = slopes(task.loss(network(inputs), targets), found, create_graph=True)
        product = total([slope * slope.detach() for slope in g])
        try:
            curved = slopes(product, found)
        except RuntimeError as error:
            raise InputError(f"grasp needs a network that can be differentiated twice; of this one, {error}") from error
        return -total([w * hg for w, hg in zip(found, curved, strict=True)]).item()
