"""Energy: counter files laid out as in Linux, and a stand-in for the GPU library."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nasbench.measures.energy import Energy, EnergyMeter, Packages, Unavailable

CPU, CUDA = torch.device("cpu"), torch.device("cuda:0")
RANGE = 262_143_328_850
"""Microjoules at which the counter of a common processor wraps around."""


def domain(folder: Path, number: str, name: str, energy: int, largest: int = RANGE) -> Path:
    path = folder / f"intel-rapl:{number}"
    path.mkdir(exist_ok=True)
    (path / "name").write_text(f"{name}\n")
    (path / "energy_uj").write_text(f"{energy}\n")
    (path / "max_energy_range_uj").write_text(f"{largest}\n")
    return path


# --- processors -------------------------------------------------------------------------------------------------------


def test_one_package_by_hand(tmp_path: Path) -> None:
    domain(tmp_path, "0", "package-0", 5_000_000)
    meter = EnergyMeter(CPU, tmp_path)
    start = meter.read()
    domain(tmp_path, "0", "package-0", 7_500_000)
    assert start == (5_000_000,)
    assert meter.since(start) == Energy(2.5)


def test_packages_are_summed_and_what_is_in_them_or_beside_them_is_not(tmp_path: Path) -> None:
    names = {"0": "package-0", "0:0": "core", "0:1": "uncore", "0:2": "dram", "1": "package-1", "2": "psys"}
    for number, name in names.items():
        domain(tmp_path, number, name, 1_000_000)
    meter = EnergyMeter(CPU, tmp_path)
    start = meter.read()
    for joules, (number, name) in enumerate(names.items(), start=2):
        domain(tmp_path, number, name, 1_000_000 * joules)
    assert meter.since(start) == Energy(1.0 + 5.0)


def test_a_counter_that_starts_again(tmp_path: Path) -> None:
    """One counter wraps around 3 J later and counts 4 J more; the other does not wrap."""
    domain(tmp_path, "0", "package-0", RANGE - 3_000_000)
    domain(tmp_path, "1", "package-1", 10, largest=1000)
    meter = EnergyMeter(CPU, tmp_path)
    start = meter.read()
    domain(tmp_path, "0", "package-0", 4_000_000)
    domain(tmp_path, "1", "package-1", 11, largest=1000)
    assert meter.since(start) == Energy(7.000001)


@given(st.integers(0, 999), st.integers(0, 999))
def test_whatever_less_than_once_around_is_used_is_found(tmp_path_factory: Any, before: int, used: int) -> None:
    folder = tmp_path_factory.mktemp("rapl")
    domain(folder, "0", "package-0", before, largest=1000)
    packages = Packages(folder)
    assert packages.used((before,), ((before + used) % 1000,)) == used


def test_no_counter(tmp_path: Path) -> None:
    domain(tmp_path, "0", "psys", 1)
    meter = EnergyMeter(CPU, tmp_path)
    energy = meter.since(meter.read())
    assert energy.joules is None
    assert energy.reason == f"no counter of processor energy (RAPL) in {tmp_path}"
    assert EnergyMeter(CPU, tmp_path / "nowhere").since(()).joules is None


def test_only_root_may_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = domain(tmp_path, "0", "package-0", 1) / "energy_uj"
    read = Path.read_text

    def refuse(self: Path, *args: Any, **kwargs: Any) -> str:
        if self == path:
            raise PermissionError(13, "Permission denied", str(self))
        return read(self, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", refuse)
    meter = EnergyMeter(CPU, tmp_path)
    expected = f"processor energy cannot be read from {path}: only root may read it"
    assert meter.since(meter.read()) == Energy(None, expected)


def test_a_counter_that_goes_away_or_says_nonsense(tmp_path: Path) -> None:
    path = domain(tmp_path, "0", "package-0", 1)
    meter = EnergyMeter(CPU, tmp_path)
    start = meter.read()
    (path / "energy_uj").write_text("-1\n")
    assert str(meter.since(start).reason).endswith("energy_uj: it says '-1'")
    (path / "energy_uj").unlink()
    assert str(meter.since(start).reason).endswith("energy_uj: No such file or directory")
    domain(tmp_path, "0", "package-0", 2_000_001)
    assert meter.since(start) == Energy(2.0)


def test_this_machine_tells_joules_or_a_reason() -> None:
    meter = EnergyMeter(CPU)
    energy = meter.since(meter.read())
    assert (energy.joules is None) == bool(energy.reason)
    assert energy.joules is None or energy.joules >= 0


# --- GPUs -------------------------------------------------------------------------------------------------------------


class NVMLError(Exception):
    pass


class Library:
    """Stand-in for `pynvml` with readings in millijoules; an error among them is raised."""

    NVMLError = NVMLError

    def __init__(self, *readings: int | NVMLError, known: str = "GPU-12ab") -> None:
        self.readings, self.known, self.started = iter(readings), known, False

    def nvmlInit(self) -> None:
        self.started = True

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        if not self.started or uuid != self.known:
            raise NVMLError("Not Found")
        return f"handle of {uuid}"

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:
        assert handle == f"handle of {self.known}"
        reading = next(self.readings)
        if isinstance(reading, NVMLError):
            raise reading
        return reading


@pytest.fixture(autouse=True)
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda device: SimpleNamespace(uuid="12ab"))


def test_a_gpu_by_hand() -> None:
    meter = EnergyMeter(CUDA, nvml=Library(0, 7_000, 9_250))
    start = meter.read()
    assert start == (7_000_000,)
    assert meter.since(start) == Energy(2.25)


@pytest.mark.parametrize(
    ("library", "reason"),
    [
        (Library(known="GPU-other"), "the driver does not tell of the GPU: Not Found"),
        (Library(NVMLError("Not Supported")), "the GPU does not tell its energy: Not Supported"),
        (Library(0, 5, NVMLError("GPU is lost")), "the GPU does not tell its energy: GPU is lost"),
        (Library(0, 5, 4), "the driver of the GPU was loaded anew meanwhile"),
    ],
)
def test_a_gpu_that_does_not_tell(library: Library, reason: str) -> None:
    meter = EnergyMeter(CUDA, nvml=library)
    assert meter.since(meter.read()) == Energy(None, reason)


def test_a_torch_without_identities_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda device: SimpleNamespace(name="V100"))
    assert "does not tell which GPU it is" in str(EnergyMeter(CUDA, nvml=Library(0)).read())


def test_a_missing_extra_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert "pip install 'nasbench[nvml]'" in str(EnergyMeter(CUDA).read())


def test_the_library_itself_has_what_is_used() -> None:
    pynvml = pytest.importorskip("pynvml", reason="the extra nvml is not installed")
    for name in ("NVMLError", "nvmlInit", "nvmlDeviceGetHandleByUUID", "nvmlDeviceGetTotalEnergyConsumption"):
        assert callable(getattr(pynvml, name))
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        assert str(EnergyMeter(CUDA).read()).startswith("the driver does not tell of the GPU: ")


@pytest.mark.cuda
def test_a_real_gpu_tells_its_energy_or_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pynvml", reason="the extra nvml is not installed")
    monkeypatch.undo()  # the stand-in
    meter = EnergyMeter(CUDA)
    start = meter.read()
    torch.ones(2048, 2048, device=CUDA).matrix_power(100).sum().item()
    used = meter.since(start)
    assert used.reason if used.joules is None else used.joules >= 0


def test_unavailable_is_no_error_of_the_user() -> None:
    with pytest.raises(Unavailable, match="no counter"):
        Packages(Path("nowhere"))
