"""`nasbench build`: cells are trained, and what was measured becomes a benchmark."""

from __future__ import annotations

from typing import Annotated, Literal, cast

import typer

from nasbench.cli.console import bar, interruptible, note
from nasbench.cli.options import OutOption, SeedOption
from nasbench.cli.output import wrote
from nasbench.cli.parsing import number, separated, whole
from nasbench.errors import InputError


def build(
    file: OutOption,
    space: Annotated[str, typer.Option(help="Search space.")] = "nb201",
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            help="Data set; more than one may be given. If none is, the usual one for the task of the space.",
        ),
    ] = None,
    cells: Annotated[
        int | None, typer.Option(min=1, help="Cells to train; all of the sampling if not given, but 64 of draws.")
    ] = None,
    epochs: Annotated[
        str, typer.Option(help="Epochs of training; several schedules, each a training of its own, as 1,4,12.")
    ] = "12",
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each cell, each with its own seed.")] = 1,
    sampling: Annotated[
        str, typer.Option(help="How cells are chosen: draws, classes, cost, exhaustive, list+path=FILE, active.")
    ] = "draws",
    channels: Annotated[int, typer.Option(min=1, help="Channels after the stem.")] = 16,
    depth: Annotated[int, typer.Option(min=1, help="Cells in each stage.")] = 1,
    stages: Annotated[int, typer.Option(min=1, help="Stages; the image is halved between two of them.")] = 3,
    batch_size: Annotated[int, typer.Option(min=1, help="Inputs in a step of training.")] = 64,
    optimiser: Annotated[str | None, typer.Option(help="sgd or adamw; if not given, what suits the task.")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(min=0, help="Highest of the schedule; if not given, what suits the task.")
    ] = None,
    measures: Annotated[
        str, typer.Option("--measure", help="What is measured besides curves, separated by commas; see list measures.")
    ] = "costs",
    seed: SeedOption = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that train on the CPU; all cores if not given.")
    ] = None,
    parallel: Annotated[str, typer.Option(help="Networks trained side by side; auto takes what is fastest.")] = "auto",
    engine: Annotated[Literal["local", "ray"], typer.Option(help="Where to train.")] = "local",
    address: Annotated[
        str | None, typer.Option(help="ray: address of the cluster; if not given, one is started here.")
    ] = None,
    gpus: Annotated[float, typer.Option(min=0, help="ray: GPUs of a task, which may be a fraction.")] = 0.0,
    retries: Annotated[int, typer.Option(min=0, help="How often to try again when a process dies.")] = 1,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Train again what failed in an earlier call.")
    ] = False,
) -> None:
    """Train cells and write what was measured as a benchmark.

    The same command resumes after a stop. With more cells, seeds, epochs or data sets it extends the file.
    """
    from nasbench.builder import BuildSettings
    from nasbench.builder import build as run
    from nasbench.datasets import DEFAULTS
    from nasbench.parallel.engine import LocalEngine
    from nasbench.parallel.processes import cores
    from nasbench.parallel.ray_engine import RayEngine
    from nasbench.spaces import spaces
    from nasbench.spaces.values import NetworkSettings
    from nasbench.tasks import tasks
    from nasbench.training.loop import TrainSettings

    task = spaces.resolve(space)[0].task
    if not dataset and task not in DEFAULTS:
        raise InputError(f"no data set is the usual one for {task}; name one with --dataset")
    chosen = tuple(dataset or [DEFAULTS[task]])
    given = {"optimiser": optimiser, "learning_rate": learning_rate}
    training = {
        **tasks.resolve(task)[0].training,
        **{name: value for name, value in given.items() if value is not None},
    }
    if engine == "local" and (address is not None or gpus):
        raise InputError("--address and --gpus are of the engine ray; add --engine ray, or say --device cuda")
    if engine == "ray" and device not in ("auto", "cpu"):
        raise InputError(f"with the engine ray say --gpus for a GPU, and no device; got {device!r}")
    lengths = sorted({whole(text, "epochs") for text in epochs.split(",")})
    settings = BuildSettings(
        space=space,
        datasets=chosen,
        cells=64 if cells is None and sampling == "draws" else cells,
        seeds=seeds,
        sampling=sampling,
        seed=seed,
        network=NetworkSettings(channels=channels, cells=depth, stages=stages),
        train=TrainSettings(epochs=lengths[-1], batch_size=batch_size, **training),
        shorter=tuple(lengths[:-1]),
        measures=tuple(separated(measures)),
    )
    side = cast("int | Literal['auto']", number(parallel, "parallel", "auto"))
    with interruptible("the same command continues"), bar("Training and measuring") as progress:
        table = run(
            settings,
            file,
            device=device,
            parallel=side,
            engine=RayEngine(address, workers, gpus) if engine == "ray" else LocalEngine(workers or cores()),
            retries=retries,
            retry_failed=retry_failed,
            progress=progress,
            tell=note,
        )
    wrote(file, table)
