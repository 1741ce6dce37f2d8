"""Best-static: order architectures by one number known without training, such as FLOPs (White et al., 2022)."""

from __future__ import annotations

import numpy as np

from nasbench.errors import InputError
from nasbench.predictors import Inputs
from nasbench.predictors.encodings import encode, needs_of
from nasbench.search.fixed_order import FixedOrder
from nasbench.types import Direction, FloatArray, GenotypeArray

MAX_WHOLE = 50_000
"""Largest number of genotypes of a space that is ordered as a whole."""
SAMPLES = 5_000
"""Random samples that are ordered in a larger space."""
DIRECTIONS = ("maximise", "minimise")
COLUMN, STATISTIC = "flops", "layers"
"""What orders by default: the column, or the encoding where a problem lacks it."""


class BestStatic(FixedOrder):
    """Proposes the architectures with the largest number first, ties in random order and missing numbers last.

    Args:
        by: A column ("flops"), or an encoding that is one number ("layers"). None takes `flops`, or the number of
            trainable layers where the problem has no such column.
        direction: `"maximise"` proposes the largest first, `"minimise"` the smallest.
    """

    def __init__(self, by: str | None = None, direction: Direction = "maximise") -> None:
        if by is not None and not isinstance(by, str):
            raise InputError(f"by must name a column or an encoding, got {by!r}")
        if direction not in DIRECTIONS:
            raise InputError(f"direction of static is one of {', '.join(DIRECTIONS)}; got {direction!r}")
        self.by, self.direction = by, direction

    def _order(self) -> GenotypeArray:
        whole = self.space.size <= MAX_WHOLE
        architectures = self.space.unique() if whole else self.space.sample(SAMPLES, self.rng)
        shuffled = architectures[self.rng.permutation(len(architectures))]
        numbers = self._numbers(shuffled)
        return shuffled[np.argsort(-numbers if self.direction == "maximise" else numbers, kind="stable")]

    def _numbers(self, architectures: GenotypeArray) -> FloatArray:
        """What orders `(n, d)` architectures; shape `(n,)`, NaN where missing."""
        if self.by is not None:
            return self._named(self.by, architectures)
        try:
            return self._named(COLUMN, architectures)
        except InputError:
            return self._named(STATISTIC, architectures)

    def _named(self, name: str, architectures: GenotypeArray) -> FloatArray:
        needs = needs_of(name)
        if needs.columns == (name,) and name not in self.space.feature_kinds:
            return self.problem.columns([name], architectures)[name]
        numbers, _ = encode(Inputs(self.space, architectures), name)
        if numbers.shape[1] != 1:
            raise InputError(f"static orders by one number, and {name!r} are {numbers.shape[1]}; name one column")
        return numbers[:, 0]
