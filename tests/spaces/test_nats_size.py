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
from nasbench.spaces.nats_size import CELL, CHANNELS, NATSSize
from nasbench.spaces.nb201 import NB201, OPERATIONS
from nasbench.tasks.images import ImageClassification
from nasbench.testing import check_space

STRINGS = Path(__file__).parents[2] / ".." / "shared" / "tables" / "nats_bench_sample" / "sss_meta_archs.txt"
SPACE = NATSSize()
ALL = next(SPACE.enumerate())


# --- string and graph -------------------------------------------------------------------------------------------


def test_published_network_by_hand():
    genotype = SPACE.genotype("8:8:40:32:64")
    assert genotype.tolist() == [0, 0, 4, 3, 7]
    assert list(SPACE.graph(genotype).nodes(data=True)) == [
        (0, {"op": "input"}),
        (1, {"op": "c8", "channels": 8, "stage": 0}),
        (2, {"op": "c8", "channels": 8, "stage": 1}),
        (3, {"op": "c40", "channels": 40, "stage": 1}),
        (4, {"op": "c32", "channels": 32, "stage": 2}),
        (5, {"op": "c64", "channels": 64, "stage": 2}),
        (6, {"op": "output"}),
    ]
    assert SPACE.to_string(genotype) == "8:8:40:32:64"


def test_all_strings_lead_back():
    strings = [":".join(map(str, channels)) for channels in product(CHANNELS, repeat=5)]
    assert [SPACE.to_string(genotype) for genotype in ALL] == strings
    assert np.array_equal(np.stack([SPACE.genotype(string) for string in strings]), ALL)


def test_published_order_by_golden_values():
    """Indices and strings of the three example records of the authors."""
    golden = {0: "8:8:8:8:8", 11: "8:8:8:16:32", 284: "8:8:40:32:40", 32_767: "64:64:64:64:64"}
    assert [SPACE.to_string(genotype) for genotype in SPACE.from_index(list(golden))] == list(golden.values())
    assert SPACE.index(np.stack([SPACE.genotype(text) for text in golden.values()])).tolist() == list(golden)


def test_published_order_of_all_networks():
    if not STRINGS.exists():
        pytest.skip(f"needs the published strings {STRINGS}")
    lines = STRINGS.read_text().split()
    assert [SPACE.to_string(genotype) for genotype in SPACE.from_index(np.arange(len(lines)))] == lines
    assert SPACE.index(np.stack([SPACE.genotype(line) for line in lines])).tolist() == list(range(32_768))


@pytest.mark.parametrize("indices", [[32_768], [-1], [0.5], 3, [[1]]])
def test_refused_indices(indices):
    with pytest.raises(InputError, match=r"index|indices"):
        SPACE.from_index(indices)


@pytest.mark.parametrize("text", ["", "8:8:8:8", "8:8:8:8:8:8", "8:8:8:8:12", "8:8:8:8:08", "8:8:8:8:72"])
def test_refused_strings(text):
    with pytest.raises(InputError, match="five of 8, 16, 24, 32, 40, 48, 56, 64 joined by ':'"):
        SPACE.genotype(text)


def changed(node, **attributes):
    graph = SPACE.graph(SPACE.genotype("8:8:40:32:64"))
    graph.nodes[node].update(attributes)
    return graph


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (changed(3, channels=32), "node 3 has op 'c40' and 32 channels"),
        (changed(3, op="conv"), "node 3 has op 'conv'; ops of nats_size are input, c8"),
        (changed(3, op="c16"), "node 3 has op 'c16' and 40 channels"),
        (changed(3, channels=None), "node 3 has op 'c40' and None channels"),
        (changed(1, op="input"), "node 1 has op 'input' and 8 channels"),
        (changed(0).to_undirected(), "DiGraph, got Graph"),
        (nx.contracted_nodes(changed(0), 3, 4, self_loops=False), "a directed path of 7 nodes"),
    ],
)
def test_refused_graphs(graph, message):
    with pytest.raises(InputError, match=message):
        SPACE.genotype(graph)


# --- identity and encodings -------------------------------------------------------------------------------------


def test_every_size_is_a_network_of_its_own():
    assert len(np.unique(SPACE.key(ALL))) == len(np.unique(SPACE.function_key(ALL))) == SPACE.size == 32_768


def test_encodings_hold_the_channels():
    genotype = SPACE.genotype("8:8:40:32:64")[None]
    assert SPACE.features(genotype, "values").tolist() == [[0, 8, 8, 40, 32, 64, 0]]
    assert SPACE.node_values(genotype).shape == (1, 7, 1)
    counts = dict(zip(SPACE.ops, SPACE.features(genotype, "counts")[0], strict=True))
    assert {op: count for op, count in counts.items() if count} == {
        **{"input": 1, "c8": 2, "c32": 1, "c40": 1, "c64": 1},
        "output": 1,
    }
    assert SPACE.adjacency_arrays(genotype).adjacency[0].sum() == 6


def test_other_spaces_have_no_values():
    genotypes = NB201().sample(3, np.random.default_rng(0))
    assert NB201().node_values(genotypes).shape == (3, 8, 0)
    with pytest.raises(InputError, match="unknown encoding 'values'"):
        NB201().features(genotypes, "values")


class MisplacesValues(NATSSize):
    def node_values(self, genotypes):
        return super().node_values(genotypes)[:, ::-1]


class NamesValuesOnly(NATSSize):
    def node_values(self, genotypes):
        return super(NATSSize, self).node_values(genotypes)


def test_contract_checks_values():
    with pytest.raises(AssertionError, match=r"^adjacency_arrays: .* other node values"):
        check_space(MisplacesValues(), n=4)
    with pytest.raises(AssertionError, match=r"NotImplementedError: NamesValuesOnly names attributes"):
        check_space(NamesValuesOnly(), n=4)


# --- network ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("index", "classes", "side", "published_parameters", "published_flops"),
    [
        (0, 10, 32, 11_714, 4_481_114),  # CIFAR-10
        (0, 100, 32, 12_524, 4_481_924),  # CIFAR-100
        (0, 120, 16, 12_704, 1_121_336),  # ImageNet16-120
        (11, 10, 32, 49_202, 6_840_650),
        (11, 100, 32, 52_172, 6_843_620),
        (11, 120, 16, 52_832, 1_714_040),
        (284, 10, 32, 144_834, 21_827_994),
        (284, 100, 32, 148_524, 21_831_684),
        (284, 120, 16, 149_344, 5_461_816),
    ],
)
def test_published_parameters_and_flops(index, classes, side, published_parameters, published_flops):
    """`params` and `flop`, in units, of all example records of the authors for the size space."""
    with torch.device("meta"):
        network = SPACE.network(
            SPACE.from_index([index])[0], ImageClassification((3, side, side), classes), NetworkSettings(64, 1)
        )
    assert parameters(network) == published_parameters
    assert flops(network, torch.ones(1, 3, side, side, device="meta")) == published_flops


def test_the_cell_is_one_of_nas_bench_201():
    """With equal channels, a network of one cell per stage is that of NAS-Bench-201, except for stage widths."""
    genotype = NB201().genotype(
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
    )
    assert tuple(OPERATIONS[op] for op in genotype) == CELL
    doubling = SPACE.network(
        SPACE.genotype("8:16:16:32:32"), ImageClassification((3, 8, 8), 10), NetworkSettings(64, 2)
    )
    other = NB201().network(genotype, ImageClassification((3, 8, 8), 10), NetworkSettings(8, 2, 3))
    assert [p.shape for p in doubling.parameters()] == [p.shape for p in other.parameters()]


def test_settings_scale_width_and_depth():
    def shapes(*settings):
        network = SPACE.network(
            SPACE.genotype("8:16:24:40:64"), ImageClassification((1, 8, 8), 3), NetworkSettings(*settings)
        )
        return [tuple(p.shape) for p in network.parameters()]

    assert shapes(16, 1)[0] == (2, 1, 3, 3)  # an eighth of 16
    assert shapes(16, 1)[-2] == (3, 16)
    assert shapes(1, 1)[-2] == (3, 1)
    assert shapes(16, 1, 2) == shapes(16, 1, 3)
    # five convolutions and their normalisations in each of three more cells
    assert len(shapes(16, 2)) == len(shapes(16, 1)) + 3 * 5 * 3


def test_registered():
    assert isinstance(spaces.create("nats_size"), NATSSize)
