"""HW-NAS-Bench: the published numbers, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from nasbench.errors import FileError, InputError
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
