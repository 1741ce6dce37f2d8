"""Tidy records: what is read back is what was recorded, in both formats, and a failure leaves nothing."""

import sys
from pathlib import Path

import pandas as pd
import pytest

from nasbench.errors import FileError, InputError, MissingExtraError
from nasbench.evaluate.record_files import write_records
from nasbench.evaluate.results import Results
from nasbench.evaluate.tables import joined

RECORDS = [
    {"predictor": "gp", "n_train": 10, "seed": 0, "kendall_tau": 0.1 + 0.2, "tuned": None},
    {"predictor": 'xgb+features="a,b"', "n_train": 10, "seed": 1, "kendall_tau": None, "tuned": "xgb+depth=3"},
]
ONE = Results("evaluation", "a.h5", "nb201", "toy/accuracy", "percent", {}, RECORDS, {"failures": {}})


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_what_is_read_back(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("pyarrow")
    write_records(ONE, tmp_path / f"records.{suffix}")
    frame = read(tmp_path / f"records.{suffix}")
    assert list(frame.columns) == ["benchmark", "space", "metric", "units", *RECORDS[0]]
    if suffix == "csv":
        assert ",0.30000000000000004," in (tmp_path / "records.csv").read_text()
    assert frame["kendall_tau"][0] == pytest.approx(0.3) and frame["kendall_tau"].isna().tolist() == [False, True]
    assert frame["predictor"].tolist() == ["gp", 'xgb+features="a,b"']
    assert frame["tuned"].isna().tolist() == [True, False]
    assert frame["n_train"].dtype.kind == "i"
    assert set(frame["units"]) == {"percent"}
    assert [path.name for path in tmp_path.iterdir()] == [f"records.{suffix}"]


def test_records_of_several_tables_say_which(tmp_path: Path) -> None:
    other = Results("evaluation", "b.h5", "nb101", "accuracy", "none", {}, RECORDS, {"failures": {}})
    write_records(joined([ONE, other], 0), tmp_path / "records.csv")
    frame = read(tmp_path / "records.csv")
    assert frame[["benchmark", "space", "metric", "units"]].drop_duplicates().values.tolist() == [
        ["a.h5", "nb201", "toy/accuracy", "percent"], ["b.h5", "nb101", "accuracy", "none"],
    ]  # fmt: skip
    assert list(frame.columns).count("benchmark") == 1


def test_what_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"written as \.csv or \.parquet, by the suffix; got 'records\.txt'"):
        write_records(ONE, tmp_path / "records.txt")
    with pytest.raises(FileError, match="cannot write"):
        write_records(ONE, tmp_path / "nowhere" / "records.csv")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="pip install pyarrow"):
        write_records(ONE, tmp_path / "records.parquet")
    assert list(tmp_path.iterdir()) == []
