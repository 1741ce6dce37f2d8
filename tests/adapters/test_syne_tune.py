"""Benchmarks as blackboxes: the tensor by hand, and Syne Tune's own example of a simulated benchmark, retyped."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import DIMS, Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import InputError, NotFoundError
from nasbench.evaluate.surrogates import fit_surrogate
from nasbench.spaces import ChoiceSpace

syne_tune = pytest.importorskip("nasbench.adapters.syne_tune", reason="Syne Tune is not installed")
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame")  # which Syne Tune uses
blackbox, PredictedBlackbox = syne_tune.blackbox, syne_tune.PredictedBlackbox

SPACE = ChoiceSpace({"depth": [1, 2, 3, 4], "pool": ["max", "avg"], "width": [8, 16, 32]}, name="toy")


def made_up(hole: bool = False, uneven: bool = False) -> TabularBenchmark:
    """All 24 architectures, seeds 9 and 7, epochs 1, 3, 9: accuracy is 50 + row + epoch / 10 + seed's place / 100."""
    genotypes = np.concatenate(list(SPACE.enumerate()))
    row, seed, place = np.ogrid[:24, :2, :3]
    epoch = np.array([1, 3, 9])[place]
    columns = []
    for name, values in {
        "validation_accuracy": 50 + row + epoch / 10 + seed / 100,
        "train_seconds": (10.0 + row) * epoch + 0 * seed,
        "test_accuracy": 40 + row + epoch / 10 + seed / 100,
    }.items():
        missing = np.zeros(values.shape, dtype=np.uint8)
        missing[5, 0, 1] |= hole
        missing[5:, 0] |= uneven
        split: Any = name.partition("_")[0] if "accuracy" in name else "none"
        metric = Metric("d", name, split, "percent" if split != "none" else "seconds",
                        "maximise" if split != "none" else "minimise", DIMS)  # fmt: skip
        numbers = np.where(missing > 0, np.nan, values)
        columns.append(Column(metric, numbers, missing, ("failed",) if missing.any() else ()))
    parameters = Metric("d", "parameters", "none", "count", "minimise", DIMS[:1])
    columns.append(Column(parameters, 100.0 + np.arange(24), np.zeros(24, dtype=np.uint8)))
    table = Table(SPACE, genotypes, (9, 7), {"d": (1, 3, 9)}, {c.metric.path: c for c in columns})
    return TabularBenchmark(table, "made up")


def test_the_tensor_by_hand() -> None:
    box = blackbox(made_up(), metrics=["validation_accuracy", "train_seconds", "parameters"], seeds=[9, 7])
    assert box.objectives_evaluations.shape == (24, 2, 3, 3)
    assert box.objectives_evaluations[3, 1, 2].tolist() == [pytest.approx(53.91), 13 * 9, 103]
    assert box.fidelity_values.tolist() == [1, 3, 9]
    assert box.objectives_names == ["validation_accuracy", "train_seconds", "parameters"]
    config = SPACE.to_config([1, 0, 2])  # row 8
    assert box.objective_function(config, fidelity={"epoch": 3}, seed=0) == {
        "validation_accuracy": pytest.approx(58.3), "train_seconds": 54, "parameters": 108
    }  # fmt: skip
    assert box(config, fidelity=9, seed=1)["validation_accuracy"] == pytest.approx(58.91)
    assert box.objective_function(config, seed=0)[:, 1].tolist() == [18, 54, 162]
    assert {name: set(domain.categories) for name, domain in box.configuration_space.items()} == {
        name: set(SPACE.option_names(place)) for place, name in enumerate(SPACE.choice_names)
    }
    x, y = box.hyperparameter_objectives_values()
    assert (x.shape, y.shape) == ((24 * 2 * 3, 4), (24 * 2 * 3, 3))


def test_seeds() -> None:
    assert blackbox(made_up()).objectives_evaluations.shape == (24, 2, 3, 2)
    mean = blackbox(made_up(), seeds="mean")
    assert mean.objectives_evaluations[0, 0, 0, 0] == pytest.approx(50.105)
    assert blackbox(made_up(uneven=True)).objectives_evaluations[0, :, 0, 0].tolist() == [pytest.approx(50.11)]


def test_no_number_is_made_up() -> None:
    with pytest.raises(
        InputError, match=r"1 of 24 architectures lack a number with seeds 9, the first depth=1,pool=avg"
    ):
        blackbox(made_up(hole=True), seeds=[9])
    box = blackbox(made_up(hole=True), seeds=[9], drop_incomplete=True)
    assert box.objectives_evaluations.shape == (23, 1, 3, 2)
    assert np.isfinite(box.objectives_evaluations).all()
    with pytest.raises(NotFoundError, match="unknown metric 'latency'"):
        blackbox(made_up(), metrics=["latency"])
    with pytest.raises(NotFoundError, match="was not recorded with seed 5"):
        blackbox(made_up(), seeds=[5])


def tuned(box: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, time: float) -> Any:
    """`simulate_benchmark` of examples/launch_simulated_benchmark.py in syne-tune/syne-tune, with the ASHA of 0.16."""
    from syne_tune import StoppingCriterion, Tuner
    from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
    from syne_tune.blackbox_repository import UserBlackboxBackend
    from syne_tune.experiments import load_experiment
    from syne_tune.optimizer.baselines import ASHA

    monkeypatch.setenv("SYNETUNE_FOLDER", str(folder))
    trial_backend = UserBlackboxBackend(blackbox=box, elapsed_time_attr="train_seconds", seed=0)
    max_resource_attr = "epochs"
    scheduler = ASHA(
        config_space=box.configuration_space_with_max_resource_attr(max_resource_attr),
        time_attr=box.fidelity_name(),
        max_t=int(max(box.fidelity_values)),
        metric="validation_accuracy",
        do_minimize=False,
        random_seed=31415927,
    )
    tuner = Tuner(
        trial_backend=trial_backend,
        scheduler=scheduler,
        stop_criterion=StoppingCriterion(max_wallclock_time=time),
        n_workers=4,
        sleep_time=0,
        callbacks=[SimulatorCallback()],
    )
    tuner.run()
    return load_experiment(tuner.name).results


@pytest.mark.filterwarnings("ignore")  # of Syne Tune and of what it imports
def test_the_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = tuned(blackbox(made_up()), tmp_path, monkeypatch, 7200)
    assert len(results) > 50
    assert set(results["epoch"]) == {1, 3, 9}
    for _, row in results.iterrows():  # every number that the scheduler saw is one of the table
        config = {name: row[f"config_{name}"] for name in SPACE.choice_names}
        place = int(SPACE.code(SPACE.from_config(config)[None])[0])
        assert row["validation_accuracy"] == pytest.approx(50 + place + row["epoch"] / 10 + 0.01)  # seed 7, the first
    assert results["validation_accuracy"].max() > 72  # of 73.9
    assert results["st_tuner_time"].max() > 5000  # simulated seconds


@pytest.mark.filterwarnings("ignore")
def test_a_surrogate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    surrogate = fit_surrogate(made_up(), "validation_accuracy", "ridge")
    box = blackbox(surrogate)
    assert isinstance(box, PredictedBlackbox)
    config = SPACE.to_config([1, 0, 2])
    expected = {name: surrogate.query([1, 0, 2], name).value for name in ("validation_accuracy", "train_seconds")}
    assert box.objective_function(config, fidelity={"epoch": 9}) == expected
    assert box.objective_function(config).tolist() == [[*expected.values()]]
    with pytest.raises(NotFoundError, match="learnt at epoch 9, not 3"):
        box.objective_function(config, fidelity={"epoch": 3})
    assert tuned(box, tmp_path, monkeypatch, 2000)["validation_accuracy"].max() > 65
