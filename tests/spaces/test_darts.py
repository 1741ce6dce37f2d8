"""DARTS: a cell by hand, the published architecture and its parameters, keys of renumbered nodes, edits."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.errors import InputError
from nasbench.spaces import NetworkSettings, nasnet, spaces
from nasbench.spaces.darts import DARTS, NONE, OPERATIONS
from nasbench.spaces.networks.cell_pair import operation
from nasbench.tasks.images import ImageClassification

SPACE = DARTS()
V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], "
    "normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), "
    "('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], "
    "reduce_concat=[2, 3, 4, 5])"
)
"""DARTS_V2 of the authors (second-order search on CIFAR-10)."""
MAX, AVG, SKIP, SEP3, SEP5, DIL3, DIL5 = range(7)


def cell(*nodes):
    """Text of one cell: two pairs (operation, hidden state) per node."""
    return [(OPERATIONS[op], state) for node in nodes for op, state in node]


CHAIN = cell(((SEP3, 0), (SKIP, 1)), ((SEP3, 0), (SKIP, 2)), ((SEP3, 0), (SKIP, 3)), ((SEP3, 0), (SKIP, 4)))


def pair(normal, reduce=CHAIN):
    return SPACE.genotype(f"Genotype(normal={normal}, reduce={reduce})")


def keys(*genotypes):
    return SPACE.key(np.stack(genotypes)).tolist()


# --- size, graph and string ---------------------------------------------------------------------------------------


def test_number_of_genotypes():
    cells = 1 * 3 * 6 * 10 * 7**8
    assert cells == 1_037_664_180
    assert SPACE.size == cells**2 == 1_076_746_950_455_072_400
    assert f"{SPACE.size:,}" in DARTS.__doc__
    assert SPACE.countable


def test_published_architecture_by_hand():
    genotype = SPACE.genotype(V2)
    # (0,1) for the first node; pairs count 0,1; 0,2; 1,2; the operation on the earlier state comes first
    normal = [SEP3, SEP3, 0, SEP3, SEP3, 0, SKIP, SEP3, 1, SKIP, DIL3]
    reduce = [MAX, MAX, 2, MAX, SKIP, 1, MAX, SKIP, 2, MAX, SKIP]
    assert genotype.tolist() == normal + reduce
    graph = SPACE.graph(genotype)
    assert len(graph) == SPACE.max_nodes == 31
    assert Counter(op for _, op in graph.nodes(data="op")) == {
        **{"input": 1, "c_{k-2}": 2, "c_{k-1}": 2, "add": 8, "cell_output": 1, "output": 1},
        **{"sep_conv_3x3": 5, "skip_connect": 5, "dil_conv_3x3": 1, "max_pool_3x3": 5},
    }
    assert Counter(of for _, of in graph.nodes(data="cell")) == {None: 1, "normal": 15, "reduce": 15}
    # 2 + 2 into cell inputs, 16 into operations, 16 into sums, 4 + 4 into the concatenations
    assert graph.number_of_edges() == 4 + 32 + 8
    assert sorted(graph.predecessors(30)) == [20, 23, 26, 29]
    assert [sorted(graph.predecessors(node)) for node in (1, 2, 16, 17)] == [[0], [0], [0], [15]]


def test_text_both_ways():
    genotype = SPACE.genotype(V2)
    assert SPACE.genotype(SPACE.to_string(genotype)).tolist() == genotype.tolist()
    assert SPACE.genotype(V2.replace("[2, 3, 4, 5]", "range(2, 6)")).tolist() == genotype.tolist()
    assert SPACE.genotype(V2.replace("[2, 3, 4, 5]", "[5, 4, 3, 2]")).tolist() == genotype.tolist()
    assert "normal_combine" not in SPACE.to_string(genotype)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("Genotype", "Phenotype"), "expected an architecture of darts as Genotype"),
        (("normal_concat", "norm_concat"), "expected an architecture"),
        (("reduce_concat=[2, 3, 4, 5]", "reduce_concat=range(10**9)"), "expected an architecture"),
        (("reduce_concat=[2, 3, 4, 5]", "reduce_concat=exit()"), "expected an architecture"),
        (("reduce_concat=[2, 3, 4, 5]", "reduce_concat=[2, 3, 4]"), r"reduce_concat .* is \[2, 3, 4, 5\]"),
        (("reduce_concat=[2, 3, 4, 5]", "reduce_concat=4"), "reduce_concat"),
        (("('skip_connect', 0), ('dil_conv_3x3', 2)", "('skip_connect', 0)"), "normal .* lists 8 pairs"),
        (("('dil_conv_3x3', 2)", "('dil_conv_3x3',)"), "lists 8 pairs"),
        (("dil_conv_3x3", "dil_conv_7x7"), "block 3 of the normal cell: unknown operation .*did you mean 'dil_conv"),
        (("dil_conv_3x3", "none"), "unknown operation 'none'"),
        (("('dil_conv_3x3', 2)", "('dil_conv_3x3', 5)"), "block 3 .* hidden state 5, allowed are 0 to 4"),
        (("('dil_conv_3x3', 2)", "('dil_conv_3x3', -1)"), "hidden state -1"),
        (("('dil_conv_3x3', 2)", "('dil_conv_3x3', True)"), "hidden state True"),
        (("('dil_conv_3x3', 2)", "('dil_conv_3x3', 0)"), "block 3 .* both operations on hidden state 0"),
        (("reduce_concat=[2", "reduce_combine=['concat'] * 4, reduce_concat=[2"), "expected an architecture"),
        (("reduce_concat=[2", "reduce_combine=['concat'], reduce_concat=[2"), "reduce_combine names one of add"),
    ],
)
def test_refused_text(change, message):
    assert change[0] in V2
    with pytest.raises(InputError, match=message) as caught:
        SPACE.genotype(V2.replace(*change))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["Genotype(", "(" * 500, "1", "Genotype(*[1])", "Genotype(**{})", "a\0b"])
def test_what_is_no_genotype(text):
    with pytest.raises(InputError, match="expected an architecture of darts"):
        SPACE.genotype(text)


def _graph(edit):
    graph = SPACE.graph(SPACE.genotype(V2))
    edit(graph)
    return graph


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda g: g.remove_node(3), "31 nodes, got 30"),
        (lambda g: g.add_edge(30, 0), "30 -> 0 closes a cycle"),
        (lambda g: g.nodes[3].update(op="none"), "node 3 has op 'none'"),
        (lambda g: g.nodes[15].update(op="output"), "one node each"),
        (lambda g: g.nodes[5].update(op="skip_connect"), "2 inputs and 3 blocks"),
        (lambda g: g.nodes[1].update(op="c_{k-1}"), "the normal cell has 2 inputs"),
        (lambda g: g.remove_edge(5, 15), "there is no edge from 5 .* to 15"),
        (lambda g: g.add_edge(0, 17), "there is an edge from 0 .* to 17"),
        (lambda g: g.remove_edge(3, 5), "block 0 of the normal cell has 1 operations"),
        (lambda g: g.add_edge(2, 3), "node 3 .* operation on one hidden state"),
        (lambda g: (g.remove_edge(2, 4), g.add_edge(1, 4)), "both operations on hidden state 0"),
    ],
)
def test_refused_graphs(edit, message):
    with pytest.raises(InputError, match=message):
        SPACE.genotype(_graph(edit))


def test_undirected_graph_is_refused():
    with pytest.raises(InputError, match="DiGraph, got Graph"):
        SPACE.genotype(SPACE.graph(SPACE.genotype(V2)).to_undirected())


# --- none --------------------------------------------------------------------------------------------------------

WITH_NONE = DARTS(none=True)
MANY_NONE = V2.replace("('skip_connect', 0), ('dil_conv_3x3', 2)", "('none', 0), ('dil_conv_3x3', 2)").replace(
    "('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2)", "('none', 0), ('none', 1), ('skip_connect', 2)"
)
"""DARTS_V2 with three edges replaced."""


def test_none_by_hand():
    genotype = WITH_NONE.genotype(MANY_NONE)
    normal = [SEP3, SEP3, 0, SEP3, SEP3, 0, SKIP, SEP3, 1, 7, DIL3]
    reduce = [7, 7, 2, MAX, SKIP, 1, MAX, SKIP, 2, MAX, SKIP]
    assert genotype.tolist() == normal + reduce
    assert WITH_NONE.genotype(WITH_NONE.to_string(genotype)).tolist() == genotype.tolist()
    assert WITH_NONE.to_string(genotype).count("'none'") == 3
    graph = WITH_NONE.graph(genotype)
    assert len(graph) == 31 and graph.number_of_edges() == 44
    assert Counter(op for _, op in graph.nodes(data="op"))["none"] == 3
    assert len(np.unique(WITH_NONE.key(np.stack([genotype, WITH_NONE.genotype(graph)])))) == 1
    assert WITH_NONE.zero_ops == ("none",) and SPACE.zero_ops == ()


def test_number_of_genotypes_with_none():
    assert WITH_NONE.size == (1 * 3 * 6 * 10 * 8**8) ** 2 == 9_119_789_245_425_254_400
    assert f"{WITH_NONE.size:,}" in DARTS.__doc__
    assert WITH_NONE.countable and WITH_NONE.size < 2**63

    class OneNode(DARTS):
        blocks = 1

    space = OneNode(none=True)  # eight operations on each of the two inputs, in each of the two cells
    (genotypes,) = space.enumerate()
    assert space.size == len(genotypes) == (8 * 8) ** 2
    assert len(np.unique(space.key(genotypes))) == len(np.unique(space.function_key(genotypes))) == 64**2


def test_genotypes_without_none_are_those_of_the_space_without():
    genotypes = SPACE.sample(500, np.random.default_rng(0))
    assert np.array_equal(WITH_NONE.check(genotypes), genotypes)
    assert np.array_equal(WITH_NONE.canonical(genotypes), SPACE.canonical(genotypes))
    assert [WITH_NONE.to_string(g) for g in genotypes[:20]] == [SPACE.to_string(g) for g in genotypes[:20]]


def test_none_keeps_the_key_exact():
    """An edge with `none` can come from any state, so the keys differ where the function keys do not."""
    rest = cell(((SEP3, 0), (SKIP, 3)), ((SEP3, 0), (SKIP, 4)))
    texts = [
        f"Genotype(normal={CHAIN}, reduce={[('none', 0), ('none', 1), ('sep_conv_3x3', 0), (op, state), *rest]})"
        for op, state in (("none", 1), ("none", 2), ("skip_connect", 2))
    ]
    genotypes = np.stack([WITH_NONE.genotype(text) for text in texts])
    assert len(np.unique(WITH_NONE.key(genotypes))) == 3
    assert len(np.unique(WITH_NONE.function_key(genotypes))) == 1


def test_samples_with_none_are_uniform():
    genotypes = WITH_NONE.sample(20_000, np.random.default_rng(0))
    for column, options in zip(genotypes.T, WITH_NONE.cardinalities, strict=True):
        expected = 20_000 / options
        assert (np.abs(np.bincount(column, minlength=options) - expected) < 5 * np.sqrt(expected)).all()


@torch.no_grad()
def test_networks_leave_none_out():
    """An edge with `none` adds nothing and has no parameters; a cell of `none` alone gives zeros."""
    sizes, task = NetworkSettings(channels=4, cells=1, stages=2), ImageClassification((1, 8, 8), 3)
    empty = str([("none", state) for _ in range(4) for state in (0, 1)])
    network = WITH_NONE.network(WITH_NONE.genotype(f"Genotype(normal={empty}, reduce={empty})"), task, sizes)
    first, halving, _ = network.eval().cells
    assert not first(torch.ones(2, 12, 8, 8), torch.ones(2, 12, 8, 8)).any()
    assert halving(torch.ones(2, 12, 8, 8), torch.ones(2, 16, 8, 8)).shape == (2, 32, 4, 4)
    assert not _parameters(first.operations) and _parameters(first.inputs)
    assert not operation("none", 4, 1)(torch.ones(2, 4, 7, 8)).any()


def test_refusals_name_the_space_with_none():
    with pytest.raises(
        InputError, match=r"block 3 of the normal cell: unknown operation 'none'; darts\+none=true has it"
    ):
        SPACE.genotype(MANY_NONE)
    for value in (1, "true", None):
        with pytest.raises(InputError, match="none must be true or false, got"):
            DARTS(none=value)


# --- keys ---------------------------------------------------------------------------------------------------------


def test_nodes_can_be_renumbered_by_hand():
    first = pair(cell(((SEP3, 0), (SKIP, 1)), ((MAX, 0), (AVG, 1)), ((SEP3, 1), (SKIP, 2)), ((SEP5, 0), (DIL3, 4))))
    second = pair(cell(((MAX, 0), (AVG, 1)), ((SEP3, 0), (SKIP, 1)), ((SKIP, 3), (SEP3, 1)), ((SEP5, 0), (DIL3, 4))))
    other = pair(cell(((MAX, 0), (AVG, 1)), ((SEP3, 0), (SKIP, 1)), ((SKIP, 2), (SEP3, 1)), ((SEP5, 0), (DIL3, 4))))
    assert keys(first, second)[0] == keys(first, second)[1] != keys(other)[0]
    assert SPACE.distance(first[None], second[None]).tolist() == [0]


def test_equal_nodes_that_others_tell_apart():
    """The third node reads one of two equal nodes; which one makes no difference."""
    twins = ((SEP3, 0), (SEP3, 1)), ((SEP3, 0), (SEP3, 1))
    first = pair(cell(*twins, ((MAX, 1), (SKIP, 2)), ((MAX, 0), (AVG, 3))))
    second = pair(cell(*twins, ((MAX, 1), (SKIP, 3)), ((MAX, 0), (AVG, 2))))
    third = pair(cell(*twins, ((MAX, 1), (SKIP, 3)), ((MAX, 0), (AVG, 3))))
    assert keys(first)[0] == keys(second)[0] != keys(third)[0]


def test_normal_and_reduction_cell_are_not_exchanged():
    normal = cell(*(((MAX, 0), (MAX, 1)),) * 4)
    assert len({*keys(pair(normal, CHAIN), pair(CHAIN, normal))}) == 2


def _smallest(cells):
    """Canonical form of one cell by brute force: the smallest list of blocks over all orders."""
    forms = []
    for order in permutations(range(4)):
        number = {0: 0, 1: 1, **{2 + block: 2 + place for place, block in enumerate(order)}}
        blocks = [sorted((number[s], op) for s, op in cells[block]) for block in order]
        if all(s < 2 + place for place, block in enumerate(blocks) for s, _ in block):
            forms.append(blocks)
    return min(forms)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_keys_against_all_orders(seed):
    """Cells with few operations, many of which have equal nodes."""
    genotypes = SPACE.sample(40, np.random.default_rng(seed))
    read = SPACE.cells(genotypes)
    read.ops[:] %= 2
    texts = [
        [
            [(OPERATIONS[op], source) for op, source in zip(ops.ravel(), sources.ravel(), strict=True)]
            for sources, ops in zip(read.sources.transpose(2, 0, 1), read.ops.transpose(2, 0, 1), strict=True)
        ][i : i + 2]
        for i in range(0, 80, 2)
    ]
    genotypes = np.stack([pair([(o, int(s)) for o, s in a], [(o, int(s)) for o, s in b]) for a, b in texts])
    forms = []
    for normal, reduce in texts:
        blocks = [[[(int(s), o) for o, s in c[i : i + 2]] for i in range(0, 8, 2)] for c in (normal, reduce)]
        forms.append(str([_smallest(c) for c in blocks]))
    assert len(set(forms)) == len(set(zip(forms, keys(*genotypes), strict=True))) == len({*keys(*genotypes)})


# --- moves --------------------------------------------------------------------------------------------------------


def test_number_of_edits_by_hand():
    # All four nodes act on the inputs, so each edge can move to any of the three other nodes.
    ops = [(SEP3, SEP5), (MAX, AVG), (SKIP, DIL3), (DIL5, DIL3)]
    flat = cell(*(((a, 0), (b, 1)) for a, b in ops))
    # In the chain, node k follows all before it and can move each of its edges to k others. Two of these 12 edits give
    # what another gives, since all nodes are alike: cut off before the second node or the last, and the last node
    # moved to the first, or the third passing over the second.
    moves = 2 * (0 + 1 + 2 + 3) - 2
    kinds = 8 * 6
    assert len(SPACE.neighbours(pair(flat, CHAIN))) == (kinds + 8 * 3) + (kinds + moves)


def test_neighbours_do_not_depend_on_numbering():
    rng = np.random.default_rng(0)
    for genotype in SPACE.sample(20, rng):
        canonical = SPACE.canonical(genotype[None])[0]
        mine, theirs = (sorted(keys(*SPACE.neighbours(which))) for which in (genotype, canonical))
        assert mine == theirs


def test_neighbourhoods_of_many():
    genotypes = SPACE.sample(300, np.random.default_rng(0))
    found, owners = SPACE.neighbours_of(genotypes)
    counts = np.bincount(owners, minlength=300)
    assert (np.diff(owners) >= 0).all()
    ends = np.cumsum(counts)
    for i in (0, 1, 255, 256, 299):
        assert np.array_equal(found[ends[i] - counts[i] : ends[i]], SPACE.neighbours(genotypes[i]))
    assert SPACE.neighbours_of(genotypes[:0])[0].shape == (0, 22)


def test_mutation_reaches_all_neighbours():
    genotype = SPACE.genotype(V2)
    mutants = SPACE.mutate(np.repeat(genotype[None], 20_000, axis=0), np.random.default_rng(0))
    assert {*SPACE.key(mutants).tolist()} == {*keys(*SPACE.neighbours(genotype))}


def test_samples_are_uniform():
    genotypes = SPACE.sample(20_000, np.random.default_rng(0))
    for column, options in zip(genotypes.T, SPACE.cardinalities, strict=True):
        expected = 20_000 / options
        assert (np.abs(np.bincount(column, minlength=options) - expected) < 5 * np.sqrt(expected)).all()


def test_onehot_by_hand():
    onehot = SPACE.features(SPACE.genotype(V2)[None])[0]
    assert onehot.shape == (2 * (3 + 6 + 10 + 8 * 7),)
    parts = np.split(onehot, np.cumsum(SPACE.cardinalities)[:-1])
    assert [part.argmax() for part in parts] == SPACE.genotype(V2).tolist()
    assert onehot.sum() == 22


# --- network ------------------------------------------------------------------------------------------------------


def _parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_published_parameters():
    """The authors' code reports 3.349342 MB for DARTS_V2 with 36 channels and 20 cells, without auxiliary head."""
    network = SPACE.network(
        SPACE.genotype(V2), ImageClassification((3, 32, 32), 10), NetworkSettings(channels=36, cells=6, stages=3)
    )
    assert _parameters(network) == 3_349_342
    assert len(network.cells) == 20


@pytest.mark.parametrize("image", [(1, 8, 8), (3, 32, 32), (2, 7, 5), (1, 1, 1)])
def test_network_takes_images_of_any_size(image):
    network = SPACE.network(
        SPACE.genotype(V2), ImageClassification(image, 7), NetworkSettings(channels=3, cells=1, stages=3)
    )
    assert network.eval()(torch.zeros(2, *image)).shape == (2, 7)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", sorted({*OPERATIONS, NONE, *nasnet.OPERATIONS}))
def test_operations_keep_channels_and_divide_sizes(name, stride):
    assert operation(name, 4, stride)(torch.zeros(2, 4, 7, 8)).shape == (2, 4, -(-7 // stride), 8 // stride)


def test_parameters_of_operations():
    # sep: twice k^2 per channel, a square of channels, two of normalisation per channel; dil: once
    counts = {name: _parameters(operation(name, 4, 1)) for name in OPERATIONS}
    sep3, sep5 = 2 * (9 * 4 + 16 + 8), 2 * (25 * 4 + 16 + 8)
    assert counts == dict(zip(OPERATIONS, (0, 0, 0, sep3, sep5, sep3 // 2, sep5 // 2), strict=True))
    assert _parameters(operation("skip_connect", 4, 2)) == 16 + 8
    assert operation("dil_conv_3x3", 4, 1)[1].dilation == (2, 2)


def test_one_channel_is_refused():
    with pytest.raises(InputError, match="at least 2 channels, got 1"):
        SPACE.network(SPACE.genotype(V2), ImageClassification((1, 8, 8), 3), NetworkSettings(channels=1))


def test_isomorphic_cells_have_equal_networks():
    rng = np.random.default_rng(3)
    genotypes = SPACE.sample(4, rng)
    sizes = NetworkSettings(channels=4, cells=1, stages=2)
    for genotype, canonical in zip(genotypes, SPACE.canonical(genotypes), strict=True):
        counts = [
            _parameters(SPACE.network(which, ImageClassification((1, 8, 8), 3), sizes))
            for which in (genotype, canonical)
        ]
        assert counts[0] == counts[1]


def test_registered():
    assert isinstance(spaces.create("darts"), DARTS)
    assert spaces.create("darts+none=true").none
