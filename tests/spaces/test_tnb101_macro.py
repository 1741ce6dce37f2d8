"""TransNAS-Bench-101, macro level: members, strings, graphs and networks."""

from itertools import product

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nasbench.errors import InputError
from nasbench.measures.parameters import parameters
from nasbench.spaces import NetworkSettings, spaces
from nasbench.spaces.networks.tnb101 import BasicBlock
from nasbench.spaces.tnb101_macro import TNB101Macro
from nasbench.tasks.images import ImageClassification

SPACE = TNB101Macro()
ALL = next(SPACE.enumerate())
PUBLISHED = NetworkSettings(channels=64, cells=2)


# --- membership -------------------------------------------------------------------------------------------------


def test_published_number_of_networks():
    """Four to six modules, of which one to three widen and one to four halve."""
    strings = {
        f"64-{''.join(digits)}-basic"
        for modules in (4, 5, 6)
        for digits in product("1234", repeat=modules)
        if 1 <= sum(digit in "24" for digit in digits) <= 3 and 1 <= sum(digit in "34" for digit in digits) <= 4
    }
    assert {SPACE.to_string(genotype) for genotype in ALL} == strings
    assert len(ALL) == len(strings) == SPACE.size == 3_256
    assert (np.diff(SPACE.code(ALL)) > 0).all()
    assert np.array_equal(np.concatenate(list(SPACE.enumerate(1_000))), ALL)


def test_all_strings_lead_back():
    assert np.array_equal(np.stack([SPACE.genotype(SPACE.to_string(genotype)) for genotype in ALL]), ALL)


@pytest.mark.parametrize(
    "text", ["64-4111-basic", "64-2311-basic", "64-1234-basic", "64-231313-basic", "64-43243-basic"]
)
def test_strings_that_the_authors_name(text):
    assert SPACE.to_string(SPACE.genotype(text)) == text


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ("64-1111-basic", "0 of its modules widen"),
        ("64-2222-basic", r"4 of its modules widen \(2 and 4\); allowed are 1 to 3"),
        ("64-2111-basic", "0 of its modules halve"),
        ("64-333332-basic", r"5 of its modules halve \(3 and 4\); allowed are 1 to 4"),
        ("64-411-basic", "with four to six digits from 1 to 4"),
        ("64-4111111-basic", "with four to six digits from 1 to 4"),
        ("64-41414-1_02_333", "expected a network of tnb101_macro"),
        ("32-4111-basic", "expected a network of tnb101_macro"),
        ([3, 0, 0, 0, 0, 1], "a sixth module without a fifth"),
    ],
)
def test_refused_architectures(architecture, message):
    with pytest.raises(InputError, match=message):
        SPACE.genotype(architecture)


@given(st.tuples(*(st.integers(0, options - 1) for options in SPACE.cardinalities)))
def test_repair_reads_everything_and_keeps_what_is_right(raw):
    genotype = np.array([raw], dtype=np.int8)
    repaired, fine = SPACE.repair(genotype.copy())
    assert fine.all() and SPACE.contains(repaired).all()
    if SPACE.contains(genotype)[0]:
        assert np.array_equal(repaired, genotype)


def test_repair_by_hand():
    def repaired(text):
        digits = [int(digit) for digit in text]
        raw = np.array([[*(digit - 1 for digit in digits[:4]), *digits[4:]]], dtype=np.int8)
        return SPACE.to_string(SPACE.repair(raw)[0][0])[3:-6]

    assert repaired("222201") == "22213"  # three widen; the sixth is the fifth, and as none halves the last does
    assert repaired("333334") == "333312"
    assert repaired("111100") == "1114"
    assert repaired("444400") == "4443"


# --- moves ------------------------------------------------------------------------------------------------------


def test_neighbours_by_hand():
    found = {SPACE.to_string(genotype)[3:-6] for genotype in SPACE.neighbours(SPACE.genotype("64-4111-basic"))}
    changed = {f"4{rest}" for rest in ("211", "311", "411", "121", "131", "141", "112", "113", "114")}
    assert found == changed | {"41111", "41112", "41113", "41114"}  # the 4 alone widens and halves: it stays


def test_every_network_can_be_reached():
    graph = nx.Graph()
    found, rows = SPACE.neighbours_of(ALL)
    graph.add_edges_from(zip(SPACE.code(ALL)[rows].tolist(), SPACE.code(found).tolist(), strict=True))
    assert len(graph) == 3_256 and nx.is_connected(graph)


# --- graph ------------------------------------------------------------------------------------------------------


def test_graph_by_hand():
    graph = SPACE.graph(SPACE.genotype("64-1234-basic"))
    assert [data for _, data in graph.nodes(data=True)] == [
        {"op": "input"},
        {"op": "keep", "channels": 64, "halvings": 0},
        {"op": "widen", "channels": 128, "halvings": 0},
        {"op": "halve", "channels": 128, "halvings": 1},
        {"op": "widen_halve", "channels": 256, "halvings": 2},
        {"op": "output"},
    ]
    assert list(graph.edges) == [(node, node + 1) for node in range(5)]
    np.testing.assert_array_equal(
        SPACE.node_values(SPACE.genotype("64-1234-basic")[None])[0, :, 0], [0, 64, 128, 128, 256, 0, 0, 0]
    )


def changed(**attributes):
    graph = SPACE.graph(SPACE.genotype("64-1234-basic"))
    graph.nodes[2].update(attributes)
    return graph


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (changed(channels=64), "node 2 has channels 64; at its place tnb101_macro has 128"),
        (changed(op="output"), "node 2 has op 'output'; the path leads"),
        (changed(op="conv"), "node 2 has op 'conv'; ops of tnb101_macro are"),
        (nx.disjoint_union(changed(), nx.DiGraph([(0, 1)])), "node 6 has op None"),
        (spaces.create("macro").graph(np.zeros(8, dtype=np.int8)), "node 1 has op 'conv1x1/2'"),
        (nx.compose(changed(), nx.DiGraph([(0, 2)])), "node 0 has 2 successors; a graph of tnb101_macro is a directed"),
        (changed(op="keep", channels=64).subgraph([0, 1, 2]), "got 1 and 0"),
        (
            nx.contracted_edge(changed(), (1, 2), self_loops=False),
            "the graph has 3 modules; tnb101_macro allows 4 to 6",
        ),
    ],
)
def test_refused_graphs(graph, message):
    with pytest.raises(InputError, match=message):
        SPACE.genotype(graph)


# --- network ----------------------------------------------------------------------------------------------------


def test_block_by_hand():
    """Two ReLUs and sums over 3x3 windows, plus the image."""
    block = BasicBlock(1, 1).eval()
    for part in block.residual:
        part[1].weight.data.fill_(1.0)
    image = torch.tensor([[[[1.0, -2.0], [3.0, 0.0]]]])
    with torch.no_grad():  # positive values sum to 4 in every window, four times 4 to 16
        assert block(image).round(decimals=2).tolist() == [[[[17.0, 14.0], [19.0, 16.0]]]]
    assert isinstance(block.shortcut, torch.nn.Identity)
    with torch.no_grad():
        assert BasicBlock(2, 4, stride=2).eval()(torch.zeros(1, 2, 5, 5)).shape == (1, 4, 3, 3)


@pytest.mark.parametrize("text", ["64-4111-basic", "64-231313-basic", "64-1234-basic"])
def test_parameters_of_the_published_network_by_hand(text):
    """3x3 convolutions, 1x1 convolutions where the shape changes, each with scale and shift, and a linear layer."""
    total, channels = 27 * 32 + 2 * 32 + 9 * 32 * 64 + 2 * 64, 64
    for digit in text[3:-6]:
        c_in, channels = channels, channels * (2 if digit in "24" else 1)
        total += 9 * c_in * channels + 3 * 9 * channels**2 + 4 * 2 * channels
        if digit != "1":
            total += c_in * channels + 2 * channels
    total += channels * 75 + 75
    with torch.device("meta"):
        network = SPACE.network(SPACE.genotype(text), ImageClassification((3, 256, 256), 75), PUBLISHED)
    assert parameters(network) == total


@torch.no_grad()
def test_sizes_of_the_published_network():
    """The stem divides 256 pixels by four; two modules of 64-1234-basic halve."""
    network = SPACE.network(
        SPACE.genotype("64-1234-basic"), ImageClassification((3, 256, 256), 7), NetworkSettings(4, 2)
    )
    x = torch.zeros(1, 3, 256, 256)
    sides = []
    for block in network.eval():
        x = block(x)
        sides.append(tuple(x.shape[1:]))
    assert sides == [
        *((2, 128, 128), (4, 64, 64)),
        *((4, 64, 64), (4, 64, 64), (8, 64, 64), (8, 64, 64)),
        *((8, 32, 32), (8, 32, 32), (16, 16, 16), (16, 16, 16)),
        (7,),
    ]


def test_small_images_and_depth():
    images = ImageClassification((1, 8, 8), 3)
    network = SPACE.network(SPACE.genotype("64-444311-basic"), images, NetworkSettings(4, 1))
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 3)
    deeper = SPACE.network(SPACE.genotype("64-444311-basic"), images, NetworkSettings(4, 2))
    assert parameters(deeper) > parameters(network)


def test_registered():
    assert isinstance(spaces.create("tnb101_macro"), TNB101Macro)
