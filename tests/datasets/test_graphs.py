from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from sklearn.datasets import load_digits

from nasbench.datasets import datasets
from nasbench.datasets.digits_graph import DigitsGraph
from nasbench.datasets.graphs import GraphData, both_ways
from nasbench.datasets.karate import Karate
from nasbench.errors import InputError
from nasbench.testing.dataset import check_data
from nasbench.training.linear_baseline import linear_accuracy

# --- what a graph is --------------------------------------------------------------------------------------------


def test_both_ways_by_hand():
    pairs = np.array([[2, 0, 1], [0, 1, 0]])  # 2-0, 0-1, and 1-0 once more
    assert both_ways(pairs).tolist() == [[0, 0, 1, 2], [1, 2, 0, 0]]
    assert both_ways(both_ways(pairs)).tolist() == both_ways(pairs).tolist()
    assert both_ways(pairs).dtype == np.int64


def sound():
    """A square of four nodes in two classes."""
    return GraphData(
        features=np.eye(4, dtype=np.float32),
        edges=both_ways(np.array([[0, 1, 2, 3], [1, 2, 3, 0]])),
        labels=np.array([0, 1, 0, 1]),
        splits={"train": np.array([0, 1]), "validation": np.array([2]), "test": np.array([3])},
        classes=2,
    )


def test_a_sound_graph_passes():
    data = sound()
    check_data(data)
    assert len(data) == 4
    assert data.task.features is data.features and data.task.edges is data.edges and data.task.classes == 2
    nodes, classes = data.tensors("cpu")["validation"]
    assert nodes.tolist() == [2] and classes.tolist() == [0]
    assert data.checksum() == sound().checksum() != replace(data, edges=data.edges[:, ::-1].copy()).checksum()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"features": np.eye(4)}, "features are not float32"),
        ({"features": np.ones(4, np.float32)}, "features are not float32"),
        ({"features": np.ones((3, 2), np.float32)}, "features of 3 nodes, and labels of 4"),
        ({"features": np.full((4, 1), np.nan, np.float32)}, "a feature is not finite"),
        ({"edges": sound().edges.astype(np.int32)}, "edges are not int64"),
        ({"edges": sound().edges.T.copy()}, "edges are not int64"),
        ({"edges": sound().edges + 1}, "an edge leads to a node that is none of 4"),
        ({"edges": sound().edges - 1}, "an edge leads to a node that is none of 4"),
        ({"edges": np.tile(sound().edges, 2)}, "an edge is there twice"),
        ({"edges": sound().edges[:, 1:]}, "an edge is there in one direction only"),
        ({"labels": np.array([0, 1, 0, 2])}, "a label is of no class"),
        ({"labels": np.array([0, 0, 1, 1])}, "has no training node"),
        ({"splits": {**sound().splits, "test": np.array([2])}}, "a row is in two parts"),
        ({"splits": {**sound().splits, "test": np.array([4])}}, "the row 4 of 4"),
        ({"splits": {**sound().splits, "test": np.zeros(0, np.int64)}}, "part test is empty"),
    ],
)
def test_planted_faults_are_found(fault, message):
    with pytest.raises(AssertionError, match=message):
        check_data(replace(sound(), **fault))


# --- karate -----------------------------------------------------------------------------------------------------


def test_karate_is_the_published_club():
    data = Karate().load()
    assert len(data) == 34
    assert data.edges.shape == (2, 2 * 78)
    assert np.bincount(data.labels).tolist() == [17, 17]
    degrees = np.bincount(data.edges[0], minlength=34)
    assert degrees[0] == 16 and degrees[33] == 17  # the instructor and the officer
    assert data.labels[[0, 33]].tolist() == [0, 1]
    assert nx.is_connected(nx.Graph(data.edges.T.tolist()))
    assert {part: len(rows) for part, rows in data.splits.items()} == {"train": 10, "validation": 12, "test": 12}


def test_a_linear_model_knows_nothing_of_members_it_has_not_seen():
    accuracy = linear_accuracy(Karate().load())
    assert accuracy is not None and abs(accuracy["test"] - 50) <= 25


# --- digits_graph -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    return DigitsGraph().load()


def joined(data):
    matrix = np.zeros((len(data), len(data)), dtype=bool)
    matrix[tuple(data.edges)] = True
    return matrix


def test_digits_are_joined_symmetrically_to_at_least_five(digits):
    matrix = joined(digits)
    assert len(digits) == 1_797 and digits.classes == 10
    assert np.array_equal(matrix, matrix.T) and not matrix.diagonal().any()
    assert matrix.sum(axis=1).min() >= 5


@pytest.mark.parametrize("k", [1, 5])
def test_the_nearest_are_joined_by_direct_distances(k):
    """Edges to the `k` nearest images by squared distance; ties are broken by row number."""
    pixels = load_digits().data.astype(np.int64)
    matrix = joined(DigitsGraph(neighbours=k).load())
    expected = np.zeros_like(matrix)
    for row, image in enumerate(pixels):
        distances = ((pixels - image) ** 2).sum(axis=1)
        nearest = sorted((distance, other) for other, distance in enumerate(distances.tolist()) if other != row)[:k]
        expected[row, [other for _, other in nearest]] = True
    assert np.array_equal(matrix, expected | expected.T)


def test_digits_joined_are_mostly_of_one_class(digits):
    source, target = digits.edges
    assert (digits.labels[source] == digits.labels[target]).mean() > 0.95


def test_more_neighbours_keep_the_others(digits):
    assert not (joined(digits) & ~joined(DigitsGraph(neighbours=6).load())).any()


def test_labels_and_parts_do_not_depend_on_the_graph(digits):
    other = DigitsGraph(neighbours=2).load()
    assert np.array_equal(other.labels, digits.labels) and np.array_equal(other.features, digits.features)
    assert all(np.array_equal(other.splits[part], rows) for part, rows in digits.splits.items())
    assert sum(map(len, digits.splits.values())) == 1_797


@pytest.mark.parametrize("value", [0, -1, 1_797, 2.5, True, "five"])
def test_refused_neighbours(value):
    with pytest.raises(InputError, match="neighbours must be a whole number from 1 to 1796, got"):
        DigitsGraph(neighbours=value).load()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train": 0}, "train must be a whole number of at least 1, got 0"),
        ({"train": "abc"}, "train must be a whole number of at least 1, got 'abc'"),
        ({"train": None}, "train must be a whole number of at least 1, got None"),
        ({"train": 4.5}, "train must be a whole number of at least 1, got 4.5"),
        ({"train": 4.5, "test": 3}, "train must be a whole number of at least 1, got 4.5"),
        ({"train": 1_000, "validation": 900}, "leave no test image of 1797; lower train or validation"),
        ({"train": 1_700, "test": 100}, "are left"),
        ({"validation": -1}, "validation must be a whole number of at least 1, got -1"),
    ],
)
def test_refused_sizes(settings, message):
    with pytest.raises(InputError, match=message):
        DigitsGraph(**settings).load()


def test_a_club_has_no_more_than_its_members():
    with pytest.raises(InputError, match="train=20: 10 images are left"):
        Karate(train=20).load()


@pytest.mark.parametrize("spec", ["karate", "digits_graph"])
def test_checksum_is_the_same_on_every_machine(spec):
    golden = {
        "karate": "cbec66598ba8043a8f33a8920e92d0514e6b1908ebab01bbb3f0a4471a1dd0c3",
        "digits_graph": "039ab26030b9c7b384d62b38e5b524e2e22314ec9431d2ca0be6f8085627be1d",
    }
    assert datasets.create(spec).load().checksum() == golden[spec]
