"""A guard: the strategy runs in a process of its own, which asks this one for outcomes of its trials through a pipe.

That process holds the problem and what the strategy was told, and neither the benchmark nor a reference to it, so no
look at objects, frames or classes finds more. What comes back is read as bytes (genotypes, epochs, answers), never as
objects, and checked like any proposal; whatever the strategy changes there is changed there only. A strategy that opens
the file of the benchmark by itself, or attaches a debugger to this process, is no matter of a pipe: that takes another
user or a container.
"""

from __future__ import annotations

import os
import struct
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection
from time import monotonic
from typing import Any

import numpy as np

from nasbench.arrays import read_only
from nasbench.checks import check_whole
from nasbench.errors import InputError, NasbenchError, described
from nasbench.parallel.memory import limit_memory
from nasbench.parallel.processes import cause_of_death, end_copies, settle, started
from nasbench.parallel.threads import single_threaded
from nasbench.printable import MOST_OF_LINE, cut, printable
from nasbench.search import strategies
from nasbench.search.base import Outcome, Strategy, Trial, unknown_epochs
from nasbench.search.problem import Problem
from nasbench.types import FloatArray, GenotypeArray

HERE, DONE, FAILED, COLUMN = b"h", b"d", b"f", b"c"
"""First byte of what a guarded process sends: it is there; an answer; an error; a question about a static metric."""
MAX_MESSAGE = 2**28
"""Most bytes of a message from a guarded process."""
EPOCHS = struct.Struct("<q")
"""Epochs of a trial, before its genotype; the epochs of the strategy's own, before all trials."""


class Guarded:
    """A strategy in a process of its own; runs as a `Strategy` does.

    Args:
        strategy: What `strategies.create` takes, which that process calls anew for each run.
        patience: Seconds that a step may take before the process is killed, imports included; None for no limit.
        memory: Gigabytes that the process may allocate; None for no limit.
    """

    def __init__(
        self,
        strategy: str | type[Strategy] | Strategy,
        patience: float | None = None,
        memory: float | None = None,
    ) -> None:
        self.strategy, self.patience, self.memory = strategy, patience, memory
        self.name, self.stops_trials, self.own_epochs = "the strategy", False, 0
        self._pipe: Connection | None = None
        self._asked, self._owed = 0, False

    def start(self, problem: Problem, rng: np.random.Generator) -> None:
        """As `Strategy.start`.

        Raises:
            InputError: As all methods: the strategy failed, its process ended, or a step took too long.
        """
        if self._pipe is None:
            self._begin()
        self._problem, self._asked, self.own_epochs = problem, 0, 0
        self._width = len(problem.space.cardinalities)
        message = "start", replace(problem, lookup=None), rng, problem.lookup is not None
        answer = self._call("end of start", *message)
        self.stops_trials, self.name = answer[:1] == b"\1", printable(_text(answer[1:]))

    def ask(self, most: int) -> list[Trial]:
        """As `Strategy.ask`; the tags are numbers, and those of the strategy stay with it."""
        answer, size = self._call("proposal", "ask", most), EPOCHS.size + self._width
        count, rest = divmod(len(answer) - EPOCHS.size, size)
        if rest or not 0 <= count <= most:
            raise self._broken()
        self.own_epochs = EPOCHS.unpack_from(answer)[0]
        trials = []
        for at in range(EPOCHS.size, len(answer), size):
            architecture = np.frombuffer(answer[at + EPOCHS.size : at + size], dtype=np.int8)
            trials.append(Trial(architecture, EPOCHS.unpack_from(answer, at)[0], self._asked))
            self._asked += 1
        return trials

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """As `Strategy.tell`, without waiting for its end: the next call does, or `finish`."""
        self.finish()
        self._send("tell", trial.tag, *outcome)
        self._owed = True

    def goes_on(self, trial: Trial, epoch: int, scores: tuple[float, ...]) -> bool:
        """As `Strategy.goes_on`."""
        return self._call("answer of goes_on", "goes_on", trial.tag, epoch, scores) == b"\1"

    def finish(self) -> None:
        """Wait until the strategy has learnt from all outcomes."""
        if self._owed:
            self._owed = False
            self._answer("end of tell")

    def close(self) -> None:
        """End the process; the next start begins another."""
        if self._pipe is not None:
            self._end()
            self._process.join()
            self._pipe.close()
            self._pipe, self._owed = None, False

    def _begin(self) -> None:
        ours, theirs = get_context("spawn").Pipe()
        with single_threaded():
            self._process = started(_serve, theirs)
        theirs.close()
        self._pipe, self._end = ours, weakref.finalize(self, self._process.kill)
        if self._received(None)[:1] != HERE:  # to start an interpreter is no step of the strategy
            raise self._broken()
        self._send(self.strategy, self.memory)

    def _call(self, what: str, *message: Any) -> bytes:
        """The answer to a message; it is sent before the end of a tell is awaited, which spares a change of process."""
        self._send(*message)
        self.finish()
        return self._answer(what)

    def _send(self, *message: Any) -> None:
        assert self._pipe is not None
        with suppress(OSError):  # where it is gone, its answer says so
            self._pipe.send(message)

    def _answer(self, what: str) -> bytes:
        """The answer to a message; until then, questions about static metrics are answered."""
        end = None if self.patience is None else monotonic() + self.patience
        while True:
            message = self._received(end)
            if not message:
                self.close()
                raise InputError(f"no {what} within {self.patience:g} s (--patience)")
            kind, content = message[:1], message[1:]
            if kind == DONE:
                return content
            if kind == FAILED:
                self.close()
                raise InputError(printable(cut(_text(content), MOST_OF_LINE)))
            if kind != COLUMN:
                raise self._broken()
            self._send(self._column(content))

    def _received(self, end: float | None) -> bytes:
        """The next message; empty where there is none in time."""
        assert self._pipe is not None
        try:
            if end is not None and not self._pipe.poll(max(end - monotonic(), 0.0)):
                return b""
            return self._pipe.recv_bytes(MAX_MESSAGE) or b"?"
        except (EOFError, OSError):
            self._process.join(1)  # it may have closed the pipe and go on
            self._process.kill()
            cause = cause_of_death(self._process)
            self.close()
            raise InputError(f"its process {cause}") from None

    def _column(self, question: bytes) -> FloatArray | str:
        """Values of a static metric, or why there are none."""
        name, _, rows = question.partition(b"\0")
        if len(rows) % self._width:
            raise self._broken()
        genotypes = np.frombuffer(rows, dtype=np.int8).reshape(-1, self._width)
        try:
            return self._problem.columns([_text(name)], genotypes)[_text(name)]
        except NasbenchError as error:
            return str(error)

    def _broken(self) -> InputError:
        self.close()
        return InputError("its process answers what no strategy does; it writes to the pipe of the guard")


def _text(content: bytes) -> str:
    return content.decode("utf-8", errors="replace")


# --- the other side -------------------------------------------------------------------------------------------------


def _serve(pipe: Connection) -> None:
    """Run a strategy as the messages of a pipe say."""
    settle()
    own = os.getpid()
    pipe.send_bytes(HERE)
    strategy, memory = pipe.recv()
    if memory is not None:
        limit_memory(memory)
    guest = _Guest(strategy, pipe)
    while True:
        try:
            what, *arguments = pipe.recv()
        except EOFError:
            return
        call: Callable[..., bytes] = getattr(guest, what)
        try:
            answer = DONE + call(*arguments)
        except NasbenchError as error:
            answer = FAILED + str(error).encode("utf-8", errors="replace")
        except BaseException as error:  # anybody's code may raise whatever it likes
            answer = FAILED + described(error).encode("utf-8", errors="replace")
        end_copies(own)
        pipe.send_bytes(answer)


class _Guest:
    """The strategy, and its trials by number."""

    def __init__(self, strategy: str | type[Strategy] | Strategy, pipe: Connection) -> None:
        self.component, self.pipe = strategy, pipe

    def start(self, problem: Problem, rng: np.random.Generator, asks: bool) -> bytes:
        self.strategy = strategies.create(self.component)
        self.trials: dict[int, Trial] = {}
        self.asked = 0
        self.shape, self.fidelities = (len(problem.space.cardinalities),), problem.fidelities
        self.strategy.start(replace(problem, lookup=self.column if asks else None), rng)
        return (b"\1" if self.strategy.stops_trials else b"\0") + type(self.strategy).__name__.encode()

    def ask(self, most: int) -> bytes:
        parts = []
        trials = self.strategy.ask(most)
        check_whole(f"own_epochs of {type(self.strategy).__name__}", self.strategy.own_epochs, 0)
        for trial in trials:
            if trial.epochs not in self.fidelities:
                raise unknown_epochs(trial, self.fidelities)
            cell = trial.architecture
            if cell.dtype != np.int8 or cell.shape != self.shape:
                cell = self.strategy.space.check([cell])[0]
            self.trials[self.asked] = trial
            self.asked += 1
            parts.append(EPOCHS.pack(int(trial.epochs)) + cell.tobytes())
        return EPOCHS.pack(self.strategy.own_epochs) + b"".join(parts)

    def tell(self, number: int, scores: tuple[float, ...], seconds: float, epochs: int, curve: FloatArray) -> bytes:
        self.strategy.tell(self.trials.pop(number), Outcome(scores, seconds, epochs, read_only(curve)))
        return b""

    def goes_on(self, number: int, epoch: int, scores: tuple[float, ...]) -> bytes:
        return b"\1" if self.strategy.goes_on(self.trials[number], epoch, scores) else b"\0"

    def column(self, name: str, genotypes: GenotypeArray) -> FloatArray:
        rows = self.strategy.space.check(genotypes)
        self.pipe.send_bytes(COLUMN + name.encode() + b"\0" + rows.tobytes())
        (values,) = self.pipe.recv()
        if isinstance(values, str):
            raise InputError(values)
        found: FloatArray = values
        return found
