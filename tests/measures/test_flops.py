"""Parameters and multiply-adds: layers counted by hand, and published counts of networks."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from nasbench.importers.nats_bench import NATSBench
from nasbench.measures.flops import flops
from nasbench.measures.parameters import parameters
from nasbench.spaces import NetworkSettings, spaces
from nasbench.tasks.images import ImageClassification

RECORDS = Path(__file__).parents[2] / "../shared/tables/nats_bench_sample/raw/NATS-tss-v1_0-3ffb9-simple"


class Attention(nn.Module):
    """Self-attention as one fused operation of torch or as two products."""

    def __init__(self, fused: bool) -> None:
        super().__init__()
        self.fused = fused

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.fused:
            return scaled_dot_product_attention(x[:, None], x[:, None], x[:, None])[:, 0]
        return (x @ x.mT).softmax(-1) @ x


class Turned(nn.Module):
    """A layer whose input is transposed, hence not contiguous."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.layer(x.mT)
        return result


class First(nn.Module):
    """The first output of a layer."""

    def __init__(self, layer: nn.Module, inputs: int = 1) -> None:
        super().__init__()
        self.layer, self.inputs = layer, inputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.layer(*[x] * self.inputs)[0]
        return result


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_parameters_by_hand() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 10))
    assert parameters(network) == 2 * 9 + 2 * 2 + (8 * 10 + 10)


def test_a_shared_parameter_counts_once_and_a_frozen_one_not_at_all() -> None:
    layer = nn.Linear(3, 3)
    assert parameters(nn.Sequential(layer, nn.ReLU(), layer)) == 12
    layer.bias.requires_grad_(False)
    assert parameters(layer) == 9


def test_flops_by_hand() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1, bias=False),  # 8 x 8 positions, 9 x 1 x 2 each
        nn.BatchNorm2d(2),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(2, 4, 1),  # 4 x 4 positions, 2 x 4 and 4 biases each
        nn.Conv2d(4, 4, 3, stride=2, padding=1, groups=4, bias=False),  # 2 x 2 positions, 9 x 4 each
        nn.Flatten(),
        nn.Linear(16, 10),
    )
    assert flops(network, torch.ones(1, 1, 8, 8)) == 64 * 18 + 16 * (8 + 4) + 4 * 36 + (160 + 10)


PLACES = torch.ones(1, 6, 4)  # six places, four numbers each
PROJECTIONS = 4 * 6 * (4 * 4 + 4)  # queries, keys, values and what comes out, with biases
SCORES = 2 * 6 * 6 * 4  # of each pair of places, and the sums of values under them


@pytest.mark.parametrize(
    ("network", "inputs", "expected"),
    [
        pytest.param(nn.Linear(12, 5, bias=False), torch.ones(1, 12), 60, id="without biases"),
        pytest.param(nn.Linear(4, 3), PLACES, 6 * (12 + 3), id="linear at each place"),
        pytest.param(Turned(nn.Linear(6, 3)), PLACES, 4 * (18 + 3), id="linear, input not in one piece"),
        pytest.param(nn.Conv1d(6, 8, 3, padding=1), PLACES, 4 * (3 * 6 * 8 + 8), id="convolution along a line"),
        # 3 x 3 positions; each of 4 outputs looks at 25 pixels of the 3 channels of its group
        pytest.param(
            nn.Conv2d(6, 4, 5, stride=3, padding=1, groups=2),
            torch.ones(1, 6, 9, 9),
            9 * 4 * (25 * 3 + 1),
            id="grouped",
        ),
        pytest.param(nn.Conv2d(6, 6, 3, groups=6, bias=False), torch.ones(1, 6, 5, 5), 9 * 6 * 9, id="depthwise"),
        pytest.param(nn.Conv2d(2, 3, 3, dilation=2), torch.ones(1, 2, 7, 7), 9 * 3 * (9 * 2 + 1), id="dilated"),
        # each of 25 pixels of 2 channels is spread over 9 places of the 2 outputs of its group; biases at 9 x 9 places
        pytest.param(
            nn.ConvTranspose2d(2, 4, 3, stride=2, padding=1, groups=2),
            torch.ones(1, 2, 5, 5),
            25 * 2 * 9 * 2 + 81 * 4,
            id="transposed",
        ),
        pytest.param(Attention(fused=False), PLACES, SCORES, id="attention of two products"),
        pytest.param(Attention(fused=True), PLACES, SCORES, id="attention in one go"),
        pytest.param(
            First(nn.MultiheadAttention(4, 2, batch_first=True), 3),
            PLACES,
            PROJECTIONS + SCORES,
            id="attention of heads",
        ),
        pytest.param(
            nn.TransformerEncoderLayer(4, 2, 8, batch_first=True),
            PLACES,
            PROJECTIONS + SCORES + 6 * (4 * 8 + 8 + 8 * 4 + 4),
            id="layer of a transformer",
        ),
        # four gates of five numbers at each place, from the input and from the state, each with biases
        pytest.param(First(nn.LSTM(4, 5, batch_first=True)), PLACES, 6 * 4 * 5 * (4 + 1 + 5 + 1), id="LSTM"),
        pytest.param(First(nn.GRU(4, 5, batch_first=True)), PLACES, 6 * 3 * 5 * (4 + 1 + 5 + 1), id="GRU"),
        pytest.param(nn.Sequential(nn.AvgPool1d(2), nn.LayerNorm(2), nn.GELU()), PLACES, 0, id="free"),
    ],
)
def test_flops_of_a_layer(network: nn.Module, inputs: torch.Tensor, expected: int) -> None:
    assert flops(network, inputs) == expected


def test_flops_leave_the_network_and_torch_as_they_were() -> None:
    network = nn.Sequential(nn.BatchNorm2d(1))
    before = torch.backends.mkldnn.enabled, torch.backends.mha.get_fastpath_enabled()
    flops(network, torch.ones(1, 1, 2, 2))
    assert network[0].num_batches_tracked == 0
    assert (torch.backends.mkldnn.enabled, torch.backends.mha.get_fastpath_enabled()) == before


# --- published --------------------------------------------------------------------------------------------------------


def test_published_costs_of_nas_bench_201() -> None:
    """Architecture 0 with 16 channels and 5 cells a stage on CIFAR-10, as NAS-Bench-201 lists it."""
    text = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    assert costs(text, (3, 32, 32), 10) == (129_306, 15_647_370)


@pytest.mark.skipif(not RECORDS.is_dir(), reason="the published records are not here")
def test_published_costs_of_all_records() -> None:
    """Three architectures on three data sets, as NATS-Bench recorded them."""
    table = NATSBench(schedule="200").read([RECORDS])
    assert len(table.genotypes) == 3
    problems = {"cifar10": ((3, 32, 32), 10), "cifar100": ((3, 32, 32), 100), "ImageNet16-120": ((3, 16, 16), 120)}
    for dataset, (shape, classes) in problems.items():
        for row, genotype in enumerate(table.genotypes):
            recorded = tuple(table.columns[f"{dataset}/{name}"].values[row] for name in ("parameters", "flops"))
            assert costs(table.space.to_string(genotype), shape, classes) == recorded


def costs(text: str, shape: tuple[int, int, int], classes: int) -> tuple[int, int]:
    space = spaces.create("nb201")
    task = ImageClassification(shape, classes)
    network = space.network(space.genotype(text), task, NetworkSettings(channels=16, cells=5))
    return parameters(network), flops(network, task.inputs(1))
