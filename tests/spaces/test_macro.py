import json
from itertools import product
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch

from nasbench.errors import InputError
from nasbench.measures.flops import flops
from nasbench.measures.parameters import parameters
from nasbench.spaces import NetworkSettings, spaces
from nasbench.spaces.macro import Macro
from nasbench.spaces.networks.layers import InvertedResidual
from nasbench.tasks.images import ImageClassification

TABLE = Path(__file__).parents[2] / ".." / "shared" / "tables" / "nas_bench_macro/raw/nas-bench-macro_cifar10.json"
SPACE = Macro()
ALL = next(SPACE.enumerate())
PUBLISHED = NetworkSettings(channels=32)


@pytest.fixture(scope="module")
def published():
    if not TABLE.exists():
        pytest.skip(f"needs the published table {TABLE}")
    return json.loads(TABLE.read_text())


def cost(genotype):
    """Parameters and multiply-accumulates of the published network, without biases of the head."""
    with torch.device("meta"):
        network = SPACE.network(genotype, ImageClassification((3, 32, 32), 10), PUBLISHED)
    return parameters(network), flops(network, torch.ones(1, 3, 32, 32, device="meta")) - 10


# --- string and graph -------------------------------------------------------------------------------------------


def test_best_published_network_by_hand():
    genotype = SPACE.genotype("22212220")
    assert genotype.tolist() == [2, 2, 2, 1, 2, 2, 2, 0]
    assert [op for _, op in SPACE.graph(genotype).nodes(data="op")] == [
        *("input", "MB6_K5/2", "MB6_K5"),
        *("MB6_K5/2", "MB3_K3", "MB6_K5"),
        *("MB6_K5/2", "MB6_K5", "identity", "output"),
    ]
    assert [stage for _, stage in SPACE.graph(genotype).nodes(data="stage")] == [None, 0, 0, 1, 1, 1, 2, 2, 2, None]
    assert SPACE.to_string(genotype) == "22212220"


def test_all_strings_lead_back():
    strings = ["".join(digits) for digits in product("012", repeat=8)]
    assert [SPACE.to_string(genotype) for genotype in ALL] == strings
    assert np.array_equal(np.stack([SPACE.genotype(string) for string in strings]), ALL)


def test_published_strings_are_all(published):
    assert set(published) == {SPACE.to_string(genotype) for genotype in ALL}


@pytest.mark.parametrize("text", ["", "2221222", "222122200", "22212223", "2221222-"])
def test_refused_strings(text):
    with pytest.raises(InputError, match="eight digits from 0 to 2"):
        SPACE.genotype(text)


def changed(**labels):
    graph = SPACE.graph(SPACE.genotype("22212220"))
    for node, label in labels.items():
        graph.nodes[int(node[1:])]["op"] = label
    return graph


def longer():
    graph = changed()
    graph.add_edge(0, 9)
    return graph


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (changed(n1="MB6_K5"), "node 1 has op 'MB6_K5'; at its place macro allows conv1x1/2, MB3_K3/2, MB6_K5/2"),
        (changed(n2="MB6_K5/2"), "node 2 .* allows identity, MB3_K3, MB6_K5"),
        (changed(n0="output"), "has nodes of op 'input' and 'output', got 0 and 2"),
        (changed(n3=None), "node 3 has op None"),
        (changed().to_undirected(), "DiGraph, got Graph"),
        (nx.path_graph(9, create_using=nx.DiGraph), "node 0 has op None"),
        (spaces.create("nats_size").graph([0] * 5), "node 1 has op 'c8'"),
        (changed().subgraph([0, 1, 2, 9]), "no path leads from a node of op 'input' to 9 "),
        (longer(), "a directed path of 10 nodes"),
        (changed().reverse(), "no path leads from a node of op 'input' to 9 "),
    ],
)
def test_refused_graphs(graph, message):
    with pytest.raises(InputError, match=message):
        SPACE.genotype(graph)


# --- identity ---------------------------------------------------------------------------------------------------


def test_function_classes_by_hand():
    def key(text):
        return SPACE.to_string(SPACE.decode(SPACE.function_key(SPACE.genotype(text)[None]))[0])

    assert key("00000000") == "00000000"
    assert key("00001001") == "00010010"  # an identity after the first layer of its stage goes last
    assert key("01201210") == "01210210"
    assert key("10002000") == "10020000"  # but not across stages, nor from the first layer of one
    assert len(np.unique(SPACE.function_key(ALL))) == 9 * 21 * 21 == 3_969
    assert len(np.unique(SPACE.key(ALL))) == 6_561


def test_function_classes_are_those_that_were_trained_once(published):
    records = np.array([json.dumps(published[SPACE.to_string(genotype)]) for genotype in ALL])
    key = SPACE.function_key(ALL)
    assert (records == records[key]).all()
    assert len(np.unique(records)) == len(np.unique(key)) == 3_969


@torch.no_grad()
def test_members_of_a_class_compute_the_same_with_the_same_weights():
    image = torch.randn((2, 1, 9, 9), generator=torch.Generator().manual_seed(0))
    rng = np.random.default_rng(0)
    key = SPACE.function_key(ALL)
    moved = np.flatnonzero(key != np.arange(len(ALL)))

    def answer(genotype):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return SPACE.network(genotype, ImageClassification((1, 9, 9), 3), NetworkSettings(4)).eval()(image)

    for row in rng.choice(moved, 20, replace=False):
        assert torch.equal(answer(ALL[row]), answer(ALL[key[row]]))
        other = ALL[key[row]].copy()
        other[0] = (other[0] + 1) % 3
        assert not torch.equal(answer(ALL[row]), answer(other))


# --- encodings --------------------------------------------------------------------------------------------------


def test_encodings_by_hand():
    genotype = SPACE.genotype("20010002")[None]
    counts = SPACE.features(genotype, "counts")[0]
    assert dict(zip(SPACE.ops, counts, strict=True)) == {
        **{"input": 1, "identity": 3, "MB3_K3": 1, "MB6_K5": 1},
        **{"conv1x1/2": 2, "MB3_K3/2": 0, "MB6_K5/2": 1, "output": 1},
    }
    assert SPACE.features(genotype)[0].reshape(8, 3).argmax(axis=1).tolist() == genotype[0].tolist()
    assert SPACE.adjacency_arrays(genotype).adjacency[0].sum() == 9


# --- network ----------------------------------------------------------------------------------------------------


def test_inverted_residual_by_hand():
    block = InvertedResidual(1, 1, kernel=3, stride=1, expansion=2).eval()
    convolutions = block.layers[0][0], block.layers[1], block.layers[4][0]
    for convolution, weight in zip(convolutions, (1.0, 1.0, 0.5), strict=True):
        convolution.weight.data.fill_(weight)
    image = torch.tensor([[[[1.0, 2.0], [-4.0, 3.0]]]])
    # twice ReLU; each sums the whole image to 6; their mean is 6; the image is added
    assert block(image).round(decimals=3).tolist() == [[[[7.0, 8.0], [2.0, 9.0]]]]
    assert not InvertedResidual(1, 2, 3, 1, 2).residual
    assert not InvertedResidual(1, 1, 3, 2, 2).residual


def test_costs_of_the_smallest_network_by_hand():
    # stem, three 1x1 convolutions (32, 64, 128 to twice as many), 256 to 1,280, head; each but the head normalised
    convolutions = [(27 * 32, 32, 32**2), *((2 * c * c, 2 * c, (1024 // c) ** 2 // 4) for c in (32, 64, 128))]
    convolutions += [(256 * 1280, 1280, 4**2)]
    weights = sum(weights + 2 * channels for weights, channels, _ in convolutions) + 1280 * 10 + 10
    operations = sum(weights * pixels for weights, _, pixels in convolutions) + 1280 * 10
    assert cost(SPACE.genotype("00000000")) == (weights, operations) == (387_882, 7_713_280)


def test_published_costs_of_sampled_networks(published):
    for genotype in SPACE.sample(40, np.random.default_rng(0)):
        record = published[SPACE.to_string(genotype)]
        assert cost(genotype) == (record["params"], record["flops"])


def test_published_costs_of_all_networks(published):
    """The cost of a block in a layer is independent of the other layers, so 17 networks determine all costs."""
    costs = np.array(cost(ALL[0])) + np.zeros((len(ALL), 2), dtype=np.int64)
    for layer, block in product(range(8), (1, 2)):
        genotype = ALL[0].copy()
        genotype[layer] = block
        costs[ALL[:, layer] == block] += np.array(cost(genotype)) - cost(ALL[0])
    records = [published[SPACE.to_string(genotype)] for genotype in ALL]
    assert np.array_equal(costs, [(record["params"], record["flops"]) for record in records])


def test_width_counts_and_depth_is_the_genotype():
    def size(*settings):
        return parameters(SPACE.network(ALL[-1], ImageClassification((1, 8, 8), 3), NetworkSettings(*settings)))

    assert size(4, 1, 2) == size(4, 5, 3) < size(5, 1, 2)


def test_registered():
    assert isinstance(spaces.create("macro"), Macro)
