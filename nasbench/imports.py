"""Importing user code by name: `module:function`, from the working folder or PYTHONPATH."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nasbench.errors import InputError, NasbenchError, described


def function(spec: str, *parameters: str) -> Callable[..., Any]:
    """The function or class that `"module:function"` names, which must have exactly these parameters.

    The check keeps a name that comes from a file from reaching arbitrary functions of arbitrary modules.

    Raises:
        InputError: It cannot be imported, or has other parameters.
    """
    module, _, name = spec.partition(":")
    signature = f"{name or 'function'}({', '.join(parameters)})"
    if not module or not name:
        raise InputError(f"expected 'module:function' for a function {signature}, got {spec!r}")
    target = getattr(import_module(module, f"the function {spec!r}"), name, None)
    if not (inspect.isfunction(target) or inspect.isclass(target)):
        raise InputError(f"module {module!r} has no function {signature}")
    if tuple(inspect.signature(target).parameters) != parameters:
        raise InputError(f"the function {spec!r} must be {signature}, but is {name}{inspect.signature(target)}")
    return target


def import_module(module: str, user: str) -> Any:
    """Import a module from the path or the working folder.

    Args:
        module: Its name.
        user: Who needs it, for messages.

    Raises:
        InputError: There is no such module, a package that it imports is not installed, or it raises an error.
    """
    if not all(part.isidentifier() for part in module.split(".")):
        raise InputError(f"{user}: {module!r} is no name of a module; write package.module")
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)  # user modules lie in the working folder
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise InputError(f"{user} needs the package {error.name!r}: pip install it") from error
        raise InputError(f"{user}: no module {module!r} here or on PYTHONPATH") from error
    except (NasbenchError, KeyboardInterrupt):
        raise
    except BaseException as error:  # anybody's module, which may also end the process
        raise InputError(f"{user}: {module!r} cannot be imported: {described(error)}") from error
