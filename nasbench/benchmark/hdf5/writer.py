"""Writing a benchmark: one self-describing HDF5 file, also valid netCDF-4; `docs/format.md` is its schema."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import numpy.typing as npt

from nasbench.benchmark.hdf5 import attributes
from nasbench.benchmark.hdf5.packing import CHUNK_BYTES, chunk_shape, pack
from nasbench.benchmark.hdf5.reader import FORMAT, SCHEMA_VERSION
from nasbench.benchmark.hdf5.walk import objects
from nasbench.benchmark.table import Table
from nasbench.errors import InputError
from nasbench.hdf5_image import image_bytes, new_image, save_image
from nasbench.registry import arguments_of
from nasbench.spaces import spaces
from nasbench.specification import component_name

if TYPE_CHECKING:
    from nasbench.benchmark.surrogate import SurrogateBenchmark

MAX_COMPACT_ATTRIBUTES = 32
"""Most attributes stored in the header of an array, where they are read at once."""
UNSIGNED_ATTRIBUTES = frozenset({"CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST", "DIMENSION_LABELS", "sha256"})
"""Attributes outside the checksums: those that HDF5 maintains for dimension scales, and the checksum itself."""


# --- writing --------------------------------------------------------------------------------------------------------


def write(table: Table, path: Path) -> None:
    """Write a table as a tabular benchmark, completely or not at all; equal tables give equal bytes.

    Raises:
        FileError: The file cannot be written.
        InputError: The recipe, the provenance or the space's settings are not JSON values.
    """
    with new_image() as file:
        _write_table(file, table, "tabular")
        _seal(file)
        image = image_bytes(file)
    save_image(image, path)


def write_surrogate(surrogate: SurrogateBenchmark, path: Path) -> None:
    """Write a surrogate benchmark: its targets as a table, its models as arrays; see `write`."""
    from nasbench.predictors import predictors  # loads scipy, which a table does not need
    from nasbench.predictors.encodings import DEFAULT_VERSION

    with new_image() as file:
        _write_table(file, surrogate.table, "surrogate")
        for name, model in sorted(surrogate.models.items()):
            group = file.create_group(f"models/{name}")
            attributes.put(group, "predictor", component_name(model.predictor, predictors))
            attributes.put(
                group, "parameters", _json(model.predictor.get_params(), f"parameters of the predictor of {name!r}")
            )
            attributes.put(group, "default_features", DEFAULT_VERSION)
            attributes.put(group, "transform", model.transform)
            attributes.put(group, "quality", _json(dict(model.quality), f"quality of {name!r}"))
            if model.epoch is not None:
                attributes.put(group, "epoch", model.epoch)
            _array(file, f"held_out/{name}", model.held_out)
            if model.noise is not None:
                for field, numbers in model.noise._asdict().items():
                    _array(file, f"noise/{name}/{field}", numbers)
            for field, array in sorted(model.predictor.state().items()):
                if array.dtype.kind not in "biuf":
                    raise InputError(f"state {field!r} of {name!r} is an array of numbers, got {array.dtype}")
                _array(group, field, array)
        _seal(file)
        image = image_bytes(file)
    save_image(image, path)


def _write_table(file: Any, table: Table, kind: str) -> None:
    attributes.put(file, "format", FORMAT)
    attributes.put(file, "schema_version", SCHEMA_VERSION)
    attributes.put(file, "kind", kind)
    attributes.put(file, "space", component_name(table.space, spaces))
    attributes.put(file, "space_settings", _json(arguments_of(table.space), "the settings of the space"))
    attributes.put(file, "recipe", _json(dict(table.recipe), "the recipe"))
    attributes.put(file, "provenance", _json(dict(table.provenance), "the provenance"))

    scales = {"architecture": _scale(file, "architecture", table.space.key(table.genotypes), "key of the space")}
    positions = np.arange(table.genotypes.shape[1])
    scales["position"] = _scale(file, "position", positions, "position in a genotype")
    if table.seeds:
        scales["seed"] = _scale(file, "seed", np.array(table.seeds), "training seed")
    small = table.genotypes.nbytes <= CHUNK_BYTES  # uncompressed, as every opening of the file reads them
    genotypes = _array(file, "genotypes", table.genotypes, plain=small)
    _attach(genotypes, ("architecture", "position"), scales)
    metrics, missing = file.create_group("metrics"), file.create_group("missing")
    for dataset, epochs in sorted(table.epochs.items()):
        if epochs:
            group = metrics.require_group(dataset) if dataset else metrics
            scales[f"epoch/{dataset}"] = _scale(group, "epoch", np.array(epochs), "finished epochs of training")
    for path, column in sorted(table.columns.items()):
        metric = column.metric
        axes = {**scales, "epoch": scales.get(f"epoch/{metric.dataset}")}
        numbers, missing_codes = column.values, column.missing  # one reading each if they lie in a file
        packed = pack(numbers, missing_codes != 0)
        values = _array(metrics, path, packed.array)
        for name in ("units", "direction", "split", "description"):
            attributes.put(values, name, getattr(metric, name))
        attributes.put(values, "resumable", int(metric.resumable))
        for name, value in packed.attributes.items():
            attributes.put(values, name, value)
        attributes.put(values, "dims", metric.dims)
        _attach(values, metric.dims, axes)
        if missing_codes.any():
            codes = _array(missing, path, missing_codes)
            attributes.put(codes, "reasons", column.reasons)
            if "epoch" in metric.dims:  # netCDF looks for a dimension in a variable's group and the groups above it
                if "epoch" not in codes.parent:
                    _scale(codes.parent, "epoch", axes["epoch"][()], "finished epochs of training")
                axes["epoch"] = codes.parent["epoch"]
            _attach(codes, metric.dims, axes)


def _array(group: Any, name: str, values: npt.NDArray[Any], plain: bool = False) -> Any:
    options: dict[str, Any] = {}
    if values.ndim and values.size and not plain:
        options = {"chunks": chunk_shape(values.shape, values.itemsize), "compression": "gzip", "shuffle": True}
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_attr_phase_change(MAX_COMPACT_ATTRIBUTES, 0)
    return group.create_dataset(name, data=values, track_times=False, dcpl=creation, **options)


def _scale(group: Any, name: str, values: npt.NDArray[np.int64], description: str) -> Any:
    scale = _array(group, name, values)
    scale.make_scale(name)
    attributes.put(scale, "description", description)
    return scale


def _attach(dataset: Any, dims: tuple[str, ...], scales: Mapping[str, Any]) -> None:
    for axis, dim in enumerate(dims):
        dataset.dims[axis].attach_scale(scales[dim])


def _json(content: Any, name: str) -> str:
    try:
        return json.dumps(content, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} cannot be stored: {error}; use JSON values") from error


# --- checksums ------------------------------------------------------------------------------------------------------


def _seal(file: Any) -> None:
    """Add a checksum to each data set, and to the root one over these checksums and all groups."""
    for _, item in objects(file):
        if isinstance(item, h5py.Dataset):
            attributes.put(item, "sha256", digest(item))
    attributes.put(file, "sha256", root_digest(file))


def digest(dataset: Any) -> str:
    """SHA-256 of the path, type, shape, attributes and numbers of a data set, as hexadecimal digits."""
    values = np.asarray(dataset[()])
    values = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"), copy=False))
    described = {"attributes": attributes.get_all(dataset, UNSIGNED_ATTRIBUTES), "shape": list(dataset.shape)}
    head = {"path": dataset.name, "dtype": values.dtype.str, **described}
    result = hashlib.sha256(_canonical(head) + b"\n")
    result.update(values.data)
    return result.hexdigest()


def root_digest(file: Any) -> str:
    """SHA-256 of the attributes of all groups and the checksums of all data sets, by path."""
    groups, datasets = {"/": attributes.get_all(file, UNSIGNED_ATTRIBUTES)}, {}
    for name, item in objects(file):
        if isinstance(item, h5py.Dataset):
            datasets[name] = attributes.get(item, "sha256")
        else:
            groups[name] = attributes.get_all(item, UNSIGNED_ATTRIBUTES)
    return hashlib.sha256(_canonical({"groups": groups, "datasets": datasets})).hexdigest()


def _canonical(content: Any) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
