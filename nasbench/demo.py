"""The main job, end to end: train real cells, score predictors, fit a surrogate, race strategies, write a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from nasbench.benchmark.hdf5.writer import write_surrogate
from nasbench.benchmark.load import load
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.builder import BuildSettings, build
from nasbench.errors import FileError, InputError
from nasbench.evaluate import predictors, strategies
from nasbench.evaluate.leaders import standing
from nasbench.evaluate.results import Results
from nasbench.evaluate.splits import feasible
from nasbench.evaluate.surrogates import fit_surrogate
from nasbench.progress import Progress
from nasbench.report.page import write_report
from nasbench.spaces.values import NetworkSettings
from nasbench.training.settings import TrainSettings

METRIC = "validation_accuracy"
SIDE_BY_SIDE = 16
"""Cells that train as one network."""


@dataclass(frozen=True)
class DemoSettings:
    """How much of everything the demonstration does.

    Attributes:
        build: Which cells are trained, on what, and how.
        shipped: Benchmark that comes with the package, for all that follows the training; None for the trained cells.
        predictors: Predictors that are scored.
        surrogate: Predictor that becomes the surrogate; None for the one with the highest mean Kendall tau.
        train_sizes: Training architectures for which predictors are scored.
        test_size: Held-out architectures.
        splits: Random splits of the trained cells.
        strategies: Strategies that race on the surrogate.
        evaluations: Budget of each run.
        repeats: Runs of each strategy.
    """

    build: BuildSettings
    shipped: str | None = None
    predictors: Sequence[str] = predictors.DEFAULT
    surrogate: str | None = None
    train_sizes: Sequence[int] = (10, 20, 36)
    test_size: int = 18
    splits: int = 10
    strategies: Sequence[str] = ("random", "local", "evolution", "reinforce", "auto")
    evaluations: int = 100
    repeats: int = 20


FULL = DemoSettings(
    BuildSettings(
        space="nb201",
        datasets=("digits+train=300+validation=400+test=400+distortion=0.5",),
        cells=64,
        seeds=2,
        seed=0,
        network=NetworkSettings(channels=32, cells=1, stages=1),  # a reduction would hide what the cell does
        train=TrainSettings(epochs=10, batch_size=32, learning_rate=0.1),
    )
)
QUICK = DemoSettings(
    BuildSettings(  # the recipe of the benchmark that the rest looks at
        space="nb201",
        datasets=("digits+train=600+validation=400+test=600+distortion=0.75",),
        cells=16,
        seeds=2,
        seed=0,
        network=NetworkSettings(channels=16, cells=1, stages=1),
        train=TrainSettings(epochs=8, batch_size=32, learning_rate=0.1),
    ),
    shipped="nb201-digits",
    predictors=("mean", "ridge", "gp", "xgb"),
    surrogate="ridge",
    train_sizes=(25, 100),
    test_size=500,
    splits=3,
    strategies=("random", "local", "evolution", "reinforce"),
    repeats=20,
)


def run_demo(
    folder: Path,
    settings: DemoSettings,
    *,
    jobs: int,
    tell: Callable[[str], None],
    bar: Callable[[str], AbstractContextManager[Progress]],
) -> Path:
    """Run every step and leave `benchmark.h5`, `surrogate.h5`, `*.json` and `report.html` in `folder`.

    Args:
        folder: Made where it does not exist; training that was interrupted there continues.
        settings: How much to do.
        jobs: Processes to train, evaluate and compare in; results do not depend on it.
        tell: Receives one line about each finished step.
        bar: Opens a progress bar with a description.

    Returns:
        The path of the report.

    Raises:
        FileError: The folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"cannot make the folder {folder}: {error.strerror}; name another one with --out") from error
    table_file, surrogate_file = folder / "benchmark.h5", folder / "surrogate.h5"
    begin = last = perf_counter()
    notes = []

    def finished(step: str) -> None:
        nonlocal last
        notes.append(f"{step} ({perf_counter() - last:.0f} s)")
        tell(notes[-1])
        last = perf_counter()

    with bar("Training cells") as progress:
        table = build(settings.build, table_file, jobs=jobs, parallel=SIDE_BY_SIDE, progress=progress)
    finished(f"Trained {len(table.genotypes)} cells of {settings.build.space} with {len(table.seeds)} seeds each")

    benchmark = load(settings.shipped) if settings.shipped else TabularBenchmark(table, name=table_file.name)
    if settings.shipped:
        more = f"{settings.shipped}, where {len(benchmark.architectures()):,} cells were trained in the same way"
        finished(f"Opened {more}")

    sizes, test_size = feasible(settings.train_sizes, settings.test_size, benchmark)
    with bar("Scoring predictors") as progress:
        evaluation = predictors.evaluate(
            benchmark,
            METRIC,
            predictors=settings.predictors,
            train_sizes=sizes,
            test_size=test_size,
            splits=settings.splits,
            jobs=jobs,
            progress=progress,
        )
    evaluation.write(folder / "evaluation.json")
    chosen = leading_predictor(evaluation)
    ranking = evaluation.summary["rankings"][-1]["ranking"]
    taus = f". Kendall tau: {standing(ranking)}" if ranking else ""
    finished(f"Scored {len(settings.predictors)} predictors on held-out cells{taus}")

    fitted = settings.surrogate or chosen
    surrogate = fit_surrogate(benchmark, METRIC, fitted)
    write_surrogate(surrogate, surrogate_file)
    finished(f"Fitted a surrogate ({fitted}) that answers for all {surrogate.space.size:,} cells")

    with bar("Racing strategies") as progress:
        comparison = strategies.compare(
            surrogate,
            METRIC,
            strategies=settings.strategies,
            evaluations=settings.evaluations,
            repeats=settings.repeats,
            jobs=jobs,
            progress=progress,
        )
    comparison.write(folder / "comparison.json")
    finished(f"Raced {len(settings.strategies)} strategies, {settings.repeats} repeats of {settings.evaluations}")

    report = folder / "report.html"
    sources = (table_file, folder / "evaluation.json", surrogate_file, folder / "comparison.json")
    write_report(sources, report, title="From real cells to a ranking of search strategies", notes=notes)
    finished("Wrote the report")
    tell(f"In all {perf_counter() - begin:.0f} s")
    return report


def leading_predictor(evaluation: Results) -> str:
    """The predictor with the highest mean Kendall tau at the largest training size.

    Raises:
        InputError: None has a tau, as for predictors that say the same of all architectures.
    """
    largest = max(record["n_train"] for record in evaluation.records)
    scores: dict[str, list[float]] = {}
    for record in evaluation.records:
        if record["n_train"] == largest and record["kendall_tau"] is not None:
            scores.setdefault(record["predictor"], []).append(record["kendall_tau"])
    if not scores:
        raise InputError("no predictor ranks the architectures, so none can become the surrogate; train more of them")
    return max(scores, key=lambda name: sum(scores[name]) / len(scores[name]))
