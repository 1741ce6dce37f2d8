"""Bilevel optimisation: weights on training images, architecture on validation images (Liu et al., ICLR 2019)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nasbench.supernet.relaxation import Softmax
from nasbench.supernet.shared import STEP, SharedTraining
from nasbench.supernet.unrolled import unrolled_gradient
from nasbench.types import FloatArray

BETAS = (0.5, 0.999)
"""Decay rates of Adam for the architecture, as published."""


def train_bilevel(
    shared: SharedTraining, relaxation: Softmax, rate: float, *, second_order: bool = False, warm_up: float = 0.0
) -> FloatArray:
    """Train a supernet and its architecture parameters, one step of each in turn.

    Args:
        shared: The supernet; trained in place.
        relaxation: The architecture parameters; learnt in place.
        rate: Learning rate of Adam for them.
        second_order: Whether their gradient goes through a step of the weights.
        warm_up: Share of the epochs, rounded down, in which only the weights learn.

    Returns:
        Probabilities after each epoch; shape `(epochs, edges, operations)`.
    """
    adam = torch.optim.Adam(relaxation.parameters, lr=rate, betas=BETAS, weight_decay=relaxation.weight_decay)
    validation = shared.validation_batches()
    epochs, history = shared.settings.epochs, []
    for epoch in range(epochs):
        for step, batch in enumerate(shared.batches()):
            progress = (epoch + step / shared.steps) / epochs
            if epoch >= int(warm_up * epochs):
                _architecture_step(shared, relaxation, adam, batch, next(validation), progress, second_order)
            shared.step(batch, [relaxation.choice(progress)])
        history.append(relaxation.probabilities())
    return np.array(history)


def _architecture_step(
    shared: SharedTraining,
    relaxation: Softmax,
    adam: torch.optim.Adam,
    training: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor],
    progress: float,
    second_order: bool,
) -> None:
    """One step of Adam on the architecture parameters."""
    choice, names = relaxation.choice(progress), [name for name, _ in shared.network.named_parameters()]
    if second_order:

        def loss(batch: tuple[Tensor, Tensor], weights: list[Tensor]) -> Tensor:
            return shared.loss(batch, choice, dict(zip(names, weights, strict=True)))

        gradients = unrolled_gradient(
            lambda weights: loss(training, list(weights)),
            lambda weights: loss(validation, list(weights)) + relaxation.penalty(),
            list(shared.network.parameters()),
            relaxation.parameters,
            shared.learning_rate,
        )
        shared.spend(training[0], choice, 2 * STEP)  # the product with the Hessian: as two gradients, as published
    else:
        value = shared.loss(validation, choice) + relaxation.penalty()
        found = torch.autograd.grad(value, relaxation.parameters, allow_unused=True)
        gradients = [torch.zeros_like(p) if g is None else g for p, g in zip(relaxation.parameters, found, strict=True)]
    for parameter, gradient in zip(relaxation.parameters, gradients, strict=True):
        parameter.grad = gradient
    adam.step()
