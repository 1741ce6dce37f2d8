"""Totals of the numeric attributes of nodes: how large a network is, as a whole and stage by stage."""

from __future__ import annotations

import numpy as np

from nasbench.predictors.encodings.base import Block, Cells, Encoding
from nasbench.spaces.base import Space

STAGE = "stage"
"""Attribute that says which stage of a network a node belongs to."""


class Totals(Encoding):
    """Number of nodes and sum of each attribute, as log(1 + sum) with its sign; each total is a group.

    Totals are of the whole network and, where nodes say their `stage`, of each stage.
    """

    def applies(self, space: Space) -> bool:
        """For spaces whose nodes have attributes."""
        return bool(space.attributes)

    def encode(self, cells: Cells) -> Block:
        """Shape `(n, (1 + stages) * (1 + attributes))`."""
        space, genotypes = cells.space, cells.genotypes
        if not len(genotypes):
            genotypes = space.sample(1, np.random.default_rng(0))  # any, as it has as many stages as all others
        values, mask = space.node_values(genotypes), space.adjacency_arrays(genotypes).mask
        summands = np.concatenate([mask[:, :, None].astype(np.float64), values], axis=2)  # (n, v, 1 + attributes)
        totals = [summands.sum(axis=1)]
        if STAGE in space.attributes:
            stage, layer = values[:, :, space.attributes.index(STAGE)], values.any(axis=2)
            number = int(stage.max()) + 1  # the same for all architectures, as each has a layer in the last stage
            totals += [(summands * (layer & (stage == s))[:, :, None]).sum(axis=1) for s in range(number)]
        total = np.concatenate(totals, axis=1)[: len(cells.genotypes)]
        return Block.apart(np.copysign(np.log1p(np.abs(total)), total))
