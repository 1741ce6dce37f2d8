"""Cells per hour: an ordinary PyTorch loop, our loop one network at a time, and networks side by side, on two cores.

    python benchmarks/build.py [--channels 8 16] [--fused 16 32] [--cells 32] [--ordinary 8] [--repeats 3]

Cells of NAS-Bench-201 are trained with the recipe of the shipped table `nb201-digits` (distorted digits of 8x8 pixels,
600 for training, 8 epochs, batches of 32 and an evaluation of 1,000 images after each epoch), at several widths (16 in
the recipe):

    ordinary   DataLoader, one network after the other, torch on all cores, evaluation in batches of 256
    one thread the same in one process for each core, one thread each
    alone      `nasbench.training.loop.train`, one network after the other in one process for each core, one thread each
    fused K    `nasbench.training.loop.train_many`, K networks side by side, likewise

They take turns in one run, so other load affects all of them equally. All train the same cells, except that `ordinary`
trains only the first `--ordinary`: threads that wait for each other on shared cores are slow. Times are wall-clock
seconds and include building and tracing networks, but not starting processes. Columns: median, lowest and highest cells
per hour over the turns, and the median ratios to `ordinary` and to `one thread` of the same turn.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context

import numpy as np
import torch
from shipped import SHIPPED
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nasbench.builder import BuildSettings
from nasbench.datasets import datasets
from nasbench.sampling.random import Random
from nasbench.spaces import NetworkSettings, spaces
from nasbench.tasks import Task
from nasbench.training.device import precision, seeded
from nasbench.training.loop import train, train_many
from nasbench.types import GenotypeArray

RECIPE = SHIPPED["nb201-digits"]
CPU = torch.device("cpu")
Tensors = dict[str, tuple[torch.Tensor, torch.Tensor]]
Batches = Iterable[tuple[torch.Tensor, torch.Tensor]]


def load(settings: BuildSettings, device: torch.device = CPU) -> tuple[Task, Tensors]:
    data = datasets.create(settings.datasets[0]).load()
    return data.task, dict(data.tensors(device))


def networks(settings: BuildSettings, task: Task, cells: GenotypeArray) -> list[nn.Module]:
    space = spaces.create(settings.space)
    created = []
    for seed, cell in enumerate(cells):
        with seeded(seed, CPU):
            created.append(space.network(cell, task, settings.network))
    return created


def moved(batches: Batches, device: torch.device) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    return ((images.to(device, non_blocking=True), labels.to(device, non_blocking=True)) for images, labels in batches)


def ordinary(settings: BuildSettings, cells: GenotypeArray, device: torch.device = CPU) -> None:
    """An ordinary training loop without optimisations; on CUDA in the precision of ours, from pinned memory."""
    task, tensors = load(settings)
    recipe = settings.train
    batches = {
        split: DataLoader(
            TensorDataset(*part),
            recipe.batch_size if split == "train" else 256,
            split == "train",
            pin_memory=device.type == "cuda",
        )
        for split, part in tensors.items()
    }
    for network in networks(settings, task, cells):
        network.to(device)
        optimiser = torch.optim.SGD(
            network.parameters(),
            recipe.learning_rate,
            recipe.momentum,
            weight_decay=recipe.weight_decay,
            nesterov=True,
        )
        steps = recipe.epochs * len(batches["train"])
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        criterion = nn.CrossEntropyLoss()
        for _ in range(recipe.epochs):
            network.train()
            for images, labels in moved(batches["train"], device):
                optimiser.zero_grad()
                with precision(device):
                    loss = criterion(network(images), labels)
                loss.backward()
                optimiser.step()
                cosine.step()
            network.eval()
            with torch.no_grad(), precision(device):
                for split in ("validation", "test"):
                    right = 0
                    for images, labels in moved(batches[split], device):
                        outputs = network(images)
                        criterion(outputs, labels).item()
                        right += int((outputs.argmax(1) == labels).sum())


def ours(settings: BuildSettings, fused: int, cells: GenotypeArray, device: torch.device = CPU) -> None:
    """Train one after the other (`fused` 0), or `fused` networks side by side."""
    task, tensors = load(settings, device)
    every = networks(settings, task, cells)
    if not fused:
        for network in every:
            train(network, task, tensors, settings.train, 0, device)
        return
    for start in range(0, len(every), fused):
        group = every[start : start + fused]
        train_many(group, task, tensors, settings.train, range(len(group)), device)


def spread(pool: ProcessPoolExecutor, work: Callable[[GenotypeArray], None], parts: list[GenotypeArray]) -> None:
    list(pool.map(work, parts))


def seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channels", type=int, nargs="+", default=[8, 16])
    parser.add_argument("--fused", type=int, nargs="+", default=[16, 32])
    parser.add_argument("--cells", type=int, default=32)
    parser.add_argument("--ordinary", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    context = get_context("spawn")
    os.environ.pop("OMP_NUM_THREADS", None)
    torch.set_num_threads(cores)
    with ProcessPoolExecutor(cores, context, initializer=partial(torch.set_num_threads, 1)) as pool:
        for channels in arguments.channels:
            settings = replace(RECIPE, network=NetworkSettings(channels=channels, cells=1, stages=1))
            cells = Random().sample(spaces.create(settings.space), arguments.cells, np.random.default_rng(0))
            parts = [cells[core::cores] for core in range(cores)]
            few = [cells[:1]] * cores
            counts = {"ordinary": min(arguments.ordinary, len(cells))}
            ways: dict[str, Callable[[], None]] = {
                "ordinary": partial(ordinary, settings, cells[: counts["ordinary"]]),
                "one thread": partial(spread, pool, partial(ordinary, settings), parts),
                "alone": partial(spread, pool, partial(ours, settings, 0), parts),
            }
            for fused in arguments.fused:
                ways[f"fused {fused}"] = partial(spread, pool, partial(ours, settings, fused), parts)
            spread(pool, partial(ours, settings, 0), few)  # start processes and libraries
            ordinary(settings, cells[:1])
            turns = [
                {name: 3600 * counts.get(name, len(cells)) / seconds(work) for name, work in ways.items()}
                for _ in range(arguments.repeats)
            ]
            print(f"\n{channels} channels, {len(cells)} cells, {cores} cores, {arguments.repeats} turns")
            print("             cells/hour   lowest  highest   to ordinary  to one thread")
            for name in ways:
                rates = [turn[name] for turn in turns]
                ratios = [
                    statistics.median(turn[name] / turn[base] for turn in turns) for base in ("ordinary", "one thread")
                ]
                print(
                    f"{name:10} {statistics.median(rates):12.0f} {min(rates):8.0f} {max(rates):8.0f} "
                    f"{ratios[0]:13.2f} {ratios[1]:14.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
