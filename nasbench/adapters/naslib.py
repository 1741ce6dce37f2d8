"""The interface of NASLib over our spaces, benchmarks and predictors (Mehta et al., 2022, NAS-Bench-Suite)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, auto
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from nasbench.adapters.naslib_forms import form_of
from nasbench.benchmark.base import Answer, Benchmark, Epoch
from nasbench.errors import InputError, NasbenchError, NotFoundError
from nasbench.predictors import Inputs, Prediction, Predictor, predictors
from nasbench.spaces import spaces
from nasbench.spaces.base import Space
from nasbench.types import FloatArray, GenotypeArray


class Metric(Enum):
    """NASLib's names of what `SearchSpace.query` answers with."""

    RAW = auto()
    ALL = auto()
    TRAIN_ACCURACY = auto()
    VAL_ACCURACY = auto()
    TEST_ACCURACY = auto()
    TRAIN_LOSS = auto()
    VAL_LOSS = auto()
    TEST_LOSS = auto()
    TRAIN_TIME = auto()
    VAL_TIME = auto()
    TEST_TIME = auto()
    FLOPS = auto()
    LATENCY = auto()
    PARAMETERS = auto()
    EPOCH = auto()
    HP = auto()


NAMES = {
    Metric.TRAIN_ACCURACY: "train_accuracy",
    Metric.VAL_ACCURACY: "validation_accuracy",
    Metric.TEST_ACCURACY: "test_accuracy",
    Metric.TRAIN_LOSS: "train_loss",
    Metric.VAL_LOSS: "validation_loss",
    Metric.TEST_LOSS: "test_loss",
    Metric.TRAIN_TIME: "train_seconds",
    Metric.VAL_TIME: "validation_seconds",
    Metric.TEST_TIME: "test_seconds",
    Metric.FLOPS: "flops",
    Metric.LATENCY: "latency",
    Metric.PARAMETERS: "parameters",
}
"""Our names of metrics; one split never stands for another."""
COSTS = (Metric.FLOPS, Metric.LATENCY, Metric.PARAMETERS, Metric.TRAIN_TIME)


class EncodingType(Enum):
    """Encodings of `SearchSpace.encode`."""

    ADJACENCY_ONE_HOT = "adjacency_one_hot"
    PATH = "path"
    GCN = "gcn"
    COMPACT = "compact"


_shared = np.random.default_rng(0)


def seed(value: int) -> None:
    """Seed the generator of search spaces without one of their own (in NASLib: the global one of numpy)."""
    _shared.bit_generator.state = np.random.default_rng(value).bit_generator.state


# --- search spaces --------------------------------------------------------------------------------------------------


class SearchSpace:
    """One architecture of a space that can be drawn, changed and queried, like a `Graph` of NASLib.

    The argument `dataset_api` of its methods is a benchmark, as returned by `nasbench.load`.

    Args:
        space: A space, or its name.
        rng: Generator of all draws, shared with clones; by default the one that `seed` seeds.
    """

    QUERYABLE = True

    def __init__(self, space: Space | str, rng: np.random.Generator | None = None) -> None:
        self.space = spaces.create(space) if isinstance(space, str) else space
        self.rng = _shared if rng is None else rng
        self._form = form_of(self.space)
        self._genotype: GenotypeArray | None = None

    # --- the architecture ---------------------------------------------------------------------------------------

    @property
    def genotype(self) -> GenotypeArray:
        """The architecture `(d,)`.

        Raises:
            InputError: There is none yet.
        """
        if self._genotype is None:
            raise InputError("there is no architecture yet; call sample_random_architecture or set_spec first")
        return self._genotype

    @genotype.setter
    def genotype(self, genotype: GenotypeArray) -> None:
        self._genotype = genotype

    def clone(self) -> SearchSpace:
        """A copy with the same generator."""
        return self._holding(self._genotype)

    def get_type(self) -> str:
        """NASLib's name of the space, or ours if NASLib does not have it."""
        return self._form.kind

    def get_spec(self) -> Any:
        """The architecture as NASLib writes it.

        NAS-Bench-201: six numbers (0 skip, 1 none, 2 convolution 3x3, 3 convolution 1x1, 4 pooling) by source node.
        NAS-Bench-101: a dictionary of `matrix` and `ops`. DARTS: two cells of pairs (state, operation).
        TransNAS-Bench-101: the digits of the published string. Other spaces: the genotype as a tuple.
        """
        return self._form.write(self.space, self.genotype)

    def set_spec(self, spec: Any, dataset_api: Benchmark | None = None) -> None:
        """Set the architecture from a specification as of `get_spec`, a published string or a graph.

        Raises:
            InputError: The specification is not an architecture of the space.
        """
        plain = isinstance(spec, str) or hasattr(spec, "nodes")
        try:
            self.genotype = self.space.genotype(spec) if plain else self._form.read(self.space, spec)
        except NasbenchError:
            raise
        except (TypeError, ValueError, LookupError) as error:
            raise InputError(
                f"{spec!r} is no architecture of {self.space.name} in the form of get_spec: {error}"
            ) from error

    get_op_indices = get_compact = get_spec
    set_op_indices = set_compact = set_spec

    def parse(self) -> None:
        """Do nothing: no network is built here; `Space.network` builds one."""

    def get_hash(self) -> tuple[Any, ...]:
        """A tuple that is equal exactly for isomorphic architectures."""
        canonical = self.space.canonical(self.genotype[None])[0]
        spec = self._form.write(self.space, canonical)
        return spec if isinstance(spec, tuple) else tuple(canonical.tolist())

    def sample_random_architecture(self, dataset_api: Benchmark | None = None, load_labeled: bool = False) -> None:
        """Set a random architecture of the space, or with `load_labeled` of the benchmark."""
        if not load_labeled:
            self.genotype = self.space.sample(1, self.rng)[0]
            return
        if dataset_api is None:
            raise InputError("pass dataset_api=nasbench.load(FILE) to sample among the architectures of a file")
        known = dataset_api.architectures()
        self.genotype = known[self.rng.integers(len(known))]

    def mutate(self, parent: SearchSpace, dataset_api: Benchmark | None = None, edits: int = 1) -> None:
        """Set the architecture of another object after some random edits."""
        genotypes = parent.genotype[None]
        for _ in range(edits):
            genotypes = self.space.mutate(genotypes, self.rng)
        self.genotype = genotypes[0]

    def get_nbhd(self, dataset_api: Benchmark | None = None) -> list[SimpleNamespace]:
        """All architectures one edit away, as objects with the attribute `arch`, in random order."""
        neighbours = self.space.neighbours(self.genotype)
        return [SimpleNamespace(arch=self._holding(row)) for row in self.rng.permutation(neighbours)]

    def get_arch_iterator(self, dataset_api: Benchmark | None = None) -> Iterator[Any]:
        """Specifications of all architectures of the benchmark, or of the space if none is passed."""
        chunks = self.space.enumerate() if dataset_api is None else [dataset_api.architectures()]
        return (self._form.write(self.space, genotype) for chunk in chunks for genotype in chunk)

    def encode(self, encoding_type: EncodingType | str = EncodingType.ADJACENCY_ONE_HOT) -> Any:
        """The architecture as an array.

        Args:
            encoding_type: `ADJACENCY_ONE_HOT` (each position of our genotype one-hot) and `PATH` give a vector,
                `COMPACT` the specification of `get_spec`, and `GCN` a dictionary of `num_vertices`, `adjacency`,
                `operations` (one-hot) and `mask`.

        Raises:
            InputError: The encoding is unknown, or not defined for the space.
        """
        name = encoding_type.value if isinstance(encoding_type, Enum) else str(encoding_type).lower()
        if name not in [kind.value for kind in EncodingType]:
            known = ", ".join(kind.value for kind in EncodingType)
            raise InputError(f"unknown encoding {name!r}; known are {known}")
        if name == "compact":
            return self.get_spec()
        if name == "gcn":
            adjacency, ops, mask = (array[0] for array in self.space.adjacency_arrays(self.genotype[None]))
            operations = (ops[:, None] == np.arange(len(self.space.ops))) & mask[:, None]  # (v, ops)
            return {
                "num_vertices": int(mask.sum()),
                "adjacency": adjacency.astype(np.float32),
                "operations": operations.astype(np.float32),
                "mask": mask.astype(np.float32),
            }
        features: FloatArray = self.space.features(self.genotype[None], "paths" if name == "path" else "onehot")[0]
        return features

    # --- queries ------------------------------------------------------------------------------------------------

    def query(
        self,
        metric: Metric,
        dataset: str | None = None,
        path: str | None = None,
        epoch: int = -1,
        full_lc: bool = False,
        dataset_api: Benchmark | None = None,
    ) -> Any:
        """A measurement of the architecture, mean over seeds: accuracies in percent, times in seconds, plain counts.

        Args:
            metric: The quantity. `HP` gives a dictionary of costs, `RAW` and `ALL` one of everything at the last epoch,
                `EPOCH` the last epoch. `TRAIN_TIME` is the time of the whole training up to the epoch.
            dataset: Data set. Where there are trainings with and without a validation part, such as `cifar10-valid` and
                `cifar10`, the former answers for all metrics; where there are several schedules, the longest.
            path: Ignored.
            epoch: Position in the curve, counted from 0, or -1 for the last; in NAS-Bench-101 the budget of epochs.
            full_lc: Whether to answer with a list over all recorded epochs, up to `epoch` if that is not -1; of the one
                value of a metric without epochs.
            dataset_api: The benchmark.

        Raises:
            NotFoundError: It was not recorded. A validation metric never stands for a test metric, or vice versa.
        """
        if dataset_api is None:
            raise InputError("pass dataset_api=nasbench.load(FILE), the benchmark to query")
        home = _home(dataset_api, dataset)
        if metric in (Metric.RAW, Metric.ALL):
            paths = [path for path, facts in dataset_api.metrics.items() if facts.dataset in (home, "")]
            return {path: self._answer(dataset_api, path, "last").value for path in paths}
        if metric is Metric.HP:
            costs = {kind.name.lower(): _path(dataset_api, home, NAMES[kind]) for kind in COSTS}
            return {name: self._value(dataset_api, cost, "last") for name, cost in costs.items() if cost is not None}
        name = NAMES.get(metric, NAMES[Metric.VAL_ACCURACY])
        full_name = _path(dataset_api, home, name)
        if full_name is None:
            raise NotFoundError(f"{dataset_api.name} has no {name} of {home}; it has {', '.join(dataset_api.metrics)}")
        recorded = dataset_api.recorded_epochs(full_name)
        if not recorded and metric is Metric.EPOCH:
            raise NotFoundError(f"{dataset_api.name} does not record after how many epochs {full_name} was measured")
        if metric is Metric.EPOCH:
            return recorded[-1]
        if full_lc and not recorded:
            return [self._value(dataset_api, full_name, "last")]
        finished = epoch if self._form.budgets or epoch == -1 else epoch + 1
        if full_lc:
            wanted = [each for each in recorded if epoch == -1 or each < finished + self._form.budgets]
            return [self._value(dataset_api, full_name, each) for each in wanted]
        return self._value(dataset_api, full_name, "last" if epoch == -1 else finished)

    def _answer(self, benchmark: Benchmark, path: str, epoch: Epoch) -> Answer:
        return benchmark.query(self.genotype, path, epoch=epoch)

    def _value(self, benchmark: Benchmark, path: str, epoch: Epoch) -> float:
        answer = self._answer(benchmark, path, epoch)
        if answer.reason is not None:
            raise NotFoundError(
                f"{self.space.to_string(self.genotype)} has no {path!r} at epoch {epoch}: {answer.reason}"
            )
        return answer.value

    def _holding(self, genotype: GenotypeArray | None) -> SearchSpace:
        other = SearchSpace(self.space, self.rng)
        other._genotype = None if genotype is None else genotype.copy()
        return other


class NasBench101SearchSpace(SearchSpace):
    """`SearchSpace("nb101")`; `n_classes` is ignored, as no network is built."""

    def __init__(self, n_classes: int = 10, rng: np.random.Generator | None = None) -> None:
        super().__init__("nb101", rng)


class NasBench201SearchSpace(SearchSpace):
    """`SearchSpace("nb201")`; `n_classes` is ignored, as no network is built."""

    def __init__(self, n_classes: int = 10, rng: np.random.Generator | None = None) -> None:
        super().__init__("nb201", rng)


class NasBench301SearchSpace(SearchSpace):
    """`SearchSpace("darts")`; `n_classes` is ignored, as no network is built."""

    def __init__(self, n_classes: int = 10, rng: np.random.Generator | None = None) -> None:
        super().__init__("darts", rng)


class TransBench101SearchSpaceMacro(SearchSpace):
    """`SearchSpace("tnb101_macro")`; `dataset` is ignored, as `query` names it."""

    def __init__(self, dataset: str = "jigsaw", rng: np.random.Generator | None = None) -> None:
        super().__init__("tnb101_macro", rng)


class TransBench101SearchSpaceMicro(SearchSpace):
    """`SearchSpace("tnb101_micro")`; `dataset` is ignored, as `query` names it."""

    def __init__(self, dataset: str = "jigsaw", rng: np.random.Generator | None = None) -> None:
        super().__init__("tnb101_micro", rng)


def _home(benchmark: Benchmark, dataset: str | None) -> str:
    """Name in the benchmark of a data set: first one trained without its validation part, then the longest schedule."""
    known = {facts.dataset for facts in benchmark.metrics.values() if facts.dataset}
    names = (
        known
        if dataset is None
        else {name for name in known if name.partition("@")[0] in (dataset, f"{dataset}-valid")}
    )

    def rank(name: str) -> tuple[bool, bool, int, str]:
        base, _, schedule = name.partition("@")
        validated = f"{name}/{NAMES[Metric.VAL_ACCURACY]}" in benchmark.metrics
        return validated, base.endswith("-valid"), int(schedule) if schedule.isdecimal() else 0, name

    if not names:
        raise NotFoundError(f"{benchmark.name} has no data set {dataset!r}; it has {', '.join(sorted(known))}")
    if dataset is None and len({name.partition("@")[0].removesuffix("-valid") for name in names}) > 1:
        raise NotFoundError(f"name one of the data sets of {benchmark.name}: {', '.join(sorted(known))}")
    return max(names, key=rank)


def _path(benchmark: Benchmark, dataset: str, name: str) -> str | None:
    """Full name of a metric, of the data set or of none; None if there is no such metric."""
    return next((path for path in (f"{dataset}/{name}", name) if path in benchmark.metrics), None)


# --- predictors -----------------------------------------------------------------------------------------------------


class NaslibPredictor:
    """One of our predictors with the methods of NASLib's.

    Args:
        predictor: Specification of a predictor (`"gp"`, `"gnn+steps=500"`), or one.
        ss_type: Stored but ignored: architectures know their space.
        encoding_type: Stored but ignored: our predictors have their own encodings.
    """

    def __init__(
        self, predictor: Predictor | str, ss_type: str | None = None, encoding_type: EncodingType | str | None = None
    ) -> None:
        self.predictor = predictors.create(predictor) if isinstance(predictor, str) else predictor
        self.ss_type, self.encoding_type = ss_type, encoding_type

    def set_ss_type(self, ss_type: str) -> None:
        """Store the name of a space."""
        self.ss_type = ss_type

    def pre_process(self) -> None:
        """Do nothing."""

    def pre_compute(self, xtrain: Any, xtest: Any, unlabeled: Any = None) -> None:
        """Do nothing."""

    def get_data_reqs(self) -> dict[str, Any]:
        """Requirements of the data: architectures only."""
        return {
            "requires_partial_lc": False,
            "metric": None,
            "requires_hyperparameters": False,
            "hyperparams": None,
            "unlabeled": False,
            "unlabeled_factor": 0,
        }

    def get_hyperparams(self) -> dict[str, Any]:
        """Constructor arguments of the predictor by name."""
        return self.predictor.get_params()

    def set_hyperparams(self, hyperparams: Mapping[str, Any]) -> None:
        """Replace the predictor by an unfitted one with other arguments."""
        self.predictor = type(self.predictor)(**{**self.predictor.get_params(), **hyperparams})

    def fit(self, xtrain: Sequence[SearchSpace], ytrain: npt.ArrayLike, train_info: Any = None) -> float:
        """Fit to architectures; returns the mean absolute error on them."""
        space, genotypes = _stacked(xtrain)
        self.predictor.fit(Inputs(space, genotypes), ytrain)
        return float(np.abs(self.query(xtrain) - np.asarray(ytrain, dtype=np.float64)).mean())

    def query(self, xtest: Sequence[SearchSpace], info: Any = None) -> FloatArray:
        """Predicted means for `n` architectures; shape `(n,)`."""
        return self.predict(xtest).mean

    def predict(self, xtest: Sequence[SearchSpace]) -> Prediction:
        """Predicted means and standard deviations for `n` architectures."""
        return self.predictor.predict(Inputs(*_stacked(xtest)))


class FromNaslib(Predictor):
    """A predictor with NASLib's methods, `fit(xtrain, ytrain)` and `query(xtest)`, as one of ours.

    It receives `SearchSpace` objects. If `query` returns a row for each member of an ensemble, their mean and standard
    deviation are the prediction; if it returns one number for each architecture, the standard deviation is that of the
    targets, as the error is unknown. It cannot be stored.

    Args:
        predictor: Any object with these two methods.
    """

    transforms_targets: ClassVar[bool] = False

    def __init__(self, predictor: Any) -> None:
        self.predictor = predictor

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        if hasattr(self.predictor, "pre_process"):
            self.predictor.pre_process()
        self.predictor.fit(self._architectures(inputs.genotypes), z)

    def _predict(self, inputs: Inputs) -> Prediction:
        answers = np.asarray(self.predictor.query(self._architectures(inputs.genotypes)), dtype=np.float64)
        if answers.ndim not in (1, 2) or answers.shape[-1] != len(inputs):
            raise InputError(f"query of {self.predictor!r} gives {answers.shape} for {len(inputs)} architectures")
        if answers.ndim == 1 or len(answers) == 1:
            return Prediction(answers.reshape(-1), np.ones(len(inputs)))
        return Prediction(answers.mean(axis=0), np.maximum(answers.std(axis=0, ddof=1), 1e-6))

    def _architectures(self, genotypes: GenotypeArray) -> list[SearchSpace]:
        return [SearchSpace(self.space_)._holding(genotype) for genotype in genotypes]

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        raise InputError(f"{self.predictor!r} is not ours and cannot be stored; use a predictor of nasbench for that")

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        raise InputError("a predictor of NASLib cannot be stored or restored")


def _stacked(architectures: Sequence[SearchSpace]) -> tuple[Space, GenotypeArray]:
    if not len(architectures):
        raise InputError("no architecture was passed")
    return architectures[0].space, np.stack([each.genotype for each in architectures])
