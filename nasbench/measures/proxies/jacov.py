"""Jacobian covariance: whether a network reacts differently to each input (Mellor et al., 2020)."""

import math

import torch

from nasbench.errors import InputError
from nasbench.measures.proxies.base import Proxy
from nasbench.measures.proxies.parts import slopes, total
from nasbench.tasks import Task

EPSILON = 1e-5
"""Added to the eigenvalues, to keep logarithm and quotient finite."""
MIN_INFLUENCE = 1e-4
"""Smallest influence of the inputs relative to the outputs; rounding is near 1e-6, real influence above 1e-3."""


class JacobianCovariance(Proxy):
    """`-sum of log(s + k) + 1 / (s + k)` over the eigenvalues `s` of the correlation matrix of the Jacobian's rows.

    Row i is the gradient, with respect to input i, of the sum of all outputs of the batch; `k` is 1e-5. From the first
    version of the paper.

    There is no value if a row is constant (no information passes), or if the sum depends on the inputs by rounding
    errors only. The latter happens without a non-linearity between the last batch normalisation and the average over
    an image, as in NASNet and TransNAS-Bench-101: the normalisation then fixes the means over the batch.
    """

    name = "jacov"
    paper = "Mellor et al. (2020), Neural architecture search without training, arXiv:2006.04647v1"
    needs = "inputs"
    units = "nats"

    def _score(self, network: torch.nn.Module, task: Task, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        if not inputs.is_floating_point():
            raise InputError(f"jacov needs inputs that have gradients; those of {task.name} are indices")
        x = inputs.detach().clone().requires_grad_()
        outputs = network(x)
        (jacobian,) = slopes(total(outputs), [x])
        size = total(outputs.abs() if isinstance(outputs, torch.Tensor) else [part.abs() for part in outputs])
        if jacobian.norm() * x.norm() <= MIN_INFLUENCE * size:
            return math.nan
        return spread(jacobian.flatten(1))


def spread(jacobian: torch.Tensor) -> float:
    """Score of a Jacobian `(n, d)`; NaN if a row is constant."""
    rows = jacobian.double()
    rows = rows - rows.mean(dim=1, keepdim=True)
    rows = rows / rows.norm(dim=1, keepdim=True)
    if not rows.isfinite().all():
        return math.nan
    s = torch.linalg.eigvalsh(rows @ rows.T).clamp(min=0) + EPSILON
    score: float = -(s.log() + 1 / s).sum().item()
    return score
