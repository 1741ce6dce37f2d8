"""Energy, where the platform counts it: the processor's RAPL counters, and those of NVIDIA's GPUs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import torch

POWERCAP = Path("/sys/class/powercap")
"""Where Linux shows RAPL, of Intel's and AMD's processors (kernel documentation, "Power Capping Framework")."""

Counts: TypeAlias = "tuple[int, ...]"
"""What counters stand at, in microjoules; one for each package or GPU."""


@dataclass(frozen=True)
class Energy:
    """Energy that was used, or why nobody knows.

    Attributes:
        joules: None where it was not measured; never 0 for that.
        reason: Why it was not measured; None where it was.
    """

    joules: float | None
    reason: str | None = None


class Counters(Protocol):
    """Counters of energy."""

    def read(self) -> Counts:
        """What they stand at.

        Raises:
            Unavailable: They can no longer be read.
        """

    def used(self, before: Counts, after: Counts) -> int:
        """Microjoules between two readings.

        Raises:
            Unavailable: The readings do not tell.
        """


class Unavailable(Exception):
    """There are no counters, or they cannot be read; the message says why."""


class EnergyMeter:
    """Measures what a device uses from one moment to another, whoever uses it: all other load is part of it.

    On the CPU this is the energy of all processor packages, memory not included; on CUDA it is that of the one GPU
    and not of the machine around it.

        meter = EnergyMeter(device)
        start = meter.read()
        ...
        energy = meter.since(start)

    Args:
        device: Whose energy.
        powercap: The folder of RAPL's counters.
        nvml: The module `pynvml`; None imports it.
    """

    def __init__(self, device: torch.device, powercap: Path = POWERCAP, nvml: Any = None) -> None:
        self._counters: Counters | None = None
        self._reason = ""
        try:
            self._counters = GPU(device, nvml) if device.type == "cuda" else Packages(powercap)
        except Unavailable as absent:
            self._reason = str(absent)

    def read(self) -> Counts | str:
        """What the counters stand at, or why they cannot be read."""
        if self._counters is None:
            return self._reason
        try:
            return self._counters.read()
        except Unavailable as absent:
            return str(absent)

    def since(self, start: Counts | str) -> Energy:
        """Energy used since `read` gave `start`."""
        now = self.read()
        if isinstance(start, str):
            return Energy(None, start)
        if isinstance(now, str):
            return Energy(None, now)
        assert self._counters is not None, "what could be read has counters"
        try:
            return Energy(self._counters.used(start, now) / 1e6)
        except Unavailable as absent:
            return Energy(None, str(absent))


class Packages:
    """RAPL's counters of all processor packages; what they consist of (cores, graphics) is inside, memory is not.

    Args:
        folder: `/sys/class/powercap`, or one laid out like it.

    Raises:
        Unavailable: There are none, or one may not be read.
    """

    def __init__(self, folder: Path) -> None:
        domains = [
            path.parent for path in sorted(folder.glob("intel-rapl:*/name")) if _text(path).startswith("package")
        ]
        if not domains:
            raise Unavailable(f"no counter of processor energy (RAPL) in {folder}")
        self._files = [domain / "energy_uj" for domain in domains]
        self._ranges = [_number(domain / "max_energy_range_uj") for domain in domains]
        self.read()

    def read(self) -> Counts:
        """Microjoules of each package."""
        return tuple(map(_number, self._files))

    def used(self, before: Counts, after: Counts) -> int:
        """Microjoules between two readings; a count lower than before has started again from 0.

        That it has done so twice cannot be seen. Counters start again after some 65 to 262 kilojoules: many minutes at
        full load.
        """
        return sum((b - a) % size for a, b, size in zip(before, after, self._ranges, strict=True))


class GPU:
    """The counter of one GPU, which NVIDIA's have since Volta (2017).

    Raises:
        Unavailable: The package that reads it is not installed, or this GPU or driver has none.
    """

    def __init__(self, device: torch.device, nvml: Any = None) -> None:
        self._nvml = nvml = nvml or _pynvml()
        identity = f"GPU-{torch.cuda.get_device_properties(device).uuid}"  # NVML and CUDA number GPUs each in their way
        try:
            nvml.nvmlInit()
            self._handle = nvml.nvmlDeviceGetHandleByUUID(identity)
        except nvml.NVMLError as error:
            raise Unavailable(f"the driver does not tell of the GPU: {error}") from error
        self.read()

    def read(self) -> Counts:
        """Microjoules since the driver was loaded."""
        try:
            return (1000 * int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)),)
        except self._nvml.NVMLError as error:
            raise Unavailable(f"the GPU does not tell its energy: {error}") from error

    def used(self, before: Counts, after: Counts) -> int:
        """Microjoules between two readings."""
        if after < before:
            raise Unavailable("the driver of the GPU was loaded anew meanwhile")
        return after[0] - before[0]


def _pynvml() -> Any:
    try:
        import pynvml
    except ImportError as error:
        raise Unavailable("energy of a GPU needs nvidia-ml-py: pip install 'nasbench[nvml]'") from error
    return pynvml


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        why = "only root may read it" if isinstance(error, PermissionError) else error.strerror
        raise Unavailable(f"processor energy cannot be read from {path}: {why}") from error


def _number(path: Path) -> int:
    text = _text(path)
    if not text.isdecimal():
        raise Unavailable(f"processor energy cannot be read from {path}: it says {text[:40]!r}")
    return int(text)
