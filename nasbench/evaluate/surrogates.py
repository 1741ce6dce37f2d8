"""Fitting of surrogate benchmarks, and how far each can be trusted (Zela et al., 2022)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Benchmark, Epoch, Metric
from nasbench.benchmark.noise import FOLDS as NOISE_FOLDS
from nasbench.benchmark.noise import Spread, fit_noise, spread
from nasbench.benchmark.surrogate import Model, Score, SurrogateBenchmark, Transform, from_log
from nasbench.benchmark.table import Column, Table
from nasbench.errors import InputError, NotFoundError
from nasbench.evaluate import metrics
from nasbench.evaluate.metrics import NORMAL_90
from nasbench.parallel.threads import one_blas_thread
from nasbench.predictors import Inputs, Predictor, predictors
from nasbench.progress import Progress, silent
from nasbench.provenance import provenance
from nasbench.spaces.base import Space
from nasbench.specification import component_name
from nasbench.types import FloatArray, GenotypeArray, Subset

RESAMPLES = 200
"""Bootstrap samples of an interval."""
MAX_RESAMPLED_GROUPS = 10_000
"""Most groups in a bootstrap sample."""
MAX_REASONS = 255
"""Most different causes of missing numbers that a column can store."""
SCORES = ("kendall_tau", "sparse_kendall_tau", "spearman", "r2", "rmse")
FOLD_STREAM, BOOTSTRAP_STREAM, NOISE_STREAM = 0, 1, 2
"""Spawn keys of the random numbers, by purpose."""


@one_blas_thread()
def fit_surrogate(
    benchmark: Benchmark,
    metric: str,
    predictor: str,
    *,
    folds: int = 5,
    seed: int = 0,
    progress: Progress = silent,
) -> SurrogateBenchmark:
    """Fit a surrogate benchmark on a table.

    One model each is fitted for the validation metric and, if recorded, for its counterparts on the test and training
    splits and for the training time. Targets are means over the training seeds at the last epoch of the metric.
    Architectures without a number are left out; the stored targets say why. The noise between seeds is fitted if enough
    architectures were trained several times; see `fit_noise`.

    Args:
        benchmark: A tabular benchmark.
        metric: A validation metric.
        predictor: Specification of a predictor (`"gp"`, `"gnn+steps=500"`, `"module:Class"`).
        folds: Folds of the cross-validation that scores the surrogate.
        seed: Seed of the predictors, the folds and the bootstrap.
        progress: Called with the number of finished models and of all models.

    Raises:
        InputError: The benchmark is a surrogate itself, the metric belongs to another split, a time is not positive,
            or there are too few architectures.
        NotFoundError: The metric is not in the benchmark.
    """
    if benchmark.kind != "tabular":
        raise InputError("a surrogate is fitted on a tabular benchmark, got a surrogate; pass the table it came from")
    facts = benchmark.metric(metric)
    if facts.split != "validation":
        known = ", ".join(m.path for m in benchmark.metrics.values() if m.split == "validation")
        fitted_for = "a surrogate is fitted for a validation metric and its counterparts on other splits"
        if not known:
            raise InputError(f"{fitted_for}, and this benchmark has no validation metric")
        raise InputError(f"{fitted_for}, but {facts.path!r} belongs to split {facts.split!r}; name one of: {known}")
    if folds < 2:
        raise InputError(f"cross-validation needs at least 2 folds, got {folds}")
    epochs = benchmark.recorded_epochs(facts.path)
    epoch = epochs[-1] if epochs else None
    wanted = [facts, *_counterparts(benchmark, facts), *_training_time(benchmark, facts)]
    make = partial(predictors.create, predictor, seed=seed)
    _check_needs(make(), predictor, benchmark)
    models, columns = {}, {}
    for done, target in enumerate(wanted):
        progress(done, len(wanted))
        column, at = _targets(benchmark, target, epoch)
        rows = column.missing == 0
        transform: Transform = "log" if target.split == "none" else "identity"
        y = column.values[rows]
        if transform == "log" and not (y > 0).all():
            text = benchmark.space.to_string(benchmark.table.genotypes[rows][np.argmin(y)])
            raise InputError(f"{target.path!r} of {text} is {y.min()}; a cost must be positive to fit a surrogate")
        genotypes = benchmark.table.genotypes[rows]
        quality, held_out = cross_validate(
            make,
            benchmark.space,
            genotypes,
            y,
            transform,
            folds=folds,
            seed=seed,
            units=target.units,
            name=f"{target.path!r} of {benchmark.name}",
        )
        trainings = _trainings(benchmark, genotypes, target, at)
        variation = spread(np.log(trainings) if transform == "log" else trainings)
        group = np.unique(benchmark.space.function_key(genotypes), return_inverse=True)[1]
        noise = fit_noise(held_out, variation, group)
        if noise is not None:
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(NOISE_STREAM,)))
            quality |= noise_quality(held_out, variation, group, rng)
        fitted = make().fit(Inputs(benchmark.space, genotypes), np.log(y) if transform == "log" else y)
        models[target.path], columns[target.path] = Model(fitted, transform, at, quality, held_out, noise), column
    progress(len(wanted), len(wanted))
    recipe = {
        "predictor": predictor,
        "predictor_class": component_name(fitted, predictors),
        "metric": facts.path,
        "folds": folds,
        "seed": seed,
        "targets": "mean over the training seeds that have a number",
        "table": {
            "name": benchmark.name,
            "recipe": dict(benchmark.table.recipe),
            "provenance": dict(benchmark.table.provenance),
        },
    }
    table = Table(benchmark.space, benchmark.architectures(), (), {}, columns, recipe, provenance())
    return SurrogateBenchmark(table, models, name=f"surrogate of {benchmark.name}")


def cross_validate(
    make: Callable[[], Predictor],
    space: Space,
    genotypes: GenotypeArray,
    y: FloatArray,
    transform: Transform,
    *,
    folds: int,
    seed: int,
    units: str = "",
    name: str = "the metric",
) -> tuple[dict[str, Any], FloatArray]:
    """Cross-validated scores and the held-out predictions; architectures with the same function share a fold.

    Args:
        make: Creates an unfitted predictor.
        space: The search space.
        genotypes: Architectures; shape `(n, d)`.
        y: Targets in the unit of the metric; shape `(n,)`.
        transform: The transform of the targets that the predictor learns.
        folds: Number of folds; each is predicted by a model fitted on the others.
        seed: Seed of the folds and the bootstrap.
        units: Units of the targets; the sparse Kendall tau exists for percent only.
        name: Name of the metric in messages.

    Returns:
        A record of `n`, `groups` (different functions), `folds`, and each score over all held-out predictions with the
        ends of its 95 % interval: percentiles of a bootstrap over groups that keeps the fitted models. Of more than
        10,000 groups each sample draws 10,000, and its deviations from the score are scaled by the root of the share
        that is drawn (Bickel, Goetze & van Zwet, 1997, Statistica Sinica 7, 1-31). An undefined score is None. The
        scores are rather too low than too high, because each fold is predicted from fewer cells than the surrogate is
        fitted on, none of which computes the same. Then the held-out predictions, shape `(n,)`, in the unit of the
        metric.

    Raises:
        InputError: There are too few architectures for the predictor, or too few different functions.
    """
    functions, group = np.unique(space.function_key(genotypes), return_inverse=True)
    groups = len(functions)
    folds = min(folds, groups)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(FOLD_STREAM,)))
    fold = (rng.permutation(groups) % max(folds, 1))[group]
    unfitted, left = make(), len(y) - int(np.bincount(fold, minlength=1).max())
    if left < unfitted.min_samples:
        raise InputError(
            f"{name} has numbers of {len(y)} architecture{'s' * (len(y) != 1)}, of {groups} different "
            f"function{'s' * (groups != 1)}: too few to cross-validate, as {left} would be left to learn from, and "
            f"{type(unfitted).__name__} learns from at least {unfitted.min_samples}; measure more architectures"
        )
    learnt = np.log(y) if transform == "log" else y
    held_out, inputs = np.empty(len(y)), Inputs(space, genotypes).encoded_once
    for number in range(folds):
        outside = fold == number
        predictor = make().fit(inputs[~outside], learnt[~outside])
        prediction = predictor.predict(inputs[outside])
        held_out[outside] = (from_log(prediction) if transform == "log" else prediction).mean
    return {"n": len(y), "groups": groups, "folds": folds, **_scores(y, held_out, group, seed, units)}, held_out


def _scores(
    y: FloatArray, predicted: FloatArray, group: npt.NDArray[np.intp], seed: int, units: str
) -> dict[str, float | None]:
    scores: dict[str, Score] = {name: getattr(metrics, name) for name in SCORES}
    scores["sparse_kendall_tau"] = partial(metrics.sparse_kendall_tau, units=units)
    exact = {name: score(y, predicted) for name, score in scores.items()}
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(BOOTSTRAP_STREAM,)))
    groups = int(group.max()) + 1
    drawn = min(groups, MAX_RESAMPLED_GROUPS)
    order = np.argsort(y, kind="stable")  # resamples of sorted targets are sorted, which rank correlations are fast for
    y, predicted, group = y[order], predicted[order], group[order]
    resampled: dict[str, list[float]] = {name: [] for name in SCORES}
    for _ in range(RESAMPLES):
        times = np.bincount(rng.integers(groups, size=drawn), minlength=groups)
        rows = np.repeat(np.arange(len(y)), times[group])
        for name, score in scores.items():
            resampled[name].append(score(y[rows], predicted[rows]))
    result: dict[str, float | None] = {}
    for name, value in exact.items():
        found = np.array(resampled[name])
        found = found[np.isfinite(found)]
        ends = np.quantile(found, (0.025, 0.975)) if len(found) else np.full(2, np.nan)
        if drawn < groups:
            ends = value + (ends - value) * math.sqrt(drawn / groups)
        for ending, number in zip(("", "_low", "_high"), (value, *ends), strict=True):
            result[f"{name}{ending}"] = float(number) if np.isfinite(number) else None
    return result


def _check_needs(unfitted: Predictor, name: str, benchmark: Benchmark) -> None:
    columns = [column for column in unfitted.needs.columns if column not in benchmark.space.feature_kinds]
    if columns or unfitted.needs.epochs:
        needed = f"column {columns[0]!r}" if columns else f"the curve of {unfitted.needs.epochs} epochs"
        raise InputError(
            f"a surrogate answers for the whole space, and {name!r} needs {needed}, which only the "
            f"{len(benchmark.architectures()):,} architectures of the table have; leave it out of features"
        )


def _counterparts(benchmark: Benchmark, metric: Metric) -> list[Metric]:
    splits: tuple[Subset, ...] = ("test", "train")
    partners = []
    for split in splits:
        try:
            partners.append(benchmark.partner(metric.path, split))
        except NotFoundError:
            continue
    return partners


def _training_time(benchmark: Benchmark, metric: Metric) -> list[Metric]:
    return [benchmark.metrics[metric.cost_path]] if metric.cost_path in benchmark.metrics else []


def _trainings(benchmark: Benchmark, genotypes: GenotypeArray, target: Metric, epoch: int | None) -> FloatArray:
    """Result of each training by seed; shape `(n, seeds)`, NaN where missing."""
    at: Epoch = "last" if epoch is None else epoch
    seeds = benchmark.recorded_seeds(target.path)
    answers = [benchmark.query_many(genotypes, target.path, epoch=at, seed=seed) for seed in seeds]
    return np.array([answer.values.filled(np.nan) for answer in answers]).reshape(len(seeds), len(genotypes)).T


def _targets(benchmark: Benchmark, target: Metric, epoch: int | None) -> tuple[Column, int | None]:
    """Means over the seeds at the epoch, else at the last recorded epoch, and the epoch used."""
    at: Epoch = epoch if epoch in benchmark.recorded_epochs(target.path) and epoch is not None else "last"
    genotypes = benchmark.table.genotypes
    answers = benchmark.query_many(genotypes, target.path, epoch=at)
    values = answers.values.filled(np.nan)
    reasons: list[str] = []
    missing = np.zeros(len(values), dtype=np.uint8)
    for row in np.flatnonzero(np.isnan(values)):
        reason = benchmark.query(genotypes[row], target.path, epoch=at).reason or "not recorded"
        if reason not in reasons and len(reasons) == MAX_REASONS - 1:
            reason = "for one more reason than can be stored"
        if reason not in reasons:
            reasons.append(reason)
        missing[row] = 1 + reasons.index(reason)
    if missing.all():
        raise InputError(f"{target.path!r} has no number, so nothing can be learnt; the first reason: {reasons[0]}")
    metric = Metric(**{**vars(target), "dims": ("architecture",)})
    return Column(metric, values, missing, tuple(reasons)), answers.epoch


def noise_quality(
    predicted: FloatArray, observed: Spread, group: npt.NDArray[np.intp], rng: np.random.Generator
) -> dict[str, Any]:
    """Cross-validated quality of the noise model: fitted on some architectures, tested on others.

    Args:
        predicted: See `fit_noise`.
        observed: See `fit_noise`.
        group: See `fit_noise`; a group is never both fitted and tested on.
        rng: Draws the folds.

    Returns:
        `noise_cells`: architectures with several seeds; `noise_ratio`: predicted variance / observed variance, pooled;
        `noise_coverage_90`: share of single trainings inside the central 90 % interval around the mean over seeds (0.9
        is right). None if the noise is too small, or too few architectures determine it.
    """
    names, number = np.unique(group, return_inverse=True)
    fold_of = (rng.permutation(len(names)) % NOISE_FOLDS)[number]
    expected = np.full(len(predicted), np.nan)
    for fold in range(NOISE_FOLDS):
        inside = fold_of == fold
        learnt = fit_noise(predicted[~inside], Spread(*(array[~inside] for array in observed)), group[~inside])
        if learnt is not None:
            expected[inside] = learnt.at(predicted[inside])
    rows = (observed.freedom > 0) & np.isfinite(expected)
    measured = float(observed.freedom[rows] @ observed.variance[rows])
    drawn = float(observed.freedom[rows] @ expected[rows] ** 2)
    z = observed.residuals[rows] / np.where(expected[rows] > 0, expected[rows], np.nan)[:, None]
    z = z[np.isfinite(z)]
    return {
        "noise_cells": int((observed.freedom > 0).sum()),
        "noise_ratio": drawn / measured if measured > 0 else None,
        "noise_coverage_90": float((np.abs(z) <= NORMAL_90).mean()) if len(z) else None,
    }
