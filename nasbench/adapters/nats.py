"""The interface of NATS-Bench and NAS-Bench-201, `api = create(...)`, over our benchmarks (Dong et al., 2021)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nasbench.adapters.opening import opened
from nasbench.benchmark.base import Benchmark, Epoch, SeedPolicy
from nasbench.errors import InputError, NotFoundError
from nasbench.importers.nats_bench import DATASETS, MIXED, SCHEDULES
from nasbench.spaces.nats_size import CELL, NATSSize
from nasbench.spaces.nb201 import NB201, OPERATIONS
from nasbench.types import GenotypeArray

__all__ = ["NATS", "ArchResults", "NASBench201API", "ResultsCount", "create"]

Numbers: TypeAlias = dict[str, Any]
"""`iepoch`, `loss`, `accuracy`, `cur_time` and `all_time`; times are seconds, None where not recorded."""

SPACES = {"tss": NB201, "topology": NB201, "sss": NATSSize, "size": NATSSize}
CLASSES = {"cifar10-valid": 10, "cifar10": 10, "cifar100": 100, "ImageNet16-120": 120}
SPLITS = {
    "cifar10-valid": {"x-valid": "validation", "ori-test": "test"},
    "cifar10": {"ori-test": "test"},
    "cifar100": {"x-valid": "validation", "x-test": "test", "ori-test": MIXED},
    "ImageNet16-120": {"x-valid": "validation", "x-test": "test", "ori-test": MIXED},
}
"""What the names of the original stand for."""
MEANT = {
    ("cifar10", "valid"): ("cifar10-valid", "x-valid"),
    ("cifar10", "test"): ("cifar10", "ori-test"),
    **{(name, "valid"): (name, "x-valid") for name in ("cifar10-valid", "cifar100", "ImageNet16-120")},
    **{(name, "test"): (name, "x-test") for name in ("cifar100", "ImageNet16-120")},
    ("cifar10-valid", "test"): ("cifar10-valid", "ori-test"),
}
"""Data set and split that `find_best` takes for the short names `valid` and `test`."""


def create(
    file_or_benchmark: str | Path | Benchmark,
    search_space: str,
    fast_mode: bool = False,
    verbose: bool = False,
    *,
    seed: int = 0,
    mixed: bool = False,
) -> NATS:
    """The api object of NATS-Bench over a benchmark of ours.

    Args:
        file_or_benchmark: What `nasbench import nats-bench` or `nasbench201` wrote, or an open benchmark.
        search_space: `"tss"` (`"topology"`) or `"sss"` (`"size"`).
        fast_mode: Without a meaning here: numbers are read when they are asked for.
        verbose: Whether to say what was opened.
        seed: Of the object's own generator, which draws the training where `is_random=True`.
        mixed: Whether `simulate_train_eval` may answer with the accuracy on the validation and test halves together
            where there is no validation accuracy, as the original does. If not, that is an error.

    Raises:
        InputError: The search space is unknown, or not that of the benchmark.
        FileError: The file is no benchmark.
    """
    if search_space not in SPACES:
        raise InputError(f"invalid search space {search_space!r}; known are {', '.join(SPACES)}")
    api = NATS(file_or_benchmark, fast_mode, verbose, seed=seed, mixed=mixed)
    if not isinstance(api.benchmark.space, SPACES[search_space]):
        raise InputError(f"{api.benchmark.name} is of the space {api.benchmark.space.name}, not of {search_space!r}")
    return api


class NATS:
    """Answers as the api object of NATS-Bench: accuracies in percent, times in seconds, epochs counted from 0.

    Architectures are numbered as published. Arguments are those of `create`.
    """

    def __init__(
        self,
        file_or_benchmark: str | Path | Benchmark,
        fast_mode: bool = False,
        verbose: bool = False,
        *,
        seed: int = 0,
        mixed: bool = False,
    ) -> None:
        self._source = file_or_benchmark
        self.fast_mode, self.verbose, self.mixed = fast_mode, verbose, mixed
        self._open(file_or_benchmark)
        self._rng = np.random.default_rng(seed)
        self.reset_time()
        if verbose:
            print(self)

    # --- architectures ------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self.space.size

    def __getitem__(self, index: int) -> str:
        return self.arch(range(len(self))[index])

    def __repr__(self) -> str:
        known = f"{len(self._numbers)}/{len(self)} architectures"
        return f"{type(self).__name__}({known}, file={self.benchmark.name})"

    def arch(self, index: int) -> str:
        """The string of an architecture by its published number.

        Raises:
            InputError: There is none with that number.
        """
        return self.space.to_string(self._genotype(index))

    def query_index_by_arch(self, arch: Any) -> int:
        """The published number of an architecture given as string, as object with `tostr()`, or as number; else -1.

        Raises:
            InputError: It is a number out of range.
        """
        if isinstance(arch, int | np.integer) and not isinstance(arch, bool):
            self._genotype(int(arch))
            return int(arch)
        text = arch.tostr() if hasattr(arch, "tostr") else arch
        try:
            return int(self.space.index(self.space.genotype(text)[None])[0]) if isinstance(text, str) else -1
        except InputError:
            return -1

    @property
    def evaluated_indexes(self) -> list[int]:
        """Published numbers of the architectures of the benchmark, ascending."""
        return sorted(self._numbers)

    @property
    def arch2infos_dict(self) -> Mapping[int, Mapping[str, ArchResults]]:
        """`ArchResults` by published number and schedule, made when asked for."""
        return _Infos(self)

    @property
    def meta_archs(self) -> list[str]:
        """Strings of all architectures of the space in published order."""
        return [self.space.to_string(genotype) for genotype in self.space.from_index(np.arange(len(self)))]

    def random(self) -> int:
        """A random published number, drawn by the object's own generator."""
        return int(self._rng.integers(len(self)))

    def get_unique_str(self, arch: Any) -> str:
        """The string by which the authors count 6,466 different cells; not canonical, see `NB201.published_string`.

        Raises:
            InputError: It is no cell of the topology space.
        """
        if not isinstance(self.space, NB201):
            raise InputError("sizes have no unique string: every one is a network of its own")
        return self.space.published_string(self._genotype(self.query_index_by_arch(arch)))

    @staticmethod
    def str2lists(arch_str: str) -> list[tuple[tuple[str, int], ...]]:
        """For each node but the first, the pairs of operation and source that it is the sum of."""
        nodes = [[part.split("~") for part in node.split("|") if part] for node in arch_str.split("+")]
        if any(len(part) != 2 or not part[1].isdecimal() for node in nodes for part in node):
            raise InputError(f"expected a cell as '|op~0|+|op~0|op~1|+|op~0|op~1|op~2|', got {arch_str!r}")
        return [tuple((op, int(source)) for op, source in node) for node in nodes]

    @staticmethod
    def str2matrix(arch_str: str, search_space: Sequence[str] = OPERATIONS) -> npt.NDArray[np.float64]:
        """Position in `search_space` of the operation to each node (row) from each (column); shape `(4, 4)`."""
        nodes = NATS.str2lists(arch_str)
        matrix = np.zeros((len(nodes) + 1, len(nodes) + 1))
        for node, parts in enumerate(nodes, start=1):
            for op, source in parts:
                if op not in search_space:
                    raise InputError(f"unknown operation {op!r}; known are {', '.join(search_space)}")
                matrix[node, source] = list(search_space).index(op)
        return matrix

    # --- numbers ------------------------------------------------------------------------------------------------

    def get_more_info(
        self, index: Any, dataset: str, iepoch: int | None = None, hp: str | int = "12", is_random: bool | int = True
    ) -> dict[str, Any]:
        """What was measured in one training, or the mean of all.

        Args:
            index: Published number, or string.
            dataset: `cifar10-valid`, `cifar10`, `cifar100` or `ImageNet16-120`.
            iepoch: Epoch counted from 0; the last if None.
            hp: Schedule; mind that the default is the short one of 12 epochs.
            is_random: True draws one training with the object's own generator, False takes the mean of all, an integer
                is the seed of one.

        Returns:
            `train-loss`, `train-accuracy`, `train-per-time`, `train-all-time`; the same of `valid`, `test`, and of
            `valtest` (both halves together), where measured at that epoch; and a `comment` for CIFAR-10.

        Raises:
            InputError: The epoch is out of range, or the architecture is not in the space.
            NotFoundError: The benchmark has no such architecture, data set, schedule or seed.
        """
        results = ArchResults(self, self._known(index), self._schedule(hp))
        policy = results.policy(dataset, is_random)
        found = {"train": results.numbers(dataset, "train", iepoch, policy)}
        names = {"validation": "valid", "test": "test", MIXED: "valtest"}
        for setname, split in SPLITS[dataset].items():
            found[names[split]] = results.numbers(dataset, setname, iepoch, policy)
        info: dict[str, Any] = {}
        if dataset.startswith("cifar10") and dataset != "cifar100":
            trained = "training set" if dataset == "cifar10-valid" else "training and validation sets"
            info["comment"] = f"Trained for {results.hp} epochs on the {trained} of CIFAR-10; test is its test set."
        for name, part in found.items():
            if part is not None:
                info[f"{name}-loss"], info[f"{name}-accuracy"] = part["loss"], part["accuracy"]
                all_time, total = part["all_time"], part["iepoch"] + 1
                info[f"{name}-per-time"] = None if all_time is None else all_time / total
                info[f"{name}-all-time"] = all_time
        return info

    def get_cost_info(self, index: Any, dataset: str, hp: str | int = "12") -> dict[str, float | None]:
        """`flops` and `params` in millions, `latency` of a batch in seconds, and `T-...@epoch` and `T-...@total`.

        Times are those of training and of each evaluation, in seconds, mean over the trainings; None where not
        recorded.
        """
        return ArchResults(self, self._known(index), self._schedule(hp)).get_compute_costs(dataset)

    def get_latency(self, index: Any, dataset: str, hp: str | int = "12") -> float | None:
        """Latency of a batch in seconds, mean over the trainings; None where not recorded."""
        return self.get_cost_info(index, dataset, hp)["latency"]

    def simulate_train_eval(
        self, arch: Any, dataset: str, iepoch: int | None = None, hp: str | int = "12", account_time: bool = True
    ) -> tuple[float, float | None, float, float]:
        """Pretend to train and to validate an architecture.

        Args:
            arch: Published number, or string.
            dataset: `cifar10` (trained without its validation part), `cifar100` or `ImageNet16-120`.
            iepoch: Epoch counted from 0; the last if None.
            hp: Schedule.
            account_time: Whether to add what it costs to `used_time`.

        Returns:
            Validation accuracy in percent of a training drawn by the object's own generator, latency in seconds,
            seconds that it cost, and `used_time`.

        Raises:
            InputError: The data set is another one.
            NotFoundError: There is no validation accuracy at that epoch, and `mixed` is not set.
        """
        if dataset not in ("cifar10", "cifar100", "ImageNet16-120"):
            raise InputError(f"invalid data set {dataset!r}; name one of cifar10, cifar100, ImageNet16-120")
        where = "cifar10-valid" if dataset == "cifar10" else dataset
        info = self.get_more_info(arch, where, iepoch, hp)
        if "valid-accuracy" in info:
            accuracy, once = info["valid-accuracy"], info["valid-per-time"]
        elif self.mixed and "valtest-accuracy" in info:
            accuracy, once = info["valtest-accuracy"], self.get_more_info(arch, where, None, hp)["valid-per-time"]
        else:
            raise NotFoundError(
                f"{where} with hp={hp} has no validation accuracy at iepoch={iepoch}; ask for the last epoch, or "
                "create(..., mixed=True) to take that on the validation and test halves together, as nats_bench does"
            )
        if info["train-all-time"] is None or once is None:
            raise NotFoundError(f"{self.benchmark.name} does not record how long {where} with hp={hp} took")
        time_cost = info["train-all-time"] + once
        if account_time:
            self.used_time += time_cost
        return accuracy, self.get_latency(arch, where, hp), time_cost, self.used_time

    def reset_time(self) -> None:
        """Count `used_time` from 0 again."""
        self.used_time = 0.0

    def find_best(
        self,
        dataset: str,
        metric_on_set: str,
        flop_max: float | None = None,
        param_max: float | None = None,
        hp: str | int = "12",
        enforce_all: bool | None = None,
    ) -> tuple[int, float | None]:
        """Published number and accuracy of the best architecture of the benchmark, by the mean of its trainings.

        Args:
            dataset: `cifar10-valid`, `cifar10`, `cifar100` or `ImageNet16-120`.
            metric_on_set: `train`, `valid`, `test`, or the published name of a split (`x-valid`, `ori-test`, ...).
            flop_max: Most FLOPs, in millions.
            param_max: Most parameters, in millions.
            hp: Schedule.
            enforce_all: Without a meaning here: all architectures are always looked at.

        Returns:
            -1 and None where no architecture has a number within the limits.
        """
        dataset, setname = MEANT.get((dataset, metric_on_set), (dataset, metric_on_set))
        path = f"{self._dataset(dataset, self._schedule(hp))}/{_split(dataset, setname)}_accuracy"
        genotypes = self.benchmark.architectures()
        numbers = self.space.index(genotypes)
        genotypes = genotypes[np.argsort(numbers)]
        values = self.benchmark.query_many(genotypes, path).values.filled(-np.inf)
        for limit, name in ((flop_max, "flops"), (param_max, "parameters")):
            if limit is not None:
                counts = self.benchmark.query_many(genotypes, f"{path.rpartition('/')[0]}/{name}").values
                values[counts.filled(np.inf) / 1e6 > limit] = -np.inf
        best = int(np.argmax(values))
        if values[best] == -np.inf:
            return -1, None
        return int(np.sort(numbers)[best]), float(values[best])

    def query_by_index(self, arch_index: int, dataname: str | None = None, hp: str | int = "12") -> Any:
        """`ArchResults` of an architecture; with a data set its `ResultsCount`s by seed.

        Raises:
            NotFoundError: The benchmark has no such architecture, data set or schedule.
        """
        results = self.query_meta_info_by_index(arch_index, hp)
        return results if dataname is None else results.query(dataname)

    def query_meta_info_by_index(self, arch_index: int, hp: str | int = "12") -> ArchResults:
        """`ArchResults` of an architecture under one schedule; raises as `query_by_index`."""
        return ArchResults(self, self._known(arch_index), self._schedule(hp))

    def query_info_str_by_arch(self, arch: Any, hp: str | int = "12") -> str:
        """What is known of an architecture under one schedule, as lines of text; raises as `query_by_index`."""
        return ArchResults(self, self._known(arch), self._schedule(hp)).description()

    def query_by_arch(self, arch: Any, hp: str | int) -> str:
        """`query_info_str_by_arch` under its older name."""
        return self.query_info_str_by_arch(arch, hp)

    def get_net_config(self, index: Any, dataset: str) -> dict[str, Any]:
        """What the published code builds the network from: `name`, size, string and `num_classes`."""
        text = self.arch(self._known(index))
        if isinstance(self.space, NB201):
            return {"name": "infer.tiny", "C": 16, "N": 5, "arch_str": text, "num_classes": _classes(dataset)}
        cell = NB201().to_string(np.array([OPERATIONS.index(op) for op in CELL], dtype=np.int8))
        return {"name": "infer.shape.tiny", "channels": text, "genotype": cell, "num_classes": _classes(dataset)}

    def get_net_param(self, index: Any, dataset: str, seed: int | None, hp: str | int = "12") -> Any:
        """Always an error: benchmarks hold measurements, no weights."""
        raise NotFoundError("trained weights are not in a benchmark file; take them from the archives of NATS-Bench")

    def clear_params(self, index: int, hp: str | int | None = None) -> None:
        """Nothing is done: there are no weights to forget."""
        self._genotype(index)

    def reload(self, archive_root: str | Path | None = None, index: int | None = None) -> None:
        """Open the file again, or another one of ours; `index` has no meaning, as numbers are read on request."""
        self._open(self._source if archive_root is None else archive_root)

    def show(self, index: int = -1) -> None:
        """Print what is known of an architecture, or of all of the benchmark."""
        for one in self.evaluated_indexes if index < 0 else [self._known(index)]:
            print(f"--- architecture {one} ---")
            for hp in self.avaliable_hps:
                print(f"hp {hp}\n{ArchResults(self, one, hp).description()}")

    def statistics(self, dataset: str, hp: str | int) -> dict[int, int]:
        """How many architectures have how many trainings."""
        path = f"{self._dataset(dataset, self._schedule(hp))}/train_accuracy"
        genotypes = self.benchmark.architectures()
        trained = np.zeros(len(genotypes), dtype=np.int64)
        for seed in self.benchmark.recorded_seeds(path):
            trained += ~np.ma.getmaskarray(self.benchmark.query_many(genotypes, path, seed=seed).values)
        return {int(n): int(count) for n, count in zip(*np.unique(trained, return_counts=True), strict=True)}

    @property
    def avaliable_hps(self) -> list[str]:
        """The schedules of the benchmark (the published name is spelt so)."""
        return [hp for hp in SCHEDULES if any(self._named(dataset, hp) for dataset in DATASETS)]

    @property
    def full_epochs_in_paper(self) -> int:
        """Epochs of the longest published schedule."""
        return self.full_train_epochs

    @property
    def full_train_epochs(self) -> int:
        """Epochs of the longest published schedule."""
        return 200 if isinstance(self.space, NB201) else 90

    # --- inside -------------------------------------------------------------------------------------------------

    def _open(self, source: str | Path | Benchmark) -> None:
        self.benchmark = opened(source, "nats-bench", (".pbz2", ".pickle", ".pth"))
        if not isinstance(self.benchmark.space, NB201 | NATSSize):
            raise InputError(f"{self.benchmark.name} is of the space {self.benchmark.space.name}, not of NATS-Bench")
        self.space: NB201 | NATSSize = self.benchmark.space
        self._numbers = frozenset(self.space.index(self.benchmark.architectures()).tolist())

    def _genotype(self, index: int) -> GenotypeArray:
        if not 0 <= index < len(self):
            raise InputError(f"invalid index {index}; the space has 0 to {len(self) - 1}")
        genotype: GenotypeArray = self.space.from_index([index])[0]
        return genotype

    def _known(self, arch: Any) -> int:
        index = self.query_index_by_arch(arch)
        if index < 0:
            raise InputError(f"{arch!r} is no architecture of {self.space.name}")
        return index

    def _named(self, dataset: str, hp: str) -> str | None:
        """What the benchmark calls a data set under a schedule; None where it has it not."""
        if f"{dataset}@{hp}/train_accuracy" in self.benchmark.metrics:
            return f"{dataset}@{hp}"
        for path in (f"{dataset}/train_accuracy", f"{dataset}/validation_accuracy"):  # imported with one schedule
            if path in self.benchmark.metrics and self.benchmark.recorded_epochs(path)[-1:] == (SCHEDULES.get(hp),):
                return dataset
        return None

    def _dataset(self, dataset: str, hp: str) -> str:
        _classes(dataset)
        found = self._named(dataset, hp)
        if found is None:
            known = [f"{name} with hp={one}" for one in SCHEDULES for name in DATASETS if self._named(name, one)]
            raise self._lacks(f"{dataset} with hp={hp}", known)
        return found

    def _lacks(self, what: str, known: Sequence[str]) -> NotFoundError:
        """The error that the benchmark has not what was asked for; `known` is what it has instead."""
        instead = (
            f"it has {', '.join(known)}"
            if known
            else (
                "it has no trainings at all (no metric like cifar10@12/train_accuracy); open what nasbench import "
                "nats-bench or nasbench201 wrote"
            )
        )
        return NotFoundError(f"{self.benchmark.name} has no {what}; {instead}")

    def _schedule(self, hp: str | int) -> str:
        """The name of a schedule."""
        return str(hp)


class NASBench201API(NATS):
    """The api object of NAS-Bench-201 (`nas_201_api`), which has the same methods.

    Up to its version 1.2 a truth value stood in the place of `hp`, `use_12epochs_result`: True is taken as `"12"`,
    False as `"200"`.

    Args:
        file_path_or_dict: What `nasbench import nasbench201` or `nats-bench` wrote, or an open benchmark.
        verbose: Whether to say what was opened.
        seed: Of the object's own generator.
        mixed: As of `create`.
    """

    def __init__(
        self, file_path_or_dict: str | Path | Benchmark, verbose: bool = True, *, seed: int = 0, mixed: bool = False
    ) -> None:
        super().__init__(file_path_or_dict, False, verbose, seed=seed, mixed=mixed)

    def _schedule(self, hp: str | int) -> str:
        if isinstance(hp, bool):
            return "12" if hp else "200"
        return super()._schedule(hp)


class ArchResults:
    """What is known of one architecture under one schedule, read when it is asked for.

    Args:
        api: Whose numbers they are.
        arch_index: Published number.
        hp: Schedule.

    Raises:
        NotFoundError: The benchmark has no such schedule.
    """

    def __init__(self, api: NATS, arch_index: int, hp: str) -> None:
        if hp not in api.avaliable_hps:
            raise api._lacks(f"trainings with hp={hp}", api.avaliable_hps)
        self.api, self.arch_index, self.hp = api, arch_index, hp
        self.arch_str = api.arch(arch_index)
        self._row = api.space.from_index([arch_index])[0]

    def arch_idx_str(self) -> str:
        """The number with six digits."""
        return f"{self.arch_index:06d}"

    def get_dataset_names(self) -> list[str]:
        """Data sets that it was trained on."""
        return [name for name in DATASETS if self.api._named(name, self.hp) and self._trained(name)]

    def get_dataset_seeds(self, dataset: str) -> list[int]:
        """Seeds with which it was trained, ascending; none where the benchmark is a surrogate."""
        path = f"{self.api._dataset(dataset, self.hp)}/train_accuracy"
        if path not in self.api.benchmark.metrics:
            return []
        seeds = sorted(self.api.benchmark.recorded_seeds(path))
        return [seed for seed in seeds if not math.isnan(self._value(dataset, "train_accuracy", "last", seed))]

    def get_total_epoch(self, dataset: str | None = None) -> int:
        """Epochs of the schedule."""
        return SCHEDULES[self.hp]

    def get_metrics(
        self, dataset: str, setname: str, iepoch: int | None = None, is_random: bool | int = False
    ) -> Numbers:
        """Numbers on `train`, `x-valid`, `x-test` or `ori-test`; arguments and errors as of `NATS.get_more_info`.

        Raises:
            NotFoundError: Nothing was measured there at that epoch.
        """
        found = self.numbers(dataset, setname, iepoch, self.policy(dataset, is_random))
        if found is None:
            raise NotFoundError(
                f"{dataset} with hp={self.hp} was not evaluated on {setname} at iepoch={iepoch}, architecture "
                f"{self.arch_index}; the last epoch has the most"
            )
        return found

    def get_compute_costs(self, dataset: str) -> dict[str, float | None]:
        """As `NATS.get_cost_info`."""
        self.policy(dataset, False)
        latency = self._time(dataset, "latency", "mean")
        costs: dict[str, float | None] = {
            "flops": self._value(dataset, "flops", "last", "mean") / 1e6,
            "params": self._value(dataset, "parameters", "last", "mean") / 1e6,
            "latency": None if latency is None else latency / 1000,
        }
        return costs | self._times(dataset, "mean")

    def get_latency(self, dataset: str) -> float | None:
        """Latency of a batch in seconds, mean over the trainings."""
        return self.get_compute_costs(dataset)["latency"]

    def query(self, dataset: str, seed: int | None = None) -> Any:
        """The `ResultsCount` of one seed, or all by seed.

        Raises:
            NotFoundError: It was not trained so.
        """
        seeds = self.get_dataset_seeds(dataset)
        if seed is not None and seed not in seeds:
            raise NotFoundError(f"architecture {self.arch_index} has no {dataset} with seed {seed}; it has {seeds}")
        if seed is None:
            return {one: ResultsCount(self, dataset, one) for one in seeds}
        return ResultsCount(self, dataset, seed)

    def description(self) -> str:
        """Costs, and loss and accuracy on each split after the last epoch, by data set."""
        lines = [self.arch_str, f"architecture {self.arch_index}, hp {self.hp}: {', '.join(self.get_dataset_names())}"]
        for dataset in self.get_dataset_names():
            costs = self.get_compute_costs(dataset)
            milliseconds = "unknown" if costs["latency"] is None else f"{1000 * costs['latency']:.2f} ms"
            lines.append(
                f"{dataset:14s} {costs['flops']:.2f} MFLOPs, {costs['params']:.3f} M parameters, latency {milliseconds}"
            )
            for setname in ("train", *SPLITS[dataset]):
                found = self.numbers(dataset, setname, None, "mean")
                if found is not None:
                    loss = "unknown" if found["loss"] is None else f"{found['loss']:.3f}"
                    lines.append(f"{dataset:14s} {setname}: loss = {loss}, top1 = {found['accuracy']:.2f}%")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"ArchResults(arch-index={self.arch_index}, arch={self.arch_str}, hp={self.hp})"

    def policy(self, dataset: str, is_random: bool | int) -> SeedPolicy:
        """Whose numbers are asked for: those of a seed, or the mean.

        Raises:
            NotFoundError: It was not trained with that seed, or not at all.
        """
        seeds = self.get_dataset_seeds(dataset)
        if not seeds and self.api.benchmark.kind == "tabular":
            raise NotFoundError(
                f"architecture {self.arch_index} has no training on {dataset} with hp={self.hp} in "
                f"{self.api.benchmark.name}"
            )
        if is_random is False or not seeds:
            return "mean"
        if is_random is True:
            return seeds[int(self.api._rng.integers(len(seeds)))]
        if is_random not in seeds:
            raise NotFoundError(
                f"architecture {self.arch_index} has no {dataset} with seed {is_random}; it has "
                f"{', '.join(map(str, seeds))}"
            )
        return int(is_random)

    def numbers(self, dataset: str, setname: str, iepoch: int | None, seed: SeedPolicy) -> Numbers | None:
        """Loss, accuracy and times on a split; None where it was not evaluated at that epoch."""
        last = SCHEDULES[self.hp] - 1
        at = last if iepoch is None else iepoch
        if not 0 <= at <= last:
            raise InputError(f"invalid iepoch={iepoch}; with hp={self.hp} they are 0 to {last}")
        split = _split(dataset, setname)
        accuracy = self._value(dataset, f"{split}_accuracy", at + 1, seed)
        if math.isnan(accuracy):
            return None
        loss = self._value(dataset, f"{split}_loss", at + 1, seed)
        if setname == "train":
            all_time = self._time(dataset, "train_seconds", seed, at + 1)
            before = 0.0 if at == 0 else self._time(dataset, "train_seconds", seed, at)
            once = None if all_time is None or before is None else all_time - before
        else:
            once = self._time(dataset, f"{split}_seconds", seed)
            all_time = None if once is None else once * (at + 1)
        return {
            "iepoch": at,
            "loss": None if math.isnan(loss) else loss,
            "accuracy": accuracy,
            "cur_time": once,
            "all_time": all_time,
        }

    def _times(self, dataset: str, seed: SeedPolicy) -> dict[str, float | None]:
        """Seconds of training and of evaluations, of one epoch and of all."""
        epochs = SCHEDULES[self.hp]
        total = self._time(dataset, "train_seconds", seed)
        times = {"T-train@epoch": None if total is None else total / epochs, "T-train@total": total}
        for setname, split in SPLITS[dataset].items():
            once = self._time(dataset, f"{split}_seconds", seed)
            times[f"T-{setname}@epoch"], times[f"T-{setname}@total"] = once, None if once is None else once * epochs
        return times

    def _trained(self, dataset: str) -> bool:
        return bool(self.get_dataset_seeds(dataset)) or self.api.benchmark.kind == "surrogate"

    def _value(self, dataset: str, name: str, epoch: Epoch, seed: SeedPolicy) -> float:
        """A number of the benchmark; NaN where it has no such metric, or no number."""
        benchmark, path = self.api.benchmark, f"{self.api._dataset(dataset, self.hp)}/{name}"
        if path not in benchmark.metrics:
            return math.nan
        if epoch != "last" and epoch not in benchmark.recorded_epochs(path):
            return math.nan
        return benchmark.query(self._row, path, epoch=epoch, seed=seed).value

    def _time(self, dataset: str, name: str, seed: SeedPolicy, epoch: Epoch = "last") -> float | None:
        value = self._value(dataset, name, epoch, seed)
        return None if math.isnan(value) else value


class ResultsCount:
    """One training: its numbers by epoch, read when they are asked for."""

    def __init__(self, results: ArchResults, dataset: str, seed: int) -> None:
        self._results, self.name, self.seed = results, dataset, seed
        self.epochs = results.get_total_epoch()

    def get_total_epoch(self) -> int:
        """Epochs of the training."""
        return self.epochs

    def get_eval_set(self) -> list[str]:
        """Published names of the splits that it was evaluated on."""
        return [name for name in SPLITS[self.name] if self._results.numbers(self.name, name, None, self.seed)]

    def get_train(self, iepoch: int | None = None) -> Numbers:
        """Numbers on the training data after an epoch, counted from 0; the last if None."""
        return self._results.get_metrics(self.name, "train", iepoch, self.seed)

    def get_eval(self, name: str, iepoch: int | None = None) -> Numbers:
        """Numbers on a split (`x-valid`, `x-test`, `ori-test`; `valid` is `x-valid`) after an epoch."""
        return self._results.get_metrics(self.name, "x-valid" if name == "valid" else name, iepoch, self.seed)

    def get_times(self) -> dict[str, float | None]:
        """Seconds of training and of evaluations, of one epoch and of all."""
        return self._results._times(self.name, self.seed)

    def get_latency(self) -> float:
        """Latency of a batch in seconds; -1 where it is not recorded, as published."""
        latency = self._results._time(self.name, "latency", self.seed)
        return -1.0 if latency is None else latency / 1000

    def get_config(self, str2structure: Any = None) -> dict[str, Any]:
        """As `NATS.get_net_config`."""
        return self._results.api.get_net_config(self._results.arch_index, self.name)

    @cached_property
    def train_acc1es(self) -> dict[int, float]:
        """Training accuracy by epoch, counted from 0."""
        return {epoch: part["accuracy"] for epoch, part in self._curve("train").items()}

    @cached_property
    def train_losses(self) -> dict[int, float]:
        """Training loss by epoch, counted from 0."""
        return {epoch: part["loss"] for epoch, part in self._curve("train").items()}

    @cached_property
    def eval_acc1es(self) -> dict[str, float]:
        """Accuracies on all splits, as in `x-valid@199`."""
        return {f"{name}@{epoch}": part["accuracy"] for name, epoch, part in self._evaluations()}

    @cached_property
    def eval_losses(self) -> dict[str, float]:
        """Losses on all splits, as in `x-valid@199`."""
        return {f"{name}@{epoch}": part["loss"] for name, epoch, part in self._evaluations()}

    def _evaluations(self) -> list[tuple[str, int, Numbers]]:
        return [(name, epoch, part) for name in SPLITS[self.name] for epoch, part in self._curve(name).items()]

    def _curve(self, setname: str) -> dict[int, Numbers]:
        found = {epoch: self._results.numbers(self.name, setname, epoch, self.seed) for epoch in range(self.epochs)}
        return {epoch: part for epoch, part in found.items() if part is not None}

    @cached_property
    def flop(self) -> float:
        """FLOPs in millions."""
        return self._results._value(self.name, "flops", "last", "mean") / 1e6

    @cached_property
    def params(self) -> float:
        """Parameters in millions."""
        return self._results._value(self.name, "parameters", "last", "mean") / 1e6

    def __repr__(self) -> str:
        return f"ResultsCount({self.name}, arch={self._results.arch_str}, seed={self.seed}, epochs={self.epochs})"


class _Infos(Mapping[int, Mapping[str, ArchResults]]):
    """The `ArchResults` of the architectures of a benchmark by published number, in ascending order."""

    def __init__(self, api: NATS) -> None:
        self._api = api

    def __getitem__(self, index: int) -> dict[str, ArchResults]:
        if index not in self:
            raise NotFoundError(f"{self._api.benchmark.name} has no architecture with number {index}")
        return {hp: ArchResults(self._api, index, hp) for hp in self._api.avaliable_hps}

    def __contains__(self, index: object) -> bool:
        return index in self._api._numbers

    def __iter__(self) -> Iterator[int]:
        return iter(self._api.evaluated_indexes)

    def __len__(self) -> int:
        return len(self._api._numbers)


def _classes(dataset: str) -> int:
    if dataset not in CLASSES:
        raise InputError(f"unknown data set {dataset!r}; known are {', '.join(CLASSES)}")
    return CLASSES[dataset]


def _split(dataset: str, setname: str) -> str:
    """Our name of a split that the original calls so."""
    _classes(dataset)
    known = {"train": "train", **SPLITS[dataset]}
    if setname not in known:
        raise InputError(f"{dataset} has no split {setname!r}; it has {', '.join(known)}")
    return known[setname]
