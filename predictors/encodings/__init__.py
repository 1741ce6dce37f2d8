"""Encodings: from inputs to an array of features, for every space and any numbering of the nodes.

`features` joins names by `/`, as in `"default/flops/curve@4"`: encodings of graphs by their name in the registry or in
`Space.feature_kinds`, the learning curve up to an epoch as `curve@EPOCH`, its number after an epoch alone as
`last@EPOCH`, and columns, which every other name means.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from nasbench.errors import InputError
from nasbench.predictors.column_transform import LARGEST_FEATURE
from nasbench.predictors.encodings.base import Block, Cells, Encoding
from nasbench.predictors.inputs import CURVE, LAST, Inputs, Needs
from nasbench.registry import Registry
from nasbench.spaces.base import Space
from nasbench.spaces.features import ROWS_IN_CACHE
from nasbench.types import FloatArray, IntArray

encodings: Registry[Encoding] = Registry(
    "encoding",
    "nasbench.predictors.encodings.base:Encoding",
    {
        "op_counts_live": "nasbench.predictors.encodings.op_counts_live:LiveOpCounts",
        "op_counts_by_cell": "nasbench.predictors.encodings.op_counts_by_cell:LiveOpCountsByCell",
        "edge_ops": "nasbench.predictors.encodings.edge_ops:EdgeOps",
        "edge_ops_by_cell": "nasbench.predictors.encodings.edge_ops_by_cell:EdgeOpsByCell",
        "layers": "nasbench.predictors.encodings.layers:Layers",
        "op_degrees": "nasbench.predictors.encodings.op_degrees:OpDegrees",
        "path_counts": "nasbench.predictors.encodings.path_counts:PathCounts",
        "path_ops": "nasbench.predictors.encodings.path_ops:PathOps",
        "statistics": "nasbench.predictors.encodings.statistics:Statistics",
        "totals": "nasbench.predictors.encodings.totals:Totals",
    },
)
SPACE_KINDS = ("onehot", "counts", "adjacency", "paths", "values")
"""Encodings that spaces compute themselves; a space may name others in its `feature_kinds`."""
DEFAULT = "default"
"""Stands for `CELL_DEFAULT`, or for `SIZED_DEFAULT` where the nodes of a space have attributes."""
STRUCTURE = "op_counts_by_cell/edge_ops_by_cell/op_degrees/path_counts/path_ops"
"""What flows through a cell."""
CELL_DEFAULT = STRUCTURE + "/counts/onehot"
"""What flows, for accuracies, and what is there, for costs: dead operations take time and memory too."""
SIZED_DEFAULT = "onehot/totals"
"""What is chosen, and how large that makes the network."""
DEFAULT_VERSION = 2
"""Written into files of fitted predictors, as `default` may come to stand for other encodings."""
FIRST_DEFAULT = "default@1"
"""Stands for `FIRST_CELL_DEFAULT` where `default` stands for `CELL_DEFAULT`: what `default` meant in version 1."""
FIRST_CELL_DEFAULT = "op_counts_live/edge_ops/path_counts/counts/onehot"
FORMER_NAMES = {"live": "op_counts_live", "pairs": "edge_ops", "ways": "path_counts", "sums": "totals"}
"""What files written by earlier versions call encodings."""
MAX_CURVE_FEATURES = 8
"""Points of a curve that become features; of a longer one, geometrically spaced epochs."""
LEAST_RANGE = 1e-9
"""What a feature varies by at least, relative to its mean or to 1: counts and transformed columns are of that size."""


def default(space: Space, name: str = DEFAULT) -> str:
    """The encodings that `"default"`, or `"default@1"`, stands for in a space."""
    if space.attributes:
        return SIZED_DEFAULT
    return CELL_DEFAULT if name == DEFAULT else FIRST_CELL_DEFAULT


def is_default(name: str) -> bool:
    """Whether a name among `features` stands for others, which depend on the space."""
    return name in (DEFAULT, FIRST_DEFAULT)


def as_written(features: str, version: int) -> str:
    """What a file calls features, in the names of today.

    Args:
        features: Names joined by `/`, as in the file.
        version: The `DEFAULT_VERSION` with which it was written; 1 for files that do not say it.
    """
    names = [FORMER_NAMES.get(name, name) for name in split_names(features)]
    return "/".join(FIRST_DEFAULT if name == DEFAULT and version == 1 else name for name in names)


def needs_of(features: str) -> Needs:
    """The columns and the curve that `features` names.

    A column may turn out to be an encoding that only its space knows (`Space.feature_kinds`).

    >>> needs_of("default/flops/curve@4")
    Needs(columns=('flops',), epochs=4)

    Raises:
        InputError: It is no text, or the epoch of a curve is no number.
    """
    columns, epochs = [], 0
    for name in split_names(features):
        if name.startswith((CURVE, LAST)):
            epochs = max(epochs, _epoch(name))
        elif not is_default(name) and name not in (*encodings, *SPACE_KINDS):
            columns.append(name)
    return Needs(tuple(dict.fromkeys(columns)), epochs)


def encode(inputs: Inputs, features: str) -> tuple[FloatArray, IntArray]:
    """Encode `n` inputs, one name of `features` after the other; see the module.

    Returns:
        Features `(n, f)`, and for each the group `(f,)` it belongs to: a position of `onehot`, a number of `counts`, a
        column and a point of a curve are groups of their own; the encodings in the registry say their groups, and each
        other encoding is one.

    Raises:
        InputError: A name is unknown for the space, or the inputs lack a column or a curve.
    """
    names = _names(features, inputs.space)
    if not names:
        return np.zeros((len(inputs), 0)), np.zeros(0, dtype=np.int64)
    if not inputs.whole:
        values, groups = _side_by_side(inputs, names)
        return values, _joined(groups)
    everything, encoded, selected = inputs.whole
    missing = [name for name in dict.fromkeys(names) if name not in encoded]
    if missing:  # what is asked for together shares what is computed of the graphs
        values, groups = _side_by_side(everything, missing)
        blocks = np.split(values, np.cumsum([len(group) for group in groups[:-1]]), axis=1)
        encoded.update(zip(missing, zip(blocks, groups, strict=True), strict=True))
    parts = [encoded[name] for name in names]
    return np.concatenate([part[0][selected] for part in parts], axis=1), _joined([part[1] for part in parts])


def _side_by_side(inputs: Inputs, names: list[str]) -> tuple[FloatArray, list[IntArray]]:
    """Features `(n, f)` of one name after the other, and the groups of each name, from 0."""
    given = {name: block for name in names if (block := _given(name, inputs)) is not None}

    def some(rows: slice) -> list[Block]:
        cells = Cells(inputs.space, inputs.genotypes[rows])
        return [
            Block(given[name].values[rows], given[name].groups)
            if name in given
            else _of_graphs(name, cells, inputs.columns)
            for name in names
        ]

    first = some(slice(ROWS_IN_CACHE))
    groups, values = [block.groups for block in first], np.concatenate([block.values for block in first], axis=1)
    if len(inputs) > ROWS_IN_CACHE:
        values = np.empty((len(inputs), values.shape[1]))
        for start in range(0, len(inputs), ROWS_IN_CACHE):
            rows = slice(start, start + ROWS_IN_CACHE)
            np.concatenate([block.values for block in some(rows)], axis=1, out=values[rows])
    return values, groups


def _joined(groups: list[IntArray]) -> IntArray:
    """Groups `(f,)` of all names, those of different names apart."""
    widths = [int(each[-1]) + 1 if len(each) else 0 for each in groups]
    return np.concatenate([each + start for each, start in zip(groups, np.cumsum([0, *widths[:-1]]), strict=True)])


def learnable(inputs: Inputs, features: str) -> tuple[FloatArray, IntArray]:
    """What `encode` returns, for a predictor that learns from nothing else.

    Raises:
        InputError: As `encode`, or `features` names nothing.
    """
    x, groups = encode(inputs, features)
    if not x.shape[1]:
        raise InputError(f"features {features!r} name nothing to learn from; name an encoding, column or curve")
    return x, groups


def _names(features: str, space: Space) -> list[str]:
    """The names that `features` joins, `default` spelled out."""
    return [
        part
        for name in split_names(features)
        for part in (split_names(default(space, name)) if is_default(name) else [name])
    ]


def split_names(features: str) -> list[str]:
    """The names that `features` joins.

    Raises:
        InputError: It is no text.
    """
    if not isinstance(features, str):
        raise InputError(f"features are names joined by '/', as 'default/flops'; got {features!r}")
    return features.split("/") if features else []


def _given(name: str, inputs: Inputs) -> Block | None:
    """The block of a curve or column; None for an encoding of graphs."""
    if name.startswith((CURVE, LAST)):
        return _curve(name, inputs)
    if name in inputs.columns and name not in (*encodings, *inputs.space.feature_kinds):
        return Block.together(finite(inputs.columns[name][:, None], f"column {name!r}"))
    return None


def _of_graphs(name: str, cells: Cells, columns: Iterable[str]) -> Block:
    """The block of an encoding of graphs; `columns` are what else could have been named."""
    space = cells.space
    if name in encodings:
        encoding = encodings.create(name)
        if encoding.applies(space):
            return encoding.encode(cells)
    elif name in space.feature_kinds:
        values = space.features(cells.genotypes, name)
        if name == "onehot":
            return Block(values, np.repeat(np.arange(len(space.cardinalities)), space.cardinalities))
        return Block.apart(values) if name == "counts" else Block.together(values)
    known = [kind for kind in encodings if encodings.create(kind).applies(space)]
    known += [*space.feature_kinds, *columns]
    raise InputError(
        f"unknown encoding or column {name!r} for {space.name}; known are {', '.join(dict.fromkeys(known))}, "
        "joined by '/', and static metrics of a benchmark"
    )


def _curve(name: str, inputs: Inputs) -> Block:
    epoch = _epoch(name)
    if inputs.curve is None:
        raise InputError(f"{name!r} needs the curve of {epoch} epochs, and the inputs have none")
    if epoch not in inputs.epochs:
        known = ", ".join(map(str, inputs.epochs))
        raise InputError(f"{name!r}: the curve has no number at epoch {epoch}; it has {known}")
    upto = [position for position, number in enumerate(inputs.epochs) if number <= epoch]
    if name.startswith(LAST):
        upto = upto[-1:]
    if len(upto) > MAX_CURVE_FEATURES:
        upto = [upto[round(at)] for at in np.unique(np.round(np.geomspace(1, len(upto), MAX_CURVE_FEATURES)) - 1)]
    return Block.apart(finite(inputs.curve[:, upto], f"the curve up to epoch {epoch}"))


def finite(values: FloatArray, what: str) -> FloatArray:
    """The same values `(n, f)`.

    Raises:
        InputError: A number is missing, or larger than `LARGEST_FEATURE`; says in which row.
    """
    missing = ~np.isfinite(values).all(axis=1)
    if missing.any():
        raise InputError(
            f"{what} is missing for {missing.sum()} of {len(values)} architectures, the first in row "
            f"{int(np.argmax(missing))}; leave them out"
        )
    large = (np.abs(values) > LARGEST_FEATURE).any(axis=1)
    if large.any():
        row = int(np.argmax(large))
        raise InputError(f"{what} exceeds {LARGEST_FEATURE:g} in row {row}; choose a larger unit")
    return values


def _epoch(name: str) -> int:
    kind, _, text = name.partition("@")
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"a partial curve is written {kind}@EPOCHS, as {kind}@4; got {name!r}")
    return int(text)


def variances(features: FloatArray) -> FloatArray:
    """Variance of each column of `(n, f)`, exactly 0 where it is constant, or varies by less than `LEAST_RANGE`."""
    mean, squares = features.mean(axis=0), np.zeros(features.shape[1])
    for start in range(0, len(features), ROWS_IN_CACHE):
        squares += ((features[start : start + ROWS_IN_CACHE] - mean) ** 2).sum(axis=0)
    varies = np.ptp(features, axis=0) > LEAST_RANGE * np.maximum(np.abs(mean), 1.0)
    return np.where(varies, squares / len(features), 0.0)


def units(spread: FloatArray, centre: FloatArray) -> FloatArray:
    """Units `(f,)` of features to learn from: their spread, or where they are constant their size, at least 1.

    A constant of 1e8 tells nothing about 2e8, which must not count as 1e8 units away.
    """
    return np.where(spread > 0, spread, np.maximum(np.abs(centre), 1.0))


__all__ = [
    "DEFAULT",
    "DEFAULT_VERSION",
    "Encoding",
    "as_written",
    "default",
    "encode",
    "encodings",
    "finite",
    "is_default",
    "learnable",
    "needs_of",
    "split_names",
    "units",
    "variances",
]
