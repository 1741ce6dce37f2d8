"""Checks of forms: strings, graphs, named options and codes stand for the same architectures."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nasbench.errors import InputError
from nasbench.spaces.base import Space
from nasbench.types import GenotypeArray


def check_facts(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """The stated facts are consistent."""
    assert space.name and space.paper, "states no name or no paper"
    assert all(options > 0 for options in space.cardinalities), f"has cardinalities {space.cardinalities}"
    assert 0 < space.size <= math.prod(space.cardinalities), f"has size {space.size}"
    assert len(set(space.ops)) == len(space.ops), f"names an op twice: {space.ops}"
    stated = (*space.zero_ops, *space.identity_ops, *space.weightless_ops)
    assert {*stated} <= {*space.ops}, f"names {set(stated) - {*space.ops}} in zero_ops and so on, which are not in ops"
    assert len({*stated}) == len(stated), f"names an op twice in zero_ops, identity_ops and weightless_ops: {stated}"


def check_refusal(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """What is no architecture is refused with a message of one line."""
    one = genotypes[:1].astype(np.int64)
    outside = one.copy()
    outside[0, -1] = space.cardinalities[-1]
    graph, cyclic, cut = (space.graph(genotypes[0]) for _ in range(3))
    graph.nodes[next(iter(graph.nodes))]["op"] = "no-such-op"
    undirected: Any = cyclic.to_undirected()
    first, last = next(iter(cyclic.edges))
    cyclic.add_edge(last, first)
    cut.remove_edges_from([edge for edge in cut.edges if cut.nodes[edge[1]]["op"] == "output"])
    refused: dict[str, Callable[[], Any]] = {
        "a vector that is too long": lambda: space.check(np.concatenate([one, one], axis=1)),
        "one vector instead of rows": lambda: space.check(one[0]),
        "floats": lambda: space.check(one.astype(np.float64)),
        "an option that does not exist": lambda: space.check(outside),
        "a negative option": lambda: space.check(-1 - one),
        "a string of another form": lambda: space.genotype("no such architecture"),
        "an empty string": lambda: space.genotype(""),
        "a graph with an unknown op": lambda: space.genotype(graph),
        "a graph with a cycle": lambda: space.genotype(cyclic),
        "a graph whose output is not reached": lambda: space.genotype(cut),
        "a graph without directions": lambda: space.genotype(undirected),
        "nothing": lambda: space.genotype(None),  # type: ignore[arg-type]
        "an unknown encoding": lambda: space.features(genotypes, "no-such-kind"),
    }
    for description, call in refused.items():
        try:
            call()
        except InputError as error:
            assert str(error) and "\n" not in str(error), f"refuses {description} with a message that is not one line"
        else:
            raise AssertionError(f"accepts {description}")


def check_text(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Strings are read as the architectures that wrote them."""
    for genotype in genotypes:
        text = space.to_string(genotype)
        assert _same(space, genotype, space.genotype(text)), f"reads its own string as another architecture: {text}"
        assert _same(space, genotype, space.genotype(f" {text}\n")), f"is disturbed by whitespace around {text!r}"


def check_graph(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Graphs are read as the architectures that they show, whatever their nodes are called."""
    import networkx as nx

    assert space.graph(genotypes[0]) is not space.graph(genotypes[0]), "returns one graph from two calls"
    for genotype in genotypes[:32]:
        graph = space.graph(genotype)
        assert nx.is_directed_acyclic_graph(graph), f"has a graph with a cycle: {space.to_string(genotype)}"
        assert len(graph) <= space.max_nodes, f"has a graph of {len(graph)} nodes, max_nodes is {space.max_nodes}"
        labels = {label for _, label in graph.nodes(data="op")}
        assert labels <= set(space.ops), f"has nodes of ops {labels - set(space.ops)}, which are not in ops"
        assert _same(space, genotype, space.genotype(graph)), (
            f"reads its own graph as another: {space.to_string(genotype)}"
        )
        again = space.genotype(renumbered(graph, rng))
        assert _same(space, genotype, again), f"depends on names or order of nodes: {space.to_string(genotype)}"


def check_names(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Names of positions and options are unique, and `to_config` and `from_config` are inverse."""
    names = space.choice_names
    assert len({*names}) == len(names) == len(space.cardinalities), (
        f"has choice_names {names}, not one for each position"
    )
    for position, (name, options) in enumerate(zip(names, space.cardinalities, strict=True)):
        known = space.option_names(position)
        assert len({*map(str, known)}) == len(known) == options, f"names the {options} options of {name!r} {known}"
        assert all(isinstance(option, str | int | float) for option in known), f"has an unnamed option: {known}"
    assert space.to_config(genotypes[0]) is not space.to_config(genotypes[0]), "returns one dictionary from two calls"
    for genotype in genotypes:
        again = space.from_config(space.to_config(genotype))
        assert np.array_equal(again, genotype), (
            f"reads another architecture from the names of {space.to_string(genotype)}"
        )


def check_code(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Codes are different numbers, and can be decoded where the space is countable."""
    codes = space.code(genotypes)
    assert codes.dtype == np.int64 and codes.shape == (len(genotypes),), f"has codes {codes.dtype} {codes.shape}"
    assert (codes >= 0).all(), "has a negative code"
    if not space.countable:
        assert len(np.unique(codes)) == len(np.unique(genotypes, axis=0)), "gives two genotypes the same code"
        return
    decoded = space.decode(codes)
    assert decoded.dtype == np.int8 and np.array_equal(decoded, genotypes), (
        "has a decode that is not the inverse of code"
    )


def _same(space: Space, a: GenotypeArray, b: GenotypeArray) -> bool:
    first, second = space.key(np.stack([a, b]))
    return bool(first == second)


def renumbered(graph: Any, rng: np.random.Generator) -> Any:
    """The graph with renamed nodes, and with nodes and edges in another order."""
    import networkx as nx

    names = {node: f"node {name}" for node, name in zip(graph, rng.permutation(len(graph)), strict=True)}
    nodes, edges = list(graph.nodes(data=True)), list(graph.edges)
    result: nx.DiGraph[str] = nx.DiGraph()
    result.add_nodes_from((names[nodes[i][0]], nodes[i][1]) for i in rng.permutation(len(nodes)))
    result.add_edges_from((names[edges[i][0]], names[edges[i][1]]) for i in rng.permutation(len(edges)))
    return result
