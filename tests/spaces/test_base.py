"""The base class, on the example space of the documentation: 27 chains of three layers."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.spaces import NetworkSettings, Space, spaces
from nasbench.tasks.images import ImageClassification
from nasbench.testing import check_space
from nasbench.types import BoolArray, FloatArray, GenotypeArray, KeyArray

PAGE = Path(__file__).parents[2] / "docs" / "add-a-space.md"


@pytest.fixture(scope="module")
def chain() -> Space:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    (code,) = (block for block in blocks if "class Chain" in block)
    scope: dict[str, Any] = {"__name__": "chain"}
    exec(code, scope)
    space: Space = scope["Chain"]()
    return space


def test_the_documented_space_keeps_the_contract(chain: Space) -> None:
    check_space(chain)


def test_one_row_of_digits_is_a_string_and_several_numbers_are_a_genotype() -> None:
    assert spaces.create("macro").genotype("22212220").tolist() == [2, 2, 2, 1, 2, 2, 2, 0]
    assert spaces.create("nb201").genotype("[3, 1,0,0, 4,2]").tolist() == [3, 1, 0, 0, 4, 2]
    assert spaces.create("nats_size").genotype("8:8:40:32:64").tolist() == [0, 0, 4, 3, 7]
    with pytest.raises(InputError, match="position 4 is -1"):
        spaces.create("nb201").genotype("1,1,1,1,-1,1")


def test_genotypes_need_neither_torch_nor_networkx() -> None:
    code = """
import sys
import numpy as np
from nasbench.spaces import spaces
rng = np.random.default_rng(0)
for space in map(spaces.create, spaces):
    genotypes = space.mutate(space.sample(10, rng), rng)
    space.key(genotypes), space.features(genotypes), space.neighbours(genotypes[0]), space.to_string(genotypes[0])
print([name for name in ("torch", "networkx") if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_code_reads_the_genotype_as_digits(chain: Space) -> None:
    genotypes = np.array([[0, 0, 0], [0, 0, 2], [1, 0, 2], [2, 2, 2]], dtype=np.int8)
    assert chain.code(genotypes).tolist() == [0, 2, 11, 26]
    assert np.array_equal(chain.decode(np.array([0, 2, 11, 26])), genotypes)
    assert chain.size == 27


def test_neighbours_differ_at_one_position(chain: Space) -> None:
    neighbours = chain.neighbours(np.array([0, 1, 2], dtype=np.int8))
    assert neighbours.tolist() == [[1, 1, 2], [2, 1, 2], [0, 0, 2], [0, 2, 2], [0, 1, 0], [0, 1, 1]]


def test_neighbours_of_many_are_those_of_each(chain: Space) -> None:
    genotypes = np.array([[0, 1, 2], [2, 2, 0]], dtype=np.int8)
    neighbours, rows = chain.neighbours_of(genotypes)
    assert neighbours.tolist() == [
        *([1, 1, 2], [2, 1, 2], [0, 0, 2], [0, 2, 2], [0, 1, 0], [0, 1, 1]),
        *([0, 2, 0], [1, 2, 0], [2, 0, 0], [2, 1, 0], [2, 2, 1], [2, 2, 2]),
    ]
    assert rows.tolist() == [0] * 6 + [1] * 6


def test_a_space_can_write_the_neighbours_of_one_only(chain: Space) -> None:
    class Counting(type(chain)):  # type: ignore[misc]
        def neighbours(self, genotype: GenotypeArray) -> GenotypeArray:
            near: GenotypeArray = super().neighbours(genotype)
            return near[np.abs(self.code(near) - self.code(genotype[None])) == 1]

    space: Space = Counting()
    neighbours, rows = space.neighbours_of(np.array([[0, 0, 0], [1, 1, 1], [0, 0, 1]], dtype=np.int8))
    assert space.code(neighbours).tolist() == [1, 12, 14, 0, 2]
    assert rows.tolist() == [0, 1, 1, 2, 2]


def test_a_class_says_what_follows_from_the_methods_it_overrides(chain: Space) -> None:
    class Even:
        def contains(self, genotypes: GenotypeArray) -> BoolArray:
            even: BoolArray = genotypes.sum(axis=1) % 2 == 0
            return even

        def invalid(self, genotypes: GenotypeArray) -> list[str | None]:
            return [None if even else "the sum is odd" for even in self.contains(genotypes)]

    class EvenChain(Even, type(chain)):  # type: ignore[misc]
        pass

    class Alone(EvenChain):
        every_combination = True  # a wrong statement does no harm

        def neighbours(self, genotype: GenotypeArray) -> GenotypeArray:
            return genotype[None][:0]

    classes = (type(chain), EvenChain, Alone)
    assert [space.every_combination for space in classes] == [True, False, False]
    assert [space.batched_neighbours for space in classes] == [True, True, False]
    with pytest.raises(InputError, match="the sum is odd"):
        EvenChain().genotype([0, 1, 2])


def test_features(chain: Space) -> None:
    genotype = np.array([[0, 1, 2]], dtype=np.int8)
    assert chain.features(genotype).tolist() == [[1, 0, 0, 0, 1, 0, 0, 0, 1]]
    assert chain.features(genotype, "counts").tolist() == [[1, 1, 1, 1, 1]]
    adjacency = chain.features(genotype, "adjacency")
    assert adjacency[0, :10].tolist() == [1, 0, 0, 0, 1, 0, 0, 1, 0, 1]
    assert adjacency[0, 10:].reshape(5, 5).tolist() == np.eye(5).tolist()


def test_onehot_of_many_has_a_one_at_each_position(chain: Space) -> None:
    genotypes = chain.sample(10_001, np.random.default_rng(0))  # encoded in several parts
    expected = (genotypes[:, :, None] == np.arange(3)).reshape(len(genotypes), 9)
    assert np.array_equal(chain.features(genotypes), expected)


def test_distance_counts_positions(chain: Space) -> None:
    a = np.array([[0, 1, 2], [0, 1, 2]], dtype=np.int8)
    b = np.array([[0, 1, 2], [1, 1, 1]], dtype=np.int8)
    assert chain.distance(a, b).tolist() == [0, 2]


def test_sample_is_uniform(chain: Space) -> None:
    counts = np.bincount(chain.code(chain.sample(27_000, np.random.default_rng(0))), minlength=27)
    assert np.abs(counts - 1000).max() < 6 * 1000**0.5


def test_mutate_reaches_every_neighbour_equally(chain: Space) -> None:
    genotype = np.array([[0, 1, 2]], dtype=np.int8)
    mutants = chain.mutate(np.repeat(genotype, 6_000, axis=0), np.random.default_rng(0))
    codes, counts = np.unique(chain.code(mutants), return_counts=True)
    assert codes.tolist() == sorted(chain.code(chain.neighbours(genotype[0])))
    assert np.abs(counts - 1000).max() < 6 * 1000**0.5


def test_crossover_takes_each_position_from_a_parent(chain: Space) -> None:
    a, b = np.zeros((500, 3), dtype=np.int8), np.full((500, 3), 2, dtype=np.int8)
    children = chain.crossover(a, b, np.random.default_rng(0))
    assert {tuple(child) for child in children.tolist()} == {(i, j, k) for i in (0, 2) for j in (0, 2) for k in (0, 2)}


def test_enumerate_unique_is_everything_where_no_two_are_the_same(chain: Space) -> None:
    assert [len(block) for block in chain.enumerate(10)] == [10, 10, 7]
    assert np.array_equal(np.concatenate(list(chain.enumerate_unique(10))), np.concatenate(list(chain.enumerate())))


@pytest.fixture(scope="module")
def bag(chain: Space) -> Space:
    """Chains without an order of layers, in which layers 0 and 1 compute the same."""

    class Bag(type(chain)):  # type: ignore[misc]
        def canonical(self, genotypes: GenotypeArray) -> GenotypeArray:
            return np.sort(genotypes, axis=1)

        def function_key(self, genotypes: GenotypeArray) -> KeyArray:
            return np.count_nonzero(genotypes == 2, axis=1)

    space: Space = Bag()
    return space


BAGS = [[0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 1, 1], [0, 1, 2], [0, 2, 2], [1, 1, 1], [1, 1, 2], [1, 2, 2], [2, 2, 2]]


def test_unique_is_one_of_each_class(bag: Space) -> None:
    assert bag.unique().tolist() == BAGS
    assert bag.unique("function_key").tolist() == [[0, 0, 0], [0, 0, 2], [0, 2, 2], [2, 2, 2]]
    assert bag.unique() is bag.unique()
    with pytest.raises(ValueError, match="read-only"):
        bag.unique()[0, 0] = 1
    with pytest.raises(InputError, match="'key' or 'function_key', got 'graph'"):
        bag.unique("graph")


def test_sample_unique_is_uniform_over_classes_and_sample_is_not(bag: Space) -> None:
    """Classes of the 27 chains have 1 (equal layers), 3 (two equal layers) or 6 members (three kinds)."""
    orders = {1: 1, 2: 3, 3: 6}
    weights = np.array([orders[len({*layers})] for layers in BAGS])
    assert weights.tolist() == [1, 3, 3, 3, 6, 3, 1, 3, 3, 1]
    n, codes = 27_000, bag.code(bag.unique())

    def chi_square(drawn: GenotypeArray, expected: FloatArray) -> float:
        found, counts = np.unique(bag.key(drawn), return_counts=True)
        assert np.array_equal(found, codes)
        return float(((counts - expected) ** 2 / expected).sum())

    by_class = bag.sample_unique(n, np.random.default_rng(0))
    by_genotype = bag.sample(n, np.random.default_rng(0))
    assert np.array_equal(bag.canonical(by_class), by_class)
    assert chi_square(by_class, np.full(10, n / 10)) < 33.7  # exceeded in one of 10,000 seeds
    assert chi_square(by_genotype, n / 27 * weights) < 33.7
    # sum_c (w_c / 27 - 1 / 10)^2 / (1 / 10) = 10 * 93 / 27^2 - 1: sum of w_c^2 is 3 * 1 + 6 * 9 + 36
    expected = n * (10 * 93 / 27**2 - 1)
    # a class adds 2 w_c / 2.7 for each draw from it; sum of w_c^3 is 3 * 1 + 6 * 27 + 216
    deviation = 2 * np.sqrt(n * (100 * 381 / 27**3 - (10 * 93 / 27**2) ** 2))
    assert chi_square(by_genotype, np.full(10, n / 10)) == pytest.approx(expected, abs=4 * deviation)
    functions = bag.sample_unique(n, np.random.default_rng(1), by="function_key")
    counts = np.bincount(bag.function_key(functions), minlength=4)
    assert np.abs(counts - n / 4).max() < 6 * (n / 4) ** 0.5


def test_classes_of_a_space_too_large_to_enumerate() -> None:
    for by in ("key", "function_key"):
        with pytest.raises(InputError, match="darts has 1,076,746,950,455,072,400 genotypes, more than the 2,000,000"):
            spaces.create("darts").sample_unique(1, np.random.default_rng(0), by)


@pytest.mark.parametrize(
    ("genotypes", "message"),
    [
        ([[0, 1]], r"shape \(n, 3\), got \(1, 2\)"),
        ([[0, 1, 2], [0, 1]], "rows of one length"),
        ([0, 1, 2], r"shape \(n, 3\), got \(3,\)"),
        ([[0.0, 1.0, 2.0]], "are integers, got float64"),
        ([["conv3x3", "skip", "skip"]], "are integers, got <U7"),
        ([[0, 1, 2], [0, 3, 0]], "genotype 1 .* position 1 is 3, allowed are 0 to 2"),
        ([[0, 1, -1]], "position 2 is -1"),
        ([[0, 1, 256]], "position 2 is 256"),
    ],
)
def test_check_says_what_is_wrong(chain: Space, genotypes: list[Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        chain.check(genotypes)


def test_genotype_accepts_every_form(chain: Space) -> None:
    for form in ("conv3x3-conv5x5-skip", [0, 1, 2], (0, 1, 2), np.array([0, 1, 2]), chain.graph(np.array([0, 1, 2]))):
        assert chain.genotype(form).tolist() == [0, 1, 2]


def test_network_has_the_parameters_of_its_layers(chain: Space) -> None:
    network = chain.network(
        np.array([0, 1, 2], dtype=np.int8), ImageClassification((1, 8, 8), 10), NetworkSettings(channels=4)
    )
    norms = 3 * 2 * 4
    assert sum(p.numel() for p in network.parameters()) == 4 * 9 + 16 * 9 + 16 * 25 + norms + 4 * 10 + 10
