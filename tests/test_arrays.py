"""Read-only views, and the arrays that modules and classes hold for everybody."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import nasbench
from nasbench.arrays import read_only


def test_a_view_follows_its_array_and_cannot_be_written_to() -> None:
    array = np.arange(3)
    view = read_only(array)
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 7
    array[0] = 5
    assert view.tolist() == [5, 1, 2] and array.flags.writeable
    assert view.copy().flags.writeable


def arrays_in(value: Any) -> Iterator[np.ndarray[Any, Any]]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple | list | set):
        for part in value:
            yield from arrays_in(part)
    elif isinstance(value, Mapping):
        yield from arrays_in(list(value.values()))


def owners(module: ModuleType) -> Iterator[Any]:
    """The module and its classes."""
    yield module
    yield from (
        value for value in vars(module).values() if inspect.isclass(value) and value.__module__ == module.__name__
    )


def test_arrays_of_modules_and_classes_are_read_only() -> None:
    writable, seen = [], 0
    for info in pkgutil.walk_packages(nasbench.__path__, "nasbench."):
        if info.name.endswith("__main__"):
            continue
        for owner in owners(importlib.import_module(info.name)):
            for name, value in vars(owner).items():
                for array in arrays_in(value):
                    seen += 1
                    if array.flags.writeable:
                        writable.append(f"{info.name}: {name} of {getattr(owner, '__name__', owner)}")
    assert not writable
    assert seen
