"""A process stops when it is told to, whatever it inherited from the one that started it."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import cast

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""What tells a process to stop: Ctrl-C, `kill` or a scheduler, and the end of its terminal."""

SECONDS_UNTIL_REPEATED = 0.1
"""Time after which a signal is sent again to a process that goes on."""


class Stopped(KeyboardInterrupt):
    """A signal told the process to stop.

    Args:
        number: Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def exit_status(interrupt: KeyboardInterrupt) -> int:
    """The exit status that shells give the signal behind an interrupt."""
    return 128 + (interrupt.number if isinstance(interrupt, Stopped) else signal.SIGINT)


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Give the signals that tell the process to stop back the handlers that they had.

    Threads other than the main one may not set handlers and change nothing.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            if _in_main_thread() and handler is not None:  # None is one that was not set in Python
                signal.signal(number, handler)


@contextmanager
def stoppable() -> Iterator[None]:
    """Let each signal that tells the process to stop raise `Stopped` in the main thread.

    A shell without job control starts what runs in the background with SIGINT ignored, and Python leaves it so. Here it
    is heard. A handler that somebody set stays, and so does a SIGHUP that is ignored, as `nohup` wants it.

    A signal is repeated until the block is left. Otherwise it would be lost where Python ignores exceptions, as in the
    callback of a weak reference, or where somebody's code catches all. During an import it waits for a repetition:
    an exception inside ends some libraries in C++ by `abort`.
    """
    imports, told, pending = _imports_under(sys._getframe()), set[int](), list[int]()
    left, guard = threading.Event(), threading.Lock()

    def repeat(number: int) -> None:
        while True:
            time.sleep(SECONDS_UNTIL_REPEATED)
            with guard:
                if left.is_set():
                    return
                pending.append(number)
                signal.pthread_kill(cast(int, threading.main_thread().ident), number)

    def stop(number: int, frame: FrameType | None) -> None:
        if number not in told:
            told.add(number)
            _thread.start_new_thread(repeat, (number,))  # `Thread` takes locks that the interrupted code may hold
        repeated = bool(pending) and pending.pop() == number
        unwinding = left.is_set() or _follows_stop(sys.exc_info()[1])
        if _imports_under(frame) <= imports and not (repeated and unwinding):
            raise Stopped(number)

    unraisable = sys.unraisablehook

    def report(ignored: sys.UnraisableHookArgs) -> None:
        if not isinstance(ignored.exc_value, Stopped):  # which is repeated
            unraisable(ignored)

    with handlers_kept():
        for number in SIGNALS:
            if _in_main_thread() and _is_free(number):
                signal.signal(number, stop)
                sys.unraisablehook = report
        try:
            yield
        finally:
            with guard:
                left.set()
            if sys.unraisablehook is report:
                sys.unraisablehook = unraisable


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _is_free(number: int) -> bool:
    handler = signal.getsignal(number)
    if handler is signal.SIG_IGN:
        return number != getattr(signal, "SIGHUP", None)
    return handler in (signal.SIG_DFL, signal.default_int_handler)


def _follows_stop(error: BaseException | None) -> bool:
    """Whether an error is a `Stopped`, or was raised while one was handled."""
    while not (error is None or isinstance(error, Stopped)):
        error = error.__context__
    return error is not None


def _imports_under(frame: FrameType | None) -> int:
    """Number of calls of the import system in which a frame runs."""
    imports = 0
    while frame is not None:
        imports += frame.f_code.co_filename.startswith("<frozen importlib")
        frame = frame.f_back
    return imports
