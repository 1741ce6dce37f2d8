"""Reading untrusted benchmark files: every part is checked, and numbers are read on first use."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias, cast, get_args

import h5py
import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import COSTS, Metric
from nasbench.benchmark.hdf5 import attributes
from nasbench.benchmark.hdf5.packing import INTEGER_TYPES, divisor_of, unpack
from nasbench.benchmark.hdf5.walk import names_below
from nasbench.benchmark.table import (
    BLANKS,
    MAX_POSITIONS,
    Column,
    Lazy,
    Plane,
    Table,
    at_epoch,
    check_epochs,
    check_metric,
    check_numbers,
)
from nasbench.errors import FileError, InputError
from nasbench.printable import MOST, MOST_OF_LINE, brief, printable
from nasbench.spaces import spaces
from nasbench.specification import restore
from nasbench.types import BoolArray, FloatArray

if TYPE_CHECKING:
    from nasbench.benchmark.noise import Noise
    from nasbench.benchmark.surrogate import SurrogateBenchmark

Dtypes: TypeAlias = Sequence[Any] | None

FORMAT = "nasbench"
SCHEMA_VERSION = 1
KINDS = ("tabular", "surrogate")
SIGNATURE = b"\x89HDF\r\n\x1a\n"
MAX_BYTES, MAX_COMPRESSION = 2**30, 100
"""Numbers of a file may take `MAX_BYTES` or `MAX_COMPRESSION` times its size; more is taken for an attack."""
NUMBER_BYTES, OBJECT_BYTES = 8, 64
"""Memory that counts for a number of an array, and for one that becomes a Python object."""
MAX_DEFLATE = 1032
"""Bytes into which gzip can unpack one byte; arrays of up to `SMALL_BYTES` need not be stored in full."""
SMALL_BYTES = 2**24
REMEDY = "copy the file again or make it anew"
"""What to do about a damaged file, for its error messages."""


def read(path: Path) -> Table:
    """Read the whole table of a tabular benchmark into memory.

    Raises:
        FileError: The file is missing, or is not a complete, sound tabular benchmark.
    """
    with opened(path) as file:
        kind = file.kind()
        if kind != "tabular":
            raise FileError(f"{path} is a {kind} benchmark; pass the tabular one that it was fitted on")
        return file.table().loaded()


def read_surrogate(path: Path) -> SurrogateBenchmark:
    """Read a surrogate benchmark; raises as `read` does."""
    with opened(path) as file:
        kind = file.kind()
        if kind != "surrogate":
            raise FileError(f"{path} is a {kind} benchmark; pass one that nasbench surrogate wrote")
        return file.surrogate()


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """Open an untrusted file for reading; every fault of it is a FileError.

    Raises:
        FileError: The file cannot be read, is not HDF5, is truncated, or breaks the schema.
    """
    with sound(path):
        reader = Reader(path)
        try:
            yield reader
        finally:
            reader.close()


@contextmanager
def sound(path: Path) -> Iterator[None]:
    """Turn every error while a file is read into a FileError that names the file."""
    try:
        yield
    except FileError:
        raise
    except InputError as error:
        raise FileError(f"{path} is damaged: {printable(str(error), MOST_OF_LINE)}; {REMEDY}") from error
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, ArithmeticError, MemoryError) as error:
        # h5py passes errors of the C library on as various Python exceptions
        fault = printable(" ".join(str(error).split()), MOST_OF_LINE)
        raise FileError(f"{path} is damaged: {fault}; {REMEDY}") from error


class Reader:
    """Reads objects of a file after checking their type, shape and size.

    The file stays open so that numbers can be read on first use, even if another file takes its name. A pickled copy
    opens the file again in its process, and checks that it is the same file. Threads may share a reader.

    Args:
        path: Path of the file.

    Raises:
        FileError: The file cannot be read or is not HDF5.
    """

    def __init__(self, path: Path) -> None:
        self.path = path = Path(path)
        if path.is_fifo():
            raise FileError(f"{path} is a pipe, which can be read only once; pass a benchmark file")
        try:
            with path.open("rb") as raw:
                signature = raw.read(len(SIGNATURE))
        except OSError as error:
            raise FileError(f"cannot read {path}: {error.strerror}; pass a benchmark file") from error
        if signature != SIGNATURE:
            raise FileError(f"{path} is not an HDF5 file; pass what nasbench build, import or surrogate wrote")
        self.file = h5py.File(path, "r", locking=False)
        self._initial_state = self._file_state()
        self._bytes_left = max(MAX_BYTES, MAX_COMPRESSION * self._initial_state[0])
        self._declared: set[str] = set()
        self._declaring = Lock()
        self._last_object: tuple[str, Any] = "", None  # one value, so that no thread sees the object of another path

    def close(self) -> None:
        """Close the file; nothing can be read after that."""
        self.file.close()

    def __getstate__(self) -> tuple[Path, str]:
        return self.path.absolute(), str(attributes.get(self.file, "sha256"))

    def __setstate__(self, state: tuple[Path, str]) -> None:
        path, checksum = state
        with sound(path):
            self.__init__(path)  # type: ignore[misc]  # open it like the original
        if str(attributes.get(self.file, "sha256")) != checksum:
            raise FileError(f"{path} was replaced by another file since it was opened; open it again")

    def _file_state(self) -> tuple[int, int]:
        state = os.fstat(self.file.id.get_vfd_handle())
        return state.st_size, state.st_mtime_ns

    def kind(self) -> str:
        """`"tabular"` or `"surrogate"`.

        Raises:
            FileError: The file is not of this format or version.
        """
        if attributes.get(self.file, "format") != FORMAT:
            raise FileError(f"{self.path} is not a nasbench benchmark; pass what nasbench build or surrogate wrote")
        version = attributes.get(self.file, "schema_version")
        if version != SCHEMA_VERSION:
            raise FileError(
                f"{self.path} has schema version {brief(version)}, this nasbench reads {SCHEMA_VERSION}; "
                "use the nasbench that wrote it, or a newer one"
            )
        kind = self.text("/", "kind")
        if kind not in KINDS:
            raise self.damaged("/", f"attribute 'kind' is one of {', '.join(KINDS)}; got {brief(kind)}")
        return kind

    def table(self) -> Table:
        """The table; its numbers are read on first use, while the file is open."""
        space = restore(spaces, self.text("/", "space"), self.json("/", "space_settings"))
        genotypes = self.array("/genotypes", (np.int8,), (None, len(space.cardinalities)))
        seeds = self.numbers("/seed")
        names = self.below("/metrics")
        datasets = {name.rpartition("/")[0] for name in names}
        paths = [name for name in names if name not in datasets and name.rpartition("/")[2] != "epoch"]
        epochs = Lazy(sorted(datasets), self._epochs)
        return Table(
            space=space,
            genotypes=genotypes,
            seeds=seeds,
            epochs=epochs,
            columns=Lazy(paths, partial(self._column, len(genotypes), len(seeds), epochs)),
            recipe=_escaped(self.json("/", "recipe")),
            provenance=_escaped(self.json("/", "provenance")),
        )

    def _epochs(self, dataset: str) -> tuple[int, ...]:
        with sound(self.path):
            epochs = self.numbers(f"/metrics/{dataset}/epoch" if dataset else "/metrics/epoch")
            check_epochs(dataset, epochs)
            return epochs

    def _column(self, n: int, seeds: int, epochs: Mapping[str, tuple[int, ...]], name: str) -> Column:
        """The column of a metric, its numbers not yet read."""
        with sound(self.path):
            path, missing = f"/metrics/{name}", f"/missing/{name}"
            dims = self.texts(path, "dims")
            dataset, _, short = name.rpartition("/")
            facts = {key: printable(self.text(path, key)) for key in ("split", "units", "direction", "description")}
            values = self.dataset(path, (np.float64, *INTEGER_TYPES), None)
            resumable = attributes.get(values, "resumable")
            if resumable is None:  # in files from before the attribute
                resumable = not any(other.startswith(f"{dataset}@") for other in epochs)
            elif resumable not in (0, 1):
                raise self.damaged(path, f"attribute 'resumable' is 0 or 1, got {brief(resumable)}")
            metric = Metric(dataset=dataset, name=short, dims=dims, resumable=bool(resumable), **facts)  # type: ignore[arg-type]  # checked next
            check_metric(name, metric)
            if short.endswith(COSTS):  # in older files of imports, `train_seconds` has the split its name begins with
                metric = replace(metric, split="none")
            lengths = {"architecture": n, "seed": seeds, "epoch": len(epochs[dataset]) if "epoch" in dims else 0}
            shape = tuple(lengths[dim] for dim in dims)
            if 0 in shape:
                raise self.damaged(path, f"has the axis {dims[shape.index(0)]!r}, along which the file has nothing")
            values = self.dataset(path, (np.float64, *INTEGER_TYPES), shape)
            divisor = None
            if values.dtype != np.float64:
                divisor = divisor_of(attributes.get(values, "scale_factor"))
                if divisor is None:
                    raise self.damaged(path, "attribute 'scale_factor' is 1, 0.1, ... or 1e-6")
            reasons: tuple[str, ...] | None = None
            if self.has(missing):
                self.dataset(missing, (np.uint8,), shape)
                reasons = tuple(map(printable, self.texts(missing, "reasons")))
            return StoredColumn(self, metric, shape, divisor, reasons)

    def selection(self, path: str, selection: Any) -> npt.NDArray[Any]:
        """Selected numbers of an array that `dataset` has checked."""
        if self._file_state() != self._initial_state:
            raise FileError(f"{self.path} was written to while it was read; open it again")
        return cast("npt.NDArray[Any]", self.file[path][selection])

    def surrogate(self) -> SurrogateBenchmark:
        """The surrogate, with its fitted predictors."""
        from nasbench.benchmark.surrogate import Model, SurrogateBenchmark, Transform
        from nasbench.predictors import predictors
        from nasbench.predictors.encodings import as_written

        table, models = self.table().loaded(), {}
        for path in table.columns:
            group = f"/models/{path}"
            state = {name: self.array(f"{group}/{name}", None, None) for name in self.names(group)}
            arguments = self.json(group, "parameters")
            if "features" in arguments:
                written = attributes.get(self.get(group), "default_features")
                arguments["features"] = as_written(arguments["features"], 1 if written is None else written)
            predictor = restore(predictors, self.text(group, "predictor"), arguments)
            epoch, transform = attributes.get(self.get(group), "epoch"), self.text(group, "transform")
            if transform not in get_args(Transform) or not isinstance(epoch, int | None):
                raise self.damaged(group, f"transform is one of {get_args(Transform)} and epoch an integer")
            models[path] = Model(
                predictor=predictor.restore(table.space, state),
                transform=cast(Transform, transform),
                epoch=epoch,
                quality=_escaped(self.json(group, "quality")),
                held_out=self.array(
                    f"/held_out/{path}", (np.float64,), (int((table.columns[path].missing == 0).sum()),)
                ),
                noise=self._noise(path, log=transform == "log"),
            )
        return SurrogateBenchmark(table, models, name=self.path.name)

    def _noise(self, metric: str, log: bool) -> Noise | None:
        """The noise of a metric, `log` if of logarithms; None if the file has none."""
        from nasbench.benchmark.noise import Noise

        group = f"/noise/{metric}"
        if not self.has(group):
            return None
        noise = Noise(*(self.array(f"{group}/{field}", (np.float64,), (None,)) for field in Noise._fields))
        try:
            noise.check(log)
        except InputError as error:
            raise self.damaged(group, str(error)) from error
        return noise

    # --- checked objects --------------------------------------------------------------------------------------------

    def damaged(self, where: str, fault: str) -> FileError:
        """The error for a broken rule of the schema."""
        where, fault = printable(where, MOST), printable(fault, MOST_OF_LINE)
        return FileError(f"{self.path} is damaged: {where}: {fault}; {REMEDY}")

    def get(self, path: str) -> Any:
        """A group or data set of the file."""
        last = self._last_object
        if path != last[0]:
            if path != "/" and not self.has(path):
                raise self.damaged(path, "is missing")
            self._last_object = last = path, self.file[path]
        return last[1]

    def has(self, path: str) -> bool:
        """Whether a path holds an object, and not a soft or external link."""
        try:
            link = self.file.id.links.get_info(path.encode())
        except (KeyError, RuntimeError):
            return False
        return bool(link.type == h5py.h5l.TYPE_HARD)

    def names(self, path: str) -> list[str]:
        """Names in a group."""
        return [name for name in self.below(path) if "/" not in name]

    def below(self, path: str) -> list[str]:
        """Names of all objects in a group and its subgroups."""
        group = self.get(path)
        if not isinstance(group, h5py.Group):
            raise self.damaged(path, "is a group, got an array")
        return names_below(group)

    def numbers(self, path: str) -> tuple[int, ...]:
        """Seeds or epochs; empty if the file has none."""
        if not self.has(path):
            return ()
        dataset = self.dataset(path, (np.int64,), (None,), OBJECT_BYTES)
        if len(dataset) > MAX_POSITIONS:
            raise self.damaged(path, f"has {len(dataset):,} numbers, at most {MAX_POSITIONS:,} are read")
        return tuple(dataset[()].tolist())

    def array(self, path: str, dtypes: Dtypes, shape: tuple[int | None, ...] | None) -> npt.NDArray[Any]:
        """All numbers of an array, checked by `dataset`."""
        return cast("npt.NDArray[Any]", self.dataset(path, dtypes, shape)[()])

    def dataset(self, path: str, dtypes: Dtypes, shape: tuple[int | None, ...] | None, each: int = NUMBER_BYTES) -> Any:
        """An array of the file, checked to have one of the types and the shape, for which None stands for any.

        Each of its numbers counts as `each` bytes of memory.
        """
        dataset = self.get(path)
        if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
            raise self.damaged(path, "is an array, got something else")
        if (dataset.dtype not in dtypes) if dtypes is not None else (dataset.dtype.kind not in "biuf"):
            wanted = " or ".join(str(np.dtype(dtype)) for dtype in dtypes or ()) or "numbers"
            raise self.damaged(path, f"holds {wanted}, got {dataset.dtype}")
        if shape is not None and (
            len(shape) != len(dataset.shape)
            or any(want not in (None, got) for want, got in zip(shape, dataset.shape, strict=True))
        ):
            wanted = str(shape).replace("None", "any")
            raise self.damaged(path, f"has shape {wanted}, got {dataset.shape}")
        if dataset.external or dataset.is_virtual:
            raise self.damaged(path, "lies in this file, got a reference to another one")
        chunk = math.prod(dataset.chunks or (0,)) * dataset.dtype.itemsize
        declared, stored = max(dataset.size * max(each, dataset.dtype.itemsize), chunk), dataset.id.get_storage_size()
        with self._declaring:
            if path not in self._declared:
                self._declared.add(path)
                self._bytes_left -= declared
            if self._bytes_left < 0:
                raise self.damaged(path, f"declares {declared:,} bytes, more than a file of this size may hold")
        if dataset.nbytes > max(SMALL_BYTES, MAX_DEFLATE * stored):
            raise self.damaged(path, f"declares {dataset.nbytes:,} bytes, but the file holds {stored:,} for them")
        return dataset

    def text(self, path: str, name: str) -> str:
        """An attribute that is text."""
        value = self.attribute(path, name)
        if not isinstance(value, str):
            raise self.damaged(path, f"attribute {name!r} is text, got {type(value).__name__}")
        return value

    def texts(self, path: str, name: str) -> tuple[str, ...]:
        """An attribute that is a list of texts."""
        value = self.attribute(path, name)
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise self.damaged(path, f"attribute {name!r} is a list of texts, got {type(value).__name__}")
        return tuple(value)

    def attribute(self, path: str, name: str) -> Any:
        """The value of an attribute; None if there is none."""
        try:
            return attributes.get(self.get(path), name)
        except ValueError as error:
            raise self.damaged(path, str(error)) from error

    def json(self, path: str, name: str) -> dict[str, Any]:
        """An attribute that is a JSON object."""
        try:
            value = json.loads(self.text(path, name))
        except (ValueError, RecursionError) as error:
            raise self.damaged(path, f"attribute {name!r} is a JSON object: {error}") from error
        if not isinstance(value, dict):
            raise self.damaged(path, f"attribute {name!r} is a JSON object, got {type(value).__name__}")
        return value


def _escaped(value: Any) -> Any:
    """JSON values with `printable` texts, which may have several lines."""
    if isinstance(value, str):
        return printable(value, keep=BLANKS)
    if isinstance(value, dict):
        return {printable(name, keep=BLANKS): _escaped(part) for name, part in value.items()}
    return [_escaped(part) for part in value] if isinstance(value, list) else value


class StoredColumn(Column):
    """A column whose numbers lie in a file and are checked at each reading.

    Args:
        reader: Reader of the file.
        metric: The metric of the numbers.
        shape: Shape of the numbers.
        divisor: Divisor for `packing.unpack`.
        reasons: Causes of missing numbers; None if none is missing.
    """

    _reader: Reader
    _shape: tuple[int, ...]
    _divisor: int | None
    _complete: bool

    def __init__(
        self,
        reader: Reader,
        metric: Metric,
        shape: tuple[int, ...],
        divisor: int | None,
        reasons: tuple[str, ...] | None,
    ) -> None:
        stored = {"_reader": reader, "_shape": shape, "_divisor": divisor, "_complete": reasons is None}
        for name, value in {"metric": metric, "reasons": reasons or (), **stored}.items():
            object.__setattr__(self, name, value)  # the class is frozen

    @property
    def values(self) -> FloatArray:
        """All numbers, read again at each access."""
        return self._read(()).values

    @property
    def missing(self) -> npt.NDArray[np.uint8]:
        """All codes of missing numbers, read again at each access."""
        missing = self._missing(())
        return np.zeros(self._shape, dtype=np.uint8) if missing is None else missing

    def plane(self, at: int | None) -> Plane:
        """The numbers at one epoch, read without those of the other epochs."""
        values, missing = self._read(() if at is None else (slice(None), slice(None), at))
        if missing is not None and not missing.any():
            missing = None
        return Plane(at_epoch(values, None), None if missing is None else at_epoch(missing, None))

    def measured(self, axis: int) -> BoolArray:
        """Whether there is any number at each position of an axis."""
        return np.ones(self._shape[axis], dtype=np.bool_) if self._complete else super().measured(axis)

    def _missing(self, selection: Any) -> npt.NDArray[np.uint8] | None:
        if self._complete:
            return None
        with sound(self._reader.path):
            codes: npt.NDArray[np.uint8] = self._reader.selection(f"/missing/{self.metric.path}", selection)
            return codes

    def _read(self, selection: Any) -> Plane:
        missing = self._missing(selection)
        with sound(self._reader.path):
            values = unpack(self._reader.selection(f"/metrics/{self.metric.path}", selection), self._divisor)
            codes = np.broadcast_to(np.uint8(0), values.shape) if missing is None else missing
            check_numbers(self.metric.path, values, codes, len(self.reasons))
        return Plane(values, missing)
