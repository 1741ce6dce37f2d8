import numpy as np
import pytest
from sklearn.linear_model import BayesianRidge

from nasbench.predictors import Inputs
from nasbench.predictors.ridge import TOLERANCE, Ridge, posterior
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

    The updates end where the sum of all changes of the weights is below the tolerance, and the noise is that of the
    weights before the last change, so the two agree up to the tolerance.
    """
    rng = np.random.default_rng(0)
    genotypes = SPACE.sample(40, rng)
    y = SPACE.features(genotypes, "counts") @ rng.normal(size=7) + rng.normal(size=40)
    predictor = Ridge("counts").fit(Inputs.of(SPACE, genotypes), y)
    x = (SPACE.features(genotypes, "counts") - predictor.centre_) / predictor.unit_
    z = predictor.transform(y)
    assert predictor.weight_ == pytest.approx(predictor.covariance_ @ x.T @ z / predictor.noise_, abs=TOLERANCE)
    precision = np.linalg.inv(predictor.covariance_) - x.T @ x / predictor.noise_
    assert precision == pytest.approx(precision[0, 0] * np.eye(7), abs=TOLERANCE * precision[0, 0])


@pytest.mark.parametrize(("n", "f"), [(200, 7), (20, 20), (10, 30)])
def test_agrees_with_scikit_learn(n, f):
    """The same updates on X'X, whose condition is that of X squared; the prior keeps what is added to it above 1e-6."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, f))
    z = x @ rng.normal(size=f) + rng.normal(size=n)
    z -= z.mean()
    model = BayesianRidge(fit_intercept=False).fit(x, z)
    weight, covariance, noise = posterior(x, z)
    tolerance = 1e6 * n * f * np.finfo(np.float64).eps
    assert weight == pytest.approx(model.coef_, rel=tolerance, abs=tolerance)
    assert covariance == pytest.approx(model.sigma_, rel=tolerance, abs=tolerance)
    assert noise == pytest.approx(1 / model.alpha_, rel=tolerance)


@pytest.mark.parametrize("n", [2, 10, 20])
def test_constant_targets_determine_no_more_weights_than_there_are_targets(n):
    """X'X of n centred rows has n - 1 eigenvalues; what rounding makes of the others is nothing to learn from."""
    x = np.random.default_rng(0).normal(size=(n, 40))
    weight, covariance, noise = posterior(x - x.mean(axis=0), np.zeros(n))
    assert noise > 0
    assert not weight.any()
    assert np.linalg.eigvalsh(covariance).min() > 0


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
