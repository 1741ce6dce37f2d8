"""The interface of NATS-Bench and NAS-Bench-201, `api = create(...)`, over our benchmarks (Dong et al., 2021)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nasbench.adapters.nats_results import SPLITS, ArchResults, ResultsCount, Trainings, split_of
from nasbench.adapters.opening import opened
from nasbench.benchmark.base import Benchmark
from nasbench.errors import InputError, NotFoundError
from nasbench.importers.nats_bench import MIXED
from nasbench.spaces.nats_size import NATSSize
from nasbench.spaces.nb201 import NB201, OPERATIONS

__all__ = ["NATS", "ArchResults", "NASBench201API", "ResultsCount", "create"]

SPACES = {"tss": NB201, "topology": NB201, "sss": NATSSize, "size": NATSSize}
BEST_ON = {
    ("cifar10", "valid"): ("cifar10-valid", "x-valid"),
    ("cifar10", "test"): ("cifar10", "ori-test"),
    **{(name, "valid"): (name, "x-valid") for name in ("cifar10-valid", "cifar100", "ImageNet16-120")},
    **{(name, "test"): (name, "x-test") for name in ("cifar100", "ImageNet16-120")},
    ("cifar10-valid", "test"): ("cifar10-valid", "ori-test"),
}
"""Data set and split of `find_best` by the short names `valid` and `test`."""


def create(
    file_or_benchmark: str | Path | Benchmark,
    search_space: str,
    fast_mode: bool = False,
    verbose: bool = False,
    *,
    seed: int = 0,
    mixed: bool = False,
) -> NATS:
    """The api object of NATS-Bench over one of our benchmarks.

    Args:
        file_or_benchmark: A file that `nasbench import nats-bench` or `nasbench201` wrote, or an open benchmark.
        search_space: `"tss"` (`"topology"`) or `"sss"` (`"size"`).
        fast_mode: Ignored: numbers are always read on request.
        verbose: Whether to print the opened benchmark.
        seed: Seed of the object's own generator, which draws the training where `is_random=True`.
        mixed: Whether `simulate_train_eval` may answer with the accuracy on the validation and test halves together
            where there is no validation accuracy, as the original does. Otherwise this is an error.

    Raises:
        InputError: The search space is unknown, or the benchmark has another one.
        FileError: The file is not a benchmark.
    """
    if search_space not in SPACES:
        raise InputError(f"invalid search space {search_space!r}; known are {', '.join(SPACES)}")
    api = NATS(file_or_benchmark, fast_mode, verbose, seed=seed, mixed=mixed)
    if not isinstance(api.benchmark.space, SPACES[search_space]):
        raise InputError(f"{api.benchmark.name} has the space {api.benchmark.space.name}, not {search_space!r}")
    return api


class NATS:
    """The api object of NATS-Bench: accuracies in percent, times in seconds, epochs counted from 0.

    Architectures have their published numbers. For the arguments see `create`.
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
        self._rng = np.random.default_rng(seed)
        self._open(file_or_benchmark)
        self.reset_time()
        if verbose:
            print(self)

    # --- architectures ------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self.space.size

    def __getitem__(self, index: int) -> str:
        return self.arch(range(len(self))[index])

    def __repr__(self) -> str:
        known = f"{len(self._trainings.indexes)}/{len(self)} architectures"
        return f"{type(self).__name__}({known}, file={self.benchmark.name})"

    def arch(self, index: int) -> str:
        """The string of the architecture with a published number.

        Raises:
            InputError: No architecture has that number.
        """
        return self.space.to_string(self._trainings.genotype(index))

    def query_index_by_arch(self, arch: Any) -> int:
        """The published number of a string, an object with `tostr()`, or a number; -1 for anything else.

        Raises:
            InputError: The number is out of range.
        """
        if isinstance(arch, int | np.integer) and not isinstance(arch, bool):
            self._trainings.genotype(int(arch))
            return int(arch)
        text = arch.tostr() if hasattr(arch, "tostr") else arch
        try:
            return int(self.space.index(self.space.genotype(text)[None])[0]) if isinstance(text, str) else -1
        except InputError:
            return -1

    @property
    def evaluated_indexes(self) -> list[int]:
        """Published numbers of the architectures in the benchmark, ascending."""
        return sorted(self._trainings.indexes)

    @property
    def arch2infos_dict(self) -> Mapping[int, Mapping[str, ArchResults]]:
        """`ArchResults` by published number and schedule, created on request."""
        return _Infos(self._trainings)

    @property
    def meta_archs(self) -> list[str]:
        """Strings of all architectures of the space, in published order."""
        return [self.space.to_string(genotype) for genotype in self.space.from_index(np.arange(len(self)))]

    def random(self) -> int:
        """A random published number, drawn by the object's own generator."""
        return int(self._rng.integers(len(self)))

    def get_unique_str(self, arch: Any) -> str:
        """The string by which the authors count 6,466 unique cells; not canonical, see `NB201.published_string`.

        Raises:
            InputError: The architecture is not a cell of the topology space.
        """
        if not isinstance(self.space, NB201):
            raise InputError("the size space has no unique strings: each string is a network of its own")
        return self.space.published_string(self._trainings.genotype(self._known(arch)))

    @staticmethod
    def str2lists(arch_str: str) -> list[tuple[tuple[str, int], ...]]:
        """For each node after the first, the pairs of operation and source node that it sums."""
        nodes = [[part.split("~") for part in node.split("|") if part] for node in arch_str.split("+")]
        if any(
            len(part) != 2 or not part[1].isdecimal() or int(part[1]) >= node
            for node, parts in enumerate(nodes, start=1)
            for part in parts
        ):
            raise InputError(f"expected a cell as '|op~0|+|op~0|op~1|+|op~0|op~1|op~2|', got {arch_str!r}")
        return [tuple((op, int(source)) for op, source in node) for node in nodes]

    @staticmethod
    def str2matrix(arch_str: str, search_space: Sequence[str] = OPERATIONS) -> npt.NDArray[np.float64]:
        """Position in `search_space` of the operation from each node (column) to each (row); shape `(4, 4)`."""
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
        """The measurements of one training, or their mean over all trainings.

        Args:
            index: Published number, or string.
            dataset: `cifar10-valid`, `cifar10`, `cifar100` or `ImageNet16-120`.
            iepoch: Epoch counted from 0; the last by default.
            hp: Schedule; note that the default is the short one of 12 epochs.
            is_random: True draws one training with the object's own generator, False takes the mean of all, an integer
                names a training by its seed.

        Returns:
            `train-loss`, `train-accuracy`, `train-per-time`, `train-all-time`; the same for `valid`, `test` and
            `valtest` (both halves together), where measured at that epoch; and a `comment` for CIFAR-10.

        Raises:
            InputError: The epoch is out of range, or the architecture is not in the space.
            NotFoundError: The benchmark has no such architecture, data set, schedule or seed.
        """
        results = self.query_meta_info_by_index(index, hp)
        policy = results.policy(dataset, is_random)
        measured = {"train": results.numbers(dataset, "train", iepoch, policy)}
        names = {"validation": "valid", "test": "test", MIXED: "valtest"}
        for setname, split in SPLITS[dataset].items():
            measured[names[split]] = results.numbers(dataset, setname, iepoch, policy)
        info: dict[str, Any] = {}
        if dataset in ("cifar10", "cifar10-valid"):
            trained = "training set" if dataset == "cifar10-valid" else "training and validation sets"
            info["comment"] = f"Trained for {results.hp} epochs on the {trained} of CIFAR-10; test is its test set."
        for name, numbers in measured.items():
            if numbers is not None:
                info[f"{name}-loss"], info[f"{name}-accuracy"] = numbers["loss"], numbers["accuracy"]
                all_time, epochs = numbers["all_time"], numbers["iepoch"] + 1
                info[f"{name}-per-time"] = None if all_time is None else all_time / epochs
                info[f"{name}-all-time"] = all_time
        return info

    def get_cost_info(self, index: Any, dataset: str, hp: str | int = "12") -> dict[str, float | None]:
        """`flops` and `params` in millions, `latency` of a batch in seconds, and `T-...@epoch` and `T-...@total`.

        The latter are seconds of training and of each evaluation. Times are means over trainings, None where not
        recorded.
        """
        return self.query_meta_info_by_index(index, hp).get_compute_costs(dataset)

    def get_latency(self, index: Any, dataset: str, hp: str | int = "12") -> float | None:
        """Latency of a batch in seconds, mean over trainings; None where not recorded."""
        return self.get_cost_info(index, dataset, hp)["latency"]

    def simulate_train_eval(
        self, arch: Any, dataset: str, iepoch: int | None = None, hp: str | int = "12", account_time: bool = True
    ) -> tuple[float, float | None, float, float]:
        """Simulate training and validating an architecture.

        Args:
            arch: Published number, or string.
            dataset: `cifar10` (trained without its validation part), `cifar100` or `ImageNet16-120`.
            iepoch: Epoch counted from 0; the last by default.
            hp: Schedule.
            account_time: Whether to add the cost to `used_time`.

        Returns:
            Validation accuracy in percent of a training drawn by the object's own generator, latency in seconds, cost
            in seconds, and `used_time`.

        Raises:
            InputError: The data set is not one of these.
            NotFoundError: There is no validation accuracy at that epoch, and `mixed` is not set.
        """
        if dataset not in ("cifar10", "cifar100", "ImageNet16-120"):
            raise InputError(f"invalid data set {dataset!r}; name one of cifar10, cifar100, ImageNet16-120")
        trained_on = "cifar10-valid" if dataset == "cifar10" else dataset
        info = self.get_more_info(arch, trained_on, iepoch, hp)
        if "valid-accuracy" in info:
            accuracy, validation_time = info["valid-accuracy"], info["valid-per-time"]
        elif self.mixed and "valtest-accuracy" in info:
            accuracy = info["valtest-accuracy"]
            validation_time = self.get_more_info(arch, trained_on, None, hp)["valid-per-time"]
        else:
            raise NotFoundError(
                f"{trained_on} with hp={hp} has no validation accuracy at iepoch={iepoch}; ask for the last epoch, or "
                "create(..., mixed=True) to use the accuracy on the validation and test halves together, as nats_bench "
                "does"
            )
        if info["train-all-time"] is None or validation_time is None:
            raise NotFoundError(f"{self.benchmark.name} does not record how long {trained_on} with hp={hp} took")
        time_cost = info["train-all-time"] + validation_time
        if account_time:
            self.used_time += time_cost
        return accuracy, self.get_latency(arch, trained_on, hp), time_cost, self.used_time

    def reset_time(self) -> None:
        """Set `used_time` to 0."""
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
        """Published number and accuracy of the best architecture in the benchmark, by the mean of its trainings.

        Args:
            dataset: `cifar10-valid`, `cifar10`, `cifar100` or `ImageNet16-120`.
            metric_on_set: `train`, `valid`, `test`, or the published name of a split (`x-valid`, `ori-test`, ...).
            flop_max: Maximum of FLOPs, in millions.
            param_max: Maximum of parameters, in millions.
            hp: Schedule.
            enforce_all: Ignored: all architectures are always searched.

        Returns:
            The number and the accuracy in percent; -1 and None if no architecture has an accuracy within the limits.
        """
        dataset, setname = BEST_ON.get((dataset, metric_on_set), (dataset, metric_on_set))
        path = f"{self._trainings.dataset(dataset, self._schedule(hp))}/{split_of(dataset, setname)}_accuracy"
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
        """`ArchResults` of an architecture, or for a data set its `ResultsCount`s by seed.

        Raises:
            NotFoundError: The benchmark has no such architecture, data set or schedule.
        """
        results = self.query_meta_info_by_index(arch_index, hp)
        return results if dataname is None else results.query(dataname)

    def query_meta_info_by_index(self, arch_index: int, hp: str | int = "12") -> ArchResults:
        """`ArchResults` of an architecture under one schedule; raises as `query_by_index` does."""
        return ArchResults(self._trainings, self._known(arch_index), self._schedule(hp))

    def query_info_str_by_arch(self, arch: Any, hp: str | int = "12") -> str:
        """Costs and scores of an architecture under one schedule, as lines of text; raises as `query_by_index` does."""
        return self.query_meta_info_by_index(arch, hp).description()

    def query_by_arch(self, arch: Any, hp: str | int) -> str:
        """Older name of `query_info_str_by_arch`."""
        return self.query_info_str_by_arch(arch, hp)

    def get_net_config(self, index: Any, dataset: str) -> dict[str, Any]:
        """Arguments with which the published code builds a network: `name`, size, string and `num_classes`."""
        return self._trainings.net_config(self._known(index), dataset)

    def get_net_param(self, index: Any, dataset: str, seed: int | None, hp: str | int = "12") -> Any:
        """Always an error: a benchmark holds measurements, no weights."""
        raise NotFoundError("trained weights are not in a benchmark file; take them from the archives of NATS-Bench")

    def clear_params(self, index: int, hp: str | int | None = None) -> None:
        """Do nothing: there are no weights to forget."""
        self._trainings.genotype(index)

    def reload(self, archive_root: str | Path | None = None, index: int | None = None) -> None:
        """Open the file again, or another one of ours; `index` is ignored, as numbers are read on request."""
        self._open(self._source if archive_root is None else archive_root)

    def show(self, index: int = -1) -> None:
        """Print costs and scores of an architecture, or of all architectures in the benchmark."""
        for shown in self.evaluated_indexes if index < 0 else [self._known(index)]:
            print(f"--- architecture {shown} ---")
            for hp in self.avaliable_hps:
                print(f"hp {hp}\n{ArchResults(self._trainings, shown, hp).description()}")

    def statistics(self, dataset: str, hp: str | int) -> dict[int, int]:
        """Number of architectures by number of trainings."""
        path = f"{self._trainings.dataset(dataset, self._schedule(hp))}/train_accuracy"
        genotypes = self.benchmark.architectures()
        trained = np.zeros(len(genotypes), dtype=np.int64)
        for seed in self.benchmark.recorded_seeds(path):
            trained += ~np.ma.getmaskarray(self.benchmark.query_many(genotypes, path, seed=seed).values)
        return {int(n): int(count) for n, count in zip(*np.unique(trained, return_counts=True), strict=True)}

    @property
    def avaliable_hps(self) -> list[str]:
        """The schedules of the benchmark (spelt as in the original)."""
        return self._trainings.schedules

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
        self._trainings = Trainings(self.benchmark, self._rng)
        self.space = self._trainings.space

    def _known(self, arch: Any) -> int:
        """The published number of an architecture; raises an InputError if there is none."""
        index = self.query_index_by_arch(arch)
        if index < 0:
            raise InputError(f"{arch!r} is not an architecture of {self.space.name}")
        return index

    def _schedule(self, hp: str | int) -> str:
        """The name of a schedule."""
        return str(hp)


class NASBench201API(NATS):
    """The api object of NAS-Bench-201 (`nas_201_api`), which has the same methods.

    Up to version 1.2 of the original, `hp` was the truth value `use_12epochs_result`: True means `"12"`, False `"200"`.

    Args:
        file_path_or_dict: A file that `nasbench import nasbench201` or `nats-bench` wrote, or an open benchmark.
        verbose: Whether to print the opened benchmark.
        seed: Seed of the object's own generator.
        mixed: See `create`.
    """

    def __init__(
        self, file_path_or_dict: str | Path | Benchmark, verbose: bool = True, *, seed: int = 0, mixed: bool = False
    ) -> None:
        super().__init__(file_path_or_dict, False, verbose, seed=seed, mixed=mixed)

    def _schedule(self, hp: str | int) -> str:
        if isinstance(hp, bool):
            return "12" if hp else "200"
        return super()._schedule(hp)


class _Infos(Mapping[int, Mapping[str, ArchResults]]):
    """`ArchResults` by schedule of every architecture in a benchmark, by published number in ascending order."""

    def __init__(self, trainings: Trainings) -> None:
        self._trainings = trainings

    def __getitem__(self, index: int) -> dict[str, ArchResults]:
        if index not in self:
            raise NotFoundError(f"{self._trainings.benchmark.name} has no architecture with number {index}")
        return {hp: ArchResults(self._trainings, index, hp) for hp in self._trainings.schedules}

    def __contains__(self, index: object) -> bool:
        return index in self._trainings.indexes

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._trainings.indexes))

    def __len__(self) -> int:
        return len(self._trainings.indexes)
