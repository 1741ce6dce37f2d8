"""What callers of other suites pass as their data, opened: a file of ours, or a benchmark that is open already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nasbench.benchmark.base import Benchmark
from nasbench.benchmark.load import load
from nasbench.errors import FileError, InputError


def opened(source: Any, importer: str = "", published: tuple[str, ...] = ()) -> Benchmark:
    """The benchmark in a file, or the given one.

    Args:
        source: Path of a file that `nasbench import`, `build` or `surrogate` wrote, or a benchmark.
        importer: Name of the importer of what the suite itself distributes.
        published: Endings of the files that the suite distributes; it may distribute folders too.

    Raises:
        InputError: It is neither a path nor a benchmark.
        FileError: It is no file of ours; of what the suite distributes, says how to import it.
    """
    if isinstance(source, Benchmark):
        return source
    if not isinstance(source, str | Path):
        raise InputError(f"pass the path of a file that nasbench import wrote, or a benchmark; got {source!r:.60}")
    path = Path(source)
    if importer and (path.is_dir() or path.name.endswith(published)):
        out = f"{path.name.partition('.')[0]}.h5"
        raise FileError(
            f"{path} is as it was published; make a benchmark of it once, nasbench import {importer} {path} --out "
            f"{out}, and pass {out}"
        )
    return load(path)
