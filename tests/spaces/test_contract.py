"""Every registered space keeps the contract, and the check names the broken promise of a faulty space."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt
import pytest

from nasbench.arrays import read_only
from nasbench.spaces import AdjacencyArrays, NetworkSettings, spaces
from nasbench.spaces.base import Space
from nasbench.spaces.choices import ChoiceSpace
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201
from nasbench.spaces.values import Option
from nasbench.tasks import Task
from nasbench.tasks.images import ImageClassification
from nasbench.testing import check_space
from nasbench.types import Architecture, FloatArray, GenotypeArray, KeyArray


@pytest.mark.parametrize("name", [*spaces, "darts+none=true"])
@pytest.mark.parametrize("seed", [0, 1])
def test_registered_space(name: str, seed: int) -> None:
    check_space(spaces.create(name), seed=seed)


class HidesItsPaper(NB201):
    paper = ""


class SamplesOutside(NB101):
    def sample(self, n: int, rng: np.random.Generator) -> GenotypeArray:
        return rng.integers(0, self.cardinalities, size=(n, len(self.cardinalities)), dtype=np.int8)


class SamplesAnotherType(NB201):
    def sample(self, n: int, rng: np.random.Generator) -> Any:
        return super().sample(n, rng).astype(np.int64)


class KeepsItsOwnRandomness(NB201):
    def __init__(self) -> None:
        super().__init__()
        self.rng = np.random.default_rng(0)

    def mutate(self, genotypes: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        return super().mutate(genotypes, self.rng)


class RemembersSamples(NB201):
    def sample(self, n: int, rng: np.random.Generator) -> GenotypeArray:
        known: dict[bytes, GenotypeArray] = vars(self).setdefault("known", {})
        drawn = super().sample(n, rng)
        return known.setdefault(drawn.tobytes(), drawn)


class TabulatesFeatures(NB201):
    def features(self, genotypes: GenotypeArray, kind: str = "onehot") -> FloatArray:
        known: dict[tuple[bytes, str], FloatArray] = vars(self).setdefault("known", {})
        return known.setdefault((genotypes.tobytes(), kind), super().features(genotypes, kind))


class TabulatesReadOnly(TabulatesFeatures):
    def features(self, genotypes: GenotypeArray, kind: str = "onehot") -> FloatArray:
        return read_only(super().features(genotypes, kind))


class KeepsItsGraph(NB201):
    def graph(self, genotype: GenotypeArray) -> "nx.DiGraph[int]":
        known: dict[bytes, nx.DiGraph[int]] = vars(self).setdefault("known", {})
        if genotype.tobytes() not in known:
            known[genotype.tobytes()] = super().graph(genotype)
        return known[genotype.tobytes()]


class KeepsItsNames(NB201):
    def to_config(self, architecture: Architecture) -> dict[str, Option]:
        known: dict[bytes, dict[str, Option]] = vars(self).setdefault("known", {})
        return known.setdefault(self.genotype(architecture).tobytes(), super().to_config(architecture))


class WritesToCodes(NB201):
    def decode(self, codes: npt.NDArray[np.int64]) -> GenotypeArray:
        genotypes = super().decode(codes)
        codes[:] = 0
        return genotypes


class AcceptsAnything(NB201):
    def check(self, genotypes: npt.ArrayLike) -> GenotypeArray:
        return np.asarray(genotypes).astype(np.int8)


class ForgetsAnOperation(NB201):
    def to_string(self, genotype: GenotypeArray) -> str:
        return super().to_string(genotype).replace("nor_conv_1x1", "nor_conv_3x3")


class TrustsNamesOfNodes(NB101):
    def _from_graph(self, graph: "nx.DiGraph[Any]") -> Any:
        ordered: nx.DiGraph[Any] = nx.DiGraph()
        ordered.add_nodes_from(sorted(graph.nodes(data=True)))
        order = sorted(ordered, key=lambda node: (ordered.nodes[node]["op"] == "output", str(node)))
        matrix = np.triu(nx.to_numpy_array(graph, nodelist=order)).astype(int)
        return self.from_matrix(matrix, [ordered.nodes[node]["op"] for node in order]).tolist()


class NamesTwoEdgesAlike(NB201):
    @property
    def choice_names(self) -> tuple[str, ...]:
        return ("edge",) * 6


class ForgetsTheNameOfAnOperation(NB201):
    def option_names(self, position: int) -> tuple[str, ...]:
        return super().option_names(position)[1:]


class CodesTooShort(NB201):
    def code(self, genotypes: GenotypeArray) -> KeyArray:
        return super().code(genotypes) % 5**5


class KeyDependsOnNumbering(NB101):
    def canonical(self, genotypes: GenotypeArray) -> GenotypeArray:
        return genotypes


class KeyIsCoarse(NB101):
    def key(self, genotypes: GenotypeArray) -> KeyArray:
        counts = self.features(genotypes, "counts").astype(np.int64)
        result: KeyArray = counts @ 10 ** np.arange(counts.shape[1])
        return result


class KeyDependsOnTheOtherRows(NB201):
    def key(self, genotypes: GenotypeArray) -> KeyArray:
        return np.unique(super().key(genotypes), return_inverse=True)[1]


class FunctionKeyIsFiner(NB101):
    def function_key(self, genotypes: GenotypeArray) -> KeyArray:
        return self.code(genotypes)


class CanonicalIsNotStable(NB101):
    def key(self, genotypes: GenotypeArray) -> KeyArray:
        return self.code(super().canonical(genotypes))

    def canonical(self, genotypes: GenotypeArray) -> GenotypeArray:
        return genotypes


class IsItsOwnNeighbour(NB201):
    def neighbours(self, genotype: GenotypeArray) -> GenotypeArray:
        return np.concatenate([super().neighbours(genotype), genotype[None]])


class HasOneSidedNeighbours(NB201):
    def neighbours(self, genotype: GenotypeArray) -> GenotypeArray:
        neighbours = super().neighbours(genotype)
        return neighbours[self.code(neighbours) > self.code(genotype[None])]


class ForgetsWhoseNeighbours(NB201):
    def neighbours_of(self, genotypes: GenotypeArray) -> tuple[GenotypeArray, KeyArray]:
        neighbours, rows = super().neighbours_of(genotypes)
        return neighbours, np.sort(rows[::-1] % 256)


class MutatesTwice(NB201):
    def mutate(self, genotypes: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        return super().mutate(super().mutate(genotypes, rng), rng)


class CrossesWithoutRepair(NB101):
    def crossover(self, a: GenotypeArray, b: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        return np.where(rng.random(a.shape) < 0.5, a, b)


class RepairsNothing(NB101):
    def repair(self, raw: GenotypeArray) -> tuple[GenotypeArray, npt.NDArray[np.bool_]]:
        return raw, np.ones(len(raw), dtype=bool)


class IsFarFromItself(NB201):
    def distance(self, a: GenotypeArray, b: GenotypeArray) -> npt.NDArray[np.int64]:
        return 1 + super().distance(a, b)


class TurnsEdgesRound(NB201):
    def adjacency_arrays(self, genotypes: GenotypeArray) -> AdjacencyArrays:
        adjacency, ops, mask = super().adjacency_arrays(genotypes)
        return AdjacencyArrays(adjacency.transpose(0, 2, 1), ops, mask)


class IsRelativeToTheFirstRow(NB201):
    def features(self, genotypes: GenotypeArray, kind: str = "onehot") -> FloatArray:
        features = super().features(genotypes, kind)
        return features - features[:1]


class SkipsAChunk(NB201):
    def enumerate(self, chunk: int = 65_536) -> Iterator[GenotypeArray]:
        return islice(super().enumerate(1_000), 1, None)


class SamplesClassesByTheirGenotypes(NB101):
    def sample_unique(self, n: int, rng: np.random.Generator, by: str = "key") -> GenotypeArray:
        return self.canonical(self.sample(n, rng))


class ForgetsTheClasses(NB201):
    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> Any:
        return super().network(genotype, ImageClassification((1, 8, 8), 10), settings)


class SaysThatItIsForTablesOnly(NB201):
    @property
    def trainable(self) -> bool:
        return False


class ChangesItsInput(NB201):
    def distance(self, a: GenotypeArray, b: GenotypeArray) -> npt.NDArray[np.int64]:
        distance = super().distance(a, b)
        a[:, 0] = 0
        return distance


class SamplesOneOptionFirst(NB201):
    def sample(self, n: int, rng: np.random.Generator) -> GenotypeArray:
        genotypes = super().sample(n, rng)
        genotypes[:, 0] = 0
        return genotypes


class SamplesFewEdges(NB101):
    def sample(self, n: int, rng: np.random.Generator) -> GenotypeArray:
        genotypes = super().sample(2 * n, rng)
        return genotypes[np.argsort(genotypes[:, :21].sum(axis=1), kind="stable")[:n]]


class SeedsEverybody(NB201):
    def sample(self, n: int, rng: np.random.Generator) -> GenotypeArray:
        np.random.seed(int(rng.integers(1 << 32)))  # noqa: NPY002
        return np.random.randint(0, 5, (n, 6)).astype(np.int8)  # noqa: NPY002


class IsNowhere(NB201):
    def distance(self, a: GenotypeArray, b: GenotypeArray) -> npt.NDArray[np.int64]:
        return 0 * super().distance(a, b)


class ComputesOneFunction(NB201):
    def function_key(self, genotypes: GenotypeArray) -> KeyArray:
        return np.zeros(len(genotypes), dtype=np.int64)


class MutatesToTheFirstNeighbour(NB201):
    def mutate(self, genotypes: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        neighbours, rows = self.neighbours_of(genotypes)
        return neighbours[np.unique(rows, return_index=True)[1]]


class ReturnsAParent(NB201):
    def crossover(self, a: GenotypeArray, b: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        return a.copy()


class ReturnsEitherParent(NB201):
    def crossover(self, a: GenotypeArray, b: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        return np.where(rng.random((len(a), 1)) < 0.5, a, b)


class HasHashesForCodes(ChoiceSpace):
    """Its codes do not fit 63 bits, though it is small where few combinations are architectures."""

    countable = False

    def __init__(self) -> None:
        super().__init__({"width": [8, 16, 32], "depth": [1, 2, 3], "bias": [True, False]})


class EnumeratesTwice(HasHashesForCodes):
    def enumerate(self, chunk: int = 65_536) -> Iterator[GenotypeArray]:
        every = np.concatenate(list(super().enumerate()))
        yield np.concatenate([every[:-1], every[:1]])


@pytest.mark.parametrize(
    ("broken", "name"),
    [
        (SamplesOneOptionFirst, "sample"),
        (SamplesFewEdges, "sample"),
        (SeedsEverybody, "sample"),
        (IsNowhere, "distance"),
        (ComputesOneFunction, "function_key"),
        (MutatesToTheFirstNeighbour, "mutate"),
        (ReturnsAParent, "crossover"),
        (ReturnsEitherParent, "crossover"),
        (EnumeratesTwice, "enumerate"),
        (HidesItsPaper, "facts"),
        (SamplesOutside, "sample"),
        (SamplesAnotherType, "sample"),
        (KeepsItsOwnRandomness, "determinism"),
        (RemembersSamples, "own arrays"),
        (TabulatesFeatures, "own arrays"),
        (WritesToCodes, "own arrays"),
        (KeepsItsGraph, "graph: nb201 returns one graph from two calls"),
        (KeepsItsNames, "names: nb201 returns one dictionary from two calls"),
        (AcceptsAnything, "refusal"),
        (ForgetsAnOperation, "text"),
        (TrustsNamesOfNodes, "graph"),
        (NamesTwoEdgesAlike, "names"),
        (ForgetsTheNameOfAnOperation, "names"),
        (CodesTooShort, "code"),
        (KeyDependsOnNumbering, "graph"),
        (KeyIsCoarse, "key"),
        (KeyDependsOnTheOtherRows, "key"),
        (FunctionKeyIsFiner, "function_key"),
        (CanonicalIsNotStable, "canonical"),
        (IsItsOwnNeighbour, "neighbours"),
        (HasOneSidedNeighbours, "neighbours"),
        (ForgetsWhoseNeighbours, "neighbours_of"),
        (MutatesTwice, "mutate"),
        (CrossesWithoutRepair, "crossover"),
        (RepairsNothing, "repair"),
        (IsFarFromItself, "distance"),
        (TurnsEdgesRound, "adjacency_arrays"),
        (IsRelativeToTheFirstRow, "features"),
        (SkipsAChunk, "enumerate"),
        (SamplesClassesByTheirGenotypes, "sample_unique"),
        (ForgetsTheClasses, "network"),
        (SaysThatItIsForTablesOnly, "network"),
        (ChangesItsInput, "distance"),
    ],
)
def test_planted_fault_is_named(broken: Callable[[], Space], name: str) -> None:
    with pytest.raises(AssertionError, match=f"^{name}"):
        check_space(broken())


class RoundsByTheBatch(NB201):
    """Products of matrices add in another order for one row than for many."""

    def features(self, genotypes: GenotypeArray, kind: str = "onehot") -> FloatArray:
        return super().features(genotypes, kind) * (1 + np.finfo(np.float64).eps * (len(genotypes) > 1))


@pytest.mark.parametrize("sound", [RoundsByTheBatch, HasHashesForCodes, TabulatesReadOnly])
def test_sound_spaces_pass(sound: Callable[[], Space]) -> None:
    check_space(sound())
