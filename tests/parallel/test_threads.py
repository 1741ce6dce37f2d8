"""Libraries use one thread inside the block, and their former number after it."""

import os
import subprocess
import sys

import pytest
import torch

from nasbench.parallel.threads import VARIABLES, single_threaded


def test_restores_what_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLES[0], "7")
    monkeypatch.delenv(VARIABLES[1], raising=False)
    before = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="stop"), single_threaded():
        assert torch.get_num_threads() == 1
        assert {os.environ[name] for name in VARIABLES} == {"1"}
        raise RuntimeError("stop")
    assert torch.get_num_threads() == before
    assert os.environ[VARIABLES[0]] == "7"
    assert VARIABLES[1] not in os.environ


def test_torch_loaded_in_the_block_gets_its_threads_back() -> None:
    """In a process of its own, as torch is loaded here."""
    code = (
        "import os; os.environ['OMP_NUM_THREADS'] = '3'\n"
        "from nasbench.parallel.threads import single_threaded\n"
        "with single_threaded():\n"
        "    import torch\n"
        "    assert torch.get_num_threads() == 1\n"
        "print(torch.get_num_threads())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "3\n"
