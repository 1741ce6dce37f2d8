"""The engine of this machine; what it does with tasks is tested in `test_processes.py` and by builds."""

import pytest
import torch

from nasbench.errors import InputError
from nasbench.parallel import engine as engines
from nasbench.parallel.engine import LocalEngine


def test_a_gpu_is_used_by_one_process(monkeypatch):
    assert (LocalEngine(3, "cpu").jobs, LocalEngine(3, "cpu").device) == (3, torch.device("cpu"))
    monkeypatch.setattr(engines, "pick_device", torch.device)
    assert (LocalEngine(3, "cuda:1").jobs, LocalEngine(3, "cuda:1").device) == (1, torch.device("cuda:1"))


def test_what_is_refused():
    with pytest.raises(InputError, match="jobs must be at least 1, got 0"):
        LocalEngine(0)
    with pytest.raises(InputError, match="no device 'tpu' here"):
        LocalEngine(1, "tpu")
