"""Gradient ascent on relaxed architectures."""

from typing import Any

import numpy as np
import pytest
import torch

from nasbench.errors import InputError
from nasbench.predictors import Inputs
from nasbench.predictors.gnn import GNN
from nasbench.search.gradient import GradientAscent, ascend
from nasbench.spaces import spaces
from nasbench.testing.strategy import linear_target

SPACE = spaces.create("nb201")
QUICK = "gnn+members=1+hidden=4+layers=1+steps=5"


def one_hot(genotypes: Any, options: int) -> torch.Tensor:
    return torch.eye(options)[torch.tensor(genotypes)]


def test_starts_at_the_product_of_probabilities_by_hand() -> None:
    """Two positions with two and three options: the own option has 0.5, the others 0.5 or 0.25."""
    support = one_hot([[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]], 3)
    log_p = ascend(lambda p: 0 * p.sum(dim=1), one_hot([[0, 1]], 3), support, 1, 0.1)
    np.testing.assert_allclose(np.exp(log_p), [[0.125, 0.25, 0.125, 0.125, 0.25, 0.125]], rtol=1e-5)


def test_climbs_to_the_best_of_a_linear_function() -> None:
    """Worth 1 for the first option of each position: the ascent from the worst ends at the best."""
    genotypes = [[a, b] for a in range(3) for b in range(3)]
    worth = torch.tensor([float(a == 0) + float(b == 0) for a, b in genotypes])
    log_p = ascend(lambda p: p @ worth, one_hot([[2, 2], [1, 2]], 3), one_hot(genotypes, 3), 100, 0.1)
    assert log_p.argmax(axis=1).tolist() == [0, 0]
    np.testing.assert_allclose(np.exp(log_p).sum(axis=1), 1, rtol=1e-5)


def test_expected_features_of_one_architecture_are_its_own(rounding: Any) -> None:
    genotypes = SPACE.sample(30, np.random.default_rng(0))
    inputs = Inputs.of(SPACE, genotypes)
    model = GNN(members=2, hidden=4, steps=5).fit(inputs, genotypes.sum(axis=1).astype(float))
    with torch.no_grad():
        values = model.expected(inputs)(torch.eye(len(genotypes)))
    np.testing.assert_allclose(values.numpy(), model.predict_transformed(inputs).mean, rtol=1e-4, atol=1e-4)


def test_learns(drive: Any) -> None:
    """Under the easy target it finds better cells than the random ones that it starts with."""
    target = linear_target(SPACE)
    search = drive(GradientAscent(predictor="gnn+members=2", starts=3))
    scores = []
    for _ in range(30):
        trial = search.ask()
        scores.append(target(trial.architecture))
        search.tell(trial, scores[-1])
    assert max(scores[20:]) > max(scores[:10])
    assert np.mean(scores[20:]) > np.mean(scores[:10])


def test_proposes_nothing_twice(drive: Any) -> None:
    search = drive(GradientAscent(predictor=QUICK, steps=2))
    cells = []
    for _ in range(40):
        trial = search.ask()
        cells.append(trial.architecture.tobytes())
        search.tell(trial, float(trial.architecture.sum()))
    assert len(set(cells)) == 40


def test_refusals(drive: Any) -> None:
    with pytest.raises(InputError, match=r"gradient climbs a predictor with gradients: gnn .* got 'ridge'"):
        drive(GradientAscent(predictor="ridge"))
    with pytest.raises(InputError, match=r"leave columns out of 'gnn.features=default/flops'"):
        drive(GradientAscent(predictor="gnn+features=default/flops"))
    with pytest.raises(InputError, match="steps must be a whole number of at least 1, got 0"):
        GradientAscent(steps=0)
