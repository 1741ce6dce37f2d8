"""Function keys of pairs of cells: by hand, and against what real cells compute."""

from itertools import permutations, product

import numpy as np
import pytest
import torch
from torch import nn

from nasbench.spaces.cell_pair import CellPair
from nasbench.spaces.cell_pair_function import _orders
from nasbench.spaces.darts import DARTS
from nasbench.spaces.nasnet import NASNet
from nasbench.spaces.networks.cell_pair import Cell

SKIP, MAX, AVG, SEP, DIL = "skip_connect", "max_pool_3x3", "avg_pool_3x3", "sep_conv_3x3", "dil_conv_3x3"
PLAIN = [(SEP, 0), (DIL, 1)]
"""Filler block."""


def keys(space, *cells, cell="normal"):
    """Function keys of pairs of cells that differ in the normal, or in the reduction cell."""
    result = []
    for blocks in cells:
        pair = {name: [*blocks, *[PLAIN] * (space.blocks - len(blocks))] for name in ("normal", "reduce")}
        pair["reduce" if cell == "normal" else "normal"] = [PLAIN] * space.blocks
        flat = [f"{name}={[half for block in pair[name] for half in block]}" for name in pair]
        result.append(space.genotype(f"Genotype({', '.join(flat)})"))
    assert len(set(space.key(np.array(result)).tolist())) == len(cells)
    return space.function_key(np.array(result)).tolist()


def test_orders_by_hand():
    assert _orders(0b00, 3) == [[0, 1, 2]]
    assert _orders(0b10, 3) == [[0, 1, 2], [0, 2, 1]]
    assert len(_orders(0b11, 3)) == 6


def test_two_pools_of_one_state_are_one_term():
    first = [[(MAX, 0), (MAX, 1)], [(MAX, 0), (MAX, 1)], [(SEP, 2), (DIL, 0)], [(SEP, 3), (DIL, 1)]]
    other = [*first[:3], [(SEP, 2), (DIL, 1)]]
    assert len(set(keys(DARTS(), first, other))) == 1
    assert len(set(keys(DARTS(), first, other, cell="reduce"))) == 1
    learnt = [
        [[(op.replace("max_pool", "sep_conv"), s) for op, s in block] for block in cell] for cell in (first, other)
    ]
    assert len(set(keys(DARTS(), *learnt))) == 2


def test_sums_are_associative_and_skips_are_the_identity_where_they_keep_the_size():
    """x + y, x + p(y) and x + y + p(y), where the last block can be built in two ways."""
    blocks = [[(SKIP, 0), (SKIP, 1)], [(SKIP, 0), (MAX, 1)]]
    one, other = [*blocks, [(SKIP, 1), (SKIP, 3)]], [*blocks, [(MAX, 1), (SKIP, 2)]]
    assert len(set(keys(DARTS(), one, other))) == 1
    assert len(set(keys(DARTS(), one, other, cell="reduce"))) == 2  # skips of an input are learnt there


def test_a_mean_of_a_sum_is_the_sum_of_the_means_and_a_maximum_is_not():
    blocks = [[(SKIP, 0), (SKIP, 1)], [(AVG, 0), (AVG, 1)]]
    assert len(set(keys(DARTS(), [*blocks, [(AVG, 2), (SEP, 0)]], [*blocks, [(SKIP, 3), (SEP, 0)]]))) == 1
    blocks = [[(SKIP, 0), (SKIP, 1)], [(MAX, 0), (MAX, 1)]]
    assert len(set(keys(DARTS(), [*blocks, [(MAX, 2), (SEP, 0)]], [*blocks, [(SKIP, 3), (SEP, 0)]]))) == 2


def test_what_is_added_in_another_order_is_the_same_unless_someone_looks_between():
    """c(x) + d(x) + y by way of c(x) + d(x) or c(x) + y, without other readers; the next block reads y."""
    one = [[(SEP, 0), (DIL, 0)], [(SKIP, 2), (SKIP, 1)]]
    other = [[(SEP, 0), (SKIP, 1)], [(SKIP, 2), (DIL, 0)]]
    assert len(set(keys(NASNet(), one, other))) == 1
    assert len(set(keys(NASNet(), *([*blocks, [(SEP, 2), (MAX, 0)]] for blocks in (one, other))))) == 2


# --- against networks -------------------------------------------------------------------------------------------------


def cells_of(space: CellPair, kinds: list[str], n: int, seed: int):
    """Those of `n` random pairs of cells, with few kinds of operations, that have at most three learnt parts.

    From the fourth block on they are all the same, so that many have the same function.
    """
    rng = np.random.default_rng(seed)
    cells = space.cells(space.sample(n, rng))
    numbers = np.array([space.operations.index(kind) for kind in kinds])
    cells.ops[:] = rng.choice(numbers, cells.ops.shape, p=[0.1, 0.3, 0.3, 0.3])
    cells.combined[:] = np.where(rng.random(cells.combined.shape) < 0.9, 0, cells.combined)
    if not space.distinct:
        cells.sources[3:], cells.ops[3:], cells.combined[3:] = 0, numbers[2], 0
    positions = np.stack([space._write(*block) for block in zip(*cells, strict=True)])
    learnt = (cells.ops == numbers[0]).sum(axis=(0, 1)) + cells.combined.sum(axis=0)
    return space._vectors(positions)[(learnt.reshape(-1, 2) <= 3).all(axis=1)]


def outputs(space: CellPair, genotype, which: int, x: torch.Tensor) -> torch.Tensor:
    """Sorted results `(assignments, states, values)` of one cell under all assignments of weights."""
    cells = space.cells(genotype[None])
    sources, ops, combined = (part[..., which].tolist() for part in cells)
    blocks = [
        ([(space.operations[op], source) for op, source in zip(*pair, strict=True)], space.combinations[c])
        for *pair, c in zip(ops, sources, combined, strict=True)
    ]
    states = np.flatnonzero(space._concatenated(cells)[:, which]).tolist()
    network = Cell((blocks, states), 2, 2, 2, which == 1, False).double().eval()
    network.inputs = nn.ModuleList([nn.Identity(), nn.Identity()])
    kinds: dict[str, list[nn.Module]] = {}
    halves = [half for pairs, _ in blocks for half in pairs]
    for (op, source), part in zip(halves, network.operations, strict=True):
        if list(part.parameters()):
            kinds.setdefault(f"{op} {'halves' if which == 1 and source < 2 else ''}", []).append(part)
    for part in network.projections.values():
        kinds.setdefault("concat", []).append(part)
    for part in network.reductions.values():
        kinds.setdefault("reduce", []).append(part)
    results = []
    for orders in product(*(permutations(range(len(group))) for group in kinds.values())):
        for group, order in zip(kinds.values(), orders, strict=True):
            for part, number in zip(group, order, strict=True):
                generator = torch.Generator().manual_seed(number)
                for weight in part.parameters():
                    weight.data = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
        for projection in network.projections.values():  # the two halves in either order
            weight = projection[1].weight
            weight.data = weight.data[:, [0, 1, 0, 1]]
        result = network(x, x.flip(3)).reshape(len(states), -1)
        results.append(result[result.sum(dim=1).argsort()])
    return torch.stack(results)


@pytest.mark.parametrize("space", [DARTS(), NASNet()], ids=["darts", "nasnet"])
@torch.no_grad()
def test_function_key_is_what_cells_compute(space, same_function):
    """Two cells share a key exactly if some matching of weights makes their results equal."""
    x = torch.randn((1, 2, 4, 4), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    genotypes = cells_of(space, [SEP, SKIP, MAX, AVG], 60_000, seed=0)
    half = len(space.cardinalities) // 2
    genotypes[:, half:] = genotypes[0, half:]  # so that what differs is the normal cell
    genotypes = genotypes[np.unique(space.key(genotypes), return_index=True)[1]]
    key = space.function_key(genotypes)
    _, where, members = np.unique(key, return_inverse=True, return_counts=True)
    rng = np.random.default_rng(0)
    shared = np.flatnonzero(members[where] > 1)
    assert len(shared) > 100
    for first in rng.choice(shared, 25, replace=False):
        same = rng.choice(np.setdiff1d(np.flatnonzero(key == key[first]), first))
        reference = outputs(space, genotypes[first], 0, x)[:1]
        found = outputs(space, genotypes[same], 0, x)
        assert found.shape[1:] == reference.shape[1:]
        gap = (found - reference).abs().amax((1, 2)).min()
        assert same_function(gap, reference), (genotypes[first], genotypes[same])
    # as many pairs that have the same operations and results, but not the same key
    counts = np.sort(space.cells(genotypes).ops[..., 0::2].reshape(-1, len(genotypes)), axis=0).T
    values = {}
    for row in rng.permutation(len(genotypes)).tolist():
        values.setdefault(counts[row].tobytes(), []).append(row)
    pairs = [rows[:2] for rows in values.values() if len(rows) > 1 and key[rows[0]] != key[rows[1]]][:40]
    assert len(pairs) == 40
    for first, other in pairs:
        reference, found = outputs(space, genotypes[first], 0, x)[:1], outputs(space, genotypes[other], 0, x)
        if found.shape[1:] == reference.shape[1:]:
            gap = (found - reference).abs().amax((1, 2)).min()
            assert not same_function(gap, reference), (genotypes[first], genotypes[other])


@pytest.mark.parametrize(
    ("space", "golden"),
    [(DARTS(), 8_741_651_656_922_175_149), (NASNet(), 4_075_103_631_252_847_287)],
    ids=["darts", "nasnet"],
)
def test_function_keys_are_stable(space, golden):
    genotypes = (np.arange(1000)[:, None] * (7 + np.arange(len(space.cardinalities))) % space.cardinalities).astype(
        np.int8
    )
    assert np.bitwise_xor.reduce(space.function_key(genotypes)) == golden
