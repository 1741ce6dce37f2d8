"""What is settled before the first fit: targets and inputs that are known to all predictors, splits, and sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from nasbench.benchmark.base import Benchmark, Epoch, Metric
from nasbench.benchmark.gather import gather
from nasbench.errors import InputError, blamed
from nasbench.evaluate.sources import Source, Sources, check_sources, gathered, shipped_sources
from nasbench.evaluate.sources import named as named_source
from nasbench.evaluate.splits import (
    Protocol,
    Split,
    Targets,
    half_split,
    random_split,
    restricted,
    split,
    targets,
)
from nasbench.predictors import Inputs, Predictor
from nasbench.predictors import predictors as registry

AnyPredictor: TypeAlias = str | type[Predictor] | Predictor
"""A specification, a class or an instance."""


def with_inputs(
    benchmark: Benchmark, metric: str, epoch: Epoch, by_name: Mapping[str, AnyPredictor]
) -> tuple[Targets, dict[str, Inputs], int]:
    """Targets and each predictor's inputs where all inputs are known, and for how many architectures they are not."""
    found = targets(benchmark, metric, epoch)
    needs = {}
    for name, component in by_name.items():
        with blamed(f"predictor {name!r}"):
            needs[name] = registry.create(component).needs
    recorded = benchmark.recorded_epochs(metric)
    last = recorded[-1] if recorded and epoch == "last" else epoch
    for name, needed in needs.items():
        if isinstance(last, int) and needed.epochs >= last:
            raise InputError(
                f"predictor {name!r} would read {needed.epochs} epochs of the curve whose value at epoch {last} it "
                "predicts; name fewer epochs"
            )
    gathered = {needed: gather(benchmark, found.genotypes, needed, metric) for needed in set(needs.values())}
    known = np.logical_and.reduce([inputs.known for inputs in gathered.values()])
    kept = np.flatnonzero(known)
    restricted_targets = Targets(
        found.genotypes[kept], found.values[kept], found.functions[kept], found.missing, found.rows[kept]
    )
    return restricted_targets, {name: gathered[needed][kept] for name, needed in needs.items()}, int((~known).sum())


def learnt_from(
    benchmark: Benchmark,
    metric: Metric,
    by_name: Mapping[str, AnyPredictor],
    given: Sequence[Source] | None,
) -> tuple[tuple[str, ...], dict[str, Sources]]:
    """Names of the sources, and what each predictor that learns from other tables learns from them."""
    check_sources(given or (), benchmark, metric.path)
    learning = {
        name: created for name, component in by_name.items() if (created := registry.create(component)).pretrains
    }
    if not learning:
        return (), {}
    sources: Sequence[Source] = shipped_sources(benchmark) if given is None else given
    needs = {name: predictor.needs for name, predictor in learning.items()}
    each = {needed: gathered(sources, needed, metric, strict=given is not None) for needed in set(needs.values())}
    names = tuple(f"{table.name}:{path}" for table, path in map(named_source, sources))
    return names, {name: each[needed] for name, needed in needs.items()}


def draw_splits(
    found: Targets,
    sizes: tuple[int, ...],
    test_size: int,
    number: int,
    seed: int,
    how: Mapping[str, Split] | Protocol,
) -> tuple[dict[str, tuple[Split, ...]], dict[str, tuple[int, ...]]]:
    """Splits and training sizes by the name of the held-out part ("" for a protocol), which does not affect others."""

    def generators() -> list[np.random.Generator]:
        return [np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(k,))) for k in range(number)]

    if isinstance(how, str):
        n = len(found.values)
        draw: dict[str, Callable[[np.random.Generator], Split]] = {
            "functions": lambda rng: split(found.functions, sizes[-1], test_size, rng),
            "random": lambda rng: random_split(n, sizes[-1], test_size, rng),
            "tagates": lambda rng: half_split(n, sizes[-1] if sizes else None, rng),
        }
        parts = tuple(draw[how](rng) for rng in generators())
        return {"": parts}, {"": sizes or (len(parts[0].train),)}
    held_out, sizes_of = {}, {}
    for name, rows in how.items():
        held_out[name] = tuple(restricted(rows, found, rng) for rng in generators())
        available = len(held_out[name][0].train)
        sizes_of[name] = sizes or (available,)
        if sizes_of[name][-1] > available:
            raise InputError(
                f"without {name!r} there are {available:,} architectures to learn from, fewer than "
                f"the training size {sizes_of[name][-1]:,}"
            )
    return held_out, sizes_of


def check_sizes(by_name: Mapping[str, AnyPredictor], smallest: int) -> None:
    """Refuse a smallest training size that a predictor cannot learn from."""
    for name, component in by_name.items():
        with blamed(f"predictor {name!r}"):
            least = registry.create(component).min_samples
        if smallest < least:
            raise InputError(f"predictor {name!r} needs at least {least} architectures, got a training size {smallest}")
