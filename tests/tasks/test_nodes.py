import numpy as np
import pytest
import torch

from nasbench.errors import InputError
from nasbench.spaces import NetworkSettings
from nasbench.spaces.graph import Graph
from nasbench.tasks.images import ImageClassification
from nasbench.tasks.nodes import NodeClassification

SMALL = NodeClassification.small()


def test_small_graph_by_hand():
    """A ring of twelve nodes has 12 edges and four chords 4 more, each in both directions."""
    assert SMALL.features.shape == (12, 4) and SMALL.features.dtype == np.float32
    assert SMALL.edges.shape == (2, 32) and SMALL.edges.dtype == np.int64
    edges = set(map(tuple, SMALL.edges.T.tolist()))
    assert len(edges) == 32 and edges == {(b, a) for a, b in edges}
    assert {b for a, b in edges if a == 0} == {1, 11, 6}
    assert {b for a, b in edges if a == 5} == {4, 6}
    assert SMALL.classes == 3


def test_inputs_are_numbers_of_nodes_and_targets_classes():
    assert SMALL.inputs(14).tolist() == [*range(12), 0, 1]
    assert SMALL.targets(5).tolist() == [0, 1, 2, 0, 1]
    assert SMALL.inputs(1).dtype == SMALL.targets(1).dtype == torch.int64


def test_outputs_are_checked():
    SMALL.check(torch.zeros(5, 3), 5)
    with pytest.raises(AssertionError, match=r"logits of shape \(5, 4\), expected \(5, 3\)"):
        SMALL.check(torch.zeros(5, 4), 5)


def test_other_tasks_are_told_apart():
    assert NodeClassification.expect(SMALL) is SMALL
    with pytest.raises(InputError, match="node_classification"):
        NodeClassification.expect(ImageClassification((1, 8, 8), 3))


@torch.no_grad()
def test_an_answer_does_not_depend_on_what_else_is_asked(rounding):
    """But for rounding: a product with fewer rows may add up in another order."""
    network = Graph().network(Graph().genotype("0,0,1,2:gat,gcn,gin,sage"), SMALL, NetworkSettings(4)).train()
    all_nodes = network.double()(torch.arange(12))
    assert all_nodes.shape == (12, 3)
    few, near = network(torch.tensor([7, 3, 7])), rounding(100)  # a few sums of 4 to 12 terms below 1
    torch.testing.assert_close(few, all_nodes[[7, 3, 7]], rtol=near, atol=near)
