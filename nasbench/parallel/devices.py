"""Torch devices of this machine by name."""

from __future__ import annotations

import torch

from nasbench.errors import InputError


def pick_device(name: str = "auto") -> torch.device:
    """The device for `"auto"` (CUDA if available, else the CPU), `"cpu"`, `"cuda"` or `"cuda:1"`.

    Raises:
        InputError: This machine has no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    known = ["cpu", *(f"cuda:{index}" for index in range(count))]
    device = {"cuda": "cuda:0"}.get(name, name)
    if device not in known:
        raise InputError(f"no device {name!r} here; available are {', '.join(known)}; 'auto' takes the best of them")
    return torch.device(device)
