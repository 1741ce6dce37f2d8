"""Specifications of architectures as NASLib writes them, by space."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import index
from typing import Any, NamedTuple

import numpy as np

from nasbench.errors import InputError
from nasbench.spaces.base import Space
from nasbench.spaces.darts import DARTS
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import EDGES, NB201
from nasbench.spaces.tnb101_macro import MODULES, TNB101Macro
from nasbench.spaces.tnb101_micro import TNB101Micro
from nasbench.types import GenotypeArray


class Form(NamedTuple):
    """Specifications of the architectures of a space.

    Attributes:
        kind: NASLib's name of the space.
        write: Converts a genotype `(d,)` to a specification.
        read: Inverse of `write`.
        budgets: Whether an epoch is a number of epochs rather than a position in a curve, counted from 0.
    """

    kind: str
    write: Callable[[Any, GenotypeArray], Any]
    read: Callable[[Any, Any], GenotypeArray]
    budgets: bool = False


_EDGES = sorted(EDGES)
"""Edges in the order of NASLib's `op_indices`: by source, unlike the published string, which goes by target."""
_OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
"""Operations in NASLib's numbering."""


def _write_edges(space: NB201, genotype: GenotypeArray) -> tuple[int, ...]:
    return tuple(_OPERATIONS.index(space.operations[genotype[EDGES.index(edge)]]) for edge in _EDGES)


def _read_edges(space: NB201, spec: Any) -> GenotypeArray:
    if len(spec) != len(EDGES) or not all(0 <= op < len(space.operations) for op in spec):
        known = ", ".join(f"{number} {name}" for number, name in enumerate(_OPERATIONS))
        raise InputError(f"a specification of {space.name} is six numbers out of {known}; got {spec!r}")
    return space.genotype([space.operations.index(_OPERATIONS[spec[_EDGES.index(edge)]]) for edge in EDGES])


def _write_matrix(space: NB101, genotype: GenotypeArray) -> dict[str, Any]:
    matrix, ops = space.matrix(genotype)
    return {"matrix": matrix, "ops": ops}


def _read_matrix(space: NB101, spec: Mapping[str, Any]) -> GenotypeArray:
    if not isinstance(spec, Mapping) or set(spec) != {"matrix", "ops"}:
        raise InputError(f"a specification of {space.name} is a dictionary with 'matrix' and 'ops', got {spec!r}")
    return space.from_matrix(spec["matrix"], list(spec["ops"]))


def _write_cells(space: DARTS, genotype: GenotypeArray) -> tuple[tuple[tuple[int, int], ...], ...]:
    sources, ops, _ = space.cells(genotype[None])
    return tuple(
        tuple(zip(sources[..., cell].ravel().tolist(), ops[..., cell].ravel().tolist(), strict=True)) for cell in (0, 1)
    )


def _read_cells(space: DARTS, spec: Any) -> GenotypeArray:
    operations = dict(enumerate(space.operations))  # unlike in a tuple, -1 is none
    normal, reduce = ([(operations[op], index(state)) for state, op in cell] for cell in spec)
    return space.genotype(f"Genotype(normal={normal}, reduce={reduce})")


def _write_modules(space: TNB101Macro, genotype: GenotypeArray) -> tuple[int, ...]:
    return tuple((genotype + (np.arange(len(genotype)) < MODULES[0])).tolist())  # the first modules have no zero


def _read_modules(space: TNB101Macro, spec: Any) -> GenotypeArray:
    return space.genotype([index(digit) - (place < MODULES[0]) for place, digit in enumerate(spec)])


def _write_plain(space: Space, genotype: GenotypeArray) -> tuple[int, ...]:
    return tuple(genotype.tolist())


def _read_plain(space: Space, spec: Any) -> GenotypeArray:
    return space.genotype(list(spec) if isinstance(spec, tuple) else spec)


_FORMS: dict[type[Space], Form] = {
    NB101: Form("nasbench101", _write_matrix, _read_matrix, budgets=True),
    NB201: Form("nasbench201", _write_edges, _read_edges),
    DARTS: Form("nasbench301", _write_cells, _read_cells),
    TNB101Micro: Form("transbench101_micro", _write_plain, _read_plain),
    TNB101Macro: Form("transbench101_macro", _write_modules, _read_modules),
}
"""Forms of the spaces that NASLib has.

In TransNAS-Bench-101 the numbers are the digits of the published string, as in NASLib's queries (it gives them another
meaning when it builds networks).
"""


def form_of(space: Space) -> Form:
    """The form of a space; in spaces that NASLib does not have, a specification is the genotype."""
    return _FORMS.get(type(space), Form(space.name, _write_plain, _read_plain))
