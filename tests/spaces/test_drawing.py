import numpy as np
import pytest
from matplotlib.figure import Figure

from nasbench.spaces import spaces
from nasbench.spaces.drawing import BOX, FAINT, _fold, _label, colours, draw, layout

INDEX_0 = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
HALF_DEAD = "|none~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|none~0|skip_connect~1|nor_conv_3x3~2|"


def nb201(text):
    space = spaces.create("nb201")
    return space, space.genotype(text)


def samples(name, n):
    space = spaces.create(name)
    return space, space.sample(n, np.random.default_rng(1))


def test_columns_by_hand():
    cell = layout(*nb201(INDEX_0))
    # The longest path has the operations 0->1, 1->2 and 2->3; 0->2 lies beside the first two of them, 1->3 beside the
    # last two and 0->3 beside all three.
    assert cell.x.tolist() == [0, 1, 1.5, 2, 2, 2.5, 3, 4]
    assert cell.y[[0, -1]].tolist() == [0, 0]
    assert cell.labels[:3] == ["input", "avg_pool\n3x3", "nor_conv\n1x1"]
    assert cell.ops[:3] == ["input", "avg_pool_3x3", "nor_conv_1x1"]
    assert cell.live.all()


def test_dead_nodes_by_hand():
    cell = layout(*nb201(HALF_DEAD))
    # 0->1 is none, so 1->2 and 1->3 get nothing; 0->3 is none
    assert cell.live.tolist() == [True, False, True, False, False, False, True, True]
    assert not layout(*nb201("|none~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|")).live.any()


@pytest.mark.parametrize(("name", "n"), [("nb201", 1), ("nb101", 40)])
def test_nothing_covers_anything(name, n):
    space, genotypes = samples(name, n)
    width, height = BOX
    t = np.linspace(0, 1, 101)
    for genotype in genotypes:
        cell, graph = layout(space, genotype), space.graph(genotype)
        assert len(cell.x) == len(cell.y) == len(cell.labels) == len(graph)
        assert len(cell.edges) == graph.number_of_edges()
        apart = (np.abs(cell.x[:, None] - cell.x) >= width) | (np.abs(cell.y[:, None] - cell.y) >= height)
        assert (apart | np.eye(len(cell.x), dtype=bool)).all(), genotype
        for tail, head in cell.edges:
            assert cell.x[head] >= cell.x[tail] + 1
            x, y = (c[tail] + t * (c[head] - c[tail]) for c in (cell.x, cell.y))
            others = [node for node in range(len(cell.x)) if node not in (tail, head)]
            inside = (np.abs(x - cell.x[others, None]) < width / 2) & (np.abs(y - cell.y[others, None]) < height / 2)
            assert not inside.any(), (genotype, tail, head)


def test_same_picture_every_time():
    space, genotype = nb201(INDEX_0)
    first = layout(space, genotype)
    first.y[:] = 7  # a caller may move nodes
    assert layout(space, genotype).y.tolist() != first.y.tolist()
    assert layout(space, genotype).y.tolist() == layout(space, genotype).y.tolist()


def test_colours_tell_operations_apart():
    for name in spaces:
        fills = colours(spaces.create(name))
        operations = [op for op in fills if op not in ("input", "output")]
        assert len({fills[op] for op in operations}) == len(operations)
        assert fills["input"] == fills["output"]


def test_a_long_chain_is_folded_by_hand():
    x, y = _fold(12)
    assert x.tolist() == [0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0]
    assert y.tolist() == [0.5] * 6 + [-0.5] * 6


@pytest.mark.parametrize("name", list(spaces))
def test_picture_of_every_space_has_each_node_once_and_names_its_operations(name):
    space, genotypes = samples(name, 1)
    (axes,) = space.draw(genotypes[0]).axes
    graph = space.graph(genotypes[0])
    assert len(axes.texts) == len(graph)
    shown = {text.get_text() for text in axes.get_legend().get_texts()} - {"nothing passes"}
    assert shown == {op for _, op in graph.nodes(data="op")} - {"input", "output", *space.zero_ops}


@pytest.mark.parametrize("name", ["nb201", "nb101"])
def test_drawn_labels_fit_their_boxes(name):
    space, genotypes = samples(name, 8)
    for genotype in genotypes:
        figure = Figure(figsize=(5, 3.5))
        axes = figure.add_subplot()
        draw(space, genotype, axes)
        figure.canvas.draw()
        boxes = [patch.get_window_extent() for patch in axes.patches if hasattr(patch, "get_boxstyle")]
        texts = [text.get_window_extent() for text in axes.texts]
        assert len(boxes) == len(texts) == len(space.graph(genotype))
        for box, text in zip(boxes, texts, strict=True):
            assert box.x0 <= text.x0
            assert text.x1 <= box.x1
            assert box.y0 <= text.y0
            assert text.y1 <= box.y1


def test_dead_nodes_are_drawn_pale_and_named():
    space, genotype = nb201(HALF_DEAD)
    axes = Figure().add_subplot()
    draw(space, genotype, axes)
    assert [text.get_color() == FAINT for text in axes.texts] == [not live for live in layout(space, genotype).live]
    entries = [text.get_text() for text in axes.get_legend().get_texts()]
    assert entries == ["skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3", "nothing passes"]
    axes = Figure().add_subplot()
    draw(space, genotype, axes, legend=False)
    assert axes.get_legend() is None


def test_labels_break_at_separators_and_end_with_captions():
    assert _label("MB6_K3_SE", {}, {}) == "MB6\nK3_SE"
    assert _label("maxpool3x3", {}, {}) == "maxpool\n3x3"
    assert _label("none", {}, {}) == "none"
    assert _label("sum", {"level": "P{}", "phi": "phi {}"}, {"level": 3}) == "sum\nP3"
