"""Latency in deployment: the network exported to ONNX and run by ONNX Runtime on one thread of the CPU."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from nasbench.errors import MissingExtraError, NasbenchError
from nasbench.measures.base import Measure, Measurement, Quantity, Subject
from nasbench.measures.timing import median_seconds
from nasbench.tasks import Outputs

OPSET = 18
"""Version of the ONNX operator set (2022): the first with anti-aliased image resizing, as in torch."""
TOLERANCE = 1e-3
"""Accepted difference from torch's output, relative to its largest value: kernels sum in different orders."""


def onnx_latency(network: torch.nn.Module, inputs: torch.Tensor, repeats: int = 50, warmup: int = 5) -> float:
    """Median milliseconds of one input in ONNX Runtime, on one thread of the CPU, in float32.

    The timed call is `InferenceSession.run`, with the default graph optimisation of the library.

    Args:
        network: On the CPU; left in evaluation mode.
        inputs: A batch of one, `(1, ...)`.
        repeats: Timed passes.
        warmup: Passes before them, not timed.

    Raises:
        MissingExtraError: The extra `onnx` is not installed.
        NasbenchError: The network cannot be exported or run, or the outputs of ONNX Runtime and torch differ.
    """
    onnxruntime = _library()
    network.eval()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    model = export(network, inputs)
    probe = torch.randn(inputs.shape, generator=torch.Generator().manual_seed(0))  # a white image would hide errors
    probe = probe if inputs.is_floating_point() else inputs
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        answers = session.run(None, {name: probe.numpy()})
    except Exception as error:  # its errors have no common class
        raise NasbenchError(f"ONNX Runtime cannot run the exported network: {_brief(error)}") from error
    with torch.no_grad():
        _compare(answers, network(probe))
    feed = {name: inputs.numpy()}
    return 1000 * median_seconds(lambda: session.run(None, feed), repeats, warmup)


def _library() -> Any:
    """The module `onnxruntime`.

    Raises:
        MissingExtraError: It is not installed, or `onnx`, through which torch exports.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("latency in ONNX Runtime needs it: pip install 'nasbench[onnx]'") from error
    return onnxruntime


def export(network: torch.nn.Module, inputs: torch.Tensor) -> bytes:
    """A network as an ONNX model with its weights, for inputs of exactly this shape `(b, ...)`.

    The network is first traced to the operations that it does on these inputs, so that values computed from shapes
    become constants. torch's older exporter is used because it needs no package besides onnx.

    Raises:
        NasbenchError: It cannot be expressed in ONNX.
    """
    from torch.fx.experimental.proxy_tensor import make_fx
    from torch.onnx import register_custom_op_symbolic, unregister_custom_op_symbolic  # type: ignore[attr-defined]
    from torch.onnx.symbolic_helper import parse_args

    aten = torch.ops.aten
    simpler = {aten.mT.default: lambda x: x.transpose(-1, -2)}  # unknown to the exporter
    buffer = io.BytesIO()
    network.eval()
    register_custom_op_symbolic(_SHRINK, parse_args("v", "is", "b", "none")(_shrink), OPSET)
    try:
        with torch.no_grad(), warnings.catch_warnings(), _silent():
            warnings.simplefilter("ignore")  # deprecation of this exporter, and constants that it does not fold
            graph = make_fx(network, decomposition_table=simpler, pre_dispatch=True)(inputs).eval()
            torch.onnx.export(graph, (inputs,), buffer, dynamo=False, opset_version=OPSET)  # type: ignore[arg-type]
    except Exception as error:
        raise NasbenchError(f"the network cannot be exported to ONNX: {_brief(error)}") from error
    finally:
        unregister_custom_op_symbolic(_SHRINK, OPSET)
    return buffer.getvalue()


_SHRINK = "aten::_upsample_bilinear2d_aa"


def _shrink(graph: Any, images: Any, size: Sequence[int], align_corners: bool, scales: None) -> Any:
    """Anti-aliased bilinear interpolation, which is unknown to the exporter."""
    nothing = graph.op("Constant", value_t=torch.tensor([]))
    shape = graph.op("Constant", value_t=torch.tensor([*images.type().sizes()[:2], *size]))
    return graph.op("Resize", images, nothing, nothing, shape, mode_s="linear", antialias_i=1, exclude_outside_i=1)


def _compare(answers: list[np.ndarray], outputs: Outputs) -> None:
    expected = [output.numpy() for output in (outputs if isinstance(outputs, list) else [outputs])]
    for answer, output in zip(answers, expected, strict=True):
        if answer.shape != output.shape:
            raise NasbenchError(f"ONNX Runtime answers in shape {answer.shape}, torch in {output.shape}")
        apart, largest = np.abs(answer - output).max(), np.abs(output).max()
        if not apart <= TOLERANCE * largest:
            raise NasbenchError(f"ONNX Runtime and torch answer up to {apart:.3g} apart, of at most {largest:.3g}")


def _brief(error: Exception) -> str:
    """First line of a message, without the graph that the exporter appends."""
    return str(error).partition("\n")[0].partition("  [Caused by")[0][:300] or type(error).__name__


@contextmanager
def _silent() -> Iterator[None]:
    """Context without standard output: the exporter prints whole graphs when it fails."""
    sys.stdout.flush()
    saved = os.dup(1)
    try:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
            os.dup2(nowhere.fileno(), 1)
        yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)


class OnnxLatency(Measure):
    """Latency of one input in ONNX Runtime."""

    alone = True
    quantities = (
        Quantity(
            "onnx_latency",
            "milliseconds",
            "minimise",
            "Time of answering one input in ONNX Runtime, on one thread of the CPU in float32: median.",
        ),
    )

    def ready(self) -> None:
        """Check that ONNX Runtime is installed."""
        _library()

    def _take(self, subject: Subject) -> Measurement:
        return Measurement.of(onnx_latency(subject.network, subject.task.inputs(1), subject.repeats))
