"""Replacing a file while many read it: readers of the old file continue with it, and nobody sees a mixture."""

import multiprocessing
import pickle
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from nasbench.benchmark import hdf5
from nasbench.benchmark.load import load
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import FileError

READERS = 32
VERSIONS = 5
"""Each reader sees so many of the versions that replace each other."""
REPLACEMENTS = 5_000
"""More than any machine takes until then."""


def version(table: Table, number: int) -> Table:
    """A table whose numbers all equal its version."""
    columns = {
        path: Column(column.metric, np.full(column.values.shape, float(number)), np.zeros_like(column.missing))
        for path, column in table.columns.items()
    }
    return replace(table, columns=columns, recipe={"version": number})


def read_until_told(path: Path, pipe: Connection) -> None:
    """Open the file repeatedly; every answer must belong to the version in its recipe.

    Reports when it has seen enough versions, or a wrong answer.
    """
    ready, wrong, seen = False, [], set()
    while not pipe.poll():
        try:
            benchmark = load(path)
            assert isinstance(benchmark, TabularBenchmark)
            number = benchmark.table.recipe["version"]
            answers = set()
            for metric in benchmark.metrics:  # each read from the file when it is asked for
                answers |= set(benchmark.query_many(benchmark.architectures(), metric).values.tolist())
            if answers != {number}:
                wrong.append(f"version {number} answered {answers}")
            seen.add(number)
        except Exception as error:
            wrong.append(f"{type(error).__name__}: {error}")
        if not ready and (wrong or len(seen) >= VERSIONS):
            ready = True
            pipe.send("ready")
    pipe.send(wrong[:3])


@contextmanager
def readers(path: Path, count: int) -> Iterator[list[Connection]]:
    context = multiprocessing.get_context("fork")
    pairs = [context.Pipe() for _ in range(count)]
    processes = [context.Process(target=read_until_told, args=(path, theirs)) for _, theirs in pairs]
    try:
        for process in processes:
            process.start()
        yield [ours for ours, _ in pairs]
    finally:
        for process in processes:
            process.kill()
            process.join()


def test_readers_see_the_old_file_or_the_new_one(table: Table, tmp_path: Path) -> None:
    path = tmp_path / "table.h5"
    hdf5.write(version(table, 0), path)
    with readers(path, READERS) as pipes:
        written = 0
        while written < REPLACEMENTS and not all(pipe.poll() for pipe in pipes):
            written += 1
            hdf5.write(version(table, written), path)
        assert written < REPLACEMENTS  # each did read while it was replaced
        for pipe in pipes:
            assert pipe.recv() == "ready"
            pipe.send("stop")
        assert [wrong for wrong in (pipe.recv() for pipe in pipes) if wrong] == []


def test_an_open_benchmark_outlives_its_file(table: Table, tmp_path: Path) -> None:
    path = tmp_path / "table.h5"
    hdf5.write(version(table, 1), path)
    benchmark = load(path)
    hdf5.write(version(table, 2), path)
    assert benchmark.query(table.genotypes[0], "parameters").value == 1
    path.unlink()
    assert benchmark.query(table.genotypes[0], "digits/validation_accuracy").value == 1


def test_writing_into_an_open_file_is_noticed(table: Table, tmp_path: Path) -> None:
    path, other = tmp_path / "table.h5", tmp_path / "other.h5"
    hdf5.write(version(table, 1), path)
    hdf5.write(version(table, 2), other)
    benchmark = load(path)
    shutil.copyfile(other, path)
    with pytest.raises(FileError, match="was written to while it was read; open it again"):
        benchmark.query(table.genotypes[0], "parameters")


def test_a_copy_for_another_process_is_of_the_same_file(table: Table, tmp_path: Path) -> None:
    path = tmp_path / "table.h5"
    hdf5.write(version(table, 1), path)
    image = pickle.dumps(load(path))
    assert pickle.loads(image).query(table.genotypes[0], "parameters").value == 1  # noqa: S301
    hdf5.write(version(table, 2), path)
    with pytest.raises(FileError, match="replaced by another file since it was opened"):
        pickle.loads(image)  # noqa: S301
