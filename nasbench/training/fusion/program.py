"""Fusing traces: which steps of many networks run as one call, in which order, and where their values lie."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from nasbench.training.fusion.operations import Operation
from nasbench.training.fusion.trace import INPUT, Piece, Trace, Value, joined


@dataclass(frozen=True)
class Call:
    """One operation on values of many networks.

    Attributes:
        operation: The operation.
        values: Its operands: pieces of the results of earlier calls, or of the input.
        tensors: For each parameter and buffer of the operation, networks and names of the tensors to concatenate.
        width: Channels of the result.
    """

    operation: Operation
    values: tuple[Value, ...]
    tensors: tuple[tuple[tuple[int, str], ...], ...]
    width: int


@dataclass(frozen=True)
class Program:
    """The computation of many networks.

    Attributes:
        calls: In order of execution. `Piece.step` in their values counts calls.
        output: Outputs of the networks, side by side.
    """

    calls: tuple[Call, ...]
    output: Value


def fuse(traces: Sequence[Trace], width: int) -> Program:
    """Run equal operations together: among ready operations, the one with fewest equal steps still waiting is next.

    Args:
        traces: One per network.
        width: Channels of the input of one network; the inputs lie side by side.
    """
    coming = Counter(step.operation for trace in traces for step in trace.steps)
    waiting = {
        (network, index): {piece.step for value in step.values for piece in value} - {INPUT}
        for network, trace in enumerate(traces)
        for index, step in enumerate(trace.steps)
    }
    users = defaultdict(list)
    for (network, index), sources in waiting.items():
        for source in sources:
            users[network, source].append((network, index))
    ready: dict[Operation, list[tuple[int, int]]] = defaultdict(list)
    for (network, index), sources in waiting.items():
        if not sources:
            ready[traces[network].steps[index].operation].append((network, index))
    places = {(network, INPUT): (INPUT, network * width) for network in range(len(traces))}

    def placed(network: int, value: Value) -> list[Piece]:
        return [
            Piece(places[network, step][0], places[network, step][1] + start, length) for step, start, length in value
        ]

    calls: list[Call] = []
    while ready:
        operation = min(ready, key=lambda each: (coming[each] - len(ready[each]), -len(ready[each])))
        members = ready.pop(operation)
        members.sort(key=lambda each: [placed(each[0], value) for value in traces[each[0]].steps[each[1]].values])
        coming[operation] -= len(members)
        steps = [traces[network].steps[index] for network, index in members]
        gathered = [
            joined(
                [piece for (network, _), value in zip(members, column, strict=True) for piece in placed(network, value)]
            )
            for column in zip(*(step.values for step in steps), strict=True)
        ]
        tensors = [
            tuple((network, name) for (network, _), name in zip(members, column, strict=True))
            for column in zip(*(step.tensors for step in steps), strict=True)
        ]
        offset = 0
        for member, step in zip(members, steps, strict=True):
            places[member] = (len(calls), offset)
            offset += step.width
        calls.append(Call(operation, tuple(gathered), tuple(tensors), offset))
        for member in members:
            for user in users[member]:
                waiting[user].remove(member[1])
                if not waiting[user]:
                    ready[traces[user[0]].steps[user[1]].operation].append(user)
    output = joined([piece for network, trace in enumerate(traces) for piece in placed(network, trace.output)])
    return Program(tuple(calls), output)
