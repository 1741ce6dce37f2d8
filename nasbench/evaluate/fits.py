"""One fit of a predictor to a part of the training architectures of a split, and its scores on the test part."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from nasbench.evaluate import metrics, top
from nasbench.evaluate.sources import SIGN, Sources
from nasbench.evaluate.splits import Split, Targets, shared_functions
from nasbench.evaluate.tuning import TuningBudget, changed, specification, tune
from nasbench.parallel.patience import watched
from nasbench.predictors import Inputs, Predictor
from nasbench.predictors import predictors as registry
from nasbench.specification import fixed_arguments
from nasbench.types import Direction, FloatArray

SCORES = (
    "kendall_tau",
    "sparse_kendall_tau",
    "spearman",
    "pearson",
    "r2",
    "rmse",
    "nll",
    "crps",
    "coverage_90",
    "calibration_error",
    "ndcg_at_10",
    "precision_at_10",
    "precision_at_1_percent",
    "best_rank_at_10",
    "regret_at_10",
    "fit_seconds",
    "predict_seconds",
    "query_seconds",
    "shared_functions",
)
"""Scores of each record, beside `predictor`, `n_train` and `seed`."""
TUNED = ("tuned", "tune_trials", "tune_failed", "tune_seconds")
"""Fields of a record of a tuned fit."""
OF_VALUES = ("r2", "rmse", "nll", "crps", "coverage_90", "calibration_error")
"""Scores that compare predicted numbers with targets, and so are undefined for predictions without a unit."""


class FitJob(NamedTuple):
    """One predictor to fit on the first `n_train` training architectures of one split.

    Attributes:
        predictor: Its name.
        n_train: Number of training architectures.
        seed: Number of the split.
        left_out: Name of the held-out part; empty for random splits.
        trial: Whether it is only tried whether the predictor fits and predicts, without scores and tuning.
    """

    predictor: str
    n_train: int
    seed: int
    left_out: str = ""
    trial: bool = False


@dataclass(frozen=True)
class FitData:
    """Data that all fits of a predictor share.

    Attributes:
        predictor: A specification, a class or an instance.
        inputs: Its inputs; `n` architectures.
        targets: Targets of the same architectures.
        units: Unit of the targets.
        direction: Whether more or less is better.
        splits: One split for each seed, by the name of the held-out part ("" for random splits).
        tuning: What tuning each fit may cost; None to fit the predictor as it is.
        sources: Inputs and targets of other tables, from which it learns first.
    """

    predictor: str | type[Predictor] | Predictor
    inputs: Inputs
    targets: Targets
    units: str
    direction: Direction
    splits: Mapping[str, tuple[Split, ...]]
    tuning: TuningBudget | None = None
    sources: Sources = ()


def prepare(data: FitData) -> Callable[[FitJob], dict[str, Any]]:
    """The function that runs a job: the scores by name, and what was tuned; nothing for a trial."""
    if not data.sources:
        return partial(_score, data, None)
    predictor = registry.create(data.predictor, seed=0)
    return partial(_score, data, watched("pretraining", predictor.pretrain)(data.sources))


def _score(data: FitData, pretrained: Predictor | None, fit: FitJob) -> dict[str, Any]:
    inputs, values = data.inputs, data.targets.values
    train, test = data.splits[fit.left_out][fit.seed]
    train = train[: fit.n_train]
    predictor = registry.create(data.predictor, seed=fit.seed)
    if pretrained is not None:
        predictor = copy(pretrained).set_params(**predictor.get_params())
    found: dict[str, Any] = {}
    if data.tuning is not None and not fit.trial:
        predictor, found = _tuned(predictor, data.predictor, data.tuning, fit, inputs[train], values[train])
    begin = perf_counter()
    watched("fit", predictor.fit)(inputs[train], values[train])
    fitted = perf_counter()
    mean, std = watched("prediction", predictor.predict)(inputs[test])
    end = perf_counter()
    if fit.trial:
        return {}
    y = values[test]
    undefined = dict.fromkeys(OF_VALUES, math.nan) if not len(train) else {}
    worth, ranked_by = SIGN[data.direction] * y, SIGN[data.direction] * mean
    return {
        "kendall_tau": metrics.kendall_tau(y, mean),
        "sparse_kendall_tau": metrics.sparse_kendall_tau(y, mean, data.units),
        "spearman": metrics.spearman(y, mean),
        "pearson": metrics.pearson(y, mean),
        "r2": metrics.r2(y, mean),
        "rmse": metrics.rmse(y, mean),
        "nll": metrics.nll(y, mean, std),
        "crps": metrics.crps(y, mean, std),
        "coverage_90": metrics.coverage_90(y, mean, std),
        "calibration_error": metrics.calibration_error(y, mean, std),
        "ndcg_at_10": top.ndcg(worth, ranked_by, 10),
        "precision_at_10": top.precision(worth, ranked_by, 10),
        "precision_at_1_percent": top.precision_at_1_percent(worth, ranked_by),
        "best_rank_at_10": top.best_rank(worth, ranked_by, 10),
        "regret_at_10": top.regret(worth, ranked_by, 10),
        "fit_seconds": fitted - begin,
        "predict_seconds": end - fitted,
        "query_seconds": _query_seconds(inputs[test]),
        "shared_functions": shared_functions(data.targets.functions, Split(train, test)),
        **undefined,
        **found,
    }


def _tuned(
    predictor: Predictor,
    given: str | type[Predictor] | Predictor,
    budget: TuningBudget,
    fit: FitJob,
    inputs: Inputs,
    values: FloatArray,
) -> tuple[Predictor, dict[str, Any]]:
    """A predictor with the arguments that are best within the training set, and the fields that say so."""
    begin = perf_counter()
    found = tune(predictor, inputs, values, budget, fixed=fixed_arguments(given, registry), seed=fit.seed)
    text = specification(fit.predictor, found.arguments) if predictor.tunable else None
    numbers = (text, found.trials, found.failed, perf_counter() - begin)
    return changed(predictor, found.arguments), dict(zip(TUNED, numbers, strict=True))


def _query_seconds(inputs: Inputs) -> float:
    """Mean of the recorded times behind inputs: 0 without a curve, NaN where none is recorded."""
    if inputs.seconds is None:
        return 0.0 if inputs.curve is None else np.nan
    recorded = inputs.seconds[np.isfinite(inputs.seconds)]
    return float(recorded.mean()) if len(recorded) else np.nan
