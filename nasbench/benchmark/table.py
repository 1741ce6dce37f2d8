"""A table of measurements as plain values: what building and importing make and the HDF5 file holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Metric
from nasbench.spaces.base import FloatArray, GenotypeArray, Space


@dataclass(frozen=True)
class Column:
    """The numbers of one metric.

    Attributes:
        metric: What they are; `metric.dims` are their axes.
        values: Shape `(n,)`, `(n, seeds)` or `(n, seeds, epochs)`; NaN exactly where `missing` is not 0.
        missing: 0 where measured, else 1 + the position of the cause in `reasons`; uint8, same shape.
        reasons: Why numbers are missing, one sentence each.
    """

    metric: Metric
    values: FloatArray
    missing: npt.NDArray[np.uint8]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """Measurements of `n` architectures of one space.

    Attributes:
        space: The search space.
        genotypes: The architectures; shape `(n, d)`, no row twice.
        seeds: Training seeds along the second axis of the columns that have one.
        epochs: By data set: the epochs along the third axis of its columns, increasing.
        columns: By full name of the metric. `<dataset>/train_seconds`, where recorded, is the training time from the
            start up to and including the epoch: what an evaluation costs.
        recipe: How the numbers were made, as JSON values: data, network, training, checksums.
        provenance: Package versions, machine, commit.
    """

    space: Space
    genotypes: GenotypeArray
    seeds: tuple[int, ...]
    epochs: Mapping[str, tuple[int, ...]]
    columns: Mapping[str, Column]
    recipe: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
