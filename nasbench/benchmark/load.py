"""Opening a benchmark by its path or name."""

from __future__ import annotations

from pathlib import Path

from nasbench.benchmark.base import Benchmark
from nasbench.errors import FileError

TABLES = Path(__file__).parents[1] / "tables"


def shipped() -> dict[str, Path]:
    """Files of the benchmarks that come with nasbench, by name."""
    return {path.stem: path for path in sorted(TABLES.glob("*.h5"))}


def made_up(path_or_name: str | Path) -> bool:
    """Whether this names a made-up problem, which has no file."""
    if not str(path_or_name).startswith("synthetic-") or Path(path_or_name).exists():
        return False
    from nasbench.benchmark.synthetic import SYNTHETIC

    return str(path_or_name) in SYNTHETIC


def locate(path_or_name: str | Path) -> Path:
    """The path if there is a file, else the file of the benchmark with that name that comes with nasbench.

    A folder does not hide a benchmark. The name of a made-up problem, which has no file, stays as it is.

    Raises:
        FileError: There is neither.
    """
    path, known = Path(path_or_name), shipped()
    if made_up(path) or (path.exists() and not (path.is_dir() and str(path_or_name) in known)):
        return path
    if str(path_or_name) not in known:
        raise FileError(
            f"there is no file {str(path)!r}, and no benchmark of that name comes with nasbench "
            f"({', '.join(known) or 'none does'}); pass a file that nasbench build, import or surrogate wrote"
        )
    return known[str(path_or_name)]


def load(path_or_name: str | Path) -> Benchmark:
    """Open the benchmark in a file, tabular or surrogate.

    Args:
        path_or_name: Path of a file that `nasbench build`, `import` or `surrogate` wrote, or the name of a benchmark
            that comes with nasbench or is made up (see `nasbench list benchmarks`).

    Raises:
        FileError: There is no such file, or it is not a complete, sound benchmark.
    """
    path = locate(path_or_name)
    if made_up(path):
        from nasbench.benchmark.synthetic import SYNTHETIC

        return SYNTHETIC[str(path)]()
    from nasbench.benchmark.hdf5.reader import Reader, sound
    from nasbench.benchmark.tabular import TabularBenchmark

    with sound(path):
        file = Reader(path)  # closed with its last user
        tabular = file.kind() == "tabular"
        benchmark: Benchmark = TabularBenchmark(file.table(), path.name) if tabular else file.surrogate()
        benchmark.path = path
        return benchmark
