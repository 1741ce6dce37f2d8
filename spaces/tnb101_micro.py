"""TransNAS-Bench-101, micro level: the cells of NAS-Bench-201 without pooling (Duan et al., 2021)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nasbench.errors import InputError
from nasbench.spaces.edge_cell import EDGES, LEARNT, SAME, ZERO, EdgeCellSpace
from nasbench.spaces.values import NetworkSettings
from nasbench.tasks.images import ImageClassification
from nasbench.types import GenotypeArray

if TYPE_CHECKING:
    import torch

    from nasbench.tasks import Task

SKELETON = "64-41414"
"""Base channels, and modules: 1 keeps the shape, 4 doubles the channels and halves the image."""


class TNB101Micro(EdgeCellSpace):
    """The 4,096 cells of TransNAS-Bench-101 (Duan et al., CVPR 2021, arXiv:2105.11871).

    All cells are trained in one fixed skeleton, `64-41414`, so the published string of a cell is
    `64-41414-e01_e02e12_e03e13e23`, where `e02` is the index in `operations` of the operation on the edge from node 0
    to node 2. There are 4,096 classes of `key` and 2,128 of `pruned_key`; 169 cells are constant (`is_constant`).

    In a cell that halves the image, the operations on the input have stride 2; a skip there is a factorised reduction,
    which has weights. `function_key` asks for equality in both kinds of cells, so a `skip_connect` on the input is
    learnt in halving cells and the identity in others: 1,376 classes (1,011 without halving cells).
    """

    name = "tnb101_micro"
    paper = "Duan et al. (2021), TransNAS-Bench-101, arXiv:2105.11871"
    zero_ops = ("none",)
    identity_ops = ("skip_connect",)
    operations = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")
    roles = (
        ((ZERO, SAME, LEARNT, LEARNT),) * len(EDGES),
        tuple((ZERO, SAME if source else LEARNT, LEARNT, LEARNT) for source, _ in EDGES),
    )

    def to_string(self, genotype: GenotypeArray) -> str:
        """The published string, as in `64-41414-1_02_333`: skeleton, then operations by target node."""
        e01, e02, e12, e03, e13, e23 = (int(op) for op in genotype)
        return f"{SKELETON}-{e01}_{e02}{e12}_{e03}{e13}{e23}"

    def _from_string(self, text: str) -> list[int]:
        match = re.fullmatch(rf"{SKELETON}-([0-3])_([0-3])([0-3])_([0-3])([0-3])([0-3])", text)
        if match is None:
            raise InputError(
                f"expected a cell of {self.name} as '{SKELETON}-a_bc_def' with an operation from 0 to 3 for each "
                f"letter (0 none, 1 skip, 2 convolution 1x1, 3 convolution 3x3), got {text!r}"
            )
        return [int(op) for op in match.groups()]

    # --- network ------------------------------------------------------------------------------------------------

    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> torch.nn.Module:
        """The published skeleton with the head for classification.

        `settings` of 64 channels, 2 cells and 3 stages give the skeleton `64-41414`: `channels` after the stem, `cells`
        in each module, and `stages` modules that halve the image and double the channels, with a module that keeps the
        shape between two of them. The stem divides the image by four, as published, if both sides have at least 64
        pixels (published: 256); otherwise it keeps the size.

        Operations that do not reach the output are computed too, as in the published measurements.
        """
        from torch import nn

        from nasbench.spaces.networks import layers
        from nasbench.spaces.networks.tnb101 import stem

        images = ImageClassification.expect(task)

        def operation(name: str, c_in: int, c_out: int, stride: int) -> nn.Module | None:
            if name == "none":
                return None if stride == 1 else layers.Zero(c_out, stride)
            if name == "skip_connect":
                return nn.Identity() if stride == 1 else layers.FactorizedReduction(c_in, c_out)
            return layers.relu_conv_bn(c_in, c_out, 1 if name == "nor_conv_1x1" else 3, stride)

        def cell(c_in: int, c_out: int, stride: int) -> nn.Module:
            return layers.EdgeCell(
                EDGES,
                [
                    operation(self.operations[op], *((c_out, c_out, 1) if source else (c_in, c_out, stride)))
                    for op, (source, _) in zip(genotype, EDGES, strict=True)
                ],
            )

        channels = settings.channels
        blocks = stem(images.shape, channels)
        for stage in range(settings.stages):
            blocks += [cell(channels, channels, 1) for _ in range(settings.cells if stage > 0 else 0)]
            blocks += [cell(channels, 2 * channels, 2)]
            channels *= 2
            blocks += [cell(channels, channels, 1) for _ in range(settings.cells - 1)]
        return nn.Sequential(*blocks, layers.head(channels, images.classes))
