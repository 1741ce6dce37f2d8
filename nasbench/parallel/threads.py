"""One thread for numerical libraries, so results and timings do not depend on the number of cores."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

from nasbench.parallel.processes import cores

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread, for many small problems: its threads would wait for each other most of the time."""
    with threadpool_limits(1, user_api="blas"):
        yield


@contextmanager
def single_threaded() -> Iterator[None]:
    """Limit loaded libraries, and those of processes started in the block, to one thread each."""
    before = {name: os.environ.get(name) for name in VARIABLES}
    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else int(before["OMP_NUM_THREADS"] or cores())
    try:
        os.environ.update(dict.fromkeys(VARIABLES, "1"))
        if torch:
            torch.set_num_threads(1)
        with threadpool_limits(1):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        if torch is not None:
            torch.set_num_threads(threads)
        elif "torch" in sys.modules:  # loaded in the block, with one thread
            sys.modules["torch"].set_num_threads(threads)
