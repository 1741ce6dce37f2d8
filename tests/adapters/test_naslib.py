"""Code written for NASLib: the calls of its tests and of its introductory example, retyped, on our benchmarks."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.adapters import naslib
from nasbench.adapters.naslib import (
    EncodingType,
    FromNaslib,
    Metric,
    NasBench101SearchSpace,
    NasBench201SearchSpace,
    NasBench301SearchSpace,
    NaslibPredictor,
    SearchSpace,
    TransBench101SearchSpaceMacro,
    TransBench101SearchSpaceMicro,
)
from nasbench.benchmark import base
from nasbench.benchmark.table import DIMS, Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import InputError, NotFoundError
from nasbench.evaluate.predictors import evaluate
from nasbench.importers import importers
from nasbench.predictors import Inputs
from nasbench.spaces import spaces

SHARED = Path(__file__).parents[2] / "../shared/tables/nats_bench_sample"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the published records are not here")
# The first is of tests/test_nasbench201.py of automl/NASLib, the second of zc_combine.
PAIRS = {
    (4, 3, 3, 0, 0, 0): (
        "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    ),
    (4, 0, 3, 1, 4, 3): "|avg_pool_3x3~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_1x1~2|",
}


def made_up(names: tuple[str, ...] = ("cifar10@12", "cifar10-valid@12", "cifar10-valid@200", "cifar100@200")) -> Any:
    """All data sets have 1 in another digit: validation 50 + place, test 60 + place, both + epoch / 100."""
    space = spaces.create("nb201")
    genotypes = np.unique(space.sample(40, np.random.default_rng(0)), axis=0)
    columns = []
    for place, dataset in enumerate(names):
        splits = ("train", "test") if dataset == "cifar10@12" else ("train", "validation", "test")
        for split in splits:
            metric = base.Metric(dataset, f"{split}_accuracy", split, "percent", "maximise", DIMS)  # type: ignore[arg-type]
            level = {"train": 70, "validation": 50, "test": 60}[split] + place
            values = np.broadcast_to(level + np.arange(1, 5) / 100, (len(genotypes), 1, 4)).copy()
            missing = np.zeros(values.shape, dtype=np.uint8)
            if split == "test":
                values[:, :, :-1], missing[:, :, :-1] = np.nan, 1
            columns.append(Column(metric, values, missing, ("not evaluated",) if split == "test" else ()))
        metric = base.Metric(dataset, "flops", "none", "count", "minimise", DIMS[:1])
        columns.append(Column(metric, np.full(len(genotypes), 1e6), np.zeros(len(genotypes), dtype=np.uint8)))
    epochs = dict.fromkeys(names, (1, 2, 3, 4))
    return TabularBenchmark(Table(space, genotypes, (7,), epochs, {c.metric.path: c for c in columns}), "made up")


@pytest.fixture(scope="module")
def benchmark_api() -> TabularBenchmark:
    return made_up()  # type: ignore[no-any-return]


# --- specifications by hand -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("spec", "text"), PAIRS.items(), ids=["naslib", "zc_combine"])
def test_specifications_of_nasbench201(spec: tuple[int, ...], text: str) -> None:
    graph = NasBench201SearchSpace(n_classes=10)
    graph.set_spec(spec)
    assert graph.space.to_string(graph.genotype) == text
    assert graph.get_spec() == graph.get_hash() == graph.get_op_indices() == spec
    graph.set_spec(text)
    assert graph.get_spec() == spec


def test_specifications_of_the_other_spaces() -> None:
    cell = NasBench101SearchSpace()
    cell.set_spec({"matrix": [[0, 1, 1], [0, 0, 1], [0, 0, 0]], "ops": ["input", "maxpool3x3", "output"]})
    assert json.loads(cell.space.to_string(cell.genotype))["ops"] == cell.get_spec()["ops"]
    compact = (
        ((0, 3), (1, 3), (0, 2), (1, 0), (0, 1), (2, 5), (1, 6), (4, 4)),
        ((0, 0), (1, 0), (1, 2), (2, 2), (0, 3), (3, 3), (2, 1), (3, 1)),
    )
    darts = NasBench301SearchSpace()
    darts.set_spec(compact)
    assert darts.get_spec() == compact
    assert "('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('skip_connect', 0)" in darts.space.to_string(darts.genotype)
    micro, macro = TransBench101SearchSpaceMicro(), TransBench101SearchSpaceMacro()
    micro.set_spec((1, 0, 2, 3, 3, 3))
    macro.set_spec((1, 2, 3, 4, 1, 0))
    assert micro.space.to_string(micro.genotype) == "64-41414-1_02_333"
    assert macro.space.to_string(macro.genotype) == "64-12341-basic"
    assert macro.get_spec() == (1, 2, 3, 4, 1, 0)
    assert [one.get_type() for one in (cell, darts, micro, macro)] == [
        "nasbench101", "nasbench301", "transbench101_micro", "transbench101_macro"
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["nb101", "nb201", "darts", "tnb101_micro", "tnb101_macro", "nats_size", "nasnet"])
@given(seed=st.integers(0, 2**32 - 1))
def test_specifications_come_back(name: str, seed: int) -> None:
    one = SearchSpace(name, np.random.default_rng(seed))
    one.sample_random_architecture()
    other = SearchSpace(name)
    other.set_spec(one.get_spec())
    np.testing.assert_array_equal(one.genotype, other.genotype)
    assert one.get_hash() == other.get_hash()


def test_hashes_are_those_of_isomorphic_cells() -> None:
    ops = ["input", "maxpool3x3", "conv1x1-bn-relu", "output"]
    matrix = [[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]]
    one, other = NasBench101SearchSpace(), NasBench101SearchSpace()
    one.set_spec({"matrix": matrix, "ops": ops})
    other.set_spec({"matrix": matrix, "ops": [ops[0], ops[2], ops[1], ops[3]]})
    assert one.get_hash() == other.get_hash()
    assert {one.get_hash(): 1}


# --- queries ----------------------------------------------------------------------------------------------------------


def test_validation_and_test_are_never_mixed(benchmark_api: TabularBenchmark) -> None:
    graph = NasBench201SearchSpace()
    graph.sample_random_architecture(dataset_api=benchmark_api, load_labeled=True)
    ask = {"dataset": "cifar10", "dataset_api": benchmark_api}
    assert graph.query(metric=Metric.VAL_ACCURACY, **ask) == 52.04  # of cifar10-valid@200, which has a validation part
    assert graph.query(metric=Metric.TEST_ACCURACY, **ask) == 62.04
    assert graph.query(metric=Metric.TRAIN_ACCURACY, **ask) == 72.04
    assert graph.query(metric=Metric.VAL_ACCURACY, epoch=0, **ask) == 52.01
    with pytest.raises(NotFoundError, match="was not recorded at epoch 1"):
        graph.query(metric=Metric.TEST_ACCURACY, epoch=0, **ask)
    assert graph.query(metric=Metric.VAL_ACCURACY, full_lc=True, **ask) == [52.01, 52.02, 52.03, 52.04]
    assert graph.query(metric=Metric.VAL_ACCURACY, full_lc=True, epoch=2, **ask) == [52.01, 52.02]
    assert graph.query(metric=Metric.TEST_ACCURACY, full_lc=True, **ask) == [62.04]
    assert graph.query(metric=Metric.HP, **ask) == {"flops": 1e6}
    assert graph.query(metric=Metric.EPOCH, **ask) == 4
    assert graph.query(metric=Metric.RAW, **ask)["cifar10-valid@200/test_accuracy"] == 62.04
    assert graph.query(Metric.VAL_ACCURACY, "cifar100", dataset_api=benchmark_api) == 53.04
    with pytest.raises(NotFoundError, match="no data set 'svhn'"):
        graph.query(Metric.VAL_ACCURACY, "svhn", dataset_api=benchmark_api)
    with pytest.raises(NotFoundError, match="has no validation_loss of cifar10-valid@200"):
        graph.query(metric=Metric.VAL_LOSS, **ask)
    with pytest.raises(NotFoundError, match="name one of the data sets"):
        graph.query(Metric.VAL_ACCURACY, dataset_api=benchmark_api)
    with pytest.raises(InputError, match="pass dataset_api"):
        graph.query(metric=Metric.VAL_ACCURACY, dataset="cifar10")
    only_test = made_up(("cifar10@12",))
    with pytest.raises(NotFoundError, match="no validation_accuracy of cifar10@12"):
        graph.query(Metric.VAL_ACCURACY, "cifar10", dataset_api=only_test)


@needs_shared
def test_the_published_record() -> None:
    """`test_query` of tests/test_nasbench201.py of automl/NASLib, on the record of that very cell."""
    (folder,) = SHARED.glob("raw/NATS-tss-*")
    api = TabularBenchmark(importers.create("nats-bench").read([folder]))
    graph = NasBench201SearchSpace()
    graph.set_spec((4, 3, 3, 0, 0, 0))
    results = json.loads((SHARED / "tss_000000.json").read_text())
    trials = [results["200"]["all_results"][key] for key in results["200"]["all_results"] if "cifar10-valid" in key]

    def mean(of: Any) -> float:
        return float(np.mean([of(trial) for trial in trials]))

    val_acc = graph.query(Metric.VAL_ACCURACY, "cifar10", dataset_api=api)
    assert val_acc == pytest.approx(mean(lambda trial: trial["eval_acc1es"]["x-valid@199"]))
    test_acc = graph.query(Metric.TEST_ACCURACY, "cifar10", dataset_api=api)
    assert test_acc == pytest.approx(mean(lambda trial: trial["eval_acc1es"]["ori-test@199"]))
    assert test_acc != val_acc
    curve = graph.query(Metric.VAL_ACCURACY, "cifar10", full_lc=True, dataset_api=api)
    assert curve[-1] == val_acc
    assert curve[7] == pytest.approx(mean(lambda trial: trial["eval_acc1es"]["x-valid@7"]))
    assert len(curve) == 200


def test_budgets_of_nasbench101() -> None:
    space = spaces.create("nb101")
    genotypes = space.sample(1, np.random.default_rng(0))
    metric = base.Metric("cifar10", "validation_accuracy", "validation", "percent", "maximise", DIMS)
    column = Column(metric, np.array([[[1.0, 2, 3, 4]]]), np.zeros((1, 1, 4), dtype=np.uint8))
    table = Table(space, genotypes, (0,), {"cifar10": (4, 12, 36, 108)}, {metric.path: column})
    graph = NasBench101SearchSpace()
    graph.genotype = genotypes[0]
    ask: dict[str, Any] = {"metric": Metric.VAL_ACCURACY, "dataset": "cifar10", "dataset_api": TabularBenchmark(table)}
    assert [graph.query(epoch=epoch, **ask) for epoch in (-1, 4, 12, 108)] == [4, 1, 2, 4]
    assert graph.query(full_lc=True, epoch=36, **ask) == [1, 2, 3]


# --- moves ------------------------------------------------------------------------------------------------------------


def test_the_introduction(benchmark_api: TabularBenchmark) -> None:
    """Sample, query, mutate and query again, as in NASLib's introductory example."""
    naslib.seed(1)
    graph = NasBench201SearchSpace()
    graph.sample_random_architecture(benchmark_api, load_labeled=True)
    graph.parse()
    val_acc_parent = graph.query(metric=Metric.VAL_ACCURACY, dataset="cifar10", dataset_api=benchmark_api)
    assert f"{val_acc_parent:.2f}%" == "52.04%"
    child_graph = NasBench201SearchSpace()
    child_graph.mutate(parent=graph)
    assert sum(a != b for a, b in zip(child_graph.get_hash(), graph.get_hash(), strict=True)) == 1
    neighbours = graph.get_nbhd()
    assert len({one.arch.get_hash() for one in neighbours}) == 24
    assert child_graph.get_hash() in [one.arch.get_hash() for one in neighbours]
    assert len(list(graph.get_arch_iterator(benchmark_api))) == len(benchmark_api.architectures())
    assert sum(1 for _ in graph.get_arch_iterator()) == 15625
    naslib.seed(1)
    again = NasBench201SearchSpace()
    again.sample_random_architecture(benchmark_api, load_labeled=True)
    assert again.get_hash() == graph.get_hash()
    drawn = []
    for _ in range(20):
        one = again.clone()
        one.sample_random_architecture()
        drawn.append(one.get_hash())
    assert len(set(drawn)) > 15


def test_encodings_and_errors() -> None:
    graph = NasBench201SearchSpace()
    with pytest.raises(InputError, match="no architecture yet"):
        graph.get_hash()
    graph.set_spec((4, 3, 3, 0, 0, 0))
    assert graph.encode(EncodingType.ADJACENCY_ONE_HOT).shape == (30,)
    assert graph.encode("path").shape == (4 + 16 + 64,)
    assert graph.encode(EncodingType.COMPACT) == (4, 3, 3, 0, 0, 0)
    encoded = graph.encode(encoding_type=EncodingType.GCN)
    assert (encoded["num_vertices"], encoded["operations"].shape) == (8, (8, 7))
    for message, call in [
        ("unknown encoding 'bonas'", lambda: graph.encode("bonas")),
        ("is six numbers out of 0 skip_connect, 1 none", lambda: graph.set_spec((5, 0, 0, 0, 0, 0))),
        ("a dictionary with 'matrix' and 'ops'", lambda: NasBench101SearchSpace().set_spec((1, 2))),
        ("is no architecture of nb201 in the form of get_spec", lambda: graph.set_spec(5)),
        ("is no architecture of nb201 in the form of get_spec", lambda: graph.set_spec(["a"] * 6)),
        ("is no architecture of nb201 in the form of get_spec", lambda: graph.set_spec([1.5] * 6)),
        ("no architecture of nb101", lambda: NasBench101SearchSpace().set_spec({"matrix": [[0]], "ops": 3})),
        ("no architecture of darts", lambda: NasBench301SearchSpace().set_spec((1, 2))),
        ("no architecture of darts", lambda: NasBench301SearchSpace().set_spec((((0, -1),) * 8,) * 2)),
        ("no architecture of darts", lambda: NasBench301SearchSpace().set_spec((((0.5, 1),) * 8,) * 2)),
        ("no architecture of tnb101_macro", lambda: TransBench101SearchSpaceMacro().set_spec(5)),
        ("no architecture of tnb101_macro", lambda: TransBench101SearchSpaceMacro().set_spec((1.5, 2, 3, 4, 1, 0))),
        ("to sample among the architectures of a file", lambda: graph.sample_random_architecture(load_labeled=True)),
    ]:
        with pytest.raises(InputError, match=message):
            call()


@pytest.mark.parametrize("name", list(spaces))
@given(spec=st.recursive(st.none() | st.integers(-2, 9) | st.floats() | st.text(max_size=3), st.lists, max_leaves=8))
@settings(deadline=None, max_examples=25)
def test_no_specification_is_a_traceback(name: str, spec: Any) -> None:
    try:
        SearchSpace(name).set_spec(spec)
    except InputError:
        return


def test_a_metric_without_epochs() -> None:
    """As of a csv file without a column of epochs."""
    space = spaces.create("nb201")
    genotypes = space.sample(1, np.random.default_rng(0))
    metric = base.Metric("cifar10", "validation_accuracy", "validation", "percent", "maximise", DIMS[:1])
    column = Column(metric, np.array([91.5]), np.zeros(1, dtype=np.uint8))
    api = TabularBenchmark(Table(space, genotypes, (), {}, {metric.path: column}), "t.h5")
    graph = SearchSpace(space)
    graph.genotype = genotypes[0]
    assert graph.query(Metric.VAL_ACCURACY, full_lc=True, dataset_api=api) == [91.5]
    with pytest.raises(NotFoundError, match="does not record after how many epochs"):
        graph.query(Metric.EPOCH, dataset_api=api)


# --- predictors -------------------------------------------------------------------------------------------------------


def labelled(n: int, seed: int) -> tuple[list[SearchSpace], Any]:
    graphs = []
    for _ in range(n):
        graph = NasBench201SearchSpace(rng=np.random.default_rng(seed + len(graphs)))
        graph.sample_random_architecture()
        graphs.append(graph)
    return graphs, np.array([60.0 + 5 * graph.get_spec().count(2) + len(graphs) / 1000 for graph in graphs])


def test_our_predictors_with_their_methods() -> None:
    predictor = NaslibPredictor("ridge+features=counts", ss_type="nasbench201")
    (xtrain, ytrain), (xtest, ytest) = labelled(40, 0), labelled(30, 1000)
    predictor.pre_process()
    predictor.pre_compute(xtrain, xtest)
    assert not predictor.get_data_reqs()["requires_partial_lc"]
    error = predictor.fit(xtrain, ytrain, train_info=None)
    assert error < 1
    test_pred = predictor.query(xtest, info=None)
    assert np.corrcoef(test_pred, ytest)[0, 1] > 0.95
    assert (predictor.predict(xtest).std > 0).all()
    predictor.set_hyperparams({"features": "onehot"})
    assert predictor.get_hyperparams()["features"] == "onehot"
    with pytest.raises(InputError, match="not fitted"):
        predictor.query(xtest)
    with pytest.raises(InputError, match="no architecture was passed"):
        predictor.query([])


class Counts:
    """A predictor as NASLib's are: the mean target of the training architectures with as many convolutions."""

    members = 1

    def fit(self, xtrain: list[SearchSpace], ytrain: Any, train_info: Any = None) -> None:
        counts = np.array([x.get_spec().count(2) for x in xtrain])
        self.means = {count: ytrain[counts == count].mean() for count in np.unique(counts)}

    def query(self, xtest: list[SearchSpace], info: Any = None) -> Any:
        answers = np.array([self.means.get(x.get_spec().count(2), 0.0) for x in xtest])
        return answers if self.members == 1 else answers + 0.1 * np.arange(self.members)[:, None]


def test_their_predictors_as_ours() -> None:
    (xtrain, ytrain), (xtest, ytest) = labelled(60, 0), labelled(30, 1000)
    space = xtrain[0].space
    theirs = Counts()
    train, test = (Inputs.of(space, np.stack([x.genotype for x in graphs])) for graphs in (xtrain, xtest))
    ours = FromNaslib(theirs).fit(train, ytrain)
    prediction = ours.predict(test)
    assert np.corrcoef(prediction.mean, ytest)[0, 1] > 0.9
    np.testing.assert_allclose(prediction.std, ytrain.std())  # it says nothing of its error
    theirs.members = 3
    ensemble = ours.predict(test)
    np.testing.assert_allclose(ensemble.std, 0.1 * ytrain.std())
    with pytest.raises(InputError, match="cannot be stored"):
        ours.state()
    theirs.query = lambda xtest, info=None: np.zeros(3)  # type: ignore[method-assign]
    with pytest.raises(InputError, match=r"gives \(3,\) for 30"):
        ours.predict(test)


WRAPPED = """
import numpy as np
from nasbench.adapters.naslib import FromNaslib

class Convolutions:
    def fit(self, xtrain, ytrain, train_info=None):
        self.slope = np.polyfit([x.get_spec().count(2) for x in xtrain], ytrain, 1)

    def query(self, xtest, info=None):
        return np.polyval(self.slope, [x.get_spec().count(2) for x in xtest])

class Mine(FromNaslib):
    def __init__(self):
        super().__init__(Convolutions())
"""


def test_their_predictors_are_scored_as_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wrapped.py").write_text(WRAPPED)
    monkeypatch.syspath_prepend(str(tmp_path))
    graphs, values = labelled(80, 0)
    genotypes = np.unique(np.stack([graph.genotype for graph in graphs]), axis=0)
    values = 60 + 5 * (genotypes == 3).sum(axis=1) + np.random.default_rng(0).normal(size=len(genotypes))
    metric = base.Metric("c", "validation_accuracy", "validation", "percent", "maximise", DIMS[:1])
    column = Column(metric, values, np.zeros(len(values), dtype=np.uint8))
    benchmark = TabularBenchmark(Table(spaces.create("nb201"), genotypes, (), {}, {metric.path: column}))
    results = evaluate(benchmark, metric.path, predictors=["wrapped:Mine"], train_sizes=[30], test_size=30, splits=2)
    assert all(record["kendall_tau"] > 0.5 for record in results.records)


@pytest.mark.parametrize("answer", [3.0, [1.0], [[[1.0, 2.0]]]])
def test_a_foreign_predictor_that_answers_in_another_shape_is_refused(answer: Any) -> None:
    foreign = SimpleNamespace(fit=lambda xtrain, ytrain: None, query=lambda xtest: answer)
    space = spaces.create("nb201")
    inputs = Inputs.of(space, space.sample(2, np.random.default_rng(0)))
    with pytest.raises(InputError, match=r"gives \(.*\) for 2 architectures"):
        FromNaslib(foreign).fit(inputs, [1.0, 2.0]).predict(inputs)
