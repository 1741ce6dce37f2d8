"""Traces of networks as steps, by symbolic tracing (`torch.fx`) with known shapes except the batch size."""

from __future__ import annotations

import copy
import operator
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import fx, nn

from nasbench.training.fusion.operations import (
    BatchNorm,
    Channelwise,
    Convolution,
    Linear,
    Normalised,
    Operation,
    Sides,
    Unfusable,
    Zeros,
    mean_pool,
)

INPUT = -1
"""Step number that stands for the input of the network."""
TRACE_BATCH = 2
"""Size of the example batch: the smallest that batch normalisation accepts."""
ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.Hardswish, nn.Hardsigmoid, nn.GELU, nn.ELU)
POOLS = (nn.MaxPool2d, nn.AdaptiveAvgPool2d, nn.Flatten)
_PER_PIXEL = ("relu", "relu6", "silu", "sigmoid", "tanh", "hardswish", "hardsigmoid", "gelu")
ALIKE = frozenset([*_PER_PIXEL, "max_pool2d", "avg_pool2d", "interpolate"])
"""Functions and methods of one value that act on each channel by itself, whatever their other arguments are."""
PAIRED: dict[str, Callable[..., torch.Tensor]] = {
    "add": torch.add,
    "iadd": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "maximum": torch.maximum,
}
"""Functions and operators of two values; `x += y` only where `x` has no other user."""


class Piece(NamedTuple):
    """`length` channels from `start` of the result of a step."""

    step: int
    start: int
    length: int


Value = tuple[Piece, ...]
"""Channels side by side; rearranging channels is not a step."""


def joined(pieces: Sequence[Piece]) -> Value:
    """The same channels, with adjacent pieces merged."""
    result: list[Piece] = []
    for piece in pieces:
        last = result[-1] if result else None
        if last and last.step == piece.step and last.start + last.length == piece.start:
            result[-1] = Piece(last.step, last.start, last.length + piece.length)
        else:
            result.append(piece)
    return tuple(result)


@dataclass(frozen=True)
class Step:
    """One operation of a network.

    Attributes:
        operation: The operation.
        values: Its operands.
        tensors: Names of its parameters and buffers in the network.
        width: Channels of the result.
    """

    operation: Operation
    values: tuple[Value, ...]
    tensors: tuple[str, ...]
    width: int


@dataclass(frozen=True)
class Trace:
    """The computation of one network, without dead steps.

    Attributes:
        steps: In an order in which they can be executed.
        output: The features that the network returns.
    """

    steps: tuple[Step, ...]
    output: Value


def trace(network: nn.Module, inputs: torch.Tensor) -> Trace:
    """The steps of a network.

    Args:
        network: Not changed.
        inputs: A batch that it accepts; only the shape matters.

    Raises:
        Unfusable: It cannot be traced, or cannot run side by side with others.
    """
    _check(network)
    batch = inputs[:1].expand(TRACE_BATCH, *inputs.shape[1:]).cpu()
    traces = [_Reader(network, batch, training).read() for training in (True, False)]
    if traces[0] != traces[1]:
        raise Unfusable("it computes something else in training than in evaluation")
    return _without_the_dead(_normalised(_without_the_dead(traces[0])))


def _check(network: nn.Module) -> None:
    if any(module._forward_hooks or module._forward_pre_hooks for module in network.modules()):
        raise Unfusable("it has hooks")
    if any(not parameter.requires_grad for parameter in network.parameters()):
        raise Unfusable("some parameters are not trained")


class _Shaped(fx.Proxy):
    """A traced value with a known shape except the batch size, so that code that reads shapes can be traced."""

    example: Any

    @property
    def shape(self) -> tuple[Any, ...]:
        """The batch size, read in each call, and the other sizes."""
        return (self.size(0), *self.example.shape[1:])

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return int(self.example.ndim)


class _Tracer(fx.Tracer):
    """Tracer that computes an example value along with each node."""

    def __init__(self, network: nn.Module, batch: torch.Tensor) -> None:
        super().__init__()
        self.modules = dict(copy.deepcopy(network).named_modules())  # the traced modules would return proxies
        self.batch = batch

    def proxy(self, node: fx.Node) -> fx.Proxy:
        """A value with a known shape."""
        return _Shaped(node, self)

    def create_proxy(self, kind: str, target: Any, args: Any, kwargs: Any, *more: Any, **others: Any) -> fx.Proxy:
        """A node with its example value."""
        result = super().create_proxy(kind, target, args, kwargs, *more, **others)
        assert isinstance(result, _Shaped)
        given = fx.node.map_aggregate((tuple(args), dict(kwargs)), _example)
        with torch.no_grad():
            match kind:
                case "placeholder":
                    example = self.batch
                case "call_module":
                    example = self.modules[target].forward(*given[0], **given[1])
                case "call_function":
                    example = target(*given[0], **given[1])
                case "call_method":
                    example = getattr(given[0][0], target)(*given[0][1:], **given[1])
                case "output":
                    example = given[0][0]
                case _:
                    raise Unfusable(f"it uses {target} outside a layer")
        result.example = result.node.meta["example"] = example
        return result


def _example(value: Any) -> Any:
    return value.example if isinstance(value, _Shaped) else value


class _Reader:
    """Turns nodes into steps; equal parameter-free steps on equal operands become one."""

    def __init__(self, network: nn.Module, batch: torch.Tensor, training: bool) -> None:
        network = copy.deepcopy(network).train(training)
        self.tracer = _Tracer(network, batch)
        try:
            self.graph = self.tracer.trace(network)
        except Unfusable:
            raise
        except Exception as error:
            raise Unfusable(f"it cannot be traced: {' '.join(str(error).split())[:120]}") from error
        self.modules = dict(network.named_modules())
        self.steps: list[Step] = []
        self.values: dict[fx.Node, Value] = {}
        self.seen: dict[tuple[Operation, tuple[Value, ...], int], Value] = {}
        self.used: set[str] = set()

    def read(self) -> Trace:
        output: Value = ()
        inputs = 0
        for node in self.graph.nodes:
            match node.op:
                case "placeholder":
                    inputs += 1
                    self.values[node] = (Piece(INPUT, 0, self._width(node)),)
                case "call_module":
                    self.values[node] = self._module(node)
                case "output":
                    if not isinstance(node.args[0], fx.Node):
                        raise Unfusable("it answers with several values")
                    output = self._value(node.args[0])
                    if self._sides(node.args[0]):
                        raise Unfusable("it does not answer with features")
                case "call_method" if node.target == "size":
                    pass  # of the batch: see `_Shaped`
                case _:
                    self.values[node] = self._function(node)
        if inputs != 1:
            raise Unfusable(f"it has {inputs} inputs")
        return Trace(tuple(self.steps), output)

    # --- layers -------------------------------------------------------------------------------------------------

    def _module(self, node: fx.Node) -> Value:
        name, module, source = str(node.target), self.modules[str(node.target)], node.args[0]
        if len(node.args) != 1 or node.kwargs:
            raise Unfusable(f"{name} has several inputs")
        value, sides = self._value(source), self._sides(source)
        operation: Operation
        if isinstance(module, nn.Identity) or (isinstance(module, nn.Dropout) and module.p == 0):
            return value
        kind = type(module)
        if kind is nn.Conv2d:
            operation = Convolution.of(module, sides)
        elif kind is nn.BatchNorm2d:
            operation = BatchNorm.of(module, sides)
        elif kind is nn.Linear:
            operation = Linear.of(module, sides)
        elif kind is nn.AvgPool2d:
            operation = Channelwise(mean_pool(module, sides), _settings(module), (sides,))
        elif kind in ACTIVATIONS or kind in POOLS:
            if getattr(module, "inplace", False):
                raise Unfusable(f"{name} works in place")
            if isinstance(module, nn.Flatten) and (module.start_dim, module.end_dim) != (1, -1):
                raise Unfusable(f"{name} does not flatten to features")
            if isinstance(module, nn.MaxPool2d) and module.return_indices:
                raise Unfusable(f"{name} gives indices")
            operation = Channelwise(module, _settings(module), (sides,))
        else:
            raise Unfusable(f"{name} is of {kind.__name__}, which is not known to run side by side")
        if name in self.used and operation.names:
            raise Unfusable(f"{name} is used twice")
        self.used.add(name)
        return self._step(operation, (value,), node, tuple(f"{name}.{tensor}" for tensor in operation.names))

    # --- functions, operators and methods -----------------------------------------------------------------------

    def _function(self, node: fx.Node) -> Value:
        name = str(node.target if isinstance(node.target, str) else getattr(node.target, "__name__", node.target))
        if name.endswith("_") and not name.endswith("__"):
            raise Unfusable(f"{name} works in place")
        name = name.strip("_")
        if name in ("new_zeros", "zeros_like"):
            return self._step(Zeros(self._sides(node)), (), node)
        if name == "getitem":
            return self._part(node)
        if name in ("cat", "concat"):
            return self._concatenated(node)
        if name in PAIRED:
            return self._pair(PAIRED[name], name, node)
        source, *others = node.args
        sides, rest = self._sides(source), (tuple(others), tuple(sorted(node.kwargs.items())))
        if node.kwargs.get("inplace") or _has_nodes(rest):
            raise Unfusable(f"{name} works in place, or depends on another value")
        known = (
            name in ALIKE
            or (name == "mean" and _axes(node, len(sides) + 2) <= set(range(2, len(sides) + 2)))
            or (name == "pad" and len(_argument(node, "pad")) <= 2 * len(sides))
            or (name == "flatten" and rest == ((1,), ()))
        )
        if not known:
            raise Unfusable(f"{name} is not known to run side by side")
        return self._alike(node, name, rest)

    def _alike(self, node: fx.Node, name: str, rest: tuple[tuple[Any, ...], tuple[tuple[str, Any], ...]]) -> Value:
        """A function of one value and constants, which need not be hashable."""
        function = partial(_method, node.target) if isinstance(node.target, str) else node.target
        others, named = rest
        source = node.args[0]

        def call(x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = function(x, *others, **dict(named))
            return result

        return self._step(Channelwise(call, (name, repr(rest)), (self._sides(source),)), (self._value(source),), node)

    def _pair(self, function: Callable[..., torch.Tensor], name: str, node: fx.Node) -> Value:
        left, right = node.args
        if name == "iadd" and isinstance(left, fx.Node) and len(left.users) > 1:
            raise Unfusable("a value that is used elsewhere is changed in place")
        if node.kwargs or not isinstance(left, fx.Node) or not isinstance(right, fx.Node):
            raise Unfusable(f"{name} is not of two values")
        if self._width(left) != self._width(right) or len(self._sides(left)) != len(self._sides(right)):
            raise Unfusable(f"{name} is of values of different widths")
        sides = (self._sides(left), self._sides(right))
        return self._step(Channelwise(function, name, sides), (self._value(left), self._value(right)), node)

    def _part(self, node: fx.Node) -> Value:
        """A range of channels, each indexed in the same way."""
        source, index = node.args
        index = index if isinstance(index, tuple) else (index,)
        batch, channels, *rest = (*index, slice(None), slice(None))[: max(2, len(index))]
        if batch != slice(None) or not isinstance(channels, slice) or channels.step not in (None, 1):
            raise Unfusable(f"it takes the part {index} of a value")
        start, stop, _ = channels.indices(self._width(source))
        value = _narrow(self._value(source), start, max(0, stop - start))
        if all(part == slice(None) for part in rest):
            return value
        picked = (slice(None), slice(None), *rest)
        call: Callable[[torch.Tensor], torch.Tensor] = operator.itemgetter(picked)
        return self._step(Channelwise(call, ("part", repr(rest)), (self._sides(source),)), (value,), node)

    def _concatenated(self, node: fx.Node) -> Value:
        parts = node.args[0]
        axis = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
        if axis != 1 or not isinstance(parts, Sequence):
            raise Unfusable(f"it concatenates along axis {axis}")
        return joined([piece for part in parts for piece in self._value(part)])

    # --- steps --------------------------------------------------------------------------------------------------

    def _step(
        self, operation: Operation, values: tuple[Value, ...], node: fx.Node, tensors: tuple[str, ...] = ()
    ) -> Value:
        width = self._width(node)
        key = (operation, values, width)
        if not tensors and key in self.seen:
            return self.seen[key]
        self.steps.append(Step(operation, values, tensors, width))
        self.seen[key] = (Piece(len(self.steps) - 1, 0, width),)
        return self.seen[key]

    def _value(self, node: Any) -> Value:
        if not isinstance(node, fx.Node) or node not in self.values:
            raise Unfusable(f"it uses {node} as a value")
        return self.values[node]

    def _width(self, node: Any) -> int:
        return _tensor(node).shape[1]

    def _sides(self, node: Any) -> Sides:
        return tuple(_tensor(node).shape[2:])


def _tensor(node: Any) -> torch.Tensor:
    example = node.meta.get("example") if isinstance(node, fx.Node) else None
    if not isinstance(example, torch.Tensor) or example.ndim < 2 or len(example) != TRACE_BATCH:
        raise Unfusable(f"{node} is not a batch of values")
    return example


def _method(name: str, x: torch.Tensor, *others: Any, **named: Any) -> torch.Tensor:
    result: torch.Tensor = getattr(x, name)(*others, **named)
    return result


def _settings(module: nn.Module) -> Hashable:
    """Key that distinguishes parameter-free modules."""
    return (type(module), repr({k: v for k, v in vars(module).items() if k[0] != "_" and k != "training"}))


def _has_nodes(value: Any) -> bool:
    nodes: list[fx.Node] = []
    fx.node.map_arg(value, nodes.append)
    return bool(nodes)


def _argument(node: fx.Node, name: str) -> Sequence[Any]:
    """An argument of a call, given by name or as the second one."""
    value: Any = node.kwargs.get(name, node.args[1] if len(node.args) > 1 else ())
    return value if isinstance(value, Sequence) else (value,)


def _axes(node: fx.Node, ndim: int) -> set[int]:
    """Axes over which a mean is taken."""
    return {int(axis) % ndim for axis in _argument(node, "dim")} or {0}


def _narrow(value: Value, start: int, length: int) -> Value:
    """`length` channels from `start` of a value."""
    pieces, before = [], 0
    for step, first, size in value:
        low, high = max(start - before, 0), min(start + length - before, size)
        if low < high:
            pieces.append(Piece(step, first + low, high - low))
        before += size
    return tuple(pieces)


def _without_the_dead(whole: Trace) -> Trace:
    """The trace without steps that the output does not depend on."""
    alive: set[int] = {piece.step for piece in whole.output}
    for index in reversed(range(len(whole.steps))):
        if index in alive:
            alive |= {piece.step for value in whole.steps[index].values for piece in value}
    indices = sorted(alive - {INPUT})
    places = {INPUT: INPUT} | {index: place for place, index in enumerate(indices)}

    def moved(value: Value) -> Value:
        return tuple(Piece(places[step], start, length) for step, start, length in value)

    steps = (whole.steps[index] for index in indices)
    return Trace(
        tuple(Step(s.operation, tuple(map(moved, s.values)), s.tensors, s.width) for s in steps), moved(whole.output)
    )


def _normalised(whole: Trace) -> Trace:
    """The trace with each convolution that only a normalisation uses merged into it; the convolution becomes dead."""
    uses = Counter(piece.step for step in whole.steps for value in step.values for piece in value)
    uses.update(piece.step for piece in whole.output)
    steps = list(whole.steps)
    for index, step in enumerate(whole.steps):
        if not isinstance(step.operation, BatchNorm) or len(step.values[0]) > 1 or step.values[0][0].step == INPUT:
            continue
        (piece,) = step.values[0]
        source = whole.steps[piece.step]
        if isinstance(source.operation, Convolution) and uses[piece.step] == 1 and piece.length == source.width:
            operation = Normalised(source.operation, step.operation)
            steps[index] = Step(operation, source.values, (*source.tensors, *step.tensors), step.width)
    return Trace(tuple(steps), whole.output)
