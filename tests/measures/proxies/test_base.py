"""The contract of every proxy: a finite number or NaN, repeatable, with the network unchanged."""

import copy
import math
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from nasbench.errors import InputError
from nasbench.measures import PROXIES, measures
from nasbench.measures.proxies import Proxy, proxy_scores
from nasbench.measures.proxies.jacov import EPSILON
from nasbench.spaces import NetworkSettings, spaces
from nasbench.tasks import Task, tasks

REFUSED = {
    "masked_language": {"synflow", "jacov", "zen"},
    "node_classification": {"synflow", "jacov", "zen", "naswot"},
    "image_classification": set(),
}
"""Proxies that do not apply to a task."""


def setting(name: str, n: int = 6) -> tuple[nn.Module, Task, torch.Tensor, torch.Tensor]:
    """A network of a space, its task, and a varied batch."""
    space = spaces.create(name)
    task = tasks.resolve(space.task)[0].small()
    genotype = space.sample(1, np.random.default_rng(3))[0]
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        network = space.network(genotype, task, NetworkSettings(8, 1, 2))
    inputs = task.inputs(n)
    if inputs.is_floating_point():
        inputs = torch.randn(inputs.shape, generator=generator)
    elif inputs.dim() > 1:
        inputs = torch.randint(5, inputs.shape, generator=generator)
    return network, task, inputs, task.targets(n)


def create(name: str) -> Proxy:
    proxy = measures.create(name)
    assert isinstance(proxy, Proxy)
    return proxy


def state(network: nn.Module) -> list[object]:
    """All mutable state of a network as comparable values."""

    def facts(tensor: torch.Tensor | None) -> object:
        return tensor if tensor is None else (tensor.dtype, tensor.requires_grad, tensor.detach().numpy().tobytes())

    return [
        [(name, parameter.data_ptr(), facts(parameter)) for name, parameter in network.named_parameters()],
        [facts(parameter.grad) for parameter in network.parameters()],
        [(name, buffer.data_ptr(), facts(buffer)) for name, buffer in network.named_buffers()],
        [(name, type(module), module.training) for name, module in network.named_modules()],
        [[{**hooks} for key, hooks in vars(module).items() if key.endswith("hooks")] for module in network.modules()],
        [sorted(vars(module)) for module in network.modules()],
    ]


@pytest.mark.parametrize("name", list(PROXIES))
@pytest.mark.parametrize("space", ["nb201", "flexibert", "graph"])
def test_a_network_stays_as_it_was(name: str, space: str) -> None:
    network, task, inputs, targets = setting(space)
    given = inputs.clone()
    network.train()
    next(network.children()).eval()  # parts of a network can be in either mode
    task.loss(network(inputs), targets).backward()  # type: ignore[no-untyped-call]
    network.register_forward_hook(lambda *_: None)
    before, noise = state(network), torch.get_rng_state()
    proxy = create(name)
    if name in REFUSED[task.name]:
        with pytest.raises(InputError, match=task.name if name != "naswot" else "nodes"):
            proxy.score(network, task, inputs, targets)
    else:
        with torch.no_grad():  # as a caller may have it
            value = proxy.score(network, task, inputs, targets)
        assert isinstance(value, float)
        assert proxy.score(network, task, inputs, targets) == pytest.approx(value, rel=0, abs=0, nan_ok=True)
    assert state(network) == before
    assert torch.equal(torch.get_rng_state(), noise)
    assert torch.equal(inputs, given)
    assert not inputs.requires_grad


@pytest.mark.parametrize("space", [name for name in spaces if spaces.create(name).task == "image_classification"])
def test_all_are_defined_on_networks_of_images(space: str) -> None:
    network, task, inputs, targets = setting(space)
    names = [name for name in PROXIES if (space, name) != ("ofa", "grasp")]  # hard sigmoids bend once only
    values = proxy_scores(network, task, inputs, targets, names)
    undefined = {name for name, value in values.items() if not math.isfinite(value)}
    assert undefined <= {"jacov"}
    assert not undefined or space in ("nasnet", "tnb101_micro", "tnb101_macro")


def test_pyramids_of_outputs_are_scored_too() -> None:
    network, task, inputs, targets = setting("yolo", n=2)
    names = [name for name in PROXIES if name not in ("zen", "grasp")]
    assert all(math.isfinite(value) for value in proxy_scores(network, task, inputs, targets, names).values())
    with pytest.raises(InputError, match="classified images, not of object_detection"):
        create("zen").score(network, task)


@pytest.mark.parametrize("name", list(PROXIES))
def test_each_says_what_it_is(name: str) -> None:
    proxy = create(name)
    assert any(character.isdigit() for character in proxy.paper)
    assert proxy.needs in ("nothing", "inputs", "targets")
    assert proxy.direction == ("minimise" if proxy.units == "count" else "maximise")  # counts are costs in a table
    assert proxy.name == name
    assert proxy.units in ("none", "nats", "count")
    assert measures.describe(name).endswith(".")
    assert type(proxy).__doc__


@pytest.mark.parametrize("name", list(PROXIES))
def test_only_what_is_needed_matters(name: str, rounding: Callable[..., float]) -> None:
    network, task, inputs, targets = setting("nb201")
    proxy = create(name)
    whole = proxy.score(network, task, inputs, targets)
    if proxy.needs == "nothing":
        assert proxy.score(network, task) == whole
        return
    other = proxy.score(network, task, inputs.flip(3) ** 3, targets)
    near = rounding(1_000, "float32")
    assert other != pytest.approx(whole, rel=near)
    reversed_ = proxy.score(network, task, inputs, targets.flip(0))
    assert (reversed_ != pytest.approx(whole, rel=near)) == (proxy.needs == "targets")
    with pytest.raises(InputError, match="at least 2 inputs, got 1"):
        proxy.score(network, task, inputs[:1], targets[:1])
    with pytest.raises(InputError, match="at least 2 inputs, got none"):
        proxy.score(network, task)
    if proxy.needs == "inputs":
        assert proxy.score(network, task, inputs) == whole
    else:
        with pytest.raises(InputError, match="target for each of the 6 inputs, got 5"):
            proxy.score(network, task, inputs, targets[:5])
        with pytest.raises(InputError, match="target for each of the 6 inputs, got none"):
            proxy.score(network, task, inputs)


@pytest.mark.parametrize("name", ["jacov", "naswot"])
def test_the_order_of_inputs_does_not_matter(name: str, rounding: Callable[..., float]) -> None:
    """In double precision: jacov divides by eigenvalues as small as EPSILON; a sum has 8 channels of 3x3."""
    network, task, inputs, _ = setting("nb201")
    network, inputs = network.double(), inputs.double()
    proxy = create(name)
    near = rounding(1_000, condition=1 / EPSILON)
    assert proxy.score(network, task, inputs.flip(0)) == pytest.approx(proxy.score(network, task, inputs), rel=near)


def test_dropout_is_off_and_batch_statistics_are_on() -> None:
    network, task, inputs, targets = setting("nb201")
    plain = create("snip").score(network, task, inputs, targets)
    assert create("snip").score(nn.Sequential(network, nn.Dropout(0.5)), task, inputs, targets) == plain
    used = copy.deepcopy(network)
    for module in used.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            module.running_mean.fill_(7.0)
    assert create("snip").score(used, task, inputs, targets) == plain


def test_what_is_not_finite_is_missing() -> None:
    class Infinite(Proxy):
        paper, needs = "", "nothing"

        def _score(self, *_: object) -> float:
            return math.inf

    network, task, *_ = setting("nb201")
    assert math.isnan(Infinite().score(network, task))


def test_a_network_without_weights_is_refused() -> None:
    network, task, inputs, targets = setting("nb201")
    network.requires_grad_(False)
    with pytest.raises(InputError, match="no weights"):
        create("snip").score(network, task, inputs, targets)


def test_scores_are_named() -> None:
    network, task, inputs, targets = setting("nb201")
    assert list(proxy_scores(network, task, inputs, targets)) == list(PROXIES)
    assert list(proxy_scores(network, task, names=["zen+seed=1", "params"])) == ["zen+seed=1", "params"]
    with pytest.raises(InputError, match="'memory' is not a zero-cost proxy"):
        proxy_scores(network, task, names=["memory"])
    with pytest.raises(InputError, match="unknown measure 'sinflow': did you mean 'synflow'"):
        proxy_scores(network, task, names=["sinflow"])


def test_importing_the_names_loads_no_torch() -> None:
    code = (
        "import sys, nasbench.measures.proxies; from nasbench.measures import measures; list(measures); "
        "measures.describe('zen'); print('torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
