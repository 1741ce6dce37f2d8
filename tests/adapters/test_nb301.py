"""Code written for NAS-Bench-301 and NAS-Bench-x11: calls of nasbench301/example.py and of x11's README, retyped."""

from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.adapters import nb301
from nasbench.adapters.nb301 import Genotype, load_ensemble, pooled_deviation, published_config
from nasbench.benchmark.base import Metric
from nasbench.benchmark.hdf5.writer import write, write_surrogate
from nasbench.benchmark.load import load
from nasbench.benchmark.surrogate import SurrogateBenchmark
from nasbench.benchmark.table import DIMS, Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import InputError, NotFoundError
from nasbench.evaluate.surrogates import fit_surrogate
from nasbench.spaces.darts import DARTS

SPACE = DARTS()
EXAMPLE = Genotype(  # of nasbench301/example.py
    normal=[
        ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_3x3", 1),
        ("sep_conv_3x3", 1), ("skip_connect", 0), ("skip_connect", 0), ("dil_conv_3x3", 2),
    ],
    normal_concat=[2, 3, 4, 5],
    reduce=[
        ("max_pool_3x3", 0), ("max_pool_3x3", 1), ("skip_connect", 2), ("max_pool_3x3", 1),
        ("max_pool_3x3", 0), ("skip_connect", 2), ("skip_connect", 2), ("max_pool_3x3", 1),
    ],
    reduce_concat=[2, 3, 4, 5],
)  # fmt: skip


def as_text(genotype: Genotype) -> str:
    return f"Genotype(normal={genotype.normal}, reduce={genotype.reduce})"


def made_up(seeds: tuple[int, ...] = (1, 2)) -> TabularBenchmark:
    """The cell of the example and 49 others; accuracy is 90 + row / 10 + epoch, seeds differ by 2 x 0.3."""
    genotypes = SPACE.sample(49, np.random.default_rng(0))
    genotypes = np.concatenate([SPACE.genotype(as_text(EXAMPLE))[None], genotypes])
    row, seed, epoch = np.ogrid[:50, : len(seeds), 1:4]
    apart = np.array([-0.3, 0.3])[seed % 2] if len(seeds) > 1 else 0.0
    values = {
        "validation_accuracy": 90 + row / 10 + epoch + apart,
        "train_seconds": (100.0 + row) * epoch * np.exp(apart),
    }
    columns = []
    for name, numbers in values.items():
        cost = name == "train_seconds"
        metric = Metric(
            "cifar10", name, "none" if cost else "validation", "seconds" if cost else "percent",
            "minimise" if cost else "maximise", DIMS,
        )  # fmt: skip
        columns.append(Column(metric, np.asarray(numbers, np.float64), np.zeros(np.shape(numbers), np.uint8)))
    return TabularBenchmark(Table(SPACE, genotypes, seeds, {"cifar10": (1, 2, 3)}, {c.metric.path: c for c in columns}))


@pytest.fixture(scope="module")
def table() -> TabularBenchmark:
    return made_up()


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_pooled_deviation_by_hand() -> None:
    values = np.array([[1.0, 3, np.nan], [5, 5, 8], [7, np.nan, np.nan]])
    assert pooled_deviation(values) == pytest.approx(np.sqrt((2 + 6) / (1 + 2)))
    assert np.isnan(pooled_deviation(values[2:]))


def test_the_published_configuration_by_hand() -> None:
    config = published_config(SPACE, SPACE.genotype(as_text(EXAMPLE)))
    at = nb301.PREFIX
    normal = {name.removeprefix(at): value for name, value in config.items() if "normal" in name}
    assert normal == {
        "edge_normal_0": "sep_conv_3x3",
        "edge_normal_1": "sep_conv_3x3",
        "edge_normal_2": "sep_conv_3x3",
        "edge_normal_3": "sep_conv_3x3",
        "edge_normal_5": "skip_connect",
        "edge_normal_6": "sep_conv_3x3",
        "edge_normal_9": "skip_connect",
        "edge_normal_11": "dil_conv_3x3",
        "inputs_node_normal_3": "0_1",
        "inputs_node_normal_4": "0_1",
        "inputs_node_normal_5": "0_2",
    }


def test_the_example(tmp_path: Path, table: TabularBenchmark) -> None:
    write(table.table, tmp_path / "table.h5")
    write_surrogate(fit_surrogate(load(tmp_path / "table.h5"), "validation_accuracy", "ridge"), tmp_path / "xgb.h5")
    performance_model = load_ensemble(str(tmp_path / "xgb.h5"))  # which knows the file beside it
    runtime_model = load_ensemble(tmp_path / "xgb.h5", "runtime", table=tmp_path / "table.h5")
    plain = namedtuple("plain", "normal normal_concat reduce reduce_concat")
    genotype_config = plain(*EXAMPLE)
    configspace_config = SPACE.config_space(seed=0).sample_configuration()
    prediction_genotype = performance_model.predict(config=genotype_config, representation="genotype", with_noise=True)
    prediction_configspace = performance_model.predict(
        config=configspace_config, representation="configspace", with_noise=True
    )
    runtime_genotype = runtime_model.predict(config=genotype_config, representation="genotype")
    runtime_configspace = runtime_model.predict(config=configspace_config, representation="configspace")
    text = f"Genotype architecture performance: {prediction_genotype:f}, runtime {runtime_genotype:f}"
    assert "performance: 9" in text
    assert 85 < prediction_configspace < 105
    assert min(runtime_genotype, runtime_configspace) > 100
    write(made_up(seeds=(1, 2, 3)).table, tmp_path / "elsewhere.h5")
    (tmp_path / "table.h5").unlink()
    alone = load_ensemble(tmp_path / "xgb.h5", seed=1)  # which knows by itself how seeds differ
    drawn, sigma = np.array([alone.predict(EXAMPLE) for _ in range(500)]), 0.3 * np.sqrt(2)
    assert drawn.std() == pytest.approx(sigma, rel=4 / np.sqrt(2 * 500))
    assert drawn.mean() == pytest.approx(alone.predict(EXAMPLE, with_noise=False), abs=4 * sigma / np.sqrt(500))


def test_a_surrogate_without_noise_asks_the_table_beside_it(tmp_path: Path, table: TabularBenchmark) -> None:
    write(table.table, tmp_path / "table.h5")
    silent = fit_surrogate(load(tmp_path / "table.h5"), "validation_accuracy", "ridge")
    silent = SurrogateBenchmark(silent.table, {k: replace(m, noise=None) for k, m in silent.models.items()})
    write_surrogate(silent, tmp_path / "xgb.h5")
    model = load_ensemble(tmp_path / "xgb.h5", seed=1)
    assert model.predict(EXAMPLE) != model.predict(EXAMPLE)
    assert load_ensemble(silent, table=table).predict(EXAMPLE) > 80
    (tmp_path / "table.h5").unlink()
    with pytest.raises(InputError, match="does not say how"):
        load_ensemble(tmp_path / "xgb.h5").predict(EXAMPLE)
    one = made_up().table
    write(Table(SPACE, one.genotypes[:9], one.seeds, one.epochs, {}), tmp_path / "table.h5")  # another of that name
    with pytest.raises(InputError, match="does not say how"):
        load_ensemble(tmp_path / "xgb.h5").predict(EXAMPLE)


def test_answers_of_a_table(table: TabularBenchmark) -> None:
    model = load_ensemble(table)
    assert model.predict(EXAMPLE, with_noise=False) == 93
    assert model.predict(as_text(EXAMPLE), with_noise=False) == 93
    config = published_config(SPACE, SPACE.genotype(as_text(EXAMPLE))) | {"OptimizerSelector:sgd:lr": 0.1}
    assert model.predict(config, "configspace", with_noise=False, search_space="darts") == 93
    assert model.predict(SPACE.to_config(as_text(EXAMPLE)), "configspace", with_noise=False) == 93
    times = load_ensemble(table, "runtime").predict(EXAMPLE, with_noise=False)
    assert times == pytest.approx(300 * np.cosh(0.3))


def test_curves_as_of_x11(table: TabularBenchmark) -> None:
    model = load_ensemble(table, curve=True)
    assert model.predict(EXAMPLE, representation="genotype", with_noise=False) == [91, 92, 93]
    noisy = model.predict(EXAMPLE)
    assert len(noisy) == 3
    assert len({round(a - b, 6) for a, b in zip(noisy, (91, 92, 93), strict=True)}) == 3
    other = EXAMPLE._replace(normal_concat=[2, 3, 4, 5, 6])  # as in the README of x11, which does not read it either
    assert model.predict(other, with_noise=False) == [91, 92, 93]


def test_noise_has_the_deviation_of_the_seeds(table: TabularBenchmark) -> None:
    model = load_ensemble(table, seed=3)
    drawn = np.array([model.predict(EXAMPLE) for _ in range(1500)]) - 93
    sigma = 0.3 * np.sqrt(2)
    assert abs(drawn.mean()) < 4 * sigma / np.sqrt(1500)
    assert drawn.std() == pytest.approx(sigma, rel=4 / np.sqrt(2 * 1500))
    again = load_ensemble(table, seed=3)
    assert [again.predict(EXAMPLE) - 93 for _ in range(5)] == drawn[:5].tolist()
    seconds = load_ensemble(table, "runtime", seed=3)
    logs = np.log([seconds.predict(EXAMPLE) for _ in range(1500)])
    assert logs.std() == pytest.approx(sigma, rel=4 / np.sqrt(2 * 1500))


# --- properties and errors --------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1))
def test_published_configurations_come_back(seed: int) -> None:
    genotype = SPACE.sample(1, np.random.default_rng(seed))[0]
    again = nb301._cells(published_config(SPACE, genotype))
    assert SPACE.key(SPACE.genotype(nb301._text(again))[None]) == SPACE.key(genotype[None])


def test_without_two_seeds_there_is_no_noise(table: TabularBenchmark) -> None:
    model = load_ensemble(made_up(seeds=(1,)))
    assert model.predict(EXAMPLE, with_noise=False) == 93
    with pytest.raises(InputError, match=r"differs between seeds; pass with_noise=False$"):
        model.predict(EXAMPLE)
    surrogate = load_ensemble(fit_surrogate(made_up(seeds=(1,)), "validation_accuracy", "mean"))
    with pytest.raises(InputError, match=r"pass with_noise=False, or load_ensemble\(..., table=\)"):
        surrogate.predict(EXAMPLE)


def test_errors(table: TabularBenchmark) -> None:
    model = load_ensemble(table)
    config = published_config(SPACE, SPACE.genotype(as_text(EXAMPLE)))
    no_edge = {name: value for name, value in config.items() if not name.endswith("edge_normal_9")}
    no_node = {name: value for name, value in config.items() if not name.endswith("node_reduce_4")}
    other = SPACE.sample(1, np.random.default_rng(9))[0]
    cases: list[tuple[type[Exception], str, Any]] = [
        (InputError, "no 'Network.*edge_normal_9'", lambda: model.predict(no_edge, "configspace")),
        (InputError, "inputs_node_reduce_4' of two hidden states", lambda: model.predict(no_node, "configspace")),
        (InputError, "unknown operation 'conv'", lambda: model.predict(
            EXAMPLE._replace(normal=[("conv", 0), *EXAMPLE.normal[1:]])
        )),
        (InputError, "representation is 'genotype' or", lambda: model.predict(EXAMPLE, "compact")),
        (InputError, "not 'nb201'", lambda: model.predict(EXAMPLE, search_space="nb201")),
        (InputError, "no components", lambda: model.predict(EXAMPLE, components=True)),
        (NotFoundError, "not among the 50 trained", lambda: model.predict(other)),
        (NotFoundError, "unknown metric", lambda: load_ensemble(table, "latency")),
        (InputError, "so no curve", lambda: load_ensemble(
            fit_surrogate(table, "validation_accuracy", "mean"), curve=True
        )),
    ]  # fmt: skip
    for error, message, call in cases:
        with pytest.raises(error, match=message):
            call()
