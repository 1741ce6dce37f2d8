"""Commands of the soak test: real processes on the same files, most of which are killed or meet a full disk."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import resource
import signal
import sqlite3
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from actors import MAX_SECONDS, World, flipped, one_line
from truth import BUILD, CURVES, IMPORT, MAX_SEEDS, RACE, Rng, check, content, unmeasured

from nasbench.benchmark import hdf5
from nasbench.builder.ledger import Ledger
from nasbench.errors import NasbenchError
from nasbench.evaluate.results import Results
from nasbench.evaluate.run_ledger import ledger_of

AT_ONCE = 3
SHARES = {"build": 0.5, "import": 0.25, "merge": 0.15, "race": 0.1}
"""How often a command is drawn; a second build beside another is rarer, and a third is not drawn."""
MAX_DELAY = {"build": 10.0, "import": 5.0, "merge": 5.0, "race": 5.0}
"""Seconds after which a command is killed at the latest."""
MAX_FAREWELL = 20
"""Seconds in which the processes of a command end after it."""


@dataclass
class Command:
    """A command, and how it is to end.

    Attributes:
        kind: `"build"`, `"import"`, `"merge"` or `"race"`.
        target: The file that it writes.
        words: Its arguments.
        seeds: Training seeds of a build, else 0.
        signal: What it is sent after `delay` seconds, or 0.
        limit: Bytes to which its files may grow, as on a full disk; 0 for no limit.
        sent: What it was sent, or 0.
        heard: Whether it had a handler for that.
    """

    kind: str
    target: Path
    words: tuple[str, ...]
    seeds: int = 0
    signal: int = 0
    delay: float = 0.0
    limit: int = 0
    sent: int = 0
    heard: bool = False

    def start(self) -> None:
        """Start it in a session of its own, where what it leaves behind is found."""
        folder = self.target.parent
        paths = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(folder)]))
        own = {"PYTHONPATH": paths, "PYTHONFAULTHANDLER": "1", "TMPDIR": str(folder / "temporary")}

        def bounded() -> None:
            if self.limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (self.limit, self.limit))

        self.process = subprocess.Popen(
            [sys.executable, "-m", "nasbench", *self.words, str(self.target)], cwd=folder, env={**os.environ, **own},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
            preexec_fn=bounded,
        )  # fmt: skip
        self.begun = time.monotonic()

    def ended(self) -> bool:
        """Whether it has ended; sends its signal when it is due, and SIGABRT, which shows its stack, if it hangs."""
        age = time.monotonic() - self.begun
        due = signal.SIGABRT if age > MAX_SECONDS else self.signal if age > self.delay else 0
        if self.process.poll() is None and due not in (0, self.sent):
            self.heard = catches(self.process.pid)
            self.process.send_signal(due)
            self.sent = due
        return self.process.poll() is not None

    def judge(self) -> str:
        """How it ended: finished, killed, full disk or refused; checks its status, its words and its processes."""
        _, errors = self.process.communicate()
        status, by = self.process.returncode, self.sent
        context = f"{self}, status {status}: {errors}"
        check(by != signal.SIGABRT, f"hangs: {context}")
        lines = errors.splitlines()
        ours = "/nasbench/" in errors.replace("/nasbench/__main__.py", "")
        unheard = by and not self.heard and not ours  # Python itself starts or ends, and may say so
        if by and (status == -by if self.heard else unheard and status in (-by, 128 + by, 1)):
            end, lines = "killed", []
        elif by and status == 128 + by:
            end = "killed"
        elif status == 2:
            end = "full disk" if self.limit else "refused"
            busy = "in use by another" in errors and self.kind in ("build", "race")
            replaced = "of other settings" in errors and self.kind == "race"  # the table, since a race was stopped
            check(self.limit or busy or replaced, f"refused: {context}")
        else:
            end = "finished"
            check(status == 0, f"another exit status: {context}")
            lines = [] if unheard else lines
        told = all(one_line(line) and line.startswith("nasbench") for line in lines)
        check(told and (lines or not status or end == "killed"), f"another message: {context}")
        patience = time.monotonic() + MAX_FAREWELL
        while left := session(self.process.pid):
            check(time.monotonic() < patience, f"leaves the processes {left}: {context}")
            time.sleep(0.2)
        return end


def catches(process: int) -> bool:
    """Whether a process has a handler for SIGTERM, and so one of ours for SIGINT; Python's own is there before."""
    with contextlib.suppress(OSError):
        status = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
        return bool(int(status["SigCgt"], 16) >> (signal.SIGTERM - 1) & 1)
    return False


def session(leader: int) -> list[int]:
    """Living processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, owner = path.read_text().rpartition(")")[2].split()[:4]
            found += [int(path.parent.name)] if int(owner) == leader and state != "Z" else []
    return found


@dataclass
class Director:
    """Starts commands at random, and checks what they leave."""

    world: World
    rng: Rng
    tell: Callable[[str], None]
    running: list[Command] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    litter: Counter[str] = field(default_factory=Counter)

    def command(self, kind: str, seeds: int = MAX_SEEDS, jobs: int = 1) -> Command:
        """A command that is left alone."""
        folder, version = self.world.folder, self.rng.choice(["a", "b"])
        shared = str(folder / "shared.h5")
        target, words = {
            "build": ("built.h5", (*BUILD, "--seeds", str(seeds), "--jobs", str(jobs), "--out")),
            "import": ("shared.h5", (*IMPORT, str(folder / f"{version}.csv"), *CURVES, "--out")),
            "merge": ("merged.h5", ("merge", shared, str(folder / "costs.h5"), "--out")),
            "race": ("race.json", ("compare", shared, *RACE, "--json")),
        }[kind]
        return Command(kind, folder / target, words, seeds * (kind == "build"))

    def drawn(self) -> Command:
        """A random command that is killed, meets a full disk, or is left alone."""
        builds = sum(command.kind == "build" for command in self.running)
        weights = {**SHARES, "build": SHARES["build"] * (1, 0.3, 0)[builds]}
        kind = str(self.rng.choice(list(weights), p=[w / sum(weights.values()) for w in weights.values()]))
        command = self.command(kind, int(self.rng.integers(1, MAX_SEEDS + 1)), 1 + (self.rng.random() < 0.2))
        fate = self.rng.random()
        if fate < 0.5:
            command.signal = int(self.rng.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
            command.delay = self.rng.uniform(0, MAX_DELAY[kind])
        elif fate < 0.7:
            command.limit = int(10 ** self.rng.uniform(2, 5))
        return command

    def step(self, fill: bool = True) -> None:
        """Start commands until enough of them run, and judge those that have ended."""
        while fill and len(self.running) < AT_ONCE:
            self.start(self.drawn())
        for command in [command for command in self.running if command.ended()]:
            self.running.remove(command)
            end = "faulty"
            try:
                end = command.judge()
                self.check_target(command)
            except Exception:
                self.faults.append(traceback.format_exc())
            self.tell(f"{command.kind} {command.seeds or ''} {end}, status {command.process.returncode}")
            self.world.done[f"{command.kind}: {end}"] += 1
            if end == "killed":
                self.world.done[f"killed by {signal.Signals(command.sent).name}"] += 1
        time.sleep(0.05)

    def start(self, command: Command) -> None:
        """Start a command."""
        self.world.done[f"{command.kind}: begun"] += 1
        command.start()
        self.running.append(command)

    def finish(self) -> None:
        """Wait for what still runs, then run each command once more, undisturbed."""
        for kind in (None, *SHARES):
            if kind:
                self.start(self.command(kind))
            while self.running:
                self.step(fill=False)

    def check_target(self, command: Command) -> None:
        """Check that a file in place is whole, and that nothing lies beside it."""
        target, truths, finished = command.target, self.world.truths, command.process.returncode == 0
        self.litter[target.name] += command.process.returncode < 0  # it may have left a temporary file
        if command.kind == "build" and target.exists():
            missing = hdf5.read(target).columns["digits/test_loss"].missing
            check(not finished or not missing[:, : command.seeds].any(), f"{command}: numbers are missing")
        elif command.kind == "race" and target.exists():
            races = [truth.race for truth in truths["shared"]]
            check(Results.read(target).records in races, "a race gave other results")
        elif command.kind in ("import", "merge"):
            check(content(target) in [truth.content for truth in truths[target.stem]], f"{target} is of no version")
        if not any(other.target == target for other in self.running):
            left = list(target.parent.glob(f".{target.name}.*"))
            check(len(left) <= self.litter.pop(target.name), f"temporary files are left: {left}")
            for path in left:
                path.unlink()
            if command.kind == "build":
                self.settle_build(target)
            elif command.kind == "race":
                ledger_of(target).unlink(missing_ok=True)  # the next one may find another table

    def settle_build(self, built: Path) -> None:
        """Damage copies of a ledger, or compare a whole table with an undisturbed build and make room for another."""
        ledger = built.with_name(f"{built.name}.ledger")
        if ledger.exists():
            self.world.done["damaged ledgers"] += damage_ledger(ledger, built.parent / "damaged" / "ledger", self.rng)
        elif built.exists() and len(hdf5.read(built).seeds) == MAX_SEEDS:
            whole = unmeasured(built) == unmeasured(built.parent / "quiet" / built.name)
            check(whole, "an interrupted build made another table")
            self.world.done["tables equal to an undisturbed build"] += 1
            built.unlink()


def damage_ledger(ledger: Path, copy: Path, rng: Rng, copies: int = 5) -> int:
    """Check that a damaged copy of a ledger is refused, or holds nothing that was not recorded; returns the number."""
    files = {end: ledger.with_name(ledger.name + end) for end in ("", "-wal")}
    stored = {end: file.read_bytes() for end, file in files.items() if file.exists() and file.stat().st_size}

    def written(parts: dict[str, bytes]) -> None:
        for end in ("-shm", "-wal", ""):
            copy.with_name(copy.name + end).unlink(missing_ok=True)
        for end, part in parts.items():
            copy.with_name(copy.name + end).write_bytes(part)

    def finished(parts: dict[str, bytes]) -> dict[Any, bytes]:
        written(parts)
        with Ledger(copy, recipe) as opened:
            return {k: pickle.dumps((v.values, v.reason)) for k, v in opened.finished().items()}

    written(stored)
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        try:
            recipe = json.loads(connection.execute("SELECT json FROM fact WHERE name = 'recipe'").fetchone()[0])
        except sqlite3.OperationalError:
            return 0  # killed before its first transaction
    recorded = finished(stored)
    for _ in range(copies):
        end = str(rng.choice(list(stored)))
        try:
            read = finished({**stored, end: flipped(stored[end], rng)})
        except NasbenchError as error:
            check(one_line(str(error)), f"not one line: {error!r}")
        else:
            check(read.items() <= recorded.items(), "a damaged ledger gave other numbers")
    return copies
