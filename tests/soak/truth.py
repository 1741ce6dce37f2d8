"""What every file of a soak test holds: made from known numbers, or by one command at a time that nothing disturbs."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from nasbench.benchmark import hdf5
from nasbench.benchmark.base import Benchmark
from nasbench.benchmark.load import load
from nasbench.cli import main
from nasbench.evaluate.results import json_values
from nasbench.evaluate.strategies import compare

Rng = np.random.Generator
SPACE = '''
"""Eight small networks."""
from nasbench.spaces import ChoiceSpace

class Eight(ChoiceSpace):
    name, paper = "eight", "example"
    def __init__(self):
        super().__init__({"depth": [1, 2], "kernel": [3, 5], "pool": ["max", "avg"]}, build=f"{__name__}:build")

def build(choices, task, settings):
    from torch import nn
    from nasbench.spaces.networks.layers import conv_bn_relu, head
    c = settings.channels
    layers = [conv_bn_relu(c, c, choices["kernel"]) for _ in range(choices["depth"])]
    pool = nn.MaxPool2d(2) if choices["pool"] == "max" else nn.AvgPool2d(2)
    return nn.Sequential(conv_bn_relu(1, c, 3), *layers, pool, head(c, 10))
'''
CELLS = [f"depth={d},kernel={k},pool={p}" for d, k, p in itertools.product([1, 2], [3, 5], ["max", "avg"])]
MAX_SEEDS = 3
"""Training seeds of a whole build, which grows from one."""
IMPORT = ("import", "csv", "--space", "eight:Eight", "--arch-column", "arch", "--dataset", "digits")


def words(line: str) -> tuple[str, ...]:
    """The words of a command line."""
    return tuple(line.split())


BUILD = words(
    "build --space eight:Eight --sampling exhaustive --dataset digits+train=40+validation=20+test=20 --epochs 2 "
    "--channels 2 --stages 1 --batch-size 20 --parallel 2 --measure counts"
)
CURVES = words(
    "--seed-column seed --epoch-column epoch --column validation_accuracy=val --column test_accuracy=test "
    "--column train_seconds=secs"
)
RACE = words("--strategies random,local,evolution --initial 2 --evaluations 6 --repeats 2 --jobs 1")


class Fault(AssertionError):
    """A promise that was broken."""


def check(holds: Any, broken: str) -> None:
    """Raise a `Fault` unless something holds."""
    if not holds:
        raise Fault(broken)


@dataclass
class Truth:
    """What a version of a file holds.

    Attributes:
        numbers: By metric, `(architecture, seed, epoch)` in the order of `CELLS`.
        content: What `content` returns; empty if measured times change it, and numbers of later seeds may be missing.
        race: Records of a race on it.
    """

    numbers: dict[str, Any]
    content: dict[str, str] = field(default_factory=dict)
    race: list[dict[str, Any]] = field(default_factory=list)


def content(path: Path) -> dict[str, str]:
    """The recipe and the checksums of all arrays of a file; the provenance, as the commit, may change meanwhile."""
    with h5py.File(path, locking=False) as file:
        sums = {name: str(item.attrs["sha256"]) for name, item in hdf5.objects(file) if isinstance(item, h5py.Dataset)}
        recipe = json.loads(file.attrs["recipe"])
    for source in recipe.get("sources", {}).values():
        del source["provenance"]
    return {**sums, "recipe": json.dumps(recipe)}


def unmeasured(path: Path) -> dict[str, str]:
    """The same without measured times."""
    return {name: value for name, value in content(path).items() if not name.endswith("train_seconds")}


def quietly(*given: object) -> None:
    """Run a command in this process."""
    before, sys.argv = sys.argv, ["nasbench", *map(str, given)]
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as errors:
            main()
    except SystemExit as end:
        check(not end.code, f"{given[0]} ended with {end.code}: {errors.getvalue()}")
    finally:
        sys.argv = before


def race(benchmark: Benchmark) -> Any:
    """Records of the race that the command `RACE` runs."""
    options = {"strategies": ["random", "local", "evolution"], "initial": 2, "evaluations": 6, "repeats": 2, "jobs": 1}
    return json_values(compare(benchmark, "digits/validation_accuracy", **options).records)  # type: ignore[arg-type]


def write_source(path: Path, rng: Rng) -> dict[str, Any]:
    """Write a csv file of random numbers, two seeds and two epochs of each cell; returns them by metric."""
    shape = (len(CELLS), 2, 2)
    values = {"val": 100 * rng.random(shape), "test": 100 * rng.random(shape), "secs": rng.random(shape).cumsum(axis=2)}
    lines = ["arch,seed,epoch," + ",".join(values)]
    for c, s, e in np.ndindex(shape):
        lines.append(f'"{CELLS[c]}",{s},{e + 1},' + ",".join(repr(float(v[c, s, e])) for v in values.values()))
    path.write_text("\n".join(lines) + "\n")
    names = ("validation_accuracy", "test_accuracy", "train_seconds")
    return {f"digits/{name}": v for name, v in zip(names, values.values(), strict=True)}


def prepare(folder: Path, rng: Rng) -> dict[str, list[Truth]]:
    """Make every version of every file in `folder/quiet`; returns what they hold by the name of the file."""
    for name in ("quiet", "damaged", "temporary"):
        (folder / name).mkdir()
    costs, quiet = rng.integers(1, 10**6, len(CELLS)), folder / "quiet"
    rows = (f'"{cell}",{cost}\n' for cell, cost in zip(CELLS, costs, strict=True))
    (folder / "costs.csv").write_text("arch,size\n" + "".join(rows))
    quietly(*IMPORT, folder / "costs.csv", "--column", "size=size:count:min:static", "--out", folder / "costs.h5")
    truths: dict[str, list[Truth]] = {"shared": [], "merged": []}
    for version in ("a", "b"):
        numbers = write_source(folder / f"{version}.csv", rng)
        quietly(*IMPORT, folder / f"{version}.csv", *CURVES, "--out", folder / "shared.h5")
        quietly("merge", folder / "shared.h5", folder / "costs.h5", "--out", folder / "merged.h5")
        records = race(load(folder / "shared.h5"))
        for name, more in (("shared", {}), ("merged", {"digits/size": costs[:, None, None].astype(float)})):
            shutil.copy(folder / f"{name}.h5", quiet / f"{name}-{version}.h5")
            truths[name].append(Truth(numbers | more, content(folder / f"{name}.h5"), records))
    quietly(*BUILD, "--seeds", MAX_SEEDS, "--jobs", 1, "--out", quiet / "built.h5")
    table = hdf5.read(quiet / "built.h5")
    rows_of = {table.space.to_string(genotype): row for row, genotype in enumerate(table.genotypes)}
    order = [rows_of[table.space.to_string(table.space.genotype(cell))] for cell in CELLS]
    built = {path: column.values[order] for path, column in table.columns.items() if "train_seconds" not in path}
    truths["built"] = [Truth({path: v.reshape((*v.shape, 1, 1)[:3]) for path, v in built.items()})]
    return truths


def ask(benchmark: Benchmark, truths: list[Truth], rng: Rng, questions: int = 4) -> int:
    """Ask at random and compare with the one version that the benchmark can be; returns the number of answers."""
    path = "digits/validation_accuracy"
    first = benchmark.query(CELLS[0], path, epoch=1, seed=0).value
    fitting = [truth for truth in truths if truth.numbers[path][0, 0, 0] == first]
    check(fitting, f"{benchmark.name}: {path} is {first!r}, which is of no version")
    truth, cells = fitting[0], np.array([benchmark.space.genotype(cell) for cell in CELLS])
    for _ in range(questions):
        path = str(rng.choice(sorted(truth.numbers)))
        seeds, epochs = benchmark.recorded_seeds(path) or (0,), benchmark.recorded_epochs(path) or (1,)
        seed, epoch, rows = int(rng.choice(seeds)), int(rng.choice(epochs)), rng.integers(len(CELLS), size=5)
        curve = truth.numbers[path].shape[1] > 1
        at: dict[str, Any] = {"seed": seed, "epoch": epoch} if curve else {}
        right = truth.numbers[path][rows, seed, epoch - 1]
        got = benchmark.query_many(cells[rows], path, **at).values.filled(np.nan)
        one = benchmark.query(CELLS[rows[0]], path, **at).value
        equal = (got == right) | (np.isnan(got) & (not truth.content and seed > 0))
        check(equal.all(), f"{benchmark.name}: {path} at {at} is {got.tolist()}, not {right.tolist()}")
        check(np.array_equal(one, got[0], equal_nan=True), f"{benchmark.name}: {path} is {one} alone, not {got[0]}")
    return questions * 6
