"""The benchmark file: written completely or not at all, checked when read; `docs/format.md` is its schema."""

from nasbench.benchmark.hdf5.reader import opened, read, read_surrogate
from nasbench.benchmark.hdf5.walk import objects
from nasbench.benchmark.hdf5.writer import digest, root_digest, write, write_surrogate

__all__ = ["digest", "objects", "opened", "read", "read_surrogate", "root_digest", "write", "write_surrogate"]
