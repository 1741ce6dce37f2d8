"""The evidence and its gradient agree with paper, with finite differences, and with gpytorch's automatic ones."""

import math
import warnings

import numpy as np
import pytest
import torch

from nasbench.predictors.evidence import (
    MIN_NOISE_VARIANCE,
    NOISE,
    OFFSET,
    OUTPUT,
    POSITIVE,
    SINGULAR_LOSS,
    TREND,
    Evidence,
)


def log_normal(value, prior):
    return -0.5 * ((math.log(value) - prior.centre) / prior.spread) ** 2 - math.log(
        value * prior.spread * math.sqrt(2 * math.pi)
    )


def some(n, f, h, seed=0):
    """Features in groups of two, targets, and squared distances of `h` other sets of points."""
    rng = np.random.default_rng(seed)
    x, z, other = rng.normal(size=(n, f)), rng.normal(size=n), rng.normal(size=(h, n, 3))
    squares = torch.cdist(torch.from_numpy(other), torch.from_numpy(other)) ** 2
    return Evidence(torch.from_numpy(x), torch.from_numpy(z), torch.arange(f) // 2, squares)


def test_one_target_by_hand():
    """Of one architecture at x = 2 with weight 1: variance v = 1 + 0.05 (4 + 1)^2 + 0.1 = 2.35, at the start."""
    evidence = Evidence(torch.tensor([[2.0]]).double(), torch.tensor([3.0]).double(), torch.tensor([0]))
    likelihood = -0.5 * (9 / 2.35 + math.log(2 * math.pi * 2.35))
    prior = sum(log_normal(prior.start, prior) for prior in (NOISE, OUTPUT, TREND, OFFSET))
    prior -= math.log(1.5 * math.sqrt(2 * math.pi))  # a log weight of 0, its mean, with standard deviation 1.5
    loss, _ = evidence.loss(evidence.raw)
    assert float(loss) == pytest.approx(-likelihood - prior)


def test_learning_starts_at_the_start():
    evidence = some(6, 6, 2)
    start = evidence.hyperparameters(evidence.raw)
    assert start.log_weight.tolist() == pytest.approx([-math.log(3)] * 3)  # all groups together weigh 1
    assert start[2:] == pytest.approx([prior.start for prior in POSITIVE])


@pytest.mark.parametrize("h", [0, 2])
def test_gradient_is_the_slope_of_the_loss(h):
    """A central difference over e is off by e^2 times the third derivative, and by rounding / e; both near 1e-9."""
    evidence, step = some(8, 4, h), 1e-5
    at = evidence.raw + torch.from_numpy(np.random.default_rng(1).normal(size=len(evidence.raw)))
    slopes = []
    for position in range(len(at)):
        change = torch.zeros_like(at)
        change[position] = step
        slopes.append(float(evidence.loss(at + change)[0] - evidence.loss(at - change)[0]) / (2 * step))
    assert evidence.loss(at)[1].tolist() == pytest.approx(slopes, abs=1e-7)


def test_loss_and_gradient_agree_with_gpytorch():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit, in linear_operator
        gpytorch = pytest.importorskip("gpytorch", reason="the independent computation is gpytorch's")
    evidence = some(30, 6, 0)

    class Model(gpytorch.models.ExactGP):
        def __init__(self):
            prior = gpytorch.priors.LogNormalPrior
            noise = gpytorch.likelihoods.GaussianLikelihood(
                prior(NOISE.centre, NOISE.spread), gpytorch.constraints.GreaterThan(MIN_NOISE_VARIANCE)
            )
            super().__init__(evidence.x, evidence.z, noise)
            self.kernel = gpytorch.kernels.ScaleKernel(
                gpytorch.kernels.MaternKernel(2.5), prior(OUTPUT.centre, OUTPUT.spread)
            )
            quadratic = gpytorch.kernels.PolynomialKernel(2, offset_prior=prior(OFFSET.centre, OFFSET.spread))
            self.trend = gpytorch.kernels.ScaleKernel(quadratic, prior(TREND.centre, TREND.spread))
            self.kernel.base_kernel.lengthscale = 1.0
            self.log_weight = torch.nn.Parameter(torch.zeros(3))
            self.register_prior("weights", gpytorch.priors.NormalPrior(-math.log(3), 1.5), "log_weight")
            self.double()
            self.likelihood.noise, self.kernel.outputscale = NOISE.start, OUTPUT.start
            self.trend.outputscale, quadratic.offset = TREND.start, OFFSET.start

        def forward(self, x):
            x = x * torch.exp(0.5 * self.log_weight)[evidence.groups]
            covariance = self.kernel(x) + self.trend(x)
            return gpytorch.distributions.MultivariateNormal(torch.zeros(len(x), dtype=x.dtype), covariance)

    model = Model()
    objective = gpytorch.mlls.ExactMarginalLogLikelihood(model.likelihood, model.train())
    expected = -objective(model(evidence.x), evidence.z)
    expected.backward()
    raw = (model.likelihood.raw_noise, model.kernel.raw_outputscale, model.trend.raw_outputscale)
    raw += (model.trend.base_kernel.raw_offset,)
    loss, gradient = evidence.loss(torch.cat([model.log_weight.detach(), *(r.detach().view(-1) for r in raw)]))
    # priors of gpytorch hold their numbers in float32
    assert float(loss) == pytest.approx(float(expected.detach()), rel=1e-6)
    slopes = torch.cat([model.log_weight.grad, *(r.grad.view(-1) for r in raw)])
    assert gradient.tolist() == pytest.approx(slopes.tolist(), abs=1e-6)


def test_learning_lowers_the_loss_until_it_is_flat():
    evidence = some(30, 6, 2)
    before, _ = evidence.loss(evidence.raw)
    evidence.maximise(300)
    after, gradient = evidence.loss(evidence.raw)
    assert after < before
    assert float(gradient.abs().max()) < 1e-4
    assert evidence.hyperparameters(evidence.raw).noise >= MIN_NOISE_VARIANCE


def test_what_no_number_holds_is_a_large_loss_without_a_slope():
    evidence = some(5, 2, 0)
    loss, gradient = evidence.loss(torch.full_like(evidence.raw, 800.0))
    assert float(loss) == SINGULAR_LOSS
    assert not gradient.any()


def test_no_step_leaves_the_start():
    evidence = some(5, 2, 0)
    start = evidence.raw
    evidence.maximise(0)
    assert torch.equal(evidence.raw, start)
