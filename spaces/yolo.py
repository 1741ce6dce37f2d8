"""YOLOBench: detectors YOLOv3 to YOLOv8 in several depths, widths and resolutions (Lazarevich et al., 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from nasbench.arrays import read_only
from nasbench.errors import InputError
from nasbench.spaces.base import Space
from nasbench.spaces.values import AdjacencyArrays, NetworkSettings, Option
from nasbench.tasks.detection import ObjectDetection
from nasbench.types import FloatArray, GenotypeArray

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from nasbench.tasks import Task


@dataclass(frozen=True)
class Family:
    """One generation of YOLO.

    Attributes:
        block: Block of its stages, a name in `networks.yolo.BLOCKS`.
        repeats: Blocks in the stages of levels 2 to 5, at depth 1.
        neck: Blocks in each stage of the neck, at depth 1.
        depths: Multipliers of these numbers; a single one if depth is no choice.
    """

    block: str
    repeats: tuple[int, int, int, int]
    neck: int
    depths: tuple[float, ...]


THIRDS, TENTHS = (0.33, 0.67, 1.0), (0.33, 0.6, 1.0)
FAMILIES: Mapping[str, Family] = {
    "yolo3": Family("bottleneck", (2, 8, 8, 4), 3, THIRDS),
    "yolo4": Family("csp", (2, 8, 8, 4), 2, THIRDS),
    "yolo5": Family("c3", (3, 6, 9, 3), 3, THIRDS),
    "yolo6s": Family("rep", (6, 12, 18, 6), 12, TENTHS),
    "yolo6m": Family("bepc3", (6, 12, 18, 6), 12, TENTHS),
    "yolo6l": Family("bepc3_silu", (6, 12, 18, 6), 12, TENTHS),
    "yolo7": Family("elan", (4, 4, 4, 4), 4, (1.0,)),
    "yolo8": Family("c2f", (3, 6, 6, 3), 3, THIRDS),
}
WIDTHS = (0.25, 0.5, 0.75, 1.0)
RESOLUTIONS = tuple(range(160, 481, 32))
CHANNELS = (64, 128, 256, 512, 1024)
"""Channels after the stem and in the stages of levels 2 to 5, at width 1."""
_LETTERS = {(0.33, 0.25): "n", (0.33, 0.5): "s", (0.67, 0.75): "m", (1.0, 1.0): "l"}
"""Size names published by the authors of the families, by (depth, width)."""
_VARIANTS = [(name, depth) for name, family in FAMILIES.items() for depth in family.depths]
_NODES = (
    *(("input", 0), ("stem", 1), ("stage2", 2), ("stage3", 3), ("stage4", 4), ("stage5", 5), ("sppf", 5)),
    *(("up4", 4), ("up3", 3), ("down4", 4), ("down5", 5), ("head3", 3), ("head4", 4), ("head5", 5), ("output", 0)),
)
"""Nodes of every graph and their levels: a node of level l has a stride of 2^l pixels."""
_EDGES = (
    *(("input", "stem"), ("stem", "stage2"), ("stage2", "stage3"), ("stage3", "stage4"), ("stage4", "stage5")),
    *(("stage5", "sppf"), ("sppf", "up4"), ("stage4", "up4"), ("up4", "up3"), ("stage3", "up3")),
    *(("up3", "down4"), ("up4", "down4"), ("down4", "down5"), ("sppf", "down5")),
    *(("up3", "head3"), ("down4", "head4"), ("down5", "head5")),
    *(("head3", "output"), ("head4", "output"), ("head5", "output")),
)
_PLACE = {name: place for place, (name, _) in enumerate(_NODES)}
_BLOCKS = [place for place, (name, _) in enumerate(_NODES) if name.startswith(("stage", "up", "down"))]


class YOLO(Space):
    """The 968 detectors of YOLOBench (Lazarevich et al., ICCV workshops 2023, arXiv:2307.13901).

    A genotype holds family and depth (one position), one of four widths, and one of eleven resolutions. Seven of the
    eight families come in three depths; YOLOv7 repeats nothing, so depth is no choice there. So there are
    (7 * 3 + 1) * 4 * 11 = 968 detectors, all of them measured. Strings are the published names, as in `yolo3d1w25_160`
    (depth 1, width 0.25, 160 pixels), `yolo5n_320` (depth 0.33, width 0.25) and `yolo6m-d6w75_480`.

    The graph has backbone, neck and heads: stem, stages of levels 2 to 5, spatial pyramid pooling, two upward and two
    downward stages, and a head on each of levels 3 to 5. The `op` of a stage is the block of the family. Nodes have
    `channels` (3 for an image), `repeats`, and `resolution`: height and width in pixels. Repeats and channels are those
    published for the family, times depth and width; channels are rounded up to a multiple of eight. All 968 detectors
    differ, in their functions too.
    """

    name = "yolo"
    paper = "Lazarevich et al. (2023), YOLOBench, arXiv:2307.13901"
    task = "object_detection"
    attributes = ("channels", "repeats", "resolution")
    captions: ClassVar[Mapping[str, str]] = {"channels": "{} wide", "repeats": "x {}"}
    feature_kinds = ("onehot", "counts", "adjacency", "values")

    def __init__(self) -> None:
        self.cardinalities = (len(_VARIANTS), len(WIDTHS), len(RESOLUTIONS))
        self.ops = ("input", "stem", *(family.block for family in FAMILIES.values()), "sppf", "head", "output")
        self.max_nodes = len(_NODES)

    @property
    def choice_names(self) -> tuple[str, ...]:
        """`family` (with depth), `width` and `resolution`."""
        return "family", "width", "resolution"

    def option_names(self, position: int) -> tuple[Option, ...]:
        """Families with their depths, widths, or resolutions in pixels."""
        families = tuple(f"{name}-d{depth:g}" for name, depth in _VARIANTS)
        return (families, WIDTHS, RESOLUTIONS)[position]

    # --- graph and string ---------------------------------------------------------------------------------------

    def graph(self, genotype: GenotypeArray) -> nx.DiGraph[int]:
        """The detector `(3,)` as a directed graph; nodes have `op`, `channels`, `repeats` and `resolution`."""
        import networkx as nx

        graph: nx.DiGraph[int] = nx.DiGraph()
        ops, values = self.adjacency_arrays(genotype[None]).ops[0], self.node_values(genotype[None])[0]
        for node, (op, numbers) in enumerate(zip(ops, values.astype(int).tolist(), strict=True)):
            graph.add_node(node, op=self.ops[op], **dict(zip(self.attributes, numbers, strict=True)))
        graph.add_edges_from((_PLACE[a], _PLACE[b]) for a, b in _EDGES)
        return graph

    def _from_graph(self, graph: nx.DiGraph[Any]) -> list[int]:
        """The genotype whose graph has these node attributes, read from the nodes that show each choice."""
        import networkx as nx

        wanted: nx.DiGraph[int] = nx.DiGraph([(_PLACE[a], _PLACE[b]) for a, b in _EDGES])
        matcher = nx.isomorphism.DiGraphMatcher(graph, wanted)
        if not matcher.is_isomorphic():
            raise InputError(
                f"a graph of {self.name} has {len(_NODES)} nodes and {len(_EDGES)} edges: a chain of input, stem, four "
                "stages and sppf, a neck of four stages that joins them, and three heads; this graph has another form"
            )
        node = {place: match for match, place in matcher.mapping.items()}  # the match is unique
        first = graph.nodes[node[_PLACE["stage2"]]]
        variants = [i for i, (name, _) in enumerate(_VARIANTS) if FAMILIES[name].block == first["op"]]
        fits = []
        for variant in variants:
            genotype = [variant, 0, 0]
            for position, name, attribute in ((1, "stem", "channels"), (2, "input", "resolution")):
                number = graph.nodes[node[_PLACE[name]]].get(attribute)
                known = {
                    self._number(genotype, position, o, name, attribute): o for o in range(self.cardinalities[position])
                }
                if number not in known:
                    raise InputError(
                        f"node {node[_PLACE[name]]!r} ({name}) has {number!r} {attribute}, allowed are "
                        f"{', '.join(map(str, known))}"
                    )
                genotype[position] = known[number]
            expected = self.graph(np.array(genotype, dtype=np.int8))
            differing = [place for place in expected if graph.nodes[node[place]] != expected.nodes[place]]
            fits.append((len(differing), genotype, differing, expected))
        if not fits:
            raise InputError(f"node {node[_PLACE['stage2']]!r} has op {first['op']!r}, which is no stage")
        count, genotype, differing, expected = min(fits, key=lambda fit: fit[0])
        if count:
            place = differing[0]
            raise InputError(
                f"node {node[place]!r} ({_NODES[place][0]}) has {dict(graph.nodes[node[place]])}; the nearest detector "
                f"of {self.name}, {self.to_string(np.array(genotype))}, has {dict(expected.nodes[place])}"
            )
        return genotype

    def _number(self, genotype: list[int], position: int, option: int, name: str, attribute: str) -> int:
        """Attribute of a node after one position of a genotype is set to an option."""
        other = np.array(genotype, dtype=np.int8)
        other[position] = option
        return int(self.node_values(other[None])[0, _PLACE[name], self.attributes.index(attribute)])

    def to_string(self, genotype: GenotypeArray) -> str:
        """The published name, as in `yolo3d1w25_160`."""
        family, depth = _VARIANTS[genotype[0]]
        width, resolution = WIDTHS[genotype[1]], RESOLUTIONS[genotype[2]]
        if len(FAMILIES[family].depths) == 1:
            size = {width: letter for (_, width), letter in _LETTERS.items()}[width]
        elif FAMILIES[family].depths == TENTHS:
            size = f"-d{_decimals(depth)}w{_decimals(width)}"
        else:
            size = _LETTERS.get((depth, width), f"d{_decimals(depth)}w{_decimals(width)}")
        return f"{family}{size}_{resolution}"

    def _from_string(self, text: str) -> list[int]:
        known = _by_name()
        if text not in known:
            close = get_close_matches(text, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise InputError(f"expected a detector of {self.name} by name, as in 'yolo3d1w25_160', got {text!r}{hint}")
        return list(known[text])

    # --- encodings ----------------------------------------------------------------------------------------------

    def adjacency_arrays(self, genotypes: GenotypeArray) -> AdjacencyArrays:
        """The graphs of `(n, 3)` genotypes as dense arrays; all graphs have the same edges."""
        n, v = len(genotypes), self.max_nodes
        adjacency = np.zeros((n, v, v), dtype=bool)
        adjacency[:, *np.array([(_PLACE[a], _PLACE[b]) for a, b in _EDGES]).T] = True
        ops = np.zeros((n, v), dtype=np.int8)
        for place, (name, _) in enumerate(_NODES):
            kind = name.rstrip("0123456789")
            ops[:, place] = self.ops.index(kind) if kind in self.ops else 0
        blocks = np.array([self.ops.index(FAMILIES[family].block) for family, _ in _VARIANTS])
        ops[:, _BLOCKS] = blocks[genotypes[:, :1]]
        return AdjacencyArrays(adjacency, ops, np.ones((n, v), dtype=bool))

    def node_values(self, genotypes: GenotypeArray) -> FloatArray:
        """Channels, repeats and resolution of the nodes of `(n, 3)` genotypes, 0 for the output; `(n, 15, 3)`."""
        values = np.zeros((len(genotypes), self.max_nodes, 3))
        values[:, :, 0] = _CHANNELS[genotypes[:, 1]]
        values[:, :, 1] = _REPEATS[genotypes[:, 0]]
        values[:, :-1, 2] = np.array(RESOLUTIONS)[genotypes[:, 2:]] // [2**level for _, level in _NODES[:-1]]
        return values

    # --- network ------------------------------------------------------------------------------------------------

    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> torch.nn.Module:
        """A resized image, then backbone, neck and heads with the blocks of the family.

        The smallest resolution, 160, stands for the size of the image; others enlarge it in proportion. The levels have
        strides of 2, 4 and 8 pixels instead of 8, 16 and 32, because the images are small: stages 2 and 3 do not halve.
        Blocks, their numbers and channels depend on the family (see `networks/yolo.py`). Pooling, neck (of YOLOv5) and
        heads are shared by all families; heads have no anchors and separate branches for classes and boxes (as in
        YOLOv8, without its distributions of distances).

        The published sizes correspond to 64 channels and 3 cells: `settings.channels` is the width of the stem at width
        1, `settings.cells` a third of the depth. Everything else is in proportion, at least one, so with less than 3
        cells two depths of a family can have the same network. The number of stages is fixed, so `settings.stages` is
        ignored.
        """
        from nasbench.spaces.networks.yolo import detector

        images = ObjectDetection.expect(task)
        family, _ = _VARIANTS[genotype[0]]
        channels, repeats, _ = self.node_values(genotype[None])[0].T
        width_factor, depth_factor = settings.channels / CHANNELS[0], settings.cells / 3
        return detector(
            FAMILIES[family].block,
            [max(2, 2 * round(width_factor * channels[_PLACE[name]] / 2)) for name in ("stem", *_STAGES)],
            [max(1, round(depth_factor * repeats[_PLACE[name]])) for name in (*_STAGES, "up4")],
            RESOLUTIONS[genotype[2]] / RESOLUTIONS[0],
            images,
        )


_STAGES = ("stage2", "stage3", "stage4", "stage5")


@cache
def _by_name() -> dict[str, list[int]]:
    """Name -> genotype of all detectors."""
    space = YOLO()
    return {space.to_string(genotype): genotype.tolist() for part in space.enumerate() for genotype in part}


def _decimals(number: float) -> str:
    """A multiplier as written in names: 33 for 0.33, 5 for 0.5, 1 for 1."""
    return f"{number:g}".removeprefix("0.")


def _channels() -> npt.NDArray[np.int64]:
    """Channels of each node at each width; shape `(widths, 15)`."""
    rows = []
    for width in WIDTHS:
        by_level = [-(-round(width * channels) // 8) * 8 for channels in CHANNELS]
        rows.append([by_level[level - 1] if level else 0 for _, level in _NODES])
        rows[-1][0] = 3
    return np.array(rows)


def _repeats() -> npt.NDArray[np.int64]:
    """Repeats of each node in each family and depth; shape `(variants, 15)`."""
    result = np.zeros((len(_VARIANTS), len(_NODES)), dtype=np.int64)
    for row, (name, depth) in enumerate(_VARIANTS):
        family = FAMILIES[name]
        result[row, 1:-1] = 1
        result[row, _BLOCKS] = [max(1, round(depth * n)) for n in (*family.repeats, *(family.neck,) * 4)]
    return result


_CHANNELS, _REPEATS = read_only(_channels()), read_only(_repeats())
