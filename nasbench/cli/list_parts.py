"""`nasbench list`: available components and their sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nasbench.cli.console import facts, out

if TYPE_CHECKING:
    from collections.abc import Callable

    from nasbench.registry import Registry


def list_parts(
    kind: Annotated[
        Literal["spaces", "predictors", "strategies", "datasets", "importers", "samplers", "measures", "benchmarks"]
        | None,
        typer.Argument(help="Only components of this kind (default: all).", show_default=False),
    ] = None,
) -> None:
    """Name the available components, with one line and the source of each."""
    from nasbench.benchmark.load import shipped
    from nasbench.benchmark.synthetic import SYNTHETIC
    from nasbench.datasets import datasets
    from nasbench.importers import importers
    from nasbench.measures import measures
    from nasbench.predictors import predictors
    from nasbench.sampling import samplers
    from nasbench.search import strategies
    from nasbench.spaces import spaces

    registries: dict[str, Registry[Any]] = {
        "spaces": spaces,
        "predictors": predictors,
        "strategies": strategies,
        "datasets": datasets,
        "importers": importers,
        "samplers": samplers,
        "measures": measures,
    }
    more: dict[str, Callable[[str], str]] = {"spaces": _space_facts}
    if kind == "measures":
        more["measures"] = _measure_facts  # only when asked for, because classes of measures import torch
    for name, registry in registries.items():
        if kind in (None, name):
            out.heading(name)
            described = {part: registry.describe(part) for part in registry}
            if name in more:
                described = {part: f"{line} {more[name](part)}" for part, line in described.items()}
            described |= {group: f"All of {', '.join(members)}." for group, members in registry.groups.items()}
            out.print(facts(described))
    if kind in (None, "benchmarks"):
        out.heading("benchmarks")
        out.print(facts({name: _benchmark_facts(name) for name in (*shipped(), *SYNTHETIC)}))


def _benchmark_facts(name: str) -> str:
    """Contents of a benchmark in one line."""
    from nasbench.benchmark.load import load

    benchmark = load(name)
    count = len(benchmark.architectures())
    return f"{count:,} architectures of {benchmark.space.name}; {', '.join(benchmark.metrics)}"


def _space_facts(name: str) -> str:
    """Size, task and paper of a space in one line."""
    from nasbench.spaces import spaces

    space = spaces.create(name)
    return (
        f"{space.size:,} genotypes of {len(space.cardinalities)} choices; {space.task.replace('_', ' ')}; {space.paper}"
    )


def _measure_facts(name: str) -> str:
    """Columns that a measure records, with their units, in one line."""
    from nasbench.measures import measures

    return f"Records {', '.join(f'{each.name} ({each.units})' for each in measures.create(name).quantities)}"
