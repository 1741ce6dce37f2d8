"""Provenance of a stored result: package versions, machine and commit."""

import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("nasbench", "numpy", "scipy", "scikit-learn", "torch", "gpytorch", "xgboost", "networkx", "h5py")


def provenance() -> dict[str, str]:
    """Versions of Python and of the packages that affect results, the platform, and the commit if known.

    They are looked up once per process, because loaded packages do not change.
    """
    return dict(_provenance())


@cache
def _provenance() -> dict[str, str]:
    entries = {"python": platform.python_version(), "platform": platform.platform(), "processor": platform.machine()}
    for package in PACKAGES:
        try:
            entries[package] = version(package)
        except PackageNotFoundError:
            continue
    commit = _commit()
    return {**entries, "commit": commit} if commit else entries


def _commit() -> str | None:
    """Commit of the checkout with this file, with `+` if it has changes; None outside a checkout."""
    folder = Path(__file__).resolve().parent.parent
    if not (folder / ".git").exists():
        return None
    try:
        commit = _git(folder, "describe", "--always", "--abbrev=12")
        changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + "+" * bool(changes)


def _git(folder: Path, *words: str) -> str:
    """What git says; it writes nothing, so that whatever ends it leaves no lock in the checkout."""
    command = ["git", "--no-optional-locks", "-C", str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
