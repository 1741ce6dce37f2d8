import math
import warnings

import numpy as np
import pytest
import torch

from nasbench.predictors import Inputs
from nasbench.predictors.evidence import MIN_NOISE_VARIANCE
from nasbench.predictors.gp import MAX_LEARNING_ROWS, GaussianProcess
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")


def test_posterior_of_two_points_by_hand():
    """With variance o of both points, covariance k and noise s: alpha = [[a, k], [k, a]]^-1 z where a = o + s.

    Features are centred, so those of the points are q and -q in size, and the trend is t (q + c)^2 and t (c - q)^2.
    """
    two = Inputs.of(SPACE, SPACE.decode(np.array([0, 15_624])))
    predictor = GaussianProcess("counts").fit(two, [1.0, 3.0])  # z = -1 and 1
    s, t, c = predictor.noise_, predictor.trend_, predictor.offset_
    q = ((predictor.points_[0][0] * predictor.weight_) ** 2).sum()
    o = predictor.output_ + t * (q + c) ** 2
    distance = 2 * math.sqrt(5 * q)
    k = predictor.output_ * (1 + distance + distance**2 / 3) * math.exp(-distance) + t * (c - q) ** 2
    a = o + s
    prediction = predictor._predict(two)
    mean = (o - k) / (a - k)
    variance = o + s - (a * (o**2 + k**2) - 2 * k * o * k) / (a**2 - k**2)
    assert prediction.mean == pytest.approx([-mean, mean])
    assert prediction.std == pytest.approx([math.sqrt(variance)] * 2)


def test_covariance_agrees_with_gpytorch(rounding):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit, in linear_operator
        kernels = pytest.importorskip("gpytorch.kernels", reason="the independent computation is gpytorch's")
    rng = np.random.default_rng(0)
    genotypes = SPACE.sample(20, rng)
    predictor = GaussianProcess("onehot").fit(Inputs.of(SPACE, genotypes), rng.normal(size=20))
    kernel = kernels.MaternKernel(2.5).double()
    kernel.lengthscale = 1.0
    trend = kernels.PolynomialKernel(2).double()
    trend.offset = predictor.offset_
    x = torch.from_numpy(predictor.points_[0] * predictor.weight_)
    with torch.no_grad():
        expected = predictor.output_ * kernel(x, x).to_dense().numpy()
        expected += predictor.trend_ * trend(x, x).to_dense().numpy()
    # cdist takes squares from each other, so distances are off by sqrt(eps) |x|; the kernel falls by 5 d / 3 at most
    size = float(x.norm(dim=1).max())
    near = math.sqrt(rounding(x.shape[1])) * size * predictor.output_ + rounding(x.shape[1]) * np.abs(expected).max()
    assert predictor._covariance(predictor.points_, predictor.points_).numpy() == pytest.approx(expected, abs=near)


def test_a_product_of_two_choices_is_a_trend():
    """The posterior mean does better than any sum of single choices, and so does the trend's part of it alone."""
    space, rng = spaces.create("mobile"), np.random.default_rng(0)
    genotypes = space.sample(700, rng).astype(np.int64)
    y = genotypes.sum(axis=1) + 2.0 * genotypes[:, 0] * genotypes[:, 4]
    inputs = Inputs.of(space, genotypes)
    fitted = GaussianProcess("onehot").fit(inputs[:500], y[:500])
    x = space.features(genotypes, "onehot")
    scaled = (x[500:] - fitted.centre_) / fitted.unit_ * fitted.weight_
    trend = (
        fitted.trend_ * (scaled @ (fitted.points_[0] * fitted.weight_).T + fitted.offset_) ** 2 @ fitted.alpha_.numpy()
    )
    linear = ((x[500:] @ np.linalg.lstsq(x[:500], y[:500])[0] - y[500:]) ** 2).mean()
    assert ((fitted.predict(inputs[500:]).mean - y[500:]) ** 2).mean() < linear
    assert ((trend - fitted.transform(y[500:])) ** 2).mean() * y[:500].var() < linear


LEAP = """
913 65.3, 13814 82.2, 13810 55.2, 13792 78.8, 11918 91.8, 14955 70.4, 11650 2.5, 13882 89.7, 7577 32.7, 10725 10.0,
12043 4.3, 12418 41.8, 12094 9.4, 15217 21.7, 10199 19.9, 13958 97.3, 15417 41.7, 15209 22.4, 12283 28.3, 10857
85.7, 14307 30.7, 14311 7.1, 13938 93.8, 14037 3.7, 7858 85.8, 13936 93.6, 4663 66.3, 14042 4.2, 13932 94.7, 4731
7.1, 4588 6.8, 7707 70.7, 1438 30.3, 15043 66.8, 1432 30.2, 10811 81.1, 10807 80.7, 8792 79.2, 11922 92.2, 10832
83.2, 13959 97.4, 13934 94.9, 13982 99.7, 13992 99.2, 13988 98.8, 13973 97.3, 13917 91.7, 13957 97.2, 13907 92.2,
13966 96.6, 13991 99.1, 13998 99.8, 13993 99.3, 13981 94.9, 11932 69.2, 7217 21.7, 13989 98.9, 13987 98.7, 13971
31.9, 5667 66.7, 13923 92.3, 13916 31.6
"""
"""Codes of cells and targets, on which a line search leaps to weights of e^300."""


def test_a_step_beyond_all_numbers_is_taken_back():
    codes, y = np.array([pair.split() for pair in LEAP.split(",")], dtype=float).T
    cells = Inputs.of(SPACE, SPACE.decode(codes.astype(np.int64)))
    fitted = GaussianProcess().fit(cells, y)
    assert np.isfinite(fitted.noise_)
    assert np.sqrt(((fitted.predict(cells).mean - y) ** 2).mean()) < y.std()


def test_certain_where_it_was_trained_and_uncertain_elsewhere():
    rng = np.random.default_rng(0)
    inputs = Inputs.of(SPACE, SPACE.sample(80, rng))
    y = SPACE.features(inputs.genotypes, "counts") @ np.arange(7.0)
    predictor = GaussianProcess().fit(inputs[:40], y[:40])
    inside, outside = predictor.predict(inputs[:40]), predictor.predict(inputs[40:])
    assert (np.abs(inside.mean - y[:40]) < inside.std).all()
    assert inside.std.mean() < outside.std.mean()


def test_groups_that_matter_get_weight():
    rng = np.random.default_rng(0)
    genotypes = SPACE.sample(100, rng)
    predictor = GaussianProcess("onehot").fit(Inputs.of(SPACE, genotypes), np.sin(genotypes[:, 2].astype(float)))
    weights = predictor.weight_[::5]
    assert weights.argmax() == 2
    assert weights[2] > 3 * np.delete(weights, 2).max()


def test_contradicting_targets_become_noise():
    inputs = Inputs.of(SPACE, np.repeat(SPACE.decode(np.arange(5)), 10, axis=0))
    y = np.random.default_rng(0).normal(size=50)
    prediction = GaussianProcess().fit(inputs, y).predict(inputs[::10])
    assert prediction.std == pytest.approx([y.std()] * 5, rel=4 / np.sqrt(2 * 50))


def test_exact_targets_need_jitter_only():
    """The noise is learnt to be next to nothing, down to the bound."""
    genotypes = SPACE.sample(30, np.random.default_rng(0))
    y = SPACE.features(genotypes, "counts")[:, 4]
    assert MIN_NOISE_VARIANCE <= GaussianProcess().fit(Inputs.of(SPACE, genotypes), y).noise_ < 2 * MIN_NOISE_VARIANCE


def test_more_architectures_than_hyperparameters_are_learnt_from():
    inputs = Inputs.of(SPACE, SPACE.sample(MAX_LEARNING_ROWS + 20, np.random.default_rng(0)))
    y = SPACE.features(inputs.genotypes, "counts") @ np.arange(7.0)
    predictor = GaussianProcess(steps=2).fit(inputs, y)
    assert len(predictor.points_[0]) == MAX_LEARNING_ROWS + 20
    assert np.corrcoef(predictor.predict(inputs[MAX_LEARNING_ROWS:]).mean, y[MAX_LEARNING_ROWS:])[0, 1] > 0.95


def test_all_architectures_decide_the_scales(monkeypatch, rounding):
    """The noise that the first 50 do not have is noticed in the others; each is left out by itself for that.

    A factor L of a covariance A is off by (n + 1) eps |L||L'|, a solution x by (3 n + 1) eps |L||L'||x| (Higham, 2002,
    theorems 10.3 and 10.4), and so are the products that show it, each of n terms.
    """
    monkeypatch.setattr("nasbench.predictors.gp.MAX_LEARNING_ROWS", 50)
    rng = np.random.default_rng(0)
    inputs = Inputs.of(SPACE, SPACE.sample(400, rng))
    y = SPACE.features(inputs.genotypes, "counts") @ np.arange(7.0) + rng.normal(size=400) * (np.arange(400) >= 50)
    train, test = inputs[:300], inputs[300:]
    predictor = GaussianProcess("counts").fit(train, y[:300])
    prediction = predictor.predict(test)
    assert 0.5 < ((prediction.mean - y[300:]) ** 2 / prediction.std**2).mean() < 2
    n, factor, solution = 300, predictor.cholesky_, predictor.alpha_
    covariance = predictor._covariance(predictor.points_, predictor.points_)
    covariance.diagonal().add_(predictor.noise_)
    sizes = factor.abs() @ factor.abs().T
    assert ((factor @ factor.T - covariance).abs() <= rounding(3 * n) * sizes).all()
    residual = (covariance @ solution).numpy() - predictor.transform(y[:n])
    assert (np.abs(residual) <= rounding(5 * n) * (sizes @ solution.abs()).numpy()).all()


def test_features_that_are_constant_but_for_rounding_do_not_drown_the_others():
    space, rng = spaces.create("nats_size"), np.random.default_rng(0)  # chains: one way through each
    inputs = Inputs.of(space, space.sample(60, rng))
    targets = inputs.genotypes.sum(axis=1).astype(np.float64)
    prediction = GaussianProcess().fit(inputs[:40], targets[:40]).predict(inputs[40:])
    assert np.corrcoef(prediction.mean, targets[40:])[0, 1] > 0.95


def test_draws_of_equal_architectures_go_together():
    """All that they do not share is the noise of each: their correlation is 1 - noise / variance."""
    rng = np.random.default_rng(0)
    inputs = Inputs.of(SPACE, SPACE.sample(30, rng))
    y = SPACE.features(inputs.genotypes, "counts") @ np.arange(7.0)
    predictor = GaussianProcess("onehot").fit(inputs[:8], y[:8])
    test = inputs[[20, 20, 21]].canonical
    mean, std = predictor._predict(test)
    draws = predictor._sample(test, 4000, rng)
    correlation = np.corrcoef(draws.T)
    expected = 1 - predictor.noise_ / std[0] ** 2
    assert correlation[0, 1] == pytest.approx(expected, abs=4 * (1 - expected**2) / np.sqrt(4000))
    assert correlation[0, 1] > 0.95
    assert draws.mean(axis=0) == pytest.approx(mean, abs=4 * std.max() / np.sqrt(4000))
    assert draws.std(axis=0) == pytest.approx(std, rel=4 / np.sqrt(2 * 4000))
    joint = predictor.sample(test, 4000, rng)
    assert np.corrcoef(joint.T)[0, 1] > 0.9


def test_draws_at_many_equal_architectures_are_possible():
    """Their covariance is singular but for the noise."""
    inputs = Inputs.of(SPACE, SPACE.sample(20, np.random.default_rng(0)))
    predictor = GaussianProcess().fit(inputs, SPACE.features(inputs.genotypes, "counts")[:, 4])
    draws = predictor.sample(inputs[[0] * 200], 3, np.random.default_rng(0))
    assert draws.shape == (3, 200)
    assert np.isfinite(draws).all()


def test_many_equal_targets_are_predicted(monkeypatch):
    """No error tells how much too large the deviations are."""
    monkeypatch.setattr("nasbench.predictors.gp.MAX_LEARNING_ROWS", 10)
    inputs = Inputs.of(SPACE, SPACE.sample(30, np.random.default_rng(0)))
    mean, std = GaussianProcess("counts").fit(inputs, np.full(30, 7.0)).predict(inputs)
    assert mean == pytest.approx(np.full(30, 7.0))
    assert (std > 0).all()
