"""NASNet: the published cells, unused states, combinations, codes of a space too large to number."""

import numpy as np
import pytest
import torch

from nasbench.errors import InputError
from nasbench.spaces import NetworkSettings, spaces
from nasbench.spaces.nasnet import OPERATIONS, NASNet
from nasbench.spaces.networks.cell_pair import operation
from nasbench.tasks.images import ImageClassification

SPACE = NASNet()
NASNET_A = (
    "Genotype(normal=[('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 0), ('sep_conv_3x3', 0), "
    "('avg_pool_3x3', 1), ('skip_connect', 0), ('avg_pool_3x3', 0), ('avg_pool_3x3', 0), ('sep_conv_3x3', 1), "
    "('skip_connect', 1)], normal_concat=[2, 3, 4, 5, 6], reduce=[('sep_conv_5x5', 1), ('sep_conv_7x7', 0), "
    "('max_pool_3x3', 1), ('sep_conv_7x7', 0), ('avg_pool_3x3', 1), ('sep_conv_5x5', 0), ('skip_connect', 3), "
    "('avg_pool_3x3', 2), ('sep_conv_3x3', 2), ('max_pool_3x3', 1)], reduce_concat=[4, 5, 6])"
)
"""NASNet-A (Zoph et al., 2018, figure 4), in the notation of DARTS."""
AMOEBANET_A = (
    "Genotype(normal=[('avg_pool_3x3', 0), ('max_pool_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 2), "
    "('sep_conv_3x3', 0), ('avg_pool_3x3', 3), ('sep_conv_3x3', 1), ('skip_connect', 1), ('skip_connect', 0), "
    "('avg_pool_3x3', 1)], normal_concat=[4, 5, 6], reduce=[('avg_pool_3x3', 0), ('sep_conv_3x3', 1), "
    "('max_pool_3x3', 0), ('sep_conv_7x7', 2), ('sep_conv_7x7', 0), ('avg_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('max_pool_3x3', 1), ('conv_1x7_7x1', 0), ('sep_conv_3x3', 5)], reduce_concat=[3, 4, 6])"
)
"""AmoebaNet-A (Real et al., 2019), found in this space."""


def _with(normal, reduce=None, **combine):
    parts = [f"normal={normal}", f"reduce={reduce or normal}", *(f"{name}={c}" for name, c in combine.items())]
    return SPACE.genotype(f"Genotype({', '.join(parts)})")


FLAT = [(op, state) for op in OPERATIONS[:5] for state in (0, 1)]


# --- size, graph and string ---------------------------------------------------------------------------------------


def test_number_of_genotypes():
    cells = (2 * 3 * 4 * 5 * 6) ** 2 * 13**10 * 2**5
    assert SPACE.size == cells**2 == 5_229_943_396_058_757_337_940_161_399_357_440_000
    assert not SPACE.countable


@pytest.mark.parametrize("text", [NASNET_A, AMOEBANET_A])
def test_published_cells_survive_the_round_trip(text):
    genotype = SPACE.genotype(text)
    assert SPACE.to_string(genotype) == text
    again = SPACE.genotype(SPACE.graph(genotype))
    assert SPACE.key(again[None]) == SPACE.key(genotype[None])


def test_published_cell_by_hand():
    genotype = SPACE.genotype(NASNET_A)
    assert genotype[:10].tolist() == [1, 11, 0, 10, 0, 0, 11, 0, 10, 0]  # state, operation, state, operation, add
    graph = SPACE.graph(genotype)
    assert len(graph) == 37 == SPACE.max_nodes
    # the normal cell joins its five blocks, the reduction cell its unread blocks
    assert sorted(graph.predecessors(18)) == [5, 8, 11, 14, 17]
    assert sorted(graph.predecessors(36)) == [29, 32, 35]


def test_unused_inputs_are_part_of_the_result():
    lonely = [("conv_1x1", 0), ("conv_3x3", 0)] * 5
    graph = SPACE.graph(_with(lonely))
    assert sorted(graph.predecessors(18)) == [2, 5, 8, 11, 14, 17]


def test_combinations_are_written_where_there_are_any():
    combine = ["concat", "add", "add", "concat", "add"]
    genotype = _with(FLAT, reduce_combine=combine)
    text = SPACE.to_string(genotype)
    assert f"reduce_combine={combine}" in text
    assert "normal_combine" not in text
    assert SPACE.genotype(text).tolist() == genotype.tolist()
    assert SPACE.key(genotype[None]) != SPACE.key(_with(FLAT)[None])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("reduce_concat=[4, 5, 6]", "reduce_concat=[2, 3, 4, 5, 6]"), r"reduce_concat .* is \[4, 5, 6\] in nasnet"),
        (("reduce_concat=[4, 5, 6]", "reduce_combine=['mul'] + ['add']"), "expected an architecture"),
        (("reduce_concat=[4, 5, 6]", "reduce_combine=['mul', 'add', 'add', 'add', 'add']"), "one of add, concat"),
        (("sep_conv_7x7", "sep_conv_9x9"), "unknown operation 'sep_conv_9x9'"),
        (("('skip_connect', 3)", "('skip_connect', 5)"), "block 3 of the reduce cell: acts on hidden state 5"),
    ],
)
def test_refused_text(change, message):
    with pytest.raises(InputError, match=message):
        SPACE.genotype(NASNET_A.replace(*change))


# --- identity -----------------------------------------------------------------------------------------------------


def test_order_of_blocks_and_of_halves_carries_no_meaning():
    swapped = [FLAT[i ^ 1] for i in range(10)]
    turned = FLAT[4:] + FLAT[:4]
    moved = [(op, 1 - state) for op, state in FLAT]
    keys = SPACE.key(np.stack([_with(FLAT), _with(swapped), _with(turned), _with(moved), _with(FLAT, moved)]))
    assert keys[0] == keys[1] == keys[2]
    assert keys[0] == keys[3] == keys[4]  # both halves of each block have one operation
    uneven = [("conv_1x1", 0), ("conv_3x3", 1), *FLAT[2:]]
    other = [("conv_1x1", 1), ("conv_3x3", 0), *FLAT[2:]]
    assert len({*SPACE.key(np.stack([_with(uneven), _with(other)])).tolist()}) == 2


def test_equal_blocks_that_others_tell_apart():
    twins = [("conv_1x1", 0), ("conv_3x3", 1)] * 2
    rest = [("skip_connect", 0), ("skip_connect", 1)]
    first = [*twins, ("avg_pool_3x3", 2), ("conv_1x1", 0), ("max_pool_3x3", 3), ("conv_1x1", 0), *rest]
    second = [*twins, ("avg_pool_3x3", 3), ("conv_1x1", 0), ("max_pool_3x3", 2), ("conv_1x1", 0), *rest]
    third = [*twins, ("avg_pool_3x3", 3), ("conv_1x1", 0), ("max_pool_3x3", 3), ("conv_1x1", 0), *rest]
    keys = SPACE.key(np.stack([_with(first), _with(second), _with(third)])).tolist()
    assert keys[0] == keys[1] != keys[2]


def _splitmix(word):
    word = (word + 0x9E3779B97F4A7C15) % 2**64
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    word = (word ^ word >> 27) * 0x94D049BB133111EB % 2**64
    return word ^ word >> 31


def test_codes_are_stable_hashes():
    """Digits packed into mixed-radix words below 2^64, each mixed into the hash so far."""
    genotypes = np.stack([SPACE.genotype(NASNET_A), SPACE.genotype(AMOEBANET_A)])
    for genotype, code in zip(genotypes.tolist(), SPACE.code(genotypes).tolist(), strict=True):
        hashed, word, bound = 0, 0, 1
        for digit, options in zip(genotype, SPACE.cardinalities, strict=True):
            if bound * options > 2**64:
                hashed, word, bound = _splitmix(hashed ^ word), 0, 1
            word, bound = word * options + digit, bound * options
        assert code == _splitmix(hashed ^ word) >> 1
    assert SPACE.code(genotypes).tolist() == [4_432_078_630_497_563_585, 6_494_012_458_010_882_229]
    assert SPACE.key(genotypes).tolist() == [1_485_640_254_272_883_578, 7_787_896_565_866_760_819]
    with pytest.raises(InputError, match="codes of nasnet are hashes"):
        SPACE.decode(SPACE.code(genotypes))


def test_codes_tell_every_position_apart():
    genotype = SPACE.genotype(NASNET_A)
    others = []
    for position, options in enumerate(SPACE.cardinalities):
        for option in range(options):
            others.append(genotype.copy())
            others[-1][position] = option
    rows = np.unique(np.stack(others), axis=0)
    assert len(np.unique(SPACE.code(rows))) == len(rows) == sum(SPACE.cardinalities) - len(SPACE.cardinalities) + 1
    many = SPACE.sample(100_000, np.random.default_rng(0))
    codes = SPACE.code(many)
    assert len(np.unique(codes)) == 100_000
    assert np.mean(codes / 2**63) == pytest.approx(0.5, abs=4 * np.sqrt(1 / 12 / 100_000))


def test_enumeration_starts_with_the_last_position():
    chunks = SPACE.enumerate(30)
    rows = np.concatenate([next(chunks), next(chunks)])
    assert rows[:3, -2:].tolist() == [[0, 0], [0, 1], [1, 0]]
    numbers = rows.astype(np.int64)[:, -4:] @ [13 * 6 * 13 * 2, 6 * 13 * 2, 2, 1]
    assert not rows[:, :-4].any()
    assert (numbers[:26] == np.arange(26)).all()
    assert len(np.unique(rows, axis=0)) == 60


def test_mutation_reaches_all_neighbours():
    genotype = SPACE.genotype(NASNET_A)
    mutants = SPACE.mutate(np.repeat(genotype[None], 40_000, axis=0), np.random.default_rng(0))
    assert {*SPACE.key(mutants).tolist()} == {*SPACE.key(SPACE.neighbours(genotype)).tolist()}


# --- network ------------------------------------------------------------------------------------------------------


def _parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_parameters_of_operations():
    counts = {name: _parameters(operation(name, 4, 1)) for name in OPERATIONS}
    assert (counts["conv_1x1"], counts["conv_3x3"]) == (16 + 8, 9 * 16 + 8)
    assert (counts["conv_1x3_3x1"], counts["conv_1x7_7x1"]) == (2 * 3 * 16 + 8, 2 * 7 * 16 + 8)
    assert counts["sep_conv_7x7"] == 2 * (49 * 4 + 16 + 8)
    assert not any(counts[name] for name in OPERATIONS if "pool" in name or "skip" in name)


@pytest.mark.parametrize("image", [(1, 8, 8), (2, 7, 5)])
def test_network_of_every_combination(image):
    lonely = [("conv_1x1", 0), ("max_pool_7x7", 0)] * 5  # so that the other input is concatenated, halved
    genotype = _with(lonely, reduce_combine=["concat"] * 5, normal_combine=["concat", *["add"] * 4])
    network = SPACE.network(genotype, ImageClassification(image, 7), NetworkSettings(channels=4, cells=1, stages=2))
    assert network(torch.zeros(2, *image)).shape == (2, 7)
    assert [len(cell.projections) for cell in network.cells] == [1, 5, 1]
    assert [len(cell.reductions) for cell in network.cells] == [0, 1, 0]


def test_registered():
    assert isinstance(spaces.create("nasnet"), NASNet)
