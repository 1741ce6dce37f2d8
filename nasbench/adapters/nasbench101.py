"""The interface of NAS-Bench-101, `from nasbench import api`, over our benchmarks (Ying et al., 2019)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt

from nasbench.adapters.opening import opened
from nasbench.benchmark.base import Answer, Benchmark, SeedPolicy
from nasbench.errors import InputError, NotFoundError
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb101_hash import module_hash
from nasbench.spaces.nb101_tables import EDGES, OPERATIONS, VERTICES
from nasbench.types import GenotypeArray

__all__ = ["ModelSpec", "NASBench", "OutOfDomainError"]

T = TypeVar("T")
Fixed: TypeAlias = dict[str, Any]
"""`module_adjacency`, `module_operations` and `trainable_parameters` of a cell."""
Computed: TypeAlias = dict[int, list[dict[str, float]]]
"""For each budget of epochs, the `halfway_*` and `final_*` numbers of each repeat."""
STAGES = {"halfway_": "halfway_", "final_": ""}
"""Prefix of the names of our metrics, by prefix of the keys of `Computed`."""
SPLITS = ("train", "validation", "test")


class OutOfDomainError(InputError):
    """The cell or the number of epochs lies outside the search space."""


class ModelSpec:
    """A pruned cell: an upper-triangular adjacency matrix and the operation of each vertex.

    Args:
        matrix: Zeros and ones; shape `(v, v)`.
        ops: `v` names; the first and the last are `"input"` and `"output"`.
        data_format: Stored but ignored.

    Attributes:
        matrix: Adjacency without vertices that lie on no path from input to output; None if there is no path.
        ops: Operations of the remaining vertices; None if there is no path.
        valid_spec: Whether there is a path.
        original_matrix: As given.
        original_ops: As given.

    Raises:
        InputError: The matrix is not square or not upper-triangular, or the length of `ops` differs.
    """

    def __init__(self, matrix: npt.ArrayLike, ops: Sequence[str], data_format: str = "channels_last") -> None:
        try:
            square = np.array(matrix)
        except ValueError as error:
            raise InputError("matrix must be square, got rows of several lengths") from error
        if square.ndim != 2 or square.shape[0] != square.shape[1]:
            raise InputError(f"matrix must be square, got shape {square.shape}")
        if len(square) != len(ops):
            raise InputError(f"length of ops must match the matrix: got {len(ops)} ops and {len(square)} rows")
        if np.tril(square).any():
            raise InputError("matrix must be upper triangular: a number on or below its diagonal is not 0")
        self.original_matrix, self.original_ops = square.copy(), list(ops)
        self.data_format = data_format
        connected = _connected_vertices(square != 0)
        self.valid_spec = len(connected) >= 2
        self.matrix: npt.NDArray[Any] | None = square[np.ix_(connected, connected)] if self.valid_spec else None
        self.ops: list[str] | None = [ops[vertex] for vertex in connected] if self.valid_spec else None

    def hash_spec(self, canonical_ops: Sequence[str]) -> str:
        """The published hash: 32 hexadecimal digits, equal for isomorphic cells.

        Args:
            canonical_ops: Operations in the order of their numbers: `NASBench.config["available_ops"]`.

        Raises:
            OutOfDomainError: No path leads from input to output, or an operation is unknown.
        """
        matrix, ops = _connected(self)
        for op in ops[1:-1]:
            if op not in canonical_ops:
                raise OutOfDomainError(f"unsupported op {op!r} (available ops = {list(canonical_ops)})")
        return module_hash(matrix, [-1, *(list(canonical_ops).index(op) for op in ops[1:-1]), -2])


class NASBench:
    """The `NASBench` object of NAS-Bench-101: accuracies from 0 to 1, times in seconds.

    Args:
        dataset_file: Path of one of our files (`nasbench import nasbench101`), or a benchmark of the space `nb101`.
        seed: Seed of the object's own generator, with which each `query` draws a repeat. By default `query` answers
            with the mean of the repeats.
        dataset: Data set of the accuracies, if the benchmark has several.

    Attributes:
        valid_epochs: Budgets that `query` accepts.
        config: `module_vertices`, `max_edges`, `num_repeats` and `available_ops`.
        training_time_spent: Total seconds of the trainings that were queried.
        total_epochs_spent: Total epochs of these trainings.

    Raises:
        FileError: The file is not ours. For the published TFRecord, the message says how to import it.
        InputError: The benchmark has another space.
    """

    def __init__(
        self, dataset_file: str | Path | Benchmark, seed: int | None = None, dataset: str | None = None
    ) -> None:
        self.benchmark = opened(dataset_file, "nasbench101", (".tfrecord",))
        if not isinstance(self.benchmark.space, NB101):
            raise InputError(f"{self.benchmark.name} has the space {self.benchmark.space.name}, this needs nb101")
        self._space = self.benchmark.space
        self._score = self.benchmark.score(dataset)
        if self._score.units != "percent":
            raise InputError(f"{self._score.path!r} is in {self._score.units}, not an accuracy in percent")
        self._seeds = self.benchmark.recorded_seeds(self._score.path)
        self._rng = None if seed is None else np.random.default_rng(seed)
        self.valid_epochs = set(self.benchmark.recorded_epochs(self._score.path))
        self.config: dict[str, Any] = {
            "module_vertices": VERTICES,
            "max_edges": EDGES,
            "num_repeats": max(1, len(self._seeds)),
            "available_ops": list(OPERATIONS),
        }
        self.history: dict[str, Any] = {}
        self.reset_budget_counters()

    # --- queries ------------------------------------------------------------------------------------------------

    def query(self, model_spec: ModelSpec, epochs: int = 108, stop_halfway: bool = False) -> dict[str, Any]:
        """One training of a cell, or the mean of its repeats; the cost is added to the counters.

        Args:
            model_spec: The cell.
            epochs: Budget; one of `valid_epochs`.
            stop_halfway: Whether to answer with half of the training, and count half.

        Returns:
            `module_adjacency`, `module_operations`, `trainable_parameters`, `training_time` in seconds, and
            `train_accuracy`, `validation_accuracy` and `test_accuracy` from 0 to 1, NaN where missing.

        Raises:
            OutOfDomainError: The cell or the budget lies outside the search space.
            NotFoundError: The cell is not in this benchmark, or nothing was recorded half-way.
        """
        if epochs not in self.valid_epochs:
            raise OutOfDomainError(f"invalid number of epochs, must be one of {sorted(self.valid_epochs)}")
        cell = self._stored(self._genotype(model_spec))
        stage = "halfway_" if stop_halfway else "final_"
        numbers = self._numbers(cell, epochs, self._drawn(cell, epochs), stage)
        data = {**self._fixed(cell), **{name.removeprefix(stage): value for name, value in numbers.items()}}
        if "validation_accuracy" not in data:
            raise NotFoundError(f"{self.benchmark.name} has no numbers half-way; ask with stop_halfway=False")
        self.training_time_spent += data["training_time"]
        self.total_epochs_spent += epochs // 2 if stop_halfway else epochs
        return data

    def is_valid(self, model_spec: ModelSpec) -> bool:
        """Whether a cell is in the search space, but not whether it is in this benchmark."""
        try:
            self._genotype(model_spec)
        except OutOfDomainError:
            return False
        return True

    def get_budget_counters(self) -> tuple[float, int]:
        """Total seconds and epochs of the trainings that were queried.

        Raises:
            NotFoundError: The time of a queried training is not recorded.
        """
        if np.isnan(self.training_time_spent):
            raise NotFoundError(
                f"{self.benchmark.name} does not record the time of every training, so a budget of time never ends; "
                "count total_epochs_spent instead"
            )
        return self.training_time_spent, self.total_epochs_spent

    def reset_budget_counters(self) -> None:
        """Set both counters to 0."""
        self.training_time_spent, self.total_epochs_spent = 0.0, 0

    # --- the whole table ----------------------------------------------------------------------------------------

    def hash_iterator(self) -> Sequence[str]:
        """The published hashes of all cells, each computed on request."""
        return self._hashes

    def get_metrics_from_hash(self, module_hash: str) -> tuple[Fixed, Computed]:
        """All numbers of the cell with a published hash; not counted.

        Raises:
            NotFoundError: No cell of this benchmark has that hash.
        """
        return self._metrics(self._cells[self._hashes.row(module_hash)])

    def get_metrics_from_spec(self, model_spec: ModelSpec) -> tuple[Fixed, Computed]:
        """All numbers of a cell; not counted.

        Raises:
            OutOfDomainError: The cell lies outside the search space.
            NotFoundError: The cell is not in this benchmark.
        """
        return self._metrics(self._stored(self._genotype(model_spec)))

    def get_modelspec_by_hash(self, module_hash: str) -> ModelSpec:
        """The cell with a published hash.

        Raises:
            NotFoundError: No cell of this benchmark has that hash.
        """
        return ModelSpec(*self._space.matrix(self._cells[self._hashes.row(module_hash)]))

    @cached_property
    def fixed_statistics(self) -> Mapping[str, Fixed]:
        """`module_adjacency`, `module_operations` and `trainable_parameters` by published hash, computed on request."""
        return _ByHash(self._hashes, lambda row: self._fixed(self._cells[row]))

    @cached_property
    def computed_statistics(self) -> Mapping[str, Computed]:
        """`halfway_*` and `final_*` numbers of each repeat, by published hash and budget, read on request."""
        return _ByHash(self._hashes, lambda row: self._computed(self._cells[row]))

    # --- inside -------------------------------------------------------------------------------------------------

    def _genotype(self, spec: ModelSpec) -> GenotypeArray:
        matrix, ops = _connected(spec)
        whole = matrix.astype(np.int8)
        if not np.array_equal(whole, matrix):
            raise OutOfDomainError("the matrix holds numbers other than 0 and 1")
        try:
            return self._space.from_matrix(whole, ops)
        except InputError as error:
            raise OutOfDomainError(str(error)) from error

    def _check_spec(self, model_spec: ModelSpec) -> None:
        """Raise an OutOfDomainError if a cell lies outside the search space; published code calls it."""
        self._genotype(model_spec)

    def _hash_spec(self, model_spec: ModelSpec) -> str:
        """The published hash of a cell; published code calls it."""
        value = model_spec.hash_spec(self.config["available_ops"])
        row = self._row(self._genotype(model_spec))
        if row is not None:
            self._hashes.note(row, value)  # saves a search for it
        return value

    def _stored(self, genotype: GenotypeArray) -> GenotypeArray:
        """The isomorphic cell in the benchmark, or the given cell if there is none."""
        row = self._row(genotype)
        return genotype if row is None else self._cells[row]

    def _row(self, genotype: GenotypeArray) -> int | None:
        """Row of the isomorphic cell in the benchmark, None if there is none."""
        keys, rows = self._by_key
        key = self._space.key(genotype[None])[0]
        at = min(int(np.searchsorted(keys, key)), len(keys) - 1)
        return int(rows[at]) if keys[at] == key else None

    @cached_property
    def _cells(self) -> GenotypeArray:
        return self.benchmark.architectures()

    @cached_property
    def _by_key(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.intp]]:
        return np.unique(self._space.key(self._cells), return_index=True)

    @cached_property
    def _hashes(self) -> _Hashes:
        return _Hashes(len(self._cells), lambda row: self._space.published_hash(self._cells[row, None])[0])

    def _drawn(self, cell: GenotypeArray, epochs: int) -> SeedPolicy:
        """The mean, or a drawn repeat that has a validation accuracy."""
        if self._rng is None or not self._seeds:
            return "mean"
        drawn = self.benchmark.query(cell, self._score.path, epoch=epochs, seed=self._rng)
        return drawn.seeds[0]

    def _metrics(self, cell: GenotypeArray) -> tuple[Fixed, Computed]:
        return self._fixed(cell), self._computed(cell)

    def _fixed(self, cell: GenotypeArray) -> Fixed:
        matrix, ops = self._space.matrix(cell)
        parameters = self._answer(cell, "parameters", "last", "mean")
        known = parameters is not None and parameters.value == parameters.value
        count: float = int(parameters.value) if parameters is not None and known else np.nan
        return {"module_adjacency": matrix, "module_operations": ops, "trainable_parameters": count}

    def _computed(self, cell: GenotypeArray) -> Computed:
        policies: Sequence[SeedPolicy] = self._seeds or ("mean",)
        return {
            epochs: [
                {name: value for stage in STAGES for name, value in self._numbers(cell, epochs, seed, stage).items()}
                for seed in policies
                if not np.isnan(self.benchmark.query(cell, self._score.path, epoch=epochs, seed=seed).value)
            ]
            for epochs in sorted(self.valid_epochs)
        }

    def _numbers(self, cell: GenotypeArray, epochs: int, seed: SeedPolicy, stage: str) -> dict[str, float]:
        """Time and accuracies of one stage of a training, by published key; empty if not recorded."""
        names = {f"{stage}training_time": "train_seconds"}
        names |= {f"{stage}{split}_accuracy": f"{split}_accuracy" for split in SPLITS}
        answers = {key: self._answer(cell, STAGES[stage] + name, epochs, seed) for key, name in names.items()}
        if answers[f"{stage}validation_accuracy"] is None:
            return {}
        return {key: np.nan if answer is None else _published(answer) for key, answer in answers.items()}

    def _answer(self, cell: GenotypeArray, name: str, epoch: Any, seed: SeedPolicy) -> Answer | None:
        """The answer of the benchmark, None if it does not have the metric."""
        path = f"{self._score.dataset}/{name}" if self._score.dataset else name
        path = path if path in self.benchmark.metrics else name
        return self.benchmark.query(cell, path, epoch=epoch, seed=seed) if path in self.benchmark.metrics else None


class _Hashes(Sequence[str]):
    """The hash of each of `n` rows, computed once on request, and the row of a hash."""

    def __init__(self, n: int, compute: Callable[[int], str]) -> None:
        self._n, self._compute = n, compute
        self._row: dict[str, int] = {}
        self._hash: dict[int, str] = {}
        self._unseen = iter(range(n))

    def __len__(self) -> int:
        return self._n

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self._of(row) for row in range(self._n)[index]]
        return self._of(range(self._n)[index])

    def __contains__(self, value: object) -> bool:
        return self._find(value) is not None

    def row(self, value: str) -> int:
        """The row with a hash; raises a NotFoundError if there is none."""
        row = self._find(value)
        if row is None:
            raise NotFoundError(f"none of the {self._n:,} cells has the hash {value!r}; hash_iterator() has all")
        return row

    def note(self, row: int, value: str) -> None:
        """Store the known hash of a row."""
        self._hash[row] = value
        self._row.setdefault(value, row)

    def _of(self, row: int) -> str:
        if row not in self._hash:
            self.note(row, self._compute(row))
        return self._hash[row]

    def _find(self, value: object) -> int | None:
        """The row with a hash, None if there is none; computes hashes until it is found."""
        if value not in self._row:
            for row in self._unseen:
                if self._of(row) == value:
                    break
        return self._row.get(value) if isinstance(value, str) else None


class _ByHash(Mapping[str, T]):
    """Values of rows by hash, computed on request."""

    def __init__(self, hashes: _Hashes, compute: Callable[[int], T]) -> None:
        self._hashes, self._compute = hashes, compute

    def __getitem__(self, name: str) -> T:
        return deepcopy(self._compute(self._hashes.row(name)))

    def __iter__(self) -> Iterator[str]:
        return iter(self._hashes)

    def __len__(self) -> int:
        return len(self._hashes)


def _connected(spec: ModelSpec) -> tuple[npt.NDArray[Any], list[str]]:
    """Matrix and operations of a cell; raises an OutOfDomainError if no path leads from input to output."""
    if spec.matrix is None or spec.ops is None:
        raise OutOfDomainError("invalid spec, provided graph is disconnected: no path leads from input to output")
    return spec.matrix, spec.ops


def _connected_vertices(edges: npt.NDArray[np.bool_]) -> list[int]:
    """Vertices on a path from the first to the last, given edges `(v, v)`; empty if there is no path."""
    v = len(edges)
    forward, backward = np.arange(v) == 0, np.arange(v) == v - 1
    for vertex in range(1, v):
        forward[vertex] = (edges[:, vertex] & forward).any()
        backward[v - 1 - vertex] |= (edges[v - 1 - vertex] & backward).any()
    connected: list[int] = np.flatnonzero(forward & backward).tolist()
    return connected


def _published(answer: Answer) -> float:
    """The value in the unit of NAS-Bench-101: accuracies from 0 to 1."""
    return answer.value / 100 if answer.units == "percent" else answer.value
