"""Components by name, as in files: a registered name or module:Class, with constructor arguments."""

from __future__ import annotations

import inspect
import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

from nasbench.errors import FileError, InputError, blamed
from nasbench.registry import Registry, arguments_of

T = TypeVar("T")

TRUST_VARIABLE = "NASBENCH_TRUSTED_MODULES"
"""Environment variable: comma-separated modules that a file may cause to be imported."""


def component_name(component: type[T] | T, registry: Registry[T]) -> str:
    """Registered name of a class or of the class of a component, or else `module:Class`."""
    cls = component if isinstance(component, type) else type(component)
    target = f"{cls.__module__}:{cls.__qualname__}"
    return next((name for name, entry in registry.entries.items() if entry == target), target)


def name_of(component: str | type[T] | T, registry: Registry[T]) -> str:
    """Specification of a component (name, class or instance), with its non-default arguments.

    >>> from nasbench.search import strategies
    >>> from nasbench.search.evolution import RegularisedEvolution
    >>> name_of(RegularisedEvolution(population=50), strategies)
    'evolution+population=50'
    """
    if isinstance(component, str):
        return component
    name = component_name(component, registry)
    if isinstance(component, type):
        return name
    parameters = inspect.signature(type(component)).parameters
    texts = {key: _json(value) for key, value in arguments_of(component).items()}
    given = {key: text for key, text in texts.items() if text != _json(parameters[key].default)}
    return "+".join([name, *(f"{key}={text}" for key, text in given.items())])


def _json(value: object) -> str:
    """An argument as JSON, the same in every process."""
    try:
        return json.dumps(value, default=_plain)
    except TypeError:  # keys that are no texts
        return json.dumps(_plain(value))


def _plain(value: Any) -> object:
    """JSON values for an argument that is none: a class or a function is its place, a component its specification."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, set | frozenset):
        return sorted(value, key=_json)
    if hasattr(value, "__qualname__"):
        return f"{getattr(value, '__module__', '')}:{value.__qualname__}"
    try:
        return name_of(value, _NO_NAMES)
    except (InputError, ValueError):  # keeps its arguments elsewhere, or has no signature
        return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


_NO_NAMES: Registry[Any] = Registry("component", "builtins:object", {})


def named(
    components: Iterable[str | type[T] | T], registry: Registry[T], *, unseen: bool = False
) -> dict[str, str | type[T] | T]:
    """Components by their names, in their order.

    Args:
        components: Names, classes or instances.
        registry: Where the names are known.
        unseen: Whether modules of texts `module:Class` are left for another process to import.

    Raises:
        InputError: One is no component of the registry, two have one name, or there is none.
    """
    by_name: dict[str, str | type[T] | T] = {}
    for component in components:
        if not (unseen and isinstance(component, str) and ":" in component.partition("+")[0]):
            registry.create(component)  # refuses what is none
        name = name_of(component, registry)
        if name in by_name:
            raise InputError(f"{registry.kind} {name!r} is named twice; name each once")
        by_name[name] = component
    if not by_name:
        raise InputError(f"name at least one {registry.kind}; known are {', '.join(registry)}")
    return by_name


def fixed_arguments(component: str | type[T] | T, registry: Registry[T]) -> frozenset[str]:
    """Names of the constructor arguments that a specification gives, or that an instance has no defaults for.

    >>> from nasbench.search import strategies
    >>> sorted(fixed_arguments("evolution+population=50", strategies))
    ['population']
    """
    if isinstance(component, type):
        return frozenset()
    if isinstance(component, str):
        return frozenset(registry.resolve(component)[1])
    parameters = inspect.signature(type(component)).parameters
    given = arguments_of(component)
    return frozenset(name for name, value in given.items() if _json(value) != _json(parameters[name].default))


def restore(registry: Registry[T], spec: str, arguments: Mapping[str, Any]) -> T:
    """Construct the component that a file names.

    A file is data and must not run code: a module is imported only if it lies in the package of the registry, has been
    imported already, or is named in `NASBENCH_TRUSTED_MODULES`. The same holds for the modules that the component
    imports later (its `modules`).

    Raises:
        FileError: A module is not trusted.
        InputError: The name is unknown, or the component refuses the arguments.
    """
    if ":" in spec:
        _check_trusted(spec.partition(":")[0], registry, f"the {registry.kind} {spec!r} lies")
    cls, preset = registry.resolve(spec)
    with blamed(f"{registry.kind} {spec!r}"):
        try:
            component = cls(**{**preset, **arguments})
        except TypeError as error:
            raise InputError(f"{registry.kind} {spec!r}: {error}") from error
    for module in getattr(component, "modules", ()):
        _check_trusted(module, registry, f"functions that the {registry.kind} {spec!r} calls lie")
    return component


def _check_trusted(module: str, registry: Registry[Any], subject: str) -> None:
    package = registry.base.partition(":")[0].rpartition(".")[0]
    inside = module.startswith(f"{package}.")
    if not inside and module not in sys.modules and module not in os.environ.get(TRUST_VARIABLE, "").split(","):
        raise FileError(
            f"{subject} outside nasbench, and a file must not run code unasked; "
            f"if you trust the module {module!r}, import it first or set {TRUST_VARIABLE}={module}"
        )
