"""Soak test: builds, imports, merges, races and readers meet on the files of one folder, and are killed at random.

`python tests/soak --minutes 20` starts real commands on the same files and ends them at random moments with SIGKILL,
SIGTERM, SIGINT or a full disk. Meanwhile other processes read, verify, race, replace and damage those files. Every
number that is read is compared with the known one. A broken promise makes the exit status 1 and keeps the folder.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from actors import MAX_SECONDS, World, work
from commands import Director
from truth import SPACE, prepare

PROCESSES = 2
"""Processes of actors beside the commands."""


def soak(folder: Path, seed: int, minutes: float, tell: Callable[[str], None]) -> tuple[Counter[str], list[str]]:
    """Work in an empty folder; returns what was done how often, and what did not hold."""
    (folder / "eight.py").write_text(SPACE)
    os.environ |= {"OMP_NUM_THREADS": "1", "NASBENCH_TRUSTED_MODULES": "eight"}
    sys.path.insert(0, str(folder))
    rng = np.random.default_rng(seed)
    world = World(folder, prepare(folder, rng))
    director, end, context, actors = Director(world, rng, tell), time.time() + 60 * minutes, get_context("spawn"), []
    try:
        for own in rng.spawn(PROCESSES):
            ours, theirs = context.Pipe()
            actor = context.Process(target=work, args=(replace(world, done=Counter()), own, end, theirs), daemon=True)
            actor.start()
            theirs.close()
            actors.append((actor, ours))
        while time.time() < end:
            director.step()
        director.finish()
        for _, pipe in actors:
            director.faults += heard(pipe, world.done)
    finally:
        for actor, _ in actors:
            actor.kill()
            actor.join()
    left = [path.name for path in folder.iterdir() if path.name.startswith(".") or "ledger" in path.name]
    return world.done, director.faults + [f"left in the end: {left}"] * bool(left)


def heard(pipe: Connection, done: Counter[str]) -> list[str]:
    """The faults that a process of actors tells; adds what it did."""
    faults = []
    while pipe.poll(MAX_SECONDS):
        try:
            said = pipe.recv()
        except EOFError:
            return [*faults, "a process of actors died or hung; its stack is above"]
        if isinstance(said, tuple):
            done.update(said[0])
            name = "MiB by which the memory of a reader grew"
            done[name] = max(done[name], said[1] >> 20)
            return faults
        faults.append(said)
    return [*faults, "a process of actors says nothing"]


def main() -> None:
    """Soak for a time and print one table."""
    arguments = argparse.ArgumentParser(prog="soak", description=__doc__)
    arguments.add_argument("--minutes", type=float, default=20)
    arguments.add_argument("--seed", type=int, help="of all that is drawn (default: another each time)")
    arguments.add_argument("--verbose", action="store_true", help="print a line for each command that ends")
    given = arguments.parse_args()
    seed = secrets.randbelow(2**32) if given.seed is None else given.seed
    folder, begun = Path(tempfile.mkdtemp(prefix="soak-")), time.monotonic()
    print(f"seed {seed}", flush=True)

    def tell(line: str) -> None:
        if given.verbose:
            print(f"{time.monotonic() - begun:7.1f} s  {line}", flush=True)

    done, faults = soak(folder, seed, given.minutes, tell)
    for name, number in [*sorted(done.items()), ("faults found", len(faults))]:
        print(f"{name:<42}{number:>12,}")
    for fault in faults[:10]:
        print(f"\nFAULT {fault}", file=sys.stderr)
    if faults:
        print(f"{folder} is kept; again: python tests/soak --seed {seed} --minutes {given.minutes:g}", file=sys.stderr)
        sys.exit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
