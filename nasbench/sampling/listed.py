"""Architectures from a text file, one per line."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nasbench.errors import FileError, InputError
from nasbench.sampling.base import OneRound, first
from nasbench.spaces.base import Space
from nasbench.types import GenotypeArray


class Listed(OneRound):
    """Architectures of a file in their order: published strings, or genotypes as `3,2,0,...`.

    Empty lines, comment lines (`#`) and repeated architectures are skipped.

    Args:
        path: The text file, UTF-8.
    """

    source = "your own list"

    def __init__(self, path: str) -> None:
        self.path = path

    def sample(self, space: Space, cells: int | None, rng: np.random.Generator) -> GenotypeArray:
        """The first `cells` architectures of the list."""
        try:
            lines = Path(str(self.path)).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise FileError(f"cannot read the list {self.path}: {reason}; name a text file") from error
        distinct: dict[int, GenotypeArray] = {}
        for number, line in enumerate(lines, 1):
            text = line.strip()
            if text and not text.startswith("#"):
                try:
                    genotype = space.genotype(text)
                except InputError as error:
                    raise InputError(f"line {number} of {self.path}: {error}") from error
                distinct.setdefault(int(space.key(genotype[None])[0]), genotype)
        if not distinct:
            raise InputError(f"{self.path} lists no architecture; write one per line")
        return first(cells, np.array(list(distinct.values())), self.path)
