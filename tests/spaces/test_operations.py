"""Facts about operations, against what papers say of them."""

import networkx as nx
import numpy as np
import pytest

from nasbench.spaces import spaces
from nasbench.spaces.base import Space
from nasbench.spaces.operations import CHANNELS, operations
from nasbench.spaces.template import TemplateSpace


def facts(space: Space, op: str) -> tuple[bool, bool, bool, float, float]:
    found = operations(space)
    at = space.ops.index(op)
    return tuple(column[at].item() for column in found)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("space", "op", "expected"),
    [
        ("nb201", "none", (False, False, False, 0, 0)),
        ("nb201", "skip_connect", (False, False, False, 0, 0)),
        ("nb201", "avg_pool_3x3", (False, True, False, 1, 0)),
        ("nb201", "nor_conv_1x1", (True, False, False, 0, 1)),
        ("nb201", "nor_conv_3x3", (True, False, False, 1, 9)),
        ("nb101", "maxpool3x3", (False, True, False, 1, 0)),
        ("nb101", "conv3x3-bn-relu", (True, False, False, 1, 9)),
        ("nasnet", "conv_1x7_7x1", (True, False, False, 3, 14)),
        ("darts", "sep_conv_5x5", (True, False, True, 4, 2 + 2 * 25 / CHANNELS)),  # two of 5x5, each with one of 1x1
        ("darts", "dil_conv_3x3", (True, False, True, 2, 1 + 9 / CHANNELS)),
        ("macro", "MB6_K5", (True, False, True, 2, 12 + 6 * 25 / CHANNELS)),  # 1x1 to six times the channels, and back
        ("flexibert", "DSC-9", (True, False, True, 4, 1 + 81 / CHANNELS)),
        ("graph", "gcn", (True, False, False, 0, 1)),
    ],
)
def test_operations_by_hand(space, op, expected):
    assert facts(spaces.create(space), op) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("name", list(spaces))
def test_only_operations_with_weights_cost(name):
    found = operations(spaces.create(name))
    assert np.array_equal(found.cost > 0, found.weighted)
    assert not (found.weighted & found.pooled).any()
    assert (found.reach[~(found.weighted | found.pooled)] == 0).all()


def test_an_operation_of_a_template_means_what_its_layer_is():
    graph: nx.DiGraph[str] = nx.DiGraph([("in", "a"), ("a", "out")])
    nx.set_node_attributes(graph, {"in": "input", "out": "output"}, "op")
    graph.nodes["a"]["choices"] = ["big", "small"]
    space = TemplateSpace(graph, layers={"big": "conv5x5", "small": "conv1x1"})
    assert (facts(space, "big")[3:], facts(space, "small")[3:]) == ((2, 25), (0, 1))
