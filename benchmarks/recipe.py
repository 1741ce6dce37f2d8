"""Recipes compared: spread between cells, noise between seeds, and agreement of two seeds.

    python benchmarks/recipe.py --cells 32 \
        "digits+distortion=1.0 channels=4 cells=1 stages=2 epochs=12 batch_size=32 learning_rate=0.1"

A recipe is a data set, followed by settings of network and training; the defaults are those of `nasbench build`. All
recipes train the same random cells of NAS-Bench-201, each with a different function, with two seeds each, on one
thread, `--fused` side by side. The columns describe the validation accuracy in percent after the last epoch:

    cpu     seconds of processor time for one training with its evaluations
    linear  accuracy of a linear model on raw pixels
    median, best   over cells, of the means over the seeds
    spread  standard deviation between the cells' means over the seeds
    noise   standard deviation between the seeds of one cell
    tau     Kendall's tau-b between the two seeds, over all cells, with its bootstrap standard error
    half    the same in the better half of the cells (a restricted range: lower by construction)
    test    tau-b between validation with one seed and test accuracy with the other, over all cells
    other   tau-b between the means and the ranking metric of another benchmark of the space, given with `--against`
    conv    share of 3x3 and 1x1 convolutions among the operations of the best tenth of the cells
"""

from __future__ import annotations

import argparse
import time
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from scipy.stats import kendalltau

from nasbench import load
from nasbench.benchmark.base import Benchmark
from nasbench.builder import BuildSettings
from nasbench.builder.settings import trial_seeds
from nasbench.datasets import datasets
from nasbench.sampling.unique import Unique
from nasbench.spaces import NetworkSettings, spaces
from nasbench.training.device import seeded
from nasbench.training.linear_baseline import linear_accuracy
from nasbench.training.loop import train_many
from nasbench.training.settings import TrainSettings
from nasbench.types import FloatArray, GenotypeArray

SPLITS = ("validation", "test")
CPU = torch.device("cpu")
CONVOLUTIONS = ("nor_conv_1x1", "nor_conv_3x3")


def parse(text: str) -> BuildSettings:
    """Settings of a recipe written as `DATASET name=value ...`."""
    dataset, *pairs = text.split()
    given: dict[str, Any] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        given[name] = float(value) if "." in value or "e" in value else int(value)
    network = {field.name: given.pop(field.name) for field in fields(NetworkSettings) if field.name in given}
    return BuildSettings(datasets=(dataset,), seeds=2, network=NetworkSettings(**network), train=TrainSettings(**given))


def accuracies(settings: BuildSettings, cells: GenotypeArray, fused: int) -> tuple[FloatArray, float]:
    """Accuracies in percent after the last epoch, shape `(cells, seeds, splits)`, and CPU seconds of one training."""
    space, data = spaces.create(settings.space), datasets.create(settings.datasets[0]).load()
    tensors = data.tensors(CPU)
    result = np.empty((len(cells), settings.seeds, len(SPLITS)))
    start = time.process_time()
    for seed in range(settings.seeds):
        for begin in range(0, len(cells), fused):
            group = cells[begin : begin + fused]
            seeds = [trial_seeds(settings.seed, seed, genotype) for genotype in group]
            networks = []
            for genotype, (weights, _) in zip(group, seeds, strict=True):
                with seeded(weights, CPU):
                    networks.append(space.network(genotype, data.task, settings.network))
            orders = [order for _, order in seeds]
            histories = train_many(networks, data.task, tensors, settings.train, orders, CPU)
            result[begin : begin + fused, seed] = [
                [history[f"{split}_accuracy"][-1] for split in SPLITS] for history in histories
            ]
    return result, (time.process_time() - start) / result[..., 0].size


def agreement(a: FloatArray, b: FloatArray) -> float:
    """Kendall's tau-b of two vectors; 0 if one is constant."""
    tau = kendalltau(a, b).statistic
    return 0.0 if np.isnan(tau) else float(tau)


def row(text: str, cells: GenotypeArray, fused: int, other: FloatArray | None) -> str:
    settings = parse(text)
    measured, cpu = accuracies(settings, cells, fused)
    linear = linear_accuracy(datasets.create(settings.datasets[0]).load())
    assert linear is not None
    values = measured[:, :, 0]
    means = values.mean(axis=1)
    order = np.argsort(-means, kind="stable")
    better = order[: len(means) // 2]
    rng = np.random.default_rng(0)
    resampled = [agreement(*values[rng.integers(0, len(values), len(values))].T) for _ in range(200)]
    test = (agreement(values[:, 0], measured[:, 1, 1]) + agreement(values[:, 1], measured[:, 0, 1])) / 2
    space = spaces.create(settings.space)
    codes = [space.option_names(0).index(name) for name in CONVOLUTIONS]
    best = np.isin(cells[order[: max(1, len(cells) // 10)]], codes).mean()
    return (
        f"{cpu:5.2f} {linear['validation']:6.1f} {np.median(means):6.1f} {means.max():6.1f} {means.std(ddof=1):6.2f} "
        f"{np.sqrt(values.var(axis=1, ddof=1).mean()):6.2f} {agreement(*values.T):5.2f} +-{np.std(resampled):4.2f} "
        f"{agreement(*values[better].T):5.2f} {test:5.2f} "
        f"{np.nan if other is None else agreement(means, other):5.2f} {best:5.2f}  {text}"
    )


def known(benchmark: Benchmark, cells: GenotypeArray) -> FloatArray:
    """Ranking metric of a benchmark for the cells; NaN where it is missing."""
    values: FloatArray = benchmark.query_many(cells, benchmark.score().path).values.filled(np.nan)
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="+")
    parser.add_argument("--cells", type=int, default=32)
    parser.add_argument("--fused", type=int, default=16)
    parser.add_argument("--against")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cells = Unique().sample(spaces.create("nb201"), arguments.cells, np.random.default_rng(0))
    other = known(load(arguments.against), cells) if arguments.against else None
    print("  cpu linear median   best spread  noise   tau         half  test other  conv  recipe")
    for text in arguments.recipes:
        print(row(text, cells, arguments.fused, other), flush=True)


if __name__ == "__main__":
    main()
