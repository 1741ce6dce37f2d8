"""NAS-Bench-BERT: scores, times and training-free metrics of the same trainings, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.errors import FileError, InputError, NasbenchError
from nasbench.importers.nas_bench_bert import FAILED, METRICS, TASKS, NASBenchBERT

LAYER = {
    "operation_type": "SA",
    "operation_parameter": "SDP",
    "num_operation_heads": 2,
    "feed_forward_dimension": 512,
    "num_feed_forward": 1,
}


def training(number: Any = 0, hidden: int = 128, score: float = 50.0, **changes: Any) -> dict[str, Any]:
    scores = {**dict.fromkeys(TASKS, score), "glue": score, **changes.pop("scores", {})}
    settings_ = {"hidden_size": hidden, "nas_config": {"encoder_layers": [LAYER, LAYER]}}
    record = {"id": number, "completed": True, "time_to_train": 1000.0, "scores": scores}
    return {**record, "hparams": {"model_hparam_overrides": settings_}, **changes}


def write(folder: Path, *trainings: Any) -> Path:
    path = folder / "BERT_benchmark.json"
    path.write_text(json.dumps(list(trainings)))
    return path


def write_metrics(folder: Path, *rows: tuple[int, float, int]) -> Path:
    """Rows of id, score and parameters; the metrics are 0, 1, ... each plus the id."""
    path = folder / "BERT_results_activation.csv"
    lines = [",".join(("ID", "GLUE Score", *METRICS[:8], "Number of Parameters", *METRICS[8:]))]
    for number, score, parameters in rows:
        values = [number + k for k in range(len(METRICS))]
        lines.append(",".join(map(str, (number, score, *values[:8], parameters, *values[8:]))))
    path.write_text("\n".join(lines) + "\n")
    return path


def test_scores_and_time_by_hand(tmp_path: Path) -> None:
    table = NASBenchBERT().read([write(tmp_path, training(scores={"sts": 75.5}), training(1, 256, 60))])
    assert table.genotypes[:, 0].tolist() == [0, 1]
    assert table.columns["glue/validation_sts"].values.tolist() == [75.5, 60]
    assert table.columns["glue/validation_average"].values.tolist() == [50, 60]
    assert table.columns["glue/train_seconds"].values.tolist() == [1000, 1000]
    facts = table.columns["glue/validation_average"].metric
    assert (facts.split, facts.units, facts.direction) == ("validation", "points", "maximise")


def test_metrics_are_joined_by_id_and_repeats_are_seeds(tmp_path: Path) -> None:
    write(tmp_path, training(7), training(3, 256, 60), training(5, 128, 70))
    write_metrics(tmp_path, (3, 60, 20), (7, 50, 10), (5, 70, 10))
    table = NASBenchBERT().read([tmp_path])
    assert table.seeds == (0, 1)
    np.testing.assert_array_equal(table.columns["glue/validation_cola"].values, [[50, 70], [60, np.nan]])
    np.testing.assert_array_equal(table.columns["training_free/synaptic_diversity"].values, [[7, 5], [3, np.nan]])
    np.testing.assert_array_equal(table.columns["training_free/jacobian_score"].values, [[13, 11], [9, np.nan]])
    assert table.columns["parameters"].values.tolist() == [10, 20]


def test_an_accuracy_of_zero_is_missing_and_a_correlation_of_zero_is_not(tmp_path: Path) -> None:
    table = NASBenchBERT().read(
        [write(tmp_path, training(scores={"cola": 0.0}), training(1, 256, scores={"rte": 0.0}))]
    )
    assert table.columns["glue/validation_cola"].values.tolist() == [0, 50]
    for name in ("rte", "average"):
        column = table.columns[f"glue/validation_{name}"]
        assert column.missing.tolist() == [0, 1] and column.reasons == (FAILED,)
    assert table.recipe["source"]["skipped"] == {FAILED: 1}


@pytest.mark.parametrize(
    ("trainings", "message"),
    [
        ([], "is not a list of trainings"),
        ([1], "training 0 is not an object with a whole number 'id'"),
        ([training(), training("1")], "training 1 is not an object with a whole number 'id'"),
        ([training(), training()], "has two trainings of one id"),
        ([{**training(), "scores": [1]}], "training 0 has no object 'scores'"),
        ([training(hparams=None)], "training 0 has no 'hparams' with 'model_hparam_overrides'"),
        ([training(hidden=100)], "training 0: an encoder of flexibert has hidden_size 100; known are 128, 256"),
        ([training(time_to_train="long")], "training 0, time_to_train: 'long' is not a number"),
    ],
)
def test_bad_trainings_are_named(tmp_path: Path, trainings: list[Any], message: str) -> None:
    with pytest.raises(NasbenchError, match=message):
        NASBenchBERT().read([write(tmp_path, *trainings)])


def test_metrics_of_other_trainings_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, training(), training(1, 256))
    with pytest.raises(InputError, match="lacks training 1; it belongs to another benchmark"):
        NASBenchBERT().read([path, write_metrics(tmp_path, (0, 50, 10), (2, 50, 10))])
    with pytest.raises(InputError, match="has 3 rows for 2 trainings"):
        NASBenchBERT().read([path, write_metrics(tmp_path, (0, 50, 10), (1, 50, 10), (1, 50, 10))])
    with pytest.raises(InputError, match="has another GLUE score of training 1"):
        NASBenchBERT().read([path, write_metrics(tmp_path, (0, 50, 10), (1, 51, 10))])
    with pytest.raises(
        FileError, match="expected a JSON file of trainings and at most one csv file of metrics, got BERT_results"
    ):
        NASBenchBERT().read([tmp_path / "BERT_results_activation.csv"])


@given(at=st.integers(0, 700), put=st.binary(max_size=6))
@settings(max_examples=100, deadline=None)
def test_mutated_bytes_are_a_table_or_one_line(tmp_path_factory: pytest.TempPathFactory, at: int, put: bytes) -> None:
    path = write(tmp_path_factory.mktemp("fuzz"), training())
    content = path.read_bytes()
    path.write_bytes(content[:at] + put + content[at + len(put) :])
    try:
        NASBenchBERT().read([path])
    except NasbenchError as error:
        assert "\n" not in str(error)
