"""The contract of a search space: round trips, symmetric neighbourhoods, keys exact up to isomorphism."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations
from typing import Any, TypeVar

import numpy as np

from nasbench.errors import InputError
from nasbench.spaces import NetworkSettings
from nasbench.spaces.base import Space
from nasbench.spaces.enumeration import MAX_ENUMERATED
from nasbench.types import GenotypeArray, KeyArray

T = TypeVar("T")


def check_space(space: Space, seed: int = 0, n: int = 64) -> None:
    """Check everything that a space promises.

    Args:
        space: The space.
        seed: Seed of all random choices.
        n: Number of sampled architectures; checks of graphs and networks use fewer.

    Raises:
        AssertionError: A promise is broken; the message begins with the name of the check.
    """
    genotypes = _named("sample", space, space.sample, n, np.random.default_rng(seed))
    for index, (name, check) in enumerate(_CHECKS.items()):
        passed = genotypes.copy()
        _named(name, space, check, space, passed, np.random.default_rng((seed, index)))
        assert np.array_equal(passed, genotypes), f"{name}: {space.name} changes its input genotypes"


def _named(name: str, space: Space, call: Callable[..., T], *args: Any) -> T:
    """The result of a call; errors become assertion errors that begin with a name."""
    try:
        return call(*args)
    except AssertionError as error:
        raise AssertionError(f"{name}: {space.name} {error}") from error
    except Exception as error:
        raise AssertionError(f"{name}: {space.name} raises {type(error).__name__}: {error}") from error


def _facts(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    assert space.name and space.paper, "states no name or no paper"
    assert all(options > 0 for options in space.cardinalities), f"has cardinalities {space.cardinalities}"
    assert 0 < space.size <= math.prod(space.cardinalities), f"has size {space.size}"
    assert len(set(space.ops)) == len(space.ops), f"names an op twice: {space.ops}"
    unknown = {*space.zero_ops, *space.identity_ops} - {*space.ops}
    assert not unknown, f"names {unknown} in zero_ops or identity_ops, which are not in ops"


def _sample(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    assert genotypes.shape[1:] == (len(space.cardinalities),), f"samples shape {genotypes.shape}"
    assert genotypes.dtype == np.int8, f"samples {genotypes.dtype}, not int8"
    assert np.array_equal(space.check(genotypes), genotypes), "changes a genotype in check"
    assert space.contains(genotypes).all(), "samples genotypes that it does not contain"
    if space.size > 1:
        assert len(np.unique(space.code(space.sample(256, rng)))) > 1, "samples one architecture only"


def _no_rows(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    empty, d = space.sample(0, rng), len(space.cardinalities)
    for name, shape, result in [
        ("sample", (0, d), empty),
        ("check", (0, d), space.check(empty)),
        ("contains", (0,), space.contains(empty)),
        ("repair", (0, d), space.repair(empty)[0]),
        ("neighbours_of", (0, d), space.neighbours_of(empty)[0]),
        ("mutate", (0, d), space.mutate(empty, rng)),
        ("crossover", (0, d), space.crossover(empty, empty, rng)),
        ("key", (0,), space.key(empty)),
        ("function_key", (0,), space.function_key(empty)),
        ("distance", (0,), space.distance(empty, empty)),
        ("adjacency_arrays", (0, space.max_nodes, space.max_nodes), space.adjacency_arrays(empty).adjacency),
    ]:
        assert np.shape(result) == shape, f"returns shape {np.shape(result)} from {name} for no architectures"
    for kind in space.feature_kinds:
        expected = (0, space.features(genotypes[:1], kind).shape[1])
        shape = space.features(empty, kind).shape
        assert shape == expected, f"has {kind} features of shape {shape} for no architectures"


def _determinism(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    seed = int(rng.integers(1 << 32))
    draws: dict[str, Callable[[np.random.Generator], GenotypeArray]] = {
        "sample": lambda rng: space.sample(50, rng),
        "mutate": lambda rng: space.mutate(genotypes, rng),
        "crossover": lambda rng: space.crossover(genotypes, genotypes[::-1], rng),
    }
    for name, draw in draws.items():
        first, second = (draw(np.random.default_rng(seed)) for _ in range(2))
        assert np.array_equal(first, second), f"has a {name} that differs between equal generators"


def _refusal(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
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


def _text(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    for genotype in genotypes:
        text = space.to_string(genotype)
        assert _same(space, genotype, space.genotype(text)), f"reads its own string as another architecture: {text}"
        assert _same(space, genotype, space.genotype(f" {text}\n")), f"is disturbed by whitespace around {text!r}"


def _graph(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    import networkx as nx

    for genotype in genotypes[:32]:
        graph = space.graph(genotype)
        assert nx.is_directed_acyclic_graph(graph), f"has a graph with a cycle: {space.to_string(genotype)}"
        assert len(graph) <= space.max_nodes, f"has a graph of {len(graph)} nodes, max_nodes is {space.max_nodes}"
        labels = {label for _, label in graph.nodes(data="op")}
        assert labels <= set(space.ops), f"has nodes of ops {labels - set(space.ops)}, which are not in ops"
        assert _same(space, genotype, space.genotype(graph)), (
            f"reads its own graph as another: {space.to_string(genotype)}"
        )
        renumbered = _renumber(graph, rng)
        again = space.genotype(renumbered)
        assert _same(space, genotype, again), f"depends on names or order of nodes: {space.to_string(genotype)}"


def _names(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Names of positions and options are unique, and `to_config` and `from_config` are inverse."""
    names = space.choice_names
    assert len({*names}) == len(names) == len(space.cardinalities), (
        f"has choice_names {names}, not one for each position"
    )
    for position, (name, options) in enumerate(zip(names, space.cardinalities, strict=True)):
        known = space.option_names(position)
        assert len({*map(str, known)}) == len(known) == options, f"names the {options} options of {name!r} {known}"
        assert all(isinstance(option, str | int | float) for option in known), f"has an unnamed option: {known}"
    for genotype in genotypes:
        again = space.from_config(space.to_config(genotype))
        assert np.array_equal(again, genotype), (
            f"reads another architecture from the names of {space.to_string(genotype)}"
        )


def _code(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
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


def _key(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Keys are equal exactly where networkx finds an isomorphism."""
    import networkx as nx

    near, rows = space.neighbours_of(genotypes[:2])
    pool = [*genotypes[:16], *near[rows == 0][:12], *near[rows == 1][:12]]
    pool += [space.genotype(_renumber(space.graph(genotype), rng)) for genotype in pool[:16]]
    keys = space.key(np.array(pool))
    assert keys.dtype == np.int64 and keys.shape == (len(pool),), f"has keys {keys.dtype} {keys.shape}"
    single = [space.key(genotype[None])[0] for genotype in pool]
    assert np.array_equal(keys, single), "has keys that depend on the other rows"
    graphs = [space.graph(genotype) for genotype in pool]
    for i, j in combinations(range(len(pool)), 2):
        same = nx.is_isomorphic(graphs[i], graphs[j], node_match=lambda a, b: a == b)  # `op` and numeric attributes
        pair = f"{space.to_string(pool[i])} and {space.to_string(pool[j])}"
        assert not same or keys[i] == keys[j], f"gives isomorphic graphs different keys: {pair}"
        assert same or keys[i] != keys[j], f"gives non-isomorphic graphs the same key: {pair}"


def _function_key(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    genotypes = np.concatenate([genotypes, space.neighbours_of(genotypes[:8])[0]])
    again = [space.genotype(_renumber(space.graph(genotype), rng)) for genotype in genotypes[:32]]
    genotypes = np.concatenate([genotypes, again])
    pairs = np.stack([space.key(genotypes), space.function_key(genotypes)], axis=1)
    distinct = np.unique(pairs, axis=0)
    assert len(distinct) == len(np.unique(pairs[:, 0])), "has different function keys for one key"


def _canonical(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    canonical = space.canonical(genotypes)
    assert canonical.dtype == np.int8 and canonical.shape == genotypes.shape, "changes dtype or shape"
    assert space.contains(canonical).all(), "has a canonical form outside the space"
    assert np.array_equal(space.key(canonical), space.key(genotypes)), "has a canonical form with another key"
    assert np.array_equal(space.canonical(canonical), canonical), "changes canonical genotypes"
    again = np.array([space.genotype(_renumber(space.graph(genotype), rng)) for genotype in genotypes[:32]])
    assert np.array_equal(space.canonical(again), canonical[:32]), "has two canonical forms for one class"


def _neighbours(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    for genotype in genotypes[:4]:
        neighbours = space.neighbours(genotype)
        assert len(neighbours) or space.size == 1, f"leaves {space.to_string(genotype)} without neighbours"
        space.check(neighbours)
        keys, centre = space.key(neighbours), space.key(genotype[None])[0]
        assert centre not in keys, f"counts {space.to_string(genotype)} among its own neighbours"
        assert len(np.unique(keys)) == len(keys), f"lists a neighbour of {space.to_string(genotype)} twice"
        around, rows = space.neighbours_of(neighbours)
        mutual = np.isin(np.arange(len(neighbours)), rows[space.key(around) == centre])
        if not mutual.all():
            other = space.to_string(neighbours[np.argmin(mutual)])
            raise AssertionError(f"has a one-sided neighbour: {space.to_string(genotype)} of {other}")


def _neighbours_of(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Neighbours in batches equal those one by one, for more genotypes (with repetition) than fit a likely batch."""
    alone = [np.sort(space.code(space.neighbours(genotype))) for genotype in genotypes[:8]]
    drawn = rng.integers(0, len(alone), 300)
    neighbours, rows = space.neighbours_of(genotypes[drawn])
    assert neighbours.dtype == np.int8 and neighbours.shape == (len(rows), genotypes.shape[1]), "changes dtype or shape"
    assert np.issubdtype(rows.dtype, np.integer) and (np.diff(rows) >= 0).all(), "is not in the order of the rows"
    codes = space.code(neighbours)
    for row, number in enumerate(drawn):
        assert np.array_equal(np.sort(codes[rows == row]), alone[number]), (
            f"has other neighbours in a batch than alone for {space.to_string(genotypes[number])}, row {row}"
        )


def _mutate(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    mutants = space.mutate(genotypes, rng)
    assert mutants.dtype == np.int8 and mutants.shape == genotypes.shape, "changes dtype or shape"
    space.check(mutants)
    keys = space.key(mutants)
    assert (keys != space.key(genotypes)).all(), "leaves an architecture unchanged"
    near, rows = space.neighbours_of(genotypes[:16])
    known = space.key(near)
    for row, (genotype, key) in enumerate(zip(genotypes[:16], keys, strict=False)):
        assert key in known[rows == row], f"returns a mutant that is no neighbour of {space.to_string(genotype)}"


def _repair(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    same, ok = space.repair(genotypes)
    assert ok.all() and np.array_equal(same, genotypes), "changes architectures of the space"
    raw = rng.integers(0, space.cardinalities, size=(256, len(space.cardinalities)), dtype=np.int8)
    repaired, ok = space.repair(raw.copy())
    assert repaired.shape == raw.shape and repaired.dtype == np.int8, "changes dtype or shape"
    assert ok.shape == (len(raw),) and ok.dtype == bool, "does not state which rows are repaired"
    space.check(repaired[ok])


def _crossover(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    others = space.sample(len(genotypes), rng)
    children = space.crossover(genotypes, others, rng)
    assert children.dtype == np.int8 and children.shape == genotypes.shape, "changes dtype or shape"
    space.check(children)
    clones = space.crossover(genotypes, genotypes, rng)
    assert np.array_equal(space.key(clones), space.key(genotypes)), "returns another architecture from equal parents"


def _distance(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    forward, backward = space.distance(genotypes, genotypes[::-1]), space.distance(genotypes[::-1], genotypes)
    assert (space.distance(genotypes, genotypes) == 0).all(), "has a non-zero distance from a genotype to itself"
    assert np.array_equal(forward, backward), "has an asymmetric distance"
    assert (forward >= 0).all(), "has a negative distance"


def _adjacency_arrays(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    import networkx as nx

    adjacency, ops, mask = space.adjacency_arrays(genotypes)
    n, v = len(genotypes), space.max_nodes
    assert adjacency.shape == (n, v, v) and adjacency.dtype == bool, (
        f"has adjacency {adjacency.dtype} {adjacency.shape}"
    )
    assert ops.shape == (n, v) and ops.dtype == np.int8, f"has ops {ops.dtype} {ops.shape}"
    assert mask.shape == (n, v) and mask.dtype == bool, f"has a mask {mask.dtype} {mask.shape}"
    values = space.node_values(genotypes)
    assert values.shape == (n, v, len(space.attributes)), f"has node values of shape {values.shape}"
    for i, genotype in enumerate(genotypes):
        graph = space.graph(genotype)
        k = len(graph)
        expected = np.zeros((v, v), dtype=bool)
        expected[:k, :k] = nx.to_numpy_array(graph) > 0
        labels = [space.ops.index(label) for _, label in graph.nodes(data="op")]
        assert np.array_equal(mask[i], np.arange(v) < k), (
            f"masks other nodes than the graph of {space.to_string(genotype)} has"
        )
        assert np.array_equal(adjacency[i], expected), f"has other edges than the graph of {space.to_string(genotype)}"
        padded = [*labels, *(0,) * (v - k)]
        assert np.array_equal(ops[i], padded), f"has other ops than the graph of {space.to_string(genotype)}"
        numbers = [[data.get(name, 0) for name in space.attributes] for _, data in graph.nodes(data=True)]
        assert np.array_equal(values[i, :k], np.reshape(numbers, (k, -1))) and not values[i, k:].any(), (
            f"has other node values than the graph of {space.to_string(genotype)}"
        )


def _features(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    for kind in space.feature_kinds:
        features = space.features(genotypes, kind)
        assert features.ndim == 2 and len(features) == len(genotypes), f"has {kind} features of shape {features.shape}"
        assert features.dtype == np.float64, f"has {kind} features of {features.dtype}, not float64"
        assert np.isfinite(features).all(), f"has {kind} features that are not finite"
        single = np.concatenate([space.features(genotype[None], kind) for genotype in genotypes[:8]])
        assert np.array_equal(single, features[:8]), f"has {kind} features that depend on the other rows"


def _enumerate(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """All genotypes of spaces of up to `MAX_ENUMERATED`, otherwise the first thousand."""
    complete = space.size <= MAX_ENUMERATED
    last, total, sampled = -1, 0, set(space.code(genotypes).tolist())
    for chunk in space.enumerate(65_536 if complete else 1_000):
        codes = space.code(chunk) if space.countable else np.arange(len(chunk))
        assert chunk.dtype == np.int8 and len(chunk) <= 65_536, f"enumerates {len(chunk)} rows of {chunk.dtype} at once"
        assert codes[0] > last and (np.diff(codes) > 0).all(), "does not enumerate in order of code"
        assert space.contains(chunk).all(), "enumerates genotypes that it does not contain"
        last, total = codes[-1], total + len(chunk)
        sampled -= set(codes[np.isin(codes, list(sampled))].tolist())
        if not complete:
            return
    assert total == space.size, f"enumerates {total} genotypes but has size {space.size}"
    assert not sampled, f"samples {space.to_string(space.decode(np.array([*sampled]))[0])} but does not enumerate it"


def _sample_unique(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Classes are equally likely: the chi-square statistic is within bounds that hold for all but 10^-7 of seeds."""
    keys: dict[str, Callable[[GenotypeArray], KeyArray]] = {"key": space.key, "function_key": space.function_key}
    for by, key in keys.items():
        if space.size > MAX_ENUMERATED:
            try:
                space.sample_unique(1, rng, by)
            except InputError:
                continue
            raise AssertionError(f"enumerates {space.size} genotypes to sample by {by}")
        unique, n = space.unique(by), 20_000
        known = key(unique)
        classes = len(np.unique(known))
        assert classes == len(unique), f"lists a class of {by} twice"
        assert np.array_equal(space.canonical(unique), unique), f"has representatives by {by} that are not canonical"
        assert np.isin(key(genotypes), known).all(), f"lacks a representative by {by} of a sampled genotype"
        seed = int(rng.integers(1 << 32))
        drawn, again = (space.sample_unique(n, np.random.default_rng(seed), by) for _ in range(2))
        assert drawn.dtype == np.int8 and drawn.shape == (n, len(space.cardinalities)), "has a wrong dtype or shape"
        assert np.array_equal(drawn, again), "differs between equal generators"
        counts = np.unique(key(drawn), return_counts=True)[1]
        statistic, expected = classes / n * (counts**2).sum() - n, classes - 1
        bound = 6 * (2 * expected) ** 0.5 + 36  # Laurent & Massart (2000), Lemma 1, with x = 18
        assert abs(statistic - expected) <= bound, f"draws some classes by {by} too often"


def _network(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    import torch

    from nasbench.tasks import tasks

    settings = NetworkSettings(channels=8, cells=1, stages=2)
    task = tasks.resolve(space.task)[0].small()
    inputs, targets = task.inputs(4), task.targets(4)
    if not space.trainable:
        try:
            space.network(genotypes[0], task, settings)
        except InputError:
            return
        raise AssertionError("has a network, but states that it is not trainable")
    with torch.random.fork_rng(devices=[]):
        for genotype in genotypes[:4]:
            torch.manual_seed(0)
            network = space.network(genotype, task, settings).train()
            outputs = network(inputs)
            task.check(outputs, 4)
            loss = task.loss(outputs, targets)
            assert torch.isfinite(loss), f"gives a loss that is not finite: {space.to_string(genotype)}"
            loss.backward()  # type: ignore[no-untyped-call]
            gradients = [p.grad for p in network.parameters() if p.grad is not None]
            assert gradients, f"gives no parameter a gradient: {space.to_string(genotype)}"
            assert all(torch.isfinite(g).all() for g in gradients), (
                f"has infinite gradients: {space.to_string(genotype)}"
            )


_CHECKS: dict[str, Callable[[Space, GenotypeArray, np.random.Generator], None]] = {
    "facts": _facts,
    "sample": _sample,
    "no rows": _no_rows,
    "determinism": _determinism,
    "refusal": _refusal,
    "text": _text,
    "graph": _graph,
    "names": _names,
    "code": _code,
    "key": _key,
    "function_key": _function_key,
    "canonical": _canonical,
    "neighbours": _neighbours,
    "neighbours_of": _neighbours_of,
    "mutate": _mutate,
    "repair": _repair,
    "crossover": _crossover,
    "distance": _distance,
    "adjacency_arrays": _adjacency_arrays,
    "features": _features,
    "enumerate": _enumerate,
    "sample_unique": _sample_unique,
    "network": _network,
}


def _same(space: Space, a: GenotypeArray, b: GenotypeArray) -> bool:
    first, second = space.key(np.stack([a, b]))
    return bool(first == second)


def _renumber(graph: Any, rng: np.random.Generator) -> Any:
    """The graph with renamed nodes, and with nodes and edges in another order."""
    import networkx as nx

    names = {node: f"node {name}" for node, name in zip(graph, rng.permutation(len(graph)), strict=True)}
    nodes, edges = list(graph.nodes(data=True)), list(graph.edges)
    result: nx.DiGraph[str] = nx.DiGraph()
    result.add_nodes_from((names[nodes[i][0]], nodes[i][1]) for i in rng.permutation(len(nodes)))
    result.add_edges_from((names[edges[i][0]], names[edges[i][1]]) for i in rng.permutation(len(edges)))
    return result
