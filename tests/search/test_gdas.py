"""GDAS: hard samples with soft gradients."""

from typing import Any

import numpy as np
import pytest
import torch

from nasbench.errors import InputError
from nasbench.search.gdas import GDAS, GumbelSoftmax
from nasbench.spaces import spaces
from nasbench.testing.strategy import check_strategy

QUICK: dict[str, Any] = {"dataset": "digits+train=32+validation=32+test=8", "epochs": 1, "channels": 4, "batch": 32}


def relaxation(temperatures: tuple[float, float] = (10.0, 0.1)) -> GumbelSoftmax:
    return GumbelSoftmax([(0, 1)], 2, torch.Generator().manual_seed(0), temperatures)


def test_samples_are_one_hot_and_as_frequent_as_their_probabilities() -> None:
    """Gumbel-max: the index of the largest sum has the probabilities of the softmax, whatever the temperature."""
    gumbel = relaxation()
    with torch.no_grad():
        gumbel.alpha.copy_(torch.log(torch.tensor([[1.0, 3.0]])))
    draws = []
    for _ in range(2000):
        choice = gumbel.choice(0.5)
        ((index,),) = choice.active
        assert choice.weights is not None
        torch.testing.assert_close(choice.weights[0, index], torch.tensor(1.0))
        draws.append(index)
    assert abs(np.mean(draws) - 0.75) < 5 * (0.75 * 0.25 / 2000) ** 0.5


def test_the_gradient_is_that_of_the_soft_sample_by_hand() -> None:
    """With soft weights p and 1 - p at temperature t, the derivative of the chosen one by its parameter is p(1-p)/t."""
    gumbel = relaxation((2.0, 2.0))
    noise = torch.Generator().manual_seed(0)
    torch.randn((1, 2), generator=noise)  # the first parameters
    drawn = -torch.empty(1, 2).exponential_(generator=noise).log()
    p = ((gumbel.alpha.detach().log_softmax(1) + drawn) / 2).softmax(1)
    choice = gumbel.choice(0.0)
    ((index,),) = choice.active
    assert choice.weights is not None
    choice.weights[0, index].backward()  # type: ignore[no-untyped-call]
    expected = p[0, index] * (1 - p[0, index]) / 2
    assert gumbel.alpha.grad is not None
    torch.testing.assert_close(gumbel.alpha.grad[0, index], expected)
    torch.testing.assert_close(gumbel.alpha.grad.sum(), torch.tensor(0.0), atol=1e-6, rtol=0)


def test_costs_less_than_a_mixture(drive: Any) -> None:
    search = drive(GDAS(**{**QUICK, "epochs": 10}))
    search.ask()
    assert 10 <= search.strategy.own_epochs <= 40, "two gradients a step, each of about a mean architecture"


def test_refusals() -> None:
    with pytest.raises(InputError, match="last_temperature must be a number above 0, got 0"):
        GDAS(last_temperature=0)


def test_contract() -> None:
    check_strategy(GDAS(**QUICK), spaces.create("nb201"), evaluations=8)
