"""Pyramids of merging cells: the published ones by hand, sizes by counting, keys up to numbering, networks."""

import re
from itertools import combinations, pairwise, permutations, product

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
from nasbench.spaces.detection import PHIS, Detection
from nasbench.spaces.efficientdet import scaling
from nasbench.spaces.networks.detection import Attention, Fusion, Sum, resize
from nasbench.spaces.pyramids import LEVELS, OPERATIONS, acyclic_choices, cell_choices, topological_order
from nasbench.tasks.detection import CLASS_BIAS, ObjectDetection
from nasbench.tasks.images import ImageClassification
from nasbench.testing import check_space

SPACE = Detection()
TASK = ObjectDetection.small()
BIFPN = SPACE.bifpn()


def read(text, phi=0, space=SPACE):
    return space.genotype(f"phi={phi}; {text}")


# --- scaling ----------------------------------------------------------------------------------------------------


def test_published_scaling():
    """Table 1 of EfficientDet (the last version of the paper): D0 to D7."""
    assert [tuple(scaling(phi)) for phi in range(PHIS)] == [
        (512, 0, 64, 3, 3),
        (640, 1, 88, 4, 3),
        (768, 2, 112, 5, 3),
        (896, 3, 160, 6, 4),
        (1024, 4, 224, 7, 4),
        (1280, 5, 288, 7, 4),
        (1280, 6, 384, 8, 5),
        (1536, 6, 384, 8, 5),
    ]


def test_widths_are_those_of_the_formula_within_the_rounding():
    assert all(abs(scaling(phi).width / (64 * 1.35**phi) - 1) < 0.06 for phi in range(7))


# --- published pyramids -----------------------------------------------------------------------------------------


def named(graph):
    """Edges of a graph, with nodes named by `op` and level."""
    name = {node: f"{data['op']}{data['level'] or ''}" for node, data in graph.nodes(data=True)}
    return sorted(f"{name[a]} > {name[b]}" for a, b in graph.edges)


def test_bifpn_by_hand():
    """Figure 2 (d) of EfficientDet: a path down from level 7 to 3, a path up, and skips of levels 4 to 6."""
    graph = SPACE.graph(BIFPN)
    assert len(graph) == 15
    down = ["feature7 > fusion6", "feature6 > fusion6", "fusion6 > fusion5", "feature5 > fusion5"]
    down += ["fusion5 > fusion4", "feature4 > fusion4", "fusion4 > fusion3", "feature3 > fusion3"]
    up = [f"fusion{level} > fusion{level + 1}" for level in (3, 4, 5, 6)]
    straight = [f"{kind}{level} > fusion{level}" for level in (4, 5, 6) for kind in ("feature", "fusion")]
    ends = [f"input > feature{level}" for level in LEVELS] + [f"fusion{level} > output" for level in LEVELS]
    assert named(graph) == sorted([*down, *up, *straight, "feature7 > fusion7", *ends])
    assert {op for _, op in graph.nodes(data="op")} == {"input", "feature", "fusion", "output"}


@pytest.mark.parametrize("phi", range(PHIS))
def test_bifpn_survives_text_and_graph(phi):
    genotype = SPACE.bifpn(phi)
    assert np.array_equal(SPACE.genotype(SPACE.to_string(genotype)), genotype)
    key = SPACE.key(genotype[None])
    graph = SPACE.graph(genotype)
    assert set(dict(graph.nodes(data="phi")).values()) == {phi}
    shuffled = nx.relabel_nodes(graph, dict(zip(graph, "onmlkjihgfedcba", strict=True)))
    assert SPACE.key(SPACE.genotype(shuffled)[None]) == key
    assert SPACE.to_string(genotype) == f"phi={phi}; {Detection.BIFPN}"


def test_nas_fpn_by_hand():
    """The seven cells of Figure 6, in the published order; its unread inputs 5 and 7 go to outputs."""
    space = Detection(intermediate=2)
    genotype = read(Detection.NAS_FPN, space=space)
    assert space.to_string(genotype) == f"phi=0; {Detection.NAS_FPN}"
    assert topological_order(space.pyramids(genotype[None]).masks[0]) == [0, 1, 2, 3, 4, 6, 5]  # 4 4 3 4 5 7 6
    counts = dict(zip(space.ops, space.features(genotype[None], "counts")[0], strict=True))
    assert (counts["attention"], counts["sum"]) == (4, 3)
    with pytest.raises(InputError, match="has the cells mid1, mid2, mid3, out3"):
        read(Detection.NAS_FPN)


def test_names_of_choices_by_hand():
    config = SPACE.to_config(BIFPN)
    assert len(config) == len(SPACE.cardinalities)
    assert config["phi"] == 0 and config["mid1_level"] == 6 and config["mid1_op"] == "fusion"
    assert [config[f"mid2_source{i}"] for i in (1, 2, 3)] == ["in5", "mid1", "none"]
    assert [config[f"out4_source{i}"] for i in (1, 2, 3)] == ["in4", "mid3", "out3"]
    assert np.array_equal(SPACE.from_config(config), BIFPN)
    assert [len(SPACE.option_names(position)) for position in range(len(SPACE.cardinalities))] == [*SPACE.cardinalities]
    config["out4_source1"] = "out3"  # twice: read as the feature that follows
    assert SPACE.contains(SPACE.from_config(config)[None])[0]


# --- size -------------------------------------------------------------------------------------------------------


def test_choices_of_a_cell_by_hand():
    assert cell_choices(5) == 3 * (10 + 10)  # two of five, three of five, each with three operations
    assert cell_choices(2) == 3


@pytest.mark.parametrize(("cells", "features"), [(1, 5), (2, 5), (2, 2), (3, 2)])
def test_acyclic_choices_by_trying_all(cells, features):
    def options(cell):
        others = [f for f in range(features + cells) if f != features + cell]
        return [*combinations(others, 2), *combinations(others, 3)]

    count = 0
    for choice in product(*map(options, range(cells))):
        graph = nx.DiGraph([(source, features + cell) for cell, sources in enumerate(choice) for source in sources])
        count += nx.is_directed_acyclic_graph(graph)
    assert acyclic_choices(cells, features, 1) == count * len(OPERATIONS) ** cells
    assert acyclic_choices(cells, features, 5) == count * (5 * len(OPERATIONS)) ** cells


@pytest.mark.parametrize("intermediate", range(4))
def test_size_is_the_share_of_random_choices_that_fit(intermediate):
    """Share of valid architectures among 200,000 random choices of cells."""
    space, n = Detection(intermediate), 200_000
    rng = np.random.default_rng(0)
    drawn = np.empty((n, len(space.cardinalities)), dtype=np.int8)
    total = 1
    for place, options in space._parts:
        drawn[:, place : place + options.shape[1]] = options[rng.integers(0, len(options), n)]
        total *= len(options)
    share, expected = space.contains(drawn).mean(), space.size / total
    assert abs(share - expected) < 5 * np.sqrt(expected * (1 - expected) / n)
    assert expected < 0.5


def test_sizes():
    assert Detection(0).size == PHIS * acyclic_choices(5, 5, 1) == 11_106_650_340_000
    assert SPACE.size == 386_149_523_994_062_127_000_000


def test_enumeration_begins_with_the_least():
    first = next(SPACE.enumerate(2_000))
    assert SPACE.contains(first).all()
    assert np.array_equal(np.lexsort(first.T[::-1]), np.arange(len(first)))
    # only the last output reads the three intermediate cells; all other cells read the first three features
    assert SPACE.to_string(first[0]).endswith("out6=sum(in3,in4,in5); out7=sum(mid1,mid2,mid3)")


def test_samples_are_uniform_at_independent_positions():
    sample = SPACE.sample(8_000, np.random.default_rng(0))
    for column in (0, *SPACE._op_at):
        counts = np.bincount(sample[:, column], minlength=SPACE.cardinalities[column])
        expected = len(sample) / len(counts)
        assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()


# --- membership -------------------------------------------------------------------------------------------------


def changed(**sources):
    """Genotype, maybe invalid, of BiFPN with other sources of some cells."""
    text = SPACE.to_string(BIFPN)
    for name, inside in sources.items():
        text = re.sub(rf"({name}[@\d]*=\w+)\([^)]*\)", rf"\1({inside})", text)
    return np.array(SPACE._from_string(text), dtype=np.int8)


@pytest.mark.parametrize(
    ("sources", "reason"),
    [
        ({"mid1": "in6,mid2"}, "mid1, mid2, mid3, .* read each other in a cycle"),
        ({"out5": "in5,mid2,out6"}, "out5, out6, out7 cannot be computed"),
        ({"out3": "in3,in4"}, "no cell reads mid3"),
        ({"mid3": "in4,in5"}, None),
    ],
)
def test_reasons(sources, reason):
    if "out3" in sources:
        sources = {**sources, "out4": "in4,out3"}
    genotype = changed(**sources)[None]
    (found,) = SPACE.invalid(genotype)
    assert SPACE.contains(genotype)[0] == (found is None) == (reason is None)
    if reason:
        assert re.search(reason, found)
        with pytest.raises(InputError, match=reason):
            SPACE.check(genotype)


def test_sources_in_another_order_are_no_genotype():
    genotype = BIFPN.copy()
    first = SPACE._source_at[4, 0]  # of out4
    genotype[[first, first + 1]] = genotype[[first + 1, first]]
    assert SPACE.invalid(genotype[None]) == ["the sources of out4 are not different and in ascending order"]
    repaired, fine = SPACE.repair(genotype[None])
    assert fine.all() and np.array_equal(repaired[0], BIFPN)


def test_repair_by_hand():
    circle = changed(out5="in5,mid2,out6", out4="in4,mid3")  # out6 takes out5, which comes first and gives way
    assert SPACE.to_string(SPACE.repair(circle[None])[0][0]) == SPACE.to_string(
        changed(out5="in3,in5,mid2", out4="in4,mid3")
    )
    unused = changed(out3="in3,in4", out4="in3,in4,out3")  # mid3, of level 4, goes to out4 in place of in3
    assert SPACE.to_string(SPACE.repair(unused[None])[0][0]) == SPACE.to_string(
        changed(out3="in3,in4", out4="in4,mid3,out3")
    )
    twice = BIFPN.copy()
    twice[SPACE._source_at[3, 1]] = twice[SPACE._source_at[3, 0]]  # out3 = fusion(in3, in3), then (in3, in4)
    expected = changed(out3="in3,in4")
    assert SPACE.to_string(SPACE.repair(twice[None])[0][0]) == SPACE.to_string(expected)


@given(st.integers(0, 2**31), st.integers(0, 3))
def test_anything_can_be_repaired(seed, intermediate):
    space, rng = Detection(intermediate), np.random.default_rng(seed)
    raw = rng.integers(0, space.cardinalities, size=(200, len(space.cardinalities)), dtype=np.int8)
    repaired, fine = space.repair(raw)
    assert fine.all() and space.contains(repaired).all()
    assert np.array_equal(space.repair(repaired)[0], repaired)
    assert np.array_equal(repaired[:, 0], raw[:, 0]) and np.array_equal(repaired[:, space._op_at], raw[:, space._op_at])


# --- identity ---------------------------------------------------------------------------------------------------


def renamed(text, order):
    """The pyramid with its intermediate cells in another order."""
    return re.sub(r"mid(\d)", lambda found: f"mid{order[int(found[1]) - 1] + 1}", text)


def test_all_numberings_of_bifpn_are_one():
    keys = {int(SPACE.key(read(renamed(Detection.BIFPN, order))[None])[0]) for order in permutations(range(3))}
    assert len(keys) == 1
    genotypes = {tuple(read(renamed(Detection.BIFPN, order)).tolist()) for order in permutations(range(3))}
    assert len(genotypes) == 6


@given(st.integers(0, 2**31))
def test_numberings_share_a_key_and_networks_of_one_cost(seed):
    genotype = SPACE.sample(1, np.random.default_rng(seed))[0]
    genotype[0] = 0
    text = SPACE.to_string(genotype)
    others = np.array([SPACE.genotype(renamed(text, order)) for order in permutations(range(3))])
    assert len(np.unique(SPACE.key(others))) == 1
    assert np.array_equal(SPACE.canonical(others), np.tile(SPACE.canonical(genotype[None]), (6, 1)))


def test_what_differs_has_another_key():
    other = [
        SPACE.bifpn(1),
        changed(out7="in7,out5"),
        read(Detection.BIFPN.replace("mid2@5", "mid2@4")),
        read(Detection.BIFPN.replace("out7=fusion", "out7=sum")),
        changed(out6="in6,out5", out7="in7,mid1,out6"),
    ]
    keys = SPACE.key(np.array([BIFPN, *other]))
    assert len(np.unique(keys)) == 6
    assert np.array_equal(SPACE.function_key(np.array(other)), keys[1:])


def test_neighbours_by_hand():
    """In the smallest space: phi, five operations, and sources by brute force."""
    space = Detection(0)
    text = "phi=0; out3=sum(in3,in4); out4=sum(in4,out3); out5=sum(in5,in6,in7); out6=sum(in3,in6); out7=sum(in3,in7)"
    genotype = space.genotype(text)
    found = {space.to_string(neighbour) for neighbour in space.neighbours(genotype)}
    expected = {text.replace("phi=0", f"phi={phi}") for phi in range(1, 8)}
    cells = text.split("; ")[1:]
    features = [*(f"in{level}" for level in LEVELS), *(f"out{level}" for level in LEVELS)]
    for cell in cells:
        name, inside = cell[:4], cell[9:-1].split(",")
        expected |= {text.replace(cell, cell.replace("sum", op)) for op in ("attention", "fusion")}
        for size in (2, 3):
            for chosen in combinations([f for f in features if f != name], size):
                circle = name == "out3" and "out4" in chosen  # which takes out3
                common = len({*chosen} & {*inside})
                one_edit = (size == len(inside) and common == size - 1) or (
                    size != len(inside) and common == min(size, len(inside))
                )
                if one_edit and not circle:
                    expected.add(text.replace(cell, f"{name}=sum({','.join(chosen)})"))
    assert found == expected


# --- refusals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("out3=sum(in3,in4)", "expected an architecture of detection as 'phi=0; out3=sum"),
        ("phi=8; out3=sum(in3,in4)", "phi of detection is 0 to 7 here, got 8"),
        (f"phi=0; {Detection.BIFPN}; out7=sum(in3,in4)", "each once"),
        ("phi=0; mid1@3=sum(in3,in4)", "has the cells mid1, mid2, mid3, out3, .*; got mid1"),
        ("phi=0", "got none"),
        ("phi=0; mid4@3=sum(in3,in4)", "expected a cell as in 'out3=sum"),
        ("phi=0; mid1=sum(in3,in4)", "intermediate cells, and no others, have a level"),
        ("phi=0; mid1@8=sum(in3,in4)", "got 'mid1@8"),
        ("phi=0; out3@3=sum(in3,in4)", "intermediate cells, and no others, have a level"),
        (f"phi=0; {Detection.BIFPN}".replace("out7=fusion", "out7=mean"), "out7: unknown operation 'mean'; known are"),
        (f"phi=0; {Detection.BIFPN}".replace("(in7,out6)", "(in7,out7)"), "out7 reads 'out7'; it can read other"),
        (f"phi=0; {Detection.BIFPN}".replace("(in6,in7)", "(in6,out7)"), "mid1 reads 'out7'; .* intermediate cells"),
        (f"phi=0; {Detection.BIFPN}".replace("(in7,out6)", "(in7,in7)"), "out7 reads in7, in7; a cell reads 2 or 3"),
        (f"phi=0; {Detection.BIFPN}".replace("(in7,out6)", "(in7)"), "out7 reads in7; a cell reads 2 or 3"),
        (f"phi=0; {Detection.BIFPN}".replace("(in7,out6)", "()"), "out7 reads ''"),
        (f"phi=0; {Detection.BIFPN}".replace("(in6,in7)", "(in6,mid2)"), "read each other in a cycle"),
    ],
)
def test_refused_texts(text, message):
    with pytest.raises(InputError, match=message):
        SPACE.genotype(text)


def graph_with(change):
    graph = SPACE.graph(BIFPN)
    change(graph)
    return graph


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: g.remove_node(7), "has 15 nodes, got 14"),
        (lambda g: g.nodes[7].update(op="concat"), "node 7 has op 'concat'"),
        (lambda g: g.nodes[7].update(op="feature"), "has features of levels 3 to 7, one of each"),
        (lambda g: g.nodes[7].update(level=8), "node 7 has level 8"),
        (lambda g: g.nodes[10].update(level=3), "has output cells of levels 3 to 7, one of each"),
        (lambda g: g.nodes[7].update(phi=3), "node 7 has phi 3; all nodes have the same"),
        (lambda g: nx.set_node_attributes(g, 8, "phi"), "has phi 8; all nodes have the same, 0 to 7"),
        (lambda g: g.add_edge(0, 9), "node 9 is a cell, which reads features and not the input"),
        (lambda g: g.add_edge(1, 2), "node 2 is a feature, which reads the input alone"),
        (lambda g: g.add_edge(7, 14), "has output cells of levels 3 to 7, one of each"),
        (lambda g: g.remove_edge(5, 13), "out7 reads out6; a cell reads 2 or 3 features"),
        (lambda g: g.add_edges_from([(1, 11), (2, 11)]), "out5 reads .*; a cell reads 2 or 3 features"),
        (lambda g: g.add_edge(10, 9), "the edge .* closes a cycle"),
        (lambda g: (g.remove_edge(7, 8), g.add_edge(13, 8)), "closes a cycle"),
        (lambda g: g.nodes[0].update(level=3), "input and output have level 0"),
        (lambda g: g.nodes[1].update(op="input"), "one node each of op 'input' and 'output'"),
    ],
)
def test_refused_graphs(change, message):
    with pytest.raises(InputError, match=message):
        SPACE.genotype(graph_with(change))


@pytest.mark.parametrize("intermediate", [-1, 4, 1.5, "two"])
def test_refused_settings(intermediate):
    with pytest.raises(InputError, match="intermediate must be an integer from 0 to 3"):
        Detection(intermediate)
    with pytest.raises(InputError, match="phis must be an integer from 1 to 8, got 0"):
        Detection(phis=0)


def test_one_size_only():
    """The search of NAS-FPN: pyramids at a fixed size."""
    space = Detection(phis=1)
    assert space.size * PHIS == SPACE.size
    assert len(space.neighbours(BIFPN)) == len(SPACE.neighbours(BIFPN)) - 7
    with pytest.raises(InputError, match="phi of detection is 0 to 0 here, got 1"):
        space.bifpn(1)
    check_space(space)


# --- encodings --------------------------------------------------------------------------------------------------


def test_encodings_by_hand():
    values = SPACE.node_values(SPACE.bifpn(2)[None])[0]
    assert values[:, 0].tolist() == [0, 3, 4, 5, 6, 7, 6, 5, 4, 3, 4, 5, 6, 7, 0]
    assert (values[:, 1] == 2).all()
    counts = dict(zip(SPACE.ops, SPACE.features(BIFPN[None], "counts")[0], strict=True))
    assert counts == {"input": 1, "feature": 5, "sum": 0, "attention": 0, "fusion": 8, "output": 1}


# --- network ----------------------------------------------------------------------------------------------------


def test_combinations_by_hand(rounding):
    near, epsilon = rounding(10, "float32"), 1e-4  # the second is added to the sum of the weights of a fusion
    low, high = torch.tensor([1.0, 2.0]).reshape(1, 1, 1, 2), torch.tensor([-3.0, 0.0]).reshape(1, 1, 1, 2)
    assert Sum()([low, high]).flatten().tolist() == [-2, 2]
    assert Fusion(2)([low, high]).flatten().tolist() == pytest.approx([-2 / (2 + epsilon), 2 / (2 + epsilon)], rel=near)
    fusion = Fusion(2)
    fusion.weights.data = torch.tensor([3.0, -1.0])  # negative weights count as 0
    assert fusion([low, high]).flatten().tolist() == pytest.approx([3 / (3 + epsilon), 6 / (3 + epsilon)], rel=near)
    # the largest value of the high one is 0, its sigmoid one half
    expected = [-3 + 0.5 * 1, 0 + 0.5 * 2]
    assert Attention([3, 6])([low, high]).flatten().tolist() == pytest.approx(expected)
    assert Attention([6, 3])([high, low]).flatten().tolist() == pytest.approx(expected)
    third = torch.full((1, 1, 1, 2), 10.0)
    assert Attention([7, 3, 6])([third, low, high]).flatten().tolist() == pytest.approx([7.5, 11])


def test_attention_between_equal_levels_has_no_order(rounding):
    near = rounding(20, condition=10)  # sums of values below 5 in any order
    shape = 2, 3, 4, 4
    features = [torch.randn(shape, generator=torch.Generator().manual_seed(i), dtype=torch.float64) for i in range(3)]
    for levels in ([4, 4, 4], [3, 4, 4], [3, 3, 5]):
        expected = Attention(levels)(features)
        for order in permutations(range(3)):
            mixed = Attention([levels[i] for i in order])([features[i] for i in order])
            assert torch.allclose(mixed, expected, rtol=0, atol=near)
    a, b = features[:2]
    gate = [torch.sigmoid(x.amax(dim=(2, 3), keepdim=True)) for x in (a, b)]
    both = (a + gate[0] * b + b + gate[1] * a) / 2
    assert torch.allclose(Attention([4, 4])([a, b]), both, rtol=0, atol=near)


def test_resizing_by_hand():
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    assert resize(x, 3, 4, (2, 2)).flatten().tolist() == [4, 5, 7, 8]  # the largest of each 2x2, cut at the border
    assert resize(x, 3, 5, (1, 1)).flatten().tolist() == [8]
    assert resize(x, 3, 7, (1, 1)).flatten().tolist() == [8]
    assert resize(torch.tensor([[[[1.0, 2.0]]]]), 4, 3, (1, 3)).flatten().tolist() == [1, 1, 2]
    assert resize(x, 3, 3, (3, 3)) is x


def build(genotype, channels=8, cells=1, task=TASK, space=SPACE):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return space.network(genotype, task, NetworkSettings(channels, cells))


@torch.no_grad()
@pytest.mark.parametrize(("shape", "sides"), [((1, 32, 32), [16, 8, 4, 2, 1]), ((3, 20, 36), [18, 9, 5, 3, 2])])
def test_levels_have_strides_from_2_to_32(shape, sides):
    task = ObjectDetection(shape, 3, 2)
    network = build(BIFPN, task=task).eval()
    outputs = network(task.inputs(2))
    task.check(outputs, 2)
    assert [output.shape[3] for output in outputs] == sides


@torch.no_grad()
def test_larger_phi_is_a_larger_image_and_network():
    sides, costs = [], []
    for phi in range(PHIS):
        network = build(SPACE.bifpn(phi), cells=3).eval()
        sides.append(network(TASK.inputs(1))[0].shape[2])
        costs.append((parameters(network), flops(network, TASK.inputs(1))))
    assert sides == [16, 20, 24, 28, 32, 40, 40, 48]
    assert [len(build(SPACE.bifpn(phi), cells=3).pyramid) for phi in range(PHIS)] == [3, 4, 5, 6, 7, 7, 8, 8]
    sizes, operations = zip(*costs, strict=True)
    assert sorted(sizes) == [*sizes] and sizes[6] == sizes[7]  # D6 and D7 differ by the image alone
    assert all(a < b for a, b in pairwise(operations))


def test_cost_of_the_pyramid_by_hand():
    """Eight cells of width 8: 9 weights per channel, 8x8 weights, a norm; one weight for each of 19 sources."""
    pyramid = build(BIFPN).pyramid
    assert parameters(pyramid) == 8 * (9 * 8 + 64 + 16) + 19
    assert parameters(build(read(Detection.BIFPN.replace("fusion", "sum"))).pyramid) == 8 * (9 * 8 + 64 + 16)


@torch.no_grad()
def test_everything_is_improbable_at_first():
    outputs = build(BIFPN).eval()(torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0)))
    for output in outputs:
        assert (output[:, :3] - CLASS_BIAS).abs().max() < 2


def test_every_part_of_the_pyramid_learns():
    network = build(BIFPN, cells=3)
    images = torch.randn(4, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    sum(output.square().sum() for output in network(images)).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_a_network_is_made_for_detection_only():
    with pytest.raises(InputError, match="made for object_detection, not for image_classification"):
        SPACE.network(BIFPN, ImageClassification.small(), NetworkSettings())


@pytest.mark.parametrize(("intermediate", "seed"), [(0, 0), (2, 0), (3, 0), (3, 1)])
def test_contract(intermediate, seed):
    check_space(Detection(intermediate), seed=seed)


def test_registered():
    assert isinstance(spaces.create("detection"), Detection)
    assert spaces.create("detection+intermediate=2").intermediate == 2
