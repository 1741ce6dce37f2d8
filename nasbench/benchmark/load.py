"""Opening a benchmark by its path."""

from __future__ import annotations

from pathlib import Path

from nasbench.benchmark.base import Benchmark
from nasbench.errors import FileError


def load(path_or_name: str | Path) -> Benchmark:
    """Open the benchmark in a file, tabular or surrogate.

    Args:
        path_or_name: Path of a file that `nasbench build`, `import` or `surrogate` wrote.

    Raises:
        FileError: There is no such file, or it is not a whole, sound benchmark.
    """
    path = Path(path_or_name)
    if not path.exists():
        raise FileError(
            f"there is no file {str(path)!r}, and no benchmark of that name comes with nasbench; "
            "pass the path of a file that nasbench build, import or surrogate wrote"
        )
    from nasbench.benchmark.reader import Reader, sound
    from nasbench.benchmark.tabular import TabularBenchmark

    with sound(path):
        file = Reader(path)  # which is closed with the last that reads from it
        return TabularBenchmark(file.table(), path.name) if file.kind() == "tabular" else file.surrogate()
