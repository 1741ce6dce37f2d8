"""Types of arrays and architectures that every room shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, Union

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import networkx as nx

GenotypeArray: TypeAlias = npt.NDArray[np.int8]
IntArray: TypeAlias = npt.NDArray[np.int64]
KeyArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
FloatArray: TypeAlias = npt.NDArray[np.float64]
Architecture: TypeAlias = Union[str, Sequence[int], npt.NDArray[Any], "nx.DiGraph[Any]"]
"""One architecture in any accepted form: its genotype, its graph, or the space's published string."""
Subset: TypeAlias = Literal["train", "validation", "test", "none"]
"""The part of a data set that a metric was measured on; `"none"` for costs."""
Direction: TypeAlias = Literal["maximise", "minimise", "none"]
"""Which way a metric is better."""
