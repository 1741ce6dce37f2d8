import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from nasbench.errors import InputError
from nasbench.predictors import Inputs, Predictor, predictors
from nasbench.predictors.gp import GaussianProcess
from nasbench.predictors.gp_deep import LAYER_SPREAD, PROJECTION_SPREAD, DeepKernel, Model, Network, maximise
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")
INPUTS = Inputs.of(SPACE, SPACE.sample(60, np.random.default_rng(0)))
Y = SPACE.features(INPUTS.genotypes, "counts") @ np.arange(7.0)


def test_network_by_hand():
    """h = 3 * 2 - 1 = 5, and tanh(.1 h - .2) = tanh .3 adds twice itself."""
    numbers = ([[2.0], [1.0]], [[0.1]], [-0.2], [[2.0]])
    network = Network(*(torch.tensor(n, dtype=torch.float64) for n in numbers))
    x = torch.tensor([[3.0, -1.0]], dtype=torch.float64)
    assert network(x).item() == pytest.approx(5 + 2 * math.tanh(0.3))


def test_posterior_of_two_points_by_hand():
    """Nothing is learnt: one group has weight 1, noise is .1, and the covariance that of points 1/2 and -1/2.

    The mean squared distance over all four pairs of two cells is 1, so theirs is 2, and their points are +-1/sqrt 2.
    """
    two = Inputs.of(SPACE, SPACE.decode(np.array([0, 15_624])), columns={"size": np.array([5.0, 9.0])})
    predictor = DeepKernel("size", steps=0, dimensions=1).fit(two, [1.0, 3.0])  # z = -1 and 1
    distance = math.sqrt(5 * 2)
    o = 1 + 0.05 * (1 / 2 + 1) ** 2
    k = (1 + distance + distance**2 / 3) * math.exp(-distance) + 0.05 * (1 - 1 / 2) ** 2
    s, a = 0.1, o + 0.1
    prediction = predictor.predict_transformed(two)
    assert sorted(predictor.points_[0].ravel()) == pytest.approx([-math.sqrt(0.5), math.sqrt(0.5)])
    mean = (o - k) / (a - k)
    variance = o + s - (a * (o**2 + k**2) - 2 * k * o * k) / (a**2 - k**2)
    assert prediction.mean == pytest.approx([-mean, mean], rel=1e-6)  # GPyTorch's start values come from float32
    assert prediction.std == pytest.approx([math.sqrt(variance)] * 2, rel=1e-6)


def test_learning_starts_at_the_plain_process():
    """As many dimensions as features only turn them, so covariances of all cells stay what they are."""
    width = len(SPACE.features(INPUTS.genotypes[:1], "counts")[0])
    deep = DeepKernel("counts", steps=0, dimensions=width).fit(INPUTS[:40], Y[:40])
    plain = GaussianProcess("counts", steps=0).fit(INPUTS[:40], Y[:40])
    for one, other in zip(deep.predict(INPUTS[40:]), plain.predict(INPUTS[40:]), strict=True):
        assert one == pytest.approx(other, rel=1e-6)


def test_prior_of_the_network_by_hand():
    """Weights .01 off their start have the normal density of .01, each with the spread of its array."""
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 2)))
    start = Network.start(x, 2, 4, 0)
    model = Model(x, x[:, 0], torch.tensor([0, 1]), start)
    with torch.no_grad():
        for weight in model.weights:
            weight += 0.01
        density = {name: prior.log_prob(of(module)).sum().item() for name, module, prior, of, _ in model.named_priors()}
    spreads = (PROJECTION_SPREAD, LAYER_SPREAD, LAYER_SPREAD, LAYER_SPREAD / 2)
    for name, weights, spread in zip(Network._fields, start, spreads, strict=True):
        each = -0.5 * (0.01 / spread) ** 2 - math.log(spread) - 0.5 * math.log(2 * math.pi)
        assert density[name] == pytest.approx(weights.numel() * each)


def test_learning_raises_the_evidence_times_the_prior():
    from gpytorch.mlls import ExactMarginalLogLikelihood

    x = torch.from_numpy(np.random.default_rng(0).normal(size=(30, 3)))
    z = torch.sin(3 * x[:, 0])
    model = Model(x, z, torch.tensor([0, 1, 2]), Network.start(x, 2, 4, 0))
    objective = ExactMarginalLogLikelihood(model.likelihood, model.train())
    before = float(objective(model(x), z).detach())
    start = [weight.detach().clone() for weight in model.weights]
    maximise(model, 30)
    assert float(objective(model(x), z).detach()) > before + 0.01
    assert all((weight != old).all() for weight, old in zip(model.weights, start, strict=True))
    assert model.kernel.base_kernel.lengthscale.item() == 1.0


def test_learns_and_is_certain_where_it_was_trained():
    predictor = DeepKernel().fit(INPUTS[:40], Y[:40])
    inside, outside = predictor.predict(INPUTS[:40]), predictor.predict(INPUTS[40:])
    assert np.corrcoef(outside.mean, Y[40:])[0, 1] > 0.95
    assert inside.std.mean() < outside.std.mean()


def test_the_seed_decides_and_nothing_else():
    torch.manual_seed(1)
    first, state = DeepKernel().fit(INPUTS[:20], Y[:20]).predict(INPUTS), torch.random.get_rng_state()
    torch.manual_seed(2)
    again = DeepKernel().fit(INPUTS[:20], Y[:20]).predict(INPUTS)
    other = DeepKernel(seed=1).fit(INPUTS[:20], Y[:20]).predict(INPUTS)
    assert all(map(np.array_equal, first, again))
    assert not np.array_equal(first.mean, other.mean)
    torch.manual_seed(1)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_draws_are_joint():
    """Equal cells share all but the noise; the covariance is symmetric, and positive beyond its rounding."""
    predictor = DeepKernel().fit(INPUTS[:10], Y[:10])
    test = INPUTS[[20, 20, *range(30, 60)]]
    mean, covariance = predictor.joint_transformed(test)
    prediction = predictor.predict_transformed(test)
    assert mean == pytest.approx(prediction.mean)
    assert np.sqrt(covariance.diagonal()) == pytest.approx(prediction.std)
    assert np.linalg.eigvalsh(covariance).min() > 0.5 * predictor.noise_
    draws = predictor.sample_transformed(test, 4000, np.random.default_rng(0))
    expected = 1 - predictor.noise_ / covariance[0, 0]
    assert np.corrcoef(draws.T)[0, 1] == pytest.approx(expected, abs=5 * (1 - expected**2) / np.sqrt(4000))


@pytest.mark.parametrize("hidden", [0, 16])
def test_a_file_predicts_bit_for_bit(tmp_path, hidden):
    predictor = DeepKernel(hidden=hidden).fit(INPUTS[:30], Y[:30])
    predictor.save(tmp_path / "deep")
    loaded = Predictor.load(tmp_path / "deep")
    assert all(map(np.array_equal, predictor.predict(INPUTS), loaded.predict(INPUTS)))
    assert all(map(np.array_equal, predictor.joint_transformed(INPUTS), loaded.joint_transformed(INPUTS)))
    assert loaded.get_params() == predictor.get_params()


def test_more_cells_than_are_learnt_from_and_than_are_factorised(monkeypatch, tmp_path):
    monkeypatch.setattr("nasbench.predictors.gp_deep.MAX_LEARNING_ROWS", 20)
    monkeypatch.setattr("nasbench.predictors.gp.MAX_LEARNING_ROWS", 20)
    exact = DeepKernel("counts").fit(INPUTS[:50], Y[:50])
    assert len(exact.points_[0]) == 50
    assert np.corrcoef(exact.predict(INPUTS[50:]).mean, Y[50:])[0, 1] > 0.9
    monkeypatch.setattr("nasbench.predictors.gp.MAX_EXACT_ROWS", 30)
    monkeypatch.setattr("nasbench.predictors.gp.MAX_INDUCING_POINTS", 30)
    inducing = DeepKernel("counts").fit(INPUTS[:50], Y[:50])
    assert len(inducing.points_[0]) <= 30
    assert np.corrcoef(inducing.predict(INPUTS[50:]).mean, Y[50:])[0, 1] > 0.9
    inducing.save(tmp_path / "deep")
    assert all(map(np.array_equal, inducing.predict(INPUTS), Predictor.load(tmp_path / "deep").predict(INPUTS)))


def test_contradicting_targets_become_noise():
    inputs = Inputs.of(SPACE, np.repeat(SPACE.decode(np.arange(5)), 10, axis=0))
    y = np.random.default_rng(0).normal(size=50)
    prediction = DeepKernel().fit(inputs, y).predict(inputs[::10])
    assert prediction.std == pytest.approx([y.std()] * 5, rel=4 / np.sqrt(2 * 50))


def test_equal_targets_are_predicted():
    mean, std = DeepKernel().fit(INPUTS[:20], np.full(20, 7.0)).predict(INPUTS)
    assert mean == pytest.approx(np.full(60, 7.0))
    assert (std > 0).all()


def test_two_cells_of_many_features():
    """Fewer components than dimensions, and than features: the others are 0 at the start."""
    predictor = DeepKernel().fit(INPUTS[:2], Y[:2])
    assert predictor.network_.projection.shape[0] > predictor.network_.projection.shape[1] > 2
    for moment in predictor.predict(INPUTS):
        assert np.isfinite(moment).all()


def test_arguments_are_tested():
    with pytest.raises(InputError, match="dimensions of DeepKernel must be a whole number of at least 1, got 0"):
        DeepKernel(dimensions=0).fit(INPUTS, Y)
    with pytest.raises(InputError, match="hidden of DeepKernel must be a whole number of at least 0, got -1"):
        DeepKernel(hidden=-1).fit(INPUTS, Y)


def test_only_this_predictor_imports_gpytorch():
    """It takes seconds to import, so no other predictor waits for it."""
    assert isinstance(predictors.create("gp-deep"), DeepKernel)
    folder = Path(__file__).parents[2] / "predictors"
    importing = {path.name for path in folder.rglob("*.py") if re.search(r"(import|from) gpytorch", path.read_text())}
    assert importing == {"gp_deep.py"}
