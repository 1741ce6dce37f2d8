"""Checks of foreign cell graphs that hold in every space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasbench.errors import InputError

if TYPE_CHECKING:
    import networkx as nx

    from nasbench.spaces.base import Space


def check_graph(space: Space, graph: nx.DiGraph[Any]) -> None:
    """Check that a graph is directed and acyclic, has known ops only, and every output is reached from an input.

    Raises:
        InputError: One of these does not hold; the message names the node or edge.
    """
    import networkx as nx

    if not isinstance(graph, nx.DiGraph) or graph.is_multigraph():
        raise InputError(f"a graph of {space.name} is a networkx.DiGraph, got {type(graph).__name__}")
    labels: dict[Any, Any] = dict(graph.nodes(data="op"))
    for node, label in labels.items():
        if label not in space.ops:
            raise InputError(f"node {node!r} has op {label!r}; ops of {space.name} are {', '.join(space.ops)}")
    heads = dict(graph.adjacency())
    waiting = dict.fromkeys(labels, 0)  # number of predecessors that are not sorted yet
    for following in heads.values():
        for head in following:
            waiting[head] += 1
    ordered = [node for node, number in waiting.items() if not number]
    for node in ordered:
        for head in heads[node]:
            waiting[head] -= 1
            if not waiting[head]:
                ordered.append(head)
    if len(ordered) < len(labels):
        tail, head = nx.find_cycle(graph)[-1][:2]
        raise InputError(f"the edge {tail!r} -> {head!r} closes a cycle; a graph of {space.name} has none")
    inputs, outputs = ([node for node, label in labels.items() if label == end] for end in ("input", "output"))
    if not inputs or not outputs:
        raise InputError(
            f"a graph of {space.name} has nodes of op 'input' and 'output', got {len(inputs)} and {len(outputs)}"
        )
    reached = set(inputs)
    for node in ordered:
        if node in reached:
            reached.update(heads[node])
    for node in outputs:
        if node not in reached:
            raise InputError(f"no path leads from a node of op 'input' to {node!r} (output); add an edge")
