"""Importing code that a name points to: `module:function`, here or on PYTHONPATH."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nasbench.errors import InputError


def function(spec: str, *parameters: str) -> Callable[..., Any]:
    """The function, or class, that `"module:function"` names, which must have just these parameters.

    That it must keeps what a file names from being any function of any module.

    Raises:
        InputError: It cannot be imported, or has other parameters.
    """
    module, _, name = spec.partition(":")
    takes = f"{name or 'function'}({', '.join(parameters)})"
    if not module or not name:
        raise InputError(f"expected 'module:function' for a function {takes}, got {spec!r}")
    found = getattr(import_module(module, f"the function {spec!r}"), name, None)
    if not (inspect.isfunction(found) or inspect.isclass(found)):
        raise InputError(f"module {module!r} has no function {takes}")
    if tuple(inspect.signature(found).parameters) != parameters:
        raise InputError(f"the function {spec!r} must be {takes}, but is {name}{inspect.signature(found)}")
    return found


def import_module(module: str, what: str) -> Any:
    """The module of that name, on the path or in the working folder; `what` needs it, for messages.

    Raises:
        InputError: There is no such module, or a package that it imports is not installed.
    """
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)  # a part of one's own lies beside the place where one works
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise InputError(f"{what} needs the package {error.name!r}: pip install it") from error
        raise InputError(f"{what}: no module {module!r} here or on PYTHONPATH") from error
