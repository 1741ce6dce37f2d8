"""Each proxy against a case worked out by hand."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from nasbench.errors import InputError
from nasbench.measures import PROXIES
from nasbench.measures.flops import flops
from nasbench.measures.parameters import parameters
from nasbench.measures.proxies import proxy_scores
from nasbench.measures.proxies.fisher import effect
from nasbench.measures.proxies.jacov import EPSILON, spread
from nasbench.measures.proxies.naswot import agreement, log_determinant
from nasbench.spaces import NetworkSettings, spaces
from nasbench.spaces.networks.layers import head
from nasbench.tasks import Outputs
from nasbench.tasks.images import ImageClassification


@dataclass(frozen=True)
class Regression(ImageClassification):
    """The mean squared difference to numbers `(b,)`."""

    def loss(self, outputs: Outputs, targets: torch.Tensor) -> torch.Tensor:
        return (cast(torch.Tensor, outputs)[:, 0] - targets).square().mean()


@pytest.fixture(scope="module")
def near(rounding: Callable[..., float]) -> float:
    """Relative error of a few dozen operations in a row in single precision, of which nothing cancels."""
    return rounding(50, "float32")


def linear(*rows: list[float]) -> nn.Linear:
    layer = nn.Linear(len(rows[0]), len(rows), bias=False)
    layer.weight.data = torch.tensor(rows)
    return layer


def images(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows)[:, None, None]  # (n, 1, 1, pixels)


ONE_WEIGHT = nn.Sequential(nn.Flatten(), linear([3.0]))
SQUARED = Regression((1, 1, 1), 1)
X, T = images([1.0], [2.0]), torch.tensor([1.0, 0.0])
"""Answers 3 and 6, so L = ((3 - 1)^2 + (6 - 0)^2) / 2, dL/dw = (2 * 2 * 1 + 2 * 6 * 2) / 2 = 14, d2L/dw2 = 1 + 4."""
PAIR = ImageClassification((1, 1, 2), 1)


def score(name: str, network: nn.Module, task: ImageClassification, *batch: torch.Tensor) -> float:
    return proxy_scores(network, task, *batch, names=[name])[name]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("snip", 3 * 14),
        ("grad_norm", 14),
        ("grasp", -3 * 5 * 14),
        ("fisher", ((3 * 2) ** 2 + (6 * 6) ** 2) / 4),  # dL/da = 2 (a - t) / n = 2 and 6
    ],
)
def test_of_one_weight(name: str, value: float, near: float) -> None:
    assert score(name, ONE_WEIGHT, SQUARED, X, T) == pytest.approx(value, rel=near)


def test_snip_and_grad_norm_of_two_layers(near: float) -> None:
    network = nn.Sequential(nn.Flatten(), linear([2.0], [-1.0]), linear([3.0, 4.0]))  # answers (6 - 4) x = 2 and 4
    # dL/da = 1 and 4, so dL/dW2 = (1 * 2 + 4 * 4, -1 - 8) and dL/dW1 = (1 + 8) (3, 4)
    assert score("snip", network, SQUARED, X, T) == pytest.approx(3 * 18 + 4 * 9 + 2 * 27 + 1 * 36, rel=near)
    assert score("grad_norm", network, SQUARED, X, T) == pytest.approx(math.hypot(18, 9) + math.hypot(27, 36), rel=near)


def test_fisher_adds_over_places_before_it_squares(near: float) -> None:
    answers = torch.tensor([[[1.0, 1.0], [2.0, 0.0]], [[3.0, 1.0], [1.0, 1.0]]])  # (inputs, places, channels)
    gradients = torch.tensor([[[1.0, 2.0], [1.0, 5.0]], [[0.0, 1.0], [2.0, -1.0]]])
    # the first channel sums to 1 + 2 and 0 + 2, the second to 2 + 0 and 1 - 1
    assert effect(answers, gradients) == pytest.approx((9 + 4 + 4 + 0) / 4, rel=near)


def test_fisher_finds_the_channels_of_convolutions(near: float) -> None:
    convolution = nn.Conv2d(1, 2, 1, bias=False)
    convolution.weight.data = torch.tensor([1.0, -2.0]).view(2, 1, 1, 1)
    network = nn.Sequential(convolution, nn.Flatten(), linear([1.0, 2.0, 3.0, 4.0]))
    x = images([1.0, 2.0], [0.0, 1.0])  # answers (1 + 4) - 2 (3 + 8) = -17 and 2 - 8 = -6
    # dL/da = -17 and -6 where the targets are 0; what reaches the channels is that times (1, 2) and (3, 4)
    channels = (-17 * 5) ** 2 + (-17 * -22) ** 2 + (-6 * 2) ** 2 + (-6 * -8) ** 2
    last = (-17 * -17) ** 2 + (-6 * -6) ** 2  # of one channel with four weights
    task = Regression((1, 1, 2), 1)
    assert score("fisher", network, task, x, torch.zeros(2)) == pytest.approx((channels + 4 * last) / 4, rel=near)
    in_place = nn.Sequential(convolution, nn.LeakyReLU(1.0, inplace=True), *network[1:])
    assert score("fisher", in_place, task, x, torch.zeros(2)) == pytest.approx((channels + 4 * last) / 4, rel=near)


def test_synflow_is_what_flows_times_the_number_of_layers() -> None:
    network = nn.Sequential(nn.Flatten(), linear([1.0, -2.0], [3.0, 4.0]), linear([-1.0, 2.0]))
    # |W1| (1, 1) = (3, 7) and |W2| (3, 7) = 17, of which each layer passes on all
    assert score("synflow", network, PAIR) == pytest.approx(math.log(1 + 2 * 17))


def test_synflow_takes_batch_normalisation_away() -> None:
    norm = nn.BatchNorm1d(2)
    norm.weight.data.fill_(5.0)
    network = nn.Sequential(nn.Flatten(), linear([1.0, -2.0], [3.0, 4.0]), norm, linear([-1.0, 2.0]))
    assert score("synflow", network, PAIR) == pytest.approx(math.log(35))


def test_synflow_does_not_overflow() -> None:
    layers = [nn.Linear(64, 64, bias=False) for _ in range(100)]
    for layer in layers:
        nn.init.constant_(layer.weight, 10.0)
    network = nn.Sequential(nn.Flatten(), *layers)
    flow = math.log(64) + 100 * math.log(640)  # far beyond what single precision holds
    assert score("synflow", network, ImageClassification((1, 8, 8), 64)) == pytest.approx(flow + math.log(100))


def test_l2_norm_leaves_biases_and_norms_out(near: float) -> None:
    network = nn.Sequential(nn.Flatten(), linear([3.0, 4.0]), nn.BatchNorm1d(1), linear([-2.0]), nn.Linear(1, 1))
    network[-1].weight.data.fill_(0.0)
    assert score("l2_norm", network, PAIR) == pytest.approx(5 + 2, rel=near)


def test_agreement_of_codes() -> None:
    codes = torch.tensor([[True, False, True], [True, True, True], [False, True, False]])
    assert agreement(codes).tolist() == [[3, 2, 0], [2, 3, 1], [0, 1, 3]]


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(1, 40))
def test_agreement_is_what_the_distance_of_codes_leaves(
    rounding: Callable[..., float], seed: int, n: int, d: int
) -> None:
    """Eigenvalues of a kernel plus the identity are 1 to n d + 1."""
    codes = np.random.default_rng(seed).random((n, d)) < 0.5
    kernel = agreement(torch.from_numpy(codes))
    assert np.array_equal(kernel.numpy(), d - (codes[:, None] != codes[None]).sum(axis=2))
    sign, expected = np.linalg.slogdet(kernel.numpy() + np.eye(n))
    assert sign == 1
    assert log_determinant(kernel + torch.eye(n)) == pytest.approx(expected, abs=rounding(n**3, condition=n * d + 1))


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_spread_is_largest_where_rows_are_not_correlated(rounding: Callable[..., float], seed: int, n: int) -> None:
    rows = torch.from_numpy(np.random.default_rng(seed).normal(size=(n, 4)))
    most = -n * (math.log(1 + EPSILON) + 1 / (1 + EPSILON))
    assert spread(rows) <= most + rounding(10 * n) * abs(most)


def test_naswot_of_two_codes() -> None:
    network = nn.Sequential(nn.Flatten(), linear([1.0, 0.0], [0.0, 1.0], [1.0, 1.0]), nn.ReLU())
    x = images([1.0, -0.5], [2.0, 3.0])  # codes 101 and 111: K = [[3, 2], [2, 3]]
    assert score("naswot", network, PAIR, x) == pytest.approx(math.log(9 - 4))
    smooth = nn.Sequential(*network[:2], nn.SiLU(inplace=True))
    assert score("naswot", smooth, PAIR, x) == pytest.approx(math.log(5))


@pytest.mark.parametrize("unit", [nn.ReLU(), nn.ReLU(True), nn.ReLU6(), nn.LeakyReLU(), nn.Hardswish(), nn.GELU()])
def test_naswot_adds_up_all_units(unit: nn.Module) -> None:
    network = nn.Sequential(nn.Flatten(), linear([1.0, 0.0], [0.0, 1.0]), unit, linear([1.0, 1.0]), nn.ReLU())
    x = images([1.0, -1.0], [2.0, 3.0])  # codes 10 and 11, then 1 or 0 (where a unit is bent) and 1
    second = float((unit(torch.tensor([1.0, -1.0])).sum() > 0).item())
    same = 1 + second
    assert score("naswot", network, PAIR, x) == pytest.approx(math.log(9 - same**2))


def test_naswot_has_no_value_where_codes_are_equal() -> None:
    network = nn.Sequential(nn.Flatten(), linear([1.0, 1.0]), nn.ReLU())
    assert math.isnan(score("naswot", network, PAIR, images([1.0, 2.0], [3.0, 4.0])))
    assert log_determinant(torch.ones(2, 2, dtype=torch.float64)) == -math.inf


def test_spread_of_jacobians() -> None:
    k = EPSILON
    apart = torch.tensor([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]])  # correlation 0: eigenvalues 1 and 1
    assert spread(apart) == pytest.approx(-2 * (math.log(1 + k) + 1 / (1 + k)))
    half = torch.tensor([[1.0, -1.0, 0.0], [1.0, 0.0, -1.0]])  # correlation 1/2: eigenvalues 1/2 and 3/2
    assert spread(half) == pytest.approx(-sum(math.log(s + k) + 1 / (s + k) for s in (0.5, 1.5)))
    assert spread(5 * half + 2) == pytest.approx(spread(half))
    assert math.isnan(spread(torch.tensor([[1.0, 1.0], [0.0, 1.0]])))


def test_jacov_of_a_network_that_is_bent() -> None:
    network = nn.Sequential(nn.Flatten(), linear([1.0, 0.0, -1.0], [0.0, 1.0, -1.0]), nn.ReLU(), linear([1.0, 1.0]))
    # in the first input the first unit is on, in the second the second: gradients (1, 0, -1) and (0, 1, -1)
    x = images([1.0, -1.0, 0.0], [-1.0, 1.0, 0.0])
    value = -sum(math.log(s + EPSILON) + 1 / (s + EPSILON) for s in (0.5, 1.5))
    assert score("jacov", network, ImageClassification((1, 1, 3), 1), x) == pytest.approx(value)


def test_jacov_has_no_value_where_batch_normalisation_fixes_the_sum() -> None:
    x = torch.randn(8, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    for bend, defined in ((nn.Identity(), False), (nn.ReLU(), True)):
        network = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), bend, head(3, 2))
        assert math.isfinite(score("jacov", network, ImageClassification((1, 4, 4), 2), x)) is defined


def test_zen_of_one_convolution(rounding: Callable[..., float]) -> None:
    """Maps that differ by a hundredth are subtracted."""
    task = ImageClassification((1, 2, 2), 3)
    network = nn.Sequential(nn.Conv2d(1, 1, 1), head(1, 3))
    noise = torch.Generator().manual_seed(5)
    weight, _ = torch.randn(1, 1, 1, 1, generator=noise), torch.randn(3, 1, generator=noise)
    _, e = (torch.randn(4, 1, 2, 2, generator=noise) for _ in range(2))
    expected = math.log(0.01 * abs(weight.item()) * e.abs().sum().item() / 4)
    near = rounding(10, "float32", condition=1 / 0.01)
    assert score("zen+n=4+seed=5", network, task) == pytest.approx(expected, abs=near)


def test_zen_gives_back_what_batch_normalisation_takes(rounding: Callable[..., float]) -> None:
    task = ImageClassification((1, 4, 4), 2)
    plain, normed = (nn.Sequential(nn.Conv2d(1, 3, 1), *norms, head(3, 2)) for norms in ([], [nn.BatchNorm2d(3)]))
    noise = torch.Generator().manual_seed(0)
    weight, _ = torch.randn(3, 1, 1, 1, generator=noise), torch.randn(2, 3, generator=noise)
    x, e = (torch.randn(8, 1, 4, 4, generator=noise) for _ in range(2))
    arrived = [weight.view(1, 3, 1, 1) * x, weight.view(1, 3, 1, 1) * (x + 0.01 * e)]  # (8, 3, 4, 4)
    running = torch.ones(3)
    for part in arrived:
        running = 0.9 * running + 0.1 * part.var(dim=(0, 2, 3))
    first, second = (part / part.std(dim=(0, 2, 3), correction=0).view(1, 3, 1, 1) for part in arrived)
    means = [part.mean(dim=(0, 2, 3)).view(1, 3, 1, 1) for part in (first, second)]
    change = ((second - means[1]) - (first - means[0])).abs().sum().item() / 8
    expected = math.log(change) + math.log(running.mean().item()) / 2
    near = rounding(8 * 4 * 4, "float32", condition=1 / 0.01)  # means over a channel, and their small difference
    assert score("zen+n=8", normed, task) == pytest.approx(expected, abs=near)
    assert score("zen+n=8", plain, task) != pytest.approx(expected, abs=10 * near)


def test_sizes_are_those_of_the_functions() -> None:
    space, task = spaces.create("nb201"), ImageClassification((1, 8, 8), 3)
    network = space.network(space.from_index([1234])[0], task, NetworkSettings(4, 1, 2))
    assert score("params", network, task) == parameters(network)
    assert score("flops", network, task) == flops(network, task.inputs(1))


def test_a_cell_that_passes_nothing() -> None:
    space, task = spaces.create("nb201"), ImageClassification((1, 8, 8), 3)
    network = space.network(space.genotype([0] * 6), task, NetworkSettings(4, 1, 2))
    x, y = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0)), task.targets(4)
    names = [name for name in PROXIES if name not in ("parameters", "flops", "l2_norm")]
    values = proxy_scores(network, task, x, y, names)
    assert {name for name, value in values.items() if math.isnan(value)} == {"jacov", "naswot", "zen"}
    assert values["synflow"] == 0


def test_what_cannot_be_differentiated_twice_is_refused() -> None:
    network = nn.Sequential(nn.Flatten(), linear([0.1]), nn.Hardsigmoid())
    with pytest.raises(InputError, match="differentiated twice"):
        score("grasp", network, SQUARED, X, T)


def test_a_network_without_rectifiers_has_no_codes() -> None:
    with pytest.raises(InputError, match="ReLUs"):
        score("naswot", ONE_WEIGHT, SQUARED, X)
