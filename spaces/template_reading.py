"""Templates read from a graph or from JSON values, and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from nasbench.errors import InputError
from nasbench.spaces import interchange

if TYPE_CHECKING:
    import networkx as nx

Edges: TypeAlias = list[tuple[str, str]]
Template: TypeAlias = Union["nx.DiGraph[Any]", Mapping[str, Any]]
"""A graph, or JSON values `{"nodes": {"a": "input", "b": ["skip", "conv3x3"], ...}, "edges": [["a", "b"], ...]}`."""
MAX_OPS, MAX_NODES = 127, 64
"""Maximum number of operations (their indices are int8) and of nodes."""


def read_template(template: Template) -> tuple[dict[str, list[str]], Edges, Edges]:
    """Options of each node, required edges and optional edges, from a graph or JSON values; raises `InputError`."""
    if isinstance(template, Mapping) or not hasattr(template, "nodes"):
        return _read_json(template)
    if not template.is_directed() or template.is_multigraph():
        raise InputError(f"a template is a networkx.DiGraph, got {type(template).__name__}")
    nodes: dict[str, list[str]] = {}
    for node, data in template.nodes(data=True):
        if ("op" in data) == ("choices" in data):
            raise InputError(f"node {node!r} of the template needs either `op` or `choices`, not both")
        nodes[str(node)] = _options(str(node), data.get("op", data.get("choices")))
    if len(nodes) < len(template):
        raise InputError("two nodes of the template have the same name as text")
    edges: tuple[Edges, Edges] = ([], [])
    for source, target, optional in template.edges(data="optional", default=False):
        edges[bool(optional)].append((str(source), str(target)))
    return nodes, *edges


def _read_json(template: Any) -> tuple[dict[str, list[str]], Edges, Edges]:
    form = 'a networkx.DiGraph, or {"nodes": {"a": "input", "b": ["skip", "conv3x3"], ...}, "edges": [["a", "b"], ...]}'
    if not isinstance(template, Mapping) or not {"nodes", "edges"} <= {*template} <= {"nodes", "edges", "optional"}:
        raise InputError(f"a template is {form}")
    nodes, listed = template["nodes"], (template["edges"], template.get("optional", ()))
    if not isinstance(nodes, Mapping) or not all(
        isinstance(edges, list | tuple) and all(isinstance(e, list | tuple) and len(e) == 2 for e in edges)
        for edges in listed
    ):
        raise InputError(f"a template is {form}")
    required, optional = ([(str(source), str(target)) for source, target in edges] for edges in listed)
    return {str(node): _options(str(node), options) for node, options in nodes.items()}, required, optional


def _options(node: str, value: Any) -> list[str]:
    """Operations of a node, from a single name or a list."""
    options = [value] if isinstance(value, str) else value
    interchange.check_word("name of a node", node)
    if not isinstance(options, list | tuple) or not 0 < len(options) <= MAX_OPS:
        raise InputError(
            f"node {node!r} of the template has an operation or a list of at most {MAX_OPS}, got {value!r:.80}"
        )
    for op in options:
        interchange.check_word(f"operation of node {node!r}", op)
        if options.count(op) > 1:
            raise InputError(f"node {node!r} of the template has the choice {op!r} twice")
        if op in ("input", "output") and len(options) > 1:
            raise InputError(f"node {node!r} of the template cannot choose {op!r}; it must be a fixed op")
    return list(options)


def checked_order(space: str, nodes: Mapping[str, list[str]], required: Edges, optional: Edges) -> list[str]:
    """Nodes in topological order from the input to the output, ties in the given order; raises `InputError`."""
    if len(nodes) > MAX_NODES:
        raise InputError(f"the template of {space} has {len(nodes)} nodes; a space has at most {MAX_NODES}")
    edges: set[tuple[str, str]] = set()
    for source, target in (*required, *optional):
        if missing := {source, target} - nodes.keys():
            raise InputError(f"{space}: the edge {source!r} -> {target!r} joins {min(missing)!r}, which is no node")
        if (source, target) in edges:
            raise InputError(f"{space}: the edge {source!r} -> {target!r} occurs twice")
        edges.add((source, target))
    ends = [[node for node, options in nodes.items() if options == [end]] for end in ("input", "output")]
    if [len(matches) for matches in ends] != [1, 1]:
        raise InputError(
            f"the template of {space} has one node of op 'input' and one of 'output', got {len(ends[0])} and "
            f"{len(ends[1])}"
        )
    order: list[str] = []
    while len(order) < len(nodes):
        waiting = {target for source, target in edges if source not in order}
        ready = [node for node in nodes if node not in order and node not in waiting]
        if not ready:
            raise InputError(f"{space}: the template has a cycle, through one of {', '.join(nodes.keys() - {*order})}")
        order.append(ready[0])
    reached, leads = {ends[0][0]}, {ends[1][0]}
    for node in order:
        reached |= {target for source, target in required if source == node and node in reached}
    for node in reversed(order):
        leads |= {source for source, target in required if target == node and node in leads}
    for node in order:
        if node not in reached & leads:
            raise InputError(f"{space}: node {node!r} lies on no path from input to output without optional edges")
    return order
