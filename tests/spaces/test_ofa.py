import json
from itertools import product

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nasbench.errors import InputError
from nasbench.measures.flops import flops
from nasbench.measures.parameters import parameters
from nasbench.spaces import NetworkSettings, spaces
from nasbench.spaces.ofa import DEPTHS, EXPANSIONS, KERNELS, OFA, RESOLUTIONS
from nasbench.tasks.images import ImageClassification

SPACE = OFA()
PUBLISHED, IMAGENET = NetworkSettings(channels=16), ImageClassification((3, 224, 224), 1000)
SMALLEST_NETWORK, LARGEST_NETWORK = np.zeros(46, np.int8), np.array([*[2] * 45, 24], np.int8)
DIGITS = ImageClassification((1, 8, 8), 3)
PARTS = {
    "ks": [3, 5, 7, 3, 5, 5, 3, 3, 7, 7, 7, 7, 3, 5, 3, 5, 7, 5, 3, 7],
    "e": [3, 4, 6, 6, 4, 4, 6, 3, 6, 6, 6, 6, 3, 3, 4, 4, 6, 3, 6, 3],
    "d": [2, 3, 4, 2, 3],
    "r": [176],
}
GENOTYPES = st.tuples(*(st.integers(0, options - 1) for options in SPACE.cardinalities)).map(
    lambda g: np.array(g, np.int8)
)


def written(**changes):
    return json.dumps({part: value for part, value in {**PARTS, **changes}.items() if value is not None})


def network(genotype, images=IMAGENET, size=PUBLISHED):
    with torch.device("meta"):
        return SPACE.network(genotype, images, size).eval()


# --- string and graph -------------------------------------------------------------------------------------------


def test_an_architecture_by_hand():
    genotype = SPACE.genotype(written())
    assert genotype[:20].tolist() == [(k - 3) // 2 for k in PARTS["ks"]]
    assert genotype[20:40].tolist() == [EXPANSIONS.index(e) for e in PARTS["e"]]
    assert genotype[40:].tolist() == [0, 1, 2, 0, 1, 12]
    assert json.loads(SPACE.to_string(genotype)) == PARTS
    graph = SPACE.graph(genotype)
    assert len(graph) == 2 + 3 + 4 + 2 + 3 + 2
    assert dict(graph.nodes[0]) == {"op": "input", "resolution": 176}
    assert [op for _, op in graph.nodes(data="op")] == [
        *("input", "MB3_K3", "MB4_K5"),
        *("MB4_K5_SE", "MB4_K5_SE", "MB6_K3_SE"),
        *("MB6_K7", "MB6_K7", "MB6_K7", "MB6_K7"),
        *("MB3_K3_SE", "MB3_K5_SE"),
        *("MB6_K7_SE", "MB3_K5_SE", "MB6_K3_SE", "output"),
    ]
    assert [stage for _, stage in graph.nodes(data="stage")] == [
        *(None, 0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 4, None),
    ]
    layer = {"expansion": 3, "kernel": 3, "channels": 112, "stride": 1, "se": 1, "stage": 3}
    assert graph.nodes[10] == {"op": "MB3_K3_SE", **layer}
    assert dict(graph.nodes[15]) == {"op": "output"}


def test_forms_of_the_authors_code():
    """The authors' search writes `wid: null` and all layers; their encoder writes 0 for absent layers."""
    idle = {2, 3, 7, 14, 15, 19}
    zeros = {part: [0 if slot in idle else n for slot, n in enumerate(PARTS[part])] for part in ("ks", "e")}
    a, b = SPACE.genotype(written(wid=None)), SPACE.genotype('{"wid": null, ' + written(**zeros)[1:])
    assert not np.array_equal(a, b)
    assert SPACE.key(a[None]) == SPACE.key(b[None])
    assert np.array_equal(SPACE.canonical(a[None])[0], b)


@given(GENOTYPES)
def test_strings_and_graphs_lead_back(genotype):
    assert np.array_equal(SPACE.genotype(SPACE.to_string(genotype)), genotype)
    assert np.array_equal(SPACE.genotype(SPACE.graph(genotype)), SPACE.canonical(genotype[None])[0])
    assert np.array_equal(SPACE.from_config(SPACE.to_config(genotype)), genotype)


def test_published_names():
    named = SPACE.to_config(written())
    assert named["ks_1"] == 5
    assert (named["e_19"], named["d_4"], named["r"]) == (3, 3, 176)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'expected an architecture of ofa as JSON, {"ks": '),
        ("[1, 2]", "as JSON"),
        ("[" * 100_000, "as JSON"),
        (written(ks=None), "'ks' is missing"),
        (written(w=[1]), "'w' is unknown"),
        (written(wid=1.2), "networks of width 1 only"),
        (written(d=[2, 3]), r"'d' of ofa is a list of 5, got \[2, 3\]"),
        (written(r=176), "'r' of ofa is a list of 1, got 176"),
        (written(r=[130]), "number 0 of 'r' is 130; ofa allows 128, 132"),
        (written(d=[2, 3, 5, 2, 3]), "number 2 of 'd' is 5; ofa allows 2, 3, 4"),
        (written(ks=[4, *PARTS["ks"][1:]]), "number 0 of 'ks' is 4; ofa allows 3, 5, 7"),
        (written(e=[*PARTS["e"][:-1], 5]), "number 19 of 'e' is 5; ofa allows 3, 4, 6"),
        (written(e=[0, *PARTS["e"][1:]]), "number 0 of 'e' is 0; ofa allows 3, 4, 6"),
    ],
)
def test_refused_strings(text, message):
    with pytest.raises(InputError, match=message):
        SPACE.genotype(text)


def changed(node, **attributes):
    graph = SPACE.graph(SPACE.genotype(written()))
    graph.nodes[node].update(attributes)
    return graph


def shortened():
    graph = changed(0)
    graph.remove_node(1)
    graph.add_edge(0, 2)
    return graph


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (changed(0, resolution=130), r"node 0 \(input\) has resolution 130; ofa has 128 to 224 in steps of 4"),
        (changed(0, resolution=None), r"node 0 \(input\) has resolution None"),
        (changed(1, op="MB1_K3"), "node 1 has op 'MB1_K3'; ops of ofa are input, MB3_K3"),
        (changed(1, op="MB3_K3_SE"), "node 1 has op 'MB3_K3_SE'; at its place ofa has 'MB3_K3'"),
        (changed(1, expansion=4), "node 1 has expansion 4; at its place ofa has 3"),
        (changed(5, stage=2), "stage 2 has 5 layers; ofa allows 2 to 4"),
        (changed(5, stage=9), "node 5 has stage 9; stages of ofa are 0 to 4"),
        (shortened(), "stage 0 has 1 layers; ofa allows 2 to 4"),
        (changed(0).to_undirected(), "DiGraph, got Graph"),
        (nx.path_graph(9, create_using=nx.DiGraph), "node 0 has op None"),
        (spaces.create("mobile").graph(np.zeros(28, np.int8)), "node 1 has op 'MB1_K3'"),
    ],
)
def test_refused_graphs(graph, message):
    with pytest.raises(InputError, match=message):
        SPACE.genotype(graph)


# --- identity ---------------------------------------------------------------------------------------------------


def test_sizes_by_hand():
    """Units are independent, so the networks of one unit and of the resolution give the number of all."""
    genotypes = np.zeros((3 * 9**4, 46), np.int8)
    genotypes[:, [0, 1, 2, 3, 20, 21, 22, 23, 40]] = list(product(range(3), repeat=9))
    unit = len(np.unique(SPACE.canonical(genotypes), axis=0))
    assert unit == len(np.unique(SPACE.key(genotypes))) == 9**2 + 9**3 + 9**4 == 7_371
    assert unit**5 == pytest.approx(2.176e19, rel=1e-3)  # published as roughly 2 * 10^19
    assert 25 * unit**5 == pytest.approx(5.44e20, rel=1e-3)
    assert SPACE.size == 25 * 3**5 * 9**20 == pytest.approx(7.39e22, rel=1e-3)
    assert len(RESOLUTIONS) == 25
    assert not SPACE.countable


@torch.no_grad()
def test_what_is_idle_changes_nothing():
    """Members of a class, and no others, give equal outputs with equal weights."""
    image = torch.randn((2, 1, 8, 8), generator=torch.Generator().manual_seed(0))

    def answer(genotype):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return SPACE.network(genotype, DIGITS, NetworkSettings(4)).eval()(image)

    rng = np.random.default_rng(0)
    for genotype in SPACE.sample(20, rng):
        canonical, other = SPACE.canonical(genotype[None])[0], SPACE.mutate(genotype[None], rng)[0]
        assert SPACE.function_key(genotype[None]) == SPACE.function_key(canonical[None])
        assert torch.equal(answer(genotype), answer(canonical))
        if abs(RESOLUTIONS[genotype[-1]] - RESOLUTIONS[other[-1]]) % 28 == 0:  # 28 of 224 are one of eight pixels
            assert not torch.equal(answer(genotype), answer(other))


@given(GENOTYPES, st.integers(0, 45), st.integers(0, 24))
def test_keys_are_equal_where_only_idle_layers_differ(genotype, position, option):
    other = genotype.copy()
    other[position] = option % SPACE.cardinalities[position]
    slot = position % 20
    idle = position < 40 and slot % 4 >= DEPTHS[genotype[40 + slot // 4]]
    same = idle or other[position] == genotype[position]
    keys = SPACE.key(np.stack([genotype, other]))
    assert (keys[0] == keys[1]) == same
    assert (SPACE.distance(genotype[None], other[None])[0] == 0) == same


# --- moves ------------------------------------------------------------------------------------------------------


def test_neighbours_by_hand():
    """Two other kernels and expansions per layer, 24 resolutions; a unit of two layers has nine of three."""
    middle = SPACE.genotype(written())
    for genotype, expected in (
        (SMALLEST_NETWORK, 10 * 4 + 24 + 5 * 9),
        (LARGEST_NETWORK, 20 * 4 + 24 + 5),
        (middle, 14 * 4 + 24 + 9 + (1 + 9) + 1 + 9 + (1 + 9)),
    ):
        neighbours = SPACE.neighbours(genotype)
        assert len(neighbours) == len(np.unique(SPACE.key(neighbours))) == expected
        lengths = np.array([len(SPACE.graph(neighbour)) for neighbour in neighbours]) - len(SPACE.graph(genotype))
        assert set(lengths) <= {-1, 0, 1}
    grown = SPACE.neighbours(SMALLEST_NETWORK)
    grown = grown[grown[:, 41] == 1]
    assert sorted(zip(grown[:, 6].tolist(), grown[:, 26].tolist(), strict=True)) == list(product(range(3), repeat=2))
    assert not np.delete(grown, [6, 26, 41], axis=1).any()


def test_mutants_by_hand():
    """In the smallest network, both numbers of 10 layers, five depths and the resolution are equally likely."""
    mutants = SPACE.mutate(np.tile(SMALLEST_NETWORK, (26_000, 1)), np.random.default_rng(0))
    changed = (mutants != 0).T
    live = [slot for slot in range(40) if slot % 4 < 2]
    deeper = changed[40:45].any(axis=0)
    times = np.array([*(changed[slot].sum() for slot in live), *changed[40:].sum(axis=1)])
    assert len(times) == 26
    assert times.sum() == 26_000
    assert (abs(times - 1_000) < 150).all()
    assert (mutants[:, 40:45] <= 1).all()
    new = mutants[deeper][:, :40].reshape(-1, 2, 5, 4)[..., 2].max(axis=2)  # kernel and expansion of the new layer
    kinds = np.unique(new, axis=0, return_counts=True)[1]
    assert len(kinds) == 9
    assert (abs(kinds - len(new) / 9) < 120).all()


def test_a_depth_between_goes_up_and_down():
    genotypes = np.tile(SMALLEST_NETWORK, (20_000, 1))
    genotypes[:, 40:45] = 1
    depths = SPACE.mutate(genotypes, np.random.default_rng(0))[:, 40:45]
    assert abs((depths == 0).sum() - (depths == 2).sum()) < 300


def test_children_have_layers_that_a_parent_has():
    """A layer of only one parent comes from this parent, so children have layers of parents only."""
    a, b = LARGEST_NETWORK.copy(), SMALLEST_NETWORK.copy()
    a[:40], b[:40] = 1, 2
    children = SPACE.crossover(np.tile(a, (500, 1)), np.tile(b, (500, 1)), np.random.default_rng(0))
    slots = np.arange(40)
    assert set(np.unique(children[:, slots[slots % 4 < 2]])) == {1, 2}
    assert set(np.unique(children[:, slots[slots % 4 >= 2]])) == {0, 1}
    assert set(np.unique(children[:, 40:45])) == {0, 2}


# --- encodings --------------------------------------------------------------------------------------------------


def test_encodings_by_hand():
    genotype = SPACE.genotype(written())[None]
    values = SPACE.node_values(genotype)[0]
    assert SPACE.attributes == ("expansion", "kernel", "channels", "stride", "se", "stage", "resolution")
    assert values[[0, 1, 2, 3, 14, 15, 16]].tolist() == [
        [0, 0, 0, 0, 0, 0, 176],
        [3, 3, 24, 2, 0, 0, 0],
        [4, 5, 24, 1, 0, 0, 0],
        [4, 5, 40, 2, 1, 1, 0],
        [6, 3, 160, 1, 1, 4, 0],
        [0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ]
    assert SPACE.adjacency_arrays(genotype).mask[0].sum() == 16
    onehot = SPACE.features(genotype)[0]
    assert onehot.shape == (20 * 3 * 2 + 5 * 3 + 25,)
    assert onehot.sum() == 2 * 14 + 5 + 1
    assert onehot[:12].tolist() == [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]  # kernels 3 and 5, then two layers that are not


@given(GENOTYPES)
def test_encodings_are_those_of_the_canonical_form(genotype):
    pair = np.stack([genotype, SPACE.canonical(genotype[None])[0]])
    for kind in SPACE.feature_kinds:
        first, second = SPACE.features(pair, kind)
        assert np.array_equal(first, second)


# --- network ----------------------------------------------------------------------------------------------------


SQUEEZED = {72: 24, 96: 24, 144: 40, 120: 32, 160: 40, 240: 64, 320: 80, 480: 120, 336: 88, 448: 112, 672: 168}
SQUEEZED |= {640: 160, 960: 240}
"""Reduced width of squeeze-excitation by width; MobileNetV3-Large has 72, 120, 480, 672 and 960."""


def counted(genotype):
    """Parameters, and multiply-adds without biases, of the published network, from its widths alone."""
    stem, base = (3, 16, 3, 2), [24, 40, 80, 112, 160]
    strides, excited = (2, 2, 2, 1, 2), (False, True, False, True, True)
    c_in, c_out, kernel, stride = stem
    side = RESOLUTIONS[genotype[45]] // stride
    weights = c_in * c_out * kernel**2 + 2 * c_out
    operations = c_in * c_out * kernel**2 * side**2
    weights += 9 * 16 + 2 * 16 + 16 * 16 + 2 * 16  # the layer without expansion
    operations += (9 * 16 + 16 * 16) * side**2
    channels = 16
    for unit, (width, first, se) in enumerate(zip(base, strides, excited, strict=True)):
        for place in range(DEPTHS[genotype[40 + unit]]):
            k, e = KERNELS[genotype[4 * unit + place]], EXPANSIONS[genotype[20 + 4 * unit + place]]
            middle, before = e * channels, side
            side = -(-side // (first if place == 0 else 1))
            weights += channels * middle + 2 * middle + k**2 * middle + 2 * middle + middle * width + 2 * width
            operations += channels * middle * before**2 + (k**2 * middle + middle * width) * side**2
            if se:
                squeezed = SQUEEZED[middle]
                weights += 2 * middle * squeezed + middle + squeezed
                operations += 2 * middle * squeezed + middle + squeezed  # with biases
            channels = width
    weights += 160 * 960 + 2 * 960 + 960 * 1280 + 1281 * 1000
    operations += 160 * 960 * side**2 + 960 * 1280 + 1281 * 1000
    return weights, operations


def test_the_largest_network_has_the_published_size():
    """The paper: 7.7 million parameters for all networks, because the largest one contains all others."""
    assert parameters(network(LARGEST_NETWORK)) == counted(LARGEST_NETWORK)[0] == 7_664_760


def test_costs_are_those_of_the_published_widths():
    images = torch.ones(1, 3, 224, 224, device="meta")
    for genotype in (SMALLEST_NETWORK, LARGEST_NETWORK, *SPACE.sample(8, np.random.default_rng(0))):
        model = network(genotype)
        assert (parameters(model), flops(model, images)) == counted(genotype)


def test_resolution_is_what_the_network_sees():
    """224 pixels become the chosen resolution, other sizes scale by the same ratio, and costs follow."""
    costs = {}
    for option, image in product((0, 24), (224, 32)):
        genotype = LARGEST_NETWORK.copy()
        genotype[45] = option
        model = network(genotype, ImageClassification((3, image, image), 10))
        seen = model[0](torch.ones(1, 3, image, image, device="meta"))
        assert seen.shape[2:] == (round(image * RESOLUTIONS[option] / 224),) * 2
        costs[option, image] = flops(model, torch.ones(1, 3, image, image, device="meta"))
    assert 0.3 < costs[0, 224] / costs[24, 224] < 0.35  # (128 / 224)^2 = 0.327
    assert 0.3 < costs[0, 32] / costs[24, 32] < 0.4  # (18 / 32)^2 = 0.316, and odd sides are halved upwards


def test_width_counts_and_depth_is_the_genotype():
    sizes = [parameters(network(LARGEST_NETWORK, DIGITS, NetworkSettings(*s))) for s in ((4, 1, 2), (4, 5, 3), (5,))]
    assert sizes[0] == sizes[1] < sizes[2]


def test_sampling_is_the_published_one():
    """Numbers are drawn independently and uniformly, so two, three and four layers are equally frequent."""
    genotypes = SPACE.sample(30_000, np.random.default_rng(0))
    for column, options in zip(genotypes.T, SPACE.cardinalities, strict=True):
        assert (abs(np.bincount(column, minlength=options) - 30_000 / options) < 400).all()


def test_registered():
    assert isinstance(spaces.create("ofa"), OFA)
