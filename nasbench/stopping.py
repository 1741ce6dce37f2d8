"""A process stops when it is told to, whatever it inherited from the one that started it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""What tells a process to stop: Ctrl-C, `kill` or a scheduler, and the end of its terminal."""


class Stopped(KeyboardInterrupt):
    """A signal told the process to stop.

    Args:
        number: Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


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
    """
    with handlers_kept():
        for number in SIGNALS:
            if _in_main_thread() and _is_free(number):
                signal.signal(number, _stop)
        yield


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _is_free(number: int) -> bool:
    handler = signal.getsignal(number)
    return handler is signal.SIG_DFL or (handler is signal.SIG_IGN and number != getattr(signal, "SIGHUP", None))


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)
