"""Processes of the soak test that live long: readers, threads, races, and those who replace and damage files."""

from __future__ import annotations

import contextlib
import faulthandler
import itertools
import pickle
import resource
import shutil
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from truth import Rng, Truth, ask, check, race

from nasbench.benchmark.base import Benchmark
from nasbench.benchmark.hdf5.verify import verify
from nasbench.benchmark.load import load
from nasbench.errors import FileError
from nasbench.printable import printable

MAX_SECONDS = 180
"""What takes longer hangs."""
MAX_MESSAGE = 2200
"""Characters of a line on standard error."""
MAX_GROWTH = 200 * 2**20
"""Bytes by which the memory of a reader may grow after its first actions."""
FIRST_ACTIONS = 100
THREADS = 6
MAX_OPEN = 6
"""Benchmarks that a reader keeps open."""


@dataclass
class World:
    """What every actor knows: the folder, what its files can hold, and what was done how often."""

    folder: Path
    truths: dict[str, list[Truth]]
    done: Counter[str] = field(default_factory=Counter)
    open: list[tuple[str, Path, int, Benchmark]] = field(default_factory=list)

    def file(self, rng: Rng) -> tuple[str, Path]:
        """Name and path of one of the files that are there."""
        name = str(rng.choice([name for name in self.truths if (self.folder / f"{name}.h5").exists()]))
        return name, self.folder / f"{name}.h5"

    @contextlib.contextmanager
    def unless_taken_away(self, path: Path) -> Iterator[None]:
        """A whole build may be taken away at any time; other files may not."""
        try:
            yield
        except (FileError, FileNotFoundError):
            if path.stem != "built" or path.exists():
                raise


def reader(world: World, rng: Rng) -> None:
    """Keep benchmarks open while other files take their names; a copy for another process is right or refused."""
    if len(world.open) < MAX_OPEN or rng.random() < 0.2:
        name, path = world.file(rng)
        with world.unless_taken_away(path):
            world.open = [*world.open, (name, path, path.stat().st_ino, load(path))][-MAX_OPEN:]
    name, path, number, benchmark = world.open[rng.integers(len(world.open))]
    world.done["numbers read and compared"] += ask(benchmark, world.truths[name], rng)
    world.done["reads under a replacement"] += is_other(path, number)
    try:
        copy = pickle.loads(pickle.dumps(benchmark))  # noqa: S301
        world.done["numbers read and compared"] += ask(copy, world.truths[name], rng, 1)
    except FileError as error:
        check(is_other(path, number), f"a file that nobody replaced was refused: {error}")


def is_other(path: Path, number: int) -> bool:
    """Whether a path leads to another file than the one with this number, or to none."""
    try:
        return path.stat().st_ino != number
    except FileNotFoundError:
        return True


def verifier(world: World, rng: Rng) -> None:
    """The file in place is sound at any moment."""
    path = world.file(rng)[1]
    with world.unless_taken_away(path):
        findings = verify(path)
        check(not findings or not path.exists(), f"verify {path}: {findings}")
        world.done["files verified"] += 1


def crowd(world: World, rng: Rng) -> None:
    """Many threads ask one benchmark and take turns after microseconds."""
    name, path = world.file(rng)
    before = sys.getswitchinterval()
    with world.unless_taken_away(path), ThreadPoolExecutor(THREADS) as pool:
        benchmark = load(path)
        sys.setswitchinterval(1e-6)
        try:
            answers = pool.map(lambda own: ask(benchmark, world.truths[name], own), rng.spawn(THREADS))
            world.done["numbers read by threads"] += sum(answers)
        finally:
            sys.setswitchinterval(before)


def racer(world: World, rng: Rng) -> None:
    """A race gives what it gave undisturbed."""
    found = race(load(world.folder / "shared.h5"))
    check(found in [truth.race for truth in world.truths["shared"]], "a race gave other results")
    world.done["races"] += 1


def replacer(world: World, rng: Rng) -> None:
    """Another file takes the name of one that others read."""
    temporary = world.folder / "temporary" / f"replacement-{rng.integers(2**60)}"
    shutil.copy(world.folder / "quiet" / f"shared-{rng.choice(['a', 'b'])}.h5", temporary)
    temporary.replace(world.folder / "shared.h5")
    world.done["files replaced"] += 1


def damager(world: World, rng: Rng) -> None:
    """A damaged copy is refused, or its damage is named, or its numbers are right."""
    name = str(rng.choice(["shared-a", "merged-b", "built"]))
    copy = world.folder / "damaged" / f"{name}-{rng.integers(2**60)}.h5"
    copy.write_bytes(flipped((world.folder / "quiet" / f"{name}.h5").read_bytes(), rng))
    try:
        findings, benchmark = verify(copy), load(copy)
        if not findings:
            ask(benchmark, world.truths[name.partition("-")[0]], rng, 20)
    except FileError as error:
        findings = [str(error)]
    check(all(map(one_line, findings)), f"not one line: {findings}")
    world.done["damaged tables"] += 1
    copy.unlink()


def flipped(content: bytes, rng: Rng) -> bytes:
    """Content without its end, or with some bytes changed."""
    damaged = bytearray(content)
    if rng.random() < 0.3:
        return bytes(damaged[: rng.integers(len(damaged))])
    for _ in range(int(rng.integers(1, 5))):
        at, size = int(rng.integers(len(damaged))), int(rng.choice([1, 8]))
        damaged[at : at + size] = rng.bytes(len(damaged[at : at + size]))
    return bytes(damaged)


def one_line(text: str) -> bool:
    """Whether a message is one line that can be printed and read."""
    return bool(text.strip()) and len(text) < MAX_MESSAGE and printable(text) == text


SHARES: dict[Callable[[World, Rng], None], float] = {
    reader: 0.55, verifier: 0.15, crowd: 0.1, damager: 0.1, replacer: 0.07, racer: 0.03,
}  # fmt: skip


def memory() -> int:
    """Bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def work(world: World, rng: Rng, end: float, pipe: Connection) -> None:
    """Let actors act in turns until a time; tells each fault, then what was done, then by how much memory grew."""
    first = 0
    for number in itertools.count():
        faulthandler.dump_traceback_later(MAX_SECONDS, exit=True)
        if time.time() > end:
            break
        try:
            list(SHARES)[rng.choice(len(SHARES), p=list(SHARES.values()))](world, rng)
        except Exception:
            pipe.send(traceback.format_exc())
        first = memory() if number == FIRST_ACTIONS else first
        time.sleep(rng.uniform(0, 0.05))
    growth = memory() - first if first else 0
    if growth > MAX_GROWTH:
        pipe.send(f"the memory of a reader grew by {growth:,} bytes")
    pipe.send((world.done, growth))
