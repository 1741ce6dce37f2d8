"""Code written for NAS-Bench-101 runs over our files; its calls are retyped from its README, tests and notebook."""

import copy
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.adapters import nasbench101 as api
from nasbench.benchmark.base import Metric
from nasbench.benchmark.hdf5.writer import write
from nasbench.benchmark.table import DIMS, Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import FileError, InputError, NotFoundError
from nasbench.evaluate.surrogates import fit_surrogate
from nasbench.importers import importers
from nasbench.spaces import spaces
from nasbench.spaces.nb101 import NB101
from nasbench.types import FloatArray, Subset

SHARED = Path(__file__).parents[2] / "../shared/tables/ecnas_nb101"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the published files are not here")

INPUT, OUTPUT = "input", "output"
CONV1X1, CONV3X3, MAXPOOL3X3 = "conv1x1-bn-relu", "conv3x3-bn-relu", "maxpool3x3"
BUDGETS = (4, 12, 36, 108)
KEYS = {"module_adjacency", "module_operations", "trainable_parameters", "training_time"} | {
    f"{split}_accuracy" for split in ("train", "validation", "test")
}
STATISTICS = {f"{stage}_{key}" for stage in ("halfway", "final") for key in KEYS if "_a" in key or "_time" in key} - {
    "halfway_module_adjacency",
    "final_module_adjacency",
}
INCEPTION: tuple[list[list[int]], list[str]] = (  # README.md and example.py of google-research/nasbench
    [
        [0, 1, 1, 1, 0, 1, 0],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 0],
    ],
    [INPUT, CONV1X1, CONV3X3, CONV3X3, CONV3X3, MAXPOOL3X3, OUTPUT],
)


def made_up() -> TabularBenchmark:
    """The cell of the README and 39 others; accuracy in percent is 50 + row + budget's place / 10 + seed / 100."""
    space = NB101()
    others = space.canonical(space.sample_unique(60, np.random.default_rng(0)))
    genotypes = np.unique(np.concatenate([space.from_matrix(*INCEPTION)[None], others]), axis=0)[:40]
    first = space.from_matrix(*INCEPTION)
    genotypes = np.concatenate([first[None], genotypes[(genotypes != first).any(axis=1)]])[:40]
    row, seed, budget = np.ogrid[:40, :3, :4]
    columns = []
    for stage, less in (("", 0.0), ("halfway_", 10.0)):
        for place, split in enumerate(("train", "validation", "test")):
            name: Subset = split  # type: ignore[assignment]
            metric = Metric("cifar10", f"{stage}{split}_accuracy", name, "percent", "maximise", DIMS)
            values: FloatArray = 50 + row - less + budget / 10 + seed / 100 + place / 1000
            columns.append(Column(metric, np.asarray(values, np.float64), np.zeros(values.shape, np.uint8)))
        metric = Metric("cifar10", f"{stage}train_seconds", "none", "seconds", "minimise", DIMS)
        values = (1.0 + row + seed) * np.array(BUDGETS) * (0.5 if stage else 1)
        columns.append(Column(metric, np.asarray(values, np.float64), np.zeros(values.shape, np.uint8)))
    parameters = Metric("", "parameters", "none", "count", "minimise", DIMS[:1])
    columns.append(Column(parameters, 1000.0 + np.arange(40), np.zeros(40, dtype=np.uint8)))
    table = Table(space, genotypes, (0, 1, 2), {"cifar10": BUDGETS}, {c.metric.path: c for c in columns})
    return TabularBenchmark(table, "made up")


@pytest.fixture(scope="module")
def benchmark() -> TabularBenchmark:
    return made_up()


@pytest.fixture(scope="module")
def nasbench(benchmark: TabularBenchmark) -> api.NASBench:
    return api.NASBench(benchmark)


# --- ModelSpec: the cases of model_spec_test.py in google-research/nasbench ----------------------------------------


@pytest.mark.parametrize(
    "matrix", [[[0, 1, 0], [0, 0, 1], [0, 0, 0]], [[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]]]
)
def test_what_needs_no_pruning(matrix: list[list[int]]) -> None:
    spec = api.ModelSpec(np.array(matrix), [0] * len(matrix))  # type: ignore[list-item]  # as their test does
    assert spec.valid_spec
    assert np.array_equal(spec.original_matrix, spec.matrix)  # type: ignore[arg-type]
    assert spec.original_ops == spec.ops


@pytest.mark.parametrize(
    ("matrix", "kept"),
    [
        ([[0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]], [1, 2, 4]),
        ([[0, 1, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 1, 0], [0] * 5, [0] * 5], [1, 2, 5]),
        ([[0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]], [1, 3, 4]),
        ([[0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]], [1, 3, 4]),
    ],
)
def test_islands_and_dangling_vertices(matrix: list[list[int]], kept: list[int]) -> None:
    spec = api.ModelSpec(matrix, list(range(1, len(matrix) + 1)))  # type: ignore[arg-type]
    assert [*map(int, spec.ops or [])] == kept
    np.testing.assert_array_equal(spec.matrix, [[0, 1, 0], [0, 0, 1], [0, 0, 0]])
    assert len(spec.original_matrix) == len(matrix)


@pytest.mark.parametrize(
    "matrix",
    [
        [[0, 0], [0, 0]],
        [[0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]],
        [[0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
    ],
)
def test_disconnected(matrix: list[list[int]], nasbench: api.NASBench) -> None:
    spec = api.ModelSpec(matrix, [INPUT, *[CONV1X1] * (len(matrix) - 2), OUTPUT])
    assert (spec.valid_spec, spec.matrix, spec.ops) == (False, None, None)
    assert not nasbench.is_valid(spec)
    with pytest.raises(api.OutOfDomainError, match="disconnected"):
        spec.hash_spec(nasbench.config["available_ops"])


@pytest.mark.parametrize(
    ("matrix", "ops", "message"),
    [
        ([[0, 1]], [INPUT], "must be square"),
        ([[0, 1], [0]], [INPUT, OUTPUT], "must be square"),
        ([[0, 1], [0, 0]], [INPUT], "length of ops must match"),
        ([[0, 1], [1, 0]], [INPUT, OUTPUT], "upper triangular"),
    ],
)
def test_malformed(matrix: Any, ops: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        api.ModelSpec(matrix, ops)


@given(st.integers(0, 2**21 - 1), st.lists(st.sampled_from([CONV1X1, CONV3X3, MAXPOOL3X3]), min_size=5, max_size=5))
def test_pruning_and_hash_agree_with_the_space(bits: int, interior: list[str]) -> None:
    matrix = np.zeros((7, 7), dtype=np.int64)
    matrix[np.triu_indices(7, 1)] = [bits >> k & 1 for k in range(21)]
    spec, space = api.ModelSpec(matrix, [INPUT, *interior, OUTPUT]), NB101()
    try:
        genotype = space.from_matrix(matrix, [INPUT, *interior, OUTPUT])
    except InputError:
        assert not spec.valid_spec or np.sum(spec.matrix) > 9  # type: ignore[arg-type]
        return
    kept, ops = space.matrix(genotype)
    np.testing.assert_array_equal(spec.matrix, kept)
    assert spec.ops == ops
    assert spec.hash_spec([CONV3X3, CONV1X1, MAXPOOL3X3]) == space.published_hash(genotype[None])[0]


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_the_readme_by_hand(nasbench: api.NASBench, rounding: Callable[..., float]) -> None:
    model_spec = api.ModelSpec(matrix=INCEPTION[0], ops=INCEPTION[1])
    nasbench.reset_budget_counters()
    data = nasbench.query(model_spec)
    assert data.keys() == KEYS
    assert data["trainable_parameters"] == 1000
    assert data["validation_accuracy"] == pytest.approx(
        (50 + 0.3 + 0.01 + 0.001) / 100, rel=rounding(10)
    )  # mean of 3 seeds
    assert data["training_time"] == pytest.approx(2 * 108)
    assert nasbench.get_budget_counters() == (216, 108)
    half = nasbench.query(model_spec, epochs=12, stop_halfway=True)
    assert half.keys() == KEYS
    assert half["test_accuracy"] == pytest.approx((40 + 0.1 + 0.01 + 0.002) / 100, rel=rounding(10))
    assert nasbench.get_budget_counters() == (216 + 12, 108 + 6)
    np.testing.assert_array_equal(data["module_adjacency"].sum(), 9)


def test_all_numbers_by_hash_and_by_spec(nasbench: api.NASBench, rounding: Callable[..., float]) -> None:
    spec = api.ModelSpec(*INCEPTION)
    fixed, computed = nasbench.get_metrics_from_spec(spec)
    assert fixed.keys() == {"module_adjacency", "module_operations", "trainable_parameters"}
    assert {epochs: len(repeats) for epochs, repeats in computed.items()} == dict.fromkeys(BUDGETS, 3)
    assert computed[108][2].keys() == STATISTICS
    assert computed[4][2]["final_train_accuracy"] == pytest.approx(0.5002, rel=rounding(10))
    assert computed[4][2]["halfway_training_time"] == 6
    module_hash = spec.hash_spec(nasbench.config["available_ops"])
    again = nasbench.get_metrics_from_hash(module_hash)
    assert again[1] == computed == nasbench.computed_statistics[module_hash]
    assert nasbench.fixed_statistics[module_hash]["module_operations"] == fixed["module_operations"]
    assert nasbench.get_modelspec_by_hash(module_hash).ops == fixed["module_operations"]


def test_repeats_are_drawn_by_a_generator_of_its_own(benchmark: TabularBenchmark) -> None:
    spec = api.ModelSpec(*INCEPTION)
    runs = []
    for noise in (1, 2):
        random.seed(noise)  # theirs is the global generator, which does not matter here
        drawn = api.NASBench(benchmark, seed=7)
        runs.append([drawn.query(spec)["validation_accuracy"] for _ in range(60)])
    assert runs[0] == runs[1]
    assert np.unique(np.round(runs[0], 6)).tolist() == [0.50301, 0.50311, 0.50321]
    other = api.NASBench(benchmark, seed=8)
    assert [other.query(spec)["validation_accuracy"] for _ in range(60)] != runs[0]
    fixed = api.NASBench(benchmark)
    assert len({fixed.query(spec)["validation_accuracy"] for _ in range(10)}) == 1


def test_one_repeat_is_one_training(benchmark: TabularBenchmark) -> None:
    drawn = api.NASBench(benchmark, seed=0)
    for _ in range(20):
        data = drawn.query(api.ModelSpec(*INCEPTION), epochs=4)
        seed = round((data["train_accuracy"] - 0.5) * 1e4)
        assert data["training_time"] == (1 + seed) * 4
        assert data["test_accuracy"] == pytest.approx(data["train_accuracy"] + 2e-5)


# --- errors -----------------------------------------------------------------------------------------------------------


def test_outside_of_the_domain(nasbench: api.NASBench) -> None:
    with pytest.raises(api.OutOfDomainError, match=r"must be one of \[4, 12, 36, 108\]"):
        nasbench.query(api.ModelSpec(*INCEPTION), epochs=10)
    large = np.triu(np.ones((8, 8), dtype=int), 1)
    with pytest.raises(api.OutOfDomainError, match="8 vertices and 28 edges"):
        nasbench._check_spec(api.ModelSpec(large, [INPUT, *[CONV1X1] * 6, OUTPUT]))
    with pytest.raises(api.OutOfDomainError, match="8 vertices and 28 edges"):
        nasbench.query(api.ModelSpec(large, [INPUT, *[CONV1X1] * 6, OUTPUT]))
    with pytest.raises(api.OutOfDomainError, match="unknown operation 'conv'"):
        nasbench.query(api.ModelSpec([[0, 1, 0], [0, 0, 1], [0, 0, 0]], [INPUT, "conv", OUTPUT]))
    with pytest.raises(api.OutOfDomainError, match="other than 0 and 1"):
        nasbench.query(api.ModelSpec(np.array([[0, 0.5], [0, 0]]), [INPUT, OUTPUT]))
    two = api.ModelSpec([[0, 1], [0, 0]], [INPUT, OUTPUT])
    assert nasbench.is_valid(two)
    with pytest.raises(NotFoundError, match="not among the 40 trained"):
        nasbench.query(two)
    with pytest.raises(KeyError, match="none of the 40 cells has the hash 'abc'"):
        nasbench.get_metrics_from_hash("abc")


def test_the_published_file_is_named_with_the_command_that_imports_it() -> None:
    with pytest.raises(FileError, match=r"nasbench import nasbench101 .*x.tfrecord --out x.h5"):
        api.NASBench("/data/x.tfrecord")
    with pytest.raises(InputError, match="pass the path of a file that nasbench import wrote"):
        api.NASBench(None)  # type: ignore[arg-type]


def test_other_benchmarks_are_refused() -> None:
    space = spaces.create("nb201")
    metric = Metric("c", "validation_accuracy", "validation", "percent", "maximise", DIMS[:1])
    column = Column(metric, np.ones(1), np.zeros(1, dtype=np.uint8))
    other = TabularBenchmark(Table(space, np.zeros((1, 6), dtype=np.int8), (), {}, {metric.path: column}))
    with pytest.raises(InputError, match="this needs nb101"):
        api.NASBench(other)


def test_unknown_times_end_no_loop(benchmark: TabularBenchmark) -> None:
    columns = {path: column for path, column in benchmark.table.columns.items() if "seconds" not in path}
    table = Table(benchmark.space, benchmark.table.genotypes, (0, 1, 2), {"cifar10": BUDGETS}, columns)
    timeless = api.NASBench(TabularBenchmark(table))
    assert np.isnan(timeless.query(api.ModelSpec(*INCEPTION))["training_time"])
    with pytest.raises(NotFoundError, match="count total_epochs_spent instead"):
        timeless.get_budget_counters()


# --- laziness, surrogates, and their notebook ------------------------------------------------------------------------


def test_hashes_are_made_when_they_are_asked_for(benchmark: TabularBenchmark, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    original = NB101.published_hash

    def counting(self: NB101, genotypes: Any) -> list[str]:
        counted.append(len(genotypes))
        return original(self, genotypes)

    monkeypatch.setattr(NB101, "published_hash", counting)
    lazy = api.NASBench(benchmark)
    lazy.query(api.ModelSpec(*INCEPTION))
    assert counted == []
    module_hash = lazy._hash_spec(api.ModelSpec(*INCEPTION))
    assert lazy.get_metrics_from_hash(module_hash)[0]["trainable_parameters"] == 1000
    assert counted == []
    third = lazy.hash_iterator()[2]
    assert sum(counted) == 1
    assert len(lazy.fixed_statistics) == 40
    assert third in lazy.hash_iterator()
    assert sum(counted) == 1
    assert len({*lazy.hash_iterator()}) == 40
    assert sum(counted) == 39  # one was known
    assert random.Random(0).sample(lazy.hash_iterator(), 3) == random.Random(0).sample([*lazy.hash_iterator()], 3)


def test_a_surrogate_answers_for_every_cell(benchmark: TabularBenchmark) -> None:
    surrogate = fit_surrogate(benchmark, "cifar10/validation_accuracy", "ridge")
    nasbench = api.NASBench(surrogate, seed=1)
    two = api.ModelSpec([[0, 1], [0, 0]], [INPUT, OUTPUT])
    data = nasbench.query(two)
    assert 0 < data["validation_accuracy"] < 1.5
    assert np.isnan(data["trainable_parameters"])
    assert nasbench.get_budget_counters() == (data["training_time"], 108)
    with pytest.raises(NotFoundError, match="no numbers half-way"):
        nasbench.query(two, stop_halfway=True)


def test_evolution_of_the_notebook(benchmark: TabularBenchmark) -> None:
    """`random_spec`, `mutate_spec` and the loop of NASBench.ipynb in google-research/nasbench, retyped."""
    nasbench = api.NASBench(fit_surrogate(benchmark, "cifar10/validation_accuracy", "ridge"))
    rng, np_rng = random.Random(0), np.random.default_rng(0)

    def random_spec() -> api.ModelSpec:
        while True:
            matrix = np.triu(np_rng.choice([0, 1], size=(7, 7)), 1)
            ops = np_rng.choice([CONV3X3, CONV1X1, MAXPOOL3X3], size=7).tolist()
            ops[0], ops[-1] = INPUT, OUTPUT
            spec = api.ModelSpec(matrix=matrix, ops=ops)
            if nasbench.is_valid(spec):
                return spec

    def mutate_spec(old_spec: api.ModelSpec) -> api.ModelSpec:
        while True:
            new_matrix, new_ops = copy.deepcopy(old_spec.original_matrix), copy.deepcopy(old_spec.original_ops)
            for src in range(6):
                for dst in range(src + 1, 7):
                    if rng.random() < 1 / 7:
                        new_matrix[src, dst] = 1 - new_matrix[src, dst]
            for ind in range(1, 6):
                if rng.random() < 1 / 5:
                    new_ops[ind] = rng.choice([o for o in nasbench.config["available_ops"] if o != new_ops[ind]])
            new_spec = api.ModelSpec(new_matrix, new_ops)
            if nasbench.is_valid(new_spec):
                return new_spec

    nasbench.reset_budget_counters()
    population = [(nasbench.query(spec)["validation_accuracy"], spec) for spec in (random_spec() for _ in range(10))]
    first = max(value for value, _ in population)
    while nasbench.get_budget_counters()[0] < 2e5:
        spec = mutate_spec(max(rng.sample(population, 5), key=lambda pair: pair[0])[1])
        population = [*population[1:], (nasbench.query(spec)["validation_accuracy"], spec)]
    assert max(value for value, _ in population) > first


def test_import_is_light(tmp_path: Path) -> None:
    write(made_up().table, tmp_path / "t.h5")
    code = (
        "import json, sys; from nasbench import api; cell = api.ModelSpec(*json.loads(sys.argv[2])); "
        "api.NASBench(sys.argv[1]).query(cell); "
        "print([m for m in ('torch', 'xgboost', 'pandas', 'sklearn') if m in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "t.h5"), json.dumps(INCEPTION)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"


# --- published records -----------------------------------------------------------------------------------------------


@needs_shared
def test_every_number_of_a_published_file(tmp_path: Path, rounding: Callable[..., float]) -> None:
    path = tmp_path / "nb101.h5"
    write(importers.create("nasbench101").read([SHARED / "raw/datasets/carbon_4V9E.tfrecord"]), path)
    nasbench = api.NASBench(path)
    assert nasbench.valid_epochs == {4, 12, 36, 108}
    lines = [json.loads(line) for line in (SHARED / "carbon_4V9E.jsonl").read_text().splitlines()]
    assert sorted({line["hash"] for line in lines}) == sorted(nasbench.hash_iterator())
    seen: dict[Any, int] = {}
    for line in lines:
        where = line["hash"], line["epochs"]
        repeat = seen[where] = seen.get(where, -1) + 1
        fixed, computed = nasbench.get_metrics_from_hash(line["hash"])
        numbers, last = computed[line["epochs"]][repeat], line["evaluation_data"][-1]
        for split in ("train", "validation", "test"):
            assert numbers[f"final_{split}_accuracy"] == pytest.approx(last[f"{split}_accuracy"], rel=rounding(10))
        assert numbers["final_training_time"] == last["training_time"]
        assert fixed["trainable_parameters"] == line["trainable_parameters"]
        assert "halfway_test_accuracy" not in numbers  # the file has no such evaluations
