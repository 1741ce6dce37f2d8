"""Scores of predictors by training size (White et al., 2021), on splits that are the same for all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from time import perf_counter
from typing import Any, NamedTuple, get_args

import numpy as np

from nasbench.benchmark.base import Benchmark, Epoch
from nasbench.benchmark.gather import gather
from nasbench.checks import check_number, check_whole
from nasbench.errors import InputError, blamed
from nasbench.evaluate import metrics, top
from nasbench.evaluate.ceiling import noise_ceiling
from nasbench.evaluate.leaders import rankings
from nasbench.evaluate.results import Results, json_values
from nasbench.evaluate.splits import (
    Protocol,
    Split,
    Targets,
    half_split,
    random_split,
    restricted,
    shared_functions,
    split,
    targets,
)
from nasbench.evaluate.statistics import percentile_ends, resampling_weights
from nasbench.parallel.jobs import processes_for, run_jobs
from nasbench.parallel.patience import watched
from nasbench.predictors import Inputs, Predictor
from nasbench.predictors import predictors as registry
from nasbench.progress import Progress, silent
from nasbench.specification import named
from nasbench.types import Direction

DEFAULT = ("mean", "ridge", "gp", "xgb", "gnn")
"""Predictors that are scored where none is named."""
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
SIGN: dict[Direction, float] = {"maximise": 1.0, "minimise": -1.0, "none": math.nan}
"""What a metric is multiplied with so that more is better; without a direction, nothing is best."""


class FitJob(NamedTuple):
    """One predictor to fit on the first `n_train` training architectures of one split."""

    predictor: str
    n_train: int
    seed: int
    left_out: str = ""


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
    """

    predictor: str | type[Predictor] | Predictor
    inputs: Inputs
    targets: Targets
    units: str
    direction: Direction
    splits: Mapping[str, tuple[Split, ...]]


def evaluate(
    benchmark: Benchmark,
    metric: str,
    *,
    predictors: Sequence[str | type[Predictor] | Predictor],
    train_sizes: Sequence[int],
    test_size: int | None = None,
    splits: int,
    protocol: Protocol = "functions",
    seed: int = 0,
    epoch: Epoch = "last",
    strict: bool = False,
    jobs: int = 1,
    patience: float | None = None,
    progress: Progress = silent,
    holdouts: Mapping[str, Split] | None = None,
) -> Results:
    """Score predictors on architectures of a benchmark.

    For each split, every predictor is fitted on nested training sets and scored on the same test set; only
    architectures whose inputs are known to all predictors take part. A target
    is the mean over the recorded training seeds. A predictor named by a text gets the number of the split as its
    `seed`, and so does a class. Scores do not depend on `jobs`: with several, and with a patience, no two predictors
    share a process.

    Args:
        benchmark: Source of architectures, targets and inputs.
        metric: The metric that is predicted.
        predictors: Names, `module:Class` of one's own, with arguments as `gp+steps=50`; classes; or instances.
        train_sizes: Numbers of training architectures; with given parts, none means all, and by the protocol
            `"tagates"` 1 % of half the table.
        test_size: Number of test architectures; of no use where the protocol or `holdouts` say what is tested on.
        splits: Number of random splits; with given parts, of random orders of the training architectures.
        protocol: How architectures are split. `"functions"`: at random, one architecture of each function takes part.
            `"random"`: at random among all, so functions may be shared. `"published"`: the parts that the source of the
            table publishes. `"tagates"`: half of all is tested on, and labels are drawn from the other half, as by
            TA-GATES, FLAN, FlowerFormer and FGP, of which some use further labels for early stopping.
        seed: Seed of the splits.
        epoch: Epoch at which the metric is taken.
        strict: Whether a predictor that fails ends the evaluation; otherwise it is left out of the results.
        jobs: Processes of this machine. With 1 and no patience, fits stay in this process, which ends with a predictor
            that ends it (`os._exit`, a crash).
        patience: Seconds that a fit, or the prediction of a test set, may take, imports included; then its process is
            killed and the predictor has failed. None for no limit.
        progress: Told about finished fits.
        holdouts: Given splits by name, in rows of `benchmark.architectures()`, instead of a protocol: for instance the
            finds of one search strategy (Zela et al., 2022). All test rows are scored, all training rows
            can be learnt from; who makes them sees to it that they share no function.

    Returns:
        Results of kind `"evaluation"`. A record holds `predictor`, `n_train`, `seed` (number of the split) and
        `SCORES`: `rmse`, `crps` and `regret_at_10` are in the unit of the metric, `nll` in nats, `query_seconds` is the
        mean simulated time of training behind the inputs of a test architecture, over those whose time is recorded,
        `shared_functions` the share of test architectures whose function is in the training set; undefined scores are
        None. With given parts, `left_out` names the one. The summary holds for each predictor and
        size the mean of every score with its 95 % bootstrap interval over the splits; where all of a given training
        part is learnt from there is none, as splits differ by no architecture. Its `rankings` say for each size which
        predictors cannot be told apart from the one with the highest mean Kendall tau (`leaders.rankings`), its
        `noise_ceiling` what tau the expected values of all targets would have (`ceiling.Ceiling`; None where nothing
        was trained twice), its `failures` why predictors are left out, by name.

    Raises:
        InputError: A name, number or size is not acceptable, an input is not recorded, other processes cannot have a
            predictor for whom there is a patience, all predictors failed, or one did and `strict` is true.
        NotFoundError: The benchmark has no such metric or epoch.
    """
    by_name = named(dict.fromkeys(predictors), registry)
    if protocol not in get_args(Protocol):
        raise InputError(f"a protocol is one of {', '.join(get_args(Protocol))}; got {protocol!r}")
    if holdouts and protocol != "functions":
        raise InputError(f"the protocol {protocol!r} and holdouts both say what is tested on; give one of them")
    if protocol == "published":
        from nasbench.evaluate.holdout import published  # imports searches, which processes that fit do without

        holdouts = published(benchmark)
    drawn = not holdouts and protocol != "tagates"
    for name, number, least in (
        ("splits", splits, 1), ("jobs", jobs, 1), ("seed", seed, 0), *([("test_size", test_size, 1)] if drawn else []),
        *(("a training size", size, 1) for size in train_sizes),
    ):  # fmt: skip
        check_whole(name, number, least)
    if patience is not None:
        check_number("patience", patience, above=0)
    sizes = tuple(sorted(set(train_sizes)))
    if not sizes and drawn:
        raise InputError("name at least one training size")
    facts = benchmark.metric(metric)
    found, inputs, unknown = _with_inputs(benchmark, facts.path, epoch, by_name)
    held_out, sizes_of = _splits(found, sizes, test_size or 0, splits, seed, holdouts or protocol)
    _check_sizes(by_name, min(sizes[0] for sizes in sizes_of.values()))
    fits = [
        FitJob(name, size, number, left_out)
        for left_out, sizes in sizes_of.items()
        for size in sizes
        for number in range(splits)
        for name in by_name
    ]
    sent = {f"predictor {name!r}": predictor for name, predictor in by_name.items()} | {"space": benchmark.space}
    scores, failures = run_jobs(
        {
            name: partial(_prepare, FitData(component, inputs[name], found, facts.units, facts.direction, held_out))
            for name, component in by_name.items()
        },
        fits,
        processes_for(sent, jobs, patience),
        component=lambda fit: fit.predictor,
        describe=lambda fit: f"predictor {fit.predictor!r} on {fit.n_train} architectures, split {fit.seed}",
        patience=patience,
        strict=strict,
        progress=progress,
    )
    limit = noise_ceiling(benchmark, found.genotypes, facts.path, epoch, np.random.default_rng(seed))
    names, order = [name for name in by_name if name not in failures], list(held_out)
    if not names:
        raise InputError(next(iter(failures.values())))
    fits = [fit for fit in fits if fit.predictor in names]
    fits.sort(key=lambda fit: (names.index(fit.predictor), order.index(fit.left_out), fit.n_train, fit.seed))
    records = [{**fit._asdict(), **scores[fit]} for fit in fits]
    if not holdouts:
        for record in records:
            del record["left_out"]
    return Results(
        kind="evaluation",
        benchmark=benchmark.name,
        space=benchmark.space.name,
        metric=facts.path,
        units=facts.units,
        settings={
            "predictors": names,
            "train_sizes": sorted({fit.n_train for fit in fits}),
            "protocol": None if holdouts and protocol == "functions" else protocol,
            "test_size": None if holdouts else len(held_out[""][0].test),
            **({"left_out": {name: len(parts[0].test) for name, parts in held_out.items()}} if holdouts else {}),
            "splits": splits,
            "seed": seed,
            "epoch": epoch,
            "target": "mean over the recorded training seeds",
            "architectures": len(found.values),
            "functions": len(np.unique(found.functions)),
            "missing": found.missing,
            "unknown_inputs": unknown,
        },
        records=[json_values(record) for record in records],
        summary={
            **json_values(_summary(records, seed, {n: len(p[0].train) for n, p in held_out.items() if holdouts})),
            "noise_ceiling": json_values(limit._asdict()) if limit else None,
            "rankings": json_values(rankings(records, seed)),
            "failures": failures,
        },
    )


def _with_inputs(
    benchmark: Benchmark, metric: str, epoch: Epoch, by_name: Mapping[str, str | type[Predictor] | Predictor]
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


def _splits(
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


def _check_sizes(by_name: Mapping[str, str | type[Predictor] | Predictor], smallest: int) -> None:
    for name, component in by_name.items():
        with blamed(f"predictor {name!r}"):
            least = registry.create(component).min_samples
        if smallest < least:
            raise InputError(f"predictor {name!r} needs at least {least} architectures, got a training size {smallest}")


def _prepare(data: FitData) -> Callable[[FitJob], dict[str, float]]:
    return partial(_score, data)


def _score(data: FitData, fit: FitJob) -> dict[str, float]:
    inputs, values = data.inputs, data.targets.values
    train, test = data.splits[fit.left_out][fit.seed]
    train = train[: fit.n_train]
    predictor = registry.create(data.predictor, seed=fit.seed)
    begin = perf_counter()
    watched("fit", predictor.fit)(inputs[train], values[train])
    fitted = perf_counter()
    mean, std = watched("prediction", predictor.predict)(inputs[test])
    end = perf_counter()
    y = values[test]
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
    }


def _query_seconds(inputs: Inputs) -> float:
    """Mean of the recorded times behind inputs: 0 without a curve, NaN where none is recorded."""
    if inputs.seconds is None:
        return 0.0 if inputs.curve is None else np.nan
    recorded = inputs.seconds[np.isfinite(inputs.seconds)]
    return float(recorded.mean()) if len(recorded) else np.nan


def _summary(records: Sequence[dict[str, Any]], seed: int, whole_parts: Mapping[str, int]) -> dict[str, Any]:
    """Mean and interval of every score by predictor and training size, and what varies.

    Args:
        records: As `evaluate` returns them.
        seed: Of the bootstrap.
        whole_parts: Architectures of each given training part; a record of all of them has no interval, as nothing is
            drawn but the seed of the predictor.
    """
    groups: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
    for record in records:
        groups.setdefault((record["predictor"], record["n_train"], record.get("left_out", "")), []).append(record)
    weights = cache(lambda n: resampling_weights(n, np.random.default_rng(seed)))
    rows = []
    for (name, size, left_out), group in groups.items():
        values = np.array([[record[score] for score in SCORES] for record in group])  # (splits, scores)
        counts = np.isfinite(values).sum(axis=0)
        ends = np.full((2, len(SCORES)), np.nan)
        for n in set(counts[counts > 1].tolist()) if size != whole_parts.get(left_out) else ():
            columns = values[:, counts == n]
            ends[:, counts == n] = percentile_ends(weights(n) @ columns.T[np.isfinite(columns.T)].reshape(-1, n).T, n)
        row: dict[str, Any] = {"predictor": name, "n_train": size, **({"left_out": left_out} if left_out else {})}
        for score, column, n, low, high in zip(SCORES, values.T, counts, *ends, strict=True):
            mean = column[np.isfinite(column)].mean() if n else np.nan
            row[score] = {"mean": mean, "low": low, "high": high, "n": n}
        rows.append(row)
    drawn = "random parts of the given training part; none for all of it" if whole_parts else "the splits"
    return {"interval": f"95 % expanded percentile bootstrap of the mean over {drawn}", "scores": rows}
