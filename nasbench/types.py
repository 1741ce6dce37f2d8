"""Types of arrays and architectures shared by all packages."""

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
"""One architecture in any accepted form: genotype, graph, or published string."""
Subset: TypeAlias = Literal["train", "validation", "test", "none"]
"""Part of a data set on which a metric is measured; `"none"` for costs."""
Direction: TypeAlias = Literal["maximise", "minimise", "none"]
"""Better direction of a metric."""
