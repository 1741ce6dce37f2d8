"""Supernets: the mixture against stand-alone networks, shares of channels, arithmetic."""

import numpy as np
import pytest
import torch
from torch import nn

from nasbench.errors import InputError
from nasbench.spaces import NetworkSettings, spaces
from nasbench.spaces.networks.layers import EdgeCell
from nasbench.supernet.cell import MixedCell
from nasbench.supernet.choice import Choice
from nasbench.supernet.network import Arithmetic, Supernet, build_supernet
from nasbench.tasks.images import ImageClassification
from nasbench.training.device import seeded

SPACE = spaces.create("nb201")
TASK = ImageClassification((1, 8, 8), 3)
SIZE = NetworkSettings(channels=4, cells=2, stages=2)
CPU = torch.device("cpu")


def build(space: str = "nb201", size: NetworkSettings = SIZE, share: int = 1) -> Supernet:
    with seeded(0, CPU):
        return build_supernet(spaces.create(space), TASK, size, share)


def images(channels: int = 1) -> torch.Tensor:
    return torch.randn(6, channels, 8, 8, generator=torch.Generator().manual_seed(1))


class Times(nn.Module):
    """Multiplies by a number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor * x


def test_a_mixture_by_hand() -> None:
    """Edges 0-1, 0-2, 1-2 with nothing, times 1 and times 10: node 1 is 0.5 * 1 + 0.25 * 10 = 3."""
    cell = MixedCell([(0, 1), (0, 2), (1, 2)], [{1: Times(1), 2: Times(10)}] * 3)
    weights = torch.tensor([[0.25, 0.5, 0.25], [1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    one = torch.ones(1, 1, 1, 1)
    assert cell(one, Choice.mixed(weights)).item() == 33
    assert cell(one, Choice.mixed(weights, torch.tensor([1.0, 1.0, 2.0]))).item() == 66
    assert cell(one, Choice.of(np.array([2, 1, 1], dtype=np.int8))).item() == 11
    assert cell(one, Choice.of(np.array([2, 0, 0], dtype=np.int8))).item() == 0


def test_a_share_of_channels_by_hand() -> None:
    """Of channels 0 to 3, channel 0 goes through, 1 to 3 pass; the shuffle takes groups of one apart."""
    cell = MixedCell([(0, 1)], [{1: Times(10)}], share=2)
    x = torch.arange(1.0, 5.0).reshape(1, 4, 1, 1)
    out = cell(x, Choice.mixed(torch.tensor([[0.5, 0.5]])))
    assert out.flatten().tolist() == [5, 3, 10, 4], "(5, 10 | 3, 4) interleaved"
    assert cell(x, Choice.mixed(torch.tensor([[1.0, 0.0]]))).flatten().tolist() == [0, 3, 0, 4]


@pytest.mark.parametrize("space", ["nb201", "tnb101_micro"])
def test_one_hot_weights_are_the_standalone_network(space: str) -> None:
    """Equal to the last bit: the same weights, copied into the network that the space itself makes."""
    there, network, x = spaces.create(space), build(space), images()
    for genotype in there.sample(8, np.random.default_rng(0)):
        one_hot = torch.eye(network.operations)[torch.from_numpy(genotype.astype(np.int64))]
        with seeded(1, CPU):
            alone = there.network(genotype, TASK, SIZE).train()
        mine = network.standalone(genotype)
        theirs = dict(alone.named_parameters())
        assert {name for name, _ in mine.named_parameters()} <= theirs.keys()
        with torch.no_grad():
            for name, weight in mine.named_parameters():
                theirs[name].copy_(weight)
            left = theirs.keys() - {name for name, _ in mine.named_parameters()}
            assert all(".bn" in name or theirs[name].dim() == 1 for name in left), "scales and shifts of normalisation"
            expected = alone(x)
            assert torch.equal(network(x, Choice.of(genotype)), expected)
            assert torch.equal(mine(x), expected)
            assert torch.equal(network(x, Choice.mixed(one_hot)), expected)


def test_cells_are_those_of_the_space() -> None:
    alone = SPACE.network(np.full(6, 3, dtype=np.int8), TASK, SIZE)
    network = build()
    kinds = [(type(a), type(b)) for a, b in zip(alone.children(), network.blocks, strict=True)]
    assert {pair for pair in kinds if pair[0] is not pair[1]} == {(EdgeCell, MixedCell)}
    assert sum(isinstance(block, MixedCell) for block in network.blocks) == 4


def test_only_chosen_weights_get_a_gradient() -> None:
    network = build(size=NetworkSettings(4, 1, 1))
    network(images(), Choice.of(np.array([3, 1, 0, 2, 4, 1], dtype=np.int8))).square().sum().backward()
    (cell,) = (block for block in network.blocks if isinstance(block, MixedCell))
    touched = {name for name, weight in cell.named_parameters() if weight.grad is not None}
    assert touched == {"candidates.0.3.1.weight", "candidates.3.2.1.weight"}


def test_partial_channels_make_narrow_operations() -> None:
    network = build(size=NetworkSettings(8, 1, 1), share=4)
    (cell,) = (block for block in network.blocks if isinstance(block, MixedCell))
    widths = {module.weight.shape[:2] for module in cell.modules() if isinstance(module, nn.Conv2d)}
    assert widths == {(2, 2)}
    seen = []
    for candidates in cell.candidates:
        for module in candidates.children():
            module.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape[1]))
    network(images(), Choice.mixed(torch.full((6, 5), 0.2)))
    assert set(seen) == {2}, "one quarter of 8 channels"


def test_arithmetic_by_hand() -> None:
    """4 channels of 8x8 pixels: a 3x3 convolution has 4 * 4 * 9 * 64 multiply-adds, a 1x1 a ninth of that."""
    arithmetic = Arithmetic(build(size=NetworkSettings(4, 1, 1)), TASK)
    assert arithmetic.operations.tolist() == [[0, 0, 1024, 9216, 0]] * 6
    assert arithmetic.skeleton == 4 * 9 * 64 + 4 * 3, "stem and head"
    assert arithmetic.of(Choice.of(np.array([3, 1, 0, 2, 4, 1], dtype=np.int8))) == arithmetic.skeleton + 10240
    assert arithmetic.of(Choice.mixed(torch.ones(6, 5))) == arithmetic.skeleton + 6 * 10240
    assert arithmetic.mean == arithmetic.skeleton + 6 * 2048


def test_spaces_without_a_supernet_are_named() -> None:
    with pytest.raises(InputError, match=r"the space nb101 has no supernet; search one of nb201, tnb101_micro$"):
        build("nb101")
    with pytest.raises(InputError, match="1/3 of 4 channels is no whole number; give a multiple of 3"):
        build(share=3)
