"""One thread for each worker, the same examples of properties in every run, and how far rounding goes."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; workers would take cores from each other

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def rounding() -> Callable[..., float]:
    """How far results may lie apart of arithmetic that is the same but for rounding.

    Processors and libraries add up in other orders. So many operations in a row are each off by the eps of their type,
    and the condition tells by how much what follows makes that larger (Higham, 2002, section 3.1).
    """

    def bound(operations: int, dtype: str = "float64", condition: float = 1.0) -> float:
        return float(np.finfo(dtype).eps) * operations * condition

    return bound
