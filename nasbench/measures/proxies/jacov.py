"""Covariance of the Jacobian: whether a network reacts differently to each input (Mellor et al., 2020)."""

import math

import torch

from nasbench.errors import InputError
from nasbench.measures.proxies.base import Proxy
from nasbench.measures.proxies.parts import slopes, total
from nasbench.tasks import Task

K = 1e-5
"""What keeps logarithm and quotient finite."""
ROUNDING = 1e-4
"""Influence of the inputs, relative to the answers, below which it is rounding: that is 1e-6, others are above 1e-3."""


class JacobianCovariance(Proxy):
    """`-sum of log(s + k) + 1 / (s + k)` over the eigenvalues `s` of the correlations of the rows of the Jacobian.

    Row i is the gradient, with respect to input i, of the sum of all that the network answers to the batch; `k` is
    1e-5. From the first version of the paper.

    There is no value where a row is constant, as where nothing passes, nor where the sum does not depend on the inputs
    but for rounding. So it is where nothing bends between the last batch normalisation and the average over an image,
    as in NASNet and TransNAS-Bench-101: means over the batch are then what the normalisation makes them.
    """

    paper = "Mellor et al. (2020), Neural architecture search without training, arXiv:2006.04647v1"
    needs = "inputs"
    units = "nats"

    def _score(self, network: torch.nn.Module, task: Task, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        if not inputs.is_floating_point():
            raise InputError(f"jacov needs inputs that have gradients; those of {task.name} are numbers of things")
        x = inputs.detach().clone().requires_grad_()
        answers = network(x)
        (jacobian,) = slopes(total(answers), [x])
        size = total(answers.abs() if isinstance(answers, torch.Tensor) else [part.abs() for part in answers])
        if jacobian.norm() * x.norm() <= ROUNDING * size:
            return math.nan
        return spread(jacobian.flatten(1))


def spread(jacobian: torch.Tensor) -> float:
    """The score of a Jacobian `(n, d)`; NaN where a row is constant."""
    rows = jacobian.double()
    rows = rows - rows.mean(dim=1, keepdim=True)
    rows = rows / rows.norm(dim=1, keepdim=True)
    if not rows.isfinite().all():
        return math.nan
    s = torch.linalg.eigvalsh(rows @ rows.T).clamp(min=0) + K
    score: float = -(s.log() + 1 / s).sum().item()
    return score
