"""Shared parts of proxies: weights, batch normalisations and gradients of a network."""

from collections.abc import Sequence

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from nasbench.errors import InputError


def weights(network: torch.nn.Module) -> list[torch.nn.Parameter]:
    """Trainable matrices and kernels: parameters with at least two axes, so no biases and normalisations.

    Raises:
        InputError: There are none.
    """
    layers = [parameter for parameter in network.parameters() if parameter.dim() > 1 and parameter.requires_grad]
    if not layers:
        raise InputError("the network has no weights that are trained, which this proxy needs")
    return layers


def batch_norms(network: torch.nn.Module) -> list[_BatchNorm]:
    """Batch normalisations of a network, of any dimension."""
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]


def total(parts: torch.Tensor | Sequence[torch.Tensor]) -> torch.Tensor:
    """Sum over all elements of one tensor or several; a scalar."""
    return parts.sum() if isinstance(parts, torch.Tensor) else torch.stack([part.sum() for part in parts]).sum()


def slopes(
    scalar: torch.Tensor, tensors: Sequence[torch.Tensor], *, create_graph: bool = False
) -> tuple[torch.Tensor, ...]:
    """Gradients of a scalar with respect to each tensor; zeros for tensors on which it does not depend.

    Args:
        scalar: The differentiated value.
        tensors: The variables.
        create_graph: Whether the gradients will be differentiated again.
    """
    return torch.autograd.grad(scalar, tensors, create_graph=create_graph, allow_unused=True, materialize_grads=True)
