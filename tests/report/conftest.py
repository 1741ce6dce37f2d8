"""Small sources of a report, made up so that every number is known."""

from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pytest

from nasbench.benchmark.base import Metric
from nasbench.benchmark.surrogate import SurrogateBenchmark
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.evaluate.results import Results
from nasbench.evaluate.statistics import rank
from nasbench.evaluate.surrogates import fit_surrogate
from nasbench.spaces import spaces

ASE = ("architecture", "seed", "epoch")


def make_table(cells: int = 30, seeds: int = 2, epochs: int = 4) -> Table:
    rng = np.random.default_rng(0)
    space = spaces.create("nb201")
    genotypes = space.decode(rng.choice(space.size, cells, replace=False))
    epoch = np.arange(1, epochs + 1)
    final = 50 + 6.0 * (genotypes == 3).sum(axis=1)[:, None] + rng.normal(0, 2, (cells, seeds))
    curves = final[:, :, None] * (1 - 0.5**epoch) + rng.normal(0, 0.1, (cells, seeds, epochs))
    columns = {}

    def add(metric: Metric, values: np.ndarray) -> None:
        columns[metric.path] = Column(metric, values, np.zeros(values.shape, dtype=np.uint8))

    for split in ("train", "validation", "test"):
        values = curves if split == "validation" else curves + rng.normal(0, 0.5, curves.shape)
        add(Metric("digits", f"{split}_accuracy", split, "percent", "maximise", ASE), values)
    seconds = (0.1 + 0.05 * (genotypes == 3).sum(axis=1))[:, None, None] * epoch * np.ones((1, seeds, 1))
    add(Metric("digits", "train_seconds", "none", "seconds", "minimise", ASE), seconds)
    parameters = 100.0 + 500 * (genotypes == 3).sum(axis=1)
    add(Metric("digits", "parameters", "none", "count", "minimise", ("architecture",)), parameters)
    recipe = {
        "datasets": {"digits": {"linear_accuracy": {"validation": 51.25, "test": 50.0}, "inputs": {"train": 40}}},
        "network": {"channels": 4},
        "parts": [{"epochs": [4], "cells": 30}, {"epochs": [2], "cells": 10}],
    }
    return Table(space, genotypes, tuple(range(seeds)), {"digits": tuple(range(1, epochs + 1))}, columns, recipe)


@pytest.fixture(scope="session")
def benchmark() -> TabularBenchmark:
    return TabularBenchmark(make_table(), name="benchmark.h5")


@pytest.fixture(scope="session")
def surrogate(benchmark: TabularBenchmark) -> SurrogateBenchmark:
    return fit_surrogate(benchmark, "validation_accuracy", "ridge")


@pytest.fixture(scope="session")
def evaluation() -> Results:
    rng = np.random.default_rng(1)
    records = []
    for predictor, quality in (("mean", None), ("ridge", 0.4), ("gp", 0.6)):
        for n_train in (10, 20):
            for seed in range(4):
                tau = None if quality is None else quality + n_train / 100 + rng.normal(0, 0.02)
                scores = {"kendall_tau": tau, "spearman": tau, "r2": tau, "rmse": 3 + rng.random(), "coverage_90": 0.88}
                scores |= {"ndcg_at_10": 0.9, "precision_at_10": 0.3, "regret_at_10": 0.5, "best_rank_at_10": 2.5}
                records.append({"predictor": predictor, "n_train": n_train, "seed": seed, **scores, "fit_seconds": 0.1})
    settings = {"test_size": 10, "seed": 0}
    return Results("evaluation", "benchmark.h5", "nb201", "digits/validation_accuracy", "percent", settings, records)


def compare(strategies: dict[str, float], repeats: int = 8, least: float = 0.01) -> Results:
    """Regret falls from 10 to the given final value in steps at 1, 5 and 20 evaluations."""
    rng = np.random.default_rng(2)
    records, final = [], {}
    for strategy, end in strategies.items():
        final[strategy] = end + least * rng.random(repeats)
        for repeat in range(repeats):
            for evaluations, regret in ((1, 10.0), (5, (10 + end) / 2), (20, final[strategy][repeat])):
                score = {"valid": 95 - 2 * regret, "test": 96 - regret, "regret": regret, "valid_regret": 2 * regret}
                spent = {"evaluations": evaluations, "epochs": 8 * evaluations, "simulated_seconds": 0.5 * evaluations}
                records.append({"strategy": strategy, "repeat": repeat, **spent, **score})
    summary = {"best_test": 96.0, "best_is": "the best of the whole space", "floor": 0.25, "timed": True}
    for prefix, factor in (("", 1), ("valid_", 2)):
        values = {name: factor * regrets for name, regrets in final.items()}
        ranking = asdict(rank(values, np.random.default_rng(0), units="percent"))
        summary |= {f"{prefix}statement": ranking.pop("statement"), f"{prefix}ranking": ranking}
    settings = {"evaluations": 20, "seconds": None, "repeats": repeats}
    metric = "digits/validation_accuracy"
    return Results("comparison", "surrogate.h5", "nb201", metric, "percent", settings, records, summary)


@pytest.fixture(scope="session")
def make_comparison() -> Callable[..., Results]:
    return compare


@pytest.fixture(scope="session")
def comparison() -> Results:
    return compare({"random": 4.0, "evolution": 1.0, "bayesian-gp": 0.5})
