"""Supernets on the shipped table nb201-digits: ranks with shared weights, what gradients find, collapse to skips.

python benchmarks/supernet.py ranks          Kendall tau of one-shot scores, and of FLOPs, with stand-alone training
python benchmarks/supernet.py found          accuracy, percentile and skip connections of what gradients find
python benchmarks/supernet.py curves         probability of skip connections and of none, epoch by epoch
python benchmarks/supernet.py ranks found curves --seeds 5 --channels 16

The supernets train on the images of the table. Each takes seconds to a minute on one core.
"""

from __future__ import annotations

import argparse
from time import perf_counter

import numpy as np

import nasbench
from nasbench.benchmark.base import Benchmark
from nasbench.evaluate.metrics import kendall_tau
from nasbench.search import strategies
from nasbench.search.differentiable import DifferentiableSearch
from nasbench.search.problem import Budget
from nasbench.simulator.evaluator import make_evaluator
from nasbench.simulator.simulate import simulate
from nasbench.simulator.streams import rng_for
from nasbench.spaces import NetworkSettings
from nasbench.spaces.nb201 import NONE, SKIP
from nasbench.supernet.relaxation import discretised
from nasbench.supernet.scores import one_shot_scores
from nasbench.supernet.shared import SupernetSettings
from nasbench.training.settings import TrainSettings
from nasbench.types import FloatArray, GenotypeArray

TABLE = "nb201-digits"
DATASET = "digits+train=600+validation=400+test=600+distortion=0.75"
"""The images that the table was trained on."""
METRIC = "validation_accuracy"
GRADIENTS = ("darts", "darts+second_order=true", "gdas", "pc-darts", "drnas", "darts+none=false", "gdas+none=false")
EPOCHS_SHOWN = 8


def values(benchmark: Benchmark, metric: str) -> FloatArray:
    """A metric of one architecture of each function after a full training, in the order of the space; shape `(n,)`."""
    answer = benchmark.query_many(benchmark.space.unique("function_key"), metric).values
    return np.asarray(answer.filled(np.nan), dtype=np.float64)


def ranks(benchmark: Benchmark, seeds: int, channels: int, epochs: int | None, count: int) -> None:
    space = benchmark.space
    rows = rng_for(0, "benchmark", "ranks", 0).permutation(len(space.unique("function_key")))[:count]
    truth = values(benchmark, METRIC)[rows]
    print(f"Kendall tau with {METRIC} of {len(rows)} random architectures, trained by themselves")
    for column in ("flops", "synflow"):
        print(f"  {column:>28} {kendall_tau(truth, np.nan_to_num(values(benchmark, column)[rows])):.3f}")
    for sampling, length in (("uniform", 100), ("fair", 20)):
        train = TrainSettings(epochs or length, batch_size=32)
        settings = SupernetSettings(DATASET, NetworkSettings(channels, 1, 1), train)
        begin, found = perf_counter(), []
        for seed in range(seeds):
            scores = one_shot_scores(space, space.unique("function_key")[rows], settings, sampling=sampling, seed=seed)
            found.append(kendall_tau(truth, scores))
        each = (perf_counter() - begin) / seeds
        name = f"{sampling}, {train.epochs} epochs"
        texts = " ".join(f"{tau:.3f}" for tau in found)
        print(f"  {name:>28} {np.mean(found):.3f} (mean of {seeds} supernets: {texts}), {each:.0f} s each", flush=True)


def trained(
    spec: str, benchmark: Benchmark, seed: int, channels: int, epochs: int | None
) -> tuple[DifferentiableSearch, GenotypeArray]:
    """A strategy after one proposal of its own, and this proposal."""
    strategy = strategies.create(spec, dataset=DATASET, channels=channels, **({"epochs": epochs} if epochs else {}))
    assert isinstance(strategy, DifferentiableSearch)
    evaluator = make_evaluator(benchmark, [METRIC])
    run = simulate(
        strategy, evaluator, Budget(evaluations=1), rng_for(0, "benchmark", spec.partition("+none")[0], seed)
    )
    return strategy, evaluator.genotypes(run.rows)[0]


def report(
    benchmark: Benchmark, parts: set[str], specs: list[str], seeds: int, channels: int, epochs: int | None
) -> None:
    space, names = benchmark.space, ("validation_accuracy", "test_accuracy")
    truth = {name: values(benchmark, name) for name in names}
    best = {name: np.nanmax(column) for name, column in truth.items()}
    print(f"\nbest of the table: {best[METRIC]:.2f} % validation, {best['test_accuracy']:.2f} % test accuracy")
    for spec in specs:
        begin = perf_counter()
        runs = [trained(spec, benchmark, seed, channels, epochs) for seed in range(seeds)]
        each = (perf_counter() - begin) / seeds
        print(f"{spec}: {runs[0][0].own_epochs} epochs charged, {each:.0f} s each")
        if "found" in parts:
            for _, genotype in runs:
                valid, test = (float(benchmark.query(genotype, name).value) for name in names)
                column = truth[METRIC]
                percentile = 100 * np.mean(column < valid) + 50 * np.mean(column == valid)
                skips, none = int((genotype == SKIP).sum()), int((genotype == NONE).sum())
                print(
                    f"  {valid:6.2f} validation {test:6.2f} test, percentile {percentile:5.1f}, "
                    f"{skips} skip {none} none  {space.to_string(genotype)}",
                    flush=True,
                )
        if "curves" in parts:
            history = np.array([strategy.history for strategy, _ in runs])  # (seeds, epochs, edges, operations)
            shown = np.unique(np.linspace(0, history.shape[1] - 1, EPOCHS_SHOWN).astype(int))
            print(f"  {'after epoch':>26} " + " ".join(f"{epoch + 1:5d}" for epoch in shown))
            for label, operation in (("skip_connect", SKIP), ("none", NONE)):
                soft = history[..., operation].mean(axis=(0, 2))[shown]
                hard = (discretised(history) == operation).mean(axis=(0, 2))[shown]
                print(f"  {label + ', probability':>26} " + " ".join(f"{share:5.2f}" for share in soft))
                print(f"  {label + ', share of edges':>26} " + " ".join(f"{share:5.2f}" for share in hard), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="+", choices=("ranks", "found", "curves"))
    parser.add_argument("--strategies", default=",".join(GRADIENTS), help="comma-separated; of found and curves")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--epochs", type=int, help="of each supernet; by default those of the strategies")
    parser.add_argument("--count", type=int, default=1000, help="architectures that are ranked")
    options = parser.parse_args()
    benchmark = nasbench.load(TABLE)
    if "ranks" in options.what:
        ranks(benchmark, options.seeds, options.channels, options.epochs, options.count)
    if {"found", "curves"} & set(options.what):
        specs = options.strategies.split(",")
        report(benchmark, set(options.what), specs, options.seeds, options.channels, options.epochs)


if __name__ == "__main__":
    main()
