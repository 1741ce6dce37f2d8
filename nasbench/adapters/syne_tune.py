"""A benchmark as a blackbox of Syne Tune, for its schedulers and simulated time (Salinas et al., 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from nasbench.benchmark.base import Benchmark
from nasbench.errors import InputError, MissingExtraError, NotFoundError
from nasbench.spaces.base import Space
from nasbench.types import BoolArray, FloatArray, GenotypeArray

try:
    from syne_tune.blackbox_repository.blackbox import Blackbox
    from syne_tune.blackbox_repository.blackbox_tabular import BlackboxTabular
    from syne_tune.config_space import choice, randint
except ImportError as error:
    raise MissingExtraError("blackboxes need Syne Tune: pip install 'nasbench[syne-tune]'") from error

FIDELITY = "epoch"
"""Name of the fidelity: `time_attr` of a scheduler."""
ELAPSED = "train_seconds"
"""Name of the elapsed training time: `elapsed_time_attr` of a backend."""


def blackbox(
    benchmark: Benchmark,
    dataset: str | None = None,
    metrics: Sequence[str] | None = None,
    seeds: Sequence[int] | Literal["mean"] | None = None,
    *,
    drop_incomplete: bool = False,
) -> Any:
    """A benchmark as a blackbox: a `BlackboxTabular` for a table, a `PredictedBlackbox` for a surrogate.

    A configuration names the option of each choice (`Space.to_config`); the fidelity is the number of finished epochs.
    Objectives have the names (without the data set if they stay unique), units and directions of our metrics: higher
    accuracy is better, so schedulers need `do_minimize=False`. `train_seconds` is the time from the start, as
    `UserBlackboxBackend(blackbox, elapsed_time_attr="train_seconds")` needs it.

    Args:
        benchmark: A tabular or surrogate benchmark.
        dataset: Data set of the objectives; by default the one of the validation accuracy, if there is only one.
        metrics: Names of the objectives; by default the validation accuracy and the training time. Test metrics are for
            judging a search: name them only if no scheduler sees them.
        seeds: Training seeds on the axis of seeds; by default those for which no number is missing. `"mean"` averages
            all measured seeds. Syne Tune numbers them from 0.
        drop_incomplete: Whether to leave out architectures with missing numbers.

    Raises:
        NotFoundError: There is no such metric or seed, or no epoch at which all metrics were recorded.
        InputError: A number is missing; nothing is imputed.
    """
    score = benchmark.score(dataset)
    names = metrics if metrics is not None else _default_metrics(benchmark, score.path)
    paths = [_path(benchmark, score.dataset, name) for name in names]
    if benchmark.kind == "surrogate":
        return PredictedBlackbox(benchmark, paths)
    epochs = _epochs(benchmark, paths)
    genotypes = benchmark.architectures()
    values, chosen = _tensor(benchmark, genotypes, paths, epochs, seeds)
    complete: BoolArray = np.logical_and.reduce(np.isfinite(values), axis=(1, 2, 3))
    if not complete.all() and not drop_incomplete:
        row = int(np.argmin(complete))
        raise InputError(
            f"{(~complete).sum():,} of {len(complete):,} architectures lack a number with seeds {chosen}, the first "
            f"{benchmark.space.to_string(genotypes[row])}; choose other seeds, seeds='mean', or drop_incomplete=True"
        )
    if not complete.any():
        raise InputError(f"no architecture has all of {', '.join(paths)} with seeds {chosen}; choose other seeds")
    return BlackboxTabular(
        hyperparameters=_named(benchmark.space, genotypes[complete]),
        configuration_space=configuration_space(benchmark.space),
        fidelity_space={FIDELITY: randint(epochs[0], epochs[-1])},
        objectives_evaluations=values[complete],
        fidelity_values=np.array(epochs),
        objectives_names=_short(paths),
    )


def configuration_space(space: Space) -> dict[str, Any]:
    """A space in the notation of Syne Tune: one `choice` for each position of a genotype."""
    return {name: choice(list(space.option_names(place))) for place, name in enumerate(space.choice_names)}


class PredictedBlackbox(Blackbox):  # type: ignore[misc]  # Syne Tune has no types
    """A surrogate benchmark as a blackbox with one fidelity, for every architecture of its space.

    Args:
        benchmark: A surrogate benchmark.
        paths: Full names of the objectives.

    Raises:
        NotFoundError: The surrogate did not learn all of them at one epoch.
    """

    def __init__(self, benchmark: Benchmark, paths: Sequence[str]) -> None:
        self.benchmark, self.paths = benchmark, tuple(paths)
        (self._epoch,) = _epochs(benchmark, paths)[-1:]
        super().__init__(
            configuration_space=configuration_space(benchmark.space),
            fidelity_space={FIDELITY: randint(self._epoch, self._epoch)},
            objectives_names=_short(paths),
        )

    @property
    def fidelity_values(self) -> npt.NDArray[np.int64]:
        """The epoch of the surrogate; shape `(1,)`."""
        return np.array([self._epoch])

    def fidelity_name(self) -> str:
        """Name of the fidelity."""
        return FIDELITY

    def _objective_function(
        self, configuration: dict[str, Any], fidelity: dict[str, Any] | None = None, seed: int | None = None
    ) -> Any:
        genotype = self.benchmark.space.from_config(configuration)
        if fidelity is not None and fidelity[FIDELITY] != self._epoch:
            raise NotFoundError(f"{self.benchmark.name} was learnt at epoch {self._epoch}, not {fidelity[FIDELITY]}")
        values = [self.benchmark.query(genotype, path).value for path in self.paths]
        return np.array([values]) if fidelity is None else dict(zip(self.objectives_names, values, strict=True))


def _short(paths: Sequence[str]) -> list[str]:
    """Names without the data set if they are unique, else full names."""
    names = [path.rpartition("/")[2] for path in paths]
    return names if len(set(names)) == len(names) else list(paths)


def _default_metrics(benchmark: Benchmark, path: str) -> list[str]:
    """The metric that ranks architectures, and the training time if recorded."""
    time = f"{path.rpartition('/')[0]}/{ELAPSED}".removeprefix("/")
    return [path, time] if time in benchmark.metrics else [path]


def _path(benchmark: Benchmark, dataset: str, name: str) -> str:
    return benchmark.metric(f"{dataset}/{name}" if f"{dataset}/{name}" in benchmark.metrics else name).path


def _epochs(benchmark: Benchmark, paths: Sequence[str]) -> tuple[int, ...]:
    """The epochs at which all metrics with epochs were recorded; 1 if no metric has epochs."""
    recorded = [set(benchmark.recorded_epochs(path)) for path in paths]
    with_epochs = [epochs for epochs in recorded if epochs]
    common = sorted(set.intersection(*with_epochs)) if with_epochs else [1]
    if not common:
        raise NotFoundError(f"{', '.join(paths)} were never recorded at the same epoch; name fewer metrics")
    return tuple(common)


def _tensor(
    benchmark: Benchmark,
    genotypes: GenotypeArray,
    paths: Sequence[str],
    epochs: tuple[int, ...],
    seeds: Sequence[int] | Literal["mean"] | None,
) -> tuple[FloatArray, str]:
    """All numbers by (architecture, seed, fidelity, objective), NaN where missing, and the names of the seeds."""
    if isinstance(seeds, str):
        policies: list[Any] = ["mean"]
    elif seeds is None:
        seeded = [set(benchmark.recorded_seeds(path)) for path in paths if benchmark.recorded_seeds(path)]
        policies = sorted(set.intersection(*seeded)) if seeded else ["mean"]
    else:
        policies = list(seeds)
    if not policies:
        raise NotFoundError(f"{', '.join(paths)} have no seed in common; pass seeds='mean'")
    values = np.empty((len(genotypes), len(policies), len(epochs), len(paths)))
    for objective, path in enumerate(paths):
        has_epochs, has_seeds = bool(benchmark.recorded_epochs(path)), bool(benchmark.recorded_seeds(path))
        for place, policy in enumerate(policies):
            for fidelity, epoch in enumerate(epochs):
                answers = benchmark.query_many(
                    genotypes, path, epoch=epoch if has_epochs else "last", seed=policy if has_seeds else "mean"
                )
                values[:, place, fidelity, objective] = answers.values.filled(np.nan)
    if seeds is None and len(policies) > 1:
        whole: BoolArray = np.logical_and.reduce(np.isfinite(values), axis=(0, 2, 3))
        if whole.any():
            values, policies = values[:, whole], [policies[at] for at in np.flatnonzero(whole)]
    return values, ", ".join(map(str, policies))


def _named(space: Space, genotypes: GenotypeArray) -> pd.DataFrame:
    """Genotypes `(n, d)` as one column of option names for each choice."""
    columns = {}
    for place, name in enumerate(space.choice_names):
        options = space.option_names(place)
        columns[name] = [options[option] for option in genotypes[:, place].tolist()]
    return pd.DataFrame(columns)
