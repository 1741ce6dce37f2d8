"""Latency in ONNX Runtime: networks of every image space, failed exports and differing outputs."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from nasbench.errors import InputError, MissingExtraError, NasbenchError
from nasbench.measures.onnx_runtime import export, onnx_latency
from nasbench.spaces import NetworkSettings, spaces
from nasbench.tasks import tasks

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
IMAGES = [name for name in spaces if spaces.create(name).task == "image_classification"]


def one_of(name: str, seed: int = 0) -> tuple[nn.Module, torch.Tensor]:
    """A random network of a space, and one input."""
    space = spaces.create(name)
    task = tasks.resolve(space.task)[0].small()
    genotype = space.sample(1, np.random.default_rng(seed))[0]
    return space.network(genotype, task, NetworkSettings(channels=8, cells=1)), task.inputs(1)


def test_a_model_by_hand() -> None:
    """One layer becomes one operation with the same weights."""
    layer = nn.Linear(2, 1)
    layer.weight.data, layer.bias.data = torch.tensor([[0.5, -2.0]]), torch.tensor([0.25])
    model = onnx.load_from_string(export(layer, torch.ones(1, 2)))
    onnx.checker.check_model(model)
    assert [node.op_type for node in model.graph.node] == ["Gemm"]
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    assert sorted(array.size for array in weights.values()) == [1, 2]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    answer = session.run(None, {session.get_inputs()[0].name: np.array([[3, 5]], dtype=np.float32)})[0]
    assert answer.tolist() == [[0.5 * 3 - 2 * 5 + 0.25]]


def test_latency_is_a_finite_time_in_milliseconds() -> None:
    network, inputs = one_of("nb201")
    value = onnx_latency(network, inputs, repeats=3)
    assert np.isfinite(value) and value > 0
    assert not network.training


def test_is_the_median_in_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasbench.measures.onnx_runtime.median_seconds", lambda work, repeats, warmup: repeats + warmup)
    assert onnx_latency(nn.Linear(2, 1), torch.ones(1, 2), repeats=3, warmup=4) == 7000
    with pytest.raises(InputError, match="unheard of"):
        monkeypatch.setattr("nasbench.measures.onnx_runtime.median_seconds", _refuse)
        onnx_latency(nn.Linear(2, 1), torch.ones(1, 2))


def _refuse(*_: object) -> float:
    raise InputError("unheard of")


@pytest.mark.slow
@pytest.mark.parametrize("name", IMAGES)
def test_networks_of_images(name: str) -> None:
    for seed in range(2):
        assert onnx_latency(*one_of(name, seed), repeats=1, warmup=0) > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["transformer", "nlp", "yolo", "detection"])
def test_networks_of_other_tasks(name: str) -> None:
    assert onnx_latency(*one_of(name), repeats=1, warmup=0) > 0


def test_what_cannot_be_exported_is_said_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    """This exporter cannot write sums along edges."""
    with pytest.raises(NasbenchError, match=r"cannot be exported to ONNX: .*index_add") as error:
        onnx_latency(*one_of("graph"))
    assert len(str(error.value)) < 400 and "\n" not in str(error.value)
    assert capfd.readouterr().out == ""


class Resized(nn.Module):
    """Resizes images."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.interpolate(x, (5, 12), mode="bilinear", antialias=True)


def test_images_are_shrunk_and_enlarged_as_torch_does() -> None:
    assert onnx_latency(Resized(), torch.ones(1, 2, 9, 7), repeats=1) > 0


class Drawing(nn.Module):
    """Adds fresh noise to its input, so that the exported network never agrees."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.rand_like(x)


def test_another_answer_is_refused() -> None:
    with pytest.raises(NasbenchError, match=r"ONNX Runtime and torch answer up to \S+ apart, of at most \S+$"):
        onnx_latency(Drawing(), torch.ones(1, 8))


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("onnx", "onnxruntime"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, module, None)
            with pytest.raises(MissingExtraError, match=r"pip install 'nasbench\[onnx\]'"):
                onnx_latency(nn.Identity(), torch.ones(1, 1))
