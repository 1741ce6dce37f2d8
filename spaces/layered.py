"""Stacks with a variable number of layers: the positions of absent layers are 0."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from nasbench.spaces.base import Space
from nasbench.spaces.values import AdjacencyArrays
from nasbench.types import BoolArray, GenotypeArray, KeyArray


class Layered(Space):
    """A space whose last positions describe the layers of one stack; an earlier position sets the number of layers.

    A subclass calls `_stack` in its constructor. Positions of absent layers hold 0, so no two genotypes are one
    network, and all networks are equally likely. The neighbours of an architecture have another option at one position,
    the next larger number of layers (the new layers are equal), or the next smaller one (if the removed layers are
    equal).
    """

    depths: tuple[int, ...]
    """Possible numbers of layers, ascending."""

    def _stack(self, others: tuple[int, ...], depths: tuple[int, ...], layer: tuple[int, ...]) -> None:
        """Set `cardinalities`: those of earlier positions, of the number of layers, and of each layer."""
        self.depths, self._layer = depths, layer
        self._depth = len(others)
        self.cardinalities = (*others, len(depths), *layer * depths[-1])

    @cached_property
    def _kinds(self) -> int:
        """Number of different layers."""
        return math.prod(self._layer)

    def layers(self, genotypes: GenotypeArray) -> GenotypeArray:
        """Positions of all layers of `(n, d)` genotypes, absent ones included; shape `(n, max depth, w)`."""
        return genotypes[:, self._depth + 1 :].reshape(len(genotypes), self.depths[-1], len(self._layer))

    def depth(self, genotypes: GenotypeArray) -> KeyArray:
        """Number of layers of `(n, d)` genotypes; shape `(n,)`."""
        return np.array(self.depths)[genotypes[:, self._depth]]

    def live(self, genotypes: GenotypeArray) -> BoolArray:
        """Whether each position of `(n, d)` genotypes has a meaning (is not of an absent layer); same shape."""
        first = self._depth + 1 + len(self._layer) * self.depth(genotypes)
        result: BoolArray = np.arange(len(self.cardinalities)) < first[:, None]
        return result

    # --- membership ---------------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Number of genotypes: earlier options times the sum of all stacks over the numbers of layers."""
        total: int = math.prod(self.cardinalities[: self._depth]) * sum(self._kinds**depth for depth in self.depths)
        return total

    def contains(self, genotypes: GenotypeArray) -> BoolArray:
        """Whether each of `(n, d)` genotypes has 0 at all positions of absent layers; shape `(n,)`."""
        result: BoolArray = ~((genotypes != 0) & ~self.live(genotypes)).any(axis=1)
        return result

    def invalid(self, genotypes: GenotypeArray) -> list[str | None]:
        """First non-zero position of an absent layer in each of `(n, d)` genotypes, or None."""
        wrong = (genotypes != 0) & ~self.live(genotypes)
        return [
            f"position {int(np.argmax(row))} belongs to an absent layer, there are {depth}; set it to 0"
            if row.any()
            else None
            for row, depth in zip(wrong, self.depth(genotypes).tolist(), strict=True)
        ]

    def repair(self, raw: GenotypeArray) -> tuple[GenotypeArray, BoolArray]:
        """Set the positions of absent layers of `(n, d)` vectors to 0; every vector can be repaired."""
        return np.where(self.live(raw), raw, np.int8(0)), np.ones(len(raw), dtype=bool)

    # --- neighbourhood ------------------------------------------------------------------------------------------

    def sample(self, n: int, rng: np.random.Generator) -> GenotypeArray:
        """`n` genotypes `(n, d)`, uniform and with replacement; most have many layers, like most genotypes."""
        raw = super().sample(n, rng)
        shares = np.array([float(self._kinds) ** (depth - self.depths[-1]) for depth in self.depths])
        raw[:, self._depth] = rng.choice(len(self.depths), size=n, p=shares / shares.sum())
        return self.repair(raw)[0]

    def enumerate(self, chunk: int = 65_536) -> Iterator[GenotypeArray]:
        """All genotypes in order of their positions, in arrays of at most `chunk` rows."""
        for start in range(0, self.size, chunk):
            ranks = np.arange(min(chunk, self.size - start))
            yield self._ranked(start + (ranks if self.countable else ranks.astype(object)))

    def _ranked(self, ranks: npt.NDArray[Any]) -> GenotypeArray:
        """Genotypes by rank `(n,)` in the order of `enumerate`."""
        sizes = [self._kinds**depth for depth in self.depths]
        starts = [sum(sizes[:option]) for option in range(len(sizes))]
        before, within = ranks // sum(sizes), ranks % sum(sizes)
        result = np.zeros((len(ranks), len(self.cardinalities)), dtype=np.int8)
        for option, (start, size, depth) in enumerate(zip(starts, sizes, self.depths, strict=True)):
            rows = np.flatnonzero((within >= start) & (within < start + size))
            result[rows, self._depth] = option
            number = within[rows] - start
            for position in reversed(range(self._depth + 1, self._depth + 1 + depth * len(self._layer))):
                result[rows, position] = number % self.cardinalities[position]
                number = number // self.cardinalities[position]
        for position in reversed(range(self._depth)):
            result[:, position] = before % self.cardinalities[position]
            before = before // self.cardinalities[position]
        return result

    def _grown(self, genotypes: GenotypeArray, kinds: npt.NDArray[np.int8]) -> GenotypeArray:
        """`(n, d)` genotypes with the next larger number of layers; new layers have options `kinds` `(n, w)`."""
        result = genotypes.copy()
        result[:, self._depth] += 1
        new = np.arange(self.depths[-1]) >= self.depth(genotypes)[:, None]
        layers = np.where(new[:, :, None], kinds[:, None], self.layers(genotypes))
        result[:, self._depth + 1 :] = layers.reshape(len(genotypes), result.shape[1] - self._depth - 1)
        return self.repair(result)[0]

    def _shrinkable(self, genotypes: GenotypeArray) -> BoolArray:
        """Whether the next smaller number of layers would remove equal layers only; shape `(n,)`."""
        option = genotypes[:, self._depth]
        fewer = np.array(self.depths)[np.maximum(option - 1, 0)]
        layers, place = self.layers(genotypes), np.arange(self.depths[-1])
        last = layers[np.arange(len(layers)), self.depth(genotypes) - 1]
        removed = (place >= fewer[:, None]) & (place < self.depth(genotypes)[:, None])
        equal: BoolArray = ((layers == last[:, None]).all(axis=2) | ~removed).all(axis=1)
        return equal & (option > 0)

    def _shrunk(self, genotypes: GenotypeArray) -> GenotypeArray:
        """`(n, d)` genotypes with the next smaller number of layers."""
        result = genotypes.copy()
        result[:, self._depth] -= 1
        return self.repair(result)[0]

    def _neighbours_of(self, genotypes: GenotypeArray) -> tuple[GenotypeArray, KeyArray]:
        changed, rows = super()._neighbours_of(genotypes)
        position = (changed != genotypes[rows]).argmax(axis=1)
        live = self.live(genotypes)[rows, position] & (position != self._depth)
        kinds = np.stack(np.unravel_index(np.arange(self._kinds), self._layer), axis=1).astype(np.int8)  # (k, w)
        growing = np.repeat(np.flatnonzero(genotypes[:, self._depth] < len(self.depths) - 1), self._kinds)
        grown = self._grown(genotypes[growing], np.tile(kinds, (len(growing) // self._kinds, 1)))
        shrinking = np.flatnonzero(self._shrinkable(genotypes))
        neighbours = np.concatenate([changed[live], grown, self._shrunk(genotypes[shrinking])])
        owners = np.concatenate([rows[live], growing, shrinking])
        order = np.argsort(owners, kind="stable")
        return neighbours[order], owners[order]

    def mutate(self, genotypes: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """One random neighbour of each of `(n, d)` genotypes, by another option at a live position or another depth."""
        n = len(genotypes)
        grows = genotypes[:, self._depth] < len(self.depths) - 1
        shrinks = self._shrinkable(genotypes)
        movable = self.live(genotypes) & (self._options > 1)
        movable[:, self._depth] = grows | shrinks
        position = np.where(movable, rng.random(movable.shape), -1.0).argmax(axis=1)
        step, coin = rng.random((2, n))
        kinds = (rng.random((n, len(self._layer))) * self._layer).astype(np.int8)
        result = genotypes.copy()
        at = np.arange(n), position
        options = self._options[position]
        result[at] = (result[at] + 1 + (step * (options - 1)).astype(np.int64)) % options
        stacked = position == self._depth
        up = stacked & grows & (~shrinks | (coin < 0.5))
        down = stacked & ~up
        result[up] = self._grown(genotypes[up], kinds[up])
        result[down] = self._shrunk(genotypes[down])
        return result

    def crossover(self, a: GenotypeArray, b: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """Children `(n, d)` that take each position from one of two parents; positions of absent layers are 0."""
        return self.repair(super().crossover(a, b, rng))[0]


def path_arrays(layers: npt.NDArray[Any], depth: KeyArray, output: int) -> AdjacencyArrays:
    """Padded paths of the input (op 0), the first `depth` `(n,)` of the layers' ops `(n, m)`, and the output."""
    n, m = layers.shape
    node = np.arange(m + 2)
    ops = np.zeros((n, m + 2), dtype=np.int8)
    ops[:, 1:-1] = np.where(node[:-2] < depth[:, None], layers, 0)
    ops[np.arange(n), depth + 1] = output
    mask = node <= depth[:, None] + 1
    adjacency = np.eye(m + 2, k=1, dtype=bool) & mask[:, None, :]
    return AdjacencyArrays(adjacency, ops, mask)
