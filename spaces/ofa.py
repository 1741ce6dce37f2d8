"""The Once-for-All space on MobileNetV3: elastic kernels, expansions, depths and resolution (Cai et al., 2020)."""

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
"""Units with the hard swish; the others have ReLU."""
STEM, EXPANDED, LAST = 16, 960, 1280
"""Channels of the first convolution and the layer after it, and of the last two convolutions."""
MOST = 4
"""Layers that a genotype describes for each unit."""
_SLOTS = MOST * len(UNITS)
_KS, _E, _D, _R = slice(0, _SLOTS), slice(_SLOTS, 2 * _SLOTS), slice(2 * _SLOTS, 2 * _SLOTS + len(UNITS)), -1
"""Where a genotype has them."""
_PARTS: dict[str, tuple[int, tuple[int, ...]]] = {
    "ks": (_SLOTS, KERNELS),
    "e": (_SLOTS, EXPANSIONS),
    "d": (len(UNITS), DEPTHS),
    "r": (1, RESOLUTIONS),
}
"""How many numbers each part of the published form has, and which are allowed."""


class OFA(MobileChain):
    """The networks that Once-for-All on MobileNetV3 contains (Cai et al., ICLR 2020, arXiv:1908.09791).

    A genotype holds the kernel and the expansion of each of 20 layers, four to each of five units, the depth of each
    unit, and the resolution, as the published form does (`ks`, `e`, `d`, `r`). A unit of depth 2 has only its first two
    layers: what the genotype says of the others is idle. So there are

    - 9^20 * 3^5 * 25 = 7.39 * 10^22 genotypes (`size`): 9 kernels and expansions for each layer, 3 depths for each
      unit, 25 resolutions (128 to 224 in steps of 4);
    - (9^2 + 9^3 + 9^4)^5 * 25 = 7,371^5 * 25 = 5.44 * 10^20 networks (keys): 2 * 10^19, the published number, for each
      resolution.

    `canonical` gives idle positions their first option (kernel 3, expansion 3). `sample` is the published sampling:
    each depth, kernel and expansion has the same chance. Networks of other keys compute other functions (those of
    another resolution see other pixels, on images of the published size), so that `function_key` is `key`.

    Neighbours have another kernel or expansion at one layer, another resolution, or one layer more (of any kind) or
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
        """As in `ks_0`, `e_19`, `d_4`: the part of the published form and the place in it; and `r`."""
        return (*(f"{part}_{place}" for part in ("ks", "e", "d") for place in range(_PARTS[part][0])), "r")

    def option_names(self, position: int) -> tuple[Option, ...]:
        """The published numbers."""
        return _PARTS[self.choice_names[position].partition("_")[0]][1]

    # --- graph and string ---------------------------------------------------------------------------------------

    def graph(self, genotype: GenotypeArray) -> nx.DiGraph[int]:
        """The architecture `(46,)` as `MobileChain.graph`; the input has `resolution`, in pixels, too."""
        graph = super().graph(genotype)
        graph.nodes[0]["resolution"] = RESOLUTIONS[genotype[_R]]
        return graph

    def _present(self, genotypes: GenotypeArray) -> BoolArray:
        """Which of the 20 layers of `(n, 46)` genotypes there are; shape `(n, 20)`."""
        depth = np.array(DEPTHS)[genotypes[:, _D]][:, self._stage]
        present: BoolArray = self._place < depth
        return present

    def _live(self, genotypes: GenotypeArray) -> BoolArray:
        """Which positions of `(n, 46)` genotypes are not idle; same shape."""
        present = self._present(genotypes)
        rest = np.ones((len(genotypes), len(UNITS) + 1), dtype=bool)
        return np.concatenate([present, present, rest], axis=1)

    def _layers(self, genotypes: GenotypeArray) -> Layers:
        se = np.array(EXCITED, dtype=np.int64)[self._stage]
        return Layers(
            self._present(genotypes),
            np.array(EXPANSIONS)[genotypes[:, _E]],
            np.array(KERNELS)[genotypes[:, _KS]],
            np.broadcast_to(se, (len(genotypes), _SLOTS)),
        )

    def _read(self, graph: nx.DiGraph[Any], stages: list[list[Any]]) -> list[int]:
        ks, e = [0] * _SLOTS, [0] * _SLOTS
        for unit, nodes in enumerate(stages):
            for place, node in enumerate(nodes, start=unit * MOST):
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
        places = {"ks": genotype[_KS], "e": genotype[_E], "d": genotype[_D], "r": genotype[[_R]]}
        return json.dumps({part: [_PARTS[part][1][option] for option in places[part]] for part in _PARTS})

    def _from_string(self, text: str) -> list[int]:
        """Inverse of `to_string`; as in the authors' code, idle layers may be 0 and a width multiplier `wid` null."""
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
            raise InputError(f"{self.name} has networks of width 1 only; leave out 'wid' or give null")
        if set(parts) != set(_PARTS):
            wrong = sorted(set(parts) ^ set(_PARTS))[0]
            raise InputError(
                f"an architecture of {self.name} has 'ks', 'e', 'd' and 'r'; {wrong[:40]!r} is "
                f"{'missing' if wrong in _PARTS else 'unknown'}"
            )
        options: dict[str, list[int]] = {}
        idle = np.zeros(_SLOTS, dtype=bool)
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
        """The `(n, 46)` genotypes with the first option wherever they are idle."""
        result: GenotypeArray = np.where(self._live(genotypes), genotypes, 0).astype(np.int8)
        return result

    def distance(self, a: GenotypeArray, b: GenotypeArray) -> npt.NDArray[np.int64]:
        """Number of positions at which the canonical forms of `(n, 46)` and `(n, 46)` differ; shape `(n,)`."""
        return super().distance(self.canonical(a), self.canonical(b))

    # --- moves --------------------------------------------------------------------------------------------------

    def _neighbours_of(self, genotypes: GenotypeArray) -> tuple[GenotypeArray, KeyArray]:
        """Other options at what is live, but depths only one more, with each kind of layer, or one less."""
        genotypes = self.canonical(genotypes)
        n, d = genotypes.shape
        kinds = len(KERNELS) * len(EXPANSIONS)
        changed, rows = super()._neighbours_of(genotypes)
        changed = changed.reshape(n, -1, d)
        position = (changed != genotypes[:, None]).argmax(axis=2)  # (n, k)
        other = np.take_along_axis(self._live(genotypes), position, axis=1)
        other &= (position < _D.start) | (position >= _D.stop)
        depth = genotypes[:, _D]  # (n, 5)
        unit = np.arange(len(UNITS))
        less = np.repeat(genotypes[:, None], len(UNITS), axis=1)
        less[:, unit, _D.start + unit] -= 1
        more = np.repeat(genotypes[:, None], len(UNITS) * kinds, axis=1)
        units, kind = np.repeat(unit, kinds), np.tile(np.arange(kinds), len(UNITS))
        more[:, np.arange(len(units)), _D.start + units] += 1
        # the layer that is new comes after those that there are; in a unit that is full there is none
        slot = np.minimum(units * MOST + np.array(DEPTHS)[depth][:, units], _SLOTS - 1)  # (n, 45)
        at = np.arange(n)[:, None], np.arange(len(units))
        more[*at, slot], more[*at, _E.start + slot] = kind // len(EXPANSIONS), kind % len(EXPANSIONS)
        valid = np.concatenate([other, depth > 0, (depth < len(DEPTHS) - 1)[:, units]], axis=1)
        found = np.concatenate([changed, less, more], axis=1)
        rows, _ = np.nonzero(valid)
        return self.canonical(found[valid]), rows

    def mutate(self, genotypes: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """One random neighbour of each of `(n, 46)` genotypes: another option at a uniform position that is not idle.

        A depth goes up or down by one, with equal chance where both are possible; a new layer is uniform.
        """
        result = self.canonical(genotypes)
        live = self._live(result)
        where, what, kernel, expansion = rng.random((4, len(result)))
        number = (where * live.sum(axis=1)).astype(np.int64)
        position = (live.cumsum(axis=1) > number[:, None]).argmax(axis=1)
        rows, options = np.arange(len(result)), self._options[position]
        deep = (position >= _D.start) & (position < _D.stop)
        before = result[rows, position]
        other = (before + 1 + (what * (options - 1)).astype(np.int64)) % options
        step = np.where(before == 0, 1, np.where(before == len(DEPTHS) - 1, -1, np.where(what < 0.5, 1, -1)))
        result[rows, position] = np.where(deep, before + step, other)
        grown = rows[deep & (step > 0)]
        slot = (position[grown] - _D.start) * MOST + np.array(DEPTHS)[before[grown]]
        result[grown, slot] = (kernel[grown] * len(KERNELS)).astype(np.int8)
        result[grown, _E.start + slot] = (expansion[grown] * len(EXPANSIONS)).astype(np.int8)
        return self.canonical(result)

    def crossover(self, a: GenotypeArray, b: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """Children that take each position from either parent `(n, 46)`, of layers that only one has from that one."""
        live = self._live(a)
        chosen = np.where(live == self._live(b), rng.random(a.shape) < 0.5, live)
        return self.canonical(np.where(chosen, a, b))

    # --- encodings ----------------------------------------------------------------------------------------------

    def node_values(self, genotypes: GenotypeArray) -> FloatArray:
        """The `attributes` of the nodes of `(n, 46)` genotypes; the input has the resolution, layers the others."""
        values = super().node_values(genotypes)
        values[:, 0, -1] = np.array(RESOLUTIONS)[genotypes[:, _R]]
        return values

    def features(self, genotypes: GenotypeArray, kind: str = "onehot") -> FloatArray:
        """As `Space.features`; in `onehot` the columns of what is idle are zero, as in the authors' predictor."""
        features = super().features(genotypes, kind)
        if kind == "onehot":
            features *= np.repeat(self._live(genotypes), self._options, axis=1)
        return features

    # --- network ------------------------------------------------------------------------------------------------

    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> torch.nn.Module:
        """The published network: stem, a layer without expansion, five units, and the head of MobileNetV3.

        Images are first resized to the share of their height and width that the resolution is of the largest, 224, so
        that it has its part in accuracy and in cost on images of any size; on small ones, several resolutions round to
        the same pixels. The head is a 1x1 convolution to 960 channels, the average, a linear map to 1,280, hard swish
        and the classifier. Squeeze-excitation goes down to a quarter, to the nearest multiple of 8.

        With `settings.channels` of 16 it has the published widths, else all are in proportion. `kept_strides` says what
        is done with small images. The weights are its own, not shared in a supernet. The depth is what the space
        chooses, so that `settings.cells` and `settings.stages` have no meaning.
        """
        from torch import nn

        from nasbench.spaces.networks import layers

        def excitation(channels: int) -> nn.Module:
            return layers.SqueezeExcitation(channels, _multiple_of_8(channels // 4), nn.ReLU, nn.Hardsigmoid)

        images = ImageClassification.expect(task)
        stem, expanded, last, *widths = (
            scaled(width, settings.channels, STEM)
            for width in (STEM, EXPANDED, LAST, *(unit.channels for unit in UNITS))
        )
        first, *strides = kept_strides((2, *(unit.stride for unit in UNITS)), images.shape[1:])
        blocks: list[nn.Module] = [
            layers.Resize(RESOLUTIONS[genotype[_R]] / RESOLUTIONS[-1]),
            layers.conv_bn_act(images.shape[0], stem, 3, first, nn.Hardswish),
            layers.InvertedResidual(stem, stem, 3, 1, expansion=1),
        ]
        channels = stem
        for slot in np.flatnonzero(self._present(genotype[None])[0]):
            unit, begins = self._stage[slot], self._place[slot] == 0
            blocks.append(
                layers.InvertedResidual(
                    channels,
                    widths[unit],
                    KERNELS[genotype[_KS][slot]],
                    strides[unit] if begins else 1,
                    EXPANSIONS[genotype[_E][slot]],
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
    """The nearest multiple of 8, at least 8, and not less than nine tenths: as MobileNetV3 rounds widths."""
    nearest = max(8, (channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8
