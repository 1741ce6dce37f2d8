import json
import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import permutations, product
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nasbench.errors import InputError
from nasbench.spaces import NetworkSettings
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb101_tables import OPERATIONS, PAIRS, edit_table, matrix_table, numbering_table
from nasbench.spaces.networks.nb101 import Cell
from nasbench.tasks.images import ImageClassification
from nasbench.types import GenotypeArray

ECNAS = Path(__file__).parents[2] / "../shared/tables/ecnas_nb101"
CONV3, CONV1, POOL = OPERATIONS
SPACE = NB101()

# input -> conv3x3 -> output and input -> maxpool -> output, and the input added to the output
DIAMOND = ([[0, 1, 1, 1], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]], ["input", CONV3, POOL, "output"])
EDGES = [(0, 1), (0, 2), (0, 6), (1, 6), (2, 6)]
DIAMOND_GENOTYPE = [int(pair in EDGES) for pair in PAIRS] + [1, 3, 0, 0, 0]

indices = st.integers(0, SPACE.size - 1)


@cache
def everything() -> GenotypeArray:
    return np.concatenate(list(SPACE.enumerate()))


@cache
def unique() -> GenotypeArray:
    return np.concatenate(list(SPACE.enumerate_unique()))


def sample(n: int, seed: int = 0) -> GenotypeArray:
    return SPACE.sample(n, np.random.default_rng(seed))


def relabelled(graph: nx.DiGraph, rng: np.random.Generator) -> nx.DiGraph:
    names = [f"n{name}" for name in rng.permutation(len(graph))]
    result = nx.DiGraph()
    result.add_nodes_from((names[v], graph.nodes[v]) for v in rng.permutation(len(graph)))
    result.add_edges_from((names[u], names[v]) for u, v in graph.edges)
    return result


# --- by hand ------------------------------------------------------------------------------------------------------


def test_a_cell_in_all_its_forms() -> None:
    genotype = SPACE.from_matrix(*DIAMOND)
    assert genotype.tolist() == DIAMOND_GENOTYPE
    matrix, ops = SPACE.matrix(genotype)
    assert (matrix.tolist(), ops) == DIAMOND
    assert json.loads(SPACE.to_string(genotype)) == {"matrix": DIAMOND[0], "ops": DIAMOND[1]}
    graph = SPACE.graph(genotype)
    assert sorted(graph.edges) == [(0, 1), (0, 2), (0, 3), (1, 3), (2, 3)]
    assert [op for _, op in graph.nodes(data="op")] == DIAMOND[1]
    for form in (DIAMOND_GENOTYPE, SPACE.to_string(genotype), graph):
        assert np.array_equal(SPACE.genotype(form), genotype)


def test_tensors_are_padded_without_a_gap() -> None:
    adjacency, ops, mask = SPACE.adjacency_arrays(np.array([DIAMOND_GENOTYPE], dtype=np.int8))
    assert adjacency[0, :4, :4].astype(int).tolist() == DIAMOND[0]
    assert adjacency.sum() == 5
    assert ops[0].tolist() == [0, 1, 3, 4, 0, 0, 0]
    assert mask[0].tolist() == [True] * 4 + [False] * 3


def test_features() -> None:
    genotype = np.array([DIAMOND_GENOTYPE], dtype=np.int8)
    assert SPACE.features(genotype, "counts").tolist() == [[1, 1, 0, 1, 1]]
    assert SPACE.features(genotype).shape == (1, 21 * 2 + 5 * 4)
    assert SPACE.features(genotype, "adjacency").shape == (1, 21 + 7 * 5)
    paths = SPACE.features(genotype, "paths")
    assert paths.shape == (1, 364)
    # paths without an operation, with a conv3x3 (first of the three), with a maxpool (third)
    assert np.flatnonzero(paths).tolist() == [0, 1, 3]


def test_longest_path() -> None:
    chain = [[int(v == u + 1) for v in range(7)] for u in range(7)]
    paths = SPACE.features(SPACE.from_matrix(chain, ["input", *[POOL] * 5, "output"])[None], "paths")
    assert np.flatnonzero(paths).tolist() == [363]


def test_isomorphic_cells_share_a_key() -> None:
    swapped = SPACE.from_matrix(DIAMOND[0], ["input", POOL, CONV3, "output"])
    other = SPACE.from_matrix(DIAMOND[0], ["input", POOL, CONV1, "output"])
    a, b, c = SPACE.key(np.array([DIAMOND_GENOTYPE, swapped, other], dtype=np.int8))
    assert a == b != c
    assert SPACE.distance(np.array([DIAMOND_GENOTYPE], dtype=np.int8), swapped[None]) == [0]


def test_neighbours_of_the_smallest_cell() -> None:
    only_edge = SPACE.from_matrix([[0, 1], [0, 0]], ["input", "output"])
    # There is no other edge; a vertex beside the edge, of any of three operations, is the only edit.
    found = {tuple(SPACE.matrix(genotype)[1][1:-1]) for genotype in SPACE.neighbours(only_edge)}
    assert found == {(CONV3,), (CONV1,), (POOL,)}
    assert (SPACE.features(SPACE.neighbours(only_edge), "adjacency")[:, :21].sum(axis=1) == 3).all()


def test_neighbours_of_the_diamond() -> None:
    neighbours = SPACE.neighbours(np.array(DIAMOND_GENOTYPE, dtype=np.int8))
    diamond, ends = DIAMOND[0], [0, 0, 0, 0]
    cells = [
        *((diamond, ops) for ops in [(CONV1, POOL), (POOL, POOL), (CONV3, CONV3), (CONV3, CONV1)]),
        *(([[0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1], ends], ops) for ops in [(CONV3, POOL), (POOL, CONV3)]),
        ([[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], ends], (CONV3, POOL)),
        *(([[0, 1, 1], [0, 0, 1], [0, 0, 0]], (op,)) for op in (CONV3, POOL)),
    ]
    expected = SPACE.key(np.array([SPACE.from_matrix(matrix, ["input", *ops, "output"]) for matrix, ops in cells]))
    assert len(set(expected)) == 9
    # The others have a vertex more, of three operations: along an edge, or either way between the two without one.
    grown = SPACE.adjacency_arrays(neighbours).mask.sum(axis=1) == 5
    assert set(SPACE.key(neighbours[~grown])) == set(expected)
    assert grown.sum() == (5 + 2) * 3


# --- function key ---------------------------------------------------------------------------------------------------


def cell(ops: list[str], *edges: tuple[int, int]) -> GenotypeArray:
    """A cell from interior operations, and edges among vertices 0 (input) to `len(ops) + 1` (output)."""
    matrix = np.zeros((len(ops) + 2, len(ops) + 2), dtype=int)
    for edge in edges:
        matrix[edge] = 1
    return SPACE.from_matrix(matrix, ["input", *ops, "output"])


def test_function_classes_by_hand() -> None:
    """Two max-pools of one convolution are one term; two max-pools of the input, or two convolutions, are two."""

    def one(*ops: str) -> GenotypeArray:
        return cell([*ops, CONV3, CONV1], (0, 1), (1, 2), (2, 3), (2, 4), (3, 5), (4, 5))

    def two(*ops: str) -> GenotypeArray:
        return cell([*ops, CONV3, CONV1], (0, 1), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 6))

    def keys(*cells: GenotypeArray) -> list[int]:
        return SPACE.function_key(np.array(cells)).tolist()

    merged, twins = one(CONV3, POOL), two(CONV3, POOL, POOL)
    assert len(set(keys(merged, twins))) == 1
    assert keys(merged) == SPACE.key(merged[None]).tolist()  # a simple cell has the key that it had
    assert len({*keys(one(CONV3, CONV1), two(CONV3, CONV1, CONV1))}) == 2
    of_input = cell([POOL, CONV3, CONV1], (0, 1), (1, 2), (1, 3), (2, 4), (3, 4))
    of_input_twice = cell([POOL, POOL, CONV3, CONV1], (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 5))
    assert len({*keys(of_input, of_input_twice)}) == 2
    # a + a is not a, whichever of the two pools the second convolution takes
    double = cell([CONV3, POOL, POOL, CONV3], (0, 1), (1, 2), (1, 3), (2, 4), (3, 4), (4, 5))
    single = cell([CONV3, POOL, CONV3], (0, 1), (1, 2), (2, 3), (3, 4))
    assert len({*keys(double, single)}) == 2
    other = cell([CONV3, POOL, POOL, CONV3], (0, 1), (1, 2), (1, 3), (2, 4), (3, 5), (4, 5))
    same = cell([CONV3, POOL, POOL, CONV3], (0, 1), (1, 2), (1, 3), (3, 4), (2, 5), (4, 5))
    assert len({*keys(other, same)}) == 1


def test_number_of_function_classes() -> None:
    keys = SPACE.function_key(unique())
    assert len(np.unique(keys)) == 419_052
    assert (keys != SPACE.key(unique())).sum() == 11_187


def _outputs(genotype: GenotypeArray, x: torch.Tensor) -> torch.Tensor:
    """Channel blocks `(assignments, vertices, values)` of the cell for one image, in a fixed order.

    Under every assignment of the weights of a bank to its learnt parts of each shape.
    """
    matrix, ops = SPACE.matrix(genotype)
    network = Cell(matrix, ops, 2, 12).double().eval()
    parts = [
        *network.projections.items(),
        *((v, m) for v, m in network.vertices.items() if isinstance(m, nn.Sequential)),
    ]
    kinds: dict[tuple[int, ...], list[nn.Sequential]] = {}
    for _, part in parts:
        kinds.setdefault(tuple(part[0].weight.shape), []).append(part)
    results = []
    for orders in product(*(permutations(range(len(group))) for group in kinds.values())):
        for (shape, group), order in zip(kinds.items(), orders, strict=True):
            for part, number in zip(group, order, strict=True):
                generator = torch.Generator().manual_seed(1000 * sum(shape) + number)
                part[0].weight.data = torch.randn(shape, generator=generator, dtype=torch.float64)
        blocks = network(x).reshape(int(matrix[1:-1, -1].sum()), -1)
        results.append(blocks[blocks.sum(dim=1).argsort()])
    return torch.stack(results)


@torch.no_grad()
def test_function_key_is_what_cells_compute(same_function: Callable[..., bool]) -> None:
    """Two cells share a key exactly if some matching of weights makes their outputs equal."""
    x = torch.randn((1, 2, 3, 3), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    cells = unique()[unique()[:, PAIRS.index((0, 6))] == 0]  # no projection added to blocks whose order is arbitrary
    key = SPACE.function_key(cells)
    _, where, members = np.unique(key, return_inverse=True, return_counts=True)
    rng = np.random.default_rng(0)
    for first in rng.choice(np.flatnonzero(members[where] > 1), 40, replace=False):
        same = rng.choice(np.setdiff1d(np.flatnonzero(key == key[first]), first))
        near = SPACE.neighbours(cells[same])
        near = near[(SPACE.function_key(near) != key[first]) & (near[:, PAIRS.index((0, 6))] == 0)]
        other = near[rng.integers(len(near))]
        reference = _outputs(cells[first], x)[:1]
        found = _outputs(cells[same], x)
        assert found.shape[1:] == reference.shape[1:]
        gap = (found - reference).abs().amax((1, 2)).min()
        assert same_function(gap, reference), (cells[first], cells[same])
        found = _outputs(other, x)
        if found.shape[1:] == reference.shape[1:]:
            gap = (found - reference).abs().amax((1, 2)).min()
            assert not same_function(gap, reference), (cells[first], other)


# --- published facts ----------------------------------------------------------------------------------------------


def test_published_number_of_cells() -> None:
    """1,293,208 pruned labelled graphs of 423,624 networks (Ying et al., 2019), by number of vertices."""
    assert SPACE.size == len(everything()) == 1_293_208
    counts = Counter(SPACE.adjacency_arrays(everything()).mask.sum(axis=1).tolist())
    assert np.cumsum([counts[v] for v in range(2, 8)]).tolist() == [1, 7, 97, 3_364, 128_509, 1_293_208]
    counts = Counter(SPACE.adjacency_arrays(unique()).mask.sum(axis=1).tolist())
    assert [counts[v] for v in range(2, 8)] == [1, 6, 84, 2_441, 62_010, 359_082]
    assert len(unique()) == 423_624 == len(np.unique(SPACE.key(everything())))


def test_hash_of_a_published_cell() -> None:
    """The single-edge cell, as stored by NAS-Bench-101 and by EC-NAS."""
    only_edge = SPACE.from_matrix([[0, 1], [0, 0]], ["input", "output"])
    assert SPACE.published_hash(only_edge[None]) == ["043721b9c7fe8c5fad811d47d83132ec"]


@pytest.mark.skipif(not ECNAS.exists(), reason="needs ../shared/tables/ecnas_nb101")
def test_hashes_of_published_table() -> None:
    table = json.loads((ECNAS / "raw/graphs/generated_graphs_4V9E.json").read_text())
    names = {-1: "input", -2: "output", **dict(enumerate(OPERATIONS))}
    genotypes = np.array([SPACE.from_matrix(matrix, [names[op] for op in ops]) for matrix, ops in table.values()])
    assert SPACE.published_hash(genotypes) == list(table)
    small = unique()[SPACE.adjacency_arrays(unique()).mask.sum(axis=1) <= 4]
    assert sorted(SPACE.published_hash(small)) == sorted(table)
    assert len(small) == 91


@pytest.mark.skipif(not ECNAS.exists(), reason="needs ../shared/tables/ecnas_nb101")
def test_parameters_of_published_table() -> None:
    rows = [json.loads(line) for line in (ECNAS / "carbon_4V9E.jsonl").read_text().splitlines()]
    published = {(row["adjacency"], row["operations"]): row["trainable_parameters"] for row in rows}
    assert len(published) == 7
    for (bits, operations), parameters in published.items():
        ops = operations.split(",")
        genotype = SPACE.from_matrix(np.array([*map(int, bits)]).reshape(len(ops), len(ops)), ops)
        network = SPACE.network(
            genotype, ImageClassification((3, 32, 32), 10), NetworkSettings(channels=128, cells=3, stages=3)
        )
        assert sum(parameter.numel() for parameter in network.parameters()) == parameters


GOLDEN = [
    ([[0, 1], [0, 0]], ["input", "output"], 33554432),
    (*DIAMOND, 1645281728),
    (
        [[int(v == u + 1) for v in range(7)] for u in range(7)],
        ["input", CONV3, CONV1, POOL, CONV3, CONV1, "output"],
        1091081654,
    ),
    ([[0, *[1] * 4, 0], *[[0] * 5 + [1]] * 4, [0] * 6], ["input", POOL, CONV1, CONV3, CONV1, "output"], 2014390700),
]


@pytest.mark.parametrize(("matrix", "ops", "key"), GOLDEN)
def test_golden_keys(matrix: list[list[int]], ops: list[str], key: int) -> None:
    """Keys are stored in files, so they must not change."""
    assert SPACE.key(SPACE.from_matrix(matrix, ops)[None])[0] == key


# --- keys ---------------------------------------------------------------------------------------------------------


def test_keys_are_exact_up_to_five_vertices() -> None:
    """Against networkx: each cell is isomorphic to its representative, no two representatives are."""
    small = everything()[SPACE.adjacency_arrays(everything()).mask.sum(axis=1) <= 4]
    graphs = [SPACE.graph(genotype) for genotype in small]
    keys = SPACE.key(small)
    for i in range(len(small)):
        for j in range(i):
            same = nx.is_isomorphic(graphs[i], graphs[j], node_match=lambda a, b: a["op"] == b["op"])
            assert same == (keys[i] == keys[j])


@settings(deadline=None, max_examples=30)
@given(indices)
def test_canonical_is_the_smallest_of_all_numberings(index: int) -> None:
    genotype = everything()[index]
    matrix, ops = SPACE.matrix(genotype)
    codes = []
    for order in permutations(range(1, len(ops) - 1)):
        vertices = [0, *order, len(ops) - 1]
        numbered = matrix[np.ix_(vertices, vertices)]
        if not np.tril(numbered).any():
            codes.append(int(SPACE.code(SPACE.from_matrix(numbered, [ops[v] for v in vertices])[None])[0]))
    assert SPACE.key(genotype[None])[0] == min(codes)


@settings(deadline=None, max_examples=30)
@given(indices, st.integers(0, 100))
def test_published_hash_follows_the_key(index: int, seed: int) -> None:
    genotype = everything()[index]
    again = SPACE.genotype(relabelled(SPACE.graph(genotype), np.random.default_rng(seed)))
    assert SPACE.key(again[None]) == SPACE.key(genotype[None])
    assert SPACE.published_hash(again[None]) == SPACE.published_hash(genotype[None])


def test_published_hashes_differ_between_classes() -> None:
    chosen = unique()[:: 423_624 // 500]
    assert len(set(SPACE.published_hash(chosen))) == len(chosen)


# --- edits --------------------------------------------------------------------------------------------------------


def test_sample_is_uniform() -> None:
    vertices = SPACE.adjacency_arrays(sample(200_000)).mask.sum(axis=1)
    share = 1_164_699 / SPACE.size  # of genotypes with seven vertices
    assert abs((vertices == 7).mean() - share) < 5 * (share * (1 - share) / 200_000) ** 0.5


def test_sample_is_not_uniform_over_networks_and_sample_unique_is() -> None:
    """The 90 genotypes of four vertices (10 matrices, 9 pairs of operations) are 84 networks with one or two each.

    Two vertices in parallel can change places, in the matrix with the edge from input to output and in that without:
    so 2 * 3 networks, of two different operations, have two genotypes each, and the other 78 have one.
    """
    cells = everything()
    keys, first, genotypes = np.unique(SPACE.key(cells), return_index=True, return_counts=True)
    small = SPACE.adjacency_arrays(cells[first]).mask.sum(axis=1) == 4
    assert np.bincount(genotypes[small]).tolist() == [0, 78, 6]
    cells = cells[first][small & (genotypes == 2)]
    assert {tuple(SPACE.matrix(cell)[1][1:-1]) for cell in cells} == {(CONV3, CONV1), (CONV3, POOL), (CONV1, POOL)}
    assert not cells[:, PAIRS.index((1, 2))].any()

    n = 100_000
    alone = genotypes == 1
    for draw, share in (SPACE.sample, alone.sum() / SPACE.size), (SPACE.sample_unique, alone.mean()):
        drawn = SPACE.key(draw(n, np.random.default_rng(0)))
        count = alone[np.searchsorted(keys, drawn)].sum()
        assert abs(count - n * share) < 5 * (n * share * (1 - share)) ** 0.5
    assert alone.mean() > 2 * alone.sum() / SPACE.size


def test_every_cell_can_be_reached() -> None:
    """All matrices are reached from the single edge by edits of edges and vertices."""
    edits = edit_table()
    reached = np.zeros(len(edits.starts) - 1, dtype=bool)
    targets = numbering_table().targets
    front = [int(matrix_table().lookup[1 << PAIRS[::-1].index((0, 6))])]
    while front:
        reached[front] = True
        following = {int(targets[t]) for m in front for t in edits.targets[edits.starts[m] : edits.starts[m + 1]]}
        front = [m for m in following if not reached[m]]
    assert reached[np.unique(targets)].all()


def test_mutation_makes_every_neighbour() -> None:
    genotype = sample(1, seed=3)
    mutants = SPACE.mutate(np.repeat(genotype, 2_000, axis=0), np.random.default_rng(0))
    assert set(SPACE.key(mutants)) == set(SPACE.key(SPACE.neighbours(genotype[0])))


def test_crossover_mixes_parents() -> None:
    a, b = sample(500, 1), sample(500, 2)
    children = SPACE.crossover(a, b, np.random.default_rng(3))
    keys = SPACE.key(children)
    assert ((keys != SPACE.key(a)) & (keys != SPACE.key(b))).mean() > 0.6


# --- pruning ------------------------------------------------------------------------------------------------------


def reference_prune(matrix: list[list[int]], ops: list[str]) -> tuple[list[list[int]], list[str]] | None:
    """`ModelSpec` pruning, with networkx."""
    graph = nx.DiGraph(np.array(matrix))
    last = len(ops) - 1
    kept = sorted((nx.descendants(graph, 0) | {0}) & (nx.ancestors(graph, last) | {last}))
    if not {0, last} <= set(kept):
        return None
    return np.array(matrix)[np.ix_(kept, kept)].tolist(), [ops[v] for v in kept]


@st.composite
def raw_cells(draw: st.DrawFn) -> tuple[list[list[int]], list[str]]:
    v = draw(st.integers(2, 8))
    bits = iter(draw(st.lists(st.integers(0, 1), min_size=v * v, max_size=v * v)))
    matrix = [[next(bits) * (column > row) for column in range(v)] for row in range(v)]
    ops = draw(st.lists(st.sampled_from(OPERATIONS), min_size=v - 2, max_size=v - 2))
    return matrix, ["input", *ops, "output"]


@settings(deadline=None, max_examples=200)
@given(raw_cells())
def test_pruning_as_published(cell: tuple[list[list[int]], list[str]]) -> None:
    expected = reference_prune(*cell)
    if expected is None or len(expected[1]) > 7 or np.sum(expected[0]) > 9:
        with pytest.raises(InputError, match=r"no path leads|at most 7 and 9"):
            SPACE.from_matrix(*cell)
        return
    genotype = SPACE.from_matrix(*cell)
    matrix, ops = SPACE.matrix(genotype)
    assert (matrix.tolist(), ops) == expected
    graph = nx.DiGraph(np.array(cell[0]))
    nx.set_node_attributes(graph, dict(enumerate(cell[1])), "op")
    assert SPACE.key(SPACE.genotype(graph)[None]) == SPACE.key(genotype[None])
    if len(cell[1]) == 7:
        raw = np.array([[cell[0][u][v] for u, v in PAIRS] + [1 + OPERATIONS.index(op) for op in cell[1][1:-1]]])
        repaired, fine = SPACE.repair(raw.astype(np.int8))
        assert fine.all()
        assert np.array_equal(repaired[0], genotype)


def test_repair_reports_failures() -> None:
    raw = np.zeros((3, 26), dtype=np.int8)
    raw[1] = 1  # 21 edges
    raw[2, PAIRS.index((0, 6))] = 1
    raw[2, PAIRS.index((0, 3))] = 1  # leads nowhere
    raw[2, 21:] = 2
    repaired, fine = SPACE.repair(raw)
    assert fine.tolist() == [False, False, True]
    assert np.array_equal(repaired[:2], raw[:2])
    assert SPACE.matrix(repaired[2])[1] == ["input", "output"]


# --- bad input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edges", "ops", "reason"),
    [
        ([], [0, 0, 0, 0, 0], "no path leads from the input to the output"),
        ([(0, 1), (1, 6)], [0, 0, 0, 0, 0], "vertex 1 is absent (operation 0) but has an edge"),
        ([(0, 2), (2, 6)], [0, 1, 0, 0, 0], "vertex 2 follows vertex 1, which is absent"),
        ([(0, 1), (0, 6)], [1, 0, 0, 0, 0], "vertex 1 has no edge out"),
        ([(1, 6), (0, 6)], [1, 0, 0, 0, 0], "vertex 1 has no edge in"),
        ([(0, 6)], [1, 0, 0, 0, 0], "vertex 1 has no edge in"),
        ([(u, v) for u, v in PAIRS if u == 0 or v == 6], [1] * 5, "it has 11 edges, allowed are 9"),
    ],
)
def test_reasons(edges: list[tuple[int, int]], ops: list[int], reason: str) -> None:
    genotype = np.array([int(pair in edges) for pair in PAIRS] + ops)
    assert SPACE.contains(genotype[None].astype(np.int8)).tolist() == [False]
    with pytest.raises(InputError, match=re.escape(reason)):
        SPACE.check(genotype[None])


@pytest.mark.parametrize(
    ("matrix", "ops", "reason"),
    [
        ([[0, 1]], ["input", "output"], "square matrix"),
        ([[0, 1], [0]], ["input", "output"], "rows of one length"),
        ([[0, 1], [0, 0]], ["input", CONV3, "output"], "an op for each"),
        ([[0, 2], [0, 0]], ["input", "output"], "0 and 1"),
        ([[0, 0.5], [0, 0]], ["input", "output"], "0 and 1"),
        ([[0, "1"], [0, 0]], ["input", "output"], "0 and 1"),
        ([[0, 10**30], [0, 0]], ["input", "output"], "0 and 1"),
        ([[0, 1], [1, 0]], ["input", "output"], "below the diagonal"),
        ([[1, 1], [0, 0]], ["input", "output"], "below the diagonal"),
        ([[0, 1], [0, 0]], ["output", "input"], "begin with 'input'"),
        ([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["input", "conv3x3", "output"], "did you mean 'conv3x3-bn-relu'"),
        ([[0, 0], [0, 0]], ["input", "output"], "no path leads"),
        ([[int(v > u) for v in range(7)] for u in range(7)], ["input", *[POOL] * 5, "output"], "21 edges"),
        ([[int(v == u + 1) for v in range(8)] for u in range(8)], ["input", *[POOL] * 6, "output"], "8 vertices"),
    ],
)
def test_bad_matrices(matrix: list[list[object]], ops: list[str], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        SPACE.from_matrix(matrix, ops)
    with pytest.raises(InputError, match=reason):
        SPACE.genotype(json.dumps({"matrix": matrix, "ops": ops}))


@pytest.mark.parametrize(
    "text",
    ["{}", "[1]", "null", '{"matrix": 3, "ops": 4}', '{"matrix": [[0]], "ops": null}', "[" * 100_000, "9" * 5_000],
)
def test_bad_texts(text: str) -> None:
    with pytest.raises(InputError, match=r"expected a cell of nb101 as JSON"):
        SPACE.genotype(text)


def graph_of(edges: list[tuple[int, int]], ops: dict[int, str]) -> nx.DiGraph:
    graph = nx.DiGraph(edges)
    nx.set_node_attributes(graph, ops, "op")
    return graph


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (graph_of([(0, 1), (1, 2), (2, 1), (2, 3)], {0: "input", 1: CONV3, 2: POOL, 3: "output"}), "cycle"),
        (graph_of([(0, 0), (0, 1)], {0: "input", 1: "output"}), "cycle"),
        (graph_of([(0, 1), (1, 2)], {0: "input", 1: "conv5x5", 2: "output"}), "op 'conv5x5'"),
        (graph_of([(0, 1), (1, 2)], {0: "input", 2: "output"}), "op None"),
        (graph_of([(0, 1), (1, 2)], {0: "input", 1: "input", 2: "output"}), "got 2 and 1"),
        (graph_of([(0, 1)], {0: "input", 1: POOL}), "got 1 and 0"),
        (graph_of([(1, 0)], {0: "input", 1: "output"}), "no path leads"),
        (
            graph_of([(u, u + 1) for u in range(7)], {0: "input", **dict.fromkeys(range(1, 7), POOL), 7: "output"}),
            "8 v",
        ),
        (graph_of([(0, 1)], {0: "input", 1: "output"}).to_undirected(), "DiGraph"),
        (nx.MultiDiGraph([(0, 1), (0, 1)]), "DiGraph"),
    ],
)
def test_bad_graphs(graph: nx.DiGraph, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        SPACE.genotype(graph)


# --- network ------------------------------------------------------------------------------------------------------


def test_vertex_channels() -> None:
    from nasbench.spaces.networks.nb101 import vertex_channels

    # 0 -> 1 -> {2, 3}, {2, 3, 4} -> 5: eleven channels are 4 + 4 + 3, and vertex 1 is as wide as the widest it feeds
    matrix = np.zeros((6, 6), dtype=np.int8)
    for u, v in [(0, 1), (1, 2), (1, 3), (0, 4), (2, 5), (3, 5), (4, 5)]:
        matrix[u, v] = 1
    assert vertex_channels(7, 11, matrix) == [7, 4, 4, 4, 3, 11]
    with pytest.raises(InputError, match="2 channels cannot be divided among 3"):
        vertex_channels(7, 2, matrix)


def test_network_of_every_kind_of_cell_has_uneven_channels_and_odd_images() -> None:
    import torch

    for genotype in sample(20, seed=5):
        network = SPACE.network(
            genotype, ImageClassification((2, 7, 9), 4), NetworkSettings(channels=7, cells=1, stages=2)
        )
        logits = network(torch.zeros(3, 2, 7, 9))
        assert logits.shape == (3, 4)
        logits.sum().backward()
        assert all(parameter.grad is not None for parameter in network.parameters()), "a part is not connected"


def test_network_computes_the_cell() -> None:
    """One cell, input -> maxpool -> output plus the input, computed with the layers themselves."""
    import torch

    from nasbench.spaces.networks.nb101 import Cell

    cell = Cell(np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]]), ["input", POOL, "output"], 3, 5).eval()
    x = torch.linspace(-1, 1, 2 * 3 * 4 * 4).reshape(2, 3, 4, 4)
    pooled = torch.nn.functional.max_pool2d(cell.projections["1"](x), 3, stride=1, padding=1)
    assert torch.equal(cell(x), pooled + cell.projections["2"](x))
