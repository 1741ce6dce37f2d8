"""Results of several tables in one, and the results of each of them again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from nasbench.errors import InputError, NotFoundError
from nasbench.evaluate.results import Results, json_values

EVALUATIONS, COMPARISONS = "evaluations", "comparisons"
PARTS = {EVALUATIONS: "evaluation", COMPARISONS: "comparison"}
"""Kind of the results of one table, by that of several."""
OF_TABLE = ("space", "metric", "units")


def check_names(names: Sequence[str]) -> None:
    """Refuse tables that have one name.

    Raises:
        InputError: Two have.
    """
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"two tables are named {twice}, so nobody could tell their records apart; rename one")


@contextmanager
def naming(table: str) -> Iterator[None]:
    """Name a table in the errors about it."""
    try:
        yield
    except (InputError, NotFoundError) as error:
        raise type(error)(f"{table}: {error}") from error


def join(parts: Sequence[Results], over: Mapping[str, Any]) -> Results:
    """Results of several tables in one.

    Args:
        parts: Results of one kind, of tables with different names.
        over: What is found over all tables, for the summary.

    Returns:
        Records with the field `benchmark` first. Settings and summary hold those of each table by its name, under
        `tables`; the summary has `over` besides, and all `failures` by component and table.
    """
    kind = next(several for several, one in PARTS.items() if one == parts[0].kind)
    settings = {part.benchmark: {**{name: getattr(part, name) for name in OF_TABLE}, **part.settings} for part in parts}
    return Results(
        kind=kind,
        benchmark=_listed([part.benchmark for part in parts]),
        space=_listed([part.space for part in parts]),
        metric=_listed([part.metric for part in parts]),
        units=_listed([part.units for part in parts]),
        settings={"tables": settings},
        records=[{"benchmark": part.benchmark, **record} for part in parts for record in part.records],
        summary={
            **json_values({**over}),
            "tables": {part.benchmark: part.summary for part in parts},
            "failures": {
                f"{name} on {part.benchmark}": f"{part.benchmark}: {reason}"
                for part in parts
                for name, reason in part.summary["failures"].items()
            },
        },
        provenance=parts[0].provenance,
    )


def separate(results: Results) -> list[Results]:
    """The results of each table, as `join` was given them."""
    of_benchmark = results.kind == COMPARISONS  # whose records name it anyway
    parts = []
    for name, described in results.settings["tables"].items():
        records = [
            {key: value for key, value in record.items() if of_benchmark or key != "benchmark"}
            for record in results.records
            if record["benchmark"] == name
        ]
        parts.append(
            replace(
                results,
                kind=PARTS[results.kind],
                benchmark=name,
                **{key: described[key] for key in OF_TABLE},
                settings={key: value for key, value in described.items() if key not in OF_TABLE},
                records=records,
                summary=results.summary["tables"][name],
            )
        )
    return parts


def _listed(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(names))
