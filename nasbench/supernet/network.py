"""Supernets of the spaces with operations on edges, made of the stand-alone networks of their spaces."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from nasbench.errors import InputError
from nasbench.spaces import spaces
from nasbench.spaces.base import Space
from nasbench.spaces.edge_cell import EDGES, EdgeCellSpace
from nasbench.spaces.networks.layers import EdgeCell
from nasbench.spaces.values import NetworkSettings
from nasbench.supernet.cell import MixedCell
from nasbench.supernet.choice import Choice
from nasbench.tasks import Task
from nasbench.types import GenotypeArray


class Supernet(nn.Module):
    """The skeleton of a space with a `MixedCell` in place of each cell.

    Batch normalisation always takes the statistics of the batch, because each architecture has its own. In cells it has
    no scale and shift, as in the search of Dong & Yang (2020).

    Args:
        blocks: The skeleton, in order; mixed cells are given the choice.
        operations: Number of candidate operations.
    """

    def __init__(self, blocks: list[nn.Module], operations: int) -> None:
        super().__init__()
        self.blocks, self.edges, self.operations = nn.ModuleList(blocks), EDGES, operations
        for block in blocks:
            for norm in block.modules():
                if isinstance(norm, nn.BatchNorm2d):
                    _take_batch_statistics(norm, affine=not isinstance(block, MixedCell))

    def forward(self, x: Tensor, choice: Choice) -> Tensor:
        """Outputs of the architecture, or mixture of architectures, that is chosen."""
        for block in self.blocks:
            x = block(x, choice) if isinstance(block, MixedCell) else block(x)
        return x

    def standalone(self, genotype: GenotypeArray) -> nn.Sequential:
        """The network of one genotype `(edges,)`, as its space makes it, with the weights of this one."""
        chosen = Choice.of(genotype).active
        return nn.Sequential(
            *(
                EdgeCell(block.edges, [block.operation(edge, op) for edge, (op,) in enumerate(chosen)])
                if isinstance(block, MixedCell)
                else block
                for block in self.blocks
            )
        )


class Arithmetic:
    """Multiply-adds of a supernet for one input and one forward pass, in its convolutions and linear layers.

    Attributes:
        operations: Those of each operation on each edge, over all cells; shape `(edges, operations)`.
        skeleton: Those of everything else.
    """

    def __init__(self, network: Supernet, task: Task) -> None:
        cells = [block for block in network.blocks if isinstance(block, MixedCell)]
        places = {
            module: (edge, int(index))
            for cell in cells
            for edge, candidates in enumerate(cell.candidates)
            for index, candidate in candidates.named_children()
            for module in candidate.modules()
        }
        self.operations, self.skeleton = np.zeros((len(network.edges), network.operations)), 0.0

        def count(module: nn.Module, inputs: object, output: Tensor) -> None:
            pixels = output[0].numel() // output.shape[1]
            total = float(module.weight.numel() * pixels)  # type: ignore[operator]
            if module in places:
                self.operations[places[module]] += total
            else:
                self.skeleton += total

        counted = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
        hooks = [module.register_forward_hook(count) for module in counted]
        with torch.no_grad():
            network(task.inputs(2), Choice.mixed(torch.ones(self.operations.shape)))  # batch statistics need two
        for hook in hooks:
            hook.remove()

    def of(self, choice: Choice) -> float:
        """Multiply-adds of a choice."""
        chosen = ((edge, op) for edge, active in enumerate(choice.active) for op in active)
        return self.skeleton + float(sum(self.operations[place] for place in chosen))

    @property
    def mean(self) -> float:
        """Mean over all architectures of the space."""
        return self.skeleton + float(self.operations.mean(axis=1).sum())


def check_supernet(space: Space) -> None:
    """Refuse a space without a supernet.

    Raises:
        InputError: It has none; the message names those that have one.
    """
    if not isinstance(space, EdgeCellSpace):
        known = [name for name in spaces if issubclass(spaces.resolve(name)[0], EdgeCellSpace)]
        raise InputError(f"the space {space.name} has no supernet; search one of {', '.join(known)}")


def build_supernet(space: Space, task: Task, settings: NetworkSettings, share: int = 1) -> Supernet:
    """The supernet of a space: its weights are those of the stand-alone networks with one operation on all edges.

    Args:
        space: The space.
        task: The task.
        settings: Width and depth.
        share: Only `1 / share` of the channels go through operations; see `MixedCell`.

    Raises:
        InputError: The space has no supernet or does not fit the task, or `share` does not divide its channels.
    """
    check_supernet(space)
    assert isinstance(space, EdgeCellSpace)
    if settings.channels % share:
        raise InputError(f"1/{share} of {settings.channels} channels is no whole number; give a multiple of {share}")
    narrow = NetworkSettings(settings.channels // share, settings.cells, settings.stages)

    def uniform(operation: int, size: NetworkSettings) -> list[nn.Module]:
        return list(space.network(np.full(len(EDGES), operation, dtype=np.int8), task, size).children())

    candidates = [uniform(operation, narrow) for operation in range(len(space.operations))]
    blocks = candidates[-1] if share == 1 else uniform(len(space.operations) - 1, settings)
    return Supernet(
        [_mixed(block, [c[at] for c in candidates], share) for at, block in enumerate(blocks)], len(candidates)
    )


def _mixed(block: nn.Module, alternatives: list[nn.Module], share: int) -> nn.Module:
    """A block of the skeleton; a cell becomes one with the operations of all `alternatives`."""
    if not isinstance(block, EdgeCell):
        return block
    operations: list[dict[int, nn.Module]] = [{} for _ in EDGES]
    for index, cell in enumerate(alternatives):
        assert isinstance(cell, EdgeCell)
        for edge, operation in zip(cell.edges, cell.operations, strict=True):
            operations[EDGES.index(edge)][index] = operation
    return MixedCell(EDGES, operations, share)


def _take_batch_statistics(norm: nn.BatchNorm2d, affine: bool) -> None:
    norm.track_running_stats = False
    norm.running_mean = norm.running_var = norm.num_batches_tracked = None
    if not affine:
        norm.affine = False
        norm.register_parameter("weight", None)
        norm.register_parameter("bias", None)
