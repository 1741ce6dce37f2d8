"""One benchmark object asked by many threads answers as if each asked alone, and never calls a sound file damaged."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any, TypeVar

import numpy as np
import pytest

from nasbench.benchmark import tabular
from nasbench.benchmark.base import Benchmark
from nasbench.benchmark.load import load
from nasbench.spaces import Space, spaces

Result = TypeVar("Result")

OLD = Path(__file__).parents[1] / "data/written_by_3afb413"
THREADS = 8


@pytest.fixture(autouse=True)
def frequent_switches() -> Iterator[None]:
    """Threads take turns after microseconds, so that a race shows soon."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def together(work: Sequence[Callable[[], Result]]) -> list[Result]:
    """Results of functions that start at the same time, one thread each."""
    start = Barrier(len(work))

    def run(function: Callable[[], Result]) -> Result:
        start.wait()
        return function()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))


def described(benchmark: Benchmark, metrics: Sequence[str], first: int) -> str:
    """Everything that can be asked about metrics, in an order that depends on the thread."""
    answers: list[Any] = []
    genotypes = benchmark.architectures()[first :: len(metrics)][:6]
    for path in [*metrics[first:], *metrics[:first]]:
        draws = np.random.default_rng(first)
        answers += [benchmark.metric(path), benchmark.recorded_epochs(path), benchmark.recorded_seeds(path)]
        answers += [benchmark.query_many(genotypes, path).values.filled(np.nan).tolist()]
        answers += [benchmark.query(genotypes[0], path), benchmark.query(benchmark.space.to_string(genotypes[1]), path)]
        if benchmark.takes_seed(path):
            answers += [benchmark.query(genotype, path, seed=draws) for genotype in genotypes[:3]]
    return repr(answers)  # NaN is itself


@pytest.mark.parametrize(
    "name", ["nb201-digits", "nb201-mnist5k", *sorted(map(str, OLD.glob("*.h5")))], ids=lambda name: Path(name).stem
)
@pytest.mark.parametrize("small_cache", [False, True])
def test_threads_that_ask_one_benchmark(name: str, small_cache: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = sorted(load(name).metrics)
    firsts = [thread % len(metrics) for thread in range(THREADS)]
    alone = [described(load(name), metrics, first) for first in firsts]
    if small_cache:  # emptied all the time
        monkeypatch.setattr(tabular, "MAX_CACHED_BYTES", 2**17)
    for _ in range(3):
        shared = load(name)
        results = together([partial(described, shared, metrics, first) for first in firsts])
        assert results == alone


@pytest.mark.parametrize("name", list(spaces))
def test_threads_that_share_a_space(name: str) -> None:
    """What a space computes on first use is what it computes alone."""
    space = spaces.create(name)
    genotypes = space.sample(8, np.random.default_rng(0))

    def used(space: Space, row: int) -> list[Any]:
        cell = genotypes[row]
        return [
            space.key(genotypes).tolist(),
            space.function_key(genotypes[row:]).tolist(),
            space.canonical(genotypes).tolist(),
            space.to_string(cell),
            space.genotype(space.to_string(cell)).tolist(),
            space.genotype(space.graph(cell)).tolist(),
            space.neighbours(cell)[:50].tolist(),
            space.sample(5, np.random.default_rng(row)).tolist(),
        ]

    alone = [used(spaces.create(name), row) for row in range(THREADS)]
    shared = spaces.create(name)
    assert together([partial(used, shared, row) for row in range(THREADS)]) == alone
