"""The report of `make cuda` says that there is no GPU; its comparisons accept equal tables and refuse others."""

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "benchmarks" / "gpu.py"


@pytest.fixture(scope="module")
def gpu() -> Iterator[ModuleType]:
    """The script, with the other scripts that it imports by name."""
    before = {name: sys.modules.pop(name, None) for name in ("build", "shipped", "gpu")}
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        yield importlib.import_module("gpu")
    finally:
        sys.path.remove(str(SCRIPT.parent))
        for name, module in before.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module


@pytest.fixture(scope="module")
def settings(gpu: ModuleType) -> Any:
    small = replace(gpu.RECIPE.network, channels=4)
    data = ("digits+train=200+validation=100+test=40",)
    short = replace(gpu.RECIPE.train, epochs=4)
    return replace(gpu.RECIPE, datasets=data, sampling="random", cells=6, seeds=2, network=small, train=short)


def verdicts(rows: Any) -> list[str]:
    return [row.verdict for row in rows]


def test_without_a_gpu_one_line_says_so() -> None:
    hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, env=hidden)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("no NVIDIA GPU here") and run.stdout.count("\n") == 1


def test_equal_tables_agree_and_others_do_not(gpu: ModuleType, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "cores", lambda: 1)
    here, again = (gpu.table(settings, gpu.CPU) for _ in range(2))
    assert set(verdicts(gpu.compared_trained(here, again))) == {"agree"}
    worse = {
        path: replace(column, values=column.values - 50 if "validation" in path else column.values)
        for path, column in here.columns.items()
    }
    found = {row.what: row.verdict for row in gpu.compared_trained(here, replace(here, columns=worse))}
    assert {what for what, verdict in found.items() if verdict == "DISAGREE"} == {
        "trained: validation_accuracy, mean of 6 cells",
        "trained: validation_loss, mean of 6 cells",
    }


def test_means_and_ranks_by_hand(gpu: ModuleType) -> None:
    """Seeds differ by 2, so one has a spread of sqrt(2), and means of 32 cells may differ by 4 sqrt(2 / 32) = 1."""
    here = np.arange(32.0)[:, None] * 10 + [0, 2]
    assert gpu._means("loss", here, here + 0.99).verdict == "agree"
    assert gpu._means("loss", here, here - 1.01).verdict == "DISAGREE"
    assert gpu._ranks("loss", here, here * 3 - 7).verdict == "agree"
    assert gpu._ranks("loss", here, here[::-1]).verdict == "DISAGREE"


def test_untrained_losses_may_differ_by_rounding(gpu: ModuleType, settings: Any) -> None:
    """The bound is relative to the effect of rounding on the CPU."""
    cells = gpu.Random().sample(gpu.spaces.create(settings.space), 4, np.random.default_rng(0))
    exact, rounded = (gpu.untrained_losses(settings, cells, gpu.CPU, coarse) for coarse in (False, True))
    assert np.abs(rounded - exact).max() > 0
    assert gpu.compared_untrained(exact, rounded, rounded).verdict == "agree"
    assert gpu.compared_untrained(exact, rounded, exact + 5 * (rounded - exact)).verdict == "DISAGREE"


def test_ways_are_timed_until_the_deadline(gpu: ModuleType, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "FUSED", (2, 8))
    short = replace(settings, train=replace(settings.train, epochs=1))
    monkeypatch.setattr(gpu, "ordinary", lambda settings, cells, device: None)
    expected = {"ordinary PyTorch loop", "alone", "2 side by side", "8 side by side"}
    for deadline, without in ((float("inf"), 0), (0, 3)):
        rows = [row for row in gpu.speeds(short, gpu.CPU, deadline) if row.what.startswith("cells/hour: ")]
        assert {row.what.removeprefix("cells/hour: ") for row in rows} == expected
        assert [row.gpu for row in rows].count("no time") == without


def test_a_way_without_memory_is_said(gpu: ModuleType, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def crowded(settings: Any, fused: int, cells: Any, device: Any) -> None:
        if len(cells) > 2:
            raise RuntimeError("CUDA out of memory. Tried to allocate 1 GiB")

    monkeypatch.setattr(gpu, "FUSED", (2, 4))
    monkeypatch.setattr(gpu, "ordinary", lambda settings, cells, device: None)
    monkeypatch.setattr(gpu, "ours", crowded)
    found = {row.what: row.gpu for row in gpu.speeds(settings, gpu.CPU, float("inf"))}
    assert found["cells/hour: 4 side by side"] == "no memory" != found["cells/hour: 2 side by side"]


def test_a_table_of_rows_is_aligned(gpu: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    gpu.show([gpu.Row("a", "1", "22", "3.0", "agree"), gpu.Row("a longer line that skips")])
    assert capsys.readouterr().out.splitlines() == [
        "what  CPU  GPU  ratio",
        "a       1   22    3.0  agree",
        "a longer line that skips",
    ]
