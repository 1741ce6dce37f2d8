"""`nasbench query`: the answers of a benchmark for one architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from nasbench.cli.console import out, show
from nasbench.cli.options import BenchmarkFile, JsonOption
from nasbench.cli.output import writable, write_json
from nasbench.cli.parsing import number

if TYPE_CHECKING:
    from nasbench.benchmark.base import Epoch, SeedPolicy


def query(
    file: BenchmarkFile,
    architecture: Annotated[
        str,
        typer.Argument(
            metavar="ARCH", help="Published string, genotype as 3,2,0,..., or row number.", show_default=False
        ),
    ],
    metric: Annotated[str | None, typer.Option(help="Name of a metric (default: all metrics).")] = None,
    epoch: Annotated[str, typer.Option(help="Finished epochs of training, or last.")] = "last",
    seed: Annotated[str, typer.Option(help="A recorded training seed, or mean over the recorded ones.")] = "mean",
    json_file: JsonOption = None,
) -> None:
    """Answer for one architecture: the value with its split, epoch, seeds and cost."""
    from nasbench.benchmark.load import load

    writable(json_file, file)
    benchmark = load(file)
    genotype = benchmark.genotype(architecture)
    names = [benchmark.metric(metric).path] if metric else benchmark.answered(genotype)
    # without --metric, an epoch or a seed applies to the metrics that have one
    dated = {name for name in names if benchmark.recorded_epochs(name)}
    seeded = {name for name in names if benchmark.takes_seed(name)}
    answers = []
    for name in names:
        at = number(epoch, "epoch", "last") if name in dated or not dated else "last"
        policy = number(seed, "seed", "mean") if name in seeded or not seeded else "mean"
        answers.append(
            benchmark.query(genotype, name, epoch=cast("Epoch", at), seed=cast("SeedPolicy", policy))._asdict()
        )
    write_json(json_file, {"architecture": benchmark.space.to_string(genotype), "answers": answers})
    out.print(f"{benchmark.space.to_string(genotype)}  ({benchmark.kind} benchmark)", soft_wrap=True)
    show(answers)
    if not metric and len(names) < len(benchmark.metrics):
        out.print("Another architecture with the same function was trained; the costs of this one are not known")
