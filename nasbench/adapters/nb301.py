"""The interface of NAS-Bench-301 and NAS-Bench-x11, `model.predict(config, ...)`, over our benchmarks of DARTS.

Zela et al. (2022), Surrogate NAS Benchmarks, arXiv:2008.09777; Yan et al. (2021), NAS-Bench-x11, arXiv:2111.03602.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasbench.adapters.opening import opened
from nasbench.benchmark.base import Benchmark, Epoch, Metric, SeedPolicy
from nasbench.benchmark.load import load
from nasbench.errors import InputError, NotFoundError
from nasbench.spaces.cell_pair import CELLS
from nasbench.spaces.darts import DARTS, NODES_PER_CELL
from nasbench.types import FloatArray, GenotypeArray

__all__ = ["Ensemble", "Genotype", "load_ensemble"]

PREFIX = "NetworkSelectorDatasetInfo:darts:"
"""Prefix of the published names of choices, as of `edge_normal_0` and `inputs_node_normal_3`."""
RUNTIME = "train_seconds"


class Genotype(NamedTuple):
    """Two cells in the notation of DARTS: for each node two pairs of operation and hidden state.

    The concatenated nodes are the same for all architectures of DARTS, and are not read.
    """

    normal: list[tuple[str, int]]
    normal_concat: list[int]
    reduce: list[tuple[str, int]]
    reduce_concat: list[int]


def load_ensemble(
    path: str | Path | Benchmark,
    metric: str | None = None,
    *,
    table: str | Path | Benchmark | None = None,
    curve: bool = False,
    seed: int = 0,
) -> Ensemble:
    """A model of one metric of a benchmark.

    Args:
        path: One of our files, tabular or surrogate, or an open benchmark.
        metric: Predicted metric, by default the validation accuracy; `"runtime"` is the training time.
        table: Tabular benchmark on which the surrogate was fitted, needed if the surrogate does not model the noise
            between seeds. By default the file that the surrogate names, if it lies in the same folder.
        curve: Whether `predict` gives one value for each recorded epoch (NAS-Bench-x11) instead of the last.
        seed: Seed of the noise.

    Raises:
        FileError: A file is not a benchmark.
        NotFoundError: There is no such metric.
        InputError: The table has another space, or the metric has no curve.
    """
    benchmark = opened(path)
    predicted = benchmark.score() if metric is None else benchmark.metric(RUNTIME if metric == "runtime" else metric)
    folder = None if isinstance(path, Benchmark) else Path(path).parent
    fitted_on = None if table is None else opened(table)
    return Ensemble(benchmark, predicted, table=fitted_on, folder=folder, curve=curve, seed=seed)


class Ensemble:
    """A model of one metric: accuracies in percent, times in seconds.

    For the arguments see `load_ensemble`; `folder` may contain the table of a surrogate.
    """

    def __init__(
        self,
        benchmark: Benchmark,
        metric: Metric,
        *,
        table: Benchmark | None = None,
        folder: Path | None = None,
        curve: bool = False,
        seed: int = 0,
    ) -> None:
        self.benchmark, self.metric = benchmark, metric
        self._given, self._folder = table, folder
        if table is not None and table.space.name != benchmark.space.name:
            raise InputError(f"{table.name} has the space {table.space.name}, not {benchmark.space.name}")
        recorded = benchmark.recorded_epochs(metric.path)
        if curve and len(recorded) < 2:
            raise InputError(
                f"{benchmark.name} has {metric.path!r} at one epoch, so no curve; pass the table, which has all epochs"
            )
        self.epochs: tuple[Epoch, ...] = recorded if curve else recorded[-1:] or ("last",)
        self.curve = curve
        self._rng = np.random.default_rng(seed)
        self._noise = cache(self._measured_noise)

    def predict(
        self,
        config: Any,
        representation: str = "genotype",
        with_noise: bool = True,
        search_space: str | None = None,
        components: bool = False,
    ) -> Any:
        """The metric of one architecture.

        Args:
            config: A `Genotype` (any object with `normal` and `reduce`), a dictionary or configuration of choices with
                their published names or ours, or an architecture as `Benchmark.query` takes it.
            representation: `"genotype"`, or `"configspace"` for a configuration.
            with_noise: Whether to add the noise of repeating the training. A surrogate draws from its noise model,
                which depends on the prediction; a table adds a normal deviate with the standard deviation between its
                seeds, pooled over architectures; for a cost, to its logarithm.
            search_space: Name of the space, if given that of the benchmark.
            components: Not supported.

        Returns:
            One number, or with `curve` a list with one for each epoch of `epochs`, each with noise of its own.

        Raises:
            InputError: The architecture is invalid, or there is no noise as no architecture was trained with two seeds.
            NotFoundError: The architecture is not in the benchmark, or its value is missing.
        """
        if components:
            raise InputError("a benchmark has no components of a curve; call predict with components=False")
        if representation not in ("genotype", "configspace"):
            raise InputError(f"representation is 'genotype' or 'configspace', got {representation!r}")
        if search_space not in (None, self.benchmark.space.name):
            raise InputError(f"{self.benchmark.name} has the space {self.benchmark.space.name}, not {search_space!r}")
        genotype = self._genotype(config, representation)
        draws = with_noise and self._has_noise_model
        values = [self._value(genotype, epoch, self._rng if draws else "mean") for epoch in self.epochs]
        if with_noise and not draws:
            noise = [self._noise(epoch) * self._rng.standard_normal() for epoch in self.epochs]
            pairs = zip(values, noise, strict=True)
            values = [value * float(np.exp(e)) if self._is_cost else value + e for value, e in pairs]
        return values if self.curve else values[0]

    @cached_property
    def table(self) -> Benchmark:
        """The benchmark with the noise between seeds; by default the one that answers."""
        return self._given or (self._folder and _fitted_on(self.benchmark, self._folder)) or self.benchmark

    @property
    def _has_noise_model(self) -> bool:
        """Whether the benchmark is a surrogate with a noise model."""
        return self.benchmark.kind == "surrogate" and self.benchmark.takes_seed(self.metric.path)

    @property
    def _is_cost(self) -> bool:
        return self.metric.split == "none"

    def _value(self, genotype: GenotypeArray, epoch: Epoch, seed: SeedPolicy) -> float:
        answer = self.benchmark.query(genotype, self.metric.path, epoch=epoch, seed=seed)
        if answer.reason is not None:
            text = self.benchmark.space.to_string(genotype)
            raise NotFoundError(f"{text} has no {self.metric.path!r} at epoch {answer.epoch}: {answer.reason}")
        return answer.value

    def _genotype(self, config: Any, representation: str) -> GenotypeArray:
        space = self.benchmark.space
        if representation == "configspace":
            choices = dict(config)
            published = {name: value for name, value in choices.items() if str(name).startswith(PREFIX)}
            return space.genotype(_text(_cells(published))) if published else space.from_config(choices)
        if hasattr(config, "normal") and hasattr(config, "reduce"):
            return space.genotype(_text({"normal": config.normal, "reduce": config.reduce}))
        return space.genotype(config)

    def _measured_noise(self, epoch: Epoch) -> float:
        """Pooled standard deviation between the seeds of an architecture; of logarithms for a cost."""
        path, genotypes = self.table.metric(self.metric.path).path, self.table.architectures()
        seeds = self.table.recorded_seeds(path)
        answers = [self.table.query_many(genotypes, path, epoch=epoch, seed=seed) for seed in seeds]
        values = np.array([answer.values.filled(np.nan) for answer in answers]).reshape(len(seeds), len(genotypes)).T
        if self._is_cost:
            values = np.log(values, out=np.full(values.shape, np.nan), where=values > 0)
        pooled = pooled_deviation(values)
        if np.isnan(pooled):
            remedy = (
                "" if self.table.kind == "tabular" else ", or load_ensemble(..., table=) with the table it came from"
            )
            raise InputError(
                f"{self.table.name} does not say how {path!r} differs between seeds; pass with_noise=False{remedy}"
            )
        return pooled


def pooled_deviation(values: FloatArray) -> float:
    """Standard deviation within rows `(n, seeds)`, pooled over rows with two numbers or more; NaN if there are none."""
    counts = np.isfinite(values).sum(axis=1)
    rows = values[counts > 1]
    if not len(rows):
        return float("nan")
    squares = np.nansum((rows - np.nanmean(rows, axis=1, keepdims=True)) ** 2)
    return float(np.sqrt(squares / (counts[counts > 1] - 1).sum()))


def _fitted_on(surrogate: Benchmark, folder: Path) -> Benchmark | None:
    """The table on which a surrogate was fitted, by name and recipe; None if it is not in the folder."""
    entry = surrogate.table.recipe.get("table")
    facts: Mapping[str, Any] = entry if isinstance(entry, dict) else {}
    name = facts.get("name")
    if not isinstance(name, str) or Path(name).name != name or not (folder / name).is_file():
        return None
    table = load(folder / name)
    same = dict(table.table.recipe) == facts.get("recipe")
    return table if same and np.array_equal(table.architectures(), surrogate.architectures()) else None


def _text(cells: Mapping[str, Any]) -> str:
    """The string of two lists of pairs, in the notation of DARTS."""
    parts = [f"{name}={[(str(op), int(state)) for op, state in cells[name]]}" for name in CELLS]
    return f"Genotype({', '.join(parts)})"


def _cells(config: Mapping[str, Any]) -> dict[str, list[tuple[str, int]]]:
    """The cells of a configuration with published names: of 14 edges, the ones with an operation."""
    cells: dict[str, list[tuple[str, int]]] = {}
    for cell in CELLS:
        first, cells[cell] = 0, []
        for node in range(2, NODES_PER_CELL + 2):
            for state in _inputs(config, cell, node):
                edge = f"{PREFIX}edge_{cell}_{first + state}"
                if edge not in config:
                    raise InputError(f"the configuration has no {edge!r}, the operation of an edge that it selects")
                cells[cell].append((config[edge], state))
            first += node
    return cells


def _inputs(config: Mapping[str, Any], cell: str, node: int) -> tuple[int, ...]:
    """The hidden states that lead to a node; for the first node always both inputs."""
    name = f"{PREFIX}inputs_node_{cell}_{node}"
    states = ["0", "1"] if node == 2 else str(config.get(name, "")).split("_")
    if len(states) != 2 or not all(state.isdecimal() for state in states):
        raise InputError(f"the configuration has no {name!r} of two hidden states, such as '0_1'")
    return tuple(map(int, states))


def published_config(space: DARTS, genotype: GenotypeArray) -> dict[str, str]:
    """A genotype `(d,)` as a configuration with the names of NAS-Bench-301, as `predict` reads it."""
    cells, config = space.cells(genotype[None]), {}
    for number, cell in enumerate(CELLS):
        first = 0
        for node in range(2, NODES_PER_CELL + 2):
            sources, ops = (part[node - 2, :, number].tolist() for part in cells[:2])
            for state, op in zip(sources, ops, strict=True):
                config[f"{PREFIX}edge_{cell}_{first + state}"] = space.operations[op]
            if node > 2:
                config[f"{PREFIX}inputs_node_{cell}_{node}"] = "_".join(map(str, sorted(sources)))
            first += node
    return config
