import numpy as np
import pytest
import torch
from scipy.stats import kendalltau

from nasbench.errors import InputError
from nasbench.predictors import Inputs
from nasbench.predictors.encodings import STRUCTURE
from nasbench.predictors.gnn import BATCH_SIZE, GNN, _batches, _Cells, _read_out
from nasbench.predictors.losses import LOSSES
from nasbench.spaces import AdjacencyArrays, spaces
from nasbench.spaces.nats_size import NATSSize

SPACE = spaces.create("nb201")


def test_one_layer_by_hand():
    """Two nodes 0 -> 1 of feature 1 and 2; the layer adds itself + 10 predecessors + 100 successors."""
    network = GNN(members=1, hidden=1, layers=1)
    one = torch.ones(1, 1, 1)
    network.weights_ = [
        torch.tensor([[[1.0], [10.0], [100.0]]]),
        torch.zeros(1, 1, 1),
        torch.tensor([[[0.0], [1.0]]]),  # reads the sum after the layer only
        torch.zeros(1, 1, 1),
        one,
        -one,
    ]
    cells = _Cells(torch.tensor([[[1.0], [2.0]]]), torch.tensor([[[0.0, 1.0], [0.0, 0.0]]]), torch.zeros(1, 0))
    # node 0: 1 + 100 * 2 = 201; node 1: 2 + 10 * 1 = 12
    assert network._forward(cells).tolist() == [[201 + 12 - 1]]


def test_the_global_generator_is_not_touched():
    inputs = Inputs.of(SPACE, SPACE.sample(10, np.random.default_rng(0)))
    before = torch.get_rng_state()
    GNN(steps=2).fit(inputs, np.arange(10.0)).predict(inputs)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_seed_decides():
    inputs = Inputs.of(SPACE, SPACE.sample(10, np.random.default_rng(0)))
    fits = [GNN(steps=2, seed=seed).fit(inputs, np.arange(10.0)).predict(inputs).mean for seed in (0, 0, 1)]
    assert np.array_equal(fits[0], fits[1])
    assert not np.array_equal(fits[0], fits[2])


@pytest.mark.parametrize("n", [5, BATCH_SIZE, BATCH_SIZE + 1, 3 * BATCH_SIZE + 7])
def test_batches_see_every_row_equally_often(n):
    batches = [rows.numpy() for rows in _batches(n, 50, np.random.default_rng(0))]
    assert {len(rows) for rows in batches} == {min(n, BATCH_SIZE)}
    assert np.ptp(np.bincount(np.concatenate(batches), minlength=n)) <= 1


class Anonymous(NATSSize):
    """Layers whose channels are numbers only, not names of operations."""

    def adjacency_arrays(self, genotypes):
        adjacency, ops, mask = super().adjacency_arrays(genotypes)
        return AdjacencyArrays(adjacency, np.minimum(ops, 1), mask)


def test_numeric_attributes_are_seen():
    space = Anonymous()
    inputs = Inputs.of(space, space.sample(120, np.random.default_rng(0)))
    y = np.log(space.node_values(inputs.genotypes)[:, 1:-1, 0]).sum(axis=1)
    predicted = GNN(members=2, steps=200).fit(inputs[:60], y[:60]).predict(inputs[60:])
    assert kendalltau(predicted.mean, y[60:])[0] > 0.7


def test_what_flows_is_read_out_by_default():
    inputs = Inputs.of(SPACE, SPACE.sample(30, np.random.default_rng(0)))
    default, graph, same = (GNN(f, steps=3).fit(inputs, np.arange(30.0)) for f in ("default", "", STRUCTURE))
    assert all(map(np.array_equal, default.predict(inputs), same.predict(inputs)))
    nodes = 2 * len(SPACE.ops) + 2 * graph.hidden  # sums after no, one and two layers
    flow = default._graph_features(inputs).shape[1]
    assert flow > 0
    assert graph._graph_features(inputs).shape == (30, 0)
    assert (graph.weights_[-4].shape[1], default.weights_[-4].shape[1]) == (nodes, nodes + flow)


def test_nothing_flows_where_nodes_have_attributes():
    """And `default@1`, the meaning in files of version 1, is the graph alone."""
    assert _read_out("default/flops", spaces.create("nats_size")) == "flops"
    assert _read_out("default@1/flops", SPACE) == "flops"
    assert _read_out("default/flops", SPACE) == STRUCTURE + "/flops"


def test_features_are_read_out_by_hand():
    """No layer and a cell without nodes: relu(2 * 3 + 1) * 5 - 4 of a feature 3."""
    network = GNN(members=1, hidden=1, layers=0)
    network.weights_ = [torch.tensor([[[value]]]) for value in (2.0, 1.0, 5.0, -4.0)]
    cells = _Cells(torch.zeros(1, 1, 0), torch.zeros(1, 1, 1), torch.tensor([[3.0]]))
    assert network._forward(cells).tolist() == [[(2 * 3 + 1) * 5 - 4]]


def test_files_of_a_time_without_features_are_read():
    """They hold neither features nor lines, and `default` was the graph alone."""
    inputs = Inputs.of(SPACE, SPACE.sample(10, np.random.default_rng(0)))
    fitted = GNN("", steps=2, loss="mse").fit(inputs, np.arange(10.0))
    absent = ("centre", "unit", "intercept", "slope")
    state = {name: array for name, array in fitted.state().items() if name not in absent}
    restored = GNN("default", steps=2).restore(SPACE, state)
    assert all(map(np.array_equal, restored.predict(inputs), fitted.predict(inputs)))


def test_an_unknown_loss_is_refused():
    inputs = Inputs.of(SPACE, SPACE.sample(10, np.random.default_rng(0)))
    with pytest.raises(InputError, match=r"loss of GNN is one of mse, bce, bpr, hinge, listmle; got 'mae'"):
        GNN(loss="mae").fit(inputs, np.arange(10.0))


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_every_loss_learns_in_the_unit_of_the_targets(loss):
    """The error is below half of the spread, which no scores without a unit would be."""
    inputs = Inputs.of(SPACE, SPACE.sample(120, np.random.default_rng(0)))
    y = 50 + 10 * SPACE.features(inputs.genotypes, "counts") @ np.arange(len(SPACE.ops))
    mean, std = GNN(members=4, steps=150, loss=loss).fit(inputs[:60], y[:60]).predict(inputs[60:])
    assert np.sqrt(np.mean((mean - y[60:]) ** 2)) < 0.5 * y[60:].std()
    assert np.mean(np.abs(mean - y[60:]) < 3 * std) > 0.9


def test_a_ranking_loss_reads_the_order_only():
    """An increasing function of transformed targets gives the same scores, and another line."""
    inputs = Inputs.of(SPACE, SPACE.sample(30, np.random.default_rng(0))).canonical
    z = np.random.default_rng(1).normal(size=30)
    one, other = (GNN(members=2, steps=5).fit_transformed(inputs, targets) for targets in (z, np.exp(z)))
    assert all(map(torch.equal, one.weights_, other.weights_))
    assert not np.array_equal(one.slope_, other.slope_)
