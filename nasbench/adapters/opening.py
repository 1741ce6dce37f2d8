"""Opening the data that callers of an adapter pass: one of our files, or an open benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nasbench.benchmark.base import Benchmark
from nasbench.benchmark.load import load
from nasbench.errors import FileError, InputError


def opened(source: Any, importer: str = "", published: tuple[str, ...] = ()) -> Benchmark:
    """The benchmark in a file, or the given benchmark.

    Args:
        source: Path of a file that `nasbench import`, `build` or `surrogate` wrote, or a benchmark.
        importer: Name of the importer that reads the files of the suite.
        published: Endings of the files that the suite distributes, besides folders.

    Raises:
        InputError: The source is neither a path nor a benchmark.
        FileError: The file is not ours. For a file of the suite, the message says how to import it.
    """
    if isinstance(source, Benchmark):
        return source
    if not isinstance(source, str | Path):
        raise InputError(f"pass the path of a file that nasbench import wrote, or a benchmark; got {source!r:.60}")
    path = Path(source)
    if importer and (path.is_dir() or path.name.endswith(published)):
        out = f"{path.name.partition('.')[0]}.h5"
        raise FileError(
            f"{path} is a published file; import it once, nasbench import {importer} {path} --out {out}, and pass {out}"
        )
    return load(path)
