"""Libraries use one thread inside the block, and their former number after it."""

import os

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
