from collections import Counter

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from nasbench.predictors.encodings import subtrees as kernels
from nasbench.predictors.encodings.subtrees import Subtrees, relabelled, subtrees, subtrees_of
from nasbench.predictors.inputs import Inputs
from nasbench.spaces import spaces

NB201, NB101 = spaces.create("nb201"), spaces.create("nb101")
CONV3 = 3
"""Digit of a 3x3 convolution in genotypes of nb201."""


def products(a, b):
    return np.stack([*kernels.products(a, b)])


def squares(cells):
    return np.stack([*kernels.squares(cells)])


def similarities(a, b):
    return np.stack([*kernels.similarities(a, b)])


def chain(length, padded):
    """A path of equal nodes, with room for others."""
    labels, edges = np.zeros((1, padded), dtype=np.uint64), np.zeros((1, padded, padded), dtype=np.uint64)
    labels[0, :length] = 7
    for node in range(1, length):
        edges[0, node - 1, node] = 1
    return Subtrees(relabelled(labels, edges, 2), np.arange(padded)[None] < length)


def test_counts_of_two_paths_by_hand():
    """Labels are: equal; then first, middle and last; then they also tell who is next to the middle."""
    three, two = chain(3, 4), chain(2, 4)
    assert squares(three)[:, 0].tolist() == [9, 3, 3]
    assert squares(two)[:, 0].tolist() == [4, 2, 2]
    assert products(three, two)[:, 0, 0].tolist() == [6, 2, 0]
    assert similarities(three, two)[:, 0, 0] == pytest.approx([1, 2 / np.sqrt(6), 0])


def test_identities_and_dead_nodes_are_left_out():
    """Both cells are a 1x1 convolution beside a pooling; a dead 3x3 convolution and a skip are in the first only."""
    strings = (
        "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|",
        "|nor_conv_1x1~0|+|avg_pool_3x3~0|none~1|+|none~0|skip_connect~1|skip_connect~2|",
    )
    cells = subtrees(NB201, np.stack([NB201.genotype(text) for text in strings]), 3)
    assert cells.nodes.sum(axis=1).tolist() == [4, 4]
    assert np.array_equal(products(cells, cells), np.full((4, 2, 2), 4.0))


def test_parallel_connections_count():
    """Two skips in place of one lead from the input to the pooling twice."""
    strings = (
        "|skip_connect~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|",
        "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|",
    )
    cells = subtrees(NB201, np.stack([NB201.genotype(text) for text in strings]), 1)
    assert products(cells, cells)[:, 0, 1].tolist() == [3, 1]  # only the output sees the same


def test_cells_without_live_nodes_equal_each_other_only():
    genotypes = np.zeros((3, 6), dtype=np.int8)
    genotypes[1, 0] = CONV3  # leads nowhere
    genotypes[2] = CONV3
    cells = subtrees(NB201, genotypes, 2)
    assert np.array_equal(similarities(cells, cells)[2], [[1, 1, 0], [1, 1, 0], [0, 0, 1]])


@st.composite
def graphs(draw):
    """Labels `(v,)`, edges `(v, v)` and an order of the nodes of a random graph."""
    v = draw(st.integers(1, 7))
    labels = draw(st.lists(st.integers(1, 3), min_size=v, max_size=v))
    edges = draw(st.lists(st.integers(0, 2), min_size=v * v, max_size=v * v))
    order = draw(st.permutations(range(v)))
    upper = np.triu(np.array(edges, dtype=np.uint64).reshape(v, v), 1)
    return np.array(labels, dtype=np.uint64), upper, np.array(order)


@given(graphs())
def test_numbering_does_not_matter(graph):
    labels, edges, order = graph
    nodes = np.ones((1, len(order)), dtype=bool)
    one = Subtrees(relabelled(labels[None], edges[None], 3), nodes)
    other = Subtrees(relabelled(labels[order][None], edges[np.ix_(order, order)][None], 3), nodes)
    assert np.array_equal(one.labels[:, :, order], other.labels)
    assert np.array_equal(products(one, other)[:, :, 0], squares(one))


@given(st.lists(graphs(), min_size=2, max_size=2))
def test_products_are_those_of_exact_labels(pair):
    """Labels that are nested tuples of all they stand for, and dictionaries of counts."""
    size = max(len(labels) for labels, _, _ in pair)
    cells, exact = [], []
    for labels, edges, _ in pair:
        v = len(labels)
        padded = np.pad(labels, (0, size - v))[None], np.pad(edges, (0, size - v))[None]
        cells.append(Subtrees(relabelled(*padded, 3), np.arange(size)[None] < v))
        names, counts = labels.tolist(), []
        for _ in range(4):
            counts.append(Counter(names))
            before, after = (
                [sorted(names[other] for other in range(v) for _ in range(ends[other, node])) for node in range(v)]
                for ends in (edges, edges.T)
            )
            names = [repr(parts) for parts in zip(names, before, after, strict=True)]
        exact.append(counts)
    expected = [sum(a[name] * b[name] for name in a) for a, b in zip(*exact, strict=True)]
    assert products(*cells)[:, 0, 0].tolist() == expected


@settings(max_examples=10)
@given(st.sampled_from(["nb101", "nb201", "darts", "macro"]), st.integers(0, 100))
def test_similarities_are_positive_semidefinite(rounding, name, seed):
    """Entries are off by 4 eps at most, and eigenvalues of n rows by n eps times the largest (Higham, 2002, ch. 3)."""
    space, n = spaces.create(name), 40
    cells = subtrees(space, space.sample(n, np.random.default_rng(seed)), 3)
    cosines = similarities(cells, cells)
    assert (cosines.diagonal(axis1=1, axis2=2) == 1).all()
    assert ((cosines >= 0) & (cosines <= 1)).all()
    for kernel in cosines:
        assert np.linalg.eigvalsh(kernel)[0] >= -rounding(5 * n) * n


@pytest.mark.parametrize("name", list(spaces))
def test_every_space_has_subtrees(name):
    space = spaces.create(name)
    genotypes = space.sample(6, np.random.default_rng(0))
    cells = subtrees(space, genotypes, 2)
    assert cells.labels.shape == (6, 3, space.max_nodes)
    assert (similarities(cells, cells).diagonal(axis1=1, axis2=2) == 1).all()


def test_canonical_form_does_not_matter():
    genotypes = NB101.sample(200, np.random.default_rng(0))
    written, canonical = (subtrees(NB101, cells, 3) for cells in (genotypes, NB101.canonical(genotypes)))
    names = (np.sort(np.where(c.nodes[:, None], c.labels, 0), axis=2) for c in (written, canonical))
    assert np.array_equal(*names)


def test_many_cells_and_none():
    genotypes = NB201.decode(np.arange(5000))
    cells, none = subtrees(NB201, genotypes, 1), subtrees(NB201, genotypes[:0], 1)
    last = subtrees(NB201, genotypes[-3:], 1)
    assert np.array_equal(cells.labels[-3:], last.labels)
    assert products(none, last).shape == (2, 0, 3)


def test_of_a_whole_they_are_computed_once():
    inputs = Inputs.of(NB101, NB101.sample(30, np.random.default_rng(0))).canonical
    once, rows = inputs.encoded_once, np.array([7, 3, 3, 29])
    expected = subtrees(NB101, inputs.genotypes[rows], 2)
    for _ in range(2):
        assert all(map(np.array_equal, subtrees_of(once[rows], 2), expected))
    assert [*once.whole.encoded] == ["subtrees/2"]
    assert all(map(np.array_equal, subtrees_of(inputs[rows], 2), expected))


def test_more_cells_than_fit_the_cache_are_compared_all_the_same(monkeypatch):
    cells = subtrees(NB101, NB101.sample(20, np.random.default_rng(0)), 2)
    expected = products(cells, cells)
    monkeypatch.setattr(kernels, "CELLS_AT_ONCE", 3)
    assert np.array_equal(products(cells, cells), expected)
