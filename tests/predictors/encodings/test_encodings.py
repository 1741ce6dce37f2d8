import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from nasbench.errors import InputError
from nasbench.predictors import Inputs, Needs
from nasbench.predictors.encodings import (
    DEFAULT,
    MAX_CURVE_FEATURES,
    SPACE_KINDS,
    default,
    encode,
    encodings,
    learnable,
    needs_of,
    units,
    variances,
)
from nasbench.predictors.encodings.base import Cells
from nasbench.predictors.encodings.flow import flow
from nasbench.spaces import spaces

NB201, NB101 = spaces.create("nb201"), spaces.create("nb101")
# ops of nb201: input, none, skip_connect, nor_conv_1x1, nor_conv_3x3, avg_pool_3x3, output
INPUT, NONE, SKIP, CONV1, CONV3, POOL, OUTPUT = range(7)
CELL = NB201.genotype("|nor_conv_3x3~0|+|skip_connect~0|none~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|")[None]


def encoded(space, genotypes, features):
    return encode(Inputs.of(space, genotypes), features)


# --- graphs -----------------------------------------------------------------------------------------------------------


def test_live_operations_by_hand():
    # the 3x3 convolution leads only to none; live are skip and 1x1 convolution in a row, and the pooling
    live, groups = encoded(NB201, CELL, "op_counts_live")
    assert live[0].tolist() == [1, 0, 1, 1, 0, 1, 1]
    assert groups.tolist() == list(range(7))


def test_layers_by_hand():
    # of the live operations only the 1x1 convolution has weights, not the pooling
    assert encoded(NB201, CELL, "layers")[0].tolist() == [[1.0]]
    darts = spaces.create("darts")
    genotype = darts.genotype(
        "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 1), "
        "('max_pool_3x3', 0), ('dil_conv_3x3', 2), ('avg_pool_3x3', 0), ('sep_conv_5x5', 4)], "
        "normal_concat=range(2, 6), "
        "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0), "
        "('skip_connect', 2), ('dil_conv_5x5', 3), ('skip_connect', 2), ('max_pool_3x3', 0)], "
        "reduce_concat=range(2, 6))"
    )
    assert encoded(darts, genotype[None], "layers")[0].tolist() == [[6.0]]


def test_edge_ops_by_hand():
    edges = encoded(NB201, CELL, "edge_ops")[0].reshape(7, 7)
    expected = np.zeros((7, 7))
    expected[INPUT, CONV1] = expected[CONV1, OUTPUT] = expected[INPUT, POOL] = expected[POOL, OUTPUT] = 1
    assert np.array_equal(edges, expected)


def test_path_counts_by_hand():
    # two paths of two connections each, as the skip connection is none
    counts = encoded(NB201, CELL, "path_counts")[0]
    assert counts[0].tolist() == pytest.approx([0, np.log(3), 0, 0, 0, 0, 0])


def test_path_ops_by_hand():
    # the paths are input - 1x1 convolution - output and input - pooling - output; sets of {1x1, 3x3, pooling}
    values = encoded(NB201, CELL, "path_ops")[0].reshape(3, 7)
    most, fewest, mean = values.tolist()  # by {1x1}, {3x3}, {pooling}, {1x1, 3x3}, {1x1, pooling}, {3x3, pooling}, all
    assert most == [1, 0, 1, 1, 1, 1, 1]
    assert fewest == [0, 0, 0, 0, 1, 0, 1]
    assert mean == [0.5, 0, 0.5, 0.5, 1, 0.5, 1]


def test_a_cell_without_a_path_has_no_path_ops():
    assert (encoded(NB201, np.zeros((1, 6), dtype=np.int8), "path_ops")[0] == -1).all()


def test_op_degrees_by_hand():
    after, before = encoded(NB201, CELL, "op_degrees")[0].reshape(2, 7).tolist()
    assert after == [2, 0, 0, 1, 0, 1, 0]  # the input leads to two operations, each of these to the output
    assert before == [0, 0, 0, 1, 0, 1, 2]


def test_cells_of_a_network_are_told_apart():
    # one pair of cells and the same two with their roles exchanged: their operations, cell by cell, are exchanged too
    darts = spaces.create("darts")
    genotype = darts.sample(1, np.random.default_rng(0))
    exchanged = np.roll(genotype, len(darts.cardinalities) // 2, axis=1)
    for name in ("op_counts_by_cell", "edge_ops_by_cell"):
        normal, reduction = np.split(encoded(darts, genotype, name)[0][0], 2)
        other_normal, other_reduction = np.split(encoded(darts, exchanged, name)[0][0], 2)
        of_cells = [darts.ops.index(op) for op in darts.operations]
        if name == "op_counts_by_cell":
            assert np.array_equal(normal[of_cells], other_reduction[of_cells])
            assert np.array_equal(reduction[of_cells], other_normal[of_cells])
        assert not np.array_equal(normal, reduction)
        both = encoded(darts, genotype, name.removesuffix("_by_cell").replace("counts", "counts_live"))[0][0]
        assert (normal + reduction <= both).all()  # connections between the cells are in neither


def test_path_ops_agree_with_networkx():
    import networkx as nx

    for genotype in NB101.sample(20, np.random.default_rng(1)):
        graph = NB101.graph(genotype)
        (start,) = (v for v in graph if not graph.in_degree(v))
        (end,) = (v for v in graph if not graph.out_degree(v))
        paths = [[graph.nodes[v]["op"] for v in path] for path in nx.all_simple_paths(graph, start, end)]
        values = encoded(NB101, genotype[None], "path_ops")[0].reshape(3, -1)
        ops = [op for op in NB101.ops if op not in ("input", "output")]
        for at, op in enumerate(ops):
            counts = [path.count(op) for path in paths]
            assert values[:2, at].tolist() == [max(counts), min(counts)]
            assert values[2, at] == pytest.approx(np.mean(counts))


@pytest.mark.parametrize("name", ["nb101", "darts", "detection", "nlp"])
def test_edges_of_the_flow_lead_to_later_nodes(name):
    space = spaces.create(name)
    assert not np.tril(flow(space, space.sample(50, np.random.default_rng(0))).edges).any()


def test_identities_add_up():
    # three skips: input to output directly, and over both inner nodes: 0-3, 0-1-3, 0-2-3, 0-1-2-3
    edges = flow(NB201, np.ones((1, 6), dtype=np.int8)).edges[0]
    assert edges[0, -1] == 4
    assert edges.sum() == 4


def test_a_cell_without_a_path_has_no_flow():
    cells = flow(NB201, np.zeros((1, 6), dtype=np.int8))
    assert not cells.live.any()
    assert not cells.edges.any()
    assert not encoded(NB201, np.zeros((1, 6), dtype=np.int8), "op_counts_live/edge_ops/path_counts")[0].any()


def test_liveness_agrees_with_the_space():
    genotypes = NB201.decode(np.arange(NB201.size))
    assert np.array_equal(flow(NB201, genotypes).live[:, 1:-1], NB201.live(genotypes))


def test_path_counts_agree_with_networkx():
    import networkx as nx

    for genotype in NB101.sample(20, np.random.default_rng(0)):
        graph = NB101.graph(genotype)
        (start,) = (v for v in graph if not graph.in_degree(v))
        (end,) = (v for v in graph if not graph.out_degree(v))
        lengths = [len(path) - 1 for path in nx.all_simple_paths(graph, start, end)]
        counted = np.bincount(lengths, minlength=NB101.max_nodes)[1:]
        assert np.allclose(np.expm1(encoded(NB101, genotype[None], "path_counts")[0][0]), counted)


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=20)
def test_flow_features_depend_on_the_graph_only(seed):
    inputs = Inputs.of(NB101, NB101.sample(20, np.random.default_rng(seed)))
    features = "op_counts_live/edge_ops/layers/op_degrees/path_counts/path_ops/counts"
    assert np.allclose(encode(inputs, features)[0], encode(inputs.canonical, features)[0])


@given(seed=st.integers(0, 10_000))
@settings(deadline=None, max_examples=20)
def test_dead_operations_do_not_show_in_the_flow(seed):
    genotypes = NB201.sample(50, np.random.default_rng(seed))
    features = "op_counts_live/edge_ops/layers/op_degrees/path_counts/path_ops"
    assert np.array_equal(encoded(NB201, genotypes, features)[0], encoded(NB201, NB201.prune(genotypes), features)[0])


def test_groups_follow_the_encodings():
    features, groups = encoded(NB201, NB201.decode(np.arange(3)), "edge_ops/onehot/counts")
    assert features.shape == (3, 49 + 30 + 7)
    assert groups.tolist() == [0] * 49 + [1 + p for p in range(6) for _ in range(5)] + list(range(7, 14))


def test_rows_are_encoded_alike_in_any_company(monkeypatch):
    space = spaces.create("nb101")
    inputs = Inputs.of(space, space.sample(20, np.random.default_rng(0)), columns={"flops": np.arange(20.0)})
    values, groups = encode(inputs, "default/flops")
    monkeypatch.setattr("nasbench.predictors.encodings.ROWS_IN_CACHE", 7)
    cut, same = encode(inputs, "default/flops")
    assert (cut == values).all() and (same == groups).all()


def test_totals_by_hand():
    # two stages of one layer and of two; sums of attributes as log(1 + sum), of all nodes and of each stage
    space = spaces.create("mobile")
    genotype = space.sample(1, np.random.default_rng(0))
    genotype[0, 2::4] = [0, 1, 0, 0, 0, 0, 0]  # layers less one: eight in all
    features, groups = encoded(space, genotype, "totals")
    by_part = np.expm1(features.reshape(1 + len(space.stages), 1 + len(space.attributes)))
    values = space.node_values(genotype)[0]
    assert by_part[:, 0] == pytest.approx([10, 1, 2, 1, 1, 1, 1, 1])  # with input and output
    assert by_part[0, 1:] == pytest.approx(values.sum(axis=0))
    assert by_part[2, 1:] == pytest.approx(values[2:4].sum(axis=0))
    assert groups.tolist() == list(range(features.shape[1]))


@pytest.mark.parametrize("name", list(spaces))
def test_the_default_suits_every_space(name, rounding):
    space = spaces.create(name)
    inputs = Inputs.of(space, space.sample(5, np.random.default_rng(0)))
    features, groups = encode(inputs, DEFAULT)
    assert np.array_equal(features, encode(inputs, default(space))[0])
    assert features.shape == (5, len(groups))
    assert np.isfinite(features).all()
    few, near = encode(inputs[:2], DEFAULT)[0], rounding(100)  # sums over the nodes of a cell
    np.testing.assert_allclose(few, features[:2], rtol=near, atol=near)
    assert ("totals" in default(space).split("/")) == bool(space.attributes)


@pytest.mark.parametrize("name", list(spaces))
def test_kinds_of_every_space_need_nothing_or_are_known_to_it(name):
    """A kind that only its space knows is taken for a column; whoever gathers inputs asks the space."""
    space = spaces.create(name)
    assert set(needs_of("/".join(space.feature_kinds)).columns) == set(space.feature_kinds) - set(SPACE_KINDS)


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="unknown encoding or column 'totals' for nb201"):
        encoded(NB201, NB201.decode(np.arange(3)), "totals")
    message = (
        "unknown encoding or column 'walks' for nb201; known are op_counts_live, .*, path_ops, statistics, onehot, .*, "
        "flops, joined by '/', and static metrics of a benchmark"
    )
    with pytest.raises(InputError, match=message):
        encode(Inputs.of(NB201, NB201.decode(np.arange(3)), columns={"flops": np.arange(3.0)}), "counts/walks")


@pytest.mark.parametrize("features", [3, None, ["counts"]])
def test_what_is_no_text_is_refused(features):
    with pytest.raises(InputError, match=r"features are names joined by '/', as 'default/flops'; got"):
        encoded(NB201, CELL, features)


def test_nothing_gives_no_features():
    features, groups = encoded(NB201, NB201.decode(np.arange(3)), "")
    assert (features.shape, groups.shape) == ((3, 0), (0,))


def test_nothing_is_not_learnt_from():
    with pytest.raises(InputError, match="features '' name nothing to learn from; name an encoding, column or curve"):
        learnable(Inputs.of(NB201, CELL), "")
    assert all(map(np.array_equal, learnable(Inputs.of(NB201, CELL), "counts"), encoded(NB201, CELL, "counts")))


def test_the_registry_says_what_each_encoding_is():
    for name in encodings:
        assert encodings.describe(name).endswith(".")


# --- columns ----------------------------------------------------------------------------------------------------------


def test_a_column_is_a_feature_and_a_group_of_its_own():
    inputs = Inputs.of(NB201, NB201.decode(np.arange(2)), columns={"flops": [7.0, 9.0], "digits:latency": [0.5, 0.25]})
    features, groups = encode(inputs, "digits:latency/counts/flops")
    assert features[:, 0].tolist() == [0.5, 0.25]
    assert features[:, -1].tolist() == [7.0, 9.0]
    assert groups.tolist() == list(range(9))


def test_missing_numbers_of_a_column_are_refused():
    inputs = Inputs.of(NB201, NB201.decode(np.arange(4)), columns={"flops": [7.0, np.nan, 9.0, np.inf]})
    with pytest.raises(InputError, match=r"column 'flops' is missing for 2 of 4 architectures, the first in row 1"):
        encode(inputs, "flops")
    assert encode(inputs, "counts")[0].shape == (4, 7)  # what is not read may be missing


def test_numbers_beyond_float32_are_refused():
    inputs = Inputs.of(NB201, NB201.decode(np.arange(2)), columns={"flops": [7.0, -2e30]}, curve=[[1.0], [1e31]])
    for name, what in (("flops", "column 'flops'"), ("curve@1", "the curve up to epoch 1")):
        with pytest.raises(InputError, match=rf"{what} exceeds 1e\+30 in row 1; choose a larger unit"):
            encode(inputs, name)


# --- curves -----------------------------------------------------------------------------------------------------------


def curves(epochs, n=3):
    """Inputs whose curve is 100 row + epoch."""
    values = 100.0 * np.arange(n)[:, None] + np.array(epochs)
    return Inputs.of(NB201, NB201.decode(np.arange(n)), curve=values, epochs=tuple(epochs))


def test_a_curve_up_to_an_epoch_by_hand():
    features, groups = encode(curves((1, 2, 4, 8)), "curve@4")
    assert features.tolist() == [[1, 2, 4], [101, 102, 104], [201, 202, 204]]
    assert groups.tolist() == [0, 1, 2]


def test_the_last_number_of_a_curve_alone():
    features, groups = encode(curves((1, 2, 4, 8)), "last@4")
    assert (features.tolist(), groups.tolist()) == ([[4], [104], [204]], [0])
    assert needs_of("counts/last@4") == ((), 4)


@pytest.mark.parametrize("epochs", [8, 9, 20, 200])
def test_of_a_long_curve_some_points_are_features_the_last_among_them(epochs):
    features, groups = encode(curves(range(1, epochs + 1)), f"counts/curve@{epochs}")
    points = features[0, 7:]
    assert len(points) <= MAX_CURVE_FEATURES
    assert (points[0], points[-1]) == (1, epochs)
    assert (np.diff(points) > 0).all()
    assert (np.diff(np.diff(points)) >= -1).all()  # ever wider apart, but for rounding to whole epochs
    assert groups.tolist() == list(range(7 + len(points)))


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ("curve@3", r"'curve@3': the curve has no number at epoch 3; it has 1, 2, 4"),
        ("last@3", r"'last@3': the curve has no number at epoch 3; it has 1, 2, 4"),
        ("last@x", r"a partial curve is written last@EPOCHS, as last@4; got 'last@x'"),
        ("curve@x", r"a partial curve is written curve@EPOCHS, as curve@4; got 'curve@x'"),
        ("curve@", r"written curve@EPOCHS, as curve@4; got 'curve@'"),
        ("curve@0", r"written curve@EPOCHS, as curve@4; got 'curve@0'"),
        ("curve@-1", r"written curve@EPOCHS, as curve@4; got 'curve@-1'"),
        ("curve@1.5", r"written curve@EPOCHS, as curve@4; got 'curve@1.5'"),
        ("curve", r"unknown encoding or column 'curve'"),
    ],
)
def test_curves_that_are_not_there(features, message):
    with pytest.raises(InputError, match=message):
        encode(curves((1, 2, 4)), features)


def test_a_missing_curve_is_refused():
    with pytest.raises(InputError, match=r"'curve@4' needs the curve of 4 epochs, and the inputs have none"):
        encoded(NB201, CELL, "counts/curve@4")
    inputs = Inputs.of(NB201, NB201.decode(np.arange(2)), curve=[[1.0, 2.0], [1.0, np.nan]])
    with pytest.raises(InputError, match=r"the curve up to epoch 2 is missing for 1 of 2 architectures.* in row 1"):
        encode(inputs, "curve@2")
    assert encode(inputs, "curve@1")[0].tolist() == [[1.0], [1.0]]


# --- needs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("features", "needs"),
    [
        ("", Needs()),
        ("default", Needs()),
        ("onehot/counts/adjacency/paths/totals", Needs()),
        ("default/flops", Needs(("flops",))),
        ("flops/default/digits:latency/flops", Needs(("flops", "digits:latency"))),
        ("curve@4", Needs((), 4)),
        ("curve@4/synflow/curve@16/curve@2", Needs(("synflow",), 16)),
    ],
)
def test_needs_by_hand(features, needs):
    assert needs_of(features) == needs


def test_a_malformed_curve_is_no_column():
    with pytest.raises(InputError, match="written curve@EPOCHS"):
        needs_of("default/curve@last")


# --- variances --------------------------------------------------------------------------------------------------------


def test_variance_of_a_constant_is_zero():
    features = np.column_stack([np.full(60, 0.1), np.arange(60.0)])
    assert features.var(axis=0)[0] > 0  # what rounding makes of it
    assert variances(features).tolist() == [0.0, features[:, 1].var()]


def test_units_by_hand():
    """The spread; of a constant its size, or 1."""
    assert units(np.array([0.5, 0.0, 0.0, 0.0]), np.array([9.0, -1e8, 0.25, 0.0])).tolist() == [0.5, 1e8, 1.0, 1.0]


def test_the_flow_that_encodings_share_is_read_only():
    shared = Cells(NB201, CELL).flow
    assert not any(array.flags.writeable for array in shared)
