"""Second-order architecture gradient: through one step of the weights (Liu et al., ICLR 2019, Equation 7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

Loss: TypeAlias = Callable[[Sequence[Tensor]], Tensor]
"""Loss as a function of the weights; it may depend on the architecture parameters too."""


def unrolled_gradient(
    training_loss: Loss, validation_loss: Loss, weights: Sequence[Tensor], parameters: Sequence[Tensor], rate: float
) -> list[Tensor]:
    """Gradient of the validation loss at `w - rate * dL_train/dw` by the architecture parameters.

    The product with the Hessian is exact, by differentiating twice; the authors approximate it by a finite difference.

    Args:
        training_loss: Loss of the step that is unrolled.
        validation_loss: Loss after it.
        weights: The weights `w`, leaves of the graph; not changed.
        parameters: Architecture parameters, leaves.
        rate: Learning rate of the step.

    Returns:
        Gradient by each of the parameters.
    """
    slope = _gradients(training_loss(weights), weights, create_graph=True)
    ahead = [(w - rate * g).detach().requires_grad_() for w, g in zip(weights, slope, strict=True)]
    direct = _gradients(validation_loss(ahead), [*parameters, *ahead])
    direct, vector = direct[: len(parameters)], direct[len(parameters) :]
    through = _gradients(sum((g * v).sum() for g, v in zip(slope, vector, strict=True)), parameters)  # type: ignore[arg-type]
    return [d - rate * t for d, t in zip(direct, through, strict=True)]


def _gradients(value: Tensor, by: Sequence[Tensor], create_graph: bool = False) -> list[Tensor]:
    """Gradients of a scalar; zeros where it does not depend on something."""
    found = torch.autograd.grad(value, list(by), create_graph=create_graph, allow_unused=True, retain_graph=True)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(by, found, strict=True)]
