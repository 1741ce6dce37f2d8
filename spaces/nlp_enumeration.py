"""All recurrent cells of up to a number of nodes: their count, and their genotypes in order."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations, permutations
from math import comb, factorial

from nasbench.spaces.nlp_cells import (
    BLEND,
    FIRST_NODE,
    FIRST_PREVIOUS,
    LINEAR,
    MAX_INPUTS,
    MAX_INPUTS_OF,
    MAX_NODES,
    MAX_STATES,
    MIN_INPUTS_OF,
    OPERATIONS,
    POSITIONS_PER_NODE,
    X,
)


@cache
def genotype_count(nodes: int) -> int:
    """Number of genotypes of at most `nodes` nodes.

    Counted node by node, by dynamic programming over (whether `x` is read, number of unread previous states, number of
    unread nodes).
    """
    total = 0
    for states in range(1, MAX_STATES + 1):
        ways = {(False, states, 0): 1}  # (x is read, unread previous states, unread nodes) -> genotypes
        for count in range(nodes):
            after: dict[tuple[bool, int, int], int] = {}
            for (x, old, inner), number in ways.items():
                for (x_now, old_now, inner_now), choices in _extensions(states + count, x, old, inner).items():
                    key = (x_now, old_now, inner_now)
                    after[key] = after.get(key, 0) + number * choices
            ways = after
            for (x, old, inner), number in ways.items():
                if x and not old and inner <= states <= count + 1:
                    total += number * comb(count + 1 - inner, states - inner) * factorial(states)
    return total


@cache
def _extensions(known: int, x: bool, old: int, inner: int) -> dict[tuple[bool, int, int], int]:
    """Number of ways to add a node to `known` states and nodes, by the state of the recursion after it."""
    result: dict[tuple[bool, int, int], int] = {}
    for size, with_x, ways in (
        (1, 0, 3),
        (2, 0, 3),
        (3, 0, 7),
        (2, 1, 1),
        (3, 1, 1),
    ):  # activations; sum, product, linear
        for fresh_old in range(min(old, size - with_x) + 1):
            for fresh_inner in range(min(inner, size - with_x - fresh_old) + 1):
                others = size - with_x - fresh_old - fresh_inner
                choices = comb(old, fresh_old) * comb(inner, fresh_inner) * comb(known - old - inner, others)
                if choices:
                    key = (x or with_x > 0, old - fresh_old, inner - fresh_inner + 1)
                    result[key] = result.get(key, 0) + ways * choices
    return result


def all_genotypes(nodes: int) -> Iterator[list[int]]:
    """All genotypes of at most `nodes` nodes, in order of their digits."""
    for first in range(1, nodes + 1):
        for second in range(nodes + 1):
            for third in range(nodes + 1 if second else 1):
                new = [node for node in (first, second, third) if node]
                if len({*new}) == len(new):
                    head = [first - 1, second, third]
                    for body in _bodies(
                        max(new),
                        {node - 1 for node in new},
                        0,
                        frozenset(range(X, FIRST_PREVIOUS + len(new))),
                        len(new),
                    ):
                        yield head + body + [0] * (POSITIONS_PER_NODE * (MAX_NODES - max(new)))


def _bodies(nodes: int, new: set[int], node: int, unread: frozenset[int], states: int) -> Iterator[list[int]]:
    """All ways to fill in the nodes from `node` on, with these sources unread so far."""
    if node == nodes:
        if not unread:
            yield []
        return
    room = sum(MAX_INPUTS - (other not in new) for other in range(node, nodes))
    if len(unread) > room:
        return
    known = [*range(X, FIRST_PREVIOUS + states), *range(FIRST_NODE, FIRST_NODE + node)]
    for op in range(1, 1 + len(OPERATIONS)):
        usable = known if op == LINEAR else known[1:]
        choose = permutations if op == BLEND else combinations
        reads = [
            list(read) for size in range(MIN_INPUTS_OF[op], MAX_INPUTS_OF[op] + 1) for read in choose(usable, size)
        ]
        for read in sorted(part + [0] * (MAX_INPUTS - len(part)) for part in reads):
            still_unread = unread - {*read} | (frozenset() if node in new else {FIRST_NODE + node})
            for rest in _bodies(nodes, new, node + 1, still_unread, states):
                yield [op, *read, *rest]
