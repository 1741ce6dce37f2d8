import math

import numpy as np
import pytest
import torch

from nasbench.errors import InputError
from nasbench.predictors import Inputs
from nasbench.predictors.encodings.subtrees import Subtrees, similarities
from nasbench.predictors.gp import GaussianProcess
from nasbench.predictors.gp_wl import SubtreeGaussianProcess
from nasbench.spaces import spaces

SPACE = spaces.create("nb101")


def chains(inputs):
    """Number of connections from a 3x3 convolution to another: what operations alone do not tell."""
    adjacency, ops, mask = SPACE.adjacency_arrays(inputs.genotypes)
    convolution = (ops == SPACE.ops.index("conv3x3-bn-relu")) & mask
    return (adjacency & convolution[:, :, None] & convolution[:, None, :]).sum(axis=(1, 2)).astype(float)


def drawn(n):
    return Inputs.of(SPACE, SPACE.sample(n, np.random.default_rng(0))).canonical


def test_covariance_of_two_cells_by_hand():
    """Squared distance q of features, and 2 - 2 k_t for each iteration with weight w_t."""
    two = drawn(2)
    predictor = SubtreeGaussianProcess("counts", iterations=1).fit(two, [1.0, 3.0])
    x, labels, nodes = predictor.points_
    cells = Subtrees(labels, nodes)
    cosines = np.array([similarity[0, 1] for similarity in similarities(cells, cells)])
    scaled = x * predictor.weight_
    squares = ((scaled[0] - scaled[1]) ** 2).sum() + (predictor.subtree_weight_ * (2 - 2 * cosines)).sum()
    distance = math.sqrt(5 * squares)
    remainder = predictor.output_ * (1 + distance + distance**2 / 3) * math.exp(-distance)
    trend = predictor.trend_ * (scaled[0] @ scaled[1] + predictor.offset_) ** 2
    assert float(predictor._covariance(predictor.points_, predictor.points_)[0, 1]) == pytest.approx(remainder + trend)


def test_no_weight_is_a_gp_without_subtrees():
    inputs = drawn(40)
    predictor = SubtreeGaussianProcess("counts").fit(inputs, chains(inputs))
    predictor.subtree_weight_ = np.zeros(4)
    expected = GaussianProcess._distance(predictor, predictor.points_, predictor.points_, torch.ones(40, 40))
    assert torch.equal(predictor._distance(predictor.points_, predictor.points_, torch.ones(40, 40)), expected)


def test_what_is_learnt_from_is_what_predicts(rounding):
    """The loss at what was learnt is the one that the covariance of predictions has."""
    inputs = drawn(20)
    predictor = SubtreeGaussianProcess("counts").fit(inputs, chains(inputs))
    points, z = predictor.points_, torch.from_numpy(predictor.transform(chains(inputs)))
    evidence = predictor._evidence(points, z, torch.arange(points[0].shape[1]))
    learnt = evidence.maximise(predictor.steps)
    assert torch.exp(learnt.log_distance_weight).tolist() == predictor.subtree_weight_.tolist()
    covariance = predictor._covariance(points, points)
    covariance.diagonal().add_(predictor.noise_)
    likelihood = -0.5 * (z @ torch.linalg.solve(covariance, z) + torch.logdet(covariance) + 20 * math.log(2 * math.pi))
    prior, _ = evidence._prior(evidence.raw, evidence.raw[:-4])
    # squared distances are off by eps |x|^2, and so are covariances; their solutions by the condition more
    size = float(torch.from_numpy(points[0] * predictor.weight_).norm(dim=1).max())
    near = rounding(20) * (1 + size**2) ** 2 * float(torch.linalg.cond(covariance))
    assert float(evidence.loss(evidence.raw)[0]) == pytest.approx(-float(likelihood + prior) / 20, abs=near)


def test_structure_is_learnt_where_features_do_not_tell_it():
    inputs = drawn(300)
    targets = chains(inputs)
    errors = [
        ((kind("counts").fit(inputs[:200], targets[:200]).predict(inputs[200:]).mean - targets[200:]) ** 2).mean()
        for kind in (GaussianProcess, SubtreeGaussianProcess)
    ]
    assert errors[1] < 0.85 * errors[0]


def test_a_cell_of_unseen_labels_is_less_certain():
    """Both have the same operations; one was seen, the other is wired otherwise."""
    inputs = drawn(200)
    seen, other = inputs[:60], inputs[60:]
    predictor = SubtreeGaussianProcess("counts").fit(seen, chains(seen))
    prediction = predictor.predict_transformed(other)
    cells = Subtrees(*predictor._points(other, np.zeros((len(other), len(predictor.centre_))))[1:])
    known = np.isin(cells.labels[:, 1], predictor.points_[1][:, 1]) | ~cells.nodes
    foreign = (~known).sum(axis=1)
    assert prediction.std[foreign >= 3].mean() > prediction.std[foreign == 0].mean()


def test_covariance_is_positive_semidefinite(rounding):
    inputs = drawn(100)
    predictor = SubtreeGaussianProcess().fit(inputs[:30], chains(inputs[:30]))
    points = predictor._points(inputs, np.zeros((100, len(predictor.centre_))))  # equal features: subtrees decide
    covariance = predictor._covariance(points, points).numpy()
    eigenvalues = np.linalg.eigvalsh(covariance)
    assert eigenvalues[0] >= -rounding(10 * len(inputs)) * eigenvalues[-1]


def test_more_architectures_than_hyperparameters_are_learnt_from(monkeypatch):
    monkeypatch.setattr("nasbench.predictors.gp.MAX_LEARNING_ROWS", 50)
    inputs = drawn(200)
    targets = chains(inputs)
    predictor = SubtreeGaussianProcess("counts", steps=10).fit(inputs[:150], targets[:150])
    assert len(predictor.points_[1]) == 150
    assert np.corrcoef(predictor.predict(inputs[150:]).mean, targets[150:])[0, 1] > 0.5


def test_draws_of_equal_cells_go_together():
    """All that they do not share is the noise of each: their correlation is 1 - noise / variance."""
    inputs = drawn(60)
    predictor = SubtreeGaussianProcess("counts").fit(inputs[:30], chains(inputs[:30]))
    test = inputs[[40, 40, 41]]
    std = predictor._predict(test).std
    correlation = np.corrcoef(predictor._sample(test, 4000, np.random.default_rng(0)).T)
    expected = 1 - predictor.noise_ / std[0] ** 2
    assert correlation[0, 1] == pytest.approx(expected, abs=4 * (1 - expected**2) / np.sqrt(4000))


def test_iterations_are_a_number():
    with pytest.raises(InputError, match="iterations of SubtreeGaussianProcess"):
        SubtreeGaussianProcess(iterations=-1).fit(drawn(5), np.arange(5.0))
