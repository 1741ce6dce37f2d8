"""Attributes of HDF5 objects: texts of fixed length and numbers, which lie where the checksums of HDF5 reach.

Texts of variable length lie in a heap without checksums, where one wrong byte can send the reading library into an
endless loop; they are neither written nor read.
"""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

from nasbench.errors import InputError

LARGEST = 2**26
"""Most bytes of an attribute."""


def put(thing: Any, name: str, value: Any) -> None:
    """Set an attribute of a group or data set: a number, a text, or a list of texts.

    Raises:
        InputError: A text holds the character NUL, which ends one of fixed length, or what is no character.
    """
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        thing.attrs[name] = value
        return
    try:
        encoded = [text.encode() for text in texts]
    except UnicodeEncodeError as error:
        raise InputError(f"attribute {name!r} cannot be stored: {error}") from error
    if any(b"\0" in text for text in encoded):
        raise InputError(f"attribute {name!r} cannot be stored: it holds the character NUL")
    length = max([1, *map(len, encoded)])
    stored = np.array(encoded[0] if isinstance(value, str) else encoded, dtype=f"S{length}")
    thing.attrs.create(name, stored, dtype=h5py.string_dtype("utf-8", length))


def get(thing: Any, name: str) -> Any:
    """The number, text, or list of either that an attribute holds; None if there is none of that name.

    Raises:
        ValueError: It holds something else, or far too much.
    """
    if not h5py.h5a.exists(thing.id, name.encode()):
        return None
    attribute = h5py.h5a.open(thing.id, name.encode())
    kind, size, shape = attribute.get_type(), attribute.get_storage_size(), attribute.shape
    fixed = kind.get_class() in (h5py.h5t.INTEGER, h5py.h5t.FLOAT)
    if not fixed and not (kind.get_class() == h5py.h5t.STRING and not kind.is_variable_str()):
        raise ValueError(f"attribute {name!r} is no number and no text of fixed length")
    if size > LARGEST or len(shape) > 1 or 0 in shape:
        raise ValueError(f"attribute {name!r} has {size:,} bytes of shape {shape}")
    stored = np.empty(shape, dtype=kind.dtype)
    attribute.read(stored, mtype=kind)  # of the type just asked for, which would else be asked for again
    found = stored.tolist()
    if stored.dtype.kind == "S":
        return found.decode() if isinstance(found, bytes) else [text.decode() for text in found]
    return found


def own(thing: Any, apart: frozenset[str]) -> dict[str, Any]:
    """All attributes of an object but for some."""
    return {name: get(thing, name) for name in thing.attrs if name not in apart}
