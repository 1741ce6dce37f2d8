"""Untrusted JSON: strict objects without duplicate names, checked numbers, and errors of one line."""

from __future__ import annotations

from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np

from nasbench.errors import FileError
from nasbench.files import strict_json
from nasbench.importers.base import regular
from nasbench.importers.formats.unpack import unpacked
from nasbench.printable import brief
from nasbench.types import FloatArray


def read_json(path: Path) -> Any:
    """The value in a file, compressed or not.

    Raises:
        FileError: The file does not exist, is not JSON, or has an object with duplicate names.
    """
    return parse_json(unpacked(regular(path)), str(path))


def parse_json(content: bytes, place: str) -> Any:
    """The value in some bytes; `place` names their origin in messages.

    Raises:
        FileError: The bytes are not JSON, or have an object with duplicate names.
    """
    try:
        return strict_json(content)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{place} cannot be read as json: {' '.join(str(error).split())[:200]}") from error


def finite(values: list[Any], what: str) -> FloatArray:
    """Values from JSON or a pickle as numbers `(n,)`, NaN where null or not finite.

    Raises:
        FileError: A value is not a number; `what` names it.
    """
    for value in values:
        if type(value) not in (int, float, NoneType) or (type(value) is int and abs(value) > 2**63):
            raise FileError(f"{what}: {brief(value)} is not a number")
    array = np.array(values, dtype=np.float64)  # null becomes NaN
    return np.where(np.isfinite(array), array, np.nan)
