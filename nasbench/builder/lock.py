"""A lock between processes: an empty file beside what it guards, freed by the system when its holder dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from nasbench.errors import FileError


class Lock:
    """Held from its creation until `release`.

    SQLite locks files, not names: of a file that one process deletes and another makes anew, the logs, which have
    names only, would be mixed up.

    Args:
        path: The file to guard; the lock is `<path>.lock` and is deleted when it is released.

    Raises:
        FileError: Another process, or another part of this one, holds it, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}.lock")
        try:
            while not self._taken():
                pass
        except BlockingIOError as error:
            raise FileError(f"{path} is in use by another build; wait for it or write elsewhere") from error
        except OSError as error:
            place = f"{path}: {error.strerror}; is its folder there, writable, and able to lock files?"
            raise FileError(f"cannot write {place}") from error

    def _taken(self) -> bool:
        """Lock the file; False if it was deleted meanwhile by who held it."""
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(self._file), self._path.stat()):
                return True
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(self._file)
            raise
        os.close(self._file)
        return False

    def release(self) -> None:
        """Delete the file, then free it: in this order, so that who has opened it meanwhile finds it gone."""
        if self._file >= 0:
            self._path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = -1
