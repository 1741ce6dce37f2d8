"""TransNAS-Bench-101: a case by hand in the published layout, units and directions of every task, what is refused."""

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import FileError, InputError, NasbenchError
from nasbench.importers.formats.pickle import TORCH_MAGIC
from nasbench.importers.transnas101 import TransNAS101

CLASSES = [f"{part}_{what}" for part in ("train", "valid", "test") for what in ("top1", "top5", "loss")]
METRICS = {
    "class_scene": [*CLASSES, "time_elapsed"],
    "class_object": [*CLASSES, "time_elapsed"],
    "room_layout": [f"{part}_{what}" for part in ("train", "valid", "test") for what in ("loss", "neg_loss")]
    + ["time_elapsed"],
    "jigsaw": [*CLASSES, "time_elapsed"],
    "segmentsemantic": [f"{part}_{what}" for part in ("train", "valid", "test") for what in ("loss", "acc", "mIoU")]
    + ["time_elapsed"],
    "normal": [f"{part}_{what}" for part in ("train", "valid", "test") for what in ("ssim", "l1_loss")]
    + ["time_elapsed"],
    "autoencoder": [f"{part}_{what}" for part in ("train", "valid", "test") for what in ("ssim", "l1_loss")]
    + ["time_elapsed"],
}
"""Names in the published file."""
EPOCHS = {"jigsaw": 2, "autoencoder": 4, "normal": 4, "segmentsemantic": 4}
INFO = {"inference_time": 0.01, "encoder_params": 5e6, "model_params": 6e6, "model_FLOPs": 3e9, "encoder_FLOPs": 2e9}


def training(task: str, base: float = 0.0) -> dict[str, Any]:
    """Curves that differ by metric, part and epoch."""
    epochs = EPOCHS.get(task, 3)
    metrics = {name: [base + place + k / 8 for k in range(epochs)] for place, name in enumerate(METRICS[task])}
    metrics["time_elapsed"] = [f"00:{k + 1:02}:30" for k in range(epochs)]
    return {"total_epochs": epochs, "model_info": dict(INFO), "metrics": metrics}


def content(**data: Any) -> dict[str, Any]:
    """A file; by default two networks of each space."""
    if not data:
        micro, macro = ("64-41414-1_02_333", "64-41414-3_33_333"), ("64-1234-basic", "64-4111-basic")
        data = {
            level: {text: {task: training(task, 100.0 * row) for task in METRICS} for row, text in enumerate(texts)}
            for level, texts in (("macro", macro), ("micro", micro))
        }
    return {"metrics_dict": METRICS, "info_names": list(INFO), "task_list": list(METRICS), "data": data}


def write(path: Path, value: Any, zipped: bool = True) -> Path:
    """Bytes in the new and the old format of `torch.save`."""
    if zipped:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps(value, 2))
        path.write_bytes(packed.getvalue())
    else:
        parts: tuple[Any, ...] = (TORCH_MAGIC, 1001, {"little_endian": True}, value, [])
        path.write_bytes(b"".join(pickle.dumps(part, 2) for part in parts))
    return path


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("space", ["micro", "macro", "tnb101_macro"])
def test_curves_by_hand(tmp_path: Path, zipped: bool, space: str) -> None:
    table = TransNAS101(space).read([write(tmp_path / "t.pth", content(), zipped)])
    texts = [table.space.to_string(genotype) for genotype in table.genotypes]
    assert texts == (
        ["64-41414-1_02_333", "64-41414-3_33_333"] if space == "micro" else ["64-1234-basic", "64-4111-basic"]
    )
    assert table.seeds == (666,)
    assert table.epochs["jigsaw"] == (1, 2) and table.epochs["normal"] == (1, 2, 3, 4)
    valid = table.columns["class_scene/validation_accuracy"]  # the fourth metric of the task
    assert valid.values.tolist() == [[[3, 3.125, 3.25]], [[103, 103.125, 103.25]]]
    assert table.columns["class_scene/test_accuracy"].values[0, 0, -1] == 6.25
    assert table.columns["class_scene/train_seconds"].values[0, 0].tolist() == [90, 150, 210]
    assert table.columns["normal/parameters"].values.tolist() == [6e6, 6e6]
    source = table.recipe["source"]
    assert (source["rows"], source["architectures"], source["not_read"]) == (14, 2, [])
    assert source["time_is_from_start"] == dict.fromkeys(METRICS, True)
    answer = TabularBenchmark(table, "t").query(texts[0], "jigsaw/validation_accuracy", epoch=1)
    assert (answer.value, answer.cost) == (3, 90)


def test_every_metric_has_its_own_units_and_direction(tmp_path: Path) -> None:
    table = TransNAS101("micro").read([write(tmp_path / "t.pth", content())])
    found = {path: (c.metric.split, c.metric.units, c.metric.direction) for path, c in table.columns.items()}
    for task in ("class_scene", "class_object", "jigsaw"):
        assert found[f"{task}/test_accuracy"] == ("test", "percent", "maximise")
        assert found[f"{task}/validation_top5_accuracy"] == ("validation", "percent", "maximise")
        assert found[f"{task}/validation_loss"] == ("validation", "nats", "minimise")
    assert found["room_layout/validation_loss"] == ("validation", "none", "minimise")
    assert found["room_layout/test_negative_loss"] == ("test", "none", "maximise")
    assert found["segmentsemantic/validation_mean_iou"] == ("validation", "percent", "maximise")
    assert found["segmentsemantic/test_accuracy"] == ("test", "percent", "maximise")
    for task in ("normal", "autoencoder"):
        assert found[f"{task}/validation_ssim"] == ("validation", "none", "maximise")
        assert found[f"{task}/train_l1_loss"] == ("train", "none", "minimise")
    assert found["normal/train_seconds"] == ("none", "seconds", "minimise")
    assert found["normal/inference_seconds"] == ("none", "seconds", "minimise")
    assert found["normal/encoder_flops"] == ("none", "count", "minimise")
    assert len(found) == sum(map(len, METRICS.values())) + len(METRICS) * len(INFO)


def test_some_tasks(tmp_path: Path) -> None:
    path = write(tmp_path / "t.pth", content())
    table = TransNAS101("macro", dataset="jigsaw,normal").read([path])
    assert {path.partition("/")[0] for path in table.columns} == {"jigsaw", "normal"}
    with pytest.raises(InputError, match="unknown task 'depth'; the file has class_scene, "):
        TransNAS101("macro", dataset="depth").read([path])


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    """One network lacks a task, one was trained for fewer epochs, and one number is not finite."""
    short = training("class_scene")
    short |= {"total_epochs": 2, "metrics": {name: values[:2] for name, values in short["metrics"].items()}}
    broken = training("class_scene")
    broken["metrics"]["valid_loss"][1] = float("nan")
    data = OrderedDict(
        {f"64-{text}-basic": {"class_scene": record} for text, record in (("1234", short), ("4111", broken))}
    )
    data["64-1114-basic"] = {"jigsaw": training("jigsaw")}
    table = TransNAS101("macro", "class_scene").read([write(tmp_path / "t.pth", content(macro=data))])
    column = table.columns["class_scene/validation_loss"]
    reasons = [[column.reasons[code - 1] if code else "" for code in row] for row in column.missing[:, 0].tolist()]
    assert reasons == [
        ["", "", "the source does not record it at this epoch"],
        ["", "the source has no finite number", ""],
        ["the source has no training of this task"] * 3,
    ]


def test_times_of_single_epochs_are_added(tmp_path: Path) -> None:
    record = training("jigsaw")
    record["metrics"]["time_elapsed"] = [60.5, 59.5]
    path = write(tmp_path / "t.pth", content(macro={"64-1234-basic": {"jigsaw": record}}))
    table = TransNAS101("macro").read([path])
    assert table.columns["jigsaw/train_seconds"].values.tolist() == [[[60.5, 120.0]]]
    assert table.recipe["source"]["time_is_from_start"] == {"jigsaw": False}


def test_small_counts_are_of_an_unknown_unit(tmp_path: Path) -> None:
    record = training("jigsaw")
    record["model_info"]["model_params"] = 6.0
    path = write(tmp_path / "t.pth", content(macro={"64-1234-basic": {"jigsaw": record}}))
    columns = TransNAS101("macro").read([path]).columns
    assert columns["jigsaw/parameters"].metric.units == "as in the source"
    assert columns["jigsaw/encoder_parameters"].metric.units == "count"


def one(**changes: Any) -> dict[str, Any]:
    return content(macro={"64-1234-basic": {"jigsaw": {**training("jigsaw"), **changes}}})


def curves(**changes: Any) -> dict[str, Any]:
    return one(metrics={**training("jigsaw")["metrics"], **changes})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1], "has no dictionary 'metrics_dict': it is not a file of TransNAS-Bench-101"),
        ({**content(), "data": {}}, "no architectures of the space 'macro'"),
        ({**content(), "metrics_dict": {"depth": ["a"]}}, "no list of metrics of a known task for 'depth'"),
        ({**content(), "metrics_dict": {"jigsaw": ["valid_top1"] * 2}}, "names a metric of jigsaw twice"),
        (content(macro={"64-1111-basic": {}}), "t.pth: genotype 0 .* 0 of its modules widen"),
        (content(macro={7: {}}), "7 is not an architecture of tnb101_macro"),
        (content(macro={"64-1234-basic": []}), "t.pth, 64-1234-basic: expected a dictionary of tasks"),
        (content(macro={"64-1234-basic": {}}), "has none of the requested trainings"),
        (
            one(total_epochs=10**6),
            "64-1234-basic, task jigsaw: total_epochs is 1000000, expected a number from 1 to 100",
        ),
        (one(model_info=None), "task jigsaw: expected the dictionaries 'model_info' and 'metrics'"),
        (one(model_info={"model_params": "many"}), "task jigsaw, model_params: 'many' is not a number"),
        (curves(test_top1=[1.0]), "'test_top1' has 1 numbers, expected one for each of 2 epochs"),
        (curves(test_top1=[1.0, "a"]), "task jigsaw, test_top1: 'a' is not a number"),
        (curves(test_top1=[1.0, 10**400]), "task jigsaw, test_top1: an integer of 1,329 bits is not a number"),
        (curves(time_elapsed=["00:01:00", "1 h"]), "task jigsaw, time_elapsed: '1 h' is not a number"),
    ],
)
def test_bad_content_is_named(tmp_path: Path, value: Any, message: str) -> None:
    with pytest.raises(FileError, match=message) as caught:
        TransNAS101("macro").read([write(tmp_path / "t.pth", value)])
    assert "\n" not in str(caught.value)


def test_bad_questions(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown space 'nano'; TransNAS-Bench-101 has micro and macro"):
        TransNAS101("nano").read([tmp_path / "t.pth"])
    with pytest.raises(FileError, match="no file"):
        TransNAS101("micro").read([tmp_path / "t.pth"])


CONTENT = pickle.dumps(one(), 2)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_mutated_bytes_are_a_table_or_one_line(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    changed = bytearray(CONTENT)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("fuzz") / "t.pth"
    path.write_bytes(bytes(changed))
    try:
        assert TransNAS101("macro").read([path]).columns
    except NasbenchError as error:
        assert "\n" not in str(error)
