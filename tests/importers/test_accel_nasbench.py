"""Accel-NASBench: a case by hand, the published facts, and what is refused."""

import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.benchmark import hdf5
from nasbench.errors import FileError, InputError, NasbenchError
from nasbench.evaluate.holdout import published_split
from nasbench.importers.accel_nasbench import AccelNASBench
from nasbench.spaces import NetworkSettings
from nasbench.spaces.mobile import Mobile

FOLDER = Path(__file__).parents[2] / "../shared/tables/accel_nasbench"
FILE = FOLDER / "accel_nasbench.csv"
SPACE = Mobile()
BASE = "e1_k3_l1_se0"


def record(expansion: int = 1, top1: Any = 60.0, **measured: Any) -> dict[str, Any]:
    """A result in the published layout: all blocks are equal except the first."""
    architecture = {}
    for block in range(7):
        values = {"e": expansion if block == 0 else 1, "k": 3, "l": 1, "se": block == 6}
        architecture |= {f"block{block}_{letter}": value for letter, value in values.items()}
    metrics = {"val_top1": top1, "val_top5": 80.5, "train_time": 1200.25, "macs": 84.141456, "params": 1.838752}
    platforms = {
        "latency_zcu102": {"latency_mean": 2.5, "latency_std": None},
        "throughput_a100": {"throughput_mean": 9000.5, "throughput_std": 3.25},
        **measured,
    }
    return {"architecture": architecture, "metrics": metrics, "platform_perf": platforms}


def write(folder: Path, results: dict[int, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    for number, content in results.items():
        (folder / f"result_{number}.json").write_text(json.dumps(content))
    return folder


def test_results_by_hand(tmp_path: Path) -> None:
    """Nine comes before ten; ten and two are one network."""
    folder = write(tmp_path / "json", {10: record(4, 61.5), 9: record(1, 62.5), 2: record(4, 60.5)})
    table = AccelNASBench().read([folder])
    base = [SPACE.to_string(genotype) for genotype in table.genotypes]
    assert base == [f"e{e}_k3_l1_se0:{':'.join([BASE] * 5)}:e1_k3_l1_se1" for e in (4, 1)]
    assert table.seeds == (0, 1)
    accuracy = table.columns["imagenet/validation_accuracy"]
    np.testing.assert_array_equal(accuracy.values, [[60.5, 61.5], [62.5, np.nan]])
    assert accuracy.reasons == ("no such row in the source",)
    assert table.columns["flops"].values.tolist() == [84_141_456] * 2
    assert table.columns["parameters"].values.tolist() == [1_838_752] * 2
    assert {path: (c.metric.units, c.metric.direction) for path, c in table.columns.items()} == {
        "imagenet/validation_accuracy": ("percent", "maximise"),
        "imagenet/validation_top5_accuracy": ("percent", "maximise"),
        "imagenet/train_seconds": ("seconds", "minimise"),
        "flops": ("count", "minimise"),
        "parameters": ("count", "minimise"),
        "imagenet/zcu102_latency": ("milliseconds", "minimise"),
        "imagenet/a100_throughput": ("images per second", "maximise"),
        "imagenet/a100_throughput_deviation": ("images per second", "none"),
    }
    source = table.recipe["source"]
    assert (source["rows"], source["architectures"], source["repeats"]) == (3, 2, 1)
    assert "splits" not in table.recipe


def test_archive_and_folder_are_one(tmp_path: Path) -> None:
    folder = write(tmp_path / "json", {1: record(), 0: record(6)})
    path = tmp_path / "anb.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, "json")
    one, other = AccelNASBench().read([folder]), AccelNASBench().read([path])
    np.testing.assert_array_equal(one.genotypes, other.genotypes)
    for name, column in one.columns.items():
        np.testing.assert_array_equal(column.values, other.columns[name].values)


def test_split_beside_the_results(tmp_path: Path) -> None:
    folder = write(tmp_path / "json", {1: record(), 0: record(6), 7: record(4)})
    for name, number in (("train", 7), ("val", 0), ("test", 1)):
        (tmp_path / f"{name}_paths.json").write_text(json.dumps([f"../elsewhere/json/result_{number}.json"]))
    parts = published_split(AccelNASBench().read([folder]))
    assert {name: rows.tolist() for name, rows in parts.items()} == {"train": [2], "validation": [0], "test": [1]}
    with pytest.raises(FileError, match="holds no train_paths"):
        AccelNASBench(splits=str(folder)).read([folder])


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"{", FileError, "json/result_0.json cannot be read as json"),
        (b"[]", FileError, "json/result_0.json is not an object with 'architecture'"),
        ({**record(), "metrics": 1}, FileError, "is not an object with 'architecture'"),
        (record(5), InputError, "json/result_0.json: block0_e is '5'; allowed are 1, 4, 6"),
        (record(top1="60"), InputError, "json/result_0.json, val_top1: '\"60\"' is not a finite number"),
        (record(top1=float("inf")), InputError, "val_top1: 'Infinity' is not a finite number"),
        (record(top1=None), FileError, "no result has a number val_top1"),
    ],
)
def test_bad_results_are_named(tmp_path: Path, content: Any, error: type[Exception], message: str) -> None:
    folder = write(tmp_path / "json", {0: record()})
    (folder / "result_0.json").write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(error, match=message):
        AccelNASBench().read([folder])


def test_two_files_of_one_number(tmp_path: Path) -> None:
    folder = write(tmp_path / "json", {1: record()})
    (folder / "result_01.json").write_text(json.dumps(record()))
    with pytest.raises(FileError, match="have the same number"):
        AccelNASBench().read([folder])


def test_repeats_of_one_network_agree_on_its_size(tmp_path: Path) -> None:
    other = record()
    other["metrics"]["params"] = 2.0
    with pytest.raises(InputError, match="row 1: parameters is 2000000"):
        AccelNASBench().read([write(tmp_path / "json", {0: record(), 1: other})])


CONTENT = json.dumps(record()).encode()


@given(at=st.integers(0, len(CONTENT)), put=st.binary(max_size=6))
@settings(max_examples=150, deadline=None)
def test_mutated_results_are_a_table_or_one_line(tmp_path_factory: pytest.TempPathFactory, at: int, put: bytes) -> None:
    folder = write(tmp_path_factory.mktemp("fuzz") / "json", {})
    (folder / "result_0.json").write_bytes(CONTENT[:at] + put + CONTENT[at + len(put) :])
    try:
        AccelNASBench().read([folder])
    except NasbenchError as error:
        assert "\n" not in str(error)


# --- the published table --------------------------------------------------------------------------------------------

published = pytest.mark.skipif(not FILE.exists(), reason="the published table is not here")


@published
def test_published_facts() -> None:
    table = AccelNASBench().read([FILE])
    source = table.recipe["source"]
    assert (source["rows"], source["architectures"], source["repeats"]) == (5_138, 5_125, 13)
    accuracy = table.columns["imagenet/validation_accuracy"].values
    assert accuracy.shape == (5_125, 2) and int((~np.isnan(accuracy)).sum()) == 5_138
    np.testing.assert_allclose([np.nanmin(accuracy), np.nanmax(accuracy)], [42.85, 67.052], atol=1e-3)
    assert np.nanmean(accuracy) == pytest.approx(60.18, abs=0.005)
    seconds = table.columns["imagenet/train_seconds"].values
    assert (int(np.nanmin(seconds)), int(np.nanmax(seconds))) == (1_064, 31_079)
    for name, least, most in (("flops", 84.1, 719.0), ("parameters", 1.84, 7.97)):
        values = table.columns[name].values / 1e6
        np.testing.assert_allclose([values.min(), values.max()], [least, most], atol=0.06)
    assert {path for path in table.columns if path.endswith("deviation")} == {
        f"imagenet/{device}_throughput_deviation" for device in ("a100", "3090", "tpuv2", "tpuv3")
    }
    assert {path for path in table.columns if path.endswith("latency")} == {
        "imagenet/zcu102_latency",
        "imagenet/vck190_latency",
    }


@published
def test_published_split(tmp_path: Path) -> None:
    """The authors' code drops repeats, and by an off-by-one the last path of the test part."""
    table = AccelNASBench().read([FILE])
    hdf5.write(table, tmp_path / "t.h5")
    parts = published_split(hdf5.read(tmp_path / "t.h5"))
    assert {name: len(rows) for name, rows in parts.items()} == {"train": 4_100, "validation": 512, "test": 512}
    together = np.concatenate(list(parts.values()))
    assert len(np.unique(together)) == 5_124
    assert table.recipe["source"]["splits"] == {
        "paths": {"train": 4_100, "validation": 512, "test": 512},
        "not_in_table": {"train": 0, "validation": 0, "test": 0},
        "architectures_in_several": 0,
    }
    paths = json.loads((FOLDER / "raw" / "test_paths.json").read_text())
    number = int(paths[0].rpartition("_")[2].removesuffix(".json"))
    line = FILE.read_text().splitlines()[1 + number].split(",")
    genotype = SPACE.from_columns(dict(zip(SPACE.choice_names, [[text] for text in line[1:29]], strict=True)))[0]
    row = int(np.flatnonzero((table.genotypes == genotype).all(axis=1))[0])
    assert int(line[0]) == number and row in parts["test"]


@published
def test_trees_learn_the_published_split_as_well_as_published() -> None:
    """The authors' trees: Kendall's tau 0.917 and R2 0.984 on the test part."""
    from scipy.stats import kendalltau
    from xgboost import XGBRegressor

    table = AccelNASBench().read([FILE])
    parts = published_split(table)
    y = np.nanmean(table.columns["imagenet/validation_accuracy"].values, axis=1)
    trees = XGBRegressor(
        n_estimators=1_000, max_depth=4, learning_rate=0.1, subsample=0.5, colsample_bytree=0.4, n_jobs=1
    ).fit(table.genotypes[parts["train"]], y[parts["train"]])
    found, wanted = trees.predict(table.genotypes[parts["test"]]), y[parts["test"]]
    assert kendalltau(found, wanted).statistic > 0.9
    assert 1 - ((found - wanted) ** 2).mean() / wanted.var() > 0.975


@published
def test_published_sizes_are_those_of_our_networks() -> None:
    import torch

    from nasbench.measures.parameters import parameters
    from nasbench.tasks.images import ImageClassification

    table = AccelNASBench().read([FILE])
    for row in (0, 1_000, 5_000):
        with torch.device("meta"):
            network = SPACE.network(
                table.genotypes[row], ImageClassification((3, 224, 224), 1000), NetworkSettings(channels=32)
            )
        assert parameters(network) == table.columns["parameters"].values[row]


@published
@pytest.mark.parametrize(
    ("row", "column", "text", "message"),
    [
        (1, 0, "0", "row 2: '0' is not the number of a result, or occurs twice"),
        (0, 0, "x", "row 1: 'x' is not the number of a result"),
        (3, 1, "2", "row 4: block0_e is '2'; allowed are 1, 4, 6"),
        (3, 29, "high", "row 4, val_top1: 'high' is not a finite number"),
    ],
)
def test_bad_rows_of_the_csv_are_named(tmp_path: Path, row: int, column: int, text: str, message: str) -> None:
    lines = FILE.read_text().splitlines()[:8]
    cells = lines[1 + row].split(",")
    cells[column] = text
    lines[1 + row] = ",".join(cells)
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines))
    with pytest.raises((FileError, InputError), match=message):
        AccelNASBench().read([path])


@published
@given(at=st.integers(0, 4_000), put=st.binary(max_size=6))
@settings(max_examples=50, deadline=None)
def test_mutated_csv_is_a_table_or_one_line(tmp_path_factory: pytest.TempPathFactory, at: int, put: bytes) -> None:
    content = b"\n".join(FILE.read_bytes().splitlines()[:8])
    path = tmp_path_factory.mktemp("fuzz") / "t.csv"
    path.write_bytes(content[:at] + put + content[at + len(put) :])
    try:
        AccelNASBench().read([path])
    except NasbenchError as error:
        assert "\n" not in str(error)
