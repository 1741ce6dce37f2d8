"""The benchmark file: one self-describing HDF5 file, which is a netCDF-4 file too; `docs/format.md` is its schema."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import h5py
import numpy as np
import numpy.typing as npt

from nasbench.benchmark import parts
from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import DIMS, Column, Table
from nasbench.errors import FileError, InputError
from nasbench.files import atomic
from nasbench.spaces import spaces

if TYPE_CHECKING:
    from nasbench.benchmark.surrogate import SurrogateBenchmark

FORMAT = "nasbench"
SCHEMA_VERSION = 1
KeyArray = npt.NDArray[np.int64]
KINDS = ("tabular", "surrogate")
SIGNATURE = b"\x89HDF\r\n\x1a\n"
CHUNK = 2**19
"""Bytes of a compressed piece."""
SMALL, RATIO = 2**30, 100
"""A file may hold this many bytes of numbers, or this many times its own size; more is taken for an attack."""
OWN = frozenset({"CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST", "DIMENSION_LABELS", "sha256"})
"""Attributes that HDF5 keeps for dimension scales, and the checksum itself: no part of a checksum."""
REMEDY = "copy the file again or make it anew"


# --- writing --------------------------------------------------------------------------------------------------------


def write(table: Table, path: Path) -> None:
    """Write a table as a tabular benchmark, whole or not at all; equal tables give equal bytes.

    Raises:
        FileError: The file cannot be written.
        InputError: The recipe, the provenance or the space's settings are not JSON values.
    """
    with _image() as file:
        _write_table(file, table, "tabular")
        _seal(file)
        image = _bytes(file)
    _save(image, path)


def write_surrogate(surrogate: SurrogateBenchmark, path: Path) -> None:
    """Write a surrogate benchmark: what it was fitted on as a table, and each fitted model as arrays; as `write`."""
    from nasbench.predictors import predictors  # imports scipy, which a table does not need

    with _image() as file:
        _write_table(file, surrogate.table, "surrogate")
        for name, model in sorted(surrogate.models.items()):
            group = file.create_group(f"models/{name}")
            group.attrs["predictor"] = parts.specification(model.predictor, predictors)
            group.attrs["parameters"] = _json(model.predictor.parameters(), f"parameters of the predictor of {name!r}")
            group.attrs["transform"] = model.transform
            group.attrs["quality"] = _json(dict(model.quality), f"quality of {name!r}")
            if model.epoch is not None:
                group.attrs["epoch"] = model.epoch
            _array(file, f"held_out/{name}", model.held_out)
            for part, array in sorted(model.predictor.state().items()):
                if array.dtype.kind not in "biuf":
                    raise InputError(f"state {part!r} of {name!r} is an array of numbers, got {array.dtype}")
                _array(group, part, array)
        _seal(file)
        image = _bytes(file)
    _save(image, path)


def _image() -> Any:
    """An HDF5 file in memory: the disk sees one plain write, whose errors are plain too.

    The layout of HDF5 1.10 has checksums in its metadata; in older ones a flipped byte can crash the reading library.
    """
    return h5py.File("image", "w", driver="core", backing_store=False, libver=("v110", "v110"))


def _bytes(file: Any) -> bytes:
    file.flush()
    return cast(bytes, file.id.get_file_image())


def _save(image: bytes, path: Path) -> None:
    with atomic(path) as temporary:
        temporary.write_bytes(image)


def _write_table(file: Any, table: Table, kind: str) -> None:
    file.attrs["format"] = FORMAT
    file.attrs["schema_version"] = SCHEMA_VERSION
    file.attrs["kind"] = kind
    file.attrs["space"] = parts.specification(table.space, spaces)
    file.attrs["space_settings"] = _json(parts.settings(table.space), "the settings of the space")
    file.attrs["recipe"] = _json(dict(table.recipe), "the recipe")
    file.attrs["provenance"] = _json(dict(table.provenance), "the provenance")

    scales = {"architecture": _scale(file, "architecture", table.space.key(table.genotypes), "key of the space")}
    positions = np.arange(table.genotypes.shape[1])
    scales["position"] = _scale(file, "position", positions, "position in a genotype")
    if table.seeds:
        scales["seed"] = _scale(file, "seed", np.array(table.seeds), "training seed")
    genotypes = _array(file, "genotypes", table.genotypes)
    _attach(genotypes, ("architecture", "position"), scales)
    metrics, missing = file.create_group("metrics"), file.create_group("missing")
    for dataset, epochs in sorted(table.epochs.items()):
        if epochs:
            group = metrics.require_group(dataset) if dataset else metrics
            scales[f"epoch/{dataset}"] = _scale(group, "epoch", np.array(epochs), "finished epochs of training")
    for path, column in sorted(table.columns.items()):
        metric = column.metric
        here = {**scales, "epoch": scales.get(f"epoch/{metric.dataset}")}
        values = _array(metrics, path, column.values)
        for name in ("units", "direction", "split", "description"):
            values.attrs[name] = getattr(metric, name)
        values.attrs["dims"] = list(metric.dims)
        _attach(values, metric.dims, here)
        if column.missing.any():
            codes = _array(missing, path, column.missing)
            codes.attrs["reasons"] = list(column.reasons)
            if "epoch" in metric.dims:  # netCDF looks for a dimension in a variable's own group and those around it
                if "epoch" not in codes.parent:
                    _scale(codes.parent, "epoch", here["epoch"][()], "finished epochs of training")
                here["epoch"] = codes.parent["epoch"]
            _attach(codes, metric.dims, here)


def _array(group: Any, name: str, values: npt.NDArray[Any]) -> Any:
    options: dict[str, Any] = {}
    if values.ndim and values.size:
        rows = max(1, CHUNK // (values.nbytes // len(values) or 1))
        options = {"chunks": (min(rows, len(values)), *values.shape[1:]), "compression": "gzip", "shuffle": True}
    return group.create_dataset(name, data=values, track_times=False, **options)


def _scale(group: Any, name: str, values: npt.NDArray[np.int64], description: str) -> Any:
    scale = _array(group, name, values)
    scale.make_scale(name)
    scale.attrs["description"] = description
    return scale


def _attach(dataset: Any, dims: tuple[str, ...], scales: Mapping[str, Any]) -> None:
    for axis, dim in enumerate(dims):
        dataset.dims[axis].attach_scale(scales[dim])


def _json(content: Any, what: str) -> str:
    try:
        return json.dumps(content, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} cannot be stored: {error}; use JSON values") from error


# --- checksums ------------------------------------------------------------------------------------------------------


def _seal(file: Any) -> None:
    """Add the checksums: one to each data set, and one over these and all groups to the root."""
    for _, found in objects(file):
        if isinstance(found, h5py.Dataset):
            found.attrs["sha256"] = digest(found)
    file.attrs["sha256"] = root_digest(file)


def digest(dataset: Any) -> str:
    """SHA-256 of a data set's path, type, shape, attributes and numbers, as hexadecimal digits."""
    values = np.asarray(dataset[()])
    values = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"), copy=False))
    head = {"path": dataset.name, "dtype": values.dtype.str, "shape": list(dataset.shape), "attributes": _own(dataset)}
    return hashlib.sha256(_canonical(head) + b"\n" + values.tobytes()).hexdigest()


def root_digest(file: Any) -> str:
    """SHA-256 of the attributes of all groups, and of the checksums of all data sets, by path."""
    groups, datasets = {"/": _own(file)}, {}
    for name, found in objects(file):
        if isinstance(found, h5py.Dataset):
            datasets[name] = _plain(found.attrs.get("sha256"))
        else:
            groups[name] = _own(found)
    return hashlib.sha256(_canonical({"groups": groups, "datasets": datasets})).hexdigest()


def objects(file: Any) -> list[tuple[str, Any]]:
    """All groups and data sets under their full paths, in order; links that lead out of the file are not followed."""
    found: list[tuple[str, Any]] = []
    file.visititems(lambda name, thing: found.append((f"/{name}", thing)))
    return sorted(found, key=lambda pair: pair[0])


def _own(thing: Any) -> dict[str, Any]:
    return {name: _plain(value) for name, value in thing.attrs.items() if name not in OWN}


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _canonical(content: Any) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


# --- reading --------------------------------------------------------------------------------------------------------


def read(path: Path) -> Table:
    """Read the table of a tabular benchmark.

    Raises:
        FileError: The file is missing, or is not a whole, sound tabular benchmark.
    """
    with opened(path) as file:
        kind = file.kind()
        if kind != "tabular":
            raise FileError(f"{path} is a {kind} benchmark; pass the tabular one that it was fitted on")
        return file.table()


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
    path = Path(path)
    if path.is_fifo():
        raise FileError(f"{path} is a pipe, which is read only once from start to end; pass a benchmark file")
    try:
        with path.open("rb") as raw:
            signature, size = raw.read(len(SIGNATURE)), path.stat().st_size
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}; pass a benchmark file") from error
    if signature != SIGNATURE:
        raise FileError(f"{path} is not an HDF5 file; pass what nasbench build, import or surrogate wrote")
    try:
        with h5py.File(path, "r", locking=False) as file:
            yield Reader(path, file, max(SMALL, RATIO * size))
    except FileError:
        raise
    except InputError as error:
        raise FileError(f"{path} is damaged: {error}; {REMEDY}") from error
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, ArithmeticError, MemoryError) as error:
        # h5py lets the errors of the C library through, as whatever Python exception it took them for
        raise FileError(f"{path} is damaged: {' '.join(str(error).split())}; {REMEDY}") from error


class Reader:
    """Reads parts of an open file, each only after its type, shape and size were found to be what they should be.

    Args:
        path: Name of the file, for messages.
        file: The open file.
        budget: Most bytes of numbers that may be read.
    """

    def __init__(self, path: Path, file: Any, budget: int) -> None:
        self.path, self.file, self.budget = path, file, budget

    def kind(self) -> str:
        """`"tabular"` or `"surrogate"`.

        Raises:
            FileError: The file is not of this format or version.
        """
        if not np.array_equal(self.file.attrs.get("format"), FORMAT):
            raise FileError(f"{self.path} is not a nasbench benchmark; pass what nasbench build or surrogate wrote")
        version = self.file.attrs.get("schema_version")
        if not np.array_equal(version, SCHEMA_VERSION):
            raise FileError(
                f"{self.path} has schema version {version}, this nasbench reads {SCHEMA_VERSION}; "
                "use the nasbench that wrote it, or a newer one"
            )
        kind = self.text("/", "kind")
        if kind not in KINDS:
            raise self.wrong("/", f"attribute 'kind' is one of {', '.join(KINDS)}; got {kind!r}")
        return kind

    def table(self) -> Table:
        """The table; its invariants are checked as it is made."""
        space = parts.restore(spaces, self.text("/", "space"), self.json("/", "space_settings"))
        d = len(space.choices)
        genotypes = self.array("/genotypes", np.int8, (None, d))
        seeds = self.numbers("/seed")
        epochs, columns = {}, {}
        for path in self.names("/metrics"):
            if isinstance(self.get(f"/metrics/{path}"), h5py.Group):
                epochs[path] = self.numbers(f"/metrics/{path}/epoch")
                for name in self.names(f"/metrics/{path}"):
                    columns[f"{path}/{name}"] = self.column(path, name, genotypes, seeds, epochs[path])
            else:
                epochs[""] = self.numbers("/metrics/epoch")
                columns[path] = self.column("", path, genotypes, seeds, epochs[""])
        return Table(
            space=space,
            genotypes=genotypes,
            seeds=seeds,
            epochs={dataset: numbers for dataset, numbers in epochs.items() if numbers},
            columns=columns,
            recipe=self.json("/", "recipe"),
            provenance=self.json("/", "provenance"),
        )

    def column(
        self, dataset: str, name: str, genotypes: npt.NDArray[np.int8], seeds: tuple[int, ...], epochs: tuple[int, ...]
    ) -> Column:
        """One metric."""
        short = f"{dataset}/{name}" if dataset else name
        path, missing = f"/metrics/{short}", f"/missing/{short}"
        dims = self.texts(path, "dims")
        if dims not in [DIMS[:k] for k in range(1, len(DIMS) + 1)]:
            raise self.wrong(path, f"attribute 'dims' is a leading part of {DIMS}; got {dims}")
        shape = (len(genotypes), len(seeds), len(epochs))[: len(dims)]
        facts = {key: self.text(path, key) for key in ("split", "units", "direction", "description")}
        metric = Metric(dataset=dataset, name=name, dims=dims, **facts)  # type: ignore[arg-type]  # Table checks them
        values = self.array(path, np.float64, shape)
        if missing not in self.file:
            return Column(metric, values, np.zeros(shape, dtype=np.uint8))
        return Column(metric, values, self.array(missing, np.uint8, shape), self.texts(missing, "reasons"))

    def surrogate(self) -> SurrogateBenchmark:
        """The surrogate, with its fitted predictors."""
        from nasbench.benchmark.surrogate import Model, SurrogateBenchmark, Transform
        from nasbench.predictors import predictors

        table, models = self.table(), {}
        for path in table.columns:
            group = f"/models/{path}"
            state = {name: self.array(f"{group}/{name}", None, None) for name in self.names(group)}
            predictor = parts.restore(predictors, self.text(group, "predictor"), self.json(group, "parameters"))
            epoch, transform = self.get(group).attrs.get("epoch"), self.text(group, "transform")
            if transform not in get_args(Transform) or not isinstance(epoch, np.integer | None):
                raise self.wrong(group, f"transform is one of {get_args(Transform)} and epoch an integer")
            models[path] = Model(
                predictor=predictor.restore(table.space, state),
                transform=cast(Transform, transform),
                epoch=None if epoch is None else int(epoch),
                quality=self.json(group, "quality"),
                held_out=self.array(f"/held_out/{path}", np.float64, (int((table.columns[path].missing == 0).sum()),)),
            )
        return SurrogateBenchmark(table, models, name=self.path.name)

    # --- parts, checked ---------------------------------------------------------------------------------------------

    def wrong(self, where: str, what: str) -> FileError:
        """The error for a broken rule."""
        return FileError(f"{self.path} is damaged: {where}: {what}; {REMEDY}")

    def get(self, path: str) -> Any:
        """A group or data set inside the file."""
        if path != "/" and not isinstance(self.file.get(path, getlink=True), h5py.HardLink):
            raise self.wrong(path, "is missing")
        return self.file[path]

    def names(self, path: str) -> list[str]:
        """Names in a group, without that of the epochs."""
        group = self.get(path)
        if not isinstance(group, h5py.Group):
            raise self.wrong(path, "is a group, got an array")
        return sorted(name for name in group if name != "epoch")

    def numbers(self, path: str) -> tuple[int, ...]:
        """Seeds or epochs; none where the file has none."""
        return tuple(self.array(path, np.int64, (None,)).tolist()) if path in self.file else ()

    def array(self, path: str, dtype: Any, shape: tuple[int | None, ...] | None) -> npt.NDArray[Any]:
        """Numbers of an expected type and shape, None standing for any."""
        dataset = self.get(path)
        if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
            raise self.wrong(path, "is an array, got something else")
        if (dataset.dtype != dtype) if dtype is not None else (dataset.dtype.kind not in "biuf"):
            raise self.wrong(path, f"holds {'numbers' if dtype is None else np.dtype(dtype)}, got {dataset.dtype}")
        if shape is not None and (
            len(shape) != len(dataset.shape)
            or any(want not in (None, got) for want, got in zip(shape, dataset.shape, strict=True))
        ):
            wanted = str(shape).replace("None", "any")
            raise self.wrong(path, f"has shape {wanted}, got {dataset.shape}")
        if dataset.external or dataset.is_virtual:
            raise self.wrong(path, "lies in this file, got a reference to another")
        chunk = math.prod(dataset.chunks or (0,)) * dataset.dtype.itemsize
        declared = max(dataset.nbytes, chunk)
        self.budget -= declared
        if self.budget < 0:
            raise self.wrong(path, f"declares {declared:,} bytes, more than a file of this size can mean")
        return cast("npt.NDArray[Any]", dataset[()])

    def text(self, path: str, name: str) -> str:
        """An attribute that is text."""
        value = self.get(path).attrs.get(name)
        if not isinstance(value, str):
            raise self.wrong(path, f"attribute {name!r} is text, got {type(value).__name__}")
        return value

    def texts(self, path: str, name: str) -> tuple[str, ...]:
        """An attribute that is a list of texts."""
        value = self.get(path).attrs.get(name)
        found = value.tolist() if isinstance(value, np.ndarray) and value.ndim == 1 else None
        if found is None or not all(isinstance(text, str) for text in found):
            raise self.wrong(path, f"attribute {name!r} is a list of texts, got {type(value).__name__}")
        return tuple(found)

    def json(self, path: str, name: str) -> dict[str, Any]:
        """An attribute that is a JSON object."""
        try:
            value = json.loads(self.text(path, name))
        except (ValueError, RecursionError) as error:
            raise self.wrong(path, f"attribute {name!r} is a JSON object: {error}") from error
        if not isinstance(value, dict):
            raise self.wrong(path, f"attribute {name!r} is a JSON object, got {type(value).__name__}")
        return value
