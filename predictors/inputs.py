"""Inputs of predictors: architectures, columns known without training, and partial learning curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from nasbench.arrays import read_only
from nasbench.errors import InputError
from nasbench.predictors.column_transform import ColumnTransform
from nasbench.spaces.base import Space
from nasbench.types import BoolArray, FloatArray, GenotypeArray

CURVE, LAST = "curve@", "last@"
"""Begin the names of a partial curve, `curve@EPOCHS`, and of its last number alone: no column has such a name."""


class Needs(NamedTuple):
    """Inputs that a predictor reads besides the architectures.

    Attributes:
        columns: Static metrics by name, such as `flops`; known without training.
        epochs: Length of the partial training whose curve is read; 0 for none.
    """

    columns: tuple[str, ...] = ()
    epochs: int = 0

    def __or__(self, other: Needs) -> Needs:
        """The needs of both."""
        return Needs(tuple(dict.fromkeys(self.columns + other.columns)), max(self.epochs, other.epochs))


class Whole(NamedTuple):
    """Inputs that some rows were selected from, and keep what they were encoded as.

    Attributes:
        inputs: All `m` inputs.
        encoded: What was computed of them, by name: of an encoding the features `(m, f)` and groups `(f,)`. It goes
            with the last of the inputs that were selected.
        rows: Which of them were selected; shape `(n,)`.
    """

    inputs: Inputs
    encoded: dict[str, tuple[npt.NDArray[Any], ...]]
    rows: npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Inputs:
    """Everything that a predictor may look at, of `n` architectures. Rows are selected by `inputs[rows]`.

    Several predictors are given the same inputs, so that arrays and mapping are read-only: views of what the
    constructor is given, copies of what `of` is given.

    >>> from nasbench.spaces import spaces
    >>> inputs = Inputs.of(spaces.create("nb201"), [[3, 3, 3, 3, 3, 3], [0, 1, 2, 3, 4, 0]], columns={"flops": [9, 4]})
    >>> len(inputs), inputs[1:].columns["flops"]
    (2, array([4.]))

    Attributes:
        space: The search space.
        genotypes: The architectures; shape `(n, d)`.
        columns: Static metrics by name; each of shape `(n,)`.
        curve: The predicted metric after each recorded epoch of a partial training, in its own unit; shape `(n, e)`,
            NaN where missing. None without partial training.
        epochs: The epochs of the curve, increasing; `e` of them.
        seconds: Simulated cost of the curve; shape `(n,)`. None where nothing was trained.
        whole: What they are rows of, where that is encoded as a whole; see `encoded_once`.
    """

    space: Space
    genotypes: GenotypeArray
    columns: Mapping[str, FloatArray] = field(default_factory=dict)
    curve: FloatArray | None = None
    epochs: tuple[int, ...] = ()
    seconds: FloatArray | None = None
    whole: Whole | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Keep read-only views of the arrays."""
        columns = {name: read_only(values) for name, values in self.columns.items()}
        object.__setattr__(self, "columns", MappingProxyType(columns))
        for name in ("genotypes", "curve", "seconds"):
            array = getattr(self, name)
            object.__setattr__(self, name, None if array is None else read_only(array))

    def __reduce__(self) -> tuple[Any, ...]:
        """Constructor call: copies are read-only too, those in other processes included."""
        return type(self), (self.space, self.genotypes, {**self.columns}, self.curve, self.epochs, self.seconds)

    @classmethod
    def of(
        cls,
        space: Space,
        genotypes: npt.ArrayLike,
        *,
        columns: Mapping[str, npt.ArrayLike] | None = None,
        curve: npt.ArrayLike | None = None,
        epochs: tuple[int, ...] = (),
        seconds: npt.ArrayLike | None = None,
    ) -> Self:
        """Checked inputs of architectures `(n, d)`; the attributes of the class say what the others are.

        Without `epochs`, a curve has one number for each epoch from 1.

        Raises:
            InputError: A genotype is not in the space, or an array has another shape.
        """
        checked = space.check(genotypes)
        n = len(checked)
        arrays = {name: shaped(f"column {name!r}", values, (n,)) for name, values in (columns or {}).items()}
        if curve is not None:
            curve = shaped("the curve", curve, (n, len(epochs) or None))
            epochs = tuple(epochs) or tuple(range(1, curve.shape[1] + 1))
            if list(epochs) != sorted(set(epochs)):
                raise InputError(f"epochs of a curve are increasing, got {epochs}")
        elif epochs:
            raise InputError("epochs without a curve; pass both")
        cost = None if seconds is None else shaped("seconds", seconds, (n,))
        return cls(space, checked, arrays, curve, epochs, cost)

    def __len__(self) -> int:
        """Number of architectures."""
        return len(self.genotypes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the genotypes: by it, and by indexing, scikit-learn knows how to split."""
        return self.genotypes.shape

    def __getitem__(self, rows: Any) -> Inputs:
        """Some rows, selected as rows of an array are; scikit-learn adds an ellipsis."""
        if isinstance(rows, tuple):
            rows = rows[0]
        if isinstance(rows, int | np.integer):
            rows = [rows]
        return Inputs(
            self.space,
            self.genotypes[rows],
            {name: values[rows] for name, values in self.columns.items()},
            None if self.curve is None else self.curve[rows],
            self.epochs,
            None if self.seconds is None else self.seconds[rows],
            None if self.whole is None else self.whole._replace(rows=self.whole.rows[rows]),
        )

    @property
    def known(self) -> BoolArray:
        """Rows in which no column and no point of the curve is missing; shape `(n,)`."""
        known = np.ones(len(self), dtype=bool)
        for values in self.columns.values():
            known &= np.isfinite(values)
        return known if self.curve is None else known & np.isfinite(self.curve).all(axis=1)

    @cached_property
    def canonical(self) -> Inputs:
        """The same inputs with the canonical genotype of each network."""
        return self if self.whole else replace(self, genotypes=self.space.canonical(self.genotypes))

    def transformed(self, functions: Mapping[str, ColumnTransform]) -> Inputs:
        """The same inputs with functions of some columns in their place, and of the curve: that named `CURVE`."""
        columns = {name: function(self.columns[name]) for name, function in functions.items() if name in self.columns}
        curve = functions[CURVE](self.curve) if CURVE in functions and self.curve is not None else self.curve
        if not columns and curve is self.curve:
            return self
        return replace(self, columns={**self.columns, **columns}, curve=curve, whole=None)

    @property
    def encoded_once(self) -> Inputs:
        """The canonical inputs, for several fits on rows of them: they are encoded as a whole, and once.

        >>> from nasbench.predictors.encodings import encode
        >>> from nasbench.spaces import spaces
        >>> inputs = Inputs.of(spaces.create("nb201"), [[3, 3, 3, 3, 3, 3], [0, 1, 2, 3, 4, 0]]).encoded_once
        >>> encode(inputs[1:], "counts")[0]  # of both rows, and kept
        array([[1., 2., 1., 1., 1., 1., 1.]])
        """
        if self.whole:
            return self
        return replace(self.canonical, whole=Whole(self.canonical, {}, np.arange(len(self))))


def shaped(what: str, values: npt.ArrayLike, shape: tuple[int | None, ...]) -> FloatArray:
    """Numbers of a shape, None for a length that is free, in an array of their own.

    Raises:
        InputError: They are no numbers, or have another shape; says so of `what`.
    """
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} holds numbers, one row for each architecture: {error}") from error
    if array.ndim != len(shape) or any(n not in (None, m) for n, m in zip(shape, array.shape, strict=True)):
        wanted = str(shape).replace("None", "epochs")
        raise InputError(f"{what} has shape {wanted}, one row for each architecture; got {array.shape}")
    return array
