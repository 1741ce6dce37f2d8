import copy
import pickle
from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from nasbench.errors import InputError
from nasbench.predictors import Inputs, Needs
from nasbench.predictors.encodings import encode
from nasbench.spaces import spaces

SPACE, NB101 = spaces.create("nb201"), spaces.create("nb101")
CELLS = SPACE.decode(np.arange(4))


def full():
    """Four architectures with everything."""
    return Inputs.of(
        SPACE,
        CELLS,
        columns={"flops": [3, 1, 4, 1], "latency": [0.5, 0.25, 2.0, 1.0]},
        curve=[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]],
        epochs=(2, 6),
        seconds=[10, 20, 30, 40],
    )


def test_arrays_by_hand():
    inputs = full()
    assert len(inputs) == 4
    assert inputs.shape == (4, 6)
    assert inputs.genotypes.dtype == np.int8
    assert inputs.columns["flops"].tolist() == [3.0, 1.0, 4.0, 1.0]
    assert inputs.columns["flops"].dtype == np.float64
    assert inputs.epochs == (2, 6)
    assert inputs.seconds.tolist() == [10.0, 20.0, 30.0, 40.0]


def test_without_anything_else():
    inputs = Inputs.of(SPACE, CELLS)
    assert (inputs.columns, inputs.curve, inputs.epochs, inputs.seconds) == ({}, None, (), None)
    assert inputs.known.all()


def test_a_curve_without_epochs_counts_from_one():
    assert Inputs.of(SPACE, CELLS, curve=np.zeros((4, 3))).epochs == (1, 2, 3)


@pytest.mark.parametrize(
    ("genotypes", "changes", "message"),
    [
        (np.zeros((3, 5), dtype=int), {}, r"shape \(n, 6\), got \(3, 5\)"),
        (np.full((3, 6), 5), {}, "position 0 is 5"),
        (np.zeros((3, 6)), {}, "integers, got float64"),
        (CELLS, {"columns": {"flops": [1.0, 2.0]}}, r"column 'flops' has shape \(4,\), one row .* got \(2,\)"),
        (CELLS, {"columns": {"flops": np.zeros((4, 1))}}, r"column 'flops' has shape \(4,\).* got \(4, 1\)"),
        (CELLS, {"columns": {"flops": ["a", "b", "c", "d"]}}, "column 'flops' holds numbers"),
        (CELLS, {"columns": {"flops": [[1.0], [2.0, 3.0], [], []]}}, "column 'flops' holds numbers"),
        (CELLS, {"curve": np.zeros(4)}, r"the curve has shape \(4, epochs\).* got \(4,\)"),
        (CELLS, {"curve": 3.0}, r"the curve has shape \(4, epochs\).* got \(\)"),
        (CELLS, {"curve": np.zeros((3, 2))}, r"the curve has shape \(4, epochs\).* got \(3, 2\)"),
        (CELLS, {"curve": np.zeros((4, 2)), "epochs": (1, 2, 3)}, r"the curve has shape \(4, 3\).* got \(4, 2\)"),
        (CELLS, {"curve": np.zeros((4, 2)), "epochs": (2, 1)}, r"epochs of a curve are increasing, got \(2, 1\)"),
        (CELLS, {"curve": np.zeros((4, 2)), "epochs": (2, 2)}, r"epochs of a curve are increasing, got \(2, 2\)"),
        (CELLS, {"epochs": (1, 2)}, "epochs without a curve; pass both"),
        (CELLS, {"seconds": np.zeros(3)}, r"seconds has shape \(4,\).* got \(3,\)"),
    ],
)
def test_other_shapes_are_refused_in_one_line(genotypes, changes, message):
    with pytest.raises(InputError, match=message) as caught:
        Inputs.of(SPACE, genotypes, **changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "rows",
    [
        slice(1, 3),
        slice(None, None, -2),
        [3, 0, 0],
        np.array([2, 1]),
        np.array([True, False, True, True]),
        np.array([], dtype=int),
        2,
        np.int64(-1),
        (np.array([1, 3]), ...),
    ],
)
def test_rows_are_those_of_every_array(rows):
    inputs = full()
    chosen = np.atleast_1d(np.arange(4)[rows[0] if isinstance(rows, tuple) else rows])
    part = inputs[rows]
    assert len(part) == len(chosen)
    assert np.array_equal(part.genotypes, CELLS[chosen])
    assert all(np.array_equal(part.columns[name], values[chosen]) for name, values in inputs.columns.items())
    assert np.array_equal(part.curve, inputs.curve[chosen])
    assert np.array_equal(part.seconds, inputs.seconds[chosen])
    assert (part.space, part.epochs) == (inputs.space, inputs.epochs)


def test_rows_that_are_not_there():
    with pytest.raises(IndexError):
        full()[[4]]


def test_known_rows_by_hand():
    inputs = Inputs.of(
        SPACE,
        CELLS,
        columns={"flops": [1.0, np.nan, 1.0, 1.0], "latency": [1.0, 1.0, np.inf, 1.0]},
        curve=[[1.0, 1.0], [1.0, 1.0], [1.0, 1.0], [np.nan, 1.0]],
        seconds=[np.nan] * 4,  # a cost that is not recorded is no input
    )
    assert inputs.known.tolist() == [True, False, False, False]


@given(seed=st.integers(0, 1000))
def test_canonical_inputs_are_the_same_networks(seed):
    rng = np.random.default_rng(seed)
    inputs = Inputs.of(NB101, NB101.sample(6, rng), columns={"flops": rng.normal(size=6)})
    canonical = inputs.canonical
    assert np.array_equal(canonical.genotypes, NB101.canonical(inputs.genotypes))
    assert np.array_equal(canonical.canonical.genotypes, canonical.genotypes)
    assert np.shares_memory(canonical.columns["flops"], inputs.columns["flops"])
    assert inputs.canonical is canonical  # computed once


def test_needs_of_both():
    assert Needs(("a", "b"), 4) | Needs(("b", "c"), 2) == Needs(("a", "b", "c"), 4)
    assert Needs() | Needs() == Needs()
    needs = [Needs(("a",)), Needs((), 3), Needs(("b", "a"), 5)]
    assert (needs[0] | needs[1]) | needs[2] == needs[0] | (needs[1] | needs[2])


def test_inputs_are_read_only_and_owned():
    flops = np.array([9.0, 4.0])
    inputs = Inputs.of(SPACE, CELLS[:2], columns={"flops": flops}, curve=np.ones((2, 3)), seconds=flops)
    flops[:] = 0
    assert inputs.columns["flops"].tolist() == [9, 4] == inputs.seconds.tolist()
    for array in arrays_of(inputs):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0
    with pytest.raises(TypeError, match="mappingproxy"):
        inputs.columns["flops"] = flops


@pytest.mark.parametrize(
    "again",
    [
        copy.copy,
        copy.deepcopy,
        replace,
        lambda inputs: pickle.loads(pickle.dumps(inputs)),  # noqa: S301  # our own
        lambda inputs: inputs[:],
        lambda inputs: inputs.canonical,
    ],
    ids=["copy", "deepcopy", "replace", "pickle", "rows", "canonical"],
)
def test_copies_of_inputs_are_read_only_too(again):
    rng = np.random.default_rng(0)
    genotypes = NB101.canonical(NB101.sample(5, rng))
    inputs = Inputs.of(NB101, genotypes, columns={"flops": rng.random(5)}, curve=rng.random((5, 2)), epochs=(1, 4))
    same = again(inputs)
    assert same.epochs == (1, 4) and same.space.name == "nb101" and same.seconds is None
    for a, b in zip(arrays_of(inputs), arrays_of(same), strict=True):
        assert np.array_equal(a, b) and not b.flags.writeable
    with pytest.raises(TypeError, match="mappingproxy"):
        same.columns["flops"] = rng.random(5)


def arrays_of(inputs):
    return [a for a in (inputs.genotypes, *inputs.columns.values(), inputs.curve, inputs.seconds) if a is not None]


def test_what_is_encoded_once_is_what_is_encoded_each_time():
    space = spaces.create("nb101")
    inputs = Inputs.of(space, space.sample(40, np.random.default_rng(0)), columns={"flops": np.arange(40.0)})
    once, rows = inputs.encoded_once, np.array([7, 3, 3, 29])
    for features in ("path_ops/counts", "default/flops", "counts", "onehot/counts/onehot"):  # in any order
        values, groups = encode(once[10:][rows], features)
        expected, expected_groups = encode(inputs.canonical[10:][rows], features)
        assert np.array_equal(values, expected)
        assert np.array_equal(groups, expected_groups)
        values[:] = 0  # the array is the caller's own
        assert np.array_equal(encode(once[10:][rows], features)[0], expected)
    assert np.array_equal(once[rows].canonical.genotypes, inputs[rows].canonical.genotypes)
