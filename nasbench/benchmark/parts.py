"""Spaces and predictors as a file names them: a registered name, or module:Class, with constructor arguments."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Mapping
from typing import Any, TypeVar

from nasbench.errors import FileError, InputError
from nasbench.registry import Registry

T = TypeVar("T")

TRUST = "NASBENCH_TRUST"
"""Environment variable: comma-separated modules that a file may cause to be imported."""


def specification(part: T, registry: Registry[T]) -> str:
    """Name of the class of `part`: its name in the registry, or else `module:Class`."""
    target = f"{type(part).__module__}:{type(part).__qualname__}"
    return next((name for name, entry in registry.entries.items() if entry == target), target)


def settings(part: object) -> dict[str, Any]:
    """Constructor arguments of `part` by name.

    Raises:
        InputError: It does not store them under their names.
    """
    names = inspect.signature(type(part)).parameters
    absent = [name for name in names if not hasattr(part, name)]
    if absent:
        raise InputError(f"{type(part).__name__} does not keep its argument {absent[0]!r} as an attribute; store it")
    return {name: getattr(part, name) for name in names}


def restore(registry: Registry[T], spec: str, arguments: Mapping[str, Any]) -> T:
    """Construct the part that a file names.

    A file is data: it does not get a module imported that was not imported already or is not named in `NASBENCH_TRUST`.

    Raises:
        FileError: The module is not trusted.
        InputError: The name is unknown or refuses the arguments.
    """
    module = spec.partition(":")[0]
    if ":" in spec and module not in sys.modules and module not in os.environ.get(TRUST, "").split(","):
        raise FileError(
            f"the {registry.kind} {spec!r} lies outside nasbench, and a file does not get code run by itself; "
            f"if you trust the module {module!r}, import it first or set {TRUST}={module}"
        )
    cls, preset = registry.resolve(spec)
    try:
        return cls(**{**preset, **arguments})
    except TypeError as error:
        raise InputError(f"{registry.kind} {spec!r}: {error}") from error
