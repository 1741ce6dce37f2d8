"""The mobile space of Accel-NASBench: seven blocks like MnasNet and EfficientNet-B0 (Ahmad et al., 2024)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.spaces.mobile_chain import Layers, MobileChain, Stage, kept_strides, scaled
from nasbench.spaces.values import NetworkSettings, Option
from nasbench.tasks.images import ImageClassification
from nasbench.types import GenotypeArray

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from nasbench.tasks import Task

STAGES = (
    Stage(16, 1, (1, 3)),
    Stage(24, 2, (1, 3)),
    Stage(40, 2, (1, 3)),
    Stage(80, 2, (1, 3)),
    Stage(112, 1, (1, 3)),
    Stage(192, 2, (1, 4)),
    Stage(320, 1, (1, 3)),
)
"""The blocks; the sixth has up to four layers, as in EfficientNet-B0."""
STEM_CHANNELS, LAST_CHANNELS = 32, 1280
"""Channels of the first and of the last convolution."""
_OPTIONS: dict[str, tuple[int, ...]] = {"e": (1, 4, 6), "k": (3, 5), "l": (1, 2, 3, 4), "se": (0, 1)}
"""Options of a block, in the published order and by the published letters."""


class Mobile(MobileChain):
    """The 104,485,552,128 networks of Accel-NASBench (Ahmad et al., DAC 2024, arXiv:2404.08005).

    A genotype holds expansion (1, 4, 6), kernel (3, 5), number of layers (1 to 3; 1 to 4 for the sixth block) and
    squeeze-excitation (no, yes) of each of seven blocks: 36 choices for six blocks and 48 for the sixth, 36^6 * 48 in
    all. All layers of a block share them. See `MobileChain` for the graph, whose stages are the blocks.

    Every genotype is a network of its own, and no two compute the same functions: layers, kernel, expansion and
    squeeze-excitation all change what is learnt. `key` and `function_key` are `code`.
    """

    name = "mobile"
    paper = "Ahmad et al. (2024), Accel-NASBench, arXiv:2404.08005"
    stages = STAGES
    expansions = _OPTIONS["e"]
    kernels = _OPTIONS["k"]

    def __init__(self) -> None:
        super().__init__()
        self.cardinalities = tuple(
            options
            for stage in STAGES
            for options in (len(self.expansions), len(self.kernels), stage.layers[1], len(_OPTIONS["se"]))
        )

    @property
    def choice_names(self) -> tuple[str, ...]:
        """The columns of the published table: `block0_e`, `block0_k`, ... `block6_se`."""
        return tuple(f"block{block}_{letter}" for block in range(len(STAGES)) for letter in _OPTIONS)

    def option_names(self, position: int) -> tuple[Option, ...]:
        """The published options: numbers, and False or True for squeeze-excitation."""
        letter = tuple(_OPTIONS)[position % len(_OPTIONS)]
        if letter == "se":
            return (False, True)
        return _OPTIONS[letter][: self.cardinalities[position]]

    # --- graph and string ---------------------------------------------------------------------------------------

    def _layers(self, genotypes: GenotypeArray) -> Layers:
        blocks = genotypes.reshape(-1, len(STAGES), len(_OPTIONS))[:, self._stage].astype(np.int64)  # (n, m, 4)
        expansion, kernel, _, se = (
            np.array(options)[blocks[:, :, number]] for number, options in enumerate(_OPTIONS.values())
        )
        return Layers(self._place <= blocks[:, :, 2], expansion, kernel, se)

    def _read(self, graph: nx.DiGraph[Any], stages: list[list[Any]]) -> list[int]:
        genotype = []
        for number, nodes in enumerate(stages):
            first, *rest = (graph.nodes[node]["op"] for node in nodes)
            for node, op in zip(nodes[1:], rest, strict=True):
                if op != first:
                    raise InputError(
                        f"node {node!r} has op {op!r}, but stage {number} begins with {first!r}; all layers of a "
                        f"stage of {self.name} have one op"
                    )
            expansion, kernel, se = self.kinds[first]
            genotype += [self.expansions.index(expansion), self.kernels.index(kernel), len(nodes) - 1, se]
        return genotype

    def to_string(self, genotype: GenotypeArray) -> str:
        """The blocks by the published letters, as in `e1_k3_l1_se1:e6_k3_l2_se1:...`."""
        options = list(_OPTIONS.items())
        blocks = genotype.reshape(len(STAGES), len(options)).tolist()
        return ":".join(
            "_".join(f"{letter}{values[chosen]}" for (letter, values), chosen in zip(options, block, strict=True))
            for block in blocks
        )

    def _from_string(self, text: str) -> list[int]:
        """Inverse of `to_string`; also reads the authors' lists: `[[e, ...], [k, ...], [l, ...], [se, ...]]`."""
        if text.startswith("["):
            return self._parse_lists(text)
        blocks = text.split(":")
        if len(blocks) != len(STAGES):
            raise InputError(
                f"expected {len(STAGES)} blocks of {self.name} joined by ':', as in 'e1_k3_l1_se1:e6_k5_l2_se0:...', "
                f"got {len(blocks)} in {text[:80]!r}"
            )
        genotype = []
        for number, block in enumerate(blocks):
            match = re.fullmatch("_".join(f"{letter}([0-9]{{1,3}})" for letter in _OPTIONS), block)
            if match is None:
                raise InputError(f"block {number} of {self.name} is written as in 'e6_k5_l2_se0', got {block[:40]!r}")
            genotype += self._block(number, list(map(int, match.groups())))
        return genotype

    def _parse_lists(self, text: str) -> list[int]:
        try:
            lists = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{text[:80]!r} is not JSON, nor blocks of {self.name} joined by ':'") from error
        lengths = [len(part) for part in lists if isinstance(part, list)]
        if lengths != [len(STAGES)] * len(_OPTIONS) or len(lists) != len(_OPTIONS):
            raise InputError(
                f"expected four lists of {len(STAGES)} for {self.name}: expansions, kernels, layers, squeeze-excitation"
            )
        blocks = enumerate(zip(*lists, strict=True))
        return [option for number, block in blocks for option in self._block(number, list(block))]

    def _block(self, number: int, values: list[Any]) -> list[int]:
        """Options of a block with these values."""
        result = []
        for place, (letter, value) in enumerate(zip(_OPTIONS, values, strict=True)):
            known = _OPTIONS[letter][: self.cardinalities[len(_OPTIONS) * number + place]]
            if value not in known:
                allowed = ", ".join(map(str, known))
                raise InputError(f"block {number} of {self.name} has {letter} {value!r}; allowed are {allowed}")
            result.append(known.index(value))
        return result

    def from_columns(self, columns: Mapping[str, npt.ArrayLike]) -> GenotypeArray:
        """Genotypes `(n, 28)` of the rows of the published table.

        Args:
            columns: Data frame or dictionary with a column `(n,)` for each of `choice_names`, holding numbers, booleans
                or strings from a CSV file. Other columns are ignored.

        Raises:
            InputError: A column is missing or has an unknown value; the message names the column and the row.
        """
        result = []
        for position, name in enumerate(self.choice_names):
            if name not in columns:
                raise InputError(f"the table has no column {name!r}; {self.name} is read from block0_e to block6_se")
            known = {str(option): index for index, option in enumerate(self.option_names(position))}
            if name.endswith("se"):
                known |= {"0": 0, "1": 1}
            values, where = np.unique(np.asarray(columns[name]).astype(str), return_inverse=True)
            for index, value in enumerate(values.tolist()):
                if value not in known:
                    row = int(np.flatnonzero(where == index)[0])
                    raise InputError(f"row {row} has {name} {value!r}; {self.name} allows {', '.join(known)}")
            result.append(np.array([known[value] for value in values.tolist()], dtype=np.int8)[where])
        return self.check(np.stack(result, axis=1))

    # --- network ------------------------------------------------------------------------------------------------

    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> torch.nn.Module:
        """The published network: stem, seven blocks, a 1x1 convolution, head, with SiLU throughout.

        With `settings.channels` of 32 it has the published widths and, for images of 224 pixels and 1,000 classes, the
        published `params` and `macs`; other values scale all widths in proportion. A layer of expansion 1 has no first
        convolution; squeeze-excitation reduces to a quarter of the input channels of the layer. `kept_strides` adapts
        the strides to small images. The published dropout in the head and stochastic depth belong to training, and are
        left out here. The space sets the depth, so `settings.cells` and `settings.stages` are ignored.
        """
        from functools import partial

        from torch import nn

        from nasbench.spaces.networks import layers

        images = ImageClassification.expect(task)
        stem, last, *widths = (
            scaled(width, settings.channels, STEM_CHANNELS)
            for width in (STEM_CHANNELS, LAST_CHANNELS, *(stage.channels for stage in STAGES))
        )
        first, *strides = kept_strides((2, *(stage.stride for stage in STAGES)), images.shape[1:])
        blocks: list[nn.Module] = [layers.conv_bn_act(images.shape[0], stem, 3, first, nn.SiLU)]
        channels = stem
        for width, stride, block in zip(widths, strides, genotype.reshape(len(STAGES), -1), strict=True):
            expansion, kernel, depth, se = (
                options[chosen] for options, chosen in zip(_OPTIONS.values(), block, strict=True)
            )
            for layer in range(depth):
                excitation = partial(layers.SqueezeExcitation, squeezed=max(1, channels // 4), activation=nn.SiLU)
                step = stride if layer == 0 else 1
                blocks.append(
                    layers.InvertedResidual(
                        channels, width, kernel, step, expansion, nn.SiLU, excitation if se else None
                    )
                )
                channels = width
        blocks.append(layers.conv_bn_act(channels, last, 1, activation=nn.SiLU))
        return nn.Sequential(*blocks, layers.head(last, images.classes))
