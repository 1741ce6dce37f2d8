"""`nasbench surrogate`: a model of a table answers for the whole space."""

from __future__ import annotations

from typing import Annotated

import typer

from nasbench.cli.console import bar, interruptible, out, quality, show
from nasbench.cli.options import BenchmarkFile, MetricOption, OutOption, SeedOption
from nasbench.cli.output import writable, wrote

NOISE = ("noise_cells", "noise_ratio", "noise_coverage_90")
"""What a surrogate says of its noise, where it has any."""


def surrogate(
    file: BenchmarkFile,
    target: OutOption,
    predictor: Annotated[str, typer.Option(help="Predictor to fit.")] = "gp",
    metric: MetricOption = None,
    seed: SeedOption = 0,
) -> None:
    """Fit a surrogate benchmark that answers for the whole space, and say how far it can be trusted."""
    from nasbench.benchmark.hdf5.writer import write_surrogate
    from nasbench.benchmark.load import load
    from nasbench.evaluate.surrogates import fit_surrogate

    writable(target, file)
    benchmark = load(file)
    with interruptible("nothing was written"), bar("Fitting models") as progress:
        fitted = fit_surrogate(benchmark, metric or benchmark.score().path, predictor, seed=seed, progress=progress)
    write_surrogate(fitted, target)
    show(quality(fitted.quality_records()))
    noise = [{name: row[name] for name in ("metric", *NOISE)} for row in fitted.quality_records() if NOISE[0] in row]
    if noise:
        show(noise)
    else:
        out.print("No noise: too few architectures have several seeds, so that only their mean can be asked")
    wrote(target)
