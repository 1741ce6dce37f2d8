"""Predictors as models of BoTorch: posteriors are those of predictions, and acquisition functions choose with them."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit, in linear_operator
    pytest.importorskip("botorch", reason="the adapter is of BoTorch")
    from botorch.acquisition import LogExpectedImprovement, UpperConfidenceBound
    from botorch.acquisition.logei import qLogExpectedImprovement
    from botorch.acquisition.monte_carlo import qExpectedImprovement, qUpperConfidenceBound
    from botorch.exceptions.warnings import NumericsWarning
    from botorch.optim import optimize_acqf_discrete
    from botorch.sampling import SobolQMCNormalSampler

from nasbench.adapters import botorch as adapter  # needs botorch
from nasbench.adapters.botorch import BotorchModel
from nasbench.errors import InputError
from nasbench.predictors import Inputs, predictors
from nasbench.predictors.mean import Mean
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")
RNG = np.random.default_rng(0)
INPUTS = Inputs.of(SPACE, SPACE.sample(60, RNG))
Y = SPACE.features(INPUTS.genotypes, "counts") @ np.arange(7.0) + RNG.normal(size=60)
X = torch.from_numpy(INPUTS.genotypes.astype(float))


def fitted(name="gp"):
    return predictors.create(name, features="onehot").fit(INPUTS[:30], Y[:30])


def test_two_targets_by_hand():
    """Targets 1 and 3 are -1 and 1 when transformed: the constant predicts 0, with the deviation that it learnt."""
    predictor = Mean().fit(INPUTS[:2], [1.0, 3.0])
    std = predictor.predict_transformed(INPUTS[:1]).std[0]
    posterior = BotorchModel(predictor).posterior(X[:4].reshape(2, 2, 6))
    assert posterior.mean.shape == (2, 2, 1)
    assert posterior.mean.flatten().tolist() == pytest.approx([0] * 4)
    assert posterior.distribution.covariance_matrix[1].tolist() == [
        [pytest.approx(std**2), 0],
        [0, pytest.approx(std**2)],
    ]


@pytest.mark.parametrize("name", ["gp", "gp-wl", "gp-unlabelled"])
def test_posterior_of_a_process_is_its_prediction(monkeypatch, name):
    """The same numbers, up to the rounding of another product; joint over `q`, however many fit into one covariance."""
    predictor = fitted(name)
    mean, std = predictor.predict_transformed(INPUTS[30:])
    _, covariance = predictor.joint_transformed(INPUTS[30:])
    model = BotorchModel(predictor)
    alone = model.posterior(X[30:, None])
    assert alone.mean.flatten().numpy() == pytest.approx(mean)
    assert alone.variance.flatten().numpy() == pytest.approx(std**2)
    for rows in (6, 512):
        monkeypatch.setattr(adapter, "JOINT_ROWS", rows)
        joint = model.posterior(X[30:].reshape(5, 2, 3, 6))
        assert joint.mean.flatten().numpy() == pytest.approx(mean)
        expected = np.stack([covariance[at : at + 3, at : at + 3] for at in range(0, 30, 3)])
        given = joint.distribution.covariance_matrix.reshape(10, 3, 3).numpy()
        assert given == pytest.approx(expected, abs=1e-9 * covariance.max())
    assert np.sqrt(covariance.diagonal()) == pytest.approx(std)


def test_draws_have_the_covariance_of_the_draws_of_the_predictor():
    predictor, rows = fitted(), [40, 40, 41]
    k = 20_000
    _, covariance = predictor.joint_transformed(INPUTS[rows])
    draws = BotorchModel(predictor).posterior(X[rows]).rsample(torch.Size([k]))[..., 0].numpy()
    own = predictor.sample_transformed(INPUTS[rows], k, np.random.default_rng(1))
    near = 6 * np.sqrt(2 / k) * covariance.max()
    assert np.cov(draws.T) == pytest.approx(covariance, abs=near)
    assert np.cov(own.T) == pytest.approx(covariance, abs=near)
    assert covariance[0, 1] > 0.5 * covariance[0, 0]  # of the same cell, twice


@pytest.mark.parametrize("name", ["xgb", "gp"])
def test_draws_make_an_ensemble(name):
    predictor = fitted(name)
    posterior = BotorchModel(predictor, draws=300).posterior(X[30:].reshape(10, 3, 6))
    assert posterior.values.shape == (10, 300, 3, 1)
    expected = predictor.sample_transformed(INPUTS[30:], 300, np.random.default_rng(0))
    assert np.array_equal(posterior.values[2, :, 1, 0].numpy(), expected[:, 7])
    mean, std = predictor.predict_transformed(INPUTS[30:])
    assert (np.abs(posterior.mean.flatten().numpy() - mean) < 5 * std / np.sqrt(300)).all()


def test_what_is_minimised_is_turned_over():
    predictor = fitted()
    most, least = (BotorchModel(predictor, direction=d).posterior(X[30:33]) for d in ("maximise", "minimise"))
    assert torch.equal(most.mean, -least.mean)
    assert torch.equal(most.variance, least.variance)


def test_columns_come_from_who_knows_them():
    def inputs_of(genotypes):
        return Inputs.of(SPACE, genotypes, columns={"first": genotypes[:, 0]})

    predictor = predictors.create("ridge", features="first").fit(inputs_of(INPUTS.genotypes), Y)
    mean = BotorchModel(predictor, inputs_of).posterior(X[:5, None]).mean.flatten()
    assert mean.numpy() == pytest.approx(predictor.predict_transformed(inputs_of(INPUTS.genotypes[:5])).mean)


@pytest.mark.parametrize("name", ["gp", "xgb"])
def test_acquisition_functions_choose_among_architectures(name):
    predictor, choices = fitted(name), X[30:]
    model, best = BotorchModel(predictor), float(predictor.transform(Y[:30]).max())
    sampler = SobolQMCNormalSampler(torch.Size([256]), seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumericsWarning)  # which recommends the logarithm
        improvement = qExpectedImprovement(model, best, sampler=sampler)
    for acquisition in (
        LogExpectedImprovement(model, best),
        UpperConfidenceBound(model, 2.0),
        improvement,
        qLogExpectedImprovement(model, best, sampler=sampler),
        qUpperConfidenceBound(model, 2.0, sampler=sampler),
    ):
        chosen, value = optimize_acqf_discrete(acquisition, q=1, choices=choices)
        assert torch.isfinite(value).all()
        assert float(value) == pytest.approx(float(acquisition(choices[:, None]).max()))
        assert (choices == chosen).all(dim=1).any()
    mean, std = predictor.predict_transformed(INPUTS[30:])
    chosen, _ = optimize_acqf_discrete(UpperConfidenceBound(model, 2.0), q=1, choices=choices)
    assert torch.equal(chosen[0], choices[(mean + np.sqrt(2) * std).argmax()])
    together, _ = optimize_acqf_discrete(qLogExpectedImprovement(model, best, sampler=sampler), q=3, choices=choices)
    assert len(together.unique(dim=0)) == 3


def test_improvement_over_an_ensemble_of_draws():
    model = BotorchModel(fitted("xgb"), draws=64)
    acquisition = qLogExpectedImprovement(model, 0.5)
    assert torch.isfinite(acquisition(X[30:, None])).all()


def test_refused():
    with pytest.raises(InputError, match="GaussianProcess is not fitted"):
        BotorchModel(predictors.create("gp"))
    with pytest.raises(InputError, match="direction"):
        BotorchModel(fitted("ridge"), direction="up")
    with pytest.raises(InputError, match="draws"):
        BotorchModel(fitted("ridge"), draws=-1)
    with pytest.raises(InputError, match=r"genotypes are whole numbers: row 1 is \[0.5, .*optimize_acqf_discrete"):
        BotorchModel(fitted("ridge")).posterior(torch.tensor([[0.0] * 6, [0.5] * 6]))
    with pytest.raises(InputError, match="9"):
        BotorchModel(fitted("ridge")).posterior(torch.full((1, 6), 9.0))


def test_without_it_the_error_names_the_extra():
    code = "import sys; sys.modules['botorch'] = None; import nasbench.adapters.botorch"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stderr.splitlines()[-1].endswith("models for BoTorch need it: pip install 'nasbench[botorch]'")
