"""Losses worked out on paper, for one network with scores 2, 0, 1 where the targets are 1, 3, 3."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nasbench.predictors.losses import LOSSES, MARGIN

SCORES, TARGETS, ONCE = torch.tensor([[2.0, 0.0, 1.0]]), torch.tensor([1.0, 3.0, 3.0]), torch.ones(1, 3)
RANKING = sorted(set(LOSSES) - {"mse"})


def softplus(x):
    return math.log1p(math.exp(x))


ORDERED = softplus(2) + softplus(1)
"""-log sigmoid of s_1 - s_0 = -2 and of s_2 - s_0 = -1: the pairs whose first row is better."""
EQUAL = softplus(1) - 0.5
"""Cross-entropy of the pair of equal targets, whose scores differ by 1."""
BY_HAND = {
    "mse": ((2 - 1) ** 2 + (0 - 3) ** 2 + (1 - 3) ** 2) / 3,
    "bce": (2 * ORDERED + 2 * EQUAL) / 6,  # each pair is counted from both ends
    "bpr": ORDERED / 2,
    "hinge": (MARGIN + 2 + MARGIN + 1) / 2,
    # rows 1, 2, 0 are drawn in this order, the first of three with scores 0, 1, 2, the second of two with 1, 2
    "listmle": (math.log(1 + math.e + math.e**2) - 0 + math.log(math.e + math.e**2) - 1) / 3,
}


@pytest.mark.parametrize("name", list(LOSSES))
def test_by_hand(name):
    assert LOSSES[name](SCORES, TARGETS, ONCE).item() == pytest.approx(BY_HAND[name], rel=1e-6)


@pytest.mark.parametrize("name", ["mse", "bpr", "hinge"])
def test_a_weight_counts_as_rows_given_twice(name):
    weighted = LOSSES[name](SCORES, TARGETS, torch.tensor([[2.0, 1.0, 0.0]]))
    given_twice = LOSSES[name](SCORES[:, [0, 0, 1]], TARGETS[[0, 0, 1]], ONCE)
    assert weighted.item() == pytest.approx(given_twice.item(), rel=1e-6)


@pytest.mark.parametrize("name", list(LOSSES))
def test_rows_without_weight_do_not_count(name):
    weights = torch.tensor([[1.0, 1.0, 0.0]])
    scores = SCORES.clone().requires_grad_()
    loss = LOSSES[name](scores, TARGETS, weights)
    loss.sum().backward()
    assert loss.item() == pytest.approx(LOSSES[name](SCORES[:, :2], TARGETS[:2], ONCE[:, :2]).item(), rel=1e-6)
    assert torch.isfinite(scores.grad).all()
    assert scores.grad[0, 2] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", list(LOSSES))
def test_networks_do_not_mix(name):
    both = LOSSES[name](torch.cat([SCORES, -SCORES]), TARGETS, torch.ones(2, 3))
    apart = [LOSSES[name](scores, TARGETS, ONCE).item() for scores in (SCORES, -SCORES)]
    assert both.tolist() == pytest.approx(apart, rel=1e-6)


@pytest.mark.parametrize("name", RANKING)
def test_only_the_order_of_the_targets_is_read(name):
    assert torch.equal(LOSSES[name](SCORES, TARGETS, ONCE), LOSSES[name](SCORES, TARGETS.exp(), ONCE))


@given(st.permutations(range(5)))
def test_no_loss_depends_on_the_order_of_the_rows(order):
    scores, targets = torch.tensor([[0.5, -1.0, 2.0, 0.0, 1.0]]), torch.tensor([3.0, 1.0, 2.0, 5.0, 4.0])
    for loss in LOSSES.values():
        moved = loss(scores[:, order], targets[order], torch.ones(1, 5))
        assert moved.item() == pytest.approx(loss(scores, targets, torch.ones(1, 5)).item(), rel=1e-5)


@pytest.mark.parametrize("name", ["bpr", "hinge"])
def test_nothing_to_compare_is_no_loss(name):
    assert LOSSES[name](SCORES, torch.zeros(3), ONCE).tolist() == [0.0]
