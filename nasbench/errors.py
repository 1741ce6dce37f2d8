"""User errors: one line with the mistake, its place and the remedy."""


class NasbenchError(Exception):
    """Base of all errors a user can fix; the command line prints one line and exits with status 2."""

    def __str__(self) -> str:
        words = " ".join(str(part) for part in self.args)  # KeyError would print the repr of its message
        return " ".join(words.split()) if "\n" in words else words  # quoted text may have line breaks


class InputError(NasbenchError, ValueError):
    """A value, name, architecture or option is invalid."""


class NotFoundError(NasbenchError, KeyError):
    """An architecture, metric, epoch or seed is not in the benchmark."""


class FileError(NasbenchError, OSError):
    """A file cannot be read or written, or has unexpected content."""


class MissingExtraError(NasbenchError, ImportError):
    """An optional dependency is not installed."""
