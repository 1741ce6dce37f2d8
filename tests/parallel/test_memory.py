"""A memory limit, in a process of its own as it stays for good."""

import subprocess
import sys

import pytest

from nasbench.errors import InputError
from nasbench.parallel import memory
from nasbench.parallel.memory import check_memory

WORK = """
import numpy as np
from nasbench.parallel.memory import limit_memory
limit_memory(0.6)
np.ones(10**7)
try:
    np.ones(10**8)
except MemoryError:
    print("refused")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory limits are enforced on Linux")
def test_more_is_a_memory_error() -> None:
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("refused\n", "")


def test_limits_are_numbers_that_the_platform_enforces(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="memory must be a number above 0, got -1"):
        check_memory(-1)
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    with pytest.raises(InputError, match="enforced on Linux only, and this is darwin; leave --memory away"):
        check_memory(4)
