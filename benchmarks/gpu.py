"""What an NVIDIA GPU changes: the tests that need one, a table compared with the CPU's, cells per hour, energy.

    make cuda     or, in the root of the checkout:     PYTHONPATH=. python benchmarks/gpu.py [--cells 48]

Needs no network and no installation: only the dependencies of nasbench, for the tests also pytest and hypothesis, for
energy nvidia-ml-py. Ends with status 1 if a test fails or the devices disagree. Without a GPU it says so.

**Table.** The same cells of NAS-Bench-201 are trained with the same two seeds on both devices, with the recipe of
`nb201-digits`: in float32 on the CPU, in bfloat16 with float32 accumulation on the GPU. Two comparisons follow:

    untrained    Losses differ by the rounding of one forward pass. The CPU measures its size: the difference between
                 float32 and bfloat16 there. Only the order of additions differs on the GPU, so the root mean squares
                 over cells differ by less than a factor of 4.
    trained      Training amplifies rounding until, at most, it acts like another seed. With the CPU's spread s between
                 seeds, means over n cells differ by at most 4 s / sqrt(n). Ranks on both devices agree (Kendall tau) at
                 least as well as those of two seeds on the CPU, less two standard errors.

**Cells per hour** of `benchmarks/build.py`, including building and tracing networks: `ordinary` (DataLoader, a network
after the other, in the same precision), `alone`, and K side by side, with one thread of the CPU, as in a build. The CPU
itself does only what is quick there. Ways that would not end in time are left out.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from build import CPU, RECIPE, load, networks, ordinary, ours
from scipy.stats import kendalltau

from nasbench.benchmark.table import Table
from nasbench.builder import BuildSettings, build
from nasbench.builder.trainer import short_of_memory
from nasbench.measures.energy import EnergyMeter
from nasbench.parallel.devices import pick_device
from nasbench.parallel.processes import cores
from nasbench.parallel.threads import single_threaded
from nasbench.sampling.random import Random
from nasbench.spaces import spaces
from nasbench.training.steps import evaluate
from nasbench.types import FloatArray, GenotypeArray

ROOT = Path(__file__).resolve().parents[1]
FUSED = (8, 32, 128, 512)
SECONDS = 400
"""No further way is timed that could last beyond this time."""
TEST_SECONDS = 120
ROUNDING_FACTOR = 4.0
"""Largest ratio of the effects of two roundings to bfloat16 that differ in the order of additions."""


Way: TypeAlias = "Callable[[GenotypeArray, torch.device], None]"
"""A way to train cells `(n, d)` on a device."""


class Row(NamedTuple):
    """A line of the result; `verdict` is empty where nothing is compared."""

    what: str
    cpu: str = ""
    gpu: str = ""
    ratio: str = ""
    verdict: str = ""


def tests() -> Row:
    """Run all tests marked `cuda`; warnings of another torch are no failures here."""
    name = "tests marked cuda"
    if not all(map(find_spec, ("pytest", "hypothesis"))):
        return Row(f"{name}: skipped, they need pytest and hypothesis")
    files = [
        str(path) for path in sorted((ROOT / "tests").rglob("test_*.py")) if "mark.cuda" in path.read_text("utf-8")
    ]
    command = [sys.executable, "-m", "pytest", "-q", "-m", "cuda", "-W", "default", "-p", "no:cacheprovider", *files]
    try:
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TEST_SECONDS)
    except subprocess.TimeoutExpired:
        return Row(name, gpu=f"over {TEST_SECONDS} s", verdict="FAILED")
    if run.returncode:
        print(run.stdout, run.stderr, sep="\n")
    counts = re.findall(r"\d+ (?:passed|failed|skipped|error)", run.stdout)
    return Row(name, gpu=", ".join(counts) or "none ran", verdict="FAILED" if run.returncode else "passed")


def table(settings: BuildSettings, device: torch.device) -> Table:
    """The table of a build on a device."""
    with tempfile.TemporaryDirectory() as folder:
        return build(settings, Path(folder) / "table.h5", jobs=min(8, cores()), device=str(device)).loaded()


def untrained_losses(
    settings: BuildSettings, cells: GenotypeArray, device: torch.device, coarse: bool = False
) -> FloatArray:
    """Validation losses `(n,)` of untrained networks on a device; `coarse` rounds to bfloat16 on the CPU too."""
    task, tensors = load(settings, device)
    inputs, targets = tensors["validation"]
    losses = []
    for network in networks(settings, task, cells):
        network.to(device).eval()
        if coarse:
            with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16):
                outputs = network(inputs)
            losses.append(float(task.loss(outputs.float(), targets)))  # as autocast on CUDA computes it
        else:
            losses.append(evaluate(network, task, inputs, targets)[1])
    return np.array(losses)


def compared_untrained(cpu: FloatArray, rounded: FloatArray, gpu: FloatArray) -> Row:
    """Compare the losses `(n,)` of untrained networks on the CPU, rounded on the CPU, and on the GPU."""
    expected, found = (float(np.sqrt(np.mean((losses - cpu) ** 2))) for losses in (rounded, gpu))
    name = "untrained: effect of bfloat16 on losses, root mean square"
    near = found <= ROUNDING_FACTOR * expected
    return Row(name, f"{expected:.1e}", f"{found:.1e}", ratio(found, expected), verdict(near))


def compared_trained(cpu: Table, gpu: Table) -> list[Row]:
    """Compare the results of two tables of the same cells and seeds after the last epoch."""
    np.testing.assert_array_equal(cpu.genotypes, gpu.genotypes)
    rows = []
    for metric in ("validation_accuracy", "test_accuracy", "validation_loss"):
        here, there = (found.columns[f"digits/{metric}"].values[:, :, -1] for found in (cpu, gpu))
        complete = np.isfinite(here).all(axis=1) & np.isfinite(there).all(axis=1)
        rows.append(_means(metric, here[complete], there[complete]))
        rows.append(_ranks(metric, here[complete], there[complete]))
    missing = [int(np.isnan(t.columns["digits/validation_loss"].values[:, :, -1]).sum()) for t in (cpu, gpu)]
    close = abs(missing[0] - missing[1]) <= 0.05 * cpu.columns["digits/validation_loss"].values[:, :, -1].size
    return [*rows, Row("trainings that failed or diverged", *map(str, missing), verdict=verdict(close))]


def _means(metric: str, here: FloatArray, there: FloatArray) -> Row:
    """Means of results `(n, 2)`; a mean over two seeds differs from another such mean by the spread of one seed."""
    spread = float(np.sqrt(np.mean(np.diff(here, axis=1) ** 2) / 2))
    near = abs(float(np.mean(there - here))) <= 4 * spread / np.sqrt(len(here))
    a, b = float(here.mean()), float(there.mean())
    return Row(f"trained: {metric}, mean of {len(here)} cells", f"{a:.3f}", f"{b:.3f}", ratio(b, a), verdict(near))


def _ranks(metric: str, here: FloatArray, there: FloatArray) -> Row:
    """Agreement of ranks of results `(n, 2)`: of seeds on the CPU, and of the devices with the same seed."""
    n = len(here)
    seeds = float(kendalltau(here[:, 0], here[:, 1]).statistic)
    devices = float(np.mean([kendalltau(a, b).statistic for a, b in zip(here.T, there.T, strict=True)]))
    error = np.sqrt(2 * (2 * n + 5) / (9 * n * (n - 1)))  # of tau between independent ranks, which is its largest
    agree = "" if np.isnan(seeds) else verdict(devices >= seeds - 2 * error)  # no ranks where all cells score alike
    name = f"trained: {metric}, tau of two CPU seeds / of CPU and GPU"
    return Row(name, f"{seeds:.2f}", f"{devices:.2f}", ratio(devices, seeds), agree)


def verdict(agree: bool) -> str:
    """How a comparison ended."""
    return "agree" if agree else "DISAGREE"


def ratio(a: float, b: float) -> str:
    """How many times `b` is `a`."""
    return f"{a / b:.2f}" if b else ""


def timed(work: Callable[[], None], device: torch.device) -> tuple[float, float | str]:
    """Seconds and joules of work, or why its energy is unknown; work ends with results on the CPU."""
    meter = EnergyMeter(device)
    before, start = meter.read(), time.perf_counter()
    work()
    seconds, used = time.perf_counter() - start, meter.since(before)
    return seconds, used.joules if used.joules is not None else str(used.reason)


def speeds(settings: BuildSettings, device: torch.device, deadline: float) -> list[Row]:
    """Cells per hour and joules per cell; ratios are to the ordinary loop on the same GPU."""
    cells = Random().sample(spaces.create(settings.space), max(FUSED), np.random.default_rng(0))
    ways: dict[str, tuple[Way, int, int]] = {  # with the number of cells on the GPU and on the CPU
        "ordinary PyTorch loop": (partial(ordinary, settings), 8, 2),
        "alone": (partial(ours, settings, 0), 8, 2),
        **{f"{k} side by side": (partial(ours, settings, k), k, k if k <= 8 else 0) for k in FUSED},
    }
    ordinary(settings, cells[:1], device)  # start libraries
    ours(settings, 2, cells[:2], device)
    rates: dict[str, float] = {}  # cells per second
    energies: dict[str, float] = {}  # joules per cell
    rows, unknown = [], ""
    for name, (way, count, few) in ways.items():
        if rates and time.perf_counter() + count / list(rates.values())[-1] > deadline:
            rows.append(Row(f"cells/hour: {name}", gpu="no time"))
            continue
        try:
            seconds, joules = timed(partial(way, cells[:count], device), device)
        except Exception as error:
            if not short_of_memory(error):
                raise
            rows.append(Row(f"cells/hour: {name}", gpu="no memory"))
            continue
        slow = f"{3600 * few / timed(partial(way, cells[:few], CPU), CPU)[0]:.0f}" if few else ""
        rates[name] = count / seconds
        times = ratio(rates[name], next(iter(rates.values())))
        rows.append(Row(f"cells/hour: {name}", slow, f"{3600 * rates[name]:.0f}", times))
        if isinstance(joules, str):
            unknown = joules
        else:
            energies[name] = joules / count
    for name, joules in energies.items():
        rows.append(Row(f"joules/cell: {name}", "", f"{joules:.1f}", ratio(joules, next(iter(energies.values())))))
    return [*rows, Row(f"joules/cell: skipped, {unknown}")] if unknown else rows


def show(rows: Sequence[Row]) -> None:
    """Print rows as one plain table."""
    lines = [Row("what", "CPU", "GPU", "ratio"), *rows]
    wide = [max(len(line[column]) for line in lines if any(line[1:])) for column in range(4)]
    for what, cpu, gpu, times, agree in lines:
        print(f"{what:{wide[0]}}  {cpu:>{wide[1]}}  {gpu:>{wide[2]}}  {times:>{wide[3]}}  {agree}".rstrip())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=48)
    arguments = parser.parse_args()
    start = time.perf_counter()
    if not torch.cuda.is_available():
        print(f"no NVIDIA GPU here that torch {torch.__version__} can use; nothing to do")
        return
    gpu = pick_device("cuda")
    print(f"{torch.cuda.get_device_name(gpu)}, torch {torch.__version__}, Python {sys.version.split()[0]}", flush=True)
    settings = replace(RECIPE, sampling="random", cells=arguments.cells, seeds=2)
    rows = [tests()]
    here, there = (table(settings, device) for device in (CPU, gpu))
    with single_threaded():
        cpu, rounded = (untrained_losses(settings, here.genotypes, CPU, coarse) for coarse in (False, True))
        rows.append(compared_untrained(cpu, rounded, untrained_losses(settings, here.genotypes, gpu)))
        rows += compared_trained(here, there)
        rows += speeds(settings, gpu, start + SECONDS)  # one thread, as a build has
    show(rows)
    print(
        f"ratio: GPU to CPU; of cells and joules, to the ordinary loop on the GPU. {time.perf_counter() - start:.0f} s"
    )
    sys.exit(any(row.verdict in ("FAILED", "DISAGREE") for row in rows))


if __name__ == "__main__":
    main()
