"""What several proxies take from a network: its weights, its batch normalisations, its gradients."""

from collections.abc import Sequence

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from nasbench.errors import InputError


def weights(network: torch.nn.Module) -> list[torch.nn.Parameter]:
    """Matrices and kernels that are trained: parameters of at least two axes. Biases and normalisations have one.

    Raises:
        InputError: There are none.
    """
    found = [parameter for parameter in network.parameters() if parameter.dim() > 1 and parameter.requires_grad]
    if not found:
        raise InputError("the network has no weights that are trained, which is what this proxy looks at")
    return found


def batch_norms(network: torch.nn.Module) -> list[_BatchNorm]:
    """Its batch normalisations, of whatever number of axes."""
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]


def total(parts: torch.Tensor | Sequence[torch.Tensor]) -> torch.Tensor:
    """Sum of all values of a tensor, or of tensors of any shapes; a scalar."""
    return parts.sum() if isinstance(parts, torch.Tensor) else torch.stack([part.sum() for part in parts]).sum()


def slopes(of: torch.Tensor, by: Sequence[torch.Tensor], *, create_graph: bool = False) -> tuple[torch.Tensor, ...]:
    """Gradients of a scalar with respect to each of several tensors; zeros where it does not depend on one.

    Args:
        of: The scalar.
        by: The tensors.
        create_graph: Whether the gradients are to be differentiated once more.
    """
    return torch.autograd.grad(of, by, create_graph=create_graph, allow_unused=True, materialize_grads=True)
