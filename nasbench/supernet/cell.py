"""Mixed cells: every candidate operation on every edge, summed with architecture weights (Liu et al., 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from nasbench.errors import InputError
from nasbench.supernet.choice import Choice


class MixedCell(nn.Module):
    """An `EdgeCell` (`nasbench.spaces.networks.layers`) of which each edge has all candidate operations.

    Args:
        edges: Source and target of each edge, sorted by target; the last node is the output.
        candidates: For each edge, the operations by their index; those that output nothing are left out.
        share: Only `1 / share` of the channels go through the operations. The others pass by, and channels are
            shuffled (Xu et al., 2020, Section 3.1).
    """

    def __init__(
        self, edges: Sequence[tuple[int, int]], candidates: Sequence[Mapping[int, nn.Module]], share: int = 1
    ) -> None:
        super().__init__()
        self.edges, self.output, self.share = tuple(edges), edges[-1][1], share
        self.candidates = nn.ModuleList(nn.ModuleDict({str(op): m for op, m in each.items()}) for each in candidates)

    def operation(self, edge: int, index: int) -> nn.Module | None:
        """An operation on an edge; None outputs nothing."""
        name, candidates = str(index), self.candidates[edge]
        assert isinstance(candidates, nn.ModuleDict)
        if name not in candidates:
            return None
        return candidates[name]

    def forward(self, x: Tensor, choice: Choice) -> Tensor:
        """The output node for images `(batch, channels, height, width)`."""
        nodes = {0: x}
        for edge, (source, target) in enumerate(self.edges):
            arriving = self._edge(edge, nodes[source] if source in nodes else torch.zeros_like(x), choice)
            if arriving is not None:
                nodes[target] = nodes[target] + arriving if target in nodes else arriving
        return nodes[self.output] if self.output in nodes else torch.zeros_like(x)

    def _edge(self, edge: int, x: Tensor, choice: Choice) -> Tensor | None:
        """What an edge sends to its target; None for nothing."""
        if self.share == 1:
            total = self._sum(edge, x, choice)
        else:
            batch, channels, height, width = x.shape
            through, past = x.tensor_split([channels // self.share], dim=1)
            mixed = self._sum(edge, through, choice)
            if mixed is not None and mixed.shape != through.shape:
                raise InputError(
                    f"operations on 1/{self.share} of the channels have to keep the shape of images, as in nb201; "
                    f"one maps {tuple(through.shape[1:])} to {tuple(mixed.shape[1:])}"
                )
            joined = torch.cat([torch.zeros_like(through) if mixed is None else mixed, past], dim=1)
            grouped = joined.view(batch, self.share, channels // self.share, height, width)
            total = grouped.transpose(1, 2).reshape(x.shape)
        return total if total is None or choice.edge_weights is None else choice.edge_weights[edge] * total

    def _sum(self, edge: int, x: Tensor, choice: Choice) -> Tensor | None:
        """Weighted sum of the operations of an edge; None where none of them outputs anything."""
        total: Tensor | None = None
        for index in choice.active[edge]:
            operation = self.operation(edge, index)
            if operation is not None:
                term: Tensor = operation(x)
                if choice.weights is not None:
                    term = choice.weights[edge, index] * term
                total = term if total is None else total + term
        return total
