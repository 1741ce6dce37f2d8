"""The errors a user can cause: one line that says what is wrong, where, and what to do."""


class NasbenchError(Exception):
    """Base of every error that a user can mend; the command line prints it as one line and exits with 2."""

    def __str__(self) -> str:
        words = " ".join(str(part) for part in self.args)  # KeyError would print the repr of its message
        return " ".join(words.split()) if "\n" in words else words  # what is quoted may have lines


class InputError(NasbenchError, ValueError):
    """A value, name, architecture or option is not acceptable."""


class NotFoundError(NasbenchError, KeyError):
    """What was asked for is not in the benchmark: an architecture, metric, epoch or seed."""


class FileError(NasbenchError, OSError):
    """A file cannot be read or written, or is not what it should be."""


class MissingExtraError(NasbenchError, ImportError):
    """An optional dependency is not installed."""
