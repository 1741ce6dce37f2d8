"""Attributes of HDF5 objects: numbers and strings of fixed length, which the checksums of HDF5 cover.

Strings of variable length lie in a heap without checksums, where one wrong byte can send the HDF5 library into an
endless loop; they are neither written nor read.
"""

from __future__ import annotations

import math
from typing import Any

import h5py
import numpy as np

from nasbench.errors import InputError
from nasbench.printable import brief

MAX_ATTRIBUTE_BYTES = 2**26
"""Largest attribute that is read."""
MAX_VALUES = 2**16
"""Most numbers or texts in an attribute that is read."""


def put(parent: Any, name: str, value: Any) -> None:
    """Set an attribute of a group or data set: a number, a string, or a list of strings.

    Raises:
        InputError: A string holds the character NUL, which would end it, or invalid Unicode.
    """
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        parent.attrs[name] = value
        return
    try:
        encoded = [text.encode() for text in texts]
    except UnicodeEncodeError as error:
        raise InputError(f"attribute {name!r} cannot be stored: {error}") from error
    if any(b"\0" in text for text in encoded):
        raise InputError(f"attribute {name!r} cannot be stored: it holds the character NUL")
    length = max([1, *map(len, encoded)])
    stored = np.array(encoded[0] if isinstance(value, str) else encoded, dtype=f"S{length}")
    parent.attrs.create(name, stored, dtype=h5py.string_dtype("utf-8", length))


def get(parent: Any, name: str) -> Any:
    """The number, string, or list of either in an attribute; None if there is no attribute of that name.

    Raises:
        ValueError: The attribute holds something else, or is too large.
    """
    if not h5py.h5a.exists(parent.id, name.encode()):
        return None
    attribute = h5py.h5a.open(parent.id, name.encode())
    kind, size, shape = attribute.get_type(), attribute.get_storage_size(), attribute.shape
    fixed = kind.get_class() in (h5py.h5t.INTEGER, h5py.h5t.FLOAT)
    if not fixed and not (kind.get_class() == h5py.h5t.STRING and not kind.is_variable_str()):
        raise ValueError(f"attribute {brief(name)} is no number and no text of fixed length")
    if size > MAX_ATTRIBUTE_BYTES or len(shape) > 1 or not 0 < math.prod(shape) <= MAX_VALUES:
        raise ValueError(f"attribute {brief(name)} has {size:,} bytes of shape {shape}")
    stored = np.empty(shape, dtype=kind.dtype)
    attribute.read(stored, mtype=kind)  # the known type saves a second look-up
    value = stored.tolist()
    if stored.dtype.kind == "S":
        return value.decode() if isinstance(value, bytes) else [text.decode() for text in value]
    return value


def get_all(parent: Any, exclude: frozenset[str]) -> dict[str, Any]:
    """All attributes of an object except some."""
    return {name: get(parent, name) for name in parent.attrs if name not in exclude}
