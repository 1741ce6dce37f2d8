"""NAS-Bench-201, the topology space of NATS-Bench: operations on six edges of four nodes (Dong & Yang, 2020)."""

from __future__ import annotations

import random
import re
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.spaces.edge_cell import (
    EDGES,
    LEARNT,
    LINEAR,
    NONE,
    PATHS,
    SAME,
    ZERO,
    EdgeCellSpace,
    first_of_class,
)
from nasbench.spaces.genotype_checks import checked_indices
from nasbench.spaces.values import NetworkSettings
from nasbench.tasks.images import ImageClassification
from nasbench.types import GenotypeArray, KeyArray

if TYPE_CHECKING:
    import torch

    from nasbench.tasks import Task

__all__ = ["AVG_POOL", "CONV_1X1", "CONV_3X3", "EDGES", "NB201", "NONE", "OPERATIONS", "PATHS", "SKIP"]

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
SKIP, CONV_1X1, CONV_3X3, AVG_POOL = range(1, 5)


class NB201(EdgeCellSpace):
    """The 15,625 cells of NAS-Bench-201 (Dong & Yang, ICLR 2020, arXiv:2001.00326).

    There are several notions of equal cells; from fine to coarse:

    - `key`: isomorphic labelled graphs, 15,625 classes, of the same cost.
    - `pruned_key`: isomorphic after operations without information flow become `none`, 9,445 classes.
    - `function_key`: equal outputs with equal weights, 5,044 classes.

    `published_key` compares the strings of which the authors counted 6,466 classes. It is neither finer nor coarser
    than `function_key`: it splits cells of one function (zeros stay in sums, and sums stay nested) and joins cells of
    two functions (one convolution used twice, two used once).

    In the rules of `function_key`, `skip_connect` is the identity, `avg_pool_3x3` is linear (the mean of a sum is the
    sum of the means) and convolutions are learnt. Without the fourth rule there would be 5,260 classes; without the
    fifth, 4,660; without both, 4,930. For 341 cells, `is_constant` holds.
    """

    name = "nb201"
    paper = "Dong & Yang (2020), NAS-Bench-201, arXiv:2001.00326"
    zero_ops = ("none",)
    identity_ops = ("skip_connect",)
    weightless_ops = ("avg_pool_3x3",)
    operations = OPERATIONS
    roles = (((ZERO, SAME, LEARNT, LEARNT, LINEAR),) * len(EDGES),)

    # --- string -------------------------------------------------------------------------------------------------

    def to_string(self, genotype: GenotypeArray) -> str:
        """The published string `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`: operation and source, by target node."""
        return _FORM.format(*(OPERATIONS[op] for op in genotype))

    def _from_string(self, text: str) -> list[int]:
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise InputError(f"expected a cell of {self.name} as {_FORM.replace('{}', 'op')!r}, got {text!r}")
        for op in match.groups():
            if op not in OPERATIONS:
                close = get_close_matches(op, OPERATIONS, n=1)
                hint = f"did you mean {close[0]!r}? " if close else ""
                raise InputError(f"unknown operation {op!r} in {text!r}: {hint}known are {', '.join(OPERATIONS)}")
        return [OPERATIONS.index(op) for op in match.groups()]

    # --- published numbering ------------------------------------------------------------------------------------

    def index(self, genotypes: GenotypeArray) -> npt.NDArray[np.int64]:
        """Index of each of `(n, 6)` genotypes in the published tables, 0 to 15,624; shape `(n,)`."""
        return _published_order()[1][self.code(genotypes)]

    def from_index(self, indices: npt.ArrayLike) -> GenotypeArray:
        """Genotypes `(n, 6)` of the cells with these indices in the published tables; inverse of `index`.

        Raises:
            InputError: An index is not an integer from 0 to 15,624.
        """
        return self.decode(_published_order()[0][checked_indices(self, indices)])

    # --- identity -----------------------------------------------------------------------------------------------

    def published_string(self, genotype: GenotypeArray) -> str:
        """The string by which the authors compare cells (`to_unique_str` with zeros considered).

        Not canonical: zero terms, written `#`, stay inside sums, and sums stay nested.
        """
        nodes = ["0"]
        for target in range(1, 4):
            terms = []
            for op, (source, end) in zip(genotype, EDGES, strict=True):
                if end == target:
                    value = nodes[source]
                    if op == NONE or value == "#":
                        value = "#"
                    elif op != SKIP:
                        value = f"({value})@{OPERATIONS[op]}"
                    terms.append(value)
            nodes.append("+".join(sorted(terms)))
        return nodes[-1]

    def published_key(self, genotypes: GenotypeArray) -> KeyArray:
        """Equal exactly where `published_string` is; `(n,)`, the published 6,466 classes."""
        return _published_classes()[self.code(genotypes)]

    # --- network ------------------------------------------------------------------------------------------------

    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> torch.nn.Module:
        """The published macro skeleton: stem, stages of cells with a residual reduction between them, head.

        Operations that do not reach the output are computed too, as in the published measurements.
        """
        from torch import nn

        from nasbench.spaces.networks import layers

        images = ImageClassification.expect(task)

        def operation(name: str, channels: int) -> nn.Module | None:
            if name == "none":
                return None
            if name == "skip_connect":
                return nn.Identity()
            if name == "avg_pool_3x3":
                return layers.avg_pool(3)
            return layers.relu_conv_bn(channels, channels, kernel=1 if name == "nor_conv_1x1" else 3)

        channels = settings.channels
        blocks: list[nn.Module] = [layers.conv_bn(images.shape[0], channels, 3)]
        for stage in range(settings.stages):
            if stage > 0:
                blocks.append(layers.ResidualReduction(channels, 2 * channels))
                channels *= 2
            for _ in range(settings.cells):
                blocks.append(layers.EdgeCell(EDGES, [operation(OPERATIONS[op], channels) for op in genotype]))
        return nn.Sequential(*blocks, nn.BatchNorm2d(channels), nn.ReLU(), layers.head(channels, images.classes))


_FORM = "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|"
_PATTERN = re.compile(re.escape(_FORM).replace(r"\{\}", r"([^|~]+)"))


@lru_cache(maxsize=1)
def _published_order() -> tuple[KeyArray, KeyArray]:
    """Code of each published index, and the inverse: the authors shuffled all codes with seed 88."""
    shuffled = list(range(len(OPERATIONS) ** len(EDGES)))
    random.Random(88).shuffle(shuffled)
    codes = np.array(shuffled)
    return codes, np.argsort(codes)


@lru_cache(maxsize=1)
def _published_classes() -> KeyArray:
    space = NB201()
    return first_of_class([space.published_string(genotype) for chunk in space.enumerate() for genotype in chunk])
