"""Checks of arrays and networks: arrays are those of the graphs, networks train for a step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from nasbench.errors import InputError
from nasbench.spaces import NetworkSettings
from nasbench.spaces.base import Space
from nasbench.spaces.enumeration import MAX_ENUMERATED
from nasbench.testing.ownership import check_apart
from nasbench.types import GenotypeArray


def check_no_rows(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """No architectures give empty arrays of the right shape."""
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


def check_own_arrays(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Who changes what a method returned, or what it was given, changes nobody else's answer."""
    seed, config = int(rng.integers(1 << 32)), space.to_config(genotypes[0])

    def again() -> np.random.Generator:
        return np.random.default_rng(seed)

    calls: dict[str, Callable[[GenotypeArray], Any]] = {
        "sample": lambda rows: space.sample(8, again()),
        "check": space.check,
        "contains": space.contains,
        "repair": space.repair,
        "genotype": lambda rows: space.genotype(rows[0]),
        "genotype of a string": lambda rows: space.genotype(space.to_string(rows[0])),
        "from_config": lambda rows: space.from_config(config),
        "neighbours": lambda rows: space.neighbours(rows[0]),
        "neighbours_of": space.neighbours_of,
        "mutate": lambda rows: space.mutate(rows, again()),
        "crossover": lambda rows: space.crossover(rows, rows[::-1], again()),
        "distance": lambda rows: space.distance(rows, rows[::-1]),
        "enumerate": lambda rows: next(iter(space.enumerate(1_000))),
        "code": space.code,
        "canonical": space.canonical,
        "key": space.key,
        "function_key": space.function_key,
        "adjacency_arrays": space.adjacency_arrays,
        "node_values": space.node_values,
        **{f"{kind} features": partial(space.features, kind=kind) for kind in space.feature_kinds},
    }
    if space.size <= MAX_ENUMERATED:
        calls["unique"] = lambda rows: [space.unique(by) for by in ("key", "function_key")]
    for name, call in calls.items():
        given = [genotypes[:8].copy() for _ in range(2)]
        first, second = map(call, given)
        check_apart(
            first, second, f"returns the same memory from two calls of {name}: return a copy, or make it read-only"
        )
        assert all(np.array_equal(rows, genotypes[:8]) for rows in given), f"changes the input of {name}"
    if space.countable:
        codes = space.code(genotypes)
        kept = codes.copy()
        check_apart(space.decode(codes), space.decode(codes), "returns the same memory from two calls of decode")
        assert np.array_equal(codes, kept), "changes the input of decode"


def check_adjacency_arrays(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Padded arrays hold the graph of each architecture."""
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


def check_features(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Encodings are finite, and each row is computed by itself."""
    for kind in space.feature_kinds:
        features = space.features(genotypes, kind)
        assert features.ndim == 2 and len(features) == len(genotypes), f"has {kind} features of shape {features.shape}"
        assert features.dtype == np.float64, f"has {kind} features of {features.dtype}, not float64"
        assert np.isfinite(features).all(), f"has {kind} features that are not finite"
        single = np.concatenate([space.features(genotype[None], kind) for genotype in genotypes[:8]])
        rounding = np.finfo(np.float64).eps * features.shape[1] * np.abs(features).max(initial=0)
        apart = np.abs(single - features[:8]).max(initial=0)
        assert apart <= rounding, f"has {kind} features that depend on the other rows"


def check_network(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Networks give a finite loss and gradients, or are refused."""
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
