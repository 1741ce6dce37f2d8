"""The fused network: many networks that run as one module."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn

from nasbench.training.fusion.operations import Unfusable
from nasbench.training.fusion.program import Call, Program, fuse
from nasbench.training.fusion.routing import Fan, Range
from nasbench.training.fusion.trace import INPUT, Value, trace


class _Stack(NamedTuple):
    """A parameter or buffer of the fused network: tensors of the networks, concatenated along axis 0."""

    name: str
    parts: tuple[tuple[int, str], ...]


class FusedNetwork(nn.Module):
    """`k` networks side by side: inputs `(b, k * channels, h, w)` to outputs `(b, k, features)`.

    It holds a copy of their parameters and buffers; `unstack` writes them back.

    Args:
        networks: Networks with equal input shapes and equal numbers of outputs.
        inputs: A batch that each of them accepts; only the shape matters.

    Raises:
        Unfusable: A network cannot run side by side with others.
    """

    def __init__(self, networks: Sequence[nn.Module], inputs: torch.Tensor) -> None:
        super().__init__()
        traces = [trace(network, inputs) for network in networks]
        features = {sum(piece.length for piece in each.output) for each in traces}
        if len(features) > 1:
            raise Unfusable(f"they have {sorted(features)} outputs")
        self.count, self.features = len(networks), features.pop()
        program = fuse(traces, inputs.shape[1])
        self.calls = program.calls
        self._calls, self._output, self._fans = _routes(program, self.count * inputs.shape[1])
        self._stacks: list[_Stack] = []
        self._names: list[list[str]] = []
        tensors = [dict(network.named_parameters()) | dict(network.named_buffers()) for network in networks]
        for index, call in enumerate(program.calls):
            self._names.append([])
            for place, (name, parts) in enumerate(zip(call.operation.names, call.tensors, strict=True)):
                stack = _Stack(f"{name}_{index}_{place}", parts)
                stacked = torch.cat([tensors[network][part].detach() for network, part in parts])
                if isinstance(tensors[parts[0][0]][parts[0][1]], nn.Parameter):
                    self.register_parameter(stack.name, nn.Parameter(stacked))
                else:
                    self.register_buffer(stack.name, stacked)
                self._stacks.append(stack)
                self._names[-1].append(stack.name)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(b, k * channels, h, w)` to `(b, k, features)`."""
        handed: list[tuple[torch.Tensor, ...]] = [self._fans[0](x)]
        for call, names, fan in zip(self._calls, self._names, self._fans[1:], strict=True):
            values = [_gathered(handed, route) for route in call.routes] or [x]
            tensors = [getattr(self, name) for name in names]
            result = call.call.operation.run(values, tensors, call.call.width, self.training)
            handed.append(fan(result))
        return _gathered(handed, self._output).view(len(x), self.count, self.features)

    @torch.no_grad()
    def unstack(self, networks: Sequence[nn.Module]) -> None:
        """Copy parameters and buffers back into the networks, given in the same order as before."""
        tensors = [dict(network.named_parameters()) | dict(network.named_buffers()) for network in networks]
        for stack in self._stacks:
            targets = [tensors[network][name] for network, name in stack.parts]
            for target, part in zip(
                targets, torch.split(getattr(self, stack.name), [len(target) for target in targets]), strict=True
            ):
                target.copy_(part)


_Route = tuple[tuple[int, int], ...]
"""For each part of a value: its source (0 is the input, then the calls), and the number of the source's range."""


class _Routed(NamedTuple):
    call: Call
    routes: tuple[_Route, ...]


def _routes(program: Program, width: int) -> tuple[list[_Routed], _Route, list[Fan]]:
    ranges: dict[int, list[Range]] = defaultdict(list)

    def routed(value: Value) -> _Route:
        route = []
        for step, start, length in value:
            source = step - INPUT
            route.append((source, len(ranges[source])))
            ranges[source].append(Range(start, length))
        return tuple(route)

    calls = [_Routed(call, tuple(routed(value) for value in call.values)) for call in program.calls]
    output = routed(program.output)
    widths = [width, *(call.width for call in program.calls)]
    return calls, output, [Fan(ranges[source], size) for source, size in enumerate(widths)]


def _gathered(handed: Sequence[tuple[torch.Tensor, ...]], route: _Route) -> torch.Tensor:
    parts = [handed[source][index] for source, index in route]
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
