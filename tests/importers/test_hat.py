"""HAT: rows of representatives, repeats, and refused files."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.errors import FileError, InputError, NasbenchError
from nasbench.importers.hat import HAT
from nasbench.spaces.transformer import SUMMARY, Transformer

RAW = Path(__file__).parents[2] / "../shared/tables/hat_latency/raw"
HEAD = ",".join((*SUMMARY, *(f"latency_{what}_{part}" for what in ("mean", "std") for part in ("encoder", "decoder"))))
FIRST = "640,6,2048,4,512,2,1024,6,5,1.5"
"""Six layers, and two: feed-forward widths of 512 and 1536 do not exist, so 1024 is twice that."""
NAME = "wmt14ende_cpu_xeon_all.csv"


def write(folder: Path, *rows: str, name: str = NAME) -> Path:
    path = folder / name
    path.write_text("\n".join((HEAD, *rows)) + "\n")
    return path


def test_a_row_is_of_a_transformer_with_its_summary(tmp_path: Path) -> None:
    table = HAT().read([write(tmp_path, f"{FIRST},1.5,20,0.25,2")])
    space = table.space
    assert isinstance(space, Transformer)
    assert space.summary(table.genotypes)[0].tolist() == [float(number) for number in FIRST.split(",")]
    values = {path: column.values.tolist() for path, column in table.columns.items()}
    assert values == {
        "wmt14ende/xeon_encoder_latency": [1.5],
        "wmt14ende/xeon_encoder_latency_deviation": [0.25],
        "wmt14ende/xeon_decoder_latency": [20],
        "wmt14ende/xeon_decoder_latency_deviation": [2],
        "wmt14ende/xeon_latency": [21.5],
    }
    told = {(column.metric.units, column.metric.direction) for column in table.columns.values()}
    assert told == {("milliseconds", "minimise"), ("milliseconds", "none")}
    assert all("averages over layers" in column.metric.description for column in table.columns.values())
    assert "representatives" in table.recipe["source"]["rows_are"]


def test_repeats_of_a_summary_are_seeds(tmp_path: Path) -> None:
    other = FIRST.replace("640", "512", 1)
    table = HAT().read([write(tmp_path, f"{FIRST},1,2,0,0", f"{other},3,4,0,0", f"{FIRST},5,6,0,0")])
    assert table.seeds == (0, 1) and len(table.genotypes) == 2
    np.testing.assert_array_equal(table.columns["wmt14ende/xeon_latency"].values, [[3, 11], [7, np.nan]])
    assert table.recipe["source"]["rows"] == 3


def test_files_are_joined_and_repeats_belong_to_their_file(tmp_path: Path) -> None:
    write(tmp_path, f"{FIRST},1,2,0,0", name="wmt14ende_gpu_titanxp_all.csv")
    write(tmp_path, f"{FIRST},3,4,0,0", f"{FIRST.replace('640', '512', 1)},5,6,0,0")
    (tmp_path / "README.md").write_text("not a table")
    table = HAT().read([tmp_path])
    assert len(table.genotypes) == 2 and table.seeds == ()
    gpu = table.columns["wmt14ende/titanxp_latency"]
    assert sorted(gpu.values[gpu.missing == 0]) == [3]
    assert gpu.reasons == ("not in wmt14ende_gpu_titanxp_all.csv",)
    assert sorted(table.columns["wmt14ende/xeon_latency"].values) == [7, 11]


def test_bad_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"expected a file <task>_<cpu or gpu>_<device>_all.csv, got x.csv"):
        HAT().read([write(tmp_path, name="x.csv")])
    (tmp_path / "x.csv").unlink()
    with pytest.raises(InputError, match=f"{NAME} has no row"):
        HAT().read([write(tmp_path)])
    with pytest.raises(InputError, match=f"{NAME}, row 2, column 'latency_std_decoder': 'x' is not a finite number"):
        HAT().read([write(tmp_path, f"{FIRST},1,2,0,0", f"{FIRST},1,2,0,x")])
    with pytest.raises(
        InputError, match=r"row 1, column 'latency_mean_encoder': '1e308' is not a number from 0 to 1e\+09"
    ):
        HAT().read([write(tmp_path, f"{FIRST},1e308,1e308,0,0")])
    with pytest.raises(InputError, match=f"{NAME}, row 2 has encoder_embed_dim 641"):
        HAT().read([write(tmp_path, f"{FIRST},1,2,0,0", f"{FIRST.replace('640', '641')},1,2,0,0")])
    with pytest.raises(FileError, match="has no column 'latency_std_decoder'"):
        (tmp_path / NAME).write_text(HEAD.replace("latency_std_decoder", "x") + "\n")
        HAT().read([tmp_path])
    (tmp_path / NAME).unlink()
    (tmp_path / "README.md").write_text("not a table")
    with pytest.raises(FileError, match="found no file"):
        HAT().read([tmp_path])


@given(at=st.integers(0, 400), put=st.binary(max_size=6))
@settings(max_examples=100, deadline=None)
def test_mutated_bytes_are_a_table_or_one_line(tmp_path_factory: pytest.TempPathFactory, at: int, put: bytes) -> None:
    path = write(tmp_path_factory.mktemp("fuzz"), f"{FIRST},1,2,0,0", f"{FIRST},3,4,0,0")
    content = path.read_bytes()
    path.write_bytes(content[:at] + put + content[at + len(put) :])
    try:
        HAT().read([path])
    except NasbenchError as error:
        assert "\n" not in str(error)
