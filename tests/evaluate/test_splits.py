import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import InputError, NotFoundError
from nasbench.evaluate.splits import Split, feasible, half_split, random_split, shared_functions, split, targets
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")


def benchmark(n, missing=()):
    genotypes = SPACE.decode(np.random.default_rng(0).permutation(SPACE.size)[:n])
    values = SPACE.features(genotypes, "counts") @ np.arange(7.0)
    absent = np.zeros(n, dtype=np.uint8)
    absent[list(missing)] = 1
    values[absent > 0] = np.nan
    metric = Metric("toy", "validation_accuracy", "validation", "percent", "maximise", ("architecture",))
    column = Column(metric, values, absent, ("the run diverged",))
    return TabularBenchmark(Table(SPACE, genotypes, (), {}, {metric.path: column}), name="toy")


def test_by_hand():
    functions = np.array([5, 5, 5, 7, 8])  # three functions
    found = split(functions, 2, 1, np.random.default_rng(0))
    assert len(found.train) == 2
    assert len(found.test) == 1
    assert sorted(functions[np.concatenate(found)]) == [5, 7, 8]


@given(seed=st.integers(0, 10_000), sizes=st.tuples(st.integers(1, 40), st.integers(1, 40)))
@settings(deadline=None, max_examples=30)
def test_no_function_is_in_both_parts_or_twice(seed, sizes):
    functions = np.random.default_rng(seed).permutation(np.repeat(np.arange(80), 3))
    found = split(functions, *sizes, np.random.default_rng(seed))
    taken = functions[np.concatenate(found)]
    assert len(np.unique(taken)) == len(taken) == sum(sizes)


def test_training_sets_are_nested_and_the_test_set_is_fixed():
    functions = np.repeat(np.arange(50), 2)
    small, large = (split(functions, size, 20, np.random.default_rng(3)) for size in (10, 30))
    assert np.array_equal(small.train, large.train[:10])
    assert np.array_equal(small.test, large.test)


def test_functions_with_many_architectures_are_no_likelier_to_be_tested():
    functions = np.concatenate([np.zeros(500, dtype=int), np.arange(1, 10)])
    tested = [0 in functions[split(functions, 5, 5, np.random.default_rng(seed)).test] for seed in range(400)]
    assert np.mean(tested) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(400))


def test_sizes_beyond_the_table_say_what_is_possible():
    with pytest.raises(InputError, match=r"exceeds the 3 architectures with different functions.*at most 3"):
        split(np.array([1, 1, 2, 3]), 3, 1, np.random.default_rng(0))
    with pytest.raises(InputError, match="train size must be at least 0 and test size at least 1, got 3 and 0"):
        split(np.arange(5), 3, 0, np.random.default_rng(0))


def test_nothing_may_be_learnt_from():
    """For predictors that learnt from other tables."""
    train, test = split(np.arange(5), 0, 2, np.random.default_rng(0))
    assert (len(train), len(test)) == (0, 2)


def test_half_split_by_hand():
    """Of 7 rows four are learnt from; of 15,625 cells 7,813, and 1 % of them are 78; of 14,580 cells 72."""
    parts = half_split(7, 2, np.random.default_rng(0))
    assert (len(parts.train), len(parts.test)) == (2, 3)
    sizes = {n: [len(rows) for rows in half_split(n, None, np.random.default_rng(0))] for n in (2, 14_580, 15_625)}
    assert sizes == {2: [1, 1], 14_580: [72, 7290], 15_625: [78, 7812]}
    with pytest.raises(InputError, match="train size 5 exceeds the 4 architectures of the half"):
        half_split(7, 5, np.random.default_rng(0))


@given(seed=st.integers(0, 10_000), n=st.integers(20, 60), sizes=st.tuples(st.integers(1, 10), st.integers(1, 10)))
@settings(deadline=None, max_examples=30)
def test_random_parts_are_disjoint_nested_and_of_one_test_set(seed, n, sizes):
    for draw in (
        lambda size: random_split(n, size, 7, np.random.default_rng(seed)),
        lambda size: half_split(n, size, np.random.default_rng(seed)),
    ):
        small, large = draw(min(sizes)), draw(max(sizes))
        rows = np.concatenate(large)
        assert len(np.unique(rows)) == len(rows) and rows.max() < n
        assert np.array_equal(small.train, large.train[: min(sizes)]) and np.array_equal(small.test, large.test)


def test_every_row_is_as_likely_to_be_tested():
    tested = [random_split(20, 5, 5, np.random.default_rng(seed)).test for seed in range(400)]
    share = np.bincount(np.concatenate(tested), minlength=20) / 400
    assert share == pytest.approx(np.full(20, 0.25), abs=4 * np.sqrt(0.25 * 0.75 / 400))


def test_shared_functions_by_hand():
    functions = np.array([5, 5, 6, 7, 7, 7])
    assert shared_functions(functions, Split(np.array([0, 2]), np.array([1, 3, 4, 5]))) == 1 / 4
    assert shared_functions(functions, Split(np.array([0, 3]), np.array([1, 2, 4, 5]))) == 3 / 4


def test_random_sizes_beyond_the_table_say_what_is_possible():
    with pytest.raises(InputError, match=r"exceeds the 4 architectures that have a number; .* at most 4"):
        random_split(4, 3, 2, np.random.default_rng(0))


def test_missing_targets_are_left_out_and_counted():
    found = targets(benchmark(10, missing=[2, 5]), "validation_accuracy")
    assert found.genotypes.shape == (8, 6)
    assert np.isfinite(found.values).all()
    assert found.missing == 2


def test_unknown_metric():
    with pytest.raises(NotFoundError, match="unknown metric 'colour'"):
        targets(benchmark(10), "colour")


def test_feasible_keeps_what_fits():
    assert feasible((10, 20), 30, benchmark(200)) == ((10, 20), 30)


def test_feasible_shrinks_the_test_set_then_drops_sizes():
    table = benchmark(60)
    functions = len(np.unique(SPACE.function_key(table.architectures())))
    sizes, test_size = feasible((10, 25, 50, 100), 1000, table)
    assert test_size == functions // 3
    assert sizes == (10, 25)
    assert feasible((100,), 1000, table) == ((functions - test_size,), test_size)


def test_feasible_keeps_what_was_given():
    table = benchmark(60)
    functions = len(np.unique(SPACE.function_key(table.architectures())))
    assert feasible((10, 20), 1000, table, keep="train") == ((10, 20), functions - 20)
    assert feasible((10, 25, 50, 100), functions - 12, table, keep="test") == ((10,), functions - 12)
    assert feasible((10, 25), functions - 5, table, keep="test") == ((5,), functions - 5)


@settings(max_examples=40)
@given(
    st.lists(st.integers(1, 70), min_size=1, max_size=4, unique=True).map(sorted),
    st.integers(2, 70),
    st.sampled_from(["train", "test", None]),
)
def test_feasible_sizes_fit_or_only_what_was_given_is_named(sizes, test_size, keep):
    table = benchmark(60)
    functions = len(np.unique(SPACE.function_key(table.architectures())))
    kept = {"train": sizes[-1], "test": test_size, None: 2}[keep]
    if kept > functions - 2:
        with pytest.raises(InputError, match=rf"^{keep} size {kept} exceeds the {functions - 2} that leave two"):
            feasible(sizes, test_size, table, keep=keep)
        return
    found, held_out = feasible(sizes, test_size, table, keep=keep)
    assert found and max(found) + held_out <= functions and held_out >= 2
    assert keep != "train" or found == tuple(sizes)
    assert keep != "test" or held_out == test_size
    if max(sizes) + test_size <= functions:
        assert (found, held_out) == (tuple(sizes), test_size)


def test_feasible_counts_architectures_with_a_number():
    assert feasible((2, 4, 6), 2, benchmark(10, missing=range(4)), "validation_accuracy")[0] == (2, 4)


def test_feasible_counts_architectures_where_functions_may_be_shared():
    table = benchmark(60)
    assert len(np.unique(SPACE.function_key(table.architectures()))) < 60
    assert feasible((10, 50), 1000, table, keep="train", shared=True) == ((10, 50), 10)
    with pytest.raises(InputError, match="at least 4 architectures, there are 3"):
        feasible((10,), 10, benchmark(3), shared=True)


def test_feasible_needs_four_functions():
    with pytest.raises(InputError, match="at least 4 architectures with different functions, there are 3"):
        feasible((10,), 10, benchmark(3))
