import math

import pytest
import torch

from nasbench.tasks.classification import IGNORED
from nasbench.tasks.language import MaskedLanguage

TASK = MaskedLanguage(3, 2)


def test_only_what_is_hidden_counts(rounding):
    """Three places of two characters; the first is not masked, one of the others is predicted correctly."""
    logits = torch.tensor([[[9.0, math.log(3), 0.0], [0.0, 0.0, 0.0]]])  # (1, vocabulary, length)
    targets = torch.tensor([[IGNORED, 0, 1]])
    loss = TASK.loss(logits, targets)
    near = rounding(20, "float32")  # two exponentials, a logarithm, a mean
    assert loss.item() == pytest.approx((math.log(4 / 3) + math.log(2)) / 2, rel=near)
    tally = TASK.tally()
    tally.add(logits, targets, loss)
    assert tally.result() == pytest.approx((50, loss.item()), rel=near)


def test_examples_hide_what_they_ask_for():
    inputs, targets = TASK.inputs(4), TASK.targets(4)
    assert torch.equal(inputs == TASK.vocabulary, targets != IGNORED)
    TASK.check(torch.zeros(4, 2, 3), 4)
    with pytest.raises(AssertionError, match=r"expected \(4, 2, 3\)"):
        TASK.check(torch.zeros(4, 3, 2), 4)
