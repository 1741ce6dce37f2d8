"""HW-NAS-Bench: latency and energy of the cells of NAS-Bench-201 on six devices, one csv file for each data set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nasbench.arrays import read_only
from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import Table, row_codes
from nasbench.errors import FileError, InputError
from nasbench.importers.base import Importer, files_among
from nasbench.importers.formats.frames import column, read_frame
from nasbench.importers.tabulate import Series, tabulate
from nasbench.printable import brief
from nasbench.spaces import spaces
from nasbench.spaces.nb201 import OPERATIONS
from nasbench.types import Direction, GenotypeArray

CODES = read_only(
    np.array(
        [OPERATIONS.index(name) for name in ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")]
    )
)
"""Our number of the operation, by code in the source."""
ORDER = (0, 1, 3, 2, 4, 5)
"""Position in the source of each of our edges: they are ordered by source node there, by target node here."""
DEVICES = ("edgegpu", "raspi4", "edgetpu", "pixel3", "eyeriss", "fpga")
COLUMNS: dict[str, tuple[str, Direction]] = {
    **{f"{device}_latency": ("milliseconds", "minimise") for device in DEVICES},
    **{f"{device}_energy": ("millijoules", "minimise") for device in ("edgegpu", "eyeriss", "fpga")},
    "eyeriss_arithmetic_intensity": ("operations per bit", "none"),
}


class HWNASBench(Importer):
    """Files `hw_<data set>.csv`: the cell as a tuple `net` in NASLib's codes, and a column for each device."""

    name = "hw-nas-bench"
    paper = "Li et al. (2021), HW-NAS-Bench, arXiv:2103.10584; github.com/GATECH-EIC/HW-NAS-Bench"
    licence = "MIT"

    def read(self, paths: Sequence[Path]) -> Table:
        """The table in these files with the same cells, or in the matching files of a folder."""
        files = files_among(paths, _dataset)
        if not files:
            raise FileError("found no file hw_<data set>.csv")
        space, series, first = spaces.create("nb201"), [], None
        for file in files:
            dataset = _dataset(file)
            if dataset is None:
                raise FileError(f"expected a file hw_<data set>.csv, got {file.name}")
            frame = read_frame(file, ["net", *COLUMNS])
            genotypes = _genotypes(file, frame["net"].tolist())
            codes = row_codes(space, genotypes)
            order = np.argsort(codes)
            if (np.diff(codes[order]) == 0).any():
                raise InputError(f"{file.name} has two rows of one cell")
            if first is None:
                first = genotypes[order]
            elif not np.array_equal(first, genotypes[order]):
                raise InputError(f"{file.name} and {files[0].name} hold different cells; import them apart")
            for name, (units, direction) in COLUMNS.items():
                values = column(frame, name, file.name)[order]
                reason = "not in the source"
                if name == "edgetpu_latency":
                    values[values == -1], reason = np.nan, "did not compile"
                metric = Metric(dataset, name, "none", units, direction, ("architecture",), "Published measurement.")
                series.append(Series(metric, values, reason))
        if first is None or not len(first):
            raise InputError(f"{files[0].name} has no row")
        facts = {"rows": len(first) * len(files), "architectures": len(first), "skipped": {}}
        return tabulate(space, first, series, {"source": self.source(files, **facts)})


def _dataset(file: Path) -> str | None:
    """The data set in the name of a file, None if the name does not match."""
    match = re.fullmatch(r"hw_(.+?)\.csv(\.gz|\.xz|\.bz2)?", file.name)
    return match[1] if match else None


def _genotypes(file: Path, nets: Sequence[str]) -> GenotypeArray:
    """Genotypes of the tuples in the source; shape `(n, 6)`."""
    for row, net in enumerate(nets, 1):
        if not re.fullmatch(r"\(?[0-4](, ?[0-4]){5}\)?", net):
            raise InputError(f"{file.name}, row {row}, column 'net': expected six codes 0 to 4, got {brief(net)}")
    codes = np.array([[int(c) for c in re.findall("[0-4]", net)] for net in nets], dtype=np.int64).reshape(-1, 6)
    return CODES[codes[:, ORDER]].astype(np.int8)
