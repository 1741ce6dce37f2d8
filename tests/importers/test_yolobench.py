"""YOLOBench: one table from two files of the same detectors, and refused files."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.errors import FileError, InputError, NasbenchError
from nasbench.importers.yolobench import FILES, SCORES, YOLOBench

SMALL, LARGE = "yolo3d1w25_160", "yolo5n_320"


def write(folder: Path, stem: str, *rows: tuple[str, float]) -> Path:
    """Rows of a detector and one number, which all columns have (scores a hundredth of it)."""
    path = folder / f"{stem}.csv"
    lines = [",".join(("model_name", *FILES[stem]))]
    for name, number in rows:
        lines.append(",".join((name, *(str(number / 100 if column in SCORES else number) for column in FILES[stem]))))
    path.write_text("\n".join(lines) + "\n")
    return path


def test_both_files_are_one_table(tmp_path: Path) -> None:
    scores = write(tmp_path, "VOC_scratch_100epochs", (SMALL, 50), (LARGE, 75))
    write(tmp_path, "YOLO_latency", (LARGE, 75 + 4e-13), (SMALL, 50))
    (tmp_path / "README.md").write_text("no table")
    table = YOLOBench().read([tmp_path])
    assert [table.space.to_string(genotype) for genotype in table.genotypes] == [SMALL, LARGE]
    assert table.columns["voc/test_map"].values.tolist() == [50, 75]
    assert table.columns["orange_pi_latency"].values.tolist() == [50_000, 75_000]
    told = {path: (c.metric.units, c.metric.direction, c.metric.split) for path, c in table.columns.items()}
    assert told["voc/test_map_50"] == ("percent", "maximise", "test")
    assert told["raspi4_tflite_latency"] == ("milliseconds", "minimise", "none")
    assert len(table.columns) == 4 + 8
    alone = YOLOBench().read([scores])
    assert len(alone.columns) == 4 + 6 and alone.recipe["source"]["rows"] == 2


def test_files_that_disagree_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "VOC_scratch_100epochs", (SMALL, 50), (LARGE, 75))
    write(tmp_path, "YOLO_latency", (LARGE, 75), (SMALL, 51))
    with pytest.raises(InputError, match="disagree about 1 of 2 numbers of 'raspi4_tflite_latency', by up to 1000 m"):
        YOLOBench().read([tmp_path])


def test_bad_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"YOLO_latency.csv, row 1: expected a detector of yolo by name"):
        YOLOBench().read([write(tmp_path, "YOLO_latency", ("yolo99", 1))])
    with pytest.raises(InputError, match=r"YOLO_latency.csv, row 1, column 'nano_gpu_latency': 'inf' is not a finite"):
        YOLOBench().read([write(tmp_path, "YOLO_latency", (SMALL, float("inf")))])
    with pytest.raises(InputError, match=r"row 1, column 'nano_gpu_latency': '-1' is not a number from 0 to 1e\+06"):
        YOLOBench().read([write(tmp_path, "YOLO_latency", (SMALL, -1))])
    with pytest.raises(InputError, match=r"row 1, column 'precision': '1.01' is not a number from 0 to 1"):
        YOLOBench().read([write(tmp_path, "VOC_scratch_100epochs", (SMALL, 101))])
    (tmp_path / "VOC_scratch_100epochs.csv").unlink()
    with pytest.raises(InputError, match=r"YOLO_latency.csv has no row"):
        YOLOBench().read([write(tmp_path, "YOLO_latency")])
    with pytest.raises(FileError, match=r"expected VOC_scratch_100epochs.csv or YOLO_latency.csv, got x.csv"):
        YOLOBench().read([(tmp_path / "YOLO_latency.csv").rename(tmp_path / "x.csv")])
    with pytest.raises(FileError, match="found no file"):
        YOLOBench().read([tmp_path])


@given(at=st.integers(0, 250), put=st.binary(max_size=6))
@settings(max_examples=100, deadline=None)
def test_mutated_bytes_are_a_table_or_one_line(tmp_path_factory: pytest.TempPathFactory, at: int, put: bytes) -> None:
    path = write(tmp_path_factory.mktemp("fuzz"), "YOLO_latency", (SMALL, 1), (LARGE, 2))
    content = path.read_bytes()
    path.write_bytes(content[:at] + put + content[at + len(put) :])
    try:
        YOLOBench().read([path])
    except NasbenchError as error:
        assert "\n" not in str(error)
