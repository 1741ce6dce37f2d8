"""Processor seconds of each measure of one network: the table of docs/measurements.md.

    python benchmarks/measure.py

Mean over four random cells of NAS-Bench-201 (16 channels, 1 cell in each of 3 stages) on `mnist5k+size=14`, images of
14x14 pixels, on one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch

from nasbench.datasets import datasets
from nasbench.datasets.base import ImageData
from nasbench.datasets.transforms.corruptions import corrupted
from nasbench.measures.flops import flops
from nasbench.measures.inference import inference_seconds
from nasbench.measures.latency import latency
from nasbench.measures.memory import inference_memory, training_memory
from nasbench.measures.onnx_runtime import onnx_latency
from nasbench.measures.parameters import parameters
from nasbench.measures.robustness import corruption_scores
from nasbench.spaces import NetworkSettings, spaces
from nasbench.training.settings import TrainSettings

CELLS = 4


def main() -> None:
    torch.set_num_threads(1)
    space, data = spaces.create("nb201"), datasets.create("mnist5k+size=14").load()
    assert isinstance(data, ImageData)
    task, tensors, one = data.task, data.tensors("cpu"), data.task.inputs(1)
    begin = time.process_time()
    spoiled = corrupted(data, "cpu", limit=200)
    print(f"corrupted images, once per data set: {time.process_time() - begin:.2f} s")
    timed: dict[str, Callable[[torch.nn.Module], object]] = {
        "`parameters`": parameters,
        "`flops`": lambda network: flops(network, one),
        "`latency`, 55 passes": lambda network: latency(network, one),
        "`inference_seconds`, 4 passes over 1,500 images": lambda network: inference_seconds(
            network, tensors["validation"][0]
        ),
        "`onnx_latency`, mostly export": lambda network: onnx_latency(network, one),
        "`inference_memory` of one image": lambda network: inference_memory(network, one),
        "`training_memory`, batches of 64": lambda network: training_memory(network, task, TrainSettings()),
        "`corruption_scores`, 8 x 200 images": lambda network: corruption_scores(network, task, spoiled),
    }
    cells = space.sample(CELLS, np.random.default_rng(0))
    networks = [space.network(cell, task, NetworkSettings(16, 1, 3)) for cell in cells]
    for name, call in timed.items():
        call(networks[0])  # loads its libraries
        begin = time.process_time()
        for network in networks:
            call(network)
        print(f"| {name} | {(time.process_time() - begin) / CELLS:.4f} |", flush=True)


if __name__ == "__main__":
    main()
