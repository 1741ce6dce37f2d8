"""Once-for-All on MobileNetV3: elastic kernels, expansions, depths and resolution (Cai et al., 2020)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.spaces.mobile_chain import LAYER, Layers, MobileChain, Stage, kept_strides, scaled
from nasbench.spaces.values import NetworkSettings, Option
from nasbench.tasks.images import ImageClassification
from nasbench.types import BoolArray, FloatArray, GenotypeArray, KeyArray

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from nasbench.tasks import Task

KERNELS, EXPANSIONS, DEPTHS = (3, 5, 7), (3, 4, 6), (2, 3, 4)
RESOLUTIONS = tuple(range(128, 225, 4))
UNITS = tuple(Stage(c, s, (2, 4)) for c, s in ((24, 2), (40, 2), (80, 2), (112, 1), (160, 2)))
EXCITED = (False, True, False, True, True)
"""Units with squeeze-excitation."""
SWISH = (False, False, True, True, True)
"""Units with hard swish; the others have ReLU."""
STEM_CHANNELS, EXPANDED_CHANNELS, LAST_CHANNELS = 16, 960, 1280
"""Channels of the first convolution and the layer after it, and of the last two convolutions."""
MAX_DEPTH = 4
"""Number of layers of each unit in a genotype."""
_LAYERS = MAX_DEPTH * len(UNITS)
_KERNEL_POSITIONS, _EXPANSION_POSITIONS, _DEPTH_POSITIONS, _RESOLUTION_POSITION = (
    slice(0, _LAYERS),
    slice(_LAYERS, 2 * _LAYERS),
    slice(2 * _LAYERS, 2 * _LAYERS + len(UNITS)),
    -1,
)
"""Positions of kernels, expansions, depths and resolution in a genotype."""
_PARTS: dict[str, tuple[int, tuple[int, ...]]] = {
    "ks": (_LAYERS, KERNELS),
    "e": (_LAYERS, EXPANSIONS),
    "d": (len(UNITS), DEPTHS),
    "r": (1, RESOLUTIONS),
}
"""Length and allowed numbers of each part of the published form."""


class OFA(MobileChain):
    """The networks contained in Once-for-All on MobileNetV3 (Cai et al., ICLR 2020, arXiv:1908.09791).

    Like the published form (`ks`, `e`, `d`, `r`), a genotype holds kernel and expansion of each of 20 layers, four for
    each of five units, the depth of each unit, and the resolution. A unit of depth 2 has only its first two layers; the
    positions of the others are idle. So there are

    - 9^20 * 3^5 * 25 = 7.39 * 10^22 genotypes (`size`): 9 pairs of kernel and expansion for each layer, 3 depths for
      each unit, 25 resolutions (128 to 224 in steps of 4);
    - (9^2 + 9^3 + 9^4)^5 * 25 = 7,371^5 * 25 = 5.44 * 10^20 networks (keys): 2 * 10^19, the published number, for each
      resolution.

    `canonical` sets idle positions to their first option (kernel 3, expansion 3). `sample` is the published sampling:
    all depths, kernels and expansions are equally likely. Networks with different keys compute different functions
    (another resolution reads other pixels, on images of the published size), so `function_key` is `key`.

    Neighbours have another kernel or expansion in one layer, another resolution, or one layer more (of any kind) or
    less at the end of a unit. See `MobileChain` for the graph, whose stages are the units; the input has the attribute
    `resolution`.
    """

    name = "ofa"
    paper = "Cai et al. (2020), Once-for-All, arXiv:1908.09791"
    stages = UNITS
    expansions = EXPANSIONS
    kernels = KERNELS
    attributes = (*LAYER, "resolution")
    captions: ClassVar[Mapping[str, str]] = {"resolution": "{} px"}

    def __init__(self) -> None:
        super().__init__()
        self.cardinalities = tuple(len(options) for count, options in _PARTS.values() for _ in range(count))

    @property
    def choice_names(self) -> tuple[str, ...]:
        """Part of the published form and place in it, as in `ks_0`, `e_19`, `d_4`; and `r`."""
        return (*(f"{part}_{place}" for part in ("ks", "e", "d") for place in range(_PARTS[part][0])), "r")

    def option_names(self, position: int) -> tuple[Option, ...]:
        """The published numbers."""
        return _PARTS[self.choice_names[position].partition("_")[0]][1]

    # --- graph and string ---------------------------------------------------------------------------------------

    def graph(self, genotype: GenotypeArray) -> nx.DiGraph[int]:
        """The architecture `(46,)` as in `MobileChain.graph`; the input also has `resolution`, in pixels."""
        graph = super().graph(genotype)
        graph.nodes[0]["resolution"] = RESOLUTIONS[genotype[_RESOLUTION_POSITION]]
        return graph

    def _present(self, genotypes: GenotypeArray) -> BoolArray:
        """Whether each of the 20 layers of `(n, 46)` genotypes is present; shape `(n, 20)`."""
        depth = np.array(DEPTHS)[genotypes[:, _DEPTH_POSITIONS]][:, self._stage]
        present: BoolArray = self._place < depth
        return present

    def _live(self, genotypes: GenotypeArray) -> BoolArray:
        """Whether each position of `(n, 46)` genotypes is live (not idle); same shape."""
        present = self._present(genotypes)
        always = np.ones((len(genotypes), len(UNITS) + 1), dtype=bool)
        return np.concatenate([present, present, always], axis=1)

    def _layers(self, genotypes: GenotypeArray) -> Layers:
        se = np.array(EXCITED, dtype=np.int64)[self._stage]
        return Layers(
            self._present(genotypes),
            np.array(EXPANSIONS)[genotypes[:, _EXPANSION_POSITIONS]],
            np.array(KERNELS)[genotypes[:, _KERNEL_POSITIONS]],
            np.broadcast_to(se, (len(genotypes), _LAYERS)),
        )

    def _read(self, graph: nx.DiGraph[Any], stages: list[list[Any]]) -> list[int]:
        ks, e = [0] * _LAYERS, [0] * _LAYERS
        for unit, nodes in enumerate(stages):
            for place, node in enumerate(nodes, start=unit * MAX_DEPTH):
                expansion, kernel, _ = self.kinds[graph.nodes[node]["op"]]
                ks[place], e[place] = KERNELS.index(kernel), EXPANSIONS.index(expansion)
        source = next(node for node in graph if graph.nodes[node]["op"] == "input")
        resolution = graph.nodes[source].get("resolution")
        if resolution not in RESOLUTIONS:
            raise InputError(
                f"node {source!r} (input) has resolution {resolution!r}; {self.name} has {RESOLUTIONS[0]} to "
                f"{RESOLUTIONS[-1]} in steps of 4"
            )
        return [*ks, *e, *(DEPTHS.index(len(nodes)) for nodes in stages), RESOLUTIONS.index(resolution)]

    def to_string(self, genotype: GenotypeArray) -> str:
        """The published form as JSON: `{"ks": [20 kernels], "e": [20 expansions], "d": [5 depths], "r": [224]}`."""
        places = {
            "ks": genotype[_KERNEL_POSITIONS],
            "e": genotype[_EXPANSION_POSITIONS],
            "d": genotype[_DEPTH_POSITIONS],
            "r": genotype[[_RESOLUTION_POSITION]],
        }
        return json.dumps({part: [_PARTS[part][1][option] for option in places[part]] for part in _PARTS})

    def _from_string(self, text: str) -> list[int]:
        """Inverse of `to_string`; as in the authors' code, idle layers may be 0 and the width multiplier `wid` null."""
        try:
            parts = json.loads(text)
        except (ValueError, RecursionError):
            parts = None
        if not isinstance(parts, dict):
            raise InputError(
                f'expected an architecture of {self.name} as JSON, {{"ks": [...], "e": [...], "d": [...], '
                f'"r": [224]}}, got {text[:80]!r}'
            )
        if parts.pop("wid", None) is not None:
            raise InputError(f"{self.name} has networks of width 1 only; omit 'wid' or set it to null")
        if set(parts) != set(_PARTS):
            wrong = sorted(set(parts) ^ set(_PARTS))[0]
            raise InputError(
                f"an architecture of {self.name} has 'ks', 'e', 'd' and 'r'; {wrong[:40]!r} is "
                f"{'missing' if wrong in _PARTS else 'unknown'}"
            )
        options: dict[str, list[int]] = {}
        idle = np.zeros(_LAYERS, dtype=bool)
        for part in ("d", "ks", "e", "r"):
            count, known = _PARTS[part]
            numbers = parts[part]
            if not isinstance(numbers, list) or len(numbers) != count:
                raise InputError(f"{part!r} of {self.name} is a list of {count}, got {str(numbers)[:80]}")
            options[part] = []
            for place, number in enumerate(numbers):
                if number == 0 and part in ("ks", "e") and idle[place]:
                    options[part].append(0)
                elif number in known:
                    options[part].append(known.index(number))
                else:
                    raise InputError(
                        f"number {place} of {part!r} is {str(number)[:40]}; {self.name} allows "
                        f"{', '.join(map(str, known))}"
                    )
            if part == "d":
                idle = self._place >= np.array(numbers)[self._stage]
        return [option for part in _PARTS for option in options[part]]

    # --- identity -----------------------------------------------------------------------------------------------

    def canonical(self, genotypes: GenotypeArray) -> GenotypeArray:
        """The `(n, 46)` genotypes with the first option at all idle positions."""
        result: GenotypeArray = np.where(self._live(genotypes), genotypes, 0).astype(np.int8)
        return result

    def distance(self, a: GenotypeArray, b: GenotypeArray) -> npt.NDArray[np.int64]:
        """Number of positions at which the canonical forms of `(n, 46)` and `(n, 46)` differ; shape `(n,)`."""
        return super().distance(self.canonical(a), self.canonical(b))

    # --- neighbourhood ------------------------------------------------------------------------------------------

    def _neighbours_of(self, genotypes: GenotypeArray) -> tuple[GenotypeArray, KeyArray]:
        """Neighbours by another option at a live position; depths change by one, and a new layer is of any kind."""
        genotypes = self.canonical(genotypes)
        n, d = genotypes.shape
        kinds = len(KERNELS) * len(EXPANSIONS)
        changed, rows = super()._neighbours_of(genotypes)
        changed = changed.reshape(n, -1, d)
        position = (changed != genotypes[:, None]).argmax(axis=2)  # (n, k)
        other = np.take_along_axis(self._live(genotypes), position, axis=1)
        other &= (position < _DEPTH_POSITIONS.start) | (position >= _DEPTH_POSITIONS.stop)
        depth = genotypes[:, _DEPTH_POSITIONS]  # (n, 5)
        unit = np.arange(len(UNITS))
        less = np.repeat(genotypes[:, None], len(UNITS), axis=1)
        less[:, unit, _DEPTH_POSITIONS.start + unit] -= 1
        more = np.repeat(genotypes[:, None], len(UNITS) * kinds, axis=1)
        units, kind = np.repeat(unit, kinds), np.tile(np.arange(kinds), len(UNITS))
        more[:, np.arange(len(units)), _DEPTH_POSITIONS.start + units] += 1
        # the new layer comes after the present ones; a full unit has no place for it (masked by `valid`)
        slot = np.minimum(units * MAX_DEPTH + np.array(DEPTHS)[depth][:, units], _LAYERS - 1)  # (n, 45)
        at = np.arange(n)[:, None], np.arange(len(units))
        more[*at, slot], more[*at, _EXPANSION_POSITIONS.start + slot] = kind // len(EXPANSIONS), kind % len(EXPANSIONS)
        valid = np.concatenate([other, depth > 0, (depth < len(DEPTHS) - 1)[:, units]], axis=1)
        edited = np.concatenate([changed, less, more], axis=1)
        rows, _ = np.nonzero(valid)
        return self.canonical(edited[valid]), rows

    def mutate(self, genotypes: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """One random neighbour of each of `(n, 46)` genotypes: another option at a uniform live position.

        A depth goes up or down by one, with equal probability if both are possible; a new layer is uniform.
        """
        result = self.canonical(genotypes)
        live = self._live(result)
        position_draw, option_draw, kernel_draw, expansion_draw = rng.random((4, len(result)))
        number = (position_draw * live.sum(axis=1)).astype(np.int64)
        position = (live.cumsum(axis=1) > number[:, None]).argmax(axis=1)
        rows, options = np.arange(len(result)), self._options[position]
        deep = (position >= _DEPTH_POSITIONS.start) & (position < _DEPTH_POSITIONS.stop)
        before = result[rows, position]
        other = (before + 1 + (option_draw * (options - 1)).astype(np.int64)) % options
        step = np.where(before == 0, 1, np.where(before == len(DEPTHS) - 1, -1, np.where(option_draw < 0.5, 1, -1)))
        result[rows, position] = np.where(deep, before + step, other)
        grown = rows[deep & (step > 0)]
        slot = (position[grown] - _DEPTH_POSITIONS.start) * MAX_DEPTH + np.array(DEPTHS)[before[grown]]
        result[grown, slot] = (kernel_draw[grown] * len(KERNELS)).astype(np.int8)
        result[grown, _EXPANSION_POSITIONS.start + slot] = (expansion_draw[grown] * len(EXPANSIONS)).astype(np.int8)
        return self.canonical(result)

    def crossover(self, a: GenotypeArray, b: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """Children that take each position from either parent `(n, 46)`; a layer of only one parent comes from it."""
        live = self._live(a)
        chosen = np.where(live == self._live(b), rng.random(a.shape) < 0.5, live)
        return self.canonical(np.where(chosen, a, b))

    # --- encodings ----------------------------------------------------------------------------------------------

    def node_values(self, genotypes: GenotypeArray) -> FloatArray:
        """Numeric `attributes` of the nodes of `(n, 46)` genotypes: resolution of the input, all others of layers."""
        values = super().node_values(genotypes)
        values[:, 0, -1] = np.array(RESOLUTIONS)[genotypes[:, _RESOLUTION_POSITION]]
        return values

    def features(self, genotypes: GenotypeArray, kind: str = "onehot") -> FloatArray:
        """See `Space.features`; `onehot` columns of idle positions are zero, as in the authors' predictor."""
        features = super().features(genotypes, kind)
        if kind == "onehot":
            features *= np.repeat(self._live(genotypes), self._options, axis=1)
        return features

    # --- network ------------------------------------------------------------------------------------------------

    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> torch.nn.Module:
        """The published network: stem, a layer without expansion, five units, and the head of MobileNetV3.

        Images are first resized by the ratio of the resolution to the largest one, 224, so the resolution affects
        accuracy and cost on images of any size; on small images, several resolutions round to the same pixels. The head
        is a 1x1 convolution to 960 channels, the average, a linear map to 1,280, hard swish and the classifier.
        Squeeze-excitation reduces to a quarter of the channels, rounded to a multiple of 8.

        With `settings.channels` of 16 it has the published widths; other values scale all widths in proportion.
        `kept_strides` adapts the strides to small images. The weights are not shared in a supernet. The space sets the
        depth, so `settings.cells` and `settings.stages` are ignored.
        """
        from torch import nn

        from nasbench.spaces.networks import layers

        def excitation(channels: int) -> nn.Module:
            return layers.SqueezeExcitation(channels, _multiple_of_8(channels // 4), nn.ReLU, nn.Hardsigmoid)

        images = ImageClassification.expect(task)
        stem, expanded, last, *widths = (
            scaled(width, settings.channels, STEM_CHANNELS)
            for width in (STEM_CHANNELS, EXPANDED_CHANNELS, LAST_CHANNELS, *(unit.channels for unit in UNITS))
        )
        first, *strides = kept_strides((2, *(unit.stride for unit in UNITS)), images.shape[1:])
        blocks: list[nn.Module] = [
            layers.Resize(RESOLUTIONS[genotype[_RESOLUTION_POSITION]] / RESOLUTIONS[-1]),
            layers.conv_bn_act(images.shape[0], stem, 3, first, nn.Hardswish),
            layers.InvertedResidual(stem, stem, 3, 1, expansion=1),
        ]
        channels = stem
        for slot in np.flatnonzero(self._present(genotype[None])[0]):
            unit, first_layer = self._stage[slot], self._place[slot] == 0
            blocks.append(
                layers.InvertedResidual(
                    channels,
                    widths[unit],
                    KERNELS[genotype[_KERNEL_POSITIONS][slot]],
                    strides[unit] if first_layer else 1,
                    EXPANSIONS[genotype[_EXPANSION_POSITIONS][slot]],
                    nn.Hardswish if SWISH[unit] else nn.ReLU,
                    excitation if EXCITED[unit] else None,
                )
            )
            channels = widths[unit]
        return nn.Sequential(
            *blocks,
            layers.conv_bn_act(channels, expanded, 1, activation=nn.Hardswish),
            layers.GlobalAverage(),
            nn.Linear(expanded, last, bias=False),
            nn.Hardswish(),
            nn.Linear(last, images.classes),
        )


def _multiple_of_8(channels: int) -> int:
    """Nearest multiple of 8 that is at least 8 and at least nine tenths of the width, as in MobileNetV3."""
    nearest = max(8, (channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8
