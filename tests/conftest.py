"""Fixtures of several rooms: a bound for rounding, a benchmark of formulas, a cell and a build; repeatable examples."""

from __future__ import annotations

import json
import os
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; workers would take cores from each other

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, settings

from nasbench.benchmark import hdf5
from nasbench.benchmark.base import Answer, Answers, Benchmark, Epoch, Metric, SeedPolicy
from nasbench.errors import NotFoundError
from nasbench.spaces import spaces
from nasbench.types import Architecture, Direction, FloatArray, GenotypeArray

if TYPE_CHECKING:
    from nasbench.builder import BuildSettings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "repeatable", derandomize=True, deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests marked `cuda` where there is no GPU."""
    if item.get_closest_marker("cuda"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("there is no CUDA device here")


class Formula(Benchmark):
    """Validation sums over positions, test differs a little; a cell of code c trains 1 + c % 7 s an epoch."""

    kind = "tabular"
    name = "formula"
    epochs: tuple[int, ...] = (1, 4)

    def __init__(self, direction: Direction = "maximise", timed: bool = True, complete: bool = True) -> None:
        self.space = spaces.create("nb201")
        self.whole = complete
        self.timed = timed
        sign = 1 if direction == "maximise" else -1
        axes = ("architecture", "epoch")
        weights = np.random.default_rng(0).normal(size=(len(self.space.cardinalities), max(self.space.cardinalities)))

        def total(genotypes: GenotypeArray) -> FloatArray:
            return np.sum(weights[np.arange(genotypes.shape[1]), genotypes], axis=1)  # type: ignore[no-any-return]

        def wobble(genotypes: GenotypeArray) -> FloatArray:
            return 0.1 * np.cos(self.space.code(genotypes).astype(np.float64))

        self.formulas: dict[str, Callable[[GenotypeArray, int], FloatArray]] = {
            "toy/validation_score": lambda g, epoch: sign * (80 + epoch * total(g)),
            "toy/test_score": lambda g, epoch: sign * (80 + epoch * total(g) + wobble(g)),
            "toy/train_seconds": lambda g, epoch: epoch * (1.0 + self.space.code(g) % 7),
            "parameters": lambda g, epoch: self.space.code(g) + 1.0,
        }
        self.metrics: Mapping[str, Metric] = {
            m.path: m
            for m in (
                Metric("toy", "validation_score", "validation", "percent", direction, axes),
                Metric("toy", "test_score", "test", "percent", direction, axes),
                Metric("toy", "train_seconds", "none", "seconds", "minimise", axes),
                Metric("", "parameters", "none", "count", "none", ("architecture",)),
            )
            if timed or m.name != "train_seconds"
        }

    def query_many(
        self, genotypes: npt.ArrayLike, metric: str, *, epoch: Epoch = "last", seed: SeedPolicy = "mean"
    ) -> Answers:
        found = self.metric(metric)
        finished = self.epochs[-1] if epoch == "last" else epoch
        if finished not in self.epochs:
            raise NotFoundError(f"no epoch {epoch}")
        values = self.formulas[found.path](self.space.check(genotypes), finished)
        return Answers(np.ma.masked_invalid(values), found.path, found.split, found.units, finished, "mean")

    def query(
        self, architecture: Architecture, metric: str, *, epoch: Epoch = "last", seed: SeedPolicy = "mean"
    ) -> Answer:
        genotype = self.space.genotype(architecture)[None]
        found = self.query_many(genotype, metric, epoch=epoch)
        assert found.epoch is not None
        cost = float(self.formulas["toy/train_seconds"](genotype, found.epoch)[0]) if self.timed else np.nan
        value = float(found.values.filled(np.nan)[0])
        return Answer(value, found.metric, found.split, found.units, found.epoch, (0,), cost, None)

    def architectures(self) -> GenotypeArray:
        return np.concatenate(list(self.space.enumerate()))[: None if self.whole else 60]

    @property
    def complete(self) -> bool:
        return self.whole

    def recorded_epochs(self, metric: str) -> tuple[int, ...]:
        return self.epochs if "epoch" in self.metric(metric).dims else ()

    def recorded_seeds(self, metric: str) -> tuple[int, ...]:
        return ()


@pytest.fixture(scope="session")
def formula() -> type[Formula]:
    return Formula


@pytest.fixture(scope="session")
def rounding() -> Callable[..., float]:
    """Relative difference that rounding allows between two orders of the same operations.

    Processors and libraries add in different orders. Each operation in a row is off by the eps of its type, and the
    condition number says by how much later steps magnify that (Higham, 2002, section 3.1).
    """

    def bound(operations: int, dtype: str = "float64", condition: float = 1.0) -> float:
        return float(np.finfo(dtype).eps) * operations * condition

    return bound


@pytest.fixture(scope="session")
def lstm() -> str:
    """Recipe of an LSTM, one of the example cells of NAS-Bench-NLP."""
    return json.dumps(
        {
            **{name: {"op": "linear", "input": ["x", "h_prev_0"]} for name in ("i", "j", "f", "o")},
            **{
                f"{name}_act": {"op": f"activation_{kind}", "input": [name]}
                for name, kind in (("i", "tanh"), ("j", "sigm"), ("f", "sigm"), ("o", "tanh"))
            },
            "h_new_1_part1": {"op": "elementwise_prod", "input": ["f_act", "h_prev_1"]},
            "h_new_1_part2": {"op": "elementwise_prod", "input": ["i_act", "j_act"]},
            "h_new_1": {"op": "elementwise_sum", "input": ["h_new_1_part1", "h_new_1_part2"]},
            "h_new_1_act": {"op": "activation_tanh", "input": ["h_new_1"]},
            "h_new_0": {"op": "elementwise_prod", "input": ["h_new_1_act", "o_act"]},
        }
    )


@pytest.fixture(scope="session")
def small() -> BuildSettings:
    """Twelve trainings of a moment each."""
    from nasbench.builder import BuildSettings, NetworkSettings, TrainSettings  # loads torch

    return BuildSettings(
        datasets=("digits+train=40+validation=20+test=30",),
        cells=6,
        seeds=2,
        network=NetworkSettings(channels=2, cells=1, stages=1),
        train=TrainSettings(epochs=2, batch_size=20),
        latency_repeats=1,
    )


@pytest.fixture(scope="session")
def same() -> Callable[[Path, Path], None]:
    """Assert that two files hold the same except measured times, by the checksums stored with their arrays."""

    def checksums(path: Path) -> dict[str, bytes]:
        with h5py.File(path) as file:
            return {
                name: bytes(item.attrs["sha256"])
                for name, item in hdf5.objects(file)
                if "sha256" in item.attrs and not name.endswith(("train_seconds", "latency"))
            }

    def compare(a: Path, b: Path) -> None:
        assert checksums(a) == checksums(b) and len(checksums(a)) > 10
        assert hdf5.read(a).recipe == hdf5.read(b).recipe

    return compare
