"""One rule says what names an architecture: the same in every benchmark, in Python and on the command line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasbench.benchmark.base import Benchmark
from nasbench.benchmark.load import load
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import InputError, NasbenchError, NotFoundError
from nasbench.spaces import spaces

OLD = Path(__file__).parents[1] / "data/written_by_3afb413"
METRIC = "digits/validation_accuracy"


@pytest.fixture(params=["table", "ridge"])
def benchmark(request: pytest.FixtureRequest) -> Benchmark:
    return load(OLD / f"{request.param}.h5")


def test_all_forms_of_one_architecture(benchmark: Benchmark) -> None:
    space, row = benchmark.space, 1
    genotype = benchmark.architectures()[row]
    numbers = genotype.tolist()
    forms = [
        genotype, genotype.astype(np.int64), numbers, tuple(numbers), row, np.int64(row), np.uint8(row), str(row),
        f" {row}\n", space.to_string(genotype), ",".join(map(str, numbers)), str(numbers), space.graph(genotype),
    ]  # fmt: skip
    answers = {repr(benchmark.query(form, METRIC)) for form in forms}
    assert len(answers) == 1
    for form in forms:
        np.testing.assert_array_equal(
            space.canonical(benchmark.genotype(form)[None])[0], space.canonical(genotype[None])[0]
        )


@pytest.mark.parametrize("wrong", [-1, 10**9, np.int64(-1), "-1", "99999"])
def test_rows_that_are_not_there(benchmark: Benchmark, wrong: Any) -> None:
    with pytest.raises(NotFoundError, match=r"has no row .*; its rows are 0 to \d+$"):
        benchmark.query(wrong, METRIC)


@pytest.mark.parametrize("wrong", [True, 1.0, None, "1.0", "one", [1], np.array(3.0)])
def test_what_names_no_architecture(benchmark: Benchmark, wrong: Any) -> None:
    with pytest.raises(NasbenchError):
        benchmark.query(wrong, METRIC)


def test_a_published_string_of_digits_is_no_row() -> None:
    """Strings of `macro` are whole numbers."""
    space = spaces.create("macro")
    genotypes = space.sample(3, np.random.default_rng(0))
    benchmark = nothing_but(space, genotypes)
    np.testing.assert_array_equal(benchmark.genotype(space.to_string(genotypes[2])), genotypes[2])
    np.testing.assert_array_equal(benchmark.genotype("2"), genotypes[2])
    with pytest.raises(InputError):
        space.genotype("2")


def nothing_but(space: Any, genotypes: Any) -> Benchmark:
    from nasbench.benchmark.table import Table

    return TabularBenchmark(Table(space, genotypes, (), {}, {}))
