"""`nasbench surrogate`: fit a surrogate benchmark that answers for the whole space."""

from __future__ import annotations

from typing import Annotated

import typer

from nasbench.cli.console import bar, interruptible, out, quality, show
from nasbench.cli.options import BenchmarkFile, MetricOption, OutOption, SeedOption
from nasbench.cli.output import writable, wrote

NOISE_SCORES = ("noise_cells", "noise_ratio", "noise_coverage_90")
"""Scores of the noise in the quality of a metric; absent without noise."""


def surrogate(
    file: BenchmarkFile,
    target: OutOption,
    predictor: Annotated[str, typer.Option(help="Predictor to fit.")] = "gp",
    metric: MetricOption = None,
    seed: SeedOption = 0,
) -> None:
    """Fit a surrogate benchmark that answers for the whole space, and show its quality on held-out cells."""
    from nasbench.benchmark.hdf5.writer import write_surrogate
    from nasbench.benchmark.load import load
    from nasbench.evaluate.surrogates import fit_surrogate

    writable(target, file)
    benchmark = load(file)
    with interruptible("nothing was written"), bar("Fitting models") as progress:
        fitted = fit_surrogate(benchmark, metric or benchmark.score().path, predictor, seed=seed, progress=progress)
    write_surrogate(fitted, target)
    records = fitted.quality_records()
    show(quality(records))
    noise = [{name: row[name] for name in ("metric", *NOISE_SCORES)} for row in records if NOISE_SCORES[0] in row]
    if noise:
        show(noise)
    else:
        out.print("No noise: too few architectures have several seeds, so only their mean can be queried")
    wrote(target)
