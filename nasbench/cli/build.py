"""`nasbench build`: train cells and write their measurements as a benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from nasbench.cli.console import bar, interruptible, note
from nasbench.cli.options import JobsOption, OutOption, SeedOption
from nasbench.cli.output import wrote
from nasbench.cli.parsing import number, separated, whole
from nasbench.errors import InputError

if TYPE_CHECKING:
    from nasbench.builder import BuildSettings
    from nasbench.parallel.engine import Engine


def build(
    file: OutOption,
    space: Annotated[str, typer.Option(help="Search space.")] = "nb201",
    dataset: Annotated[
        list[str] | None,
        typer.Option(help="Data set; may be repeated (default: the usual one for the task of the space)."),
    ] = None,
    cells: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of cells "
            "(default: 64 for random; active needs a number; otherwise all that the sampler yields).",
        ),
    ] = None,
    epochs: Annotated[
        str, typer.Option(help="Epochs of training; several lengths, such as 1,4,12, are separate trainings.")
    ] = "12",
    seeds: Annotated[int, typer.Option(min=1, help="Training seeds of each cell.")] = 1,
    sampling: Annotated[
        str, typer.Option(help="How cells are chosen: random, unique, cost, exhaustive, list+path=FILE, active.")
    ] = "random",
    channels: Annotated[int, typer.Option(min=1, help="Channels after the stem.")] = 16,
    depth: Annotated[int, typer.Option(min=1, help="Cells per stage.")] = 1,
    stages: Annotated[int, typer.Option(min=1, help="Stages; the image is halved between two stages.")] = 3,
    batch_size: Annotated[int, typer.Option(min=1, help="Training batch size.")] = 64,
    optimiser: Annotated[str | None, typer.Option(help="sgd or adamw (default: by task).")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(min=0, help="Peak learning rate of the schedule (default: by task).")
    ] = None,
    measures: Annotated[
        str, typer.Option("--measure", help="Measurements besides training curves, comma-separated; see list measures.")
    ] = "costs",
    seed: SeedOption = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    jobs: JobsOption = None,
    parallel: Annotated[
        str,
        typer.Option(help="Networks trained side by side; auto: by settings and device; measure: the fastest."),
    ] = "auto",
    engine: Annotated[Literal["local", "ray"], typer.Option(help="Where to train.")] = "local",
    address: Annotated[
        str | None, typer.Option(help="ray: address of the cluster (default: start one on this machine).")
    ] = None,
    gpus: Annotated[float, typer.Option(min=0, help="ray: GPUs per task; may be a fraction.")] = 0.0,
    retries: Annotated[int, typer.Option(min=0, help="Retries when a process dies.")] = 1,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Repeat trainings that failed in an earlier call.")
    ] = False,
) -> None:
    """Train cells and write their measurements as a benchmark.

    The same command resumes an interrupted build. More cells, seeds, epochs or data sets extend the file.
    """
    from nasbench.builder import build as run

    settings = _settings(
        space,
        dataset,
        cells=64 if cells is None and sampling == "random" else cells,
        seeds=seeds,
        sampling=sampling,
        seed=seed,
        measures=tuple(separated(measures)),
        network={"channels": channels, "cells": depth, "stages": stages},
        epochs=epochs,
        training={"batch_size": batch_size, "optimiser": optimiser, "learning_rate": learning_rate},
    )
    runner = _engine(engine, device, jobs, address, gpus)
    width = cast("int | Literal['auto', 'measure']", number(parallel, "parallel", "auto", "measure"))
    with interruptible("the same command continues"), bar("Training and measuring") as progress:
        table = run(
            settings,
            file,
            parallel=width,
            engine=runner,
            retries=retries,
            retry_failed=retry_failed,
            progress=progress,
            tell=note,
        )
    wrote(file, table)


def _settings(
    space: str,
    datasets: list[str] | None,
    network: dict[str, int],
    epochs: str,
    training: dict[str, Any],
    **choices: Any,
) -> BuildSettings:
    """Settings of a build, with the defaults of the task of the space."""
    from nasbench.builder import BuildSettings, NetworkSettings, TrainSettings
    from nasbench.datasets import DEFAULTS
    from nasbench.spaces import spaces
    from nasbench.tasks import tasks

    task = spaces.resolve(space)[0].task
    if not datasets and task not in DEFAULTS:
        raise InputError(f"there is no default data set for {task}; name one with --dataset")
    *shorter, longest = sorted({whole(length, "epochs") for length in epochs.split(",")})
    given = {name: value for name, value in training.items() if value is not None}
    return BuildSettings(
        space=space,
        datasets=tuple(datasets or [DEFAULTS[task]]),
        network=NetworkSettings(**network),
        train=TrainSettings(epochs=longest, **{**tasks.resolve(task)[0].training, **given}),
        shorter=tuple(shorter),
        **choices,
    )


def _engine(name: str, device: str, jobs: int | None, address: str | None, gpus: float) -> Engine:
    """The engine for the options `--engine`, `--device`, `--jobs`, `--address` and `--gpus`."""
    from nasbench.parallel.engine import LocalEngine
    from nasbench.parallel.processes import cores
    from nasbench.parallel.ray_engine import RayEngine

    if name == "local":
        if address is not None or gpus:
            raise InputError("--address and --gpus need the engine ray; add --engine ray, or use --device cuda")
        return LocalEngine(jobs or cores(), device)
    if device not in ("auto", "cpu"):
        raise InputError(f"with --engine ray use --gpus for GPUs instead of --device, got {device!r}")
    return RayEngine(address, jobs, gpus)
