import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from nasbench.benchmark import hdf5
from nasbench.benchmark.base import Answer, Metric
from nasbench.benchmark.load import load
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import FileError, InputError, NotFoundError
from nasbench.spaces import spaces


@pytest.fixture(scope="session")
def benchmark(table: Table) -> TabularBenchmark:
    return TabularBenchmark(table, name="table.h5")


# --- worked out by hand ---------------------------------------------------------------------------------------------


def test_mean_of_two_seeds(benchmark: TabularBenchmark) -> None:
    answer = benchmark.query([3, 3, 3, 3, 3, 3], "validation_accuracy")
    assert answer == Answer(91.5, "digits/validation_accuracy", "validation", "percent", 12, (7, 3), 16.0, None)


def test_one_seed_at_an_earlier_epoch(benchmark: TabularBenchmark) -> None:
    answer = benchmark.query([3, 3, 3, 3, 3, 3], "validation_accuracy", epoch=4, seed=3)
    assert (answer.value, answer.epoch, answer.seeds, answer.cost) == (82.0, 4, (3,), 8.0)


def test_metric_without_seeds_or_epochs(benchmark: TabularBenchmark) -> None:
    answer = benchmark.query([3, 1, 3, 1, 3, 2], "parameters")
    assert answer[:6] == (400.0, "parameters", "none", "count", None, ())
    assert np.isnan(answer.cost)


def test_query_many(benchmark: TabularBenchmark) -> None:
    genotypes = benchmark.architectures()[[1, 0, 1, 3]]
    answers = benchmark.query_many(genotypes, "digits/validation_accuracy", epoch=12)
    assert answers.values.tolist() == [92.0, 91.5, 92.0, None]
    assert answers[1:] == ("digits/validation_accuracy", "validation", "percent", 12, "mean")


@pytest.mark.parametrize("form", ["genotype", "list", "tuple", "string", "graph", "int64"])
def test_every_form_of_an_architecture(benchmark: TabularBenchmark, form: str) -> None:
    space, genotype = benchmark.space, benchmark.architectures()[1]
    forms: dict[str, Any] = {
        "genotype": genotype,
        "list": genotype.tolist(),
        "tuple": tuple(genotype.tolist()),
        "string": space.to_string(genotype),
        "graph": space.graph(genotype),
        "int64": genotype.astype(np.int64),
    }
    for _ in range(2):  # the second time from memory
        assert benchmark.query(forms[form], "validation_accuracy").value == 92.0


def test_looked_up_by_isomorphism_where_the_genotype_is_not_there() -> None:
    space = spaces.create("nb101")
    samples = space.sample(2000, np.random.default_rng(0))
    canonical = space.canonical(samples)
    row = int(np.argmax((samples != canonical).any(axis=1)))
    assert (samples[row] != canonical[row]).any()
    plain = Table(space, canonical[[row]], (), {}, {})
    column = _constant(plain, 5.0)
    benchmark = TabularBenchmark(replace(plain, columns={column.metric.path: column}))
    assert benchmark.query(samples[row], "x").value == 5.0
    assert benchmark.query_many(samples[[row, row]], "x").values.tolist() == [5.0, 5.0]
    other = samples[np.argmax(space.key(samples) != space.key(samples[[row]]))]
    with pytest.raises(NotFoundError, match="not among the 1 trained"):
        benchmark.query(other, "x")
    assert not benchmark.complete


def _constant(table: Table, value: float) -> Column:
    n = len(table.genotypes)
    metric = Metric("", "x", "none", "count", "minimise", ("architecture",))
    return Column(metric, np.full(n, value), np.zeros(n, dtype=np.uint8))


def test_complete() -> None:
    space = spaces.create("nb201")
    everything = np.concatenate(list(space.enumerate()))
    assert TabularBenchmark(Table(space, everything, (), {}, {})).complete
    assert not TabularBenchmark(Table(space, everything[1:], (), {}, {})).complete


# --- confusions that users of published benchmarks report -----------------------------------------------------------


def test_test_accuracy_is_never_validation_accuracy(benchmark: TabularBenchmark) -> None:
    """NASLib answers both with one key, Syne Tune reads validation errors from test files, HPOBench the reverse."""
    genotype = benchmark.architectures()[0]
    validation = benchmark.query(genotype, "digits/validation_accuracy")
    test = benchmark.query(genotype, "digits/test_accuracy")
    assert (validation.value, validation.split) == (91.5, "validation")
    assert (test.value, test.split) == (90.5, "test")
    assert benchmark.partner("validation_accuracy", "test").path == "digits/test_accuracy"
    with pytest.raises(NotFoundError):
        benchmark.partner("cifar100/test_accuracy", "validation")


def test_ambiguous_metric_is_refused(benchmark: TabularBenchmark) -> None:
    """With several data sets, nobody has to guess which one a number belongs to."""
    with pytest.raises(NotFoundError, match="ambiguous: name one of digits/test_accuracy, cifar100/test_accuracy"):
        benchmark.query(benchmark.architectures()[0], "test_accuracy")


def test_score_is_a_validation_score_where_there_is_one(benchmark: TabularBenchmark, table: Table) -> None:
    assert benchmark.score().path == "digits/validation_accuracy"
    assert benchmark.score("cifar100").path == "cifar100/test_accuracy"
    with pytest.raises(NotFoundError, match="no metric says which architecture is better"):
        benchmark.score("cifar10")
    tests = {path: column for path, column in table.columns.items() if "validation" not in path}
    with pytest.raises(NotFoundError, match=r"several metrics rank .* digits/test_accuracy, cifar100/test_accuracy"):
        TabularBenchmark(replace(table, columns=tests), name="t").score()


def test_missing_seed_is_not_imputed(benchmark: TabularBenchmark) -> None:
    """HPOBench issue 138, NATS-Bench issue 30: results of one seed were presented as those of another."""
    cell = benchmark.architectures()[2]
    mean = benchmark.query(cell, "validation_accuracy")
    assert (mean.value, mean.seeds, mean.cost) == (11.0, (7,), 12.0)
    one = benchmark.query(cell, "validation_accuracy", seed=3)
    assert np.isnan(one.value)
    assert one.seeds == (3,)
    assert one.reason == "diverged at epoch 2"
    with pytest.raises(NotFoundError, match=r"not recorded with seed 777; it has 7, 3, or 'mean'"):
        benchmark.query(cell, "validation_accuracy", seed=777)


def test_missing_is_masked_not_minus_one(benchmark: TabularBenchmark) -> None:
    """HW-NAS-Bench writes -1 milliseconds where a network did not compile."""
    answers = benchmark.query_many(benchmark.architectures(), "digits/test_accuracy", seed=3)
    assert answers.values.mask.tolist() == [False, False, True, True]
    assert np.isnan(answers.values.data[2:]).all()
    assert np.isnan(answers.values.filled()[2:]).all()
    assert answers.values.mean() == (91.5 + 94.0) / 2


def test_missing_says_why(benchmark: TabularBenchmark) -> None:
    answer = benchmark.query(benchmark.architectures()[3], "validation_accuracy")
    assert np.isnan(answer.value)
    assert answer.seeds == ()
    assert answer.reason == "seed 7: diverged at epoch 2; seed 3: not trained with this seed"


def test_diverged_run_is_reported(benchmark: TabularBenchmark) -> None:
    """NAS-Bench-101 issue 21: no field of the record marks runs at chance accuracy."""
    answer = benchmark.query(benchmark.architectures()[2], "validation_accuracy", epoch=4, seed=3)
    assert answer.reason == "diverged at epoch 2"
    assert benchmark.query(benchmark.architectures()[2], "validation_accuracy", epoch=1, seed=3).value == 10.0


def test_query_is_deterministic(benchmark: TabularBenchmark) -> None:
    """NAS-Bench-101 issue 23: the same query returns a different one of three repeats each time."""
    genotype = benchmark.architectures()[0]
    assert len({benchmark.query(genotype, "validation_accuracy") for _ in range(50)}) == 1
    np.random.default_rng(0).random()
    assert benchmark.query(genotype, "validation_accuracy").value == 91.5


def test_a_repeat_is_drawn_only_by_a_passed_generator(benchmark: TabularBenchmark) -> None:
    genotype = benchmark.architectures()[0]
    rng = np.random.default_rng(1)
    answers = [benchmark.query(genotype, "validation_accuracy", seed=rng) for _ in range(50)]
    assert {(a.value, a.seeds, a.cost) for a in answers} == {(90.5, (7,), 12.0), (92.5, (3,), 20.0)}
    again = np.random.default_rng(1)
    assert answers == [benchmark.query(genotype, "validation_accuracy", seed=again) for _ in range(50)]


def test_a_draw_is_among_the_runs_that_have_a_number(benchmark: TabularBenchmark) -> None:
    rng = np.random.default_rng(2)
    cells = benchmark.architectures()[[2] * 20]
    answers = benchmark.query_many(cells, "validation_accuracy", seed=rng)
    assert answers.seed == "random"
    assert set(answers.values.tolist()) == {11.0}
    nothing = benchmark.query(benchmark.architectures()[3], "validation_accuracy", seed=rng)
    assert np.isnan(nothing.value)
    assert nothing.reason


def test_epoch_is_stated_not_silently_12(benchmark: TabularBenchmark) -> None:
    """AutoDL-Projects issue 97: without an argument, the answers were those after 12 of 200 epochs."""
    genotype = benchmark.architectures()[0]
    assert benchmark.query(genotype, "validation_accuracy").epoch == 12
    assert benchmark.query(genotype, "validation_accuracy", epoch=1).epoch == 1
    with pytest.raises(NotFoundError, match="not recorded at epoch 200; it has 1, 4, 12"):
        benchmark.query(genotype, "validation_accuracy", epoch=200)


def test_epochs_at_which_a_split_was_not_evaluated_are_not_offered(benchmark: TabularBenchmark) -> None:
    """NATS-Bench issues 11, 17, 27, 35, 38 and 39: a key exists at some epochs only, and nothing says which."""
    assert benchmark.recorded_epochs("digits/validation_accuracy") == (1, 4, 12)
    assert benchmark.recorded_epochs("digits/test_accuracy") == (12,)
    with pytest.raises(NotFoundError, match="'digits/test_accuracy' was not recorded at epoch 4; it has 12"):
        benchmark.query_many(benchmark.architectures(), "digits/test_accuracy", epoch=4)


def test_dict_key_order(benchmark: TabularBenchmark) -> None:
    """NNI issue 2721: the order in which a dictionary was filled changed the architecture that was looked up."""
    import networkx as nx

    genotype = benchmark.architectures()[1]
    graph = benchmark.space.graph(genotype)
    shuffled: nx.DiGraph[str] = nx.DiGraph()
    for node in reversed(list(graph.nodes)):
        shuffled.add_node(f"node {node}", op=graph.nodes[node]["op"])
    shuffled.add_edges_from((f"node {a}", f"node {b}") for a, b in reversed(list(graph.edges)))
    assert benchmark.query(shuffled, "validation_accuracy") == benchmark.query(genotype, "validation_accuracy")


def test_units_and_direction_travel_with_the_number(benchmark: TabularBenchmark) -> None:
    """HW-NAS-Bench issues 2, 3 and 7: what is the unit of this latency?"""
    answer = benchmark.query(benchmark.architectures()[0], "train_seconds")
    assert answer.units == benchmark.metric("train_seconds").units == "seconds"
    assert benchmark.metric("train_seconds").direction == "minimise"
    assert benchmark.query_many(benchmark.architectures(), "parameters").units == "count"


def test_error_path_gives_message(benchmark: TabularBenchmark) -> None:
    """NAS-Bench-101 raises a TypeError while it composes the error for a cell outside its space."""
    with pytest.raises(InputError, match="position 2 is 9, allowed are 0 to 4"):
        benchmark.query([0, 1, 9, 0, 0, 0], "validation_accuracy")
    with pytest.raises(InputError, match="expected a cell of nb201"):
        benchmark.query("|nor_conv_3x3|", "validation_accuracy")


def test_loading_is_light(file: Path) -> None:
    """NAS-Bench-101 issues 12 and 26: one query takes minutes and gigabytes. Ours loads no torch, pandas or scipy."""
    code = (
        "import sys, json, nasbench; b = nasbench.load(sys.argv[1]); a = b.query([3] * 6, 'validation_accuracy');"
        "print(json.dumps([a.value, [m for m in ('torch', 'pandas', 'scipy', 'networkx') if m in sys.modules]]))"
    )
    run = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == [91.5, []]


def test_own_table_can_be_written(table: Table, tmp_path: Path) -> None:
    """NAS-Bench-101 issue 13: users could not make files that the library reads."""
    hdf5.write(table, tmp_path / "mine.h5")
    assert load(tmp_path / "mine.h5").query([3] * 6, "validation_accuracy").value == 91.5


# --- properties -----------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.integers(0, 3), max_size=30),
    metric=st.sampled_from(
        ["digits/validation_accuracy", "digits/test_accuracy", "digits/train_seconds", "parameters"]
    ),
    epoch=st.sampled_from(["last", 1, 4, 12]),
    seed=st.sampled_from(["mean", 7, 3, "draw"]),
)
def test_many_answers_are_single_answers(
    benchmark: TabularBenchmark, rows: list[int], metric: str, epoch: Any, seed: Any
) -> None:
    genotypes = benchmark.architectures()[rows]
    draws = [np.random.default_rng(5), np.random.default_rng(5)]
    policies = draws if seed == "draw" else [seed, seed]
    try:
        many = benchmark.query_many(genotypes, metric, epoch=epoch, seed=policies[0])
    except NotFoundError:
        with pytest.raises(NotFoundError):
            benchmark.query([3] * 6, metric, epoch=epoch, seed=policies[1])
        return
    single = [benchmark.query(genotype, metric, epoch=epoch, seed=policies[1]) for genotype in genotypes]
    np.testing.assert_array_equal(many.values.filled(), [answer.value for answer in single])
    assert all(answer.epoch == many.epoch for answer in single)
    assert all((answer.reason is None) == np.isfinite(answer.value) for answer in single)


# --- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ([1, 2, 3], "shape"),
        (np.array([[3, 3], [3, 3], [3, 3]], dtype=np.int8), "shape"),
        ([3.0] * 6, "integers"),
        (np.full(6, 3.0), "integers"),
        ([3, 3, 3, 3, 3, -1], "position 5 is -1"),
        ([3, 3, 3, 3, 3, 300], "position 5 is 300"),
    ],
)
def test_no_architecture_of_the_space(benchmark: TabularBenchmark, architecture: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        benchmark.query(architecture, "validation_accuracy")
    with pytest.raises(InputError, match=message):
        benchmark.query_many(np.array([architecture]), "validation_accuracy")


def test_unknown_architecture_names_what_to_do(benchmark: TabularBenchmark) -> None:
    message = r"~2\| is not among the 4 trained architectures of table.h5; .*nasbench surrogate FILE"
    with pytest.raises(NotFoundError, match=message):
        benchmark.query([1] * 6, "validation_accuracy")
    with pytest.raises(NotFoundError, match=message):
        benchmark.query_many([[3] * 6, [1] * 6], "validation_accuracy")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"metric": "accuracy"}, NotFoundError, "unknown metric 'accuracy'; this benchmark has digits/valid"),
        ({"epoch": 5}, NotFoundError, "it has 1, 4, 12"),
        ({"epoch": "first"}, InputError, "finished epochs or 'last'; got 'first'"),
        ({"epoch": True}, InputError, "got True"),
        ({"epoch": 12.0}, InputError, "got 12.0"),
        ({"epoch": [12]}, InputError, r"got \[12\]"),
        ({"seed": 0}, NotFoundError, "it has 7, 3, or 'mean'"),
        ({"seed": "median"}, InputError, "got 'median'"),
        ({"seed": None}, InputError, "got None"),
        ({"seed": [7]}, InputError, r"got 'last', \[7\]"),
        ({"metric": "parameters", "epoch": 1}, NotFoundError, "not recorded by epoch"),
        ({"metric": "parameters", "seed": 7}, NotFoundError, "does not depend on a training seed"),
    ],
)
def test_unknown_metric_epoch_or_seed(
    benchmark: TabularBenchmark, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    arguments = {"metric": "validation_accuracy", **arguments}
    for _ in range(2):
        with pytest.raises(error, match=message):
            benchmark.query([3] * 6, **arguments)
        with pytest.raises(error, match=message):
            benchmark.query_many([[3] * 6], **arguments)


def test_unknown_name_of_a_benchmark() -> None:
    with pytest.raises(FileError, match=r"no file 'nosuch', and no benchmark of that name"):
        load("nosuch")


def test_answers_do_not_share_memory_with_the_table(benchmark: TabularBenchmark) -> None:
    benchmark.query_many(benchmark.architectures(), "parameters").values[:] = 0
    benchmark.architectures()[:] = 0
    assert benchmark.query([3] * 6, "parameters").value == 500.0


# --- the published table --------------------------------------------------------------------------------------------

PUBLISHED = Path(__file__).parents[3] / "shared/tables/nb201_nasgraph/raw/nasbench201_cifar10.csv"


@pytest.mark.skipif(not PUBLISHED.exists(), reason="needs the published table in ../shared/tables")
def test_published_table(tmp_path: Path) -> None:
    """The best CIFAR-10 validation accuracy is 91.61 at the cell that the authors of the table name."""
    space = spaces.create("nb201")
    with PUBLISHED.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    values = np.array([float(row["validation accuracy"]) for row in rows])
    metric = Metric("cifar10", "validation_accuracy", "validation", "percent", "maximise", ("architecture",))
    genotypes = np.array([space.genotype(row["arch str"]) for row in rows])
    columns = {metric.path: Column(metric, values, np.zeros(len(rows), dtype=np.uint8))}
    hdf5.write(Table(space, genotypes, (), {}, columns), tmp_path / "published.h5")
    benchmark = load(tmp_path / "published.h5")
    best = (
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"  # index 6111
    )
    assert benchmark.query(best, metric.path).value == pytest.approx(91.607, abs=1e-3)
    assert benchmark.complete
    answers = benchmark.query_many(genotypes, metric.path)
    assert (answers.values.data == values).all()


def test_a_seed_of_numpy_is_a_seed(benchmark: TabularBenchmark) -> None:
    answers = benchmark.query_many(benchmark.architectures()[:1], "validation_accuracy", seed=np.int64(7))  # type: ignore[arg-type]
    assert type(answers.seed) is int and answers.seed == 7


def test_no_seed_answers_for_a_row_without_a_number(benchmark: TabularBenchmark) -> None:
    """Cell 3 has no number at epoch 12: neither the mean nor a draw names a seed."""
    for seed in ("mean", np.random.default_rng(0)):
        answer = benchmark.query(benchmark.architectures()[3], "validation_accuracy", seed=seed)  # type: ignore[arg-type]
        assert np.isnan(answer.value)
        assert answer.seeds == ()
