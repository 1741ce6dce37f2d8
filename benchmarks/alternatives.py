"""Alternatives to fused training of many small networks, from torch itself: milliseconds of one training step.

    python benchmarks/alternatives.py [--channels 16] [--networks 16] [--cells 3]

For some cells of NAS-Bench-201, with the images and batches of `nb201-digits`, on one thread:

    eager     networks of one cell, one at a time, as in ordinary code
    compile   the same after `torch.compile`, which takes the given seconds for each new cell
    vmap      the same networks by `torch.func`: vmap of the gradient over stacked weights (without running statistics)
    fused     the same networks side by side (`nasbench.training.fusion`)
    mixed     speed-up over `eager` for networks of different cells side by side, which vmap cannot do

Median over several steps of forward, backward and SGD with momentum, for one network.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from shipped import SHIPPED
from torch import nn
from torch.func import functional_call, grad, replace_all_batch_norm_modules_, stack_module_state, vmap

from nasbench.datasets import datasets
from nasbench.sampling.unique import Unique
from nasbench.spaces import NetworkSettings, spaces
from nasbench.tasks import Task
from nasbench.training.fusion import FusedNetwork
from nasbench.types import GenotypeArray

RECIPE = SHIPPED["nb201-digits"]
RATE, MOMENTUM, DECAY = RECIPE.train.learning_rate, RECIPE.train.momentum, RECIPE.train.weight_decay
STEPS, WARM_UP_STEPS = 15, 3
COLUMNS = {"eager": "6.2f", "compile": "8.2f", "vmap": "7.2f", "fused": "7.2f", "mixed": "20.1f", "compiling": "19.1f"}
"""Formats of the printed numbers."""
Step = Callable[[], object]


def milliseconds(step: Step) -> float:
    """Median time of a step, after warm-up steps."""
    times = []
    for _ in range(STEPS + WARM_UP_STEPS):
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times[WARM_UP_STEPS:])


def learning(loss_of: Callable[[], torch.Tensor], parameters: Sequence[torch.Tensor]) -> Step:
    """A training step that minimises a loss."""
    optimiser = torch.optim.SGD(parameters, RATE, MOMENTUM, weight_decay=DECAY, nesterov=True, foreach=True)

    def step() -> None:
        loss = loss_of()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


def by_vmap(networks: Sequence[nn.Module], task: Task, x: torch.Tensor, y: torch.Tensor) -> Step:
    """A training step of networks of one cell with stacked weights."""
    bare = [replace_all_batch_norm_modules_(network) for network in networks]
    weights, buffers = stack_module_state(bare)  # type: ignore[no-untyped-call]
    optimiser = torch.optim.SGD(weights.values(), RATE, MOMENTUM, weight_decay=DECAY, nesterov=True, foreach=True)

    def loss(weights: dict[str, torch.Tensor], buffers: dict[str, torch.Tensor]) -> torch.Tensor:
        return task.loss(functional_call(bare[0], (weights, buffers), (x,)), y)

    gradients = vmap(grad(loss))  # type: ignore[no-untyped-call]

    def step() -> None:
        by_name = gradients({name: weight.detach() for name, weight in weights.items()}, buffers)
        for name, weight in weights.items():
            weight.grad = by_name[name]
        optimiser.step()

    return step


def row(cell: GenotypeArray, others: GenotypeArray, channels: int) -> dict[str, float]:
    """Milliseconds of a step for one network, by alternative."""
    torch.manual_seed(0)
    data = datasets.create(RECIPE.datasets[0]).load()
    task, (inputs, targets) = data.task, data.tensors(torch.device("cpu"))["train"]
    x, y = inputs[: RECIPE.train.batch_size], targets[: RECIPE.train.batch_size]
    space, settings, count = (
        spaces.create(RECIPE.space),
        NetworkSettings(channels=channels, cells=1, stages=1),
        len(others),
    )

    def built(genotypes: GenotypeArray) -> list[nn.Module]:
        return [space.network(genotype, task, settings).train() for genotype in genotypes]

    def each(networks: Sequence[nn.Module]) -> float:
        return sum(
            milliseconds(learning(lambda network=network: task.loss(network(x), y), list(network.parameters())))
            for network in networks
        )

    def together(networks: Sequence[nn.Module]) -> float:
        fused = FusedNetwork(networks, x[:1])
        images, labels = x.repeat(1, count, 1, 1), y[:, None].expand(-1, count)
        return milliseconds(learning(lambda: task.losses(fused(images), labels).sum(), list(fused.parameters())))

    same = np.repeat(cell[None], count, axis=0)
    compiled = torch.compile(built(same[:1])[0])
    start = time.perf_counter()
    learning(lambda: task.loss(compiled(x), y), list(compiled.parameters()))()
    compiling = time.perf_counter() - start
    times = {
        "eager": each(built(same[:2])) / 2,
        "compile": milliseconds(learning(lambda: task.loss(compiled(x), y), list(compiled.parameters()))),
        "vmap": milliseconds(by_vmap(built(same), task, x, y)) / count,
        "fused": together(built(same)) / count,
    }
    mixed = each(built(others)) / together(built(others))
    return {**times, "mixed": mixed, "compiling": compiling}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channels", type=int, default=RECIPE.network.channels)
    parser.add_argument("--networks", type=int, default=16)
    parser.add_argument("--cells", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cells = Unique().sample(spaces.create(RECIPE.space), arguments.networks, np.random.default_rng(0))
    print(" eager  compile    vmap   fused  mixed: times faster  seconds to compile  cell")
    for cell in cells[: arguments.cells]:
        times = row(cell, cells, arguments.channels)
        shown = " ".join(f"{times[name]:{form}}" for name, form in COLUMNS.items())
        print(f"{shown}  {spaces.create(RECIPE.space).to_string(cell)}", flush=True)


if __name__ == "__main__":
    main()
