"""Device-specific arithmetic: random state, precision, memory layout, determinism and clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Context in which torch's global generators start from `seed`; their state is restored at the end."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


@contextmanager
def deterministic() -> Iterator[None]:
    """Context in which cuDNN uses deterministic convolutions only."""
    cudnn = torch.backends.cudnn  # `cudnn.flags` would fail where a caller chose `cudnn.conv.fp32_precision`
    before = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = before


def precision(device: torch.device) -> torch.autocast:
    """Autocast context of one forward pass. Exit before the optimiser step: it caches cast weights."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")


def image_layout(device: torch.device) -> torch.memory_format:
    """Memory format of images in which convolutions are fastest."""
    return torch.channels_last if device.type == "cuda" else torch.contiguous_format


def clock(device: torch.device) -> float:
    """Seconds: wall-clock time after all CUDA work has finished; on the CPU, processor time of this thread."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.thread_time()
