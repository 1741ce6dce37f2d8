"""The examples of the documentation work, and every proxy is in its table."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from nasbench.measures import PROXIES, measures
from nasbench.measures.proxies import Proxy, proxy_scores
from nasbench.tasks.images import ImageClassification

PAGE = (Path(__file__).parents[3] / "docs" / "proxies.md").read_text(encoding="utf-8")


def test_the_example_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rounding: Callable[..., float]
) -> None:
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "class Plain" in block)
    (tmp_path / "my_proxy.py").write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "my_proxy", raising=False)
    layer = nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(3.0)
    network = nn.Sequential(nn.Flatten(), layer, nn.Linear(1, 2))
    task, x, y = ImageClassification((1, 1, 1), 2), torch.ones(2, 1, 1, 1), torch.tensor([0, 1])
    weights = [layer.weight, network[2].weight]
    loss = task.loss(network(x), y)
    parts = [w * g for w, g in zip(weights, torch.autograd.grad(loss, weights), strict=True)]
    expected, size = sum(part.sum().item() for part in parts), sum(part.abs().sum().item() for part in parts)
    found = proxy_scores(network, task, x, y, ["my_proxy:Plain"])["my_proxy:Plain"]
    assert found == pytest.approx(expected, abs=rounding(20, "float32") * size)  # the parts cancel


def test_the_example_of_measuring() -> None:
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "import proxy_scores" in block)
    found: dict[str, object] = {}
    exec(code, found)
    values = found["values"]
    assert isinstance(values, dict)
    assert list(values) == list(PROXIES)


def test_every_proxy_is_in_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (nothing|inputs|targets) \|", PAGE, re.MULTILINE)
    known = {name: measures.resolve(name)[0] for name in PROXIES}
    assert rows == [(name, proxy.needs) for name, proxy in known.items() if issubclass(proxy, Proxy)]
