"""Energy, where the platform counts it: RAPL counters of processors, NVML counters of NVIDIA GPUs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import torch

from nasbench.measures.base import Measure, Measurement, Quantity, Subject
from nasbench.measures.inference import inference_seconds
from nasbench.training.loop import train

CPU = torch.device("cpu")
POWERCAP = Path("/sys/class/powercap")
"""Folder of Linux for RAPL counters of Intel and AMD (kernel documentation, "Power Capping Framework")."""

Counts: TypeAlias = "tuple[int, ...]"
"""Counter readings in microjoules, one per package or GPU."""


@dataclass(frozen=True)
class Energy:
    """Energy used, or the reason why it is unknown.

    Attributes:
        joules: None if it was not measured; never 0 in that case.
        reason: Why it was not measured; None if it was.
    """

    joules: float | None
    reason: str | None = None


class Counters(Protocol):
    """Energy counters of one device."""

    def read(self) -> Counts:
        """Current readings.

        Raises:
            Unavailable: They can no longer be read.
        """

    def used(self, before: Counts, after: Counts) -> int:
        """Microjoules between two readings.

        Raises:
            Unavailable: The readings do not determine it.
        """


class Unavailable(Exception):
    """There are no counters, or they cannot be read; the message says why."""


class EnergyMeter:
    """Measures the energy of a device between two moments, including that of all other load.

    On the CPU this is the energy of all processor packages without memory; on CUDA the energy of the one GPU, without
    the machine around it.

        meter = EnergyMeter(device)
        start = meter.read()
        ...
        energy = meter.since(start)

    Args:
        device: The measured device.
        powercap: The folder of the RAPL counters.
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
        """Current readings, or why there are none."""
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
        assert self._counters is not None, "readings come from counters"
        try:
            return Energy(self._counters.used(start, now) / 1e6)
        except Unavailable as absent:
            return Energy(None, str(absent))


class Packages:
    """RAPL counters of all processor packages, including cores and built-in graphics, without memory.

    Args:
        folder: `/sys/class/powercap`, or a folder with the same layout.

    Raises:
        Unavailable: There are none, or one is not readable.
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
        """Microjoules between two readings; a lower count than before means that the counter wrapped around once.

        Two wraps cannot be noticed. Counters wrap after some 65 to 262 kilojoules: many minutes at full load.
        """
        return sum((b - a) % size for a, b, size in zip(before, after, self._ranges, strict=True))


class GPU:
    """Energy counter of one GPU; NVIDIA GPUs have one since Volta (2017).

    Raises:
        Unavailable: nvidia-ml-py is not installed, or this GPU or driver has no counter.
    """

    def __init__(self, device: torch.device, nvml: Any = None) -> None:
        self._nvml = nvml = nvml or _pynvml()
        uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)  # NVML and CUDA number GPUs differently
        if uuid is None:
            raise Unavailable(f"torch {torch.__version__} does not tell which GPU it is; install a newer one")
        try:
            nvml.nvmlInit()
            self._handle = nvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
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


class EnergyUse(Measure):
    """Energy of the processor packages in inference and in training, including that of all other load."""

    alone = True
    quantities = (
        Quantity(
            "inference_energy", "joules", "minimise", "Energy of the processors for answering the validation part."
        ),
        Quantity("training_energy", "joules", "minimise", "Energy of the processors for an epoch of training."),
    )

    def _take(self, subject: Subject) -> Measurement:
        meter, network = EnergyMeter(CPU), subject.network
        one_epoch = replace(subject.training, epochs=1, warmup_epochs=0)
        few = {split: (inputs[:1], targets[:1]) for split, (inputs, targets) in subject.tensors.items()}
        data = {**few, "train": subject.tensors["train"]}  # hardly anything is evaluated
        start = meter.read()
        if isinstance(start, str):
            return Measurement(None, f"absent: {start}")
        inference_seconds(network, subject.tensors["validation"][0], repeats=1, warmup=0)
        inference, start = meter.since(start), meter.read()
        train(network, subject.task, data, one_epoch, 0, CPU)
        training = meter.since(start)
        if inference.joules is None or training.joules is None:
            return Measurement(None, f"absent: {inference.reason or training.reason}")
        return Measurement.of(inference.joules, training.joules)
