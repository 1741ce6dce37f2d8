"""Which recipe tells cells apart: spread between cells, noise between seeds, and how well two seeds agree.

    python benchmarks/recipe.py --cells 32 \
        "digits+distortion=1.0 channels=4 cells=1 stages=2 epochs=12 batch_size=32 learning_rate=0.1"

A recipe is a data set, then settings of the network and of training; what is not said is as in `nasbench build`. The
same random cells of NAS-Bench-201 are trained for all recipes, each with two seeds, in one process on one thread.
Columns, of the validation accuracy in percent after the last epoch:

    cpu     seconds of processor time for one training with its evaluations
    linear  what a linear model on raw pixels reaches
    median, best   of the cells, means over the seeds
    spread  standard deviation between the cells' means over the seeds
    noise   standard deviation between seeds of one cell
    tau     Kendall's tau-b between the two seeds, over all cells, with its bootstrap standard error
    half    the same within the half of the cells with the better means (a restricted range: lower by construction)
    test    tau-b between validation with one seed and test accuracy with the other, over all cells
"""

from __future__ import annotations

import argparse
import time
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from scipy.stats import kendalltau

from nasbench.baseline import linear_accuracy
from nasbench.build import BuildSettings, Trial, sample_cells, trial_seeds
from nasbench.datasets import datasets
from nasbench.spaces import NetworkSettings, spaces
from nasbench.spaces.base import FloatArray
from nasbench.train import TrainSettings, seeded, train

SPLITS = ("validation", "test")


def parse(text: str, cells: int) -> BuildSettings:
    """Settings of a recipe written as `DATASET name=value ...`."""
    dataset, *pairs = text.split()
    given: dict[str, Any] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        given[name] = float(value) if "." in value or "e" in value else int(value)
    network = {field.name: given.pop(field.name) for field in fields(NetworkSettings) if field.name in given}
    return BuildSettings(
        dataset=dataset, cells=cells, seeds=2, network=NetworkSettings(**network), train=TrainSettings(**given)
    )


def accuracies(settings: BuildSettings) -> tuple[FloatArray, float]:
    """Accuracies in percent after the last epoch, shape `(cells, seeds, splits)`, and CPU seconds of one training."""
    space, data = spaces.create(settings.space), datasets.create(settings.dataset).load()
    cpu = torch.device("cpu")
    tensors = data.tensors(cpu)
    result = np.empty((settings.cells, settings.seeds, len(SPLITS)))
    start = time.process_time()
    for cell, genotype in enumerate(sample_cells(space, settings.cells, settings.seed)):
        for seed in range(settings.seeds):
            weights, order = trial_seeds(settings.seed, Trial(cell, seed, genotype))
            with seeded(weights, cpu):
                network = space.network(genotype, data.task, settings.network)
            history = train(network, tensors, settings.train, order, cpu)
            result[cell, seed] = [history[f"{split}_accuracy"][-1] for split in SPLITS]
    return result, (time.process_time() - start) / result[..., 0].size


def agreement(a: FloatArray, b: FloatArray) -> float:
    """Kendall's tau-b of two vectors; 0 where one is constant."""
    tau = kendalltau(a, b).statistic
    return 0.0 if np.isnan(tau) else float(tau)


def row(text: str, cells: int) -> str:
    settings = parse(text, cells)
    measured, cpu = accuracies(settings)
    linear = linear_accuracy(datasets.create(settings.dataset).load())["validation"]
    values = measured[:, :, 0]
    means = values.mean(axis=1)
    better = np.argsort(-means, kind="stable")[: len(means) // 2]
    rng = np.random.default_rng(0)
    resampled = [agreement(*values[rng.integers(0, len(values), len(values))].T) for _ in range(200)]
    test = (agreement(values[:, 0], measured[:, 1, 1]) + agreement(values[:, 1], measured[:, 0, 1])) / 2
    return (
        f"{cpu:5.2f} {linear:6.1f} {np.median(means):6.1f} {means.max():6.1f} {means.std(ddof=1):6.2f} "
        f"{np.sqrt(values.var(axis=1, ddof=1).mean()):6.2f} {agreement(*values.T):5.2f} +-{np.std(resampled):4.2f} "
        f"{agreement(*values[better].T):5.2f} {test:5.2f}  {text}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="+")
    parser.add_argument("--cells", type=int, default=32)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("  cpu linear median   best spread  noise   tau         half  test  recipe")
    for text in arguments.recipes:
        print(row(text, arguments.cells), flush=True)


if __name__ == "__main__":
    main()
