"""Reading a benchmark file of whatever origin: checked before it is believed, and read when it is asked for."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast, get_args

import h5py
import numpy as np
import numpy.typing as npt

from nasbench import specification
from nasbench.benchmark.base import Metric
from nasbench.benchmark.hdf5 import attributes
from nasbench.benchmark.hdf5.packing import TYPES, divisor_of, unpack
from nasbench.benchmark.table import Column, Lazy, Plane, Table, at_epoch, check_epochs, check_numbers, check_place
from nasbench.errors import FileError, InputError
from nasbench.spaces import spaces
from nasbench.types import BoolArray, FloatArray

if TYPE_CHECKING:
    from nasbench.benchmark.noise import Noise
    from nasbench.benchmark.surrogate import SurrogateBenchmark

Dtypes: TypeAlias = Sequence[Any] | None

FORMAT = "nasbench"
SCHEMA_VERSION = 1
KINDS = ("tabular", "surrogate")
SIGNATURE = b"\x89HDF\r\n\x1a\n"
SMALL, RATIO = 2**30, 100
"""A file may hold this many bytes of numbers, or this many times its own size; more is taken for an attack."""
REMEDY = "copy the file again or make it anew"


def read(path: Path) -> Table:
    """Read the whole table of a tabular benchmark into memory.

    Raises:
        FileError: The file is missing, or is not a whole, sound tabular benchmark.
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
    """Open a file of whatever origin for reading; whatever is wrong with it is a FileError.

    Raises:
        FileError: The file cannot be read, is no HDF5, or broke off or breaks the schema while it was read.
    """
    with sound(path):
        reader = Reader(path)
        try:
            yield reader
        finally:
            reader.close()


@contextmanager
def sound(path: Path) -> Iterator[None]:
    """Whatever goes wrong while a file is read is a FileError that names it."""
    try:
        yield
    except FileError:
        raise
    except InputError as error:
        raise FileError(f"{path} is damaged: {error}; {REMEDY}") from error
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, ArithmeticError, MemoryError) as error:
        # h5py lets the errors of the C library through, as whatever Python exception it took them for
        raise FileError(f"{path} is damaged: {' '.join(str(error).split())}; {REMEDY}") from error


class Reader:
    """Reads parts of a file, each only after its type, shape and size were found to be what they should be.

    The file stays open, so that numbers can be read when they are asked for; one that takes its name meanwhile does not
    disturb. A copy in another process opens the file again, which must be the same one.

    Args:
        path: Name of the file.

    Raises:
        FileError: The file cannot be read or is no HDF5.
    """

    def __init__(self, path: Path) -> None:
        self.path = path = Path(path)
        if path.is_fifo():
            raise FileError(f"{path} is a pipe, which is read only once from start to end; pass a benchmark file")
        try:
            with path.open("rb") as raw:
                signature = raw.read(len(SIGNATURE))
        except OSError as error:
            raise FileError(f"cannot read {path}: {error.strerror}; pass a benchmark file") from error
        if signature != SIGNATURE:
            raise FileError(f"{path} is not an HDF5 file; pass what nasbench build, import or surrogate wrote")
        self.file = h5py.File(path, "r", locking=False)
        self._stamp = self._now()
        self._budget = max(SMALL, RATIO * self._stamp[0])
        self._declared: set[str] = set()
        self._last: tuple[str, Any] = "", None

    def close(self) -> None:
        """Close the file; nothing can be read after that."""
        self.file.close()

    def __getstate__(self) -> tuple[Path, str]:
        return self.path.absolute(), str(attributes.get(self.file, "sha256"))

    def __setstate__(self, state: tuple[Path, str]) -> None:
        path, checksum = state
        with sound(path):
            self.__init__(path)  # type: ignore[misc]  # a copy is made as the original was
        if str(attributes.get(self.file, "sha256")) != checksum:
            raise FileError(f"{path} was replaced by another file since it was opened; open it again")

    def _now(self) -> tuple[int, int]:
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
                f"{self.path} has schema version {version}, this nasbench reads {SCHEMA_VERSION}; "
                "use the nasbench that wrote it, or a newer one"
            )
        kind = self.text("/", "kind")
        if kind not in KINDS:
            raise self.wrong("/", f"attribute 'kind' is one of {', '.join(KINDS)}; got {kind!r}")
        return kind

    def table(self) -> Table:
        """The table, whose numbers are read when they are asked for, as long as the file is open."""
        space = specification.restore(spaces, self.text("/", "space"), self.json("/", "space_settings"))
        genotypes = self.array("/genotypes", (np.int8,), (None, len(space.cardinalities)))
        seeds = self.numbers("/seed")
        found = self.below("/metrics")
        datasets = {name.rpartition("/")[0] for name in found}
        paths = [name for name in found if name not in datasets and name.rpartition("/")[2] != "epoch"]
        epochs = Lazy(sorted(datasets), self._epochs)
        return Table(
            space=space,
            genotypes=genotypes,
            seeds=seeds,
            epochs=epochs,
            columns=Lazy(paths, partial(self._column, len(genotypes), len(seeds), epochs)),
            recipe=self.json("/", "recipe"),
            provenance=self.json("/", "provenance"),
        )

    def _epochs(self, dataset: str) -> tuple[int, ...]:
        with sound(self.path):
            epochs = self.numbers(f"/metrics/{dataset}/epoch" if dataset else "/metrics/epoch")
            check_epochs(dataset, epochs)
            return epochs

    def _column(self, n: int, seeds: int, epochs: Mapping[str, tuple[int, ...]], name: str) -> Column:
        """The metric of a name, without its numbers."""
        with sound(self.path):
            path, missing = f"/metrics/{name}", f"/missing/{name}"
            dims = self.texts(path, "dims")
            dataset, _, short = name.rpartition("/")
            facts = {key: self.text(path, key) for key in ("split", "units", "direction", "description")}
            values = self.dataset(path, (np.float64, *TYPES), None)
            resumable = attributes.get(values, "resumable") != 0 and not any(
                other.startswith(f"{dataset}@")
                for other in epochs  # as files said it before they had the attribute
            )
            metric = Metric(dataset=dataset, name=short, dims=dims, resumable=resumable, **facts)  # type: ignore[arg-type]  # checked next
            check_place(name, metric)
            lengths = {"architecture": n, "seed": seeds, "epoch": len(epochs[dataset]) if "epoch" in dims else 0}
            shape = tuple(lengths[dim] for dim in dims)
            if 0 in shape:
                raise self.wrong(path, f"has the axis {dims[shape.index(0)]!r}, along which the file has nothing")
            values = self.dataset(path, (np.float64, *TYPES), shape)
            divisor = None
            if values.dtype != np.float64:
                divisor = divisor_of(attributes.get(values, "scale_factor"))
                if divisor is None:
                    raise self.wrong(path, "attribute 'scale_factor' is 1, 0.1, ... or 1e-6")
            reasons: tuple[str, ...] | None = None
            if self.has(missing):
                self.dataset(missing, (np.uint8,), shape)
                reasons = self.texts(missing, "reasons")
            return StoredColumn(self, metric, shape, divisor, reasons)

    def part(self, path: str, selection: Any) -> npt.NDArray[Any]:
        """Numbers of an array that `dataset` has found to be sound."""
        if self._now() != self._stamp:
            raise FileError(f"{self.path} was written to while it was read; open it again")
        return cast("npt.NDArray[Any]", self.file[path][selection])

    def surrogate(self) -> SurrogateBenchmark:
        """The surrogate, with its fitted predictors."""
        from nasbench.benchmark.surrogate import Model, SurrogateBenchmark, Transform
        from nasbench.predictors import predictors
        from nasbench.predictors.encodings import FORMER_NAMES

        table, models = self.table().loaded(), {}
        for path in table.columns:
            group = f"/models/{path}"
            state = {name: self.array(f"{group}/{name}", None, None) for name in self.names(group)}
            arguments = self.json(group, "parameters")
            if "features" in arguments:
                names = str(arguments["features"]).split("/")
                arguments["features"] = "/".join(FORMER_NAMES.get(name, name) for name in names)
            predictor = specification.restore(predictors, self.text(group, "predictor"), arguments)
            epoch, transform = attributes.get(self.get(group), "epoch"), self.text(group, "transform")
            if transform not in get_args(Transform) or not isinstance(epoch, int | None):
                raise self.wrong(group, f"transform is one of {get_args(Transform)} and epoch an integer")
            models[path] = Model(
                predictor=predictor.restore(table.space, state),
                transform=cast(Transform, transform),
                epoch=epoch,
                quality=self.json(group, "quality"),
                held_out=self.array(
                    f"/held_out/{path}", (np.float64,), (int((table.columns[path].missing == 0).sum()),)
                ),
                noise=self._noise(path, log=transform == "log"),
            )
        return SurrogateBenchmark(table, models, name=self.path.name)

    def _noise(self, metric: str, log: bool) -> Noise | None:
        """How trainings differ in a metric, in logarithms or not; None where the file does not say."""
        from nasbench.benchmark.noise import Noise

        group = f"/noise/{metric}"
        if not self.has(group):
            return None
        noise = Noise(*(self.array(f"{group}/{part}", (np.float64,), (None,)) for part in Noise._fields))
        try:
            noise.check(log)
        except InputError as error:
            raise self.wrong(group, str(error)) from error
        return noise

    # --- parts, checked ---------------------------------------------------------------------------------------------

    def wrong(self, where: str, what: str) -> FileError:
        """The error for a broken rule."""
        return FileError(f"{self.path} is damaged: {where}: {what}; {REMEDY}")

    def get(self, path: str) -> Any:
        """A group or data set inside the file."""
        if path != self._last[0]:
            if path != "/" and not self.has(path):
                raise self.wrong(path, "is missing")
            self._last = path, self.file[path]
        return self._last[1]

    def has(self, path: str) -> bool:
        """Whether there is something under a path, itself and not a link to it."""
        try:
            link = self.file.id.links.get_info(path.encode())
        except (KeyError, RuntimeError):
            return False
        return bool(link.type == h5py.h5l.TYPE_HARD)

    def names(self, path: str) -> list[str]:
        """Names in a group."""
        return [name for name in self.below(path) if "/" not in name]

    def below(self, path: str) -> list[str]:
        """Names of all that is in a group and the groups inside it."""
        group = self.get(path)
        if not isinstance(group, h5py.Group):
            raise self.wrong(path, "is a group, got an array")
        found: list[bytes] = []
        group.id.links.visit(found.append)
        return sorted(name.decode() for name in found)

    def numbers(self, path: str) -> tuple[int, ...]:
        """Seeds or epochs; none where the file has none."""
        return tuple(self.array(path, (np.int64,), (None,)).tolist()) if self.has(path) else ()

    def array(self, path: str, dtypes: Dtypes, shape: tuple[int | None, ...] | None) -> npt.NDArray[Any]:
        """All numbers of an array, checked as by `dataset`."""
        return cast("npt.NDArray[Any]", self.dataset(path, dtypes, shape)[()])

    def dataset(self, path: str, dtypes: Dtypes, shape: tuple[int | None, ...] | None) -> Any:
        """An array in the file of one of some types and of a shape, None standing for any."""
        dataset = self.get(path)
        if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
            raise self.wrong(path, "is an array, got something else")
        if (dataset.dtype not in dtypes) if dtypes is not None else (dataset.dtype.kind not in "biuf"):
            wanted = " or ".join(str(np.dtype(dtype)) for dtype in dtypes or ()) or "numbers"
            raise self.wrong(path, f"holds {wanted}, got {dataset.dtype}")
        if shape is not None and (
            len(shape) != len(dataset.shape)
            or any(want not in (None, got) for want, got in zip(shape, dataset.shape, strict=True))
        ):
            wanted = str(shape).replace("None", "any")
            raise self.wrong(path, f"has shape {wanted}, got {dataset.shape}")
        if dataset.external or dataset.is_virtual:
            raise self.wrong(path, "lies in this file, got a reference to another")
        if path not in self._declared:
            self._declared.add(path)
            chunk = math.prod(dataset.chunks or (0,)) * dataset.dtype.itemsize
            declared = max(dataset.nbytes, chunk)
            self._budget -= declared
            if self._budget < 0:
                raise self.wrong(path, f"declares {declared:,} bytes, more than a file of this size can mean")
        return dataset

    def text(self, path: str, name: str) -> str:
        """An attribute that is text."""
        value = self.attribute(path, name)
        if not isinstance(value, str):
            raise self.wrong(path, f"attribute {name!r} is text, got {type(value).__name__}")
        return value

    def texts(self, path: str, name: str) -> tuple[str, ...]:
        """An attribute that is a list of texts."""
        value = self.attribute(path, name)
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise self.wrong(path, f"attribute {name!r} is a list of texts, got {type(value).__name__}")
        return tuple(value)

    def attribute(self, path: str, name: str) -> Any:
        """What an attribute holds; None if there is none."""
        try:
            return attributes.get(self.get(path), name)
        except ValueError as error:
            raise self.wrong(path, str(error)) from error

    def json(self, path: str, name: str) -> dict[str, Any]:
        """An attribute that is a JSON object."""
        try:
            value = json.loads(self.text(path, name))
        except (ValueError, RecursionError) as error:
            raise self.wrong(path, f"attribute {name!r} is a JSON object: {error}") from error
        if not isinstance(value, dict):
            raise self.wrong(path, f"attribute {name!r} is a JSON object, got {type(value).__name__}")
        return value


class StoredColumn(Column):
    """A column whose numbers lie in a file, and are tested whenever they are read.

    Args:
        reader: Of the file.
        metric: What the numbers are.
        shape: Of the numbers.
        divisor: As `packing.unpack` takes it.
        reasons: Why numbers are missing; None where none is.
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
        """All numbers, read anew each time."""
        return self._read(()).values

    @property
    def missing(self) -> npt.NDArray[np.uint8]:
        """All codes, read anew each time."""
        missing = self._missing(())
        return np.zeros(self._shape, dtype=np.uint8) if missing is None else missing

    def plane(self, at: int | None) -> Plane:
        """The numbers at one epoch, read without those of the others."""
        values, missing = self._read(() if at is None else (slice(None), slice(None), at))
        if missing is not None and not missing.any():
            missing = None
        return Plane(at_epoch(values, None), None if missing is None else at_epoch(missing, None))

    def measured(self, axis: int) -> BoolArray:
        """At which positions of an axis there is any number."""
        return np.ones(self._shape[axis], dtype=np.bool_) if self._complete else super().measured(axis)

    def _missing(self, selection: Any) -> npt.NDArray[np.uint8] | None:
        if self._complete:
            return None
        with sound(self._reader.path):
            codes: npt.NDArray[np.uint8] = self._reader.part(f"/missing/{self.metric.path}", selection)
            return codes

    def _read(self, selection: Any) -> Plane:
        missing = self._missing(selection)
        with sound(self._reader.path):
            values = unpack(self._reader.part(f"/metrics/{self.metric.path}", selection), self._divisor)
            found = np.broadcast_to(np.uint8(0), values.shape) if missing is None else missing
            check_numbers(self.metric.path, values, found, len(self.reasons))
        return Plane(values, missing)
