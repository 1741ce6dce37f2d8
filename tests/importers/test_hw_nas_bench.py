"""HW-NAS-Bench: the published numbers, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.errors import FileError, InputError, NasbenchError
from nasbench.importers.hw_nas_bench import COLUMNS, HWNASBench
from nasbench.spaces.nb201 import NB201

RAW = Path(__file__).parents[2] / "../shared/tables/nb201_hwnasbench/raw"


def write(folder: Path, net: str, value: str = "-1") -> Path:
    path = folder / "hw_cifar10.csv"
    path.write_text(f'net,{",".join(COLUMNS)}\n"{net}",{",".join([value] * len(COLUMNS))}\n')
    return path


def test_edges_are_put_in_order_and_minus_one_is_missing_on_the_edge_tpu_only(tmp_path: Path) -> None:
    table = HWNASBench().read([write(tmp_path, "(0, 1, 2, 3, 4, 0)")])
    assert table.genotypes.tolist() == [[1, 0, 2, 3, 4, 1]]
    assert table.columns["cifar10/edgetpu_latency"].reasons == ("did not compile",)
    assert table.columns["cifar10/fpga_latency"].values.tolist() == [-1]


def test_files_of_several_data_sets_stand_side_by_side(tmp_path: Path) -> None:
    one = write(tmp_path, "(0, 1, 2, 3, 4, 0)", "1.5")
    (tmp_path / "hw_cifar100.csv").write_text(one.read_text().replace("1.5", "2.5"))
    table = HWNASBench().read([tmp_path])
    assert [table.columns[f"{name}/fpga_latency"].values.tolist() for name in ("cifar10", "cifar100")] == [[1.5], [2.5]]
    (tmp_path / "hw_cifar100.csv").write_text(one.read_text().replace("(0,", "(1,"))
    with pytest.raises(InputError, match="hold different cells; import them apart"):
        HWNASBench().read([tmp_path])
    one.write_text(one.read_text() + one.read_text().splitlines()[1] + "\n")
    with pytest.raises(InputError, match=r"hw_cifar10.csv has two rows of one cell"):
        HWNASBench().read([one])


@given(at=st.integers(0, 300), put=st.binary(max_size=6))
@settings(max_examples=150)
def test_mutated_bytes_are_a_table_or_one_line(tmp_path_factory: pytest.TempPathFactory, at: int, put: bytes) -> None:
    path = write(tmp_path_factory.mktemp("fuzz"), "(0, 1, 2, 3, 4, 0)")
    content = path.read_bytes()
    path.write_bytes(content[:at] + put + content[at + len(put) :])
    try:
        HWNASBench().read([path])
    except NasbenchError as error:
        assert "\n" not in str(error)


def test_bad_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="row 1, column 'net'"):
        HWNASBench().read([write(tmp_path, "(0, 1, 2, 3, 4, 7)")])
    with pytest.raises(InputError, match="not a finite number"):
        HWNASBench().read([write(tmp_path, "(0, 1, 2, 3, 4, 0)", "inf")])
    with pytest.raises(FileError, match="hw_<data set>"):
        HWNASBench().read([write(tmp_path, "(0, 1, 2, 3, 4, 0)").rename(tmp_path / "x.csv")])


@pytest.mark.skipif(not RAW.exists(), reason="the published tables are not here")
def test_published_numbers() -> None:
    table = HWNASBench().read([RAW])
    space = table.space
    assert isinstance(space, NB201)
    assert len(table.genotypes) == 15_625
    row = int(np.flatnonzero(space.index(table.genotypes) == 0)[0])
    names = ("edgegpu_latency", "edgegpu_energy", "raspi4_latency")
    got = [table.columns[f"cifar10/{name}"].values[row] for name in names]
    np.testing.assert_allclose(got, [5.807, 24.227, 10.482], atol=6e-4)
    assert int((table.columns["cifar10/edgetpu_latency"].missing > 0).sum()) == 4_699
