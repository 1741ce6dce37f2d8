"""Inducing points: by hand, as a Cholesky decomposition, and as the exact process where all points are chosen."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from nasbench.errors import InputError
from nasbench.predictors import Inputs, Predictor, predictors
from nasbench.predictors.gp import GaussianProcess
from nasbench.predictors.inducing import Inducing, choose, project
from nasbench.spaces import spaces
from nasbench.testing import check_predictor

SPACE = spaces.create("nb201")
NAMES = ("gp", "gp-wl", "gp-unlabelled")


def of(matrix):
    return lambda rows, columns: matrix[rows][:, columns]


def drawn(n, seed=0):
    """Cells of different functions, and a target of each."""
    rng = np.random.default_rng(seed)
    inputs = Inputs.of(SPACE, rng.permutation(SPACE.unique("function_key"))[:n])
    return inputs, SPACE.features(inputs.genotypes, "counts") @ np.arange(7.0) + rng.normal(size=n)


@pytest.fixture
def few(monkeypatch):
    """Inducing points from six architectures on."""
    monkeypatch.setattr("nasbench.predictors.gp.MAX_EXACT_ROWS", 5)


def test_one_of_two_points_by_hand():
    """Variances 2 and 1, covariance 1: the first tells all but 1/2 of the second."""
    matrix = torch.tensor([[2.0, 1.0], [1.0, 1.0]]).double()
    inducing = choose(of(matrix), matrix.diagonal(), 1, 1e-9)
    assert inducing.rows.tolist() == [0]
    assert inducing.factor.tolist() == [[pytest.approx(math.sqrt(2))]]
    assert inducing.projected[0].tolist() == pytest.approx([math.sqrt(2), 1 / math.sqrt(2)])
    assert inducing.residual.tolist() == pytest.approx([0, 0.5])


def test_posterior_of_one_inducing_point_by_hand():
    """Noise 1, and for the second target 1/4 more: their covariance is [[3, 1], [1, 7/4]]; 1/4 is left to it."""
    root = math.sqrt(2)
    inducing = Inducing(
        np.array([0]),
        torch.tensor([[root]]).double(),
        torch.tensor([[root, 1 / root]]).double(),
        torch.tensor([0.0, 0.5]).double(),
    )
    projected = project(inducing, torch.tensor([7.0, -3.0]).double(), 1.0)
    assert projected.factor.tolist() == [[pytest.approx(math.sqrt(1 + 2 + 0.5 / 1.25))]]
    assert projected.solution.tolist() == [pytest.approx((7 * root - 3 / root / 1.25) / math.sqrt(3.4))]
    assert projected.mean.tolist() == pytest.approx([-3 / 1.75, 7 / 3])
    assert projected.variance.tolist() == pytest.approx([3 - 1 / 1.75, 1.75 - 1 / 3 + 0.25])


@given(seed=st.integers(0, 10_000), n=st.integers(1, 150), most=st.integers(1, 150))
@settings(deadline=None, max_examples=30)
def test_the_choice_is_a_cholesky_decomposition(seed, n, most):
    """Of a covariance of rank 20 at most, with every point twice: what is projected tells all but the residual."""
    x = torch.from_numpy(np.random.default_rng(seed).normal(size=(n, 20))).repeat(2, 1)
    matrix = x @ x.T
    rows, factor, projected, residual = choose(of(matrix), matrix.diagonal(), most, 1e-8)
    assert len(rows) == len({*(rows % n).tolist()}) == min(n, most, 20)
    size = float(matrix.abs().max())
    assert torch.allclose(factor @ factor.T, matrix[rows][:, rows], atol=1e-10 * size)
    assert torch.allclose(projected.square().sum(dim=0) + residual, matrix.diagonal(), atol=1e-8 * size)
    assert (residual >= 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_with_all_points_it_is_the_exact_process(monkeypatch, rounding, name):
    """Off by rounding times the condition of the covariance, as the exact solution is."""
    monkeypatch.setattr("nasbench.predictors.gp.MAX_LEARNING_ROWS", 20)
    inputs, y = drawn(90)
    exact = predictors.create(name).fit(inputs[:60], y[:60])
    monkeypatch.setattr("nasbench.predictors.gp.MAX_EXACT_ROWS", 5)
    monkeypatch.setattr("nasbench.predictors.gp.LEAST_RESIDUAL", 1e-9)
    other = predictors.create(name).fit(inputs[:60], y[:60])
    assert len(other.alpha_) == 60
    test = inputs[60:]
    covariance = exact.cholesky_ @ exact.cholesky_.T
    near = rounding(100 * 60) * float(torch.linalg.cond(covariance))
    assert near < 1e-4
    for one, two in zip(exact.predict_transformed(test), other.predict_transformed(test), strict=True):
        assert two == pytest.approx(one, abs=near)
    for one, two in zip(exact.joint_transformed(test), other.joint_transformed(test), strict=True):
        assert two == pytest.approx(one, abs=near * float(covariance.max()))
    for one, two in zip(exact.leave_one_out(), other.leave_one_out(), strict=True):
        assert two == pytest.approx(one, abs=near * float(covariance.max()) * np.ptp(y))


@pytest.mark.parametrize("name", NAMES)
def test_with_few_points_it_still_learns_and_is_never_too_certain(monkeypatch, few, name):
    monkeypatch.setattr("nasbench.predictors.gp.MAX_INDUCING_POINTS", 40)
    inputs, y = drawn(500)
    predictor = predictors.create(name).fit(inputs[:300], y[:300])
    prediction = predictor.predict_transformed(inputs[300:])
    assert predictor.points_[0].shape[0] == len(predictor.alpha_) == 40
    assert np.corrcoef(prediction.mean, y[300:])[0, 1] > 0.9
    assert (prediction.std**2 >= predictor.noise_ * (1 - 1e-12)).all()
    assert 0.5 < (((predictor.transform(y[300:]) - prediction.mean) / prediction.std) ** 2).mean() < 2
    mean, covariance = predictor.joint_transformed(inputs[300:320])
    assert mean == pytest.approx(prediction.mean[:20])
    assert np.sqrt(covariance.diagonal()) == pytest.approx(prediction.std[:20])
    draws = predictor._sample(inputs[300:320].canonical, 4000, np.random.default_rng(0))
    near = 6 * np.sqrt(2 / 4000) * covariance.max()
    assert np.cov(draws.T) == pytest.approx(covariance, abs=near)


def test_a_file_holds_it(few, tmp_path):
    inputs, y = drawn(60)
    for name in NAMES:
        fitted = predictors.create(name, steps=3).fit(inputs[:40], y[:40])
        fitted.save(tmp_path / "gp.h5")
        same = Predictor.load(tmp_path / "gp.h5")
        assert all(map(np.array_equal, same.predict(inputs), fitted.predict(inputs)))
        assert all(map(np.array_equal, same.leave_one_out(), fitted.leave_one_out()))


@pytest.mark.parametrize("bound", [5, 4000])
@pytest.mark.parametrize("name", NAMES)
def test_degenerate_training_sets(monkeypatch, name, bound):
    """One cell again and again, constant targets, more features than cells: answers are numbers above their noise."""
    monkeypatch.setattr("nasbench.predictors.gp.MAX_EXACT_ROWS", bound)
    inputs, y = drawn(12)
    cases = {
        "one cell": (inputs[[0] * 8], y[:8]),
        "duplicates": (inputs[[0, 1, 2] * 4], y),
        "constant": (inputs, np.full(12, 3.0)),
        "one cell, constant": (inputs[[0] * 8], np.zeros(8)),
        "few": (inputs[:6], y[:6]),
        "two": (inputs[:2], y[:2]),
    }
    for case, (train, targets) in cases.items():
        predictor = predictors.create(name, features="default/paths", steps=5).fit(train, targets)
        mean, std = predictor.predict_transformed(inputs)
        left_out = predictor.leave_one_out()
        assert np.isfinite(mean).all(), case
        assert (std**2 >= predictor.noise_ * (1 - 1e-12)).all(), case
        assert np.isfinite(left_out.mean).all(), case
        assert (left_out.std > 0).all(), case
        assert np.isfinite(predictor.sample(inputs, 2, np.random.default_rng(0))).all(), case


@pytest.mark.parametrize("name", NAMES)
def test_the_contract_holds_beyond_the_bound(few, name):
    check_predictor(predictors.create(name), SPACE)


@pytest.mark.parametrize("name", NAMES)
def test_left_out_predictions_are_those_of_fits_without_each(name, rounding):
    """Exact: the covariance of the others is factorised for each, with the hyperparameters of all."""
    inputs, y = drawn(25)
    predictor = predictors.create(name).fit(inputs, y)
    covariance = predictor._covariance(predictor.points_, predictor.points_).numpy()
    noisy, z, left_out = covariance + predictor.noise_ * np.eye(25), predictor.transform(y), predictor.leave_one_out()
    near = rounding(100 * 25) * np.linalg.cond(noisy)
    for row in range(25):
        others = np.delete(np.arange(25), row)
        weights = np.linalg.solve(noisy[others][:, others], noisy[others, row])
        variance = noisy[row, row] - weights @ noisy[others, row]
        mean, std = predictor.transform_.moments(weights @ z[others][:, None], np.sqrt([variance]))
        assert left_out.mean[row] == pytest.approx(mean[0], abs=near * np.ptp(y))
        assert left_out.std[row] == pytest.approx(std[0], abs=near * np.ptp(y))


def test_nothing_is_left_out_before_a_fit():
    with pytest.raises(InputError, match="GaussianProcess is not fitted"):
        GaussianProcess().leave_one_out()
