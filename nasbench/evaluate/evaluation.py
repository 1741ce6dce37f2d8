"""An evaluation of predictors: planned with its splits, tried out, then run fit by fit (White et al., 2021)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from typing import Any, get_args

import numpy as np

from nasbench.benchmark.base import Benchmark, Epoch, Metric
from nasbench.checks import check_number, check_whole
from nasbench.errors import InputError, blamed
from nasbench.evaluate.baselines import baselines
from nasbench.evaluate.ceiling import noise_ceiling
from nasbench.evaluate.fits import SCORES, FitData, FitJob, prepare
from nasbench.evaluate.leaders import rankings
from nasbench.evaluate.preparation import AnyPredictor, check_sizes, draw_splits, learnt_from, with_inputs
from nasbench.evaluate.results import Results, json_values
from nasbench.evaluate.sources import Source, Sources
from nasbench.evaluate.splits import (
    Protocol,
    Split,
    Targets,
)
from nasbench.evaluate.statistics import percentile_ends, resampling_weights
from nasbench.evaluate.tuning import TuningBudget, tunable_of
from nasbench.parallel.jobs import Cluster, processes_for, run_jobs
from nasbench.predictors import Inputs
from nasbench.predictors import predictors as registry
from nasbench.progress import Progress, silent
from nasbench.specification import fixed_arguments, named


@dataclass(frozen=True)
class Evaluation:
    """An evaluation whose settings are checked and whose splits are drawn; nothing was fitted.

    Attributes:
        benchmark: Source of architectures and targets.
        metric: The metric that is predicted.
        predictors: By name.
        inputs: Of each predictor, `n` architectures.
        targets: Of the same architectures.
        unknown: How many architectures are left out, as an input is missing.
        held_out: Splits by the name of the held-out part; that of random splits is empty.
        sizes: Training sizes by the same names.
        protocol: How architectures are split; None for given splits.
        splits: Number of splits.
        seed: Seed of the splits.
        epoch: Epoch at which the metric is taken.
        jobs: Processes of this machine.
        patience: Seconds that a fit may take.
        tuning: What tuning each fit may cost.
        sources: Names of other tables that predictors learn from first; empty where none does.
        learnt_first: What they learn from these; by predictor.
        cluster: Where fits run; None for this machine.
    """

    benchmark: Benchmark
    metric: Metric
    predictors: Mapping[str, AnyPredictor]
    inputs: Mapping[str, Inputs]
    targets: Targets
    unknown: int
    held_out: Mapping[str, tuple[Split, ...]]
    sizes: Mapping[str, tuple[int, ...]]
    protocol: Protocol | None
    splits: int
    seed: int
    epoch: Epoch
    jobs: int
    patience: float | None
    tuning: TuningBudget | None
    sources: tuple[str, ...]
    learnt_first: Mapping[str, Sources]
    cluster: Cluster | None = None

    @classmethod
    def plan(
        cls,
        benchmark: Benchmark,
        metric: str,
        *,
        predictors: Sequence[AnyPredictor],
        train_sizes: Sequence[int],
        test_size: int | None,
        splits: int,
        protocol: Protocol = "functions",
        seed: int = 0,
        epoch: Epoch = "last",
        jobs: int = 1,
        patience: float | None = None,
        holdouts: Mapping[str, Split] | None = None,
        tuning: TuningBudget | None = None,
        sources: Sequence[Source] | None = None,
        cluster: Cluster | None = None,
    ) -> Evaluation:
        """Check settings and draw splits; arguments and errors are those of `evaluate`."""
        by_name = named(dict.fromkeys(predictors), registry)
        if protocol not in get_args(Protocol):
            raise InputError(f"a protocol is one of {', '.join(get_args(Protocol))}; got {protocol!r}")
        if holdouts and protocol != "functions":
            raise InputError(f"the protocol {protocol!r} and holdouts both say what is tested on; give one of them")
        if protocol == "published":
            from nasbench.evaluate.holdout import published  # imports searches, which processes that fit do without

            holdouts = published(benchmark)
        if tuning is not None:
            for name, component in by_name.items():
                with blamed(f"predictor {name!r}"):
                    tunable_of(registry.create(component), fixed_arguments(component, registry))
        drawn = not holdouts and protocol != "tagates"
        for name, number, least in (
            ("splits", splits, 1), ("jobs", jobs, 1), ("seed", seed, 0),
            *([("test_size", test_size, 1)] if drawn else []), *(("a training size", size, 0) for size in train_sizes),
        ):  # fmt: skip
            check_whole(name, number, least)
        if patience is not None:
            check_number("patience", patience, above=0)
            if cluster is not None:
                raise InputError("a patience ends processes of this machine; leave it out, or use the engine local")
        sizes = tuple(sorted(set(train_sizes)))
        if not sizes and drawn:
            raise InputError("name at least one training size")
        facts = benchmark.metric(metric)
        found, inputs, unknown = with_inputs(benchmark, facts.path, epoch, by_name)
        others, learnt_first = learnt_from(benchmark, facts, by_name, sources)
        held_out, sizes_of = draw_splits(found, sizes, test_size or 0, splits, seed, holdouts or protocol)
        check_sizes(by_name, min(sizes[0] for sizes in sizes_of.values()))
        sent = {f"predictor {name!r}": predictor for name, predictor in by_name.items()} | {"space": benchmark.space}
        return cls(
            benchmark=benchmark,
            metric=facts,
            predictors=by_name,
            inputs=inputs,
            targets=found,
            unknown=unknown,
            held_out=held_out,
            sizes=sizes_of,
            protocol=None if holdouts and protocol == "functions" else protocol,
            splits=splits,
            seed=seed,
            epoch=epoch,
            jobs=cluster.jobs if cluster else processes_for(sent, jobs, patience),
            patience=patience,
            tuning=tuning,
            sources=others,
            learnt_first=learnt_first,
            cluster=cluster,
        )

    @property
    def given(self) -> bool:
        """Whether the held-out parts are given, and not drawn."""
        return "" not in self.held_out

    @property
    def fits(self) -> list[FitJob]:
        """All fits, small ones first, and of all predictors in turn."""
        return [
            FitJob(name, size, number, left_out)
            for left_out, sizes in self.sizes.items()
            for size in sizes
            for number in range(self.splits)
            for name in self.predictors
        ]

    def try_out(
        self, strict: bool, warn: Callable[[str], None], known: Mapping[FitJob, dict[str, Any]] | None = None
    ) -> dict[str, str]:
        """Fit each predictor once as it is, on the smallest training set, and predict: why some fail, by name.

        Nothing is done where the first fits of all predictors come first anyway. A process serves one predictor, so
        where there are more predictors than processes, the last would begin when others are done.

        Args:
            strict: Whether the first failure is raised.
            warn: Told each failure.
            known: Scores of fits that are not made again; who has no other fits is not tried.

        Raises:
            InputError: A predictor failed, and `strict` is true, or all failed.
        """
        together = self.jobs == 1 and self.patience is None and self.cluster is None
        if self.tuning is None and (together or self.jobs >= len(self.predictors)):
            return {}
        left_out, size = min(((part, sizes[0]) for part, sizes in self.sizes.items()), key=lambda place: place[1])
        to_fit = {fit.predictor for fit in self.fits if fit not in (known or {})}
        trials = [FitJob(name, size, 0, left_out, trial=True) for name in self.predictors if name in to_fit]
        return self._run_jobs(trials, strict, silent, warn=warn)[1]

    def run(
        self,
        failed: Mapping[str, str],
        *,
        strict: bool = False,
        progress: Progress = silent,
        warn: Callable[[str], None] = lambda reason: None,
        known: Mapping[FitJob, dict[str, Any]] | None = None,
        finished: Callable[[FitJob, dict[str, Any]], None] = lambda fit, scores: None,
    ) -> Results:
        """Fit and score all but the predictors that have failed; see `evaluate`.

        Args:
            failed: Why predictors have failed already, by name.
            strict: Whether a failure ends the evaluation.
            progress: Told about finished fits.
            warn: Told at once why a predictor is left out.
            known: Scores of fits that are not made again.
            finished: Told the scores of each fit as soon as they are there.
        """
        fits = [fit for fit in self.fits if fit.predictor not in failed]
        scores, failures = self._run_jobs(fits, strict, progress, warn=warn, known=known, finished=finished)
        failures = {**failed, **failures}
        names, order = [name for name in self.predictors if name not in failures], list(self.held_out)
        if not names:
            raise InputError(next(iter(failures.values())))
        limit = noise_ceiling(
            self.benchmark, self.targets.genotypes, self.metric.path, self.epoch, np.random.default_rng(self.seed)
        )
        fits = [fit for fit in fits if fit.predictor in names]
        fits.sort(key=lambda fit: (names.index(fit.predictor), order.index(fit.left_out), fit.n_train, fit.seed))
        records = [{**_place(fit), **scores[fit]} for fit in fits]
        whole_parts = {name: len(parts[0].train) for name, parts in self.held_out.items() if self.given}
        return Results(
            kind="evaluation",
            benchmark=self.benchmark.name,
            space=self.benchmark.space.name,
            metric=self.metric.path,
            units=self.metric.units,
            settings={**self.settings, "predictors": names, "train_sizes": sorted({fit.n_train for fit in fits})},
            records=[json_values(record) for record in records],
            summary={
                **json_values(_summary(records, self.seed, whole_parts)),
                "noise_ceiling": json_values(limit._asdict()) if limit else None,
                "baselines": json_values(
                    baselines(self.benchmark, self.metric, self.targets, self.held_out, self.seed)
                ),
                "rankings": json_values(rankings(records, self.seed)),
                "failures": {name: failures[name] for name in self.predictors if name in failures},
            },
        )

    @property
    def settings(self) -> dict[str, Any]:
        """What was asked for, with every default filled in."""
        tested = {name: len(parts[0].test) for name, parts in self.held_out.items()}
        return {
            "predictors": list(self.predictors),
            "train_sizes": sorted({size for sizes in self.sizes.values() for size in sizes}),
            "protocol": self.protocol,
            "test_size": None if self.given else tested[""],
            **({"left_out": tested} if self.given else {}),
            "splits": self.splits,
            "seed": self.seed,
            "epoch": self.epoch,
            "target": "mean over the recorded training seeds",
            "architectures": len(self.targets.values),
            "functions": len(np.unique(self.targets.functions)),
            "missing": self.targets.missing,
            "unknown_inputs": self.unknown,
            **({"sources": list(self.sources)} if self.sources else {}),
            **({"tuning": {**asdict(self.tuning), "note": self.tuning.note}} if self.tuning else {}),
        }

    def _run_jobs(
        self, fits: Sequence[FitJob], strict: bool, progress: Progress, **hooks: Any
    ) -> tuple[dict[FitJob, dict[str, Any]], dict[str, str]]:
        """Results of fits, and why predictors failed."""
        shared = (self.targets, self.metric.units, self.metric.direction, self.held_out, self.tuning)
        return run_jobs(
            {
                name: partial(prepare, FitData(predictor, self.inputs[name], *shared, self.learnt_first.get(name, ())))
                for name, predictor in self.predictors.items()
            },
            fits,
            self.jobs,
            component=lambda fit: fit.predictor,
            describe=lambda fit: f"predictor {fit.predictor!r} on {fit.n_train} architectures, split {fit.seed}",
            patience=self.patience,
            strict=strict,
            progress=progress,
            cluster=self.cluster,
            **hooks,
        )


def _place(fit: FitJob) -> dict[str, Any]:
    """The fields of a record that say which fit it was."""
    place = {"predictor": fit.predictor, "n_train": fit.n_train, "seed": fit.seed}
    return {**place, "left_out": fit.left_out} if fit.left_out else place


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
