"""NAS-Bench-301: the authors' own example by hand, curves, repeats, strategies, and refused files."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.benchmark import hdf5
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import FileError, InputError, NasbenchError
from nasbench.evaluate.holdout import found_by, published_split, without
from nasbench.importers.nasbench301 import NASBench301
from nasbench.spaces.darts import DARTS
from nasbench.spaces.darts_config import PREFIX

SPACE = DARTS()
EXAMPLE = {
    **{"edge_normal_0": "skip_connect", "edge_normal_1": "sep_conv_3x3"},
    **{"inputs_node_normal_3": "0_1", "edge_normal_2": "sep_conv_3x3", "edge_normal_3": "skip_connect"},
    **{"inputs_node_normal_4": "0_2", "edge_normal_5": "dil_conv_3x3", "edge_normal_7": "dil_conv_5x5"},
    **{"inputs_node_normal_5": "1_2", "edge_normal_10": "sep_conv_3x3", "edge_normal_11": "skip_connect"},
    **{"edge_reduce_0": "max_pool_3x3", "edge_reduce_1": "avg_pool_3x3"},
    **{"inputs_node_reduce_3": "0_1", "edge_reduce_2": "skip_connect", "edge_reduce_3": "dil_conv_5x5"},
    **{"inputs_node_reduce_4": "1_2", "edge_reduce_6": "sep_conv_3x3", "edge_reduce_7": "sep_conv_5x5"},
    **{"inputs_node_reduce_5": "2_3", "edge_reduce_11": "sep_conv_3x3", "edge_reduce_12": "dil_conv_3x3"},
}
"""The network of the file that the authors test their code with."""
TEXT = (
    "Genotype(normal=[('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 1), "
    "('dil_conv_3x3', 0), ('dil_conv_5x5', 2), ('sep_conv_3x3', 1), ('skip_connect', 2)], normal_concat=[2, 3, 4, 5], "
    "reduce=[('max_pool_3x3', 0), ('avg_pool_3x3', 1), ('skip_connect', 0), ('dil_conv_5x5', 1), "
    "('sep_conv_3x3', 1), ('sep_conv_5x5', 2), ('sep_conv_3x3', 2), ('dil_conv_3x3', 3)], reduce_concat=[2, 3, 4, 5])"
)


def result(curve: list[Any] | None = None, changed: dict[str, Any] | None = None, **others: Any) -> dict[str, Any]:
    """A file in the published layout; `changed` are parts of the architecture."""
    architecture = {PREFIX + name: value for name, value in {**EXAMPLE, **(changed or {})}.items() if value}
    config = {
        "CreateImageDataLoader:batch_size": 96,
        "OptimizerSelector:sgd:learning_rate": 0.025,
        f"{PREFIX}layers": 8,
        f"{PREFIX}init_channels": 32,
        **architecture,
    }
    info = {
        **{"train_loss": 0.5, "train_accuracy": 86.5, "train_cross_entropy": 1.5, "val_accuracy": 93.5},
        **{"val_cross_entropy": 0.25, "epochs": 3, "model_parameters": 1_200_000, "val_accuracy_final": 93.51},
    }
    record = {
        "final_metric_score": -93.5,
        "optimized_hyperparamater_config": config,
        "budget": 3,
        "info": [info],
        "test_accuracy": 93.25,
        "runtime": 5_400,
    }
    if curve is not None:
        record["learning_curves"] = {"Train/val_accuracy": curve, "Train/train_accuracy": curve, "Train/lr": curve}
    return {**record, **others}


OTHER = {"edge_normal_0": "max_pool_3x3"}


def write(folder: Path, results: dict[str, Any]) -> Path:
    """Files by strategy and name."""
    for name, content in results.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return folder


def test_the_example_of_the_authors(tmp_path: Path) -> None:
    table = NASBench301().read([write(tmp_path / "nb", {"rs/results_0.json": result()})])
    assert [SPACE.to_string(genotype) for genotype in table.genotypes] == [TEXT]
    assert {path: float(c.values[0]) for path, c in table.columns.items()} == {
        "cifar10/test_accuracy": 93.25,
        "parameters": 1_200_000,
        "cifar10/final_train_loss": 0.5,
        "cifar10/final_train_accuracy": 86.5,
        "cifar10/final_train_cross_entropy": 1.5,
        "cifar10/final_validation_accuracy": 93.5,
        "cifar10/final_validation_cross_entropy": 0.25,
        "cifar10/train_seconds": 5_400,
    }
    assert table.recipe["training"]["OptimizerSelector:sgd:learning_rate"] == 0.025
    assert not any("edge" in name or "inputs" in name for name in table.recipe["training"])
    metric = TabularBenchmark(table, "t").score()
    assert (metric.path, metric.units) == ("cifar10/final_validation_accuracy", "percent")


def test_curves_and_repeats(tmp_path: Path) -> None:
    """In the order of strategies and numbers; the second network was found twice, and trained a shorter time once."""
    folder = write(
        tmp_path / "nb",
        {
            "rs/results_10.json": result([50.0, 60.0, 70.0]),
            "rs/results_9_ti.json": result([51.0, 61.0, None], changed=OTHER),
            "de/results_11.json": result([52.0, 62.0], changed=OTHER, runtime=4_000),
        },
    )
    table = NASBench301().read([folder])
    assert [SPACE.to_string(genotype)[19:31] for genotype in table.genotypes] == ["max_pool_3x3", "skip_connect"]
    assert table.seeds == (0, 1) and dict(table.epochs) == {"cifar10": (1, 2, 3)}
    curve = table.columns["cifar10/validation_accuracy"]
    nan = np.nan
    np.testing.assert_array_equal(curve.values, [[[52, 62, nan], [51, 61, nan]], [[50, 60, 70], [nan, nan, nan]]])
    assert curve.reasons == ("no such row in the source", "the source does not record it at this epoch")
    seconds = table.columns["cifar10/train_seconds"].values
    np.testing.assert_array_equal(seconds[0], [[nan, 4_000, nan], [nan, nan, 5_400]])
    spread = NASBench301(spread_seconds=True).read([folder]).columns["cifar10/train_seconds"]
    np.testing.assert_array_equal(spread.values[0], [[2_000, 4_000, nan], [1_800, 3_600, 5_400]])
    assert "as if all epochs had cost the same" in spread.metric.description
    source = table.recipe["source"]
    assert (source["rows"], source["architectures"], source["by_strategy"]) == (3, 2, {"de": 1, "rs": 2})
    assert TabularBenchmark(table, "t").score().path == "cifar10/validation_accuracy"


def test_leave_one_strategy_out(tmp_path: Path) -> None:
    files = {
        "rs/results_0.json": result(),
        "de/results_0.json": result(changed=OTHER),
        "darts/results_3.json": result(),
    }
    hdf5.write(NASBench301().read([write(tmp_path / "nb", files)]), tmp_path / "t.h5")
    table = hdf5.read(tmp_path / "t.h5")
    assert {name: rows.tolist() for name, rows in found_by(table).items()} == {"darts": [0], "de": [1], "rs": [0]}
    assert [rows.tolist() for rows in without(table, "darts")] == [[1], [0]]
    assert [rows.tolist() for rows in without(table, "de")] == [[0], [1]]


def test_published_split(tmp_path: Path) -> None:
    """Files are numbered within a strategy, so two parts of a path identify a training."""
    folder = write(tmp_path / "nb", {"rs/results_0.json": result(), "de/results_0.json": result(changed=OTHER)})
    for name, listed in (
        ("train", ["/home/a/nb_301_v12/rs/results_0.json"]),
        ("val", []),
        ("test", ["x/de/results_0.json"]),
    ):
        (folder / f"{name}_paths.json").write_text(json.dumps(listed))
    parts = published_split(NASBench301().read([folder]))
    assert {name: rows.tolist() for name, rows in parts.items()} == {"train": [1], "validation": [], "test": [0]}


def test_archive_one_strategy_and_other_folders(tmp_path: Path) -> None:
    files = {
        "rs/results_0.json": result(),
        "groundtruths/results_0.json": b"{",
        "de/results_1.json": result(changed=OTHER),
    }
    folder = write(tmp_path / "nb", files)
    with zipfile.ZipFile(tmp_path / "nb.zip", "w") as archive:
        for name in files:
            archive.write(folder / name, f"nb/{name}")
    for path in (folder, tmp_path / "nb.zip"):
        table = NASBench301().read([path])
        assert table.recipe["source"]["skipped"] == {"in the folder 'groundtruths'": 1}
        assert len(table.genotypes) == 2
    assert set(NASBench301().read([folder / "rs"]).recipe["found_by"]) == {"rs"}
    assert set(NASBench301(strategies="de").read([folder]).recipe["found_by"]) == {"de"}
    with pytest.raises(FileError, match=r"no training of tpe; skipped are \{.*'rs'"):
        NASBench301(strategies="tpe").read([folder])


def test_lenient_skips_and_counts(tmp_path: Path) -> None:
    files = {f"rs/results_{number}.json": result() for number in range(3)}
    files["rs/results_3.json"] = b"{"
    files["rs/results_4.json"] = result(changed={"edge_normal_0": "none"})
    files["rs/results_5.json"] = result(budget=100)
    folder = write(tmp_path / "nb", files)
    source = NASBench301(lenient=True).read([folder]).recipe["source"]
    assert source["rows"] == 3
    assert source["skipped"] == {"cannot be read": 1, "no architecture of darts": 1, "of other settings": 1}
    bad = write(tmp_path / "bad", {"rs/results_3.json": b"{"})
    with pytest.raises(FileError, match=r"has no training of rs, re, .*'cannot be read': 1"):
        NASBench301(lenient=True).read([bad])


def test_what_differs_between_trainings_is_named(tmp_path: Path) -> None:
    other = result()
    other["optimized_hyperparamater_config"]["OptimizerSelector:sgd:learning_rate"] = 0.1
    table = NASBench301().read([write(tmp_path / "nb", {"rs/results_0.json": result(), "rs/results_1.json": other})])
    assert table.recipe["source"]["varying"] == ["OptimizerSelector:sgd:learning_rate"]
    assert table.recipe["training"]["CreateImageDataLoader:batch_size"] == 96
    folder = write(tmp_path / "nb", {"rs/results_2.json": result(budget=100)})
    with pytest.raises(
        InputError, match=r"rs/results_2.json has budget, layers, init_channels of \[100, 8, 32\], others"
    ):
        NASBench301().read([folder])


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b"{", FileError, "nb/rs/results_0.json cannot be read as json"),
        ({}, FileError, "is not an object with 'optimized_hyperparamater_config' and an 'info' of one entry"),
        (result(info=[]), FileError, "an 'info' of one entry"),
        (result(info=[{}]), FileError, "no training in nb has a number for the validation images"),
        (result(test_accuracy="93"), FileError, "results_0.json, test_accuracy: '93' is not a number"),
        (result(budget="3"), FileError, "budget, layers and init_channels are numbers"),
        (result(learning_curves=[1]), FileError, "learning_curves is not an object"),
        (
            result(learning_curves={"Train/val_accuracy": []}),
            FileError,
            "Train/val_accuracy is not a list of 1 to 2,000",
        ),
        (result(["a"]), FileError, "Train/train_accuracy: 'a' is not a number"),
        (result(changed={"edge_normal_0": "conv_7x7"}), InputError, "results_0.json: edge_normal_0 is 'conv_7x7'"),
        (result(changed={"edge_normal_5": ""}), InputError, "edge_normal_5 is 'None'"),
        (result(changed={"inputs_node_normal_4": "0_3"}), InputError, "edge_normal_8 is 'None'"),
        (result(changed={"inputs_node_normal_3": "0_2"}), InputError, "edge_normal_4 is 'None'"),
        (result(changed={"inputs_node_normal_3": "1_0"}), InputError, "inputs_node_normal_3 is '1_0'"),
        (result(changed={"edge_normal_13": "sep_conv_3x3"}), InputError, "edge_normal_13 has an operation, but no"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, content: Any, error: type[Exception], message: str) -> None:
    folder = write(tmp_path / "nb", {"rs/results_0.json": content})
    with pytest.raises(error, match=message) as caught:
        NASBench301().read([folder])
    assert "\n" not in str(caught.value)


def test_two_files_of_one_name(tmp_path: Path) -> None:
    folder = write(tmp_path / "nb", {"a/rs/results_0.json": result(), "b/rs/results_0.json": result()})
    with pytest.raises(FileError, match=r"nb has two files results_0\.json of rs"):
        NASBench301().read([folder])


CONTENT = json.dumps(result([50.0, 60.0])).encode()


@given(at=st.integers(0, len(CONTENT)), put=st.binary(max_size=6), lenient=st.booleans())
@settings(max_examples=150, deadline=None)
def test_mutated_bytes_are_a_table_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, at: int, put: bytes, lenient: bool
) -> None:
    content = CONTENT[:at] + put + CONTENT[at + len(put) :]
    folder = write(tmp_path_factory.mktemp("fuzz"), {"rs/results_0.json": content, "de/results_0.json": result()})
    try:
        assert len(NASBench301(lenient=lenient).read([folder]).genotypes) > 0
    except NasbenchError as error:
        assert "\n" not in str(error)
