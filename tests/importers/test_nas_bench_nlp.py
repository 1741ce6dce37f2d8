"""NAS-Bench-NLP: logs written here in the form of the source, numbers of its best cell, and what is refused."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import FileError, InputError, NasbenchError
from nasbench.importers.nas_bench_nlp import NASBenchNLP

RNN = '{"f": {"op": "linear", "input": ["x", "h_prev_0"]}, "h_new_0": {"op": "activation_tanh", "input": ["f"]}}'
SAME = RNN.replace('"f"', '"g"').replace('"x", "h_prev_0"', '"h_prev_0", "x"')
OTHER = RNN.replace("tanh", "sigm")


def log(recipe: str = RNN, epochs: int = 2, **changed: Any) -> dict[str, Any]:
    """A log: losses fall by 0.1 an epoch, from 6 in training, 7 in validation, 8 in the test."""
    losses = {
        f"{part}_losses": [start - 0.1 * epoch for epoch in range(epochs)]
        for part, start in (("train", 6.0), ("val", 7.0), ("test", 8.0))
    }
    return {
        "data": "data/ptb",
        "recepie_id": 7,
        "recepie": recipe,
        "num_params": 5000,
        "epochs": 2,
        "dropout": 0.1,
        "wall_times": [10.0] * epochs,
        **losses,
        "status": "OK",
        **changed,
    }


def write(folder: Path, *logs: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    for number, content in enumerate(logs):
        path = folder / f"log_stats_model_{number}_2020-04-19_08-20-59_99994925{number}.json"
        path.write_text(json.dumps(content))
    return folder


def test_losses_by_epoch_and_repeat(tmp_path: Path) -> None:
    table = NASBenchNLP().read([write(tmp_path, log(), log(SAME, train_losses=[5, 4]), log(OTHER, epochs=1))])
    assert (len(table.genotypes), table.seeds, table.epochs) == (2, (0, 1), {"ptb": (1, 2)})
    benchmark = TabularBenchmark(table)
    assert benchmark.query(RNN, "validation_loss", epoch=1).value == 7
    assert benchmark.query(SAME, "train_loss", seed=1).value == 4
    assert benchmark.query(RNN, "train_loss", seed="mean", epoch=1).value == 5.5
    answer = benchmark.query(RNN, "test_loss", seed=0)
    assert (answer.value, answer.units, answer.split, answer.cost) == (7.9, "nats", "test", 20)
    assert table.columns["ptb/test_loss"].metric.direction == "minimise"
    assert benchmark.query(OTHER, "test_loss", seed=0).reason == "the training was over"
    assert benchmark.query(OTHER, "test_loss", seed=1).reason == "the source has no such training"
    assert benchmark.query(RNN, "parameters").value == 5000
    assert benchmark.score().path == "ptb/validation_loss"
    assert table.recipe["training"]["ptb"] == {"epochs": 2, "dropout": 0.1, "varying": {}}


def test_a_failure_is_missing_with_its_reason_and_has_cost_its_time(tmp_path: Path, lstm: str) -> None:
    nan = log(epochs=2, val_losses=[7.0, float("nan")], status="loss is nan!")
    broken = log(OTHER, epochs=0, status="Exception: CUDA\nerror")
    long = log(lstm, epochs=4, dropout=0.4)
    table = NASBenchNLP().read([write(tmp_path, nan, broken, long)])
    benchmark = TabularBenchmark(table)
    assert benchmark.query(RNN, "validation_loss", epoch=2).reason == "the loss is no finite number"
    answer = benchmark.query(RNN, "validation_loss", epoch=4)
    assert (answer.reason, answer.cost) == ("the training had failed: loss is nan!", 20)
    assert benchmark.query(OTHER, "test_loss").reason == "the training had failed: Exception: CUDA error"
    assert np.isnan(benchmark.query(OTHER, "test_loss").cost)
    assert table.recipe["source"]["statuses"] == {"loss is nan!": 1, "Exception: CUDA error": 1, "OK": 1}
    assert table.recipe["training"]["ptb"] == {"epochs": 2, "varying": {"dropout": 2}}


def test_further_repeats_are_left_out_and_counted(tmp_path: Path) -> None:
    folder = write(tmp_path, log(), log(SAME, test_losses=[1, 2]), log(), log(OTHER))
    table = NASBenchNLP(repeats=2).read([folder])
    assert table.seeds == (0, 1)
    assert table.columns["ptb/test_loss"].values[0, :, 1].tolist() == [7.9, 2]
    assert table.recipe["source"]["skipped"] == {"further repeats": 1}
    with pytest.raises(InputError, match="repeats is a number from 1, got 0"):
        NASBenchNLP(repeats=0)


def test_data_sets_stand_side_by_side(tmp_path: Path) -> None:
    one = write(tmp_path / "one", log(), log(OTHER))
    wiki = log(data="data/wikitext-2/", epochs=3)
    (tmp_path / "two.zip").write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("logs/log_stats_model_5_x.json", json.dumps(wiki))
        archive.writestr("logs/readme.txt", "none of them")
    table = NASBenchNLP().read([one, tmp_path / "two.zip"])
    assert table.epochs == {"ptb": (1, 2), "wikitext-2": (1, 2, 3)}
    assert table.columns["wikitext-2/test_loss"].values[:, 0, 2] == pytest.approx([7.8, np.nan], nan_ok=True)
    only = NASBenchNLP("wikitext-2").read([one, tmp_path / "two.zip"])
    assert list(only.epochs) == ["wikitext-2"]
    assert only.recipe["source"]["skipped"] == {"on ptb": 2}
    with pytest.raises(FileError, match="found no training on wiki"):
        NASBenchNLP("wiki").read([one])


def test_numbers_of_the_best_cell(tmp_path: Path, lstm: str) -> None:
    """The log that the authors show: an LSTM, the best cell, with a perplexity of 78.89 on the test text."""
    best = log(
        lstm,
        num_params=10_896_400,
        wall_times=[237.8071584701538, 237.24799275398254],
        train_losses=[5.530839014845893, 3.0601817999973107],
        val_losses=[5.564831170550847, 4.41530952065678],
        test_losses=[5.528548453618022, 4.368057399120145],
    )
    benchmark = TabularBenchmark(NASBenchNLP().read([write(tmp_path, best)]))
    assert np.exp(benchmark.query(lstm, "test_loss").value) == pytest.approx(78.89, abs=0.005)
    assert benchmark.query(lstm, "parameters").value == 10_896_400


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"recepie": None}, "is not an object with texts 'recepie', 'data' and 'status'"),
        ({"data": "data/ptb/?"}, "data is 'data/ptb/.', expected the folder"),
        ({"val_losses": None}, "has no list 'val_losses'"),
        ({"val_losses": [7.0]}, "losses and wall_times are not of one length"),
        ({"val_losses": [7.0, "6"]}, "val_losses: '6' is not a number"),
        ({"val_losses": [7.0, -1]}, "val_losses has -1.0, expected no number below 0"),
        ({"wall_times": [1.0, None]}, "or a time is not a number"),
        ({"num_params": None}, "num_params is nan, expected a count"),
        ({"recepie": RNN.replace("tanh", "tan")}, r"log_stats_model_0.*: node 'h_new_0' has op"),
        ({"recepie": "{}"}, "the cell has no h_new_0, which is its output"),
    ],
)
def test_bad_logs_are_named_or_skipped(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    folder = write(tmp_path, log(**changed), log(OTHER))
    with pytest.raises((FileError, InputError), match=message):
        NASBenchNLP().read([folder])
    lenient = NASBenchNLP(lenient=True).read([folder])
    assert len(lenient.genotypes) == 1
    assert sum(lenient.recipe["source"]["skipped"].values()) == 1


def test_bad_paths_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got no path"):
        NASBenchNLP().read([])
    folder = write(tmp_path / "logs", log())
    with pytest.raises(FileError, match="there is a second file log_stats_model_0"):
        NASBenchNLP().read([folder, folder])
    with pytest.raises(FileError, match="no training on ptb finished an epoch"):
        NASBenchNLP().read([write(tmp_path / "none", log(epochs=0))])
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError):
        NASBenchNLP().read([tmp_path / "empty"])


@given(at=st.integers(0, 900), put=st.binary(max_size=6))
@settings(max_examples=150, deadline=None)
def test_mutated_bytes_are_a_table_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, lstm: str, at: int, put: bytes
) -> None:
    folder = write(tmp_path_factory.mktemp("fuzz"), log(lstm))
    (path,) = folder.iterdir()
    content = path.read_bytes()
    path.write_bytes(content[:at] + put + content[at + len(put) :])
    try:
        NASBenchNLP().read([folder])
    except NasbenchError as error:
        assert "\n" not in str(error)
