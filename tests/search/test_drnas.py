"""DrNAS: weights from Dirichlet distributions, and their anchor."""

import math
from typing import Any

import pytest
import torch

from nasbench.errors import InputError
from nasbench.search.drnas import DirichletWeights, DrNAS
from nasbench.spaces import spaces
from nasbench.testing.strategy import check_strategy

QUICK: dict[str, Any] = {"dataset": "digits+train=32+validation=32+test=8", "epochs": 1, "channels": 4, "batch": 32}


def relaxation(*alpha: float) -> DirichletWeights:
    result = DirichletWeights([(0, 1)], 2, torch.Generator().manual_seed(0), 0.5)
    with torch.no_grad():
        result.alpha.copy_(torch.tensor([alpha]))
    return result


def test_concentrations_means_and_anchor_by_hand() -> None:
    """`elu(2) + 1` is 3; Dirichlet (3, 1) is Beta(3, 1), whose divergence from Beta(1, 1) is log 3 - 2 / 3."""
    dirichlet = relaxation(2.0, 0.0)
    assert dirichlet.concentration.tolist() == [[3.0, 1.0]]
    assert dirichlet.probabilities().tolist() == [[0.75, 0.25]]
    torch.testing.assert_close(dirichlet.penalty(), torch.tensor(0.5 * (math.log(3) - 2 / 3)))
    assert relaxation(0.0, 0.0).penalty().item() == 0
    assert relaxation(-5.0, 0.0).concentration.min() > 0


def test_draws_are_weights_with_that_mean_and_a_gradient() -> None:
    dirichlet, state = relaxation(2.0, 0.0), torch.get_rng_state()
    drawn = [dirichlet.choice(0.0).weights for _ in range(1000)]
    assert torch.equal(torch.get_rng_state(), state)
    weights = torch.cat([each for each in drawn if each is not None])  # (1000, 2)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(1000))
    deviation = (0.75 * 0.25 / 5) ** 0.5
    assert abs(weights[:, 0].mean().item() - 0.75) < 5 * deviation / 1000**0.5
    weights[:, 0].mean().backward()  # type: ignore[no-untyped-call]
    assert dirichlet.alpha.grad is not None
    assert dirichlet.alpha.grad[0, 0] > 0 > dirichlet.alpha.grad[0, 1]


def test_refusals() -> None:
    with pytest.raises(InputError, match="anchor must be a number at least 0, got -1"):
        DrNAS(anchor=-1)


def test_contract() -> None:
    check_strategy(DrNAS(**QUICK), spaces.create("nb201"), evaluations=8)
