"""Function keys of pairs of cells: by hand, and against what real cells compute."""

from itertools import permutations, product

import numpy as np
import pytest
import torch
from torch import nn

from nasbench.benchmark.table import in_order
from nasbench.spaces import cell_pair
from nasbench.spaces.cell_pair import CellPair
from nasbench.spaces.cell_pair_function import _orders
from nasbench.spaces.darts import DARTS
from nasbench.spaces.nasnet import NASNet
from nasbench.spaces.networks.cell_pair import Cell

SKIP, MAX, AVG, SEP, DIL, NONE = "skip_connect", "max_pool_3x3", "avg_pool_3x3", "sep_conv_3x3", "dil_conv_3x3", "none"
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


def test_none_is_left_out_by_hand():
    """Cells of two nodes with skips and `none` are sums of x and y: 14 pairs of states out of 4 * 12 cells.

    The first node is 0, x, y or x + y. With 0, the second is one of the same four: {0, 0}, {0, x}, {0, y}, {0, x + y}.
    With x, or y, it can also be x + x, or y + y: four and three pairs are new. With x + y, it can also be 2 x + y or
    x + 2 y, and three pairs are new.
    """

    class Two(DARTS):
        blocks = 2

    space = Two(none=True)
    skip, none = space.operations.index(SKIP), space.operations.index("none")
    cells = product((skip, none), (skip, none), range(3), (skip, none), (skip, none))
    genotypes = np.array([[*cell, 0, 0, 0, 0, 0] for cell in cells], dtype=np.int8)
    assert len(genotypes) == 48
    assert len(np.unique(space.function_key(genotypes))) == 14
    assert len(np.unique(space.function_key(genotypes[:, [5, 6, 7, 8, 9, 0, 1, 2, 3, 4]]))) > 14  # skips are learnt


def test_operations_on_nothing_are_left_out():
    empty = [(NONE, 0), (NONE, 1)]
    cells = [[empty, [(op, 2), (DIL, 0)]] for op in (SEP, SKIP, MAX, AVG, NONE)] + [[empty, [(NONE, 1), (DIL, 0)]]]
    assert len(set(keys(DARTS(none=True), *cells))) == 1
    assert len(set(keys(DARTS(none=True), *cells, cell="reduce"))) == 1
    assert len(set(keys(DARTS(none=True), *([*cell, [(SEP, 2), (SEP, 3)]] for cell in cells)))) == 1
    assert len(set(keys(DARTS(none=True), [[(MAX, 0), (NONE, 1)]], [[(NONE, 0), (SKIP, 1)]], cell="reduce"))) == 2
    assert len(set(keys(DARTS(none=True), [empty], [[(SKIP, 0), (NONE, 1)]], [[(SEP, 0), (NONE, 1)]]))) == 3


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
    """Sorted results `(assignments, states, values)` of one cell under all assignments of weights.

    In a space with `none` a normalisation shifts nothing, so that it keeps zeros, as it does before training.
    """
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
                for norm in part.modules():
                    if isinstance(norm, nn.BatchNorm2d) and space.zero_ops:
                        norm.bias.data.zero_()
        for projection in network.projections.values():  # the two halves in either order
            weight = projection[1].weight
            weight.data = weight.data[:, [0, 1, 0, 1]]
        result = network(x, x.flip(3)).reshape(len(states), -1)
        results.append(result[result.sum(dim=1).argsort()])
    return torch.stack(results)


@pytest.mark.parametrize(
    ("space", "last"),
    [(DARTS(), AVG), (DARTS(none=True), NONE), (NASNet(), AVG)],
    ids=["darts", "darts_none", "nasnet"],
)
@torch.no_grad()
def test_function_key_is_what_cells_compute(space, last, same_function):
    """Two cells share a key exactly if some matching of weights makes their results equal."""
    x = torch.randn((1, 2, 4, 4), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    genotypes = cells_of(space, [SEP, SKIP, MAX, last], 60_000, seed=0)
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


class Small(DARTS):
    blocks = 2


@pytest.mark.parametrize("small", [Small(), NASNet()], ids=["darts", "nasnet"])
def test_classes_do_not_depend_on_the_numbers_of_operations(small, monkeypatch):
    """Numbers that cancel would put reduction cells of different functions into one class."""
    genotypes = small.sample(40_000, np.random.default_rng(0))
    half = len(small.cardinalities) // 2
    genotypes[:, :half] = genotypes[0, :half]
    classes = []
    for first in (cell_pair.FIRST_KIND, 1 << 40, (1 << 50) + 12345):
        monkeypatch.setattr(cell_pair, "FIRST_KIND", first)
        keys = small.function_key(genotypes)
        classes.append(in_order(keys)[0])
    np.testing.assert_array_equal(classes[0], classes[1])
    np.testing.assert_array_equal(classes[0], classes[2])


@pytest.mark.parametrize(
    ("space", "golden"),
    [(DARTS(), 7_859_457_705_262_409_805), (NASNet(), 3_042_570_800_606_635_009)],
    ids=["darts", "nasnet"],
)
def test_function_keys_are_stable(space, golden):
    genotypes = (np.arange(1000)[:, None] * (7 + np.arange(len(space.cardinalities))) % space.cardinalities).astype(
        np.int8
    )
    assert np.bitwise_xor.reduce(space.function_key(genotypes)) == golden
