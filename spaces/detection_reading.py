"""Reading of detectors: graphs and texts as a compound scaling and a list of merging cells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from nasbench.errors import InputError
from nasbench.spaces.pyramids import LEVELS, OPERATIONS

if TYPE_CHECKING:
    import networkx as nx

    from nasbench.spaces.detection import Detection


class CellText(NamedTuple):
    """A merging cell as people write it.

    Attributes:
        number: Its number, from 0.
        level: Its level, 3 to 7.
        op: Its operation.
        sources: Names of the features that it reads.
    """

    number: int
    level: int
    op: str
    sources: list[str]


def cells_of_graph(space: Detection, names: tuple[str, ...], graph: nx.DiGraph[Any]) -> tuple[int, list[CellText]]:
    """Phi and cells of a graph as `Detection.graph` makes it, whatever its nodes are called.

    Args:
        space: The space.
        names: Names of the inputs and cells.
        graph: The graph, whose operations are known.

    Raises:
        InputError: It is no such graph; says why.
    """
    import networkx as nx

    if len(graph) != space.max_nodes:
        raise InputError(f"a graph of {space.name} has {space.max_nodes} nodes, got {len(graph)}")
    labels: dict[Any, Any] = dict(graph.nodes(data="op"))
    by_op = {op: [node for node in graph if labels[node] == op] for op in space.ops}
    (start, *more), (end, *others) = by_op["input"], by_op["output"]
    if more or others:
        raise InputError(f"a graph of {space.name} has one node each of op 'input' and 'output'")
    phis: dict[Any, Any] = dict(graph.nodes(data="phi"))
    phi = phis[start]
    for node, value in phis.items():
        if value != phi or phi not in range(space.phis):
            raise InputError(f"node {node!r} has phi {value!r}; all nodes have the same, 0 to {space.phis - 1}")
    level: dict[Any, Any] = dict(graph.nodes(data="level"))
    cells = [node for node in nx.topological_sort(graph) if labels[node] in OPERATIONS]
    for node in (*by_op["feature"], *cells):
        if level[node] not in LEVELS:
            raise InputError(f"node {node!r} has level {level[node]!r}, allowed are 3 to 7")
    outs = sorted(graph.predecessors(end), key=level.__getitem__)
    for kind, nodes in (("features", sorted(by_op["feature"], key=level.__getitem__)), ("output cells", outs)):
        if [level[node] for node in nodes] != [*LEVELS]:
            raise InputError(
                f"a graph of {space.name} has {kind} of levels 3 to 7, one of each, got "
                f"{[level[node] for node in nodes]}"
            )
    mids = [node for node in cells if node not in outs]
    order = [*sorted(by_op["feature"], key=level.__getitem__), *mids, *outs]
    if len(order) != len(names) or not {*outs} <= {*cells}:
        raise InputError(f"a graph of {space.name} has {space.intermediate} intermediate cells, got {len(mids)}")
    if level[start] != 0 or level[end] != 0 or graph.out_degree(end):
        raise InputError("input and output have level 0, and nothing follows the output")
    number = {node: feature for feature, node in enumerate(order)}
    lines = []
    for node in order[len(LEVELS) :]:
        sources = list(graph.predecessors(node))
        if start in sources:
            raise InputError(f"node {node!r} is a cell, which reads features and not the input")
        lines.append(
            CellText(
                number[node] - len(LEVELS),
                level[node],
                labels[node],
                [names[number[source]] for source in sources],
            )
        )
    for node in by_op["feature"]:
        if list(graph.predecessors(node)) != [start]:
            raise InputError(f"node {node!r} is a feature, which reads the input alone")
    return phi, lines


def cells_of_text(space: Detection, names: tuple[str, ...], text: str) -> tuple[int, list[CellText]]:
    """Phi and cells of a text as `Detection.to_string` writes it.

    Args:
        space: The space.
        names: Names of the inputs and cells.
        text: The text.

    Raises:
        InputError: It is no such text; says why.
    """
    names = names[len(LEVELS) :]
    first, *parts = (part.strip() for part in text.split(";"))
    phi = re.fullmatch(r"phi\s*=\s*(\d+)", first)
    if phi is None:
        raise InputError(f"expected an architecture of {space.name} as 'phi=0; out3=sum(in3,in4); ...', got {text!r}")
    if int(phi[1]) >= space.phis:
        raise InputError(f"phi of {space.name} is 0 to {space.phis - 1} here, got {phi[1]}")
    cells = []
    for part in parts:
        read = re.fullmatch(r"(\w+)(?:@(\d+))?\s*=\s*(\w+)\(([^()]*)\)", part)
        if read is None or read[1] not in names:
            raise InputError(f"expected a cell as in 'out3=sum(in3,in4)', one of {', '.join(names)}, got {part!r}")
        cell = names.index(read[1])
        if (read[2] is None) != (cell >= space.intermediate) or (read[2] and read[2] not in map(str, LEVELS)):
            raise InputError(f"intermediate cells, and no others, have a level 3 to 7 as in 'mid1@3'; got {part!r}")
        if read[3] not in OPERATIONS:
            raise InputError(f"{read[1]}: unknown operation {read[3]!r}; known are {', '.join(OPERATIONS)}")
        sources = [source.strip() for source in read[4].split(",")]
        cells.append(CellText(cell, int(read[2] or LEVELS[cell - space.intermediate]), read[3], sources))
    if sorted(cell for cell, *_ in cells) != [*range(len(names))]:
        raise InputError(
            f"an architecture of {space.name} has the cells {', '.join(names)}, each once; "
            f"got {', '.join(names[cell] for cell, *_ in cells) or 'none'}"
        )
    return int(phi[1]), cells
