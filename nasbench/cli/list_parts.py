"""`nasbench list`: the parts that there are."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nasbench.cli.console import facts, out

if TYPE_CHECKING:
    from nasbench.registry import Registry


def list_parts(
    kind: Annotated[
        Literal[
            "spaces", "predictors", "strategies", "datasets", "sources", "samplers", "proxies", "measures", "benchmarks"
        ]
        | None,
        typer.Argument(show_default=False),
    ] = None,
) -> None:
    """Name the parts that there are, with one line and the source of each."""
    from nasbench.benchmark.load import shipped
    from nasbench.datasets import datasets
    from nasbench.importers import importers
    from nasbench.measures.proxies import proxies
    from nasbench.predictors import predictors
    from nasbench.sampling import samplers
    from nasbench.search import strategies
    from nasbench.spaces import spaces

    registries: dict[str, Registry[Any]] = {
        "spaces": spaces,
        "predictors": predictors,
        "strategies": strategies,
        "datasets": datasets,
        "sources": importers,
        "samplers": samplers,
        "proxies": proxies,
    }
    for name, registry in registries.items():
        if kind in (None, name):
            out.print(f"[bold]{name}[/]")
            described = {part: registry.describe(part) for part in registry}
            if name == "spaces":
                described = {part: f"{line}\n{_space_facts(part)}" for part, line in described.items()}
            out.print(facts(described))
    if kind in (None, "measures"):
        from nasbench.measures.base import MEASURES

        out.print("[bold]measures[/]")
        out.print(facts({name: inspect.getdoc(measure) or "" for name, measure in MEASURES.items()}))
    if kind in (None, "benchmarks"):
        out.print("[bold]benchmarks[/]")
        out.print(facts({name: _benchmark_facts(path) for name, path in shipped().items()}))


def _benchmark_facts(file: Path) -> str:
    """What a benchmark holds, in one line."""
    from nasbench.benchmark.load import load

    benchmark = load(file)
    count = len(benchmark.architectures())
    return f"{count:,} architectures of {benchmark.space.name}; {', '.join(benchmark.metrics)}"


def _space_facts(name: str) -> str:
    """Size, task and paper of a space, in one line."""
    from nasbench.spaces import spaces

    space = spaces.create(name)
    return (
        f"{space.size:,} genotypes of {len(space.cardinalities)} choices; {space.task.replace('_', ' ')}; {space.paper}"
    )
