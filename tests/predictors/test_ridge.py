import numpy as np
import pytest
from sklearn.linear_model import BayesianRidge

from nasbench.predictors import Inputs
from nasbench.predictors.ridge import Ridge
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")


def test_recovers_a_linear_target():
    rng = np.random.default_rng(0)
    inputs = Inputs.of(SPACE, SPACE.sample(300, rng))
    y = SPACE.features(inputs.genotypes, "onehot") @ rng.normal(size=30)
    predictor = Ridge("onehot").fit(inputs[:200], y[:200])
    prediction = predictor.predict(inputs[200:])
    assert np.corrcoef(prediction.mean, y[200:])[0, 1] > 0.99


def test_posterior_by_hand():
    """The mean and covariance of the weights are those of the learnt precisions (Bishop, 2006, eq. 3.53 and 3.54).

    `BayesianRidge` stops where the sum of all changes of the weights is below its `tol`, and gives the noise after the
    last change with the weights before it, so the two agree up to `tol`.
    """
    rng = np.random.default_rng(0)
    genotypes = SPACE.sample(40, rng)
    y = SPACE.features(genotypes, "counts") @ rng.normal(size=7) + rng.normal(size=40)
    predictor = Ridge("counts").fit(Inputs.of(SPACE, genotypes), y)
    x = (SPACE.features(genotypes, "counts") - predictor.centre_) / predictor.unit_
    z = predictor.transform(y)
    tolerance = BayesianRidge().tol
    assert predictor.weight_ == pytest.approx(predictor.covariance_ @ x.T @ z / predictor.noise_, abs=tolerance)
    precision = np.linalg.inv(predictor.covariance_) - x.T @ x / predictor.noise_
    assert precision == pytest.approx(precision[0, 0] * np.eye(7), abs=tolerance * precision[0, 0])


def test_draws_have_the_posterior_covariance():
    """Rows share the drawn weights: X S X' between them, and the noise on the diagonal (Bishop, 2006, eq. 3.58)."""
    rng = np.random.default_rng(0)
    inputs = Inputs.of(SPACE, SPACE.sample(40, rng))
    y = SPACE.features(inputs.genotypes, "counts") @ rng.normal(size=7) + rng.normal(size=40)
    predictor = Ridge("counts").fit(inputs, y)
    test = inputs[[0, 1, 1]]
    x = (SPACE.features(test.genotypes, "counts") - predictor.centre_) / predictor.unit_
    expected = x @ predictor.covariance_ @ x.T + predictor.noise_ * np.eye(3)
    draws = predictor._sample(test.canonical, 20_000, rng)
    assert np.cov(draws.T) == pytest.approx(expected, abs=4 * expected.max() * np.sqrt(2 / 20_000))
    mean, std = predictor.predict_transformed(test)
    assert draws.mean(axis=0) == pytest.approx(mean, abs=4 * std.max() / np.sqrt(20_000))
    assert np.sqrt(expected.diagonal()) == pytest.approx(std)
