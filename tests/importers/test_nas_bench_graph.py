"""NAS-Bench-Graph: small files by hand, the files of the package, and what is refused."""

import pickle
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import FileError, InputError, NasbenchError, NotFoundError
from nasbench.importers.nas_bench_graph import DATASETS, NASBenchGraph
from nasbench.spaces.graph import OPERATIONS, Graph

published = pytest.mark.skipif(find_spec("nas_bench_graph") is None, reason="nas-bench-graph is not installed")
MEANS = {"valid_perf": 0.5, "perf": 0.25, "latency": 0.002, "para": np.float64(0.007)}


def write(folder: Path, content: Any, name: str = "cora.bench") -> Path:
    path = folder / name
    path.write_bytes(pickle.dumps(content, 3))
    return path


def curve(epochs: int) -> list[list[float]]:
    """Rows 0.0, 0.1, ... 0.6 in the first epoch, and 0.01 more in each later one."""
    return [[number / 10 + epoch / 100 for number in range(7)] for epoch in range(epochs)]


def reasons(column: Column) -> npt.NDArray[np.object_]:
    """The reason of each missing number, "" where measured."""
    return np.array(["", *column.reasons], dtype=object)[column.missing]


@pytest.fixture(scope="module")
def table() -> Table:
    return NASBenchGraph().read()


def test_a_number_answers_for_all_networks_that_it_stands_for(tmp_path: Path) -> None:
    benchmark = TabularBenchmark(NASBenchGraph().read([write(tmp_path, {88810: MEANS})]))
    assert benchmark.query("0,1,2,3:gcn,skip,gat,skip", "cora/validation_accuracy").value == 50
    assert benchmark.query("0,1,2,3:skip,skip,gcn,gat", "test_accuracy").value == 25
    assert benchmark.query("0,1,2,3:gcn,gat,skip,skip", "latency").value == 2
    assert benchmark.query("0,1,2,3:gcn,gat,skip,skip", "parameters").value == 7000
    with pytest.raises(NotFoundError, match="is not among the"):
        benchmark.query("0,1,2,3:gat,gcn,skip,skip", "latency")


def test_curves_are_by_seed_and_epoch(tmp_path: Path) -> None:
    low = {"dur": [*curve(1), [np.nan] * 7]}
    write(
        tmp_path, {1111: {"dur": curve(3), "latency": 0.001}, 81111: {"dur": curve(1), "latency": 0.002}}, "cora0.bench"
    )
    write(tmp_path, {1111: {"dur": np.array(curve(2))}}, "cora2.bench")
    write(tmp_path, {1111: low}, "proteins1.bench")
    table = NASBenchGraph().read([tmp_path])
    assert [table.space.to_string(genotype) for genotype in table.genotypes] == [
        "0,0,0,0:gcn,gcn,gcn,gcn",
        "0,1,2,3:gcn,gcn,gcn,gcn",
    ]
    assert table.seeds == (0, 1, 2)
    assert table.epochs == {"cora": (1, 2, 3), "proteins": (1, 2)}
    accuracy = table.columns["cora/test_accuracy"]
    np.testing.assert_allclose(accuracy.values[0, 0], [20, 21, 22])
    untrained, ended = "the source has no training of it", "the training had ended"
    assert reasons(accuracy)[0].tolist() == [["", "", ""], [untrained] * 3, ["", "", ended]]
    assert reasons(accuracy)[1, 0].tolist() == ["", ended, ended]
    loss = table.columns["cora/validation_loss"]
    np.testing.assert_allclose(loss.values[0, 2], [0.4, 0.41, np.nan])
    assert (loss.metric.units, loss.metric.direction, loss.metric.split) == ("nats", "minimise", "validation")
    assert reasons(table.columns["proteins/test_roc_auc"])[0, 1].tolist() == ["", "the source has no finite number"]
    assert "proteins/test_accuracy" not in table.columns
    np.testing.assert_allclose(table.columns["cora/latency"].values[:, 0], [1, 2])
    assert "proteins/latency" not in table.columns
    assert list(table.epochs) == ["cora", "proteins"]
    only = NASBenchGraph("proteins").read([tmp_path])
    assert list(only.epochs) == ["proteins"] and len(only.genotypes) == 1


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ({}, "cora.bench", "is not a dictionary of networks"),
        ({"1": MEANS}, "cora.bench", "'1' is not the number of a network"),
        ({90000: MEANS}, "cora.bench", "90000 is not the number"),
        ({1110: MEANS}, "cora.bench", "1110 is not the number"),  # of which 111 is the canonical one
        ({1111: 1}, "cora.bench", "network 1111: expected a dictionary"),
        ({1111: {**MEANS, "perf": 1.5}}, "cora.bench", "perf is 1.5, expected from 0 to 1"),
        ({1111: {**MEANS, "latency": -1}}, "cora.bench", "latency is -1.0, expected 0 or more"),
        ({1111: {**MEANS, "para": None}}, "cora.bench", "para is None, expected a number"),
        ({1111: {"dur": [[1, 2]]}}, "cora0.bench", r"rows of 7 numbers, got shape \(1, 2\)"),
        ({1111: {"dur": ["a"]}}, "cora0.bench", "dur is not a table of numbers"),
        ({1111: {"dur": [[2.0] * 7]}}, "cora0.bench", "a performance in dur is not from 0 to 1"),
        ({1111: MEANS}, "coral.bench", "expected a file <data set>.bench"),
    ],
)
def test_bad_files_are_named(content: Any, name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=message):
        NASBenchGraph().read([write(tmp_path, content, name)])


def test_bad_sets_of_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown data set 'coral'"):
        NASBenchGraph("coral").read()
    write(tmp_path, {1111: MEANS})
    with pytest.raises(FileError, match=r"found no file <data set>\.bench of arxiv"):
        NASBenchGraph("arxiv").read([tmp_path])
    write(tmp_path, {1111: {"dur": curve(1)}}, "cora0.bench")
    with pytest.raises(InputError, match=r"cora\.bench and cora0\.bench are both of cora"):
        NASBenchGraph().read([tmp_path])


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_mutated_bytes_are_a_table_or_one_line(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = write(
        tmp_path_factory.mktemp("fuzz"),
        {1111: {**MEANS, "dur": curve(2)}},
        data.draw(st.sampled_from(["cora.bench", "cora0.bench"])),
    )
    content = path.read_bytes()
    at, put = data.draw(st.integers(0, len(content))), data.draw(st.binary(max_size=6))
    path.write_bytes(content[:at] + put + content[at + len(put) :])
    try:
        NASBenchGraph().read([path])
    except NasbenchError as error:
        assert "\n" not in str(error)


@published
def test_nine_data_sets_of_all_networks(table: Table) -> None:
    space = table.space
    assert len(table.genotypes) == len(space.unique()) == 35_919
    assert len(table.columns) == 4 * len(DATASETS)
    for path, column in table.columns.items():
        lacking = 35_919 - 3_561 if path.startswith("proteins/") else 9
        assert int((column.missing > 0).sum()) == lacking, path
    assert table.recipe["source"]["rows"] == 8 * 26_206 + 2_021
    skips = (table.genotypes[:, 1:] == OPERATIONS.index("skip")).all(axis=1)
    assert table.columns["cora/test_accuracy"].missing[skips].all()
    known = table.columns["proteins/test_roc_auc"].missing == 0
    used = {OPERATIONS[op] for op in np.unique(table.genotypes[known][:, 1:])}
    assert used == {"gcn", "sage", "arma", "fc", "skip"}
    assert TabularBenchmark(table).complete


@published
def test_numbers_are_means_of_three_trainings(table: Table) -> None:
    """Cora has 1,000 test nodes, so that the mean of three accuracies is a multiple of a thirtieth of a percent."""
    values = table.columns["cora/test_accuracy"].values
    thirtieths = 30 * values[~np.isnan(values)]
    np.testing.assert_allclose(thirtieths, thirtieths.round(), atol=1e-6)
    parameters = {name: table.columns[f"{name}/parameters"].values for name in DATASETS}
    fractions = {name: int((np.abs(v - v.round()) > 0.01).sum()) for name, v in parameters.items()}
    assert {name for name, count in fractions.items() if count} == {"physics"}  # whose trainings differ in them


@published
def test_parameters_of_a_chain_by_hand(table: Table) -> None:
    """Cora has 1,433 features and 7 classes; width 256, four GCN with batch normalisation, linear maps at both ends."""
    answer = TabularBenchmark(table).query("0,1,2,3:gcn,gcn,gcn,gcn", "cora/parameters")
    assert answer.value == 1434 * 256 + 4 * (257 * 256 + 2 * 256) + 257 * 7 == 634_119


@published
@pytest.mark.parametrize(
    ("path", "number", "value"),
    [
        ("cora/test_accuracy", 77016, 83.1333),
        ("cora/validation_accuracy", 87072, 81.9333),
        ("arxiv/test_accuracy", 81344, 72.3865),
        ("proteins/test_roc_auc", 85414, 79.2634),
        ("pubmed/validation_accuracy", 30224, 81.1333),
    ],
)
def test_best_networks(table: Table, path: str, number: int, value: float) -> None:
    values, space = table.columns[path].values, table.space
    assert isinstance(space, Graph)
    best = np.flatnonzero(values == np.nanmax(values))
    assert set(space.published_key(table.genotypes[best])) == {number}
    assert values[best[0]] == pytest.approx(value, abs=1e-4)


@published
@pytest.mark.parametrize("dataset", DATASETS)
def test_answers_are_those_of_the_package(table: Table, dataset: str) -> None:
    from nas_bench_graph import Arch, light_read

    package, ours = light_read(dataset), TabularBenchmark(table)
    score = "roc_auc" if dataset == "proteins" else "accuracy"
    rng = np.random.default_rng(0)
    kinds = (
        [OPERATIONS.index(name) for name in ("gcn", "sage", "arma", "fc", "skip")] if score == "roc_auc" else range(9)
    )
    asked = 0
    while asked < 200:
        links = [int(rng.integers(node + 1)) for node in range(4)]  # in any numbering
        ops = [OPERATIONS[op] for op in rng.choice(kinds, 4)]
        if set(ops) == {"skip"}:
            continue
        theirs = package[Arch(links, ops).valid_hash()]
        genotype = ours.space.genotype(f"{','.join(map(str, links))}:{','.join(ops)}")
        assert ours.query(genotype, f"{dataset}/validation_{score}").value == pytest.approx(100 * theirs["valid_perf"])
        assert ours.query(genotype, f"{dataset}/test_{score}").value == pytest.approx(100 * theirs["perf"])
        assert ours.query(genotype, f"{dataset}/latency").value == pytest.approx(1000 * theirs["latency"])
        assert ours.query(genotype, f"{dataset}/parameters").value == pytest.approx(1e6 * theirs["para"], abs=1e-3)
        asked += 1
