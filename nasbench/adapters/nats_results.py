"""What a benchmark knows of one architecture, in the objects of NATS-Bench: `ArchResults` and `ResultsCount`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from nasbench.benchmark.base import Benchmark, Epoch, SeedPolicy
from nasbench.errors import InputError, NotFoundError
from nasbench.importers.nats_bench import DATASETS, MIXED, SCHEDULES
from nasbench.spaces.nats_size import CELL, NATSSize
from nasbench.spaces.nb201 import NB201, OPERATIONS
from nasbench.types import GenotypeArray

Numbers: TypeAlias = dict[str, Any]
"""`iepoch`, `loss`, `accuracy`, `cur_time` and `all_time`; times are seconds, None where not recorded."""

CLASSES = {"cifar10-valid": 10, "cifar10": 10, "cifar100": 100, "ImageNet16-120": 120}
"""Number of classes by data set."""
SPLITS = {
    "cifar10-valid": {"x-valid": "validation", "ori-test": "test"},
    "cifar10": {"ori-test": "test"},
    "cifar100": {"x-valid": "validation", "x-test": "test", "ori-test": MIXED},
    "ImageNet16-120": {"x-valid": "validation", "x-test": "test", "ori-test": MIXED},
}
"""Our splits by data set and published name."""


class Trainings:
    """The trainings of a benchmark under the names of NATS-Bench: number, data set and schedule.

    Args:
        benchmark: A benchmark of NAS-Bench-201 or of the size space.
        rng: Generator that draws one training among several.

    Raises:
        InputError: The benchmark has another space.
    """

    def __init__(self, benchmark: Benchmark, rng: np.random.Generator) -> None:
        if not isinstance(benchmark.space, NB201 | NATSSize):
            raise InputError(f"{benchmark.name} has the space {benchmark.space.name}, not one of NATS-Bench")
        self.benchmark, self.rng = benchmark, rng
        self.space: NB201 | NATSSize = benchmark.space
        self.indexes = frozenset(self.space.index(benchmark.architectures()).tolist())

    def genotype(self, index: int) -> GenotypeArray:
        """The architecture with a published number, shape `(d,)`; raises an InputError if there is none."""
        if not 0 <= index < self.space.size:
            raise InputError(f"invalid index {index}; the space has 0 to {self.space.size - 1}")
        genotype: GenotypeArray = self.space.from_index([index])[0]
        return genotype

    @property
    def schedules(self) -> list[str]:
        """The schedules under which anything was trained."""
        return [hp for hp in SCHEDULES if any(self.find_dataset(dataset, hp) for dataset in DATASETS)]

    def find_dataset(self, dataset: str, hp: str) -> str | None:
        """The name in the benchmark of a data set under a schedule, None if it is not there."""
        if f"{dataset}@{hp}/train_accuracy" in self.benchmark.metrics:
            return f"{dataset}@{hp}"
        for path in (f"{dataset}/train_accuracy", f"{dataset}/validation_accuracy"):  # imported with one schedule
            if path in self.benchmark.metrics and self.benchmark.recorded_epochs(path)[-1:] == (SCHEDULES.get(hp),):
                return dataset
        return None

    def dataset(self, dataset: str, hp: str) -> str:
        """The name in the benchmark of a data set under a schedule.

        Raises:
            InputError: NATS-Bench has no such data set.
            NotFoundError: The benchmark does not have it under this schedule.
        """
        class_count(dataset)
        name = self.find_dataset(dataset, hp)
        if name is None:
            known = [
                f"{name} with hp={other}" for other in SCHEDULES for name in DATASETS if self.find_dataset(name, other)
            ]
            raise self.not_found(f"{dataset} with hp={hp}", known)
        return name

    def not_found(self, wanted: str, known: Sequence[str]) -> NotFoundError:
        """The error for something that the benchmark does not have; `known` is what it has instead."""
        instead = (
            f"it has {', '.join(known)}"
            if known
            else (
                "it has no trainings at all (no metric like cifar10@12/train_accuracy); open what nasbench import "
                "nats-bench or nasbench201 wrote"
            )
        )
        return NotFoundError(f"{self.benchmark.name} has no {wanted}; {instead}")

    def net_config(self, index: int, dataset: str) -> dict[str, Any]:
        """Arguments with which the published code builds a network: `name`, size, string and `num_classes`."""
        text = self.space.to_string(self.genotype(index))
        if isinstance(self.space, NB201):
            return {"name": "infer.tiny", "C": 16, "N": 5, "arch_str": text, "num_classes": class_count(dataset)}
        cell = NB201().to_string(np.array([OPERATIONS.index(op) for op in CELL], dtype=np.int8))
        return {"name": "infer.shape.tiny", "channels": text, "genotype": cell, "num_classes": class_count(dataset)}


class ArchResults:
    """The numbers of one architecture under one schedule, read on request.

    Args:
        trainings: Source of the numbers.
        arch_index: Published number of the architecture.
        hp: Schedule.

    Raises:
        NotFoundError: The benchmark has no such schedule.
    """

    def __init__(self, trainings: Trainings, arch_index: int, hp: str) -> None:
        if hp not in trainings.schedules:
            raise trainings.not_found(f"trainings with hp={hp}", trainings.schedules)
        self.trainings, self.arch_index, self.hp = trainings, arch_index, hp
        self._genotype = trainings.genotype(arch_index)
        self.arch_str = trainings.space.to_string(self._genotype)

    def arch_idx_str(self) -> str:
        """The published number with six digits."""
        return f"{self.arch_index:06d}"

    def get_dataset_names(self) -> list[str]:
        """Data sets on which it was trained."""
        return [name for name in DATASETS if self.trainings.find_dataset(name, self.hp) and self._trained(name)]

    def get_dataset_seeds(self, dataset: str) -> list[int]:
        """Seeds with which it was trained, ascending; none if the benchmark is a surrogate."""
        path = f"{self.trainings.dataset(dataset, self.hp)}/train_accuracy"
        if path not in self.trainings.benchmark.metrics:
            return []
        seeds = sorted(self.trainings.benchmark.recorded_seeds(path))
        return [seed for seed in seeds if not math.isnan(self.value(dataset, "train_accuracy", "last", seed))]

    def get_total_epoch(self, dataset: str | None = None) -> int:
        """Epochs of the schedule."""
        return SCHEDULES[self.hp]

    def get_metrics(
        self, dataset: str, setname: str, iepoch: int | None = None, is_random: bool | int = False
    ) -> Numbers:
        """Numbers on `train`, `x-valid`, `x-test` or `ori-test`; arguments and errors as in `NATS.get_more_info`.

        Raises:
            NotFoundError: Nothing was measured on that split at that epoch.
        """
        numbers = self.numbers(dataset, setname, iepoch, self.policy(dataset, is_random))
        if numbers is None:
            raise NotFoundError(
                f"{dataset} with hp={self.hp} was not evaluated on {setname} at iepoch={iepoch}, architecture "
                f"{self.arch_index}; the last epoch has the most"
            )
        return numbers

    def get_compute_costs(self, dataset: str) -> dict[str, float | None]:
        """See `NATS.get_cost_info`."""
        self.policy(dataset, False)
        latency = self.time(dataset, "latency", "mean")
        costs: dict[str, float | None] = {
            "flops": self.value(dataset, "flops", "last", "mean") / 1e6,
            "params": self.value(dataset, "parameters", "last", "mean") / 1e6,
            "latency": None if latency is None else latency / 1000,
        }
        return costs | self.times(dataset, "mean")

    def get_latency(self, dataset: str) -> float | None:
        """Latency of a batch in seconds, mean over trainings; None where not recorded."""
        return self.get_compute_costs(dataset)["latency"]

    def query(self, dataset: str, seed: int | None = None) -> Any:
        """The `ResultsCount` of one seed, or of all by seed.

        Raises:
            NotFoundError: It was not trained on this data set, or not with this seed.
        """
        seeds = self.get_dataset_seeds(dataset)
        if seed is not None and seed not in seeds:
            raise NotFoundError(f"architecture {self.arch_index} has no {dataset} with seed {seed}; it has {seeds}")
        if seed is None:
            return {each: ResultsCount(self, dataset, each) for each in seeds}
        return ResultsCount(self, dataset, seed)

    def description(self) -> str:
        """Costs, and final loss and accuracy on each split, as lines of text by data set."""
        lines = [self.arch_str, f"architecture {self.arch_index}, hp {self.hp}: {', '.join(self.get_dataset_names())}"]
        for dataset in self.get_dataset_names():
            costs = self.get_compute_costs(dataset)
            latency = "unknown" if costs["latency"] is None else f"{1000 * costs['latency']:.2f} ms"
            lines.append(
                f"{dataset:14s} {costs['flops']:.2f} MFLOPs, {costs['params']:.3f} M parameters, latency {latency}"
            )
            for setname in ("train", *SPLITS[dataset]):
                numbers = self.numbers(dataset, setname, None, "mean")
                if numbers is not None:
                    loss = "unknown" if numbers["loss"] is None else f"{numbers['loss']:.3f}"
                    lines.append(f"{dataset:14s} {setname}: loss = {loss}, top1 = {numbers['accuracy']:.2f}%")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"ArchResults(arch-index={self.arch_index}, arch={self.arch_str}, hp={self.hp})"

    def policy(self, dataset: str, is_random: bool | int) -> SeedPolicy:
        """The seed, drawn or given, or the mean over seeds.

        Raises:
            NotFoundError: It was not trained with that seed, or not at all.
        """
        seeds = self.get_dataset_seeds(dataset)
        if not seeds and self.trainings.benchmark.kind == "tabular":
            raise NotFoundError(
                f"architecture {self.arch_index} has no training on {dataset} with hp={self.hp} in "
                f"{self.trainings.benchmark.name}"
            )
        if is_random is False or not seeds:
            return "mean"
        if is_random is True:
            return seeds[int(self.trainings.rng.integers(len(seeds)))]
        if is_random not in seeds:
            raise NotFoundError(
                f"architecture {self.arch_index} has no {dataset} with seed {is_random}; it has "
                f"{', '.join(map(str, seeds))}"
            )
        return int(is_random)

    def numbers(self, dataset: str, setname: str, iepoch: int | None, seed: SeedPolicy) -> Numbers | None:
        """Loss, accuracy and times on a split, None if it was not evaluated at that epoch."""
        last = SCHEDULES[self.hp] - 1
        at = last if iepoch is None else iepoch
        if not 0 <= at <= last:
            raise InputError(f"invalid iepoch={iepoch}; with hp={self.hp} they are 0 to {last}")
        split = split_of(dataset, setname)
        accuracy = self.value(dataset, f"{split}_accuracy", at + 1, seed)
        if math.isnan(accuracy):
            return None
        loss = self.value(dataset, f"{split}_loss", at + 1, seed)
        if setname == "train":
            all_time = self.time(dataset, "train_seconds", seed, at + 1)
            before = 0.0 if at == 0 else self.time(dataset, "train_seconds", seed, at)
            per_epoch = None if all_time is None or before is None else all_time - before
        else:
            per_epoch = self.time(dataset, f"{split}_seconds", seed)
            all_time = None if per_epoch is None else per_epoch * (at + 1)
        return {
            "iepoch": at,
            "loss": None if math.isnan(loss) else loss,
            "accuracy": accuracy,
            "cur_time": per_epoch,
            "all_time": all_time,
        }

    def times(self, dataset: str, seed: SeedPolicy) -> dict[str, float | None]:
        """Seconds of training and of evaluation on each split, per epoch and in total."""
        epochs = SCHEDULES[self.hp]
        total = self.time(dataset, "train_seconds", seed)
        times = {"T-train@epoch": None if total is None else total / epochs, "T-train@total": total}
        for setname, split in SPLITS[dataset].items():
            per_epoch = self.time(dataset, f"{split}_seconds", seed)
            times[f"T-{setname}@epoch"] = per_epoch
            times[f"T-{setname}@total"] = None if per_epoch is None else per_epoch * epochs
        return times

    def _trained(self, dataset: str) -> bool:
        return bool(self.get_dataset_seeds(dataset)) or self.trainings.benchmark.kind == "surrogate"

    def value(self, dataset: str, name: str, epoch: Epoch, seed: SeedPolicy) -> float:
        """A number of the benchmark, NaN if it has no such metric, epoch or number."""
        benchmark, path = self.trainings.benchmark, f"{self.trainings.dataset(dataset, self.hp)}/{name}"
        if path not in benchmark.metrics:
            return math.nan
        if epoch != "last" and epoch not in benchmark.recorded_epochs(path):
            return math.nan
        return benchmark.query(self._genotype, path, epoch=epoch, seed=seed).value

    def time(self, dataset: str, name: str, seed: SeedPolicy, epoch: Epoch = "last") -> float | None:
        """A time of the benchmark, None where not recorded."""
        value = self.value(dataset, name, epoch, seed)
        return None if math.isnan(value) else value


class ResultsCount:
    """The numbers of one training by epoch, read on request."""

    def __init__(self, results: ArchResults, dataset: str, seed: int) -> None:
        self._results, self.name, self.seed = results, dataset, seed
        self.epochs = results.get_total_epoch()

    def get_total_epoch(self) -> int:
        """Epochs of the training."""
        return self.epochs

    def get_eval_set(self) -> list[str]:
        """Published names of the splits on which it was evaluated."""
        return [name for name in SPLITS[self.name] if self._results.numbers(self.name, name, None, self.seed)]

    def get_train(self, iepoch: int | None = None) -> Numbers:
        """Numbers on the training data after an epoch, counted from 0; the last by default."""
        return self._results.get_metrics(self.name, "train", iepoch, self.seed)

    def get_eval(self, name: str, iepoch: int | None = None) -> Numbers:
        """Numbers on a split after an epoch: `x-valid` (also called `valid`), `x-test` or `ori-test`."""
        return self._results.get_metrics(self.name, "x-valid" if name == "valid" else name, iepoch, self.seed)

    def get_times(self) -> dict[str, float | None]:
        """Seconds of training and of evaluation on each split, per epoch and in total."""
        return self._results.times(self.name, self.seed)

    def get_latency(self) -> float:
        """Latency of a batch in seconds; -1 where not recorded, as in the original."""
        latency = self._results.time(self.name, "latency", self.seed)
        return -1.0 if latency is None else latency / 1000

    def get_config(self, str2structure: Any = None) -> dict[str, Any]:
        """See `NATS.get_net_config`."""
        return self._results.trainings.net_config(self._results.arch_index, self.name)

    @cached_property
    def train_acc1es(self) -> dict[int, float]:
        """Training accuracy by epoch, counted from 0."""
        return {epoch: numbers["accuracy"] for epoch, numbers in self._curve("train").items()}

    @cached_property
    def train_losses(self) -> dict[int, float]:
        """Training loss by epoch, counted from 0."""
        return {epoch: numbers["loss"] for epoch, numbers in self._curve("train").items()}

    @cached_property
    def eval_acc1es(self) -> dict[str, float]:
        """Accuracies on all splits, keyed like `x-valid@199`."""
        return {f"{name}@{epoch}": numbers["accuracy"] for name, epoch, numbers in self._evaluations()}

    @cached_property
    def eval_losses(self) -> dict[str, float]:
        """Losses on all splits, keyed like `x-valid@199`."""
        return {f"{name}@{epoch}": numbers["loss"] for name, epoch, numbers in self._evaluations()}

    def _evaluations(self) -> list[tuple[str, int, Numbers]]:
        return [(name, epoch, numbers) for name in SPLITS[self.name] for epoch, numbers in self._curve(name).items()]

    def _curve(self, setname: str) -> dict[int, Numbers]:
        curve = {epoch: self._results.numbers(self.name, setname, epoch, self.seed) for epoch in range(self.epochs)}
        return {epoch: numbers for epoch, numbers in curve.items() if numbers is not None}

    @cached_property
    def flop(self) -> float:
        """FLOPs in millions."""
        return self._results.value(self.name, "flops", "last", "mean") / 1e6

    @cached_property
    def params(self) -> float:
        """Parameters in millions."""
        return self._results.value(self.name, "parameters", "last", "mean") / 1e6

    def __repr__(self) -> str:
        return f"ResultsCount({self.name}, arch={self._results.arch_str}, seed={self.seed}, epochs={self.epochs})"


def class_count(dataset: str) -> int:
    """Number of classes of a data set; raises an InputError if NATS-Bench does not have it."""
    if dataset not in CLASSES:
        raise InputError(f"unknown data set {dataset!r}; known are {', '.join(CLASSES)}")
    return CLASSES[dataset]


def split_of(dataset: str, setname: str) -> str:
    """Our name of a split by its published name."""
    class_count(dataset)
    known = {"train": "train", **SPLITS[dataset]}
    if setname not in known:
        raise InputError(f"{dataset} has no split {setname!r}; it has {', '.join(known)}")
    return known[setname]
