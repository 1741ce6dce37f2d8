"""Files of fitted predictors: named arrays in HDF5 and a description in JSON, without pickle.

`description` holds the UTF-8 bytes of the JSON text, `state` an array for each name (quoted as in a URL, as names may
hold a slash), and the attribute `sha256` the checksum of all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import h5py
import numpy as np
import numpy.typing as npt

from nasbench.errors import FileError, InputError, NasbenchError
from nasbench.hdf5_image import image_bytes, new_image, save_image
from nasbench.predictors.encodings import DEFAULT_VERSION, as_written
from nasbench.registry import arguments_of
from nasbench.spaces import spaces
from nasbench.specification import component_name, restore

if TYPE_CHECKING:
    from nasbench.predictors.base import Predictor

DESCRIPTION, STATE, CHECKSUM = "description", "state", "sha256"
FORMAT = "nasbench predictor 2"


def save(predictor: Predictor, path: Path) -> None:
    """Write a fitted predictor, whole or not at all.

    Raises:
        InputError: It is not fitted, an argument is no JSON value, or an array holds objects.
        FileError: The file cannot be written.
    """
    from nasbench.predictors import predictors

    state = predictor.state()
    space = predictor.space_
    described = {
        "format": FORMAT,
        "predictor": component_name(predictor, predictors),
        "arguments": predictor.get_params(),
        "default_features": DEFAULT_VERSION,
        "space": component_name(space, spaces),
        "space_settings": arguments_of(space),
    }
    try:
        text = json.dumps(described, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"{type(predictor).__name__} cannot be saved: {error}; use JSON values") from error
    objects = [name for name, array in state.items() if array.dtype.kind not in "biuf"]
    if objects:
        dtype = state[objects[0]].dtype
        raise InputError(
            f"{type(predictor).__name__} cannot be saved: state {objects[0]!r} is an array of {dtype}; use numbers"
        )
    with new_image() as file:
        file.create_dataset(DESCRIPTION, data=np.frombuffer(text.encode(), dtype=np.uint8))
        group = file.create_group(STATE)
        for name, array in state.items():
            group.create_dataset(quote(name, safe=" :@"), data=array)
        file.attrs[CHECKSUM] = np.bytes_(_checksum(text.encode(), state))
        image = image_bytes(file)
    save_image(image, path)


def load(path: Path) -> Predictor:
    """Read what `save` wrote; a predictor or space of one's own must be imported already, or be trusted.

    Raises:
        FileError: The file is absent, damaged or no such file, or names a module that is not trusted.
    """
    from nasbench.predictors import predictors

    try:
        path.open("rb").close()  # for the errors of the system, which HDF5 tells in its own words
        described, state = _read(path)
        if described["format"] != FORMAT:
            raise ValueError(f"format {described['format']!r}")
        space = restore(spaces, described["space"], described["space_settings"])
        arguments = described["arguments"]
        if "features" in arguments:
            arguments["features"] = as_written(arguments["features"], described.get("default_features", 1))
        predictor = restore(predictors, described["predictor"], arguments)
        return predictor.restore(space, state)
    except FileNotFoundError as error:
        raise FileError(f"there is no file {str(path)!r}; pass one that Predictor.save wrote") from error
    except FileError:
        raise
    except Exception as error:  # h5py, json and anybody's `_restore` raise what they like
        reason = error if isinstance(error, NasbenchError) else f"{type(error).__name__}: {error}"
        raise FileError(f"{path} is no saved predictor, or is damaged ({reason}); save it again") from error


def _read(path: Path) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """The description and the arrays, their checksum tested."""
    with h5py.File(path, "r") as file:
        if DESCRIPTION not in file or STATE not in file:
            raise ValueError(f"it has no {DESCRIPTION} and {STATE}")
        group = file[STATE]
        names = [name for name in group if isinstance(group.get(name, getlink=True), h5py.HardLink)]
        stored = {DESCRIPTION: file[DESCRIPTION], **{f"{STATE}/{name}": group[name] for name in names}}
        if sum(array.nbytes for array in stored.values()) > path.stat().st_size:
            raise ValueError("its arrays are larger than the file")
        text = stored.pop(DESCRIPTION)[()].tobytes()
        state = {unquote(name): np.asarray(group[name][()]) for name in names}
        if str(file.attrs[CHECKSUM], "ascii") != _checksum(text, state):
            raise ValueError("the checksum differs")
    return json.loads(text), state


def _checksum(text: bytes, state: Mapping[str, npt.NDArray[Any]]) -> str:
    """SHA-256 of the description and of the names, types, shapes and numbers of all arrays."""
    digest = hashlib.sha256(text)
    for name, array in sorted(state.items()):
        digest.update(f"{name}\n{array.dtype.str}\n{array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
