"""Spaces and predictors as a file names them: a registered name, or module:Class, with constructor arguments."""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Mapping
from typing import Any, TypeVar

from nasbench.errors import FileError, InputError
from nasbench.registry import Registry

T = TypeVar("T")

TRUST = "NASBENCH_TRUSTED_MODULES"
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


def name_of(component: str | type[T] | T, registry: Registry[T]) -> str:
    """Specification of a component given as a name, a class or an instance, with the arguments that are no defaults."""
    if isinstance(component, str):
        return component
    cls = component if isinstance(component, type) else type(component)
    target = f"{cls.__module__}:{cls.__qualname__}"
    name = next((known for known, entry in registry.entries.items() if entry == target), target)
    if isinstance(component, type):
        return name
    defaults = {key: parameter.default for key, parameter in inspect.signature(cls).parameters.items()}
    given = {key: value for key, value in settings(component).items() if value != defaults[key]}
    return "+".join([name, *(f"{key}={json.dumps(value, default=repr)}" for key, value in given.items())])


def interactive(*components: object) -> bool:
    """Whether the class of a component was typed into a session or notebook, where other processes cannot import it."""
    classes = [component if isinstance(component, type) else type(component) for component in components]
    modules = [sys.modules.get(cls.__module__) for cls in classes if cls.__module__ == "__main__"]
    return any(getattr(module, "__file__", None) is None for module in modules)


def restore(registry: Registry[T], spec: str, arguments: Mapping[str, Any]) -> T:
    """Construct the part that a file names.

    A file is data: it does not get a module imported that lies outside the package of the registry, was not imported
    already and is not named in `NASBENCH_TRUSTED_MODULES`. The same holds for what the part would import later (its
    `modules`).

    Raises:
        FileError: A module is not trusted.
        InputError: The name is unknown or refuses the arguments.
    """
    if ":" in spec:
        _trusted(spec.partition(":")[0], registry, f"the {registry.kind} {spec!r} lies")
    cls, preset = registry.resolve(spec)
    try:
        part = cls(**{**preset, **arguments})
    except TypeError as error:
        raise InputError(f"{registry.kind} {spec!r}: {error}") from error
    for module in getattr(part, "modules", ()):
        _trusted(module, registry, f"functions that the {registry.kind} {spec!r} calls lie")
    return part


def _trusted(module: str, registry: Registry[Any], what: str) -> None:
    package = registry.base.partition(":")[0].rpartition(".")[0]
    inside = module.startswith(f"{package}.")
    if not inside and module not in sys.modules and module not in os.environ.get(TRUST, "").split(","):
        raise FileError(
            f"{what} outside nasbench, and a file does not get code run by itself; "
            f"if you trust the module {module!r}, import it first or set {TRUST}={module}"
        )
