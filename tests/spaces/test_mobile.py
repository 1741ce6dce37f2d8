import csv
import json
from itertools import product
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from nasbench.errors import InputError
from nasbench.measures.flops import flops
from nasbench.measures.parameters import parameters
from nasbench.spaces import NetworkSettings, spaces
from nasbench.spaces.mobile import Mobile
from nasbench.spaces.mobile_chain import kept_strides, scaled
from nasbench.spaces.networks.layers import GlobalAverage, InvertedResidual
from nasbench.tasks.images import ImageClassification

TABLE = Path(__file__).parents[2] / ".." / "shared" / "tables" / "accel_nasbench" / "accel_nasbench.csv"
SPACE = Mobile()
PUBLISHED, IMAGENET = NetworkSettings(channels=32), ImageClassification((3, 224, 224), 1000)
B0 = "e1_k3_l1_se1:e6_k3_l2_se1:e6_k5_l2_se1:e6_k3_l3_se1:e6_k5_l3_se1:e6_k5_l4_se1:e6_k3_l1_se1"
LEAST = "e1_k3_l1_se0:" * 6 + "e1_k3_l1_se0"
GENOTYPES = st.tuples(*(st.integers(0, options - 1) for options in SPACE.cardinalities)).map(
    lambda g: np.array(g, np.int8)
)


@pytest.fixture(scope="module")
def published():
    """The published table by columns, with the strings of the file."""
    if not TABLE.exists():
        pytest.skip(f"needs the published table {TABLE}")
    with TABLE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def network(genotype, images=IMAGENET, size=PUBLISHED):
    with torch.device("meta"):
        return SPACE.network(genotype, images, size).eval()


@torch.no_grad()
def counted(model):
    """Published numbers of parameters and MACs of each module with weights or averages.

    MACs leave out biases, but have four operations for each value that is normalised (four in all, as the counter of
    the authors takes them), and one for each value that is averaged and for each mean.
    """
    found = {}

    def count(module, inputs, output):
        if isinstance(module, nn.Conv2d):
            operations = output.numel() * module.weight[0].numel()
        elif isinstance(module, nn.Linear):
            operations = module.weight.numel()
        elif isinstance(module, nn.BatchNorm2d):
            operations = 4 * output.numel()
        else:
            operations = inputs[0].numel() + output.numel()
        found[module] = np.array([sum(p.numel() for p in module.parameters()), operations])

    counting = nn.Conv2d | nn.Linear | nn.BatchNorm2d | GlobalAverage
    for module in model.modules():
        if isinstance(module, counting):
            module.register_forward_hook(count)
    model(torch.ones(1, 3, 224, 224, device="meta"))
    return found


# --- string, columns, graph -------------------------------------------------------------------------------------


def test_efficientnet_b0_by_hand():
    genotype = SPACE.genotype(B0)
    assert genotype.reshape(7, 4).tolist() == [
        *([0, 0, 0, 1], [2, 0, 1, 1], [2, 1, 1, 1], [2, 0, 2, 1]),
        *([2, 1, 2, 1], [2, 1, 3, 1], [2, 0, 0, 1]),
    ]
    assert SPACE.to_string(genotype) == B0
    graph = SPACE.graph(genotype)
    assert len(graph) == 16 + 2
    assert [op for _, op in graph.nodes(data="op")][:5] == ["input", "MB1_K3_SE", "MB6_K3_SE", "MB6_K3_SE", "MB6_K5_SE"]
    assert dict(graph.nodes[2]) == {
        **{"op": "MB6_K3_SE", "expansion": 6, "kernel": 3},
        **{"channels": 24, "stride": 2, "se": 1, "stage": 1},
    }
    assert graph.nodes[3] == {**graph.nodes[2], "stride": 1}
    assert [stage for _, stage in graph.nodes(data="stage")] == [
        *(None, 0, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 5, 6, None),
    ]


def test_published_forms_of_an_architecture():
    """The lists are the example of the authors' README; the named options are of their configuration space."""
    lists = [[1, *[6] * 6], [3, 3, 5, 3, 5, 5, 3], [1, 2, 2, 3, 3, 4, 1], [True] * 7]
    assert SPACE.to_string(SPACE.genotype(json.dumps(lists))) == B0
    named = SPACE.to_config(B0)
    assert named["block5_l"] == 4
    assert named["block0_se"] is True
    assert list(named)[:5] == ["block0_e", "block0_k", "block0_l", "block0_se", "block1_e"]
    assert SPACE.to_string(SPACE.from_config(named)) == B0
    columns = {name: [option, option] for name, option in named.items()}
    assert [SPACE.to_string(genotype) for genotype in SPACE.from_columns(columns)] == [B0, B0]


def test_size_by_hand():
    assert SPACE.size == (3 * 2 * 3 * 2) ** 6 * (3 * 2 * 4 * 2) == 104_485_552_128
    assert SPACE.max_nodes == 6 * 3 + 4 + 2
    assert SPACE.countable


def test_every_published_row_is_read(published):
    genotypes = SPACE.from_columns(published)
    assert genotypes.shape == (5_138, 28)
    assert len(np.unique(SPACE.key(genotypes))) == 5_125
    assert SPACE.to_string(genotypes[0]) == (
        "e6_k3_l1_se0:e4_k5_l2_se0:e6_k3_l3_se0:e6_k5_l3_se0:e6_k5_l2_se0:e1_k3_l2_se0:e1_k3_l2_se0"
    )
    used = [np.unique(column).tolist() for column in genotypes.T]
    assert used == [
        list(range(options)) for options in SPACE.cardinalities
    ]  # every option, and no other, is in the table
    for genotype in genotypes[:200]:
        assert np.array_equal(SPACE.genotype(SPACE.to_string(genotype)), genotype)


@given(GENOTYPES)
def test_strings_and_graphs_lead_back(genotype):
    assert np.array_equal(SPACE.genotype(SPACE.to_string(genotype)), genotype)
    assert np.array_equal(SPACE.genotype(SPACE.graph(genotype)), genotype)
    assert len(SPACE.graph(genotype)) == 2 + (genotype.reshape(7, 4)[:, 2] + 1).sum()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected 7 blocks of mobile joined by ':'"),
        (B0[:-13], "got 6 in 'e1_k3"),
        (B0 + ":", "got 8 in"),
        (B0.replace("l4", "l5"), "block 5 of mobile has l 5; allowed are 1, 2, 3, 4$"),
        (B0.replace("l3", "l4"), "block 3 of mobile has l 4; allowed are 1, 2, 3$"),
        (B0.replace("e1_", "e3_"), "block 0 of mobile has e 3; allowed are 1, 4, 6"),
        (B0.replace("k5", "k7"), "block 2 of mobile has k 7; allowed are 3, 5"),
        (B0.replace("se1", "se2"), "block 0 of mobile has se 2; allowed are 0, 1"),
        (B0.replace("_se1", ""), "block 0 of mobile is written as in 'e6_k5_l2_se0', got 'e1_k3_l1'"),
        ("[[1, 2", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[1, 2, 3, 4]", "expected four lists of 7"),
        (json.dumps([[1] * 7, [3] * 7, [1] * 7]), "expected four lists of 7"),
        (json.dumps([[1] * 7, [3] * 7, [1] * 7, ["yes"] * 7]), "block 0 of mobile has se 'yes'"),
    ],
)
def test_refused_strings(text, message):
    with pytest.raises(InputError, match=message):
        SPACE.genotype(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"block3_k": [3, 7]}, "row 1 has block3_k '7'; mobile allows 3, 5"),
        ({"block4_l": [4, 1]}, "row 0 has block4_l '4'; mobile allows 1, 2, 3"),
        ({"block6_se": ["True", "yes"]}, "row 1 has block6_se 'yes'; mobile allows False, True"),
        ({"block6_se": None}, "the table has no column 'block6_se'"),
    ],
)
def test_refused_columns(change, message):
    columns = {name: [option, option] for name, option in SPACE.to_config(LEAST).items()} | change
    with pytest.raises(InputError, match=message):
        SPACE.from_columns({name: column for name, column in columns.items() if column is not None})


def changed(node=None, edges=(), without=(), **attributes):
    """The graph of EfficientNet-B0 with changed attributes, additional edges, or bypassed nodes."""
    graph = SPACE.graph(SPACE.genotype(B0))
    if node is not None:
        graph.nodes[node].update(attributes)
    graph.add_edges_from(edges)
    for gone in without:
        graph.add_edge(gone - 1, gone + 1)
        graph.remove_node(gone)
    return graph


def lonely():
    graph = changed()
    graph.add_node("alone", **graph.nodes[1])
    return graph


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (changed(1, op="MB3_K3"), "node 1 has op 'MB3_K3'; ops of mobile are input, MB1_K3"),
        (changed(3, op="MB4_K3"), "node 3 has op 'MB4_K3', but stage 1 begins with 'MB6_K3_SE'"),
        (changed(1, op="MB1_K3"), "node 1 has se 1; at its place mobile has 0"),
        (changed(2, stride=1), "node 2 has stride 1; at its place mobile has 2"),
        (changed(2, channels=None), "node 2 has channels None; at its place mobile has 24"),
        (changed(2, kernel=5), "node 2 has kernel 5; at its place mobile has 3"),
        (changed(1, stage=7), "node 1 has stage 7; stages of mobile are 0 to 6"),
        (changed(1, stage=None), "node 1 has stage None"),
        (changed(1, stage=1), "stage 0 has 0 layers; mobile allows 1 to 3"),
        (changed(12, stage=4), "stage 4 has 4 layers; mobile allows 1 to 3"),
        (changed(2, stage=2), "node 3 of stage 1 follows a layer of stage 2"),
        (changed(without=[1]), "stage 0 has 0 layers"),
        (changed(edges=[(0, 5)]), "node 0 has 2 successors; a graph of mobile is a directed path"),
        (changed(edges=[("x", 5)]), "node 'x' has op None"),
        (changed(edges=[(5, 3)]), "closes a cycle"),
        (changed(5, op="output"), "node 5 has op 'output'; the path leads from 'input' over layers to 'output'"),
        (lonely(), "the graph falls into 2 pieces"),
        (changed().to_undirected(), "DiGraph, got Graph"),
        (changed().reverse(), "no path leads from a node of op 'input' to 17"),
        (nx.path_graph(9, create_using=nx.DiGraph), "node 0 has op None"),
        (spaces.create("macro").graph(np.zeros(8, np.int8)), "node 1 has op 'conv1x1/2'"),
        (spaces.create("ofa").graph(np.zeros(46, np.int8)), "node 1 has op 'MB3_K3'"),
    ],
)
def test_refused_graphs(graph, message):
    with pytest.raises(InputError, match=message):
        SPACE.genotype(graph)


# --- encodings and identity -------------------------------------------------------------------------------------


def test_encodings_by_hand():
    genotype = SPACE.genotype(B0.replace("k3_l3_se1", "k3_l3_se0"))[None]
    counts = dict(zip(SPACE.ops, SPACE.features(genotype, "counts")[0], strict=True))
    assert {op: count for op, count in counts.items() if count} == {
        **{"input": 1, "MB1_K3_SE": 1, "MB6_K3": 3, "MB6_K3_SE": 3, "MB6_K5_SE": 9, "output": 1},
    }
    cells, values = SPACE.adjacency_arrays(genotype), SPACE.node_values(genotype)[0]
    assert cells.mask[0].sum() == 18
    assert cells.adjacency[0].sum() == 17
    assert SPACE.attributes == ("expansion", "kernel", "channels", "stride", "se", "stage")
    assert values[[0, 1, 2, 6, 12, 16, 17]].tolist() == [
        [0, 0, 0, 0, 0, 0],
        [1, 3, 16, 1, 1, 0],
        [6, 3, 24, 2, 1, 1],
        [6, 3, 80, 2, 0, 3],
        [6, 5, 192, 2, 1, 5],
        [6, 3, 320, 1, 1, 6],
        [0, 0, 0, 0, 0, 0],
    ]


def test_no_neighbour_has_the_same_layers():
    """Networks of equal functions have weights of equal shapes; no two of these do."""

    def shapes(one):
        model = network(one, ImageClassification((1, 8, 8), 3), NetworkSettings(8))
        return tuple(tuple(parameter.shape) for parameter in model.parameters())

    for genotype in SPACE.sample(3, np.random.default_rng(0)):
        pool = [genotype, *SPACE.neighbours(genotype)]
        assert len(pool) == 1 + 7 * (2 + 1 + 2 + 1) + 1
        assert len({shapes(one) for one in pool}) == len(np.unique(SPACE.function_key(np.array(pool)))) == len(pool)


# --- network ----------------------------------------------------------------------------------------------------


def test_efficientnet_b0_has_its_published_parameters():
    assert parameters(network(SPACE.genotype(B0))) == 5_288_548


def test_costs_of_the_smallest_network_by_hand():
    """Stem, seven layers without expansion (depthwise 3x3, then 1x1), 1x1, head."""
    widths, strides = (32, 16, 24, 40, 80, 112, 192, 320), (1, 2, 2, 2, 1, 2, 1)
    weights, operations, side = 27 * 32 + 2 * 32, 27 * 32 * 112**2, 112
    for c_in, c_out, stride in zip(widths, widths[1:], strides, strict=False):
        side //= stride
        weights += 9 * c_in + 2 * c_in + c_in * c_out + 2 * c_out
        operations += (9 * c_in + c_in * c_out) * side**2
    weights += 320 * 1280 + 2 * 1280 + 1281 * 1000
    operations += 320 * 1280 * side**2 + 1281 * 1000  # with the biases of the classifier
    model = network(SPACE.genotype(LEAST))
    assert side == 7
    assert (parameters(model), flops(model, torch.ones(1, 3, 224, 224, device="meta"))) == (weights, operations)


def test_published_costs_of_all_rows(published):
    """The cost of a layer depends on its block, on being the first there, and on the choices of the block.

    So the 12 networks of two layers in every block, all blocks alike, tell the cost of all.
    """
    first, other = np.zeros((2, 7, 3, 2, 2, 2), dtype=np.int64)  # block, e, k, se; parameters and MACs
    for e, k, se in product(range(3), range(2), range(2)):
        model = network(np.array([e, k, 1, se] * 7, dtype=np.int8))
        costs = counted(model)
        layers = [module for module in model if isinstance(module, InvertedResidual)]
        sums = [sum(costs[module] for module in layer.modules() if module in costs) for layer in layers]
        first[:, e, k, se], other[:, e, k, se] = sums[::2], sums[1::2]
        rest = sum(costs.values()) - sum(sums)  # stem and head
    e, k, more, se = SPACE.from_columns(published).reshape(-1, 7, 4).transpose(2, 0, 1)
    at = np.arange(7), e, k, se
    params, macs = (rest + (first[at] + more[..., None] * other[at]).sum(axis=1)).T
    assert [f"{value / 1e6:.6f}" for value in params] == [f"{float(value):.6f}" for value in published["params"]]
    assert [f"{value / 1e6:.6f}" for value in macs] == [f"{float(value):.6f}" for value in published["macs"]]


def test_published_costs_of_sampled_rows(published):
    genotypes = SPACE.from_columns(published)
    for row in np.random.default_rng(0).choice(len(genotypes), 10, replace=False):
        params, macs = sum(counted(network(genotypes[row])).values())
        assert params == pytest.approx(float(published["params"][row]) * 1e6, abs=0.5)
        assert macs == pytest.approx(float(published["macs"][row]) * 1e6, abs=0.5)


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ((224, 224), [2, 1, 2, 2, 2, 1, 2, 1]),
        ((128, 128), [2, 1, 2, 2, 2, 1, 2, 1]),
        ((127, 300), [1, 1, 2, 2, 2, 1, 2, 1]),
        ((32, 32), [1, 1, 1, 2, 2, 1, 2, 1]),
        ((28, 28), [1, 1, 1, 1, 2, 1, 2, 1]),
        ((8, 8), [1, 1, 1, 1, 1, 1, 2, 1]),
        ((7, 8), [1, 1, 1, 1, 1, 1, 1, 1]),
        ((1, 1), [1, 1, 1, 1, 1, 1, 1, 1]),
    ],
)
def test_halvings_that_small_images_allow(sides, expected):
    assert kept_strides([2, 1, 2, 2, 2, 1, 2, 1], sides) == expected


@given(st.integers(4, 300))
def test_the_last_stage_sees_four_pixels(side):
    pixels = side
    for stride in kept_strides([2, 1, 2, 2, 2, 1, 2, 1], [side, side]):
        pixels = -(-pixels // stride)
    assert pixels >= 4
    assert side >= 256 or pixels < 9


def test_widths_are_in_proportion():
    assert [scaled(width, 8, 32) for width in (32, 16, 40, 1280, 1)] == [8, 4, 10, 320, 1]
    settings = ((8, 1, 2), (8, 5, 3), (9,))
    sizes = [parameters(network(SPACE.genotype(B0), size=NetworkSettings(*values))) for values in settings]
    assert sizes[0] == sizes[1] < sizes[2]


def test_tiny_images_can_be_learnt():
    """A few training steps on eight images of two classes that differ in brightness."""
    torch.manual_seed(0)
    model = SPACE.network(SPACE.genotype(LEAST), ImageClassification((1, 8, 8), 2), NetworkSettings(8))
    images = torch.randn(8, 1, 8, 8) + torch.tensor([0.0, 3.0]).repeat(4)[:, None, None, None]
    classes = torch.arange(8) % 2
    optimiser = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    for _ in range(20):
        loss = nn.functional.cross_entropy(model(images), classes)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.2


def test_registered():
    assert isinstance(spaces.create("mobile"), Mobile)
