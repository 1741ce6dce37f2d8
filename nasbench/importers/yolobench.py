"""YOLOBench: precision of detectors trained from scratch on Pascal VOC, and their latency on six devices.

The source publishes csv files with a row for each detector: `VOC_scratch_100epochs.csv` has precision and latencies,
`YOLO_latency.csv` latencies; four devices are in both. Latencies become milliseconds. All scores are test scores, on
VOC's test images of 2007, although the authors validate on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from nasbench.spaces.yolo import YOLO

DETECTOR = "model_name"
SCORES = {
    "precision": ("test_precision", "Precision."),
    "recall": ("test_recall", "Recall."),
    "mAP_0.5": ("test_map_50", "Mean average precision at an overlap of 0.5."),
    "mAP_0.5:0.95": ("test_map", "Mean average precision over overlaps of 0.5 to 0.95."),
}
"""Our name and the description of a score, by its column."""
DEVICES = {
    "pi4_ort_latency": ("raspi4_onnx", "Raspberry Pi 4 with ONNX Runtime"),
    "pi4_tflite_fp32_latency": ("raspi4_tflite", "Raspberry Pi 4 with TFLite"),
    "raspi4_tflite_latency": ("raspi4_tflite", "Raspberry Pi 4 with TFLite"),
    "pi4_tflite_int8_latency": ("raspi4_tflite_int8", "Raspberry Pi 4 with TFLite, 8-bit integers"),
    "nano_gpu_latency": ("jetson_nano", "the GPU of a Jetson Nano"),
    "ov_latency": ("openvino", "an Intel processor with OpenVINO"),
    "openvino_latency": ("openvino", "an Intel processor with OpenVINO"),
    "vim3_latency": ("vim3", "the NPU of a Khadas VIM3"),
    "orange_pi_latency": ("orange_pi", "an Orange Pi"),
    "a40_trt_latency": ("a40", "an A40 with TensorRT"),
}
"""Our name and the description of a device, by its column in either file."""
MAX_LATENCY = 1e6
"""Largest latency taken for valid, in seconds."""
DECIMALS = 9
"""Decimals of latencies, rounded to picoseconds: the files differ by less about the same measurement."""
LATENCIES = (*(name for name in DEVICES if name.startswith("pi4")), "nano_gpu_latency", "ov_latency", "vim3_latency")
FILES: Mapping[str, tuple[str, ...]] = {
    "VOC_scratch_100epochs": (*SCORES, *LATENCIES),
    "YOLO_latency": (
        *("nano_gpu_latency", "openvino_latency", "vim3_latency"),
        *("raspi4_tflite_latency", "orange_pi_latency", "a40_trt_latency"),
    ),
}
"""Columns of each file."""


class YOLOBench(Importer):
    """`VOC_scratch_100epochs.csv`, `YOLO_latency.csv`, both, or their folder; in percent and milliseconds."""

    name = "yolobench"
    paper = "Lazarevich et al. (2023), YOLOBench, arXiv:2307.13901; github.com/Deeplite/deeplite-torch-zoo"
    licence = "Apache-2.0"

    def read(self, paths: Sequence[Path]) -> Table:
        """The table in these files."""
        files = files_among(paths, lambda file: _stem(file) in FILES)
        if not files:
            raise FileError(f"found no file {' or '.join(f'{stem}.csv' for stem in FILES)}")
        tables = [_table(YOLO(), file) for file in files]
        names = [file.name for file in files]
        table = merge(tables, names, by="genotype") if len(tables) > 1 else tables[0]
        facts = {"rows": sum(each.recipe["rows"] for each in tables), "architectures": len(table.genotypes)}
        return replace(table, recipe={"source": self.source(files, **facts, skipped={})})


def _stem(file: Path) -> str:
    return file.name.partition(".")[0]


def _table(space: YOLO, file: Path) -> Table:
    """The table of one file."""
    if _stem(file) not in FILES:
        raise FileError(f"expected {' or '.join(f'{stem}.csv' for stem in FILES)}, got {file.name}")
    columns = FILES[_stem(file)]
    frame = read_frame(file, [DETECTOR, *columns])
    if not len(frame):
        raise InputError(f"{file.name} has no row")
    genotypes = []
    for row, detector in frame[DETECTOR].items():
        try:
            genotypes.append(space.genotype(detector))
        except InputError as error:
            raise InputError(f"{file.name}, row {row}: {error}") from error
    series = []
    for name in columns:
        values = column(frame, name, file.name, 0, 1 if name in SCORES else MAX_LATENCY)
        if name in SCORES:
            ours, description = SCORES[name]
            metric = Metric("voc", ours, "test", "percent", "maximise", DIMS[:1], description)
            series.append(Series(metric, 100 * values))
        else:
            ours, device = DEVICES[name]
            description = f"Latency of one image on {device}."
            metric = Metric("", f"{ours}_latency", "none", "milliseconds", "minimise", DIMS[:1], description)
            series.append(Series(metric, np.round(1000 * values, DECIMALS)))
    return tabulate(space, np.array(genotypes), series, {"rows": len(frame)})
