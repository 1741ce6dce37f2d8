"""A comparison in the format of IOHprofiler, for IOHanalyzer (Doerr et al., 2018, arXiv:1810.05281)."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from nasbench.errors import FileError, InputError
from nasbench.evaluate.results import Results
from nasbench.evaluate.several import COMPARISONS, separate

VERSION = "0.3.3"
"""Version of IOHexperimenter whose layout of files this is: the first with JSON."""
EXTRA = ("test", "epochs", "simulated_seconds")
"""Columns of the records that follow the value, where they are numbers."""
MOST_OF_NAME = 60
"""Longest part of a file name that comes from a name."""


def check_ioh_folder(folder: Path) -> None:
    """Refuse a folder that is there already, or that cannot be made.

    Raises:
        InputError: It exists and is not an empty folder, or the folder above it is missing.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"{folder} is there already and would be mixed with the new files; name another folder")
    if not folder.absolute().parent.is_dir():
        raise InputError(f"{folder} cannot be made: no folder {folder.absolute().parent}; name another")


def write_ioh(results: Results, folder: Path, dimension: int | Mapping[str, int]) -> None:
    """Write one folder for each strategy, whole or not at all: a JSON file and a data file for each benchmark.

    Each repeat is a run of instance 1. The value (`raw_y`) is the validation value of the incumbent, in the direction
    of the metric, or the share of the hypervolume, where more is better; the test value, epochs and simulated seconds
    follow as further columns. As in every file of that format, only changes and the last evaluation are there.

    Args:
        results: A comparison.
        folder: Folder to make.
        dimension: Number of positions of a genotype, for each benchmark if there are several.

    Raises:
        InputError: The results are no comparison, a run found nothing, or the folder is there already.
        FileError: The folder cannot be written.
    """
    if results.kind not in ("comparison", COMPARISONS):
        raise InputError(
            f"IOHprofiler's format is for results of nasbench compare, got a result of kind {results.kind!r}"
        )
    check_ioh_folder(folder)
    of = {part.benchmark: part for part in (separate(results) if results.kind == COMPARISONS else [results])}
    runs: dict[str, dict[str, dict[int, list[Mapping[str, Any]]]]] = {}
    for record in results.records:
        by_repeat = runs.setdefault(record["strategy"], {}).setdefault(record["benchmark"], {})
        by_repeat.setdefault(record["repeat"], []).append(record)
    benchmarks = list(dict.fromkeys(record["benchmark"] for record in results.records))
    try:
        temporary = Path(mkdtemp(prefix=f".{folder.name}.", dir=folder.absolute().parent))
    except OSError as error:
        raise FileError(f"cannot write {folder}: {error.strerror}; nothing was written") from error
    try:
        for number, (strategy, by_benchmark) in enumerate(runs.items(), 1):
            inside = temporary / f"{number}_{_safe(strategy)}"
            inside.mkdir()
            for benchmark, by_repeat in by_benchmark.items():
                size = dimension if isinstance(dimension, int) else dimension[benchmark]
                function = benchmarks.index(benchmark) + 1
                _write(inside, of[benchmark], strategy, benchmark, function, size, list(by_repeat.values()))
        temporary.chmod(0o755)
        temporary.replace(folder)
    except OSError as error:
        raise FileError(f"cannot write {folder}: {error.strerror or error}; nothing was written") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write(
    inside: Path,
    results: Results,
    strategy: str,
    benchmark: str,
    function: int,
    dimension: int,
    runs: Sequence[Sequence[Mapping[str, Any]]],
) -> None:
    """The two files of one strategy on one benchmark."""
    objectives = results.settings["objectives"]
    maximised = len(objectives) > 1 or objectives[0]["direction"] == "maximise"
    known = [[record for record in run if _number(record["valid"])] for run in runs]
    empty = next((run[0]["repeat"] for run, rows in zip(runs, known, strict=True) if not rows), None)
    if empty is not None:
        raise InputError(
            f"{strategy!r} found nothing on {benchmark} in repeat {empty}, which IOHprofiler's format cannot say; "
            "leave the strategy out, or give a larger budget"
        )
    extra = [name for name in EXTRA if all(_number(record[name]) for rows in known for record in rows)]
    label = f"f{function}_{_safe(benchmark)}"
    data = Path(f"data_{label}") / f"IOHprofiler_f{function}_DIM{dimension}.dat"
    (inside / data).parent.mkdir()
    lines, summaries = [], []
    for run, rows in zip(runs, known, strict=True):
        lines.append(" ".join(["evaluations", "raw_y", *extra]))
        lines += [" ".join(repr(row[name]) for name in ("evaluations", "valid", *extra)) for row in rows]
        best = (max if maximised else min)(rows, key=lambda row: row["valid"])
        summaries.append(
            {
                "instance": 1,
                "evals": run[-1]["evaluations"],
                "best": {"evals": best["evaluations"], "y": best["valid"], "x": []},  # readers want an x
            }
        )
    (inside / data).write_text("\n".join([*lines, ""]), encoding="utf-8")
    content = {
        "version": VERSION,
        "suite": "nasbench",
        "function_id": function,
        "function_name": f"{benchmark} {results.metric}",
        "maximization": maximised,
        "algorithm": {"name": strategy, "info": f"nasbench {results.provenance.get('nasbench', '')}".strip()},
        "experiment_attributes": [{"space": results.space}, {"units": results.units}],
        "attributes": ["evaluations", "raw_y", *extra],
        "scenarios": [{"dimension": dimension, "path": data.as_posix(), "runs": summaries}],
    }
    (inside / f"IOHprofiler_{label}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _safe(name: str) -> str:
    """A name as part of a file name."""
    return re.sub(r"[^A-Za-z0-9.=-]+", "_", name)[:MOST_OF_NAME].strip("._") or "unnamed"


def _number(value: Any) -> bool:
    """Whether a value is a finite number."""
    return value is not None and math.isfinite(value)
