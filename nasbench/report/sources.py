"""Sources of a report: benchmarks and result files, read and checked before anything is drawn."""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from nasbench.benchmark.base import Benchmark
from nasbench.errors import FileError
from nasbench.evaluate.quality import REGRETS
from nasbench.evaluate.results import Results
from nasbench.evaluate.several import COMPARISONS, EVALUATIONS, PARTS
from nasbench.report.document import known, mapping

Source: TypeAlias = Path | Benchmark | Results
SIGNATURE = b"\x89HDF\r\n\x1a\n"
NUMBER = (int, float, type(None))
OF_RUN: dict[str, tuple[type, ...]] = {
    "strategy": (str,),
    "repeat": (int,),
    "evaluations": (int,),
    "epochs": (int,),
    **dict.fromkeys(("simulated_seconds", "valid", "test", "regret", "valid_regret"), NUMBER),
}
FIELDS: dict[str, dict[str, tuple[type, ...]]] = {
    "evaluation": {"predictor": (str,), "n_train": (int,), "seed": (int,)},
    EVALUATIONS: {"benchmark": (str,), "predictor": (str,), "n_train": (int,), "seed": (int,)},
    "comparison": OF_RUN,
    COMPARISONS: {"benchmark": (str,), **OF_RUN},
}
"""Fields that every record of a result file has, with their types."""
BY_STRATEGY = ("means", "lows", "highs", "mean_ranks")
"""Fields of a ranking with a number for each strategy."""


def read(source: Source) -> Benchmark | Results:
    """A source as a value; the kind of a file follows from its content.

    Raises:
        FileError: It cannot be read, or is neither a benchmark nor a result file.
    """
    if isinstance(source, Benchmark):
        return source
    if isinstance(source, Results):
        return _checked(source, "a result")
    path = Path(source)
    try:
        with path.open("rb") as file:
            begin = file.read(len(SIGNATURE))
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}") from error
    if begin == SIGNATURE:
        from nasbench.benchmark.load import load

        return load(path)
    if begin.lstrip()[:1] != b"{":
        raise FileError(f"{path} is neither a benchmark (HDF5) nor a result file (JSON); pass what nasbench wrote")
    return _checked(Results.read(path), str(path))


def _checked(results: Results, where: str) -> Results:
    def refuse(fault: str) -> FileError:
        return FileError(f"{where} is damaged: {fault}; create it again")

    if not isinstance(results.kind, str) or results.kind not in FIELDS:
        raise FileError(f"{where} is of kind {results.kind!r}; a report knows {' and '.join(FIELDS)}")
    for name in ("benchmark", "space", "metric", "units"):
        if not isinstance(getattr(results, name), str):
            raise refuse(f"its {name} is {getattr(results, name)!r}")
    for name in ("settings", "summary", "provenance"):
        if not isinstance(getattr(results, name), Mapping):
            raise refuse(f"its {name} are not a mapping")
    for name in ("evaluations", "epochs", "seconds") if results.kind == "comparison" else ():
        if not (results.settings.get(name) is None or known(results.settings[name])):
            raise refuse(f"its budget of {name} is {results.settings[name]!r}")
    if not isinstance(results.records, list) or not results.records:
        raise refuse("it holds no records")
    for number, record in enumerate(results.records):
        if not isinstance(record, Mapping):
            raise refuse(f"record {number} is not a mapping")
        for name, types in FIELDS[results.kind].items():
            if name not in record:
                raise refuse(f"record {number} has no {name!r}")
            if not isinstance(record[name], types) or isinstance(record[name], bool):
                raise refuse(f"{name!r} of record {number} is {record[name]!r}")
    fault = _fault_of_parts(results) if results.kind in PARTS else ""
    fault = fault or (_fault_of_ranks(results) if results.kind == EVALUATIONS else "")
    fault = fault or (_fault_of_races(results) if results.kind == COMPARISONS else "")
    if fault:
        raise refuse(fault)
    for name in ("ranking", "valid_ranking"):
        ranking = results.summary.get(name)
        if ranking is not None and not _complete(ranking, {record.get("strategy") for record in results.records}):
            raise refuse(f"its {name.replace('_', ' ')} is incomplete")
    return results


def _fault_of_parts(results: Results) -> str:
    """What is wrong with the parts of results of several tables; empty if nothing is."""
    tables, summaries = results.settings.get("tables"), results.summary.get("tables")
    if not isinstance(tables, Mapping) or not isinstance(summaries, Mapping):
        return "it has no settings or no summary of each table"
    for name, described in tables.items():
        if not isinstance(described, Mapping) or not isinstance(summaries.get(name), Mapping):
            return f"settings or summary of the table {name!r} are missing"
        if not all(isinstance(described.get(field), str) for field in ("space", "metric", "units")):
            return f"space, metric or units of the table {name!r} are missing"
    stray = next((record for record in results.records if record["benchmark"] not in tables), None)
    if stray is not None:
        return f"a record is of the table {stray['benchmark']!r}, which has no settings"
    return "a table has no records" if {*tables} != {record["benchmark"] for record in results.records} else ""


def _fault_of_ranks(results: Results) -> str:
    """What is wrong with the ranks of predictors over tables."""
    for row in results.summary.get("ranks") or [{}]:
        ranking = mapping(row).get("ranking", {})
        if ranking is not None and not _complete(ranking, mapping(mapping(row).get("taus"))):
            return "its ranks over tables are incomplete"
        if not known(row["n_train"]) or not all(isinstance(row.get(name), list) for name in ("tables", "left_out")):
            return "its ranks over tables are incomplete"
        for taus in row["taus"].values():
            if not isinstance(taus, list) or len(taus) != len(row["tables"]) or not all(map(known, taus)):
                return "its ranks over tables are incomplete"
    return ""


def _complete(ranking: Any, strategies: Container[Any]) -> bool:
    """Whether a ranking has every field that is shown."""
    try:
        names = ranking["order"]
        numbers = [
            ranking["repeats"],
            ranking["level"],
            *(ranking[field][name] for field in BY_STRATEGY for name in names),
        ]
        numbers += [pair["adjusted"] for pair in ranking["pairs"]]
        named = [*names, *(name for pair in ranking["pairs"] for name in (pair["better"], pair["worse"]))]
        named += [name for group in ranking["groups"] for name in group]
        known_names = len(names) > 0 and all(name in strategies for name in named)
    except (KeyError, TypeError, IndexError):
        return False
    return known_names and all(known(number) for number in numbers)


def _fault_of_races(results: Results) -> str:
    """What is wrong with what is said of strategies over benchmarks."""
    over = results.summary.get("over")
    if not isinstance(over, list) or [mapping(row).get("field") for row in over] != [r.field for r in REGRETS]:
        return "what it says over all benchmarks is incomplete"
    for row in over:
        try:
            n, ranking = len(row["benchmarks"]), row["ranking"]
            numbers = [number for values in row["regrets"].values() for number in values]
            fits = isinstance(row["left_out"], list) and isinstance(row["statement"], str)
            fits = fits and all(len(values) == n for values in row["regrets"].values())
            if ranking is not None:
                names = ranking["order"]
                fits = fits and _complete(ranking, row["regrets"])
                numbers += [row["ratings"][name][key] for name in names for key in ("rating", "low", "high")]
                numbers += [row["wins"][a][b] for a in names for b in names]
                numbers += [row["critical_difference"]] if len(names) > 1 else []
        except (KeyError, TypeError, AttributeError):
            fits = False
        if not fits or not all(map(known, numbers)):
            return "what it says over all benchmarks is incomplete"
    return ""
