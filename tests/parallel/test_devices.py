import pytest
import torch

from nasbench.errors import InputError
from nasbench.parallel.devices import pick_device

CPU = torch.device("cpu")


def test_devices(monkeypatch):
    assert pick_device("cpu") == CPU
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert pick_device("auto") == CPU
    for name in ("cuda", "cuda:0", "gpu", "mps", ""):
        with pytest.raises(InputError, match=f"no device '{name}' here; available are cpu; "):
            pick_device(name)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert pick_device("auto") == pick_device("cuda") == torch.device("cuda:0")
    assert pick_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(InputError, match="available are cpu, cuda:0, cuda:1"):
        pick_device("cuda:2")
