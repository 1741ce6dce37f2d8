import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from nasbench.errors import InputError
from nasbench.predictors.encodings import DEFAULT, default, encode, flow, variances
from nasbench.spaces import spaces

NB201, NB101 = spaces.create("nb201"), spaces.create("nb101")
# ops of nb201: input, none, skip_connect, nor_conv_1x1, nor_conv_3x3, avg_pool_3x3, output
INPUT, NONE, SKIP, CONV1, CONV3, POOL, OUTPUT = range(7)
CELL = "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|"


def test_live_operations_by_hand():
    # the 3x3 convolution leads only to none; live are skip and 1x1 convolution in a row, and the pooling
    live, groups = encode(NB201, NB201.genotype(CELL)[None], "live")
    assert live[0].tolist() == [1, 0, 1, 1, 0, 1, 1]
    assert groups.tolist() == list(range(7))


def test_pairs_by_hand():
    pairs = encode(NB201, NB201.genotype(CELL)[None], "pairs")[0].reshape(7, 7)
    expected = np.zeros((7, 7))
    expected[INPUT, CONV1] = expected[CONV1, OUTPUT] = expected[INPUT, POOL] = expected[POOL, OUTPUT] = 1
    assert np.array_equal(pairs, expected)


def test_ways_by_hand():
    # two ways of two connections each, as the skip connection is none
    ways = encode(NB201, NB201.genotype(CELL)[None], "ways")[0]
    assert ways[0].tolist() == pytest.approx([0, np.log(3), 0, 0, 0, 0, 0])


def test_identities_add_up():
    # three skips: input to output directly, and over both inner nodes: 0-3, 0-1-3, 0-2-3, 0-1-2-3
    edges = flow(NB201, np.ones((1, 6), dtype=np.int8)).edges[0]
    assert edges[0, -1] == 4
    assert edges.sum() == 4


def test_a_cell_without_a_way_has_no_flow():
    cells = flow(NB201, np.zeros((1, 6), dtype=np.int8))
    assert not cells.live.any()
    assert not cells.edges.any()
    assert not encode(NB201, np.zeros((1, 6), dtype=np.int8), "live/pairs/ways")[0].any()


def test_liveness_agrees_with_the_space():
    genotypes = NB201.decode(np.arange(NB201.size))
    assert np.array_equal(flow(NB201, genotypes).live[:, 1:-1], NB201.live(genotypes))


def test_ways_agree_with_networkx():
    import networkx as nx

    for genotype in NB101.sample(20, np.random.default_rng(0)):
        graph = NB101.graph(genotype)
        (start,) = (v for v in graph if not graph.in_degree(v))
        (end,) = (v for v in graph if not graph.out_degree(v))
        lengths = [len(path) - 1 for path in nx.all_simple_paths(graph, start, end)]
        counted = np.bincount(lengths, minlength=NB101.max_nodes)[1:]
        assert np.allclose(np.expm1(encode(NB101, genotype[None], "ways")[0][0]), counted)


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=20)
def test_flow_features_depend_on_the_graph_only(seed):
    rng = np.random.default_rng(seed)
    genotypes = NB101.sample(20, rng)
    kinds = "live/pairs/ways/counts"
    assert np.allclose(encode(NB101, genotypes, kinds)[0], encode(NB101, NB101.canonical(genotypes), kinds)[0])


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=20)
def test_dead_operations_do_not_show_in_the_flow(seed):
    genotypes = NB201.sample(50, np.random.default_rng(seed))
    kinds = "live/pairs/ways"
    assert np.array_equal(encode(NB201, genotypes, kinds)[0], encode(NB201, NB201.prune(genotypes), kinds)[0])


def test_groups_follow_the_kinds():
    features, groups = encode(NB201, NB201.decode(np.arange(3)), "pairs/onehot/counts")
    assert features.shape == (3, 49 + 30 + 7)
    assert groups.tolist() == [0] * 49 + [1 + p for p in range(6) for _ in range(5)] + list(range(7, 14))


def test_sums_by_hand():
    # two stages of one layer and of two; sums of attributes as log(1 + sum), of all nodes and of each stage
    space = spaces.create("mobile")
    genotype = space.sample(1, np.random.default_rng(0))
    genotype[0, 2::4] = [0, 1, 0, 0, 0, 0, 0]  # layers less one: eight in all
    features, groups = encode(space, genotype, "sums")
    by_part = np.expm1(features.reshape(1 + len(space.stages), 1 + len(space.attributes)))
    values = space.node_values(genotype)[0]
    assert by_part[:, 0] == pytest.approx([10, 1, 2, 1, 1, 1, 1, 1])  # with input and output
    assert by_part[0, 1:] == pytest.approx(values.sum(axis=0))
    assert by_part[2, 1:] == pytest.approx(values[2:4].sum(axis=0))
    assert groups.tolist() == list(range(features.shape[1]))


@pytest.mark.parametrize("name", list(spaces))
def test_the_default_suits_every_space(name, rounding):
    space = spaces.create(name)
    genotypes = space.sample(5, np.random.default_rng(0))
    features, groups = encode(space, genotypes, DEFAULT)
    assert np.array_equal(features, encode(space, genotypes, default(space))[0])
    assert features.shape == (5, len(groups))
    assert np.isfinite(features).all()
    few, near = encode(space, genotypes[:2], DEFAULT)[0], rounding(100)  # sums over the nodes of a cell
    np.testing.assert_allclose(few, features[:2], rtol=near, atol=near)
    assert ("sums" in default(space).split("/")) == bool(space.attributes)


def test_unknown_kinds_are_refused():
    with pytest.raises(InputError, match="unknown encoding 'sums' for nb201"):
        encode(NB201, NB201.decode(np.arange(3)), "sums")
    with pytest.raises(InputError, match="unknown encoding 'walks' for nb201; known are live, pairs, ways, onehot"):
        encode(NB201, NB201.decode(np.arange(3)), "live/walks")


def test_variance_of_a_constant_is_zero():
    features = np.column_stack([np.full(60, 0.1), np.arange(60.0)])
    assert features.var(axis=0)[0] > 0  # what rounding makes of it
    assert variances(features).tolist() == [0.0, features[:, 1].var()]
