"""Tables, predictors, surrogates and searches work on every space without knowing it."""

from pathlib import Path

import numpy as np
import pytest

from nasbench.benchmark.base import Metric
from nasbench.benchmark.hdf5.writer import write
from nasbench.benchmark.load import load
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.evaluate.predictors import evaluate
from nasbench.evaluate.strategies import compare
from nasbench.evaluate.surrogates import fit_surrogate
from nasbench.spaces import ChoiceSpace, Space, TemplateSpace, spaces

OPERATIONS = ["conv3x3", "conv1x1", "maxpool3x3"]
OWN = [
    ChoiceSpace({"depth": [1, 2, 3, 4], "kernel": [3, 5, 7], "rate": [0.1, 0.2, 0.5], "pool": ["max", "avg"]}),
    TemplateSpace(
        {
            "nodes": {
                "in": "input",
                "a": OPERATIONS,
                "b": OPERATIONS,
                "c": OPERATIONS,
                "d": OPERATIONS,
                "out": "output",
            },
            "edges": [["in", "a"], ["in", "b"], ["a", "c"], ["b", "c"], ["c", "d"], ["d", "out"]],
            "optional": [["in", "out"], ["a", "d"]],
        }
    ),
]
"""Spaces with constructor arguments, which a table stores."""


@pytest.mark.parametrize("space", [pytest.param(s, id=s.name) for s in (*map(spaces.create, spaces), *OWN)])
def test_from_a_table_to_a_race(space: Space, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    genotypes = space.canonical(space.sample(80, rng))
    genotypes = genotypes[np.unique(space.function_key(genotypes), return_index=True)[1]]
    seen = np.concatenate([space.features(genotypes, "counts"), space.node_values(genotypes).sum(axis=1)], axis=1)
    seen /= np.where(np.ptp(seen, axis=0) > 0, seen.std(axis=0), 1)
    quality = seen @ np.linspace(-1, 1, seen.shape[1]) + 0.01 * rng.normal(size=len(genotypes))
    present = np.zeros(len(genotypes), dtype=np.uint8)
    metrics = [
        Metric("toy", f"{split}_accuracy", split, "percent", "maximise", ("architecture",))
        for split in ("validation", "test")
    ]
    columns = [Column(metric, 50 + quality, present) for metric in metrics]
    write(Table(space, genotypes, (), {}, {c.metric.path: c for c in columns}), tmp_path / "table.h5")
    benchmark = load(tmp_path / "table.h5")
    assert isinstance(benchmark, TabularBenchmark)
    assert benchmark.query(space.to_string(genotypes[3]), "test_accuracy").value == pytest.approx(50 + quality[3])

    scores = evaluate(
        benchmark, "validation_accuracy", predictors=["ridge", "gp"], train_sizes=[30], test_size=15, splits=2
    )
    assert np.mean([record["kendall_tau"] for record in scores.records]) > 0.5

    surrogate = fit_surrogate(benchmark, "validation_accuracy", "ridge")
    budget = {"evaluations": 25, "repeats": 2, "jobs": 1}
    race = compare(surrogate, "validation_accuracy", strategies=["random", "local", "evolution", "reinforce"], **budget)
    assert set(race.summary["ranking"]["order"]) == {"random", "local", "evolution", "reinforce"}
