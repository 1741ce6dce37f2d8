import math

import pytest
import torch
from torch import nn

from nasbench.tasks.images import ImageClassification
from nasbench.training.steps import evaluate

TASK = ImageClassification((2, 4, 4), 3)


def test_evaluate_by_hand(rounding):
    network = nn.Sequential(nn.Flatten(), nn.Identity())
    logits = torch.tensor([[0.0, 0.0], [0.0, 1.0], [2.0, 0.0]]).view(3, 2, 1, 1)
    accuracy, loss = evaluate(network, TASK, logits, torch.tensor([0, 1, 1]))
    assert accuracy == pytest.approx(200 / 3)
    expected = (math.log(2) + math.log(1 + math.exp(-1)) + math.log(1 + math.exp(2))) / 3
    assert loss == pytest.approx(expected, rel=rounding(20, "float32"))  # a softmax and a logarithm of each, and a mean
