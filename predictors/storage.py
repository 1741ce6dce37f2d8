"""Files of fitted predictors: named arrays in numpy's zip format and a description in JSON, without pickle."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.errors import FileError, InputError, NasbenchError
from nasbench.files import atomic
from nasbench.predictors.encodings import DEFAULT_VERSION, as_written
from nasbench.registry import arguments_of
from nasbench.spaces import spaces
from nasbench.specification import component_name, restore

if TYPE_CHECKING:
    from nasbench.predictors.base import Predictor

DESCRIPTION = "description"
FORMAT = "nasbench predictor 1"


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
    arrays: dict[str, Any] = {f"state/{name}": np.asarray(array) for name, array in state.items()}
    objects = [name for name, array in arrays.items() if array.dtype.hasobject]
    if objects:
        raise InputError(f"{type(predictor).__name__} cannot be saved: {objects[0]} holds objects; use numbers")
    arrays[DESCRIPTION] = np.frombuffer(text.encode(), dtype=np.uint8)
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def load(path: Path) -> Predictor:
    """Read what `save` wrote; a predictor or space of one's own must be imported already, or be trusted.

    Raises:
        FileError: The file is absent, damaged or no such file, or names a module that is not trusted.
    """
    from nasbench.predictors import predictors

    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # numpy notices only where it reads to the end
            if damaged:
                raise zipfile.BadZipFile(f"the checksum of {damaged} differs")
        with np.load(path, allow_pickle=False) as file:
            arrays: dict[str, Any] = {name: file[name] for name in file.files}
        described = json.loads(arrays.pop(DESCRIPTION).tobytes())
        if described["format"] != FORMAT:
            raise ValueError(f"format {described['format']!r}")
        space = restore(spaces, described["space"], described["space_settings"])
        arguments = described["arguments"]
        if "features" in arguments:
            arguments["features"] = as_written(arguments["features"], described.get("default_features", 1))
        predictor = restore(predictors, described["predictor"], arguments)
        return predictor.restore(space, {name.removeprefix("state/"): array for name, array in arrays.items()})
    except FileNotFoundError as error:
        raise FileError(f"there is no file {str(path)!r}; pass one that Predictor.save wrote") from error
    except FileError:
        raise
    except Exception as error:  # zipfile, numpy and anybody's `_restore` raise what they like
        reason = error if isinstance(error, NasbenchError) else f"{type(error).__name__}: {error}"
        raise FileError(f"{path} is no saved predictor, or is damaged ({reason}); save it again") from error
