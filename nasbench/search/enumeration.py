"""Enumeration: every architecture once, the exhaustive baseline (Ying et al., 2019; Dong & Yang, 2020)."""

from __future__ import annotations

from nasbench.checks import check_flag
from nasbench.errors import InputError
from nasbench.search.fixed_order import FixedOrder
from nasbench.spaces.enumeration import MAX_ENUMERATED
from nasbench.types import GenotypeArray


class Enumeration(FixedOrder):
    """Every architecture (by key) once, in the order of `space.enumerate()`; then all again.

    Spaces of more than `MAX_ENUMERATED` genotypes are refused when a run starts.

    Args:
        shuffle: Take a random order, which follows from the seed of the run.
    """

    def __init__(self, shuffle: bool = False) -> None:
        check_flag("shuffle", shuffle)
        self.shuffle = shuffle

    def _order(self) -> GenotypeArray:
        space = self.space
        if space.size > MAX_ENUMERATED:
            raise InputError(
                f"enumeration takes spaces of at most {MAX_ENUMERATED:,} genotypes, and {space.name} has "
                f"{space.size:,}; use random, which proposes nothing twice either"
            )
        architectures = space.unique()
        return architectures[self.rng.permutation(len(architectures))] if self.shuffle else architectures
