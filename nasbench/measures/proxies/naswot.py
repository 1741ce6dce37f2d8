"""Activation codes: how well the ReLUs of a network distinguish inputs (NASWOT: Mellor et al., 2021)."""

import math
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from nasbench.errors import InputError
from nasbench.measures.proxies.base import Proxy
from nasbench.tasks import Task
from nasbench.tasks.nodes import NodeClassification

RECTIFIERS = frozenset({"relu", "leaky_relu", "relu6", "hardtanh", "hardswish", "silu", "gelu"})
"""Functions whose inputs are read; ReLU6 is computed as `hardtanh`."""


class NASWOT(Proxy):
    """`log |det K|`, with `K[i, j]` the number of units that have the same code for inputs i and j.

    The code of a unit is the sign of its pre-activation; ReLU and its relatives (leaky ReLU, ReLU6, hard swish, SiLU,
    GELU) count. There is no value if two inputs have the same codes.
    """

    name = "naswot"
    paper = "Mellor et al. (2021), Neural architecture search without training, arXiv:2006.04647"
    needs = "inputs"
    units = "nats"

    def _score(self, network: torch.nn.Module, task: Task, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        if isinstance(task, NodeClassification):
            raise InputError("naswot needs separate codes for each input; the nodes of a graph share activations")
        with torch.no_grad(), _Agreements(len(inputs)) as seen:
            network(inputs)
        if seen.kernel is None:
            raise InputError("naswot needs a network with ReLUs or their relatives; this one has none")
        return log_determinant(seen.kernel)


class _Agreements(TorchFunctionMode):
    """Sum of `agreement` over all rectifiers that are computed for `n` inputs within the context."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n
        self.kernel: torch.Tensor | None = None

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.__name__.rstrip("_") in RECTIFIERS:
            x = args[0] if args else kwargs["input"]
            if x.dim() > 1 and len(x) == self.n:
                agreed = agreement(x.flatten(1) > 0)
                self.kernel = agreed if self.kernel is None else self.kernel + agreed
        return func(*args, **(kwargs or {}))


def agreement(codes: torch.Tensor) -> torch.Tensor:
    """Number of equal places of each pair of boolean codes `(n, d)`; shape `(n, n)`, float64."""
    signs = 2 * codes.float() - 1
    return (codes.shape[1] + (signs @ signs.T).double()) / 2


def log_determinant(kernel: torch.Tensor) -> float:
    """Natural logarithm of the determinant of a positive semidefinite matrix; minus infinity if it is singular."""
    values = torch.linalg.eigvalsh(kernel)
    singular = values[0] <= len(values) * torch.finfo(values.dtype).eps * values[-1]
    return -math.inf if singular else values.log().sum().item()
