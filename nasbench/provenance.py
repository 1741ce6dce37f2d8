"""Where a stored result comes from: package versions, machine and commit."""

import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("nasbench", "numpy", "scipy", "scikit-learn", "torch", "gpytorch", "xgboost", "networkx", "h5py")


def provenance() -> dict[str, str]:
    """Versions of Python and the packages that numbers depend on, the platform, and the commit where there is one.

    They are looked up once: what a process has loaded does not change any more.
    """
    return dict(_found())


@cache
def _found() -> dict[str, str]:
    found = {"python": platform.python_version(), "platform": platform.platform(), "processor": platform.machine()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    commit = _commit()
    return {**found, "commit": commit} if commit else found


def _commit() -> str | None:
    """Commit of the checkout that this file lies in, with `+` where it was changed since; None outside of one."""
    folder = Path(__file__).resolve().parent.parent
    if not (folder / ".git").exists():
        return None
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty=+", "--abbrev=12"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
