"""TransNAS-Bench-101, macro level: four to six modules that widen, halve, both or neither (Duan et al., 2021)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nasbench.errors import InputError
from nasbench.spaces.base import Space
from nasbench.spaces.layered import path_arrays
from nasbench.spaces.mobile_chain import check_attributes, directed_path
from nasbench.spaces.values import AdjacencyArrays, NetworkSettings
from nasbench.tasks.images import ImageClassification
from nasbench.types import BoolArray, FloatArray, GenotypeArray, KeyArray

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from nasbench.tasks import Task

KINDS = ("keep", "widen", "halve", "widen_halve")
"""Modules by published digit, 1 to 4: widen doubles the channels, halve halves height and width."""
MODULES = (4, 6)
"""Minimum and maximum number of modules."""
WIDENED, HALVED = (1, 3), (1, 4)
"""Minimum and maximum number of modules that widen, and that halve."""
CHANNELS = 64
"""Channels after the stem."""


class TNB101Macro(Space):
    """The 3,256 networks of TransNAS-Bench-101, macro level (Duan et al., CVPR 2021, arXiv:2105.11871).

    A network is a chain of four to six modules of two residual blocks each. The first block of a module may double the
    channels and may halve the image: one to three modules of a network widen, and one to four halve. In the published
    string, as in `64-1234-basic`, each module is a digit: 1 neither, 2 widens, 3 halves, 4 both.

    A genotype holds the digit of each module minus one; for the fifth and the sixth module, the digit itself or 0 if
    absent. Two architectures are neighbours if they differ in one module, or if one has an additional last module.
    Every genotype is a network of its own: `key` and `function_key` are `code`.

    The graph is the chain of input, modules and output. Modules have the attributes `channels` (output width in the
    published network) and `halvings` (number of times the image is halved up to this module, without the stem, which
    divides it by four).
    """

    name = "tnb101_macro"
    paper = "Duan et al. (2021), TransNAS-Bench-101, arXiv:2105.11871"
    attributes = ("channels", "halvings")
    captions: ClassVar[Mapping[str, str]] = {"channels": "{} wide"}
    feature_kinds = ("onehot", "counts", "adjacency", "values")

    def __init__(self) -> None:
        fewest, most = MODULES
        self.cardinalities = (len(KINDS),) * fewest + (1 + len(KINDS),) * (most - fewest)
        self.ops = ("input", *KINDS, "output")
        self.max_nodes = most + 2

    @property
    def choice_names(self) -> tuple[str, ...]:
        """`module_1` to `module_6`."""
        return tuple(f"module_{module}" for module in range(1, MODULES[1] + 1))

    def option_names(self, position: int) -> tuple[int, ...]:
        """The published digits; 0 for an absent module."""
        return tuple(range(1 + len(KINDS)))[-self.cardinalities[position] :]

    # --- membership ---------------------------------------------------------------------------------------------

    def _digits(self, genotypes: GenotypeArray) -> GenotypeArray:
        """Published digits of `(n, 6)` genotypes, 0 for an absent module; shape `(n, 6)`."""
        return genotypes + (np.arange(MODULES[1]) < MODULES[0]).astype(np.int8)

    @cached_property
    def _all(self) -> GenotypeArray:
        """All genotypes in order of `code`."""
        raw = np.array(list(product(*map(range, self.cardinalities))), dtype=np.int8)
        return raw[self.contains(raw)]

    @property
    def size(self) -> int:
        """Number of genotypes."""
        return len(self._all)

    def contains(self, genotypes: GenotypeArray) -> BoolArray:
        """Whether each of `(n, 6)` genotypes has no gap and allowed numbers of widening and halving modules; `(n,)`."""
        digits = self._digits(genotypes)
        widened, halved = _widens(digits).sum(axis=1), _halves(digits).sum(axis=1)
        gap = (digits[:, :-1] == 0) & (digits[:, 1:] > 0)
        inside = (widened >= WIDENED[0]) & (widened <= WIDENED[1]) & (halved >= HALVED[0]) & (halved <= HALVED[1])
        result: BoolArray = inside & ~gap.any(axis=1)
        return result

    def invalid(self, genotypes: GenotypeArray) -> list[str | None]:
        """Reason why each of `(n, 6)` genotypes is no architecture of this space, or None."""
        reasons: list[str | None] = []
        for digits, valid in zip(self._digits(genotypes), self.contains(genotypes), strict=True):
            widened, halved = int(_widens(digits).sum()), int(_halves(digits).sum())
            if valid:
                reasons.append(None)
            elif not WIDENED[0] <= widened <= WIDENED[1]:
                reasons.append(f"{widened} of its modules widen (2 and 4); allowed are {WIDENED[0]} to {WIDENED[1]}")
            elif not HALVED[0] <= halved <= HALVED[1]:
                reasons.append(f"{halved} of its modules halve (3 and 4); allowed are {HALVED[0]} to {HALVED[1]}")
            else:
                reasons.append("it has a sixth module without a fifth")
        return reasons

    def repair(self, raw: GenotypeArray) -> tuple[GenotypeArray, BoolArray]:
        """Repair `(n, 6)` vectors of independent choices; every vector can be repaired.

        A sixth module without a fifth becomes the fifth. If too many modules widen, the last of them do not; if none
        widens, the last module does. The same holds for halving.
        """
        digits = self._digits(raw)
        shifted = digits[:, -2] == 0
        digits[shifted, -2], digits[shifted, -1] = digits[shifted, -1], 0
        present = digits > 0
        last = present.sum(axis=1) - 1
        widens, halves = _widens(digits), _halves(digits)
        for changes, (_, most) in (widens, WIDENED), (halves, HALVED):
            none = ~changes.any(axis=1)
            changes[none, last[none]] = True
            changes &= changes.cumsum(axis=1) <= most
        digits = np.where(present, 1 + widens + 2 * halves, 0).astype(np.int8)
        return digits - self._digits(np.zeros_like(raw)), np.ones(len(raw), dtype=bool)

    # --- neighbourhood ------------------------------------------------------------------------------------------

    def enumerate(self, chunk: int = 65_536) -> Iterator[GenotypeArray]:
        """All genotypes in order of `code`, in arrays of at most `chunk` rows."""
        for start in range(0, self.size, chunk):
            yield self._all[start : start + chunk].copy()

    def sample(self, n: int, rng: np.random.Generator) -> GenotypeArray:
        """`n` genotypes `(n, 6)`, uniform and with replacement."""
        return self._all[rng.integers(0, self.size, size=n)]

    def _neighbours_of(self, genotypes: GenotypeArray) -> tuple[GenotypeArray, KeyArray]:
        changed, rows = super()._neighbours_of(genotypes)
        inside = self.contains(changed)
        return changed[inside], rows[inside]

    def mutate(self, genotypes: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """One random neighbour of each of `(n, 6)` genotypes."""
        changed, rows = super()._neighbours_of(genotypes)
        shape = len(genotypes), len(changed) // max(1, len(genotypes))  # every genotype has as many changes
        draws = np.where(self.contains(changed).reshape(shape), rng.random(shape), -1.0)
        chosen = np.arange(len(genotypes)) * shape[1] + draws.argmax(axis=1) if len(genotypes) else rows
        return changed[chosen]

    def crossover(self, a: GenotypeArray, b: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """Children `(n, 6)` that take each module from one of two parents with equal probability, repaired."""
        return self.repair(super().crossover(a, b, rng))[0]

    # --- graph and string ---------------------------------------------------------------------------------------

    def graph(self, genotype: GenotypeArray) -> nx.DiGraph[int]:
        """The network `(6,)` as a directed path with attribute `op`; modules have `channels` and `halvings` too."""
        import networkx as nx

        digits = self._digits(genotype[None])[0]
        digits = digits[digits > 0]
        graph: nx.DiGraph[int] = nx.path_graph(len(digits) + 2, create_using=nx.DiGraph)
        graph.nodes[0]["op"], graph.nodes[len(digits) + 1]["op"] = "input", "output"
        channels, halvings = _shapes(digits)
        for node, digit in enumerate(digits.tolist(), start=1):
            graph.nodes[node].update(
                op=KINDS[digit - 1], channels=int(channels[node - 1]), halvings=int(halvings[node - 1])
            )
        return graph

    def _from_graph(self, graph: nx.DiGraph[Any]) -> list[int]:
        _, *modules, _ = nodes = directed_path(graph, self.name)
        fewest, most = MODULES
        if not fewest <= len(modules) <= most:
            raise InputError(f"the graph has {len(modules)} modules; {self.name} allows {fewest} to {most}")
        digits = [1 + KINDS.index(graph.nodes[node]["op"]) for node in modules]
        genotype = self._from_digits(digits)
        check_attributes(graph, nodes, self.graph(self.check([genotype])[0]), self.name)
        return genotype

    def _from_digits(self, digits: list[int]) -> list[int]:
        padded = digits + [0] * (MODULES[1] - len(digits))
        return [digit - (place < MODULES[0]) for place, digit in enumerate(padded)]

    def to_string(self, genotype: GenotypeArray) -> str:
        """The published string, as in `64-1234-basic`: channels, digits of the modules, kind of block."""
        digits = self._digits(genotype[None])[0]
        return f"{CHANNELS}-{''.join(str(digit) for digit in digits[digits > 0])}-basic"

    def _from_string(self, text: str) -> list[int]:
        match = re.fullmatch(rf"{CHANNELS}-([1-4]{{{MODULES[0]},{MODULES[1]}}})-basic", text)
        if match is None:
            raise InputError(
                f"expected a network of {self.name} as '{CHANNELS}-1234-basic', with four to six digits from 1 to 4, "
                f"got {text[:80]!r}"
            )
        return self._from_digits([int(digit) for digit in match[1]])

    # --- encodings ----------------------------------------------------------------------------------------------

    def adjacency_arrays(self, genotypes: GenotypeArray) -> AdjacencyArrays:
        """The graphs of `(n, 6)` genotypes as dense arrays, all paths of six to eight nodes."""
        digits = self._digits(genotypes)
        return path_arrays(digits, (digits > 0).sum(axis=1), len(self.ops) - 1)

    def node_values(self, genotypes: GenotypeArray) -> FloatArray:
        """`channels` and `halvings` of the modules of `(n, 6)` genotypes, 0 for other nodes; shape `(n, 8, 2)`."""
        digits = self._digits(genotypes)
        values = np.zeros((len(genotypes), self.max_nodes, len(self.attributes)))
        values[:, 1:-1] = np.stack(_shapes(digits), axis=2) * (digits > 0)[:, :, None]
        return values

    # --- network ------------------------------------------------------------------------------------------------

    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> torch.nn.Module:
        """The published network with the head for classification.

        The published size is 64 channels after the stem and 2 cells, which are the residual blocks of a module. The
        stem divides the image by four, as published, if both sides have at least 64 pixels (published: 256); otherwise
        it keeps the size. The space sets the number of modules, so `settings.stages` is ignored.
        """
        from torch import nn

        from nasbench.spaces.networks import layers, tnb101

        images = ImageClassification.expect(task)
        digits = self._digits(genotype[None])[0]
        channels = settings.channels
        blocks = tnb101.stem(images.shape, channels)
        for digit in digits[digits > 0].tolist():
            c_in, channels = channels, channels * (2 if digit in (2, 4) else 1)
            blocks.append(tnb101.BasicBlock(c_in, channels, 2 if digit in (3, 4) else 1))
            blocks += [tnb101.BasicBlock(channels, channels) for _ in range(settings.cells - 1)]
        return nn.Sequential(*blocks, layers.head(channels, images.classes))


def _widens(digits: GenotypeArray) -> BoolArray:
    """Whether each module doubles the channels."""
    result: BoolArray = (digits == 2) | (digits == 4)
    return result


def _halves(digits: GenotypeArray) -> BoolArray:
    """Whether each module halves the image."""
    result: BoolArray = digits >= 3
    return result


def _shapes(digits: GenotypeArray) -> tuple[KeyArray, KeyArray]:
    """Channels, and number of halvings so far, after each module; same shape."""
    return CHANNELS * 2 ** _widens(digits).cumsum(axis=-1), _halves(digits).cumsum(axis=-1)
