"""Fitting a surrogate benchmark, and saying how far it can be trusted (Zela et al., 2022)."""

from __future__ import annotations

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
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import InputError, NotFoundError
from nasbench.evaluate import metrics
from nasbench.evaluate.metrics import NORMAL_90
from nasbench.predictors import Inputs, Predictor, predictors
from nasbench.progress import Progress, silent
from nasbench.provenance import provenance
from nasbench.spaces.base import Space
from nasbench.specification import specification
from nasbench.types import FloatArray, GenotypeArray, Subset

RESAMPLES = 200
MAX_REASONS = 255
SCORES = ("kendall_tau", "sparse_kendall_tau", "spearman", "r2", "rmse")
FOLDS, RESAMPLING, NOISE = 0, 1, 2
"""Purposes of random numbers."""


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

    One model is fitted for the validation metric, for its counterparts on the test and training splits and for the
    time of training, where recorded; all at the last epoch of the metric, on the means over the training seeds that
    have a number. Architectures without any are left out, and the stored targets say why they are missing. Where
    several architectures were trained with several seeds, it is learnt how these differ; see `fit_noise`.

    Args:
        benchmark: A tabular benchmark.
        metric: A validation metric.
        predictor: Specification of a predictor (`"gp"`, `"gnn+epochs=50"`, `"module:Class"`).
        folds: Parts of the cross-validation that says how far the surrogate can be trusted.
        seed: Seed of the predictors, of the folds and of the resampling.
        progress: Told how many of all models are done.

    Raises:
        InputError: The benchmark is a surrogate itself, the metric belongs to another split, a time is not positive,
            or there are too few architectures.
        NotFoundError: The metric is not in the benchmark.
    """
    if not isinstance(benchmark, TabularBenchmark):
        raise InputError("a surrogate is fitted on a tabular benchmark, got a surrogate; pass the table it came from")
    found = benchmark.metric(metric)
    if found.split != "validation":
        known = ", ".join(m.path for m in benchmark.metrics.values() if m.split == "validation") or "(none)"
        raise InputError(
            f"a surrogate is fitted for a validation metric and its counterparts on other splits, but {found.path!r} "
            f"belongs to split {found.split!r}; name one of: {known}"
        )
    if folds < 2:
        raise InputError(f"cross-validation needs at least 2 folds, got {folds}")
    epochs = benchmark.recorded_epochs(found.path)
    epoch = epochs[-1] if epochs else None
    wanted = [found, *_counterparts(benchmark, found), *_training_time(benchmark, found)]
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
            raise InputError(f"{target.path!r} of {text} is {y.min()}; a cost has to be positive to fit a surrogate")
        genotypes = benchmark.table.genotypes[rows]
        quality, held_out = cross_validate(
            make, benchmark.space, genotypes, y, transform, folds=folds, seed=seed, units=target.units
        )
        trainings = _trainings(benchmark, genotypes, target, at)
        apart = spread(np.log(trainings) if transform == "log" else trainings)
        group = np.unique(benchmark.space.function_key(genotypes), return_inverse=True)[1]
        noise = fit_noise(held_out, apart, group)
        if noise is not None:
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(NOISE,)))
            quality |= noise_quality(held_out, apart, group, rng)
        fitted = make().fit(Inputs(benchmark.space, genotypes), np.log(y) if transform == "log" else y)
        models[target.path], columns[target.path] = Model(fitted, transform, at, quality, held_out, noise), column
    progress(len(wanted), len(wanted))
    recipe = {
        "predictor": predictor,
        "predictor_class": specification(fitted, predictors),
        "metric": found.path,
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
) -> tuple[dict[str, Any], FloatArray]:
    """Scores of predictions for held-out architectures, and the predictions; equal functions share a fold.

    Args:
        make: Makes an unfitted predictor.
        space: The search space.
        genotypes: Architectures; shape `(n, d)`.
        y: Targets in the unit of the metric; shape `(n,)`.
        transform: What the predictor learns of the targets.
        folds: Parts, of which each is predicted by a model that was fitted on the others.
        seed: Seed of the folds and of the resampling.
        units: Of the targets; the sparse Kendall tau is of percent only.

    Returns:
        `n`, `groups` (different functions), `folds`, and of each score its value over all held-out predictions with
        the ends of its 95 % interval: percentiles of a bootstrap over groups, in which the fitted models are kept.
        A score that is undefined is None. As each part is predicted from fewer cells than the surrogate is fitted on,
        and from none that computes the same, the scores are rather too low than too high. Then the predictions, shape
        `(n,)`, in the unit of the metric.

    Raises:
        InputError: There are too few architectures for the predictor.
    """
    _, group = np.unique(space.function_key(genotypes), return_inverse=True)
    groups = int(group.max()) + 1
    folds = min(folds, groups)
    if folds < 2:
        raise InputError(f"cross-validation needs at least 2 different architectures with a number, got {groups}")
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(FOLDS,)))
    fold = (rng.permutation(groups) % folds)[group]
    learnt = np.log(y) if transform == "log" else y
    held_out, inputs = np.empty(len(y)), Inputs(space, genotypes)
    for number in range(folds):
        outside = fold == number
        predictor = make().fit(inputs[~outside], learnt[~outside])
        found = predictor.predict(inputs[outside])
        held_out[outside] = (from_log(found) if transform == "log" else found).mean
    return {"n": len(y), "groups": groups, "folds": folds, **_scores(y, held_out, group, seed, units)}, held_out


def _scores(
    y: FloatArray, predicted: FloatArray, group: npt.NDArray[np.intp], seed: int, units: str
) -> dict[str, float | None]:
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(RESAMPLING,)))
    members = np.argsort(group, kind="stable")
    start = np.searchsorted(group[members], np.arange(group.max() + 2))
    samples = []
    for _ in range(RESAMPLES):
        drawn = rng.integers(len(start) - 1, size=len(start) - 1)
        samples.append(np.concatenate([members[start[g] : start[g + 1]] for g in drawn]))
    result: dict[str, float | None] = {}
    for name in SCORES:
        score: Score = getattr(metrics, name)
        if name == "sparse_kendall_tau":
            score = partial(metrics.sparse_kendall_tau, units=units)
        resampled = np.array([score(y[rows], predicted[rows]) for rows in samples])
        resampled = resampled[np.isfinite(resampled)]
        low, high = np.quantile(resampled, (0.025, 0.975)) if len(resampled) else (np.nan, np.nan)
        for ending, value in (("", score(y, predicted)), ("_low", low), ("_high", high)):
            result[f"{name}{ending}"] = float(value) if np.isfinite(value) else None
    return result


def _check_needs(unfitted: Predictor, name: str, benchmark: Benchmark) -> None:
    columns = [column for column in unfitted.needs.columns if column not in benchmark.space.feature_kinds]
    if columns or unfitted.needs.epochs:
        needed = f"column {columns[0]!r}" if columns else f"the curve of {unfitted.needs.epochs} epochs"
        raise InputError(
            f"a surrogate answers for the whole space, and {name!r} needs {needed}, which only the "
            f"{len(benchmark.architectures()):,} architectures of the table have; leave it out of features"
        )


def _counterparts(benchmark: Benchmark, found: Metric) -> list[Metric]:
    splits: tuple[Subset, ...] = ("test", "train")
    partners = []
    for split in splits:
        try:
            partners.append(benchmark.partner(found.path, split))
        except NotFoundError:
            continue
    return partners


def _training_time(benchmark: Benchmark, found: Metric) -> list[Metric]:
    return [benchmark.metrics[found.cost_path]] if found.cost_path in benchmark.metrics else []


def _trainings(benchmark: TabularBenchmark, genotypes: GenotypeArray, target: Metric, epoch: int | None) -> FloatArray:
    """What each training gave, by seed; shape `(n, seeds)`, NaN where missing."""
    at: Epoch = "last" if epoch is None else epoch
    seeds = benchmark.recorded_seeds(target.path)
    answers = [benchmark.query_many(genotypes, target.path, epoch=at, seed=seed) for seed in seeds]
    return np.array([answer.values.filled(np.nan) for answer in answers]).reshape(len(seeds), len(genotypes)).T


def _targets(benchmark: TabularBenchmark, target: Metric, epoch: int | None) -> tuple[Column, int | None]:
    """Mean over the seeds at the epoch, or at the target's own last where it has none there, and the epoch taken."""
    at: Epoch = epoch if epoch in benchmark.recorded_epochs(target.path) and epoch is not None else "last"
    genotypes = benchmark.table.genotypes
    answers = benchmark.query_many(genotypes, target.path, epoch=at)
    values = answers.values.filled(np.nan)
    reasons: list[str] = []
    missing = np.zeros(len(values), dtype=np.uint8)
    for row in np.flatnonzero(np.isnan(values)):
        reason = benchmark.query(genotypes[row], target.path, epoch=at).reason or "not recorded"
        if reason not in reasons and len(reasons) == MAX_REASONS - 1:
            reason = "for one reason more than fit here"
        if reason not in reasons:
            reasons.append(reason)
        missing[row] = 1 + reasons.index(reason)
    if missing.all():
        raise InputError(f"{target.path!r} has no number at all, so nothing can be learnt; the first: {reasons[0]}")
    metric = Metric(**{**vars(target), "dims": ("architecture",)})
    return Column(metric, values, missing, tuple(reasons)), answers.epoch


def noise_quality(
    predicted: FloatArray, found: Spread, group: npt.NDArray[np.intp], rng: np.random.Generator
) -> dict[str, Any]:
    """Whether noise that was learnt from some architectures is that of others.

    Args:
        predicted: As of `fit_noise`.
        found: As of `fit_noise`.
        group: As of `fit_noise`: no group is both learnt from and tested on.
        rng: Draws the parts.

    Returns:
        `noise_cells`: architectures with several seeds; `noise_ratio`: predicted variance by the one found, pooled;
        `noise_coverage_90`: share of single trainings inside the central 90 % interval around the mean over seeds (0.9
        is right). None where the noise is too small or too little known to say.
    """
    names, number = np.unique(group, return_inverse=True)
    part = (rng.permutation(len(names)) % NOISE_FOLDS)[number]
    expected = np.full(len(predicted), np.nan)
    for fold in range(NOISE_FOLDS):
        inside = part == fold
        learnt = fit_noise(predicted[~inside], Spread(*(array[~inside] for array in found)), group[~inside])
        if learnt is not None:
            expected[inside] = learnt.at(predicted[inside])
    rows = (found.freedom > 0) & np.isfinite(expected)
    seen = float(found.freedom[rows] @ found.variance[rows])
    drawn = float(found.freedom[rows] @ expected[rows] ** 2)
    z = found.residuals[rows] / np.where(expected[rows] > 0, expected[rows], np.nan)[:, None]
    z = z[np.isfinite(z)]
    return {
        "noise_cells": int((found.freedom > 0).sum()),
        "noise_ratio": drawn / seen if seen > 0 else None,
        "noise_coverage_90": float((np.abs(z) <= NORMAL_90).mean()) if len(z) else None,
    }
