"""Bilevel optimisation: what learns when, what it costs, and both orders of the gradient."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from nasbench.spaces import NetworkSettings, spaces
from nasbench.supernet.bilevel import train_bilevel
from nasbench.supernet.choice import Choice
from nasbench.supernet.network import Arithmetic
from nasbench.supernet.relaxation import Softmax, discretised
from nasbench.supernet.shared import SharedTraining, SupernetSettings
from nasbench.supernet.unrolled import unrolled_gradient
from nasbench.training.settings import TrainSettings

SPACE = spaces.create("nb201")


def shared(rate: float = 0.1, epochs: int = 2) -> SharedTraining:
    train = TrainSettings(epochs=epochs, batch_size=32, learning_rate=rate)
    settings = SupernetSettings("digits+train=64+validation=32+test=8", NetworkSettings(4, 1, 1), train)
    return SharedTraining(SPACE, settings, np.random.default_rng(0))


def history(training: SharedTraining, **settings: Any) -> np.ndarray:
    relaxation = Softmax(training.network.edges, training.network.operations, training.generator)
    return train_bilevel(training, relaxation, 0.05, **settings)


def test_parameters_rest_in_the_warm_up_and_weights_do_not() -> None:
    training = shared(epochs=4)
    before = [weight.detach().clone() for weight in training.network.parameters()]
    found = history(training, warm_up=0.5)
    assert found.shape == (4, 6, 5)
    assert (found[0] == found[1]).all()
    assert (found[2] != found[1]).any()
    assert not any(torch.equal(a, b) for a, b in zip(before, training.network.parameters(), strict=True))


def test_a_step_of_length_zero_makes_both_orders_equal() -> None:
    """With a learning rate of 1e-12 the unrolled weights are the weights, to float32."""
    first, second = (history(shared(rate=1e-12), second_order=order) for order in (False, True))
    np.testing.assert_allclose(first, second, atol=1e-4)
    assert np.abs(history(shared(rate=0.1), second_order=True) - first).max() > 1e-4


@pytest.mark.parametrize(("second_order", "gradients"), [(False, 2), (True, 5)])
def test_costs_by_hand(second_order: bool, gradients: int) -> None:
    """An epoch of 64 images: one gradient for the weights, one (or four) for the architecture, of all operations."""
    training = shared()
    history(training, second_order=second_order)
    arithmetic = Arithmetic(training.network, training.task)
    mixture = arithmetic.of(Choice.mixed(torch.ones(6, 5)))
    assert training.epochs == math.ceil(2 * gradients * mixture / arithmetic.mean)


def test_the_unrolled_gradient_of_a_supernet_is_that_of_differences() -> None:
    """In float64, by two architecture parameters on both sides."""
    training = shared()
    training.network.double()
    batch, other = ((x.double(), y) for x, y in list(training.batches())[:2])
    names = [name for name, _ in training.network.named_parameters()]
    alpha = torch.randn(6, 5, generator=training.generator, dtype=torch.float64).requires_grad_()

    def loss(images: Any, weights: Any, parameters: torch.Tensor) -> torch.Tensor:
        return training.loss(images, Choice.mixed(parameters.softmax(1)), dict(zip(names, weights, strict=True)))

    weights, rate = list(training.network.parameters()), 0.1
    (gradient,) = unrolled_gradient(
        lambda w: loss(batch, w, alpha), lambda w: loss(other, w, alpha), weights, [alpha], rate
    )

    def after(parameters: torch.Tensor) -> float:
        slopes = torch.autograd.grad(loss(batch, weights, parameters), weights)
        ahead = [w - rate * slope for w, slope in zip(weights, slopes, strict=True)]
        return loss(other, ahead, parameters).item()

    step = 1e-6
    for place in ((0, 3), (5, 1)):
        move = torch.zeros(6, 5, dtype=torch.float64)
        move[place] = step
        difference = (after(alpha.detach() + move) - after(alpha.detach() - move)) / (2 * step)
        assert gradient[place].item() == pytest.approx(difference, rel=1e-4, abs=1e-7)


def test_discretised_takes_the_most_probable_operation() -> None:
    assert discretised(np.array([[[0.2, 0.8], [0.6, 0.4]], [[0.5, 0.5], [0.1, 0.9]]])).tolist() == [[1, 0], [0, 1]]
