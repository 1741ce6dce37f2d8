"""HAT: latencies of encoder-decoder transformers on GPU, CPU and Raspberry Pi, one csv file for each task and device.

A row of the source describes a transformer by a summary that many share: widths, layers, and averages over layers. The
table files it under one of them, a *representative* (`Transformer.from_summary`): for another transformer with the same
summary the source has the same answer, the table none. Rows of one file with the same summary are repeats with seeds 0,
1, ...; the source does not say which of the transformers was measured.

The encoder reads one sentence of 23 words (iwslt) or 30 words (wmt), and the decoder writes one, word by word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nasbench.benchmark.base import Metric
from nasbench.benchmark.merge import merge
from nasbench.benchmark.table import DIMS, Table
from nasbench.errors import FileError, InputError
from nasbench.importers.base import Importer, files_among
from nasbench.importers.formats.frames import column, read_frame
from nasbench.importers.tabulate import Series, tabulate
from nasbench.spaces.transformer import SUMMARY, Transformer
from nasbench.types import Direction, FloatArray, GenotypeArray

FILE = re.compile(r"([a-z0-9]+)_(?:cpu|gpu)_([a-z0-9]+)_all\.csv(\.gz|\.xz|\.bz2)?")
"""Task and device in the name of a file."""
PARTS = ("encoder", "decoder")
MAX_LATENCY = 1e9
"""Largest latency taken for valid, in milliseconds."""
REPRESENTATIVE = "of a transformer with these widths, layers and averages over layers"


class HAT(Importer):
    """Files `<task>_<cpu or gpu>_<device>_all.csv`: the task is the data set, metrics are named by the device.

    `<device>_latency` is the sum of encoder and decoder, which the authors predict and constrain.
    """

    name = "hat"
    paper = "Wang et al. (2020), HAT, arXiv:2005.14187; github.com/mit-han-lab/hardware-aware-transformers"
    licence = "MIT"

    def read(self, paths: Sequence[Path]) -> Table:
        """The table in these files, or in the matching files of a folder."""
        files = files_among(paths, lambda file: FILE.fullmatch(file.name))
        if not files:
            raise FileError("found no file <task>_<cpu or gpu>_<device>_all.csv")
        space = Transformer()
        tables = [_table(space, file) for file in files]
        names = [file.name for file in files]
        table = merge(tables, names, by="genotype") if len(tables) > 1 else tables[0]
        facts = {"rows": sum(each.recipe["rows"] for each in tables), "architectures": len(table.genotypes)}
        rows_are = "representatives: the first transformer with the summary that the source gives"
        return replace(table, recipe={"source": self.source(files, **facts, skipped={}, rows_are=rows_are)})


def _table(space: Transformer, file: Path) -> Table:
    """The table of one file."""
    match = FILE.fullmatch(file.name)
    if match is None:
        raise FileError(f"expected a file <task>_<cpu or gpu>_<device>_all.csv, got {file.name}")
    task, device = match[1], match[2]
    names = {part: (f"latency_mean_{part}", f"latency_std_{part}") for part in PARTS}
    frame = read_frame(file, [*SUMMARY, *(name for pair in names.values() for name in pair)])
    if not len(frame):
        raise InputError(f"{file.name} has no row")
    summaries = np.stack([column(frame, name, file.name) for name in SUMMARY], axis=1)
    series, total = [], np.zeros(len(frame))

    def add(name: str, direction: Direction, quantity: str, values: FloatArray) -> None:
        description = f"{quantity} on {device} {REPRESENTATIVE}."
        series.append(Series(Metric(task, name, "none", "milliseconds", direction, DIMS[:2], description), values))

    for part, (mean, deviation) in names.items():
        values = column(frame, mean, file.name, 0, MAX_LATENCY)
        total += values
        add(f"{device}_{part}_latency", "minimise", f"Mean latency of the {part}", values)
        spread = f"Standard deviation of the latency of the {part}"
        add(f"{device}_{part}_latency_deviation", "none", spread, column(frame, deviation, file.name, 0, MAX_LATENCY))
    add(f"{device}_latency", "minimise", "Mean latencies of encoder and decoder together", total)
    return tabulate(space, _representatives(space, summaries, file.name), series, {"rows": len(frame)})


def _representatives(space: Transformer, summaries: FloatArray, name: str) -> GenotypeArray:
    """A transformer for each summary; shape `(r, 39)`."""
    try:
        return space.from_summary(summaries)
    except InputError as error:
        text = re.sub(r"summary (\d+) of transformer", lambda match: f"row {int(match[1]) + 1}", str(error))
        raise InputError(f"{name}, {text}") from error
