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
def stoppable() -> Iterator[None]:
    """Let each signal that tells the process to stop raise `Stopped` in the main thread.

    A shell without job control starts what runs in the background with SIGINT ignored, and Python leaves it so. Here it
    is heard. A handler that somebody set stays, and so does a SIGHUP that is ignored, as `nohup` wants it. Threads
    other than the main one may not set handlers and change nothing.
    """
    before = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if _is_free(number):
                    before[number] = signal.signal(number, _stop)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_free(number: int) -> bool:
    handler = signal.getsignal(number)
    return handler is signal.SIG_DFL or (handler is signal.SIG_IGN and number != getattr(signal, "SIGHUP", None))


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)
