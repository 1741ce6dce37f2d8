"""Ranks of NAS-Bench-201 networks agree with the published columns of NAS-Bench-Suite-Zero (Krishnakumar et al., 2022).

The published numbers are from CIFAR-10, with other initial weights. `docs/proxies.md` has the figures.
"""

import runpy
from pathlib import Path

import pytest

BENCHMARK = runpy.run_path(str(Path(__file__).parents[3] / "benchmarks/proxies.py"))

pytestmark = pytest.mark.skipif(not BENCHMARK["TABLE"].is_file(), reason="the published table is not here")


def agreement(names: list[str], cells: int, on: str = "nothing") -> dict[str, float]:
    """Spearman correlation of each proxy with its published column, as `benchmarks/proxies.py` prints it."""
    return {name: float(rho) for name, (rho, _) in BENCHMARK["agreement"](names, cells, on).items()}


def test_what_needs_no_images() -> None:
    found = agreement(["synflow", "l2_norm", "parameters", "flops"], cells=12)
    assert found["synflow"] > 0.98
    assert found["l2_norm"] > 0.85  # cells with as many convolutions differ by their random weights only
    assert found["parameters"] == 1
    assert found["flops"] > 0.96


@pytest.mark.slow
def test_what_is_measured_on_noise() -> None:
    found = agreement(["zen", "naswot", "snip"], cells=24, on="noise")
    assert found["zen"] > 0.98
    assert found["naswot"] > 0.93
    assert found["snip"] > 0.94


@pytest.mark.slow
def test_what_needs_pictures() -> None:
    pytest.importorskip("PIL")
    found = agreement(["naswot", "snip", "grad_norm", "fisher", "jacov"], cells=24, on="photographs")
    assert found["naswot"] > 0.94
    assert found["snip"] > 0.93
    assert found["grad_norm"] > 0.93
    assert found["fisher"] > 0.93
    assert found["jacov"] > 0.85
