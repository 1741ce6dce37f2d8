"""Networks of NAS-Bench-101: stem, stages of cells with max-pools between stages, head (Ying et al., 2019)."""

from collections.abc import Sequence
from functools import reduce

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from nasbench.errors import InputError
from nasbench.spaces.networks.layers import conv_bn_relu, head
from nasbench.spaces.values import NetworkSettings


def network(
    matrix: npt.NDArray[np.int8], ops: Sequence[str], c_image: int, classes: int, settings: NetworkSettings
) -> nn.Sequential:
    """The network of one pruned cell; images `(batch, c_image, height, width)` to logits `(batch, classes)`.

    Args:
        matrix: Upper-triangular adjacency matrix of the cell, shape `(v, v)`.
        ops: Name of the operation of each of the `v` vertices.
        c_image: Channels of an image.
        classes: Number of logits.
        settings: Width and depth.
    """
    c_in = c_out = settings.channels
    layers: list[nn.Module] = [conv_bn_relu(c_image, c_in, 3)]
    for stage in range(settings.stages):
        if stage > 0:
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
            c_out *= 2
        for _ in range(settings.cells):
            layers.append(Cell(matrix, ops, c_in, c_out))
            c_in = c_out
    return nn.Sequential(*layers, head(c_out, classes))


def vertex_channels(c_in: int, c_out: int, matrix: npt.NDArray[np.int8]) -> list[int]:
    """Channels of each vertex (Ying et al., 2019, appendix; `compute_vertex_channels`).

    The output channels are divided among the interior vertices with an edge to the output; if they do not divide
    evenly, the first vertices get one more. Any other vertex is as wide as its widest successor.

    Raises:
        InputError: There are fewer channels than vertices with an edge to the output.
    """
    output = len(matrix) - 1
    last = (np.flatnonzero(matrix[1:, output]) + 1).tolist()
    if len(last) > c_out:
        raise InputError(f"{c_out} channels cannot be divided among {len(last)} vertices; use more channels")
    channels = [c_in, *(0,) * (output - 1), c_out]
    for place, v in enumerate(last):
        channels[v] = c_out // len(last) + (place < c_out % len(last))
    for v in range(output - 1, 0, -1):
        if not matrix[v, output]:
            channels[v] = max(channels[w] for w in np.flatnonzero(matrix[v]).tolist())
    return channels


class Cell(nn.Module):
    """One cell: vertices add their inputs, the output concatenates them and adds the projected input.

    Args:
        matrix: Upper-triangular adjacency matrix, shape `(v, v)`.
        ops: Name of the operation of each of the `v` vertices.
        c_in: Channels of the input.
        c_out: Channels of the output.
    """

    def __init__(self, matrix: npt.NDArray[np.int8], ops: Sequence[str], c_in: int, c_out: int) -> None:
        super().__init__()
        self.output = len(matrix) - 1
        self.channels = vertex_channels(c_in, c_out, matrix)
        self.sources = [
            (np.flatnonzero(column[1:]) + 1).tolist() for column in matrix.T
        ]  # interior sources of each vertex
        self.projections = nn.ModuleDict(
            {str(v): conv_bn_relu(c_in, self.channels[v], 1) for v in np.flatnonzero(matrix[0])}
        )
        self.vertices = nn.ModuleDict({str(v): _operation(ops[v], self.channels[v]) for v in range(1, self.output)})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(batch, c_in, height, width)` to `(batch, c_out, height, width)`."""
        values: dict[int, torch.Tensor] = {}
        for v in range(1, self.output):
            terms = [values[u][:, : self.channels[v]] for u in self.sources[v]]  # drops at most one channel
            values[v] = self.vertices[str(v)](self._sum(x, v, terms))
        last = [values[u] for u in self.sources[self.output]]
        return self._sum(x, self.output, [torch.cat(last, dim=1)] if last else [])

    def _sum(self, x: torch.Tensor, v: int, terms: list[torch.Tensor]) -> torch.Tensor:
        if str(v) in self.projections:
            terms = [*terms, self.projections[str(v)](x)]
        return reduce(torch.add, terms)


def _operation(op: str, channels: int) -> nn.Module:
    if op == "maxpool3x3":
        return nn.MaxPool2d(3, stride=1, padding=1)
    return conv_bn_relu(channels, channels, {"conv3x3-bn-relu": 3, "conv1x1-bn-relu": 1}[op])
