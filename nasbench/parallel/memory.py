"""A memory limit for a process that runs anybody's code: allocations beyond it fail (`setrlimit`)."""

from __future__ import annotations

import sys

from nasbench.checks import check_number
from nasbench.errors import InputError


def check_memory(gigabytes: float) -> None:
    """Refuse a limit that is no positive number, or that this platform does not enforce.

    Raises:
        InputError: It is refused.
    """
    check_number("memory", gigabytes, above=0)
    if sys.platform != "linux":
        raise InputError(f"a memory limit is enforced on Linux only, and this is {sys.platform}; leave --memory away")


def limit_memory(gigabytes: float) -> None:
    """Let allocations of this process fail beyond a limit, for good: most raise `MemoryError`.

    The limit counts what the process can write and does not share (`RLIMIT_DATA`), 10^9 bytes to the gigabyte.
    """
    import resource  # POSIX only

    most = int(gigabytes * 1e9)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
