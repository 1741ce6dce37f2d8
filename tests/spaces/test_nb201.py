from itertools import permutations, product
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from nasbench.errors import InputError
from nasbench.spaces import NetworkSettings, spaces
from nasbench.spaces.nb201 import AVG_POOL, CONV_1X1, CONV_3X3, EDGES, NB201, NONE, SKIP
from nasbench.spaces.networks.layers import EdgeCell, avg_pool, relu_conv_bn
from nasbench.tasks.images import ImageClassification

TABLES = Path(__file__).parents[2] / ".." / "shared" / "tables"
SPACE = NB201()
ALL = next(SPACE.enumerate())
INDEX_0 = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"

genotypes = st.lists(st.integers(0, 4), min_size=6, max_size=6).map(lambda g: np.array(g, dtype=np.int8))


def table(path):
    if not (TABLES / path).exists():
        pytest.skip(f"needs the published table {path} under {TABLES}")
    return TABLES / path


def cell(**edges):
    """A genotype by edge: `cell(_01=SKIP)` has a skip from node 0 to node 1 and nothing else."""
    return np.array([edges.get(f"_{source}{end}", NONE) for source, end in EDGES], dtype=np.int8)


def keys(method, *cells):
    return method(np.stack(cells)).tolist()


# --- string and graph -------------------------------------------------------------------------------------------


def test_first_published_cell_by_hand():
    genotype = SPACE.genotype(INDEX_0)
    assert genotype.tolist() == [AVG_POOL, CONV_1X1, SKIP, CONV_1X1, SKIP, SKIP]
    assert SPACE.to_string(genotype) == INDEX_0
    graph = SPACE.graph(genotype)
    assert [op for _, op in sorted(graph.nodes(data="op"))] == [
        *("input", "avg_pool_3x3", "nor_conv_1x1", "skip_connect", "nor_conv_1x1", "skip_connect", "skip_connect"),
        "output",
    ]
    # input -> 0->1, 0->2, 0->3;  0->1 -> 1->2, 1->3;  0->2, 1->2 -> 2->3;  0->3, 1->3, 2->3 -> output
    assert set(graph.edges) == {(0, 1), (0, 2), (0, 4), (1, 3), (1, 5), (2, 6), (3, 6), (4, 7), (5, 7), (6, 7)}


@settings(deadline=None, max_examples=50)
@given(genotypes, st.permutations(range(8)))
def test_graph_and_string_lead_back(genotype, order):
    assert SPACE.genotype(SPACE.to_string(genotype)).tolist() == genotype.tolist()
    graph = SPACE.graph(genotype)
    renamed = nx.DiGraph()
    renamed.add_nodes_from((f"node {node}", graph.nodes[node]) for node in order)
    renamed.add_edges_from((f"node {a}", f"node {b}") for a, b in sorted(graph.edges, key=lambda edge: order[edge[0]]))
    assert SPACE.genotype(renamed).tolist() == genotype.tolist()


def test_unlabelled_graph_has_no_symmetry():
    graph = SPACE.graph(ALL[0])
    assert len(list(nx.algorithms.isomorphism.DiGraphMatcher(graph, graph).isomorphisms_iter())) == 1


@settings(deadline=None, max_examples=20)
@given(genotypes)
def test_tensors_are_the_graph(genotype):
    graph = SPACE.graph(genotype)
    adjacency, ops, mask = SPACE.adjacency_arrays(genotype[None])
    assert (adjacency[0] == nx.to_numpy_array(graph, nodelist=range(8)).astype(bool)).all()
    assert [SPACE.ops[op] for op in ops[0]] == [graph.nodes[node]["op"] for node in range(8)]
    assert mask.all()
    assert ops.dtype == np.int8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a cell"),
        (INDEX_0[:-1], "expected a cell"),
        (INDEX_0.replace("~2", "~1"), "expected a cell"),
        (INDEX_0.replace("avg_pool_3x3", "avg_pool_3X3"), "did you mean 'avg_pool_3x3'"),
        (INDEX_0.replace("avg_pool_3x3", "7"), "unknown operation '7'"),
    ],
)
def test_refused_strings(text, message):
    with pytest.raises(InputError, match=message):
        SPACE.genotype(text)


def _relabelled(node, op):
    graph = SPACE.graph(SPACE.genotype(INDEX_0))
    graph.nodes[node]["op"] = op
    return graph


def _without(*nodes, edge=None):
    graph = SPACE.graph(SPACE.genotype(INDEX_0))
    graph.remove_nodes_from(nodes)
    if edge:
        graph.remove_edge(*edge)
    return graph


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (_without(3), "8 nodes.*got 7"),
        (_without(edge=(1, 3)), "not a cell of nb201"),
        (_without().reverse(), "no path leads from a node of op 'input' to 7 "),
        (_without().to_undirected(), "DiGraph, got Graph"),
        (_relabelled(2, "conv"), "node 2 has op 'conv'"),
        (_relabelled(2, None), "node 2 has op None"),
        (_relabelled(2, ["none"]), r"node 2 has op \['none'\]"),
        (_relabelled(2, "output"), "'output' on its last only"),
        (_relabelled(0, "none"), "got 0 and 1"),
    ],
)
def test_refused_graphs(graph, message):
    with pytest.raises(InputError, match=message):
        SPACE.genotype(graph)


def test_a_graph_with_one_edge_elsewhere_is_a_cell_only_if_isomorphic():
    def alike(a, b):
        return a["op"] == b["op"] or not {a["op"], b["op"]} & {"input", "output"}

    graph = SPACE.graph(SPACE.genotype(INDEX_0))
    accepted = 0
    for gone, added in product(graph.edges, permutations(graph, 2)):
        changed = graph.copy()
        changed.remove_edge(*gone)
        changed.add_edge(*added)
        if not nx.is_directed_acyclic_graph(changed):
            continue
        if nx.is_isomorphic(graph, changed, node_match=alike):
            read = SPACE.graph(SPACE.genotype(changed))
            assert nx.is_isomorphic(read, changed, node_match=lambda a, b: a["op"] == b["op"])
            accepted += 1
        else:
            with pytest.raises(InputError):
                SPACE.genotype(changed)
    assert accepted >= len(graph.edges)  # an edge that is put back


# --- published numbering ----------------------------------------------------------------------------------------


def test_published_order_by_golden_values():
    golden = {
        0: INDEX_0,
        1: "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|",
        9121: "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_3x3~1|+|nor_conv_3x3~0|avg_pool_3x3~1|skip_connect~2|",
    }
    assert [SPACE.to_string(genotype) for genotype in SPACE.from_index(list(golden))] == list(golden.values())
    assert SPACE.index(np.stack([SPACE.genotype(text) for text in golden.values()])).tolist() == list(golden)
    assert (SPACE.index(SPACE.from_index(np.arange(15_625))) == np.arange(15_625)).all()


def test_published_order_of_all_cells():
    lines = table("nats_bench_sample/tss_meta_archs.txt").read_text().split()
    assert [SPACE.to_string(genotype) for genotype in SPACE.from_index(np.arange(len(lines)))] == lines
    assert SPACE.index(np.stack([SPACE.genotype(line) for line in lines])).tolist() == list(range(15_625))


@pytest.mark.parametrize("indices", [[15_625], [-1], [0.5], 3, [[1]]])
def test_refused_indices(indices):
    with pytest.raises(InputError, match=r"index|indices"):
        SPACE.from_index(indices)


# --- identity ---------------------------------------------------------------------------------------------------


def test_numbers_of_classes():
    methods = [SPACE.key, SPACE.pruned_key, SPACE.published_key, SPACE.function_key]
    assert [len(np.unique(method(ALL))) for method in methods] == [15_625, 9_445, 6_466, 5_044]
    assert SPACE.is_constant(ALL).sum() == 341
    assert len(np.unique(SPACE.function_key(ALL[SPACE.is_constant(ALL)]))) == 1


def test_each_key_is_a_member_of_its_class():
    for method in (SPACE.key, SPACE.pruned_key, SPACE.published_key, SPACE.function_key):
        found = method(ALL)
        assert (method(SPACE.decode(found)) == found).all()


def test_pruned_cells_are_those_of_another_group():
    names = pd.read_csv(table("nb201_zc_proxies/raw/nb201_zc_proxies.csv"))["net_str"]
    theirs = np.stack([SPACE.genotype(name) for name in names])
    assert (SPACE.prune(theirs) == theirs).all()
    assert set(SPACE.code(theirs)) == set(SPACE.pruned_key(ALL))


def test_live_operations_by_hand():
    # 0->2 goes nowhere, as 2->3 is none; 1->3 is reached by nothing, as 0->1 is none
    genotype = cell(_02=CONV_3X3, _12=SKIP, _03=SKIP, _13=CONV_1X1)
    assert SPACE.prune(genotype[None]).tolist() == [cell(_03=SKIP).tolist()]
    assert SPACE.live(SPACE.genotype(INDEX_0)[None]).all()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (cell(_01=CONV_3X3), cell()),  # does not reach the output
        (cell(_13=CONV_3X3), cell()),  # reached by nothing
        (cell(_03=CONV_3X3), cell(_01=CONV_3X3, _13=SKIP)),  # skip is the identity
        (cell(_03=SKIP, _01=CONV_3X3, _13=SKIP), cell(_01=SKIP, _13=SKIP, _03=CONV_3X3)),  # sums commute
        (cell(_03=AVG_POOL, _02=SKIP, _23=AVG_POOL), cell(_01=SKIP, _02=SKIP, _12=SKIP, _23=AVG_POOL)),  # linear
        (cell(_01=CONV_3X3, _02=CONV_1X1, _13=SKIP, _23=SKIP), cell(_03=CONV_1X1, _01=SKIP, _13=CONV_3X3)),
    ],
)
def test_same_function_by_hand(first, second):
    assert len(set(keys(SPACE.function_key, first, second))) == 1
    assert len(set(keys(SPACE.key, first, second))) == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (cell(_03=SKIP), cell(_03=SKIP, _01=SKIP, _13=SKIP)),  # x is not x + x
        (cell(_03=CONV_3X3), cell(_03=CONV_1X1)),
        (cell(_03=CONV_3X3), cell(_03=CONV_3X3, _01=CONV_3X3, _13=SKIP)),
        # one convolution used twice, and two convolutions
        (cell(_01=CONV_3X3, _13=SKIP, _12=SKIP, _23=SKIP), cell(_03=CONV_3X3, _01=CONV_3X3, _13=SKIP)),
        (cell(_01=AVG_POOL, _13=CONV_3X3), cell(_01=CONV_3X3, _13=AVG_POOL)),  # not commutative
        (cell(_01=CONV_3X3, _13=AVG_POOL, _03=AVG_POOL), cell(_01=CONV_3X3, _13=SKIP, _03=AVG_POOL)),
    ],
)
def test_other_function_by_hand(first, second):
    assert len(set(keys(SPACE.function_key, first, second))) == 2


def test_published_string_splits_one_function_and_joins_two():
    split = SPACE.from_index([1, 9121])
    assert len(set(SPACE.function_key(split))) == 1
    assert [SPACE.published_string(genotype) for genotype in split] == [
        "((0)@nor_conv_3x3)@avg_pool_3x3+(0)@nor_conv_3x3+((0)@nor_conv_3x3)@nor_conv_3x3+0",
        "((0)@nor_conv_3x3)@avg_pool_3x3+((0)@nor_conv_3x3)@nor_conv_3x3+0+(0)@nor_conv_3x3",
    ]
    once = cell(_01=CONV_3X3, _13=SKIP, _12=SKIP, _23=SKIP)  # c(x) + c(x)
    twice = cell(_01=CONV_3X3, _13=SKIP, _02=CONV_3X3, _23=SKIP)  # c(x) + d(x)
    assert len(set(keys(SPACE.function_key, once, twice))) == 2
    assert {SPACE.published_string(genotype) for genotype in (once, twice)} == {"#+#+(0)@nor_conv_3x3+(0)@nor_conv_3x3"}
    for first, second in product(ALL[::97], ALL[::97]):
        assert (SPACE.published_string(first) == SPACE.published_string(second)) == (
            len(set(keys(SPACE.published_key, first, second))) == 1
        )


def _outputs(genotype, banks, image):
    """Outputs of the cell for one image, under every assignment of a bank of convolutions to its live ones."""
    live = SPACE.live(genotype[None])[0]
    places = {kind: [p for p in range(6) if live[p] and genotype[p] == kind] for kind in banks}
    results = []
    for orders in product(*(permutations(range(len(positions))) for positions in places.values())):
        operations = []
        for op in genotype:
            if op in (CONV_1X1, CONV_3X3):
                operations.append(relu_conv_bn(2, 2, 1 if op == CONV_1X1 else 3).double().eval())  # of zeros: zeros
            else:
                operations.append({NONE: None, SKIP: torch.nn.Identity(), AVG_POOL: avg_pool(3)}[int(op)])
        for (kind, positions), order in zip(places.items(), orders, strict=True):
            for position, number in zip(positions, order, strict=True):
                operations[position] = banks[kind][number]
        results.append(EdgeCell(EDGES, operations)(image))
    return torch.stack(results)


def _bank(kernel, generator):
    convolutions = [relu_conv_bn(2, 2, kernel).double().eval() for _ in range(6)]
    for convolution in convolutions:
        for tensor in [*convolution.parameters(), convolution[2].running_mean]:
            tensor.data = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
    return convolutions


@torch.no_grad()
def test_function_key_is_what_networks_compute(same_function):
    """Two cells share a key exactly if some matching of weights makes their outputs equal."""
    generator = torch.Generator().manual_seed(0)
    banks = {CONV_1X1: _bank(1, generator), CONV_3X3: _bank(3, generator)}
    image = torch.randn((1, 2, 4, 4), generator=generator, dtype=torch.float64)
    rng = np.random.default_rng(0)
    key = SPACE.function_key(ALL)
    few = (((ALL == CONV_1X1) | (ALL == CONV_3X3)) & SPACE.live(ALL)).sum(axis=1) <= 3
    repeated = np.flatnonzero(few & (np.bincount(key, minlength=len(ALL))[key] > 1))
    for first in rng.choice(repeated, 60, replace=False):
        same = rng.choice(np.flatnonzero(key == key[first]))
        near = SPACE.code(SPACE.neighbours(ALL[same]))
        other = rng.choice(near[(key[near] != key[first]) & few[near]])
        reference = _outputs(ALL[first], banks, image)[:1]
        for which in (same, other):
            gaps = (_outputs(ALL[which], banks, image) - reference).abs().amax((1, 2, 3, 4))
            assert same_function(gaps.min(), reference) == (which == same), (ALL[first], ALL[which])


# --- moves and encodings ----------------------------------------------------------------------------------------


def test_neighbours_are_24_single_changes():
    genotype = SPACE.genotype(INDEX_0)
    neighbours = SPACE.neighbours(genotype)
    assert len(np.unique(neighbours, axis=0)) == 24
    assert (SPACE.distance(neighbours, genotype[None]) == 1).all()


def test_sample_and_mutate_reach_everything_evenly():
    rng = np.random.default_rng(0)
    cells = SPACE.sample(20_000, rng)
    assert cells.dtype == np.int8
    counts = np.stack([np.bincount(column, minlength=5) for column in cells.T])
    assert (np.abs(counts - 4_000) < 5 * np.sqrt(3_200)).all()
    mutants = SPACE.mutate(cells, rng)
    assert (SPACE.distance(cells, mutants) == 1).all()
    steps = np.bincount(np.concatenate([np.unique(a * 5 + b) for a, b in zip(cells.T, mutants.T, strict=True)]))
    assert (steps[[a * 5 + b for a in range(5) for b in range(5) if a != b]] == 6).all()


def test_encodings_by_hand():
    genotype = cell(_01=SKIP, _13=CONV_1X1, _03=AVG_POOL, _12=NONE, _02=CONV_3X3)[None]
    onehot, counts, adjacency, paths = (SPACE.features(genotype, kind)[0] for kind in SPACE.feature_kinds)
    assert onehot.reshape(6, 5).argmax(axis=1).tolist() == genotype[0].tolist()
    assert dict(zip(SPACE.ops, counts, strict=True)) == {
        **{"input": 1, "none": 2, "skip_connect": 1, "nor_conv_1x1": 1, "nor_conv_3x3": 1, "avg_pool_3x3": 1},
        "output": 1,
    }
    assert adjacency.shape == (28 + 8 * 7,)
    assert adjacency[:28].sum() == 10
    # the paths avg_pool, and skip then conv 1x1; the conv 3x3 is a dead end
    assert np.flatnonzero(paths).tolist() == [AVG_POOL - 1, 4 + 4 * (SKIP - 1) + (CONV_1X1 - 1)]


def test_each_way_to_the_output_is_a_path():
    """Fixes the order of edges, which some path encodings of this space have wrong."""
    for edges in ("03",), ("01", "13"), ("02", "23"), ("01", "12", "23"):
        for operations in product((SKIP, CONV_1X1, CONV_3X3, AVG_POOL), repeat=len(edges)):
            genotype = cell(**{f"_{edge}": op for edge, op in zip(edges, operations, strict=True)})
            expected = (0, 4, 20)[len(edges) - 1] + int("".join(str(op - 1) for op in operations), 4)
            assert np.flatnonzero(SPACE.features(genotype[None], "paths")[0]).tolist() == [expected]


def test_unknown_encoding():
    with pytest.raises(InputError, match="known: onehot, counts, adjacency, paths"):
        SPACE.features(ALL[:1], "path")


# --- network ----------------------------------------------------------------------------------------------------


def _parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@torch.no_grad()
def _multiply_accumulates(network, image):
    with FlopCounterMode(display=False) as counter:
        network.eval()(torch.zeros(1, *image))
    return counter.get_total_flops() / 2


def test_published_parameters_and_flops():
    network = SPACE.network(
        SPACE.from_index([0])[0], ImageClassification((3, 32, 32), 10), NetworkSettings(channels=16, cells=5, stages=3)
    )
    assert _parameters(network) == 129_306
    # Published FLOPs are multiply-accumulates of convolutions and of the linear layer, and additions of its bias.
    assert _multiply_accumulates(network, (3, 32, 32)) + 10 == 15_647_370


@pytest.mark.slow
def test_published_parameters_and_flops_of_every_cell():
    """Against NAS-Bench-Suite-Zero, whose FLOPs also count ReLU, normalisation and average pooling.

    Every operation keeps the shape, so that a network costs what its operations do, on whichever edge they are: one
    network is built for each multiset of operations that occurs, and each of the 9,445 cells is held to its own.
    """
    data = pd.read_csv(table("nb201_zc_proxies/raw/nb201_zc_proxies.csv"))
    cells = np.stack([SPACE.genotype(name) for name in data["net_str"]])
    counts = (cells[:, :, None] == np.arange(5)).sum(axis=1)
    distinct, first, kind = np.unique(counts, axis=0, return_index=True, return_inverse=True)
    images, settings = ImageClassification((3, 32, 32), 10), NetworkSettings(16, 5, 3)
    with torch.device("meta"):
        networks = [SPACE.network(cells[row], images, settings) for row in first]
        ours = np.array([_multiply_accumulates(network, (3, 32, 32)) for network in networks])
    assert len(data) == 9_445
    assert np.array_equal(np.array(list(map(_parameters, networks)))[kind], (data["params"] * 1e6).round())
    pixels = 5 * (16 * 32**2 + 32 * 16**2 + 64 * 8**2)  # values in the feature maps of all cells
    ours += pixels * (3 * distinct[:, [CONV_1X1, CONV_3X3]].sum(axis=1) + 9 * distinct[:, AVG_POOL])
    rest = (data["flops"] * 1e6 - ours[kind]).round()
    assert rest.nunique() == 1  # cost of the skeleton's ReLUs, normalisations and pools, equal for all cells


@pytest.mark.parametrize("seed", range(3))
def test_what_an_operation_costs_does_not_depend_on_its_edge(seed):
    rng = np.random.default_rng(seed)
    cell = SPACE.sample(1, rng)[0]
    images, settings = ImageClassification((1, 8, 8), 10), NetworkSettings(4, 1, 2)
    one, other = (SPACE.network(genotype, images, settings) for genotype in (cell, rng.permutation(cell)))
    assert _parameters(one) == _parameters(other)
    assert _multiply_accumulates(one, (1, 8, 8)) == _multiply_accumulates(other, (1, 8, 8))


@pytest.mark.parametrize("image", [(1, 8, 8), (3, 32, 32), (2, 7, 5), (1, 1, 1)])
def test_network_takes_images_of_any_size(image):
    network = SPACE.network(
        SPACE.genotype(INDEX_0), ImageClassification(image, 7), NetworkSettings(channels=4, cells=1, stages=3)
    )
    logits = network(torch.zeros(3, *image)) if image[1] > 4 else network.eval()(torch.zeros(3, *image))
    assert logits.shape == (3, 7)
    logits.sum().backward()


def test_all_options_count():
    def parameters(**changes):
        settings = NetworkSettings(**{"channels": 4, "cells": 1, "stages": 1, **changes})
        return _parameters(SPACE.network(cell(_03=CONV_3X3), ImageClassification((1, 8, 8), 10), settings))

    # stem 9 * 4 + 8, cell 9 * 16 + 8, last normalisation 8, head 4 * 10 + 10
    assert parameters() == 44 + 152 + 8 + 50
    assert parameters(cells=3) - parameters() == 2 * 152
    # reduction 9 * 32 + 16, 9 * 64 + 16, 32; cell 9 * 64 + 16; 8 more in the normalisation, 40 more in the head
    assert parameters(stages=2) - parameters() == 304 + 592 + 32 + 592 + 8 + 40


@torch.no_grad()
def test_constant_cells_ignore_the_image(rounding):
    """But for the rounding of two rows, each of a few sums of up to 72 terms below 10."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn((2, 1, 8, 8), generator=generator, dtype=torch.float64)
    settings, near = NetworkSettings(4, 1, 2), rounding(1_000)
    for genotype in (cell(), cell(_13=CONV_3X3, _02=SKIP), cell(_01=CONV_3X3)):
        a, b = SPACE.network(genotype, ImageClassification((1, 8, 8), 3), settings).double().eval()(images)
        assert SPACE.is_constant(genotype[None]).all()
        assert torch.allclose(a, b, rtol=near, atol=near)
    a, b = SPACE.network(cell(_03=SKIP), ImageClassification((1, 8, 8), 3), settings).double().eval()(images)
    assert not torch.allclose(a, b, rtol=near, atol=near)


def test_registered():
    assert isinstance(spaces.create("nb201"), NB201)
