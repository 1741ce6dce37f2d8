"""Networks trained side by side equal networks trained alone."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from nasbench.parallel.threads import single_threaded
from nasbench.spaces import NetworkSettings, spaces
from nasbench.tasks.images import ImageClassification
from nasbench.tasks.language import MaskedLanguage
from nasbench.training.device import seeded
from nasbench.training.fusion import FusedNetwork, Unfusable
from nasbench.training.fusion.operations import mean_pool
from nasbench.training.fusion.routing import Fan, Range
from nasbench.training.loop import train, train_many
from nasbench.training.settings import TrainSettings

CPU = torch.device("cpu")
TASK = ImageClassification((2, 8, 8), 3)
IMAGES = [name for name in spaces if spaces.create(name).task == TASK.name]
MEASURED = slice(0, -1)
SAME = 1e-6
"""Difference of trainings in double precision that are the same but for rounding.

A few steps multiply it by about 1e4 (1e-7 becomes 1e-3 in single precision), which makes 1e-12 of eps = 2e-16. The rest
is for networks that are worse conditioned. What is done otherwise differs by more after the first step.
"""
COARSE = 16 * 2**-7
"""Difference of losses of some 30 steps in bfloat16, whose eps is 2**-7; seen are 6 of these."""


@pytest.fixture(autouse=True)
def _one_thread():
    with single_threaded():
        yield


def noise(n=24, shape=TASK.shape, seed=0):
    """Images of noise, brighter the higher the class."""
    rng = np.random.default_rng(seed)
    data = {}
    for split in ("train", "validation", "test"):
        labels = rng.integers(0, TASK.classes, n)
        images = rng.normal(0, 1, (n, *shape)) + labels[:, None, None, None]
        data[split] = (torch.tensor(images, dtype=torch.float32), torch.tensor(labels))
    return data


def built(make, seeds):
    networks = []
    for seed in seeds:
        with seeded(seed, CPU):
            networks.append(make(seed))
    return networks


def of_space(name, count=4, channels=4, stages=2):
    space = spaces.create(name)
    genotypes = space.sample(count, np.random.default_rng(1))
    settings = NetworkSettings(channels=max(channels, 8 if name == "nb101" else 0), cells=1, stages=stages)
    return built(lambda seed: space.network(genotypes[seed % len(genotypes)], TASK, settings), range(count))


def small(_=0, width=4):
    return nn.Sequential(
        nn.Conv2d(2, width, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.Flatten(), nn.Linear(36 * width, 3)
    )


def weights(network):
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def doubled(data):
    """Images in double precision, so that training does not amplify rounding errors visibly."""
    return {split: (images.double(), labels) for split, (images, labels) in data.items()}


def compare(networks, settings, seeds):
    """Train one by one and side by side in double precision, and compare histories and weights."""
    data = doubled(noise())
    networks = [network.double() for network in networks]
    alone = copy.deepcopy(networks)
    expected = [train(network, TASK, data, settings, seed, CPU) for network, seed in zip(alone, seeds, strict=True)]
    histories = train_many(networks, TASK, data, settings, seeds, CPU)
    for history, one, network, by_itself in zip(histories, expected, networks, alone, strict=True):
        assert history.names == one.names and history.diverged == one.diverged
        np.testing.assert_allclose(history.values[MEASURED], one.values[MEASURED], rtol=SAME, atol=SAME)
        if one.diverged is None:
            torch.testing.assert_close(weights(network), weights(by_itself), rtol=SAME, atol=SAME)
            for got, wanted in zip(network.buffers(), by_itself.buffers(), strict=True):
                if got.is_floating_point():
                    torch.testing.assert_close(got, wanted, rtol=SAME, atol=SAME)
    return histories


class Pixel(nn.Module):
    """One 1x1 convolution to two features."""

    def __init__(self, *weight):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 1, bias=False)
        self.conv.weight.data[:] = torch.tensor(weight).view(2, 1, 1, 1)

    def forward(self, x):
        return self.conv(x).mean(dim=(2, 3))


def test_two_networks_of_one_convolution_by_hand():
    first, second = Pixel(1.0, 2.0), Pixel(-1.0, 10.0)
    fused = FusedNetwork([first, second], torch.zeros(1, 1, 1, 1))
    x = torch.tensor([[3.0, 5.0]]).view(1, 2, 1, 1)  # one input for each network
    answers = fused(x)
    assert answers.tolist() == [[[3, 6], [-5, 50]]]
    answers[0, 1, 0].backward()
    (weight,) = fused.parameters()
    assert weight.grad.flatten().tolist() == [0, 0, 5, 0]
    weight.data += weight.grad
    fused.unstack([first, second])
    assert first.conv.weight.flatten().tolist() == [1, 2]
    assert second.conv.weight.flatten().tolist() == [4, 10]


def test_one_convolution_for_all_networks_and_edges():
    names = [call.operation.__class__.__name__ for call in FusedNetwork(of_space("nb201", 1), TASK.inputs(1)).calls]
    many = FusedNetwork(of_space("nb201", 1) * 3, TASK.inputs(1))
    assert [call.operation.__class__.__name__ for call in many.calls] == names


def test_parts_are_handed_out_and_their_gradients_summed_by_hand():
    fan = Fan([Range(1, 2), Range(2, 2), Range(2, 1)], 5)
    value = torch.arange(5.0).view(1, 5).requires_grad_()
    parts = fan(value)
    assert [part.tolist() for part in parts] == [[[1, 2]], [[2, 3]], [[2]]]
    (parts[0].sum() + 10 * parts[1].sum() + 100 * parts[2].sum()).backward()
    assert value.grad.tolist() == [[0, 1, 111, 10, 0]]


def test_a_trained_normalisation_is_part_of_its_convolution_by_hand():
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1, eps=1), nn.Flatten())
    for tensor, value in zip([*network[0].parameters(), *network[1].parameters()], (3.0, 1.0, 5.0, 7.0), strict=True):
        tensor.data.fill_(value)
    network[1].running_mean.fill_(2)
    network[1].running_var.fill_(3)
    fused = FusedNetwork([network], torch.zeros(1, 1, 1, 1))
    assert [call.operation.__class__.__name__ for call in fused.calls] == ["Normalised", "Channelwise"]
    assert fused.eval()(torch.ones(1, 1, 1, 1)).item() == (3 + 1 - 2) / 2 * 5 + 7


@pytest.mark.parametrize("settings", [(3, 1, 1), (3, 2, 1), (2, 2, 0), ((2, 3), 2, 1)])
@pytest.mark.parametrize("options", [{}, {"count_include_pad": False}, {"ceil_mode": True}, {"divisor_override": 5}])
@pytest.mark.parametrize("sides", [(6, 8), (9, 12)])
def test_means_over_windows_are_those_of_the_module(settings, options, sides):
    module = nn.AvgPool2d(*settings, **options)
    x = torch.tensor(np.random.default_rng(0).normal(size=(2, 3, *sides)))
    torch.testing.assert_close(mean_pool(module, sides)(x), module(x))


@pytest.mark.parametrize("sides", [(6, 8), (9, 12)])
def test_constants_of_means_are_copied_once_and_for_training_too(sides):
    class Copies(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.count += func is torch.ops.aten._to_copy.default
            return func(*args, **(kwargs or {}))

    pool = mean_pool(nn.AvgPool2d(3, 1, 1), sides)
    x = torch.ones(2, 3, *sides)
    with torch.inference_mode():
        pool(x)
    with Copies() as copies:
        pool(x.requires_grad_()).sum().backward()
    assert copies.count == 0 and x.grad is not None


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in ("mobile", "ofa"))) for name in IMAGES]
)
def test_each_network_of_a_space_is_trained_as_by_itself(name):
    networks = of_space(name)
    compare(networks, TrainSettings(epochs=2, batch_size=12, learning_rate=0.02), [3, 3, 4, 5])


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_optimisers_and_warm_up(optimiser):
    settings = TrainSettings(
        epochs=4, batch_size=7, learning_rate=0.01, weight_decay=0.05, warmup_epochs=1, optimiser=optimiser
    )
    compare(built(lambda seed: small(width=3 + seed), range(3)), settings, [5, 6, 7])


def test_the_order_and_the_number_of_networks_do_not_matter():
    data, settings = doubled(noise()), TrainSettings(epochs=2, batch_size=8, learning_rate=0.05)
    one, other, third = ([network.double() for network in of_space("nb201")] for _ in range(3))
    forward = train_many(one, TASK, data, settings, [0, 1, 2, 3], CPU)
    backward = train_many(other[::-1], TASK, data, settings, [3, 2, 1, 0], CPU)[::-1]
    (alone,) = train_many(third[:1], TASK, data, settings, [0], CPU)
    for first, second in [*zip(forward, backward, strict=True), (forward[0], alone)]:
        np.testing.assert_allclose(first.values[MEASURED], second.values[MEASURED], rtol=SAME, atol=SAME)


def test_a_network_that_diverges_does_not_touch_the_others():
    networks = built(small, range(3))
    networks[1].double()[0].weight.data[0] = 1e300
    networks[1][4].weight.data[:] = 1e308
    histories = compare(networks, TrainSettings(epochs=3, batch_size=12, learning_rate=0.05), [0, 1, 2])
    assert [history.diverged for history in histories] == [None, 1, None]
    assert np.isnan(histories[1].values).all()


class Idle(nn.Module):
    """A network with a layer whose result is unused, and a layer used only for its shape."""

    def __init__(self):
        super().__init__()
        self.conv, self.unused, self.shape = (nn.Conv2d(2, 3, 1) for _ in range(3))

    def forward(self, x):
        self.unused(x)
        return (self.conv(x) + torch.zeros_like(self.shape(x))).mean(dim=(2, 3))


def test_what_is_not_on_the_way_to_the_output_is_neither_computed_nor_changed():
    networks = built(lambda seed: Idle(), range(2))
    before = copy.deepcopy(networks)
    fused = FusedNetwork(networks, TASK.inputs(1))
    assert len(list(fused.parameters())) == 2
    compare(networks, TrainSettings(epochs=2, batch_size=12, weight_decay=0.1), [0, 1])
    for network, old in zip(networks, before, strict=True):
        assert torch.equal(network.unused.weight, old.unused.weight)
        assert torch.equal(network.shape.weight, old.shape.weight)
        assert not torch.equal(network.conv.weight, old.conv.weight)


class Changed(nn.Module):
    """`small` with a function applied to the features before the last layer."""

    def __init__(self, what):
        super().__init__()
        self.first, self.last = small()[:4], nn.Linear(144, 3)
        self.dropout, self.what = nn.Dropout(), what

    def forward(self, x):
        self.image = x
        return self.last(self.what(self, self.first(x)))


REFUSED = {
    "Dropout, which is not known": lambda self, x: self.dropout(x),
    "cannot be traced": lambda self, x: x if x.sum() > 0 else -x,
    "something else in training": lambda self, x: torch.relu(x) if self.training else x,
    "relu_ works in place": lambda self, x: x.relu_(),
    "softmax is not known to run side by side": lambda self, x: torch.softmax(x, 1),
    "first.0 is used twice": lambda self, x: x + self.first[3](self.first[0](self.image)),
    "add is not of two values": lambda self, x: x + 1,
    "dropout is not known": lambda self, x: nn.functional.dropout(x, 0.5, self.training),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cannot_run_side_by_side_is_refused_and_left_alone(reason):
    what = REFUSED[reason]
    networks = [small(), Changed(what)]
    before = [weights(network) for network in networks]
    with pytest.raises(Unfusable, match=reason):
        train_many(networks, TASK, noise(), TrainSettings(epochs=1), [0, 0], CPU)
    assert all(torch.equal(weights(network), old) for network, old in zip(networks, before, strict=True))


def test_hooks_and_frozen_weights_and_other_outputs_are_refused():
    hooked, frozen = small(), small()
    hooked[0].register_forward_hook(lambda module, x, y: y + 1)
    frozen[0].weight.requires_grad_(False)
    with pytest.raises(Unfusable, match="hooks"):
        FusedNetwork([hooked], TASK.inputs(1))
    with pytest.raises(Unfusable, match="not trained"):
        FusedNetwork([frozen], TASK.inputs(1))
    with pytest.raises(Unfusable, match=r"\[3, 4\] outputs"):
        FusedNetwork([small(), nn.Sequential(small(), nn.Linear(3, 4))], TASK.inputs(1))


def test_other_tasks_are_refused():
    task = MaskedLanguage.small()
    space = spaces.create("nlp")
    network = space.network(space.sample(1, np.random.default_rng(0))[0], task, NetworkSettings(8, 1, 1))
    with pytest.raises(Unfusable):
        FusedNetwork([network], task.inputs(1))


def test_the_layout_of_images_makes_no_difference(monkeypatch):
    settings = TrainSettings(epochs=2, batch_size=12, learning_rate=0.05)
    data, seeds = doubled(noise(30)), [0, 1, 2, 3]
    doubles = [[network.double() for network in of_space("nb201")] for _ in range(3)]
    plain = train_many(doubles[0], TASK, data, settings, seeds, CPU)
    for module in ("learners", "loop"):
        monkeypatch.setattr(f"nasbench.training.{module}.image_layout", lambda device: torch.channels_last)
    other = train_many(doubles[1], TASK, data, settings, seeds, CPU)
    alone = [train(network, TASK, data, settings, s, CPU) for network, s in zip(doubles[2], seeds, strict=True)]
    for ours in (other, alone):
        for history, one in zip(ours, plain, strict=True):
            np.testing.assert_allclose(history.values[:-1], one.values[:-1], rtol=SAME, atol=SAME)


def test_mixed_precision_and_layout(monkeypatch):
    """As on CUDA: the same arithmetic with coarse rounding."""
    for module in ("learners", "loop"):
        monkeypatch.setattr(f"nasbench.training.{module}.image_layout", lambda device: torch.channels_last)
    monkeypatch.setattr("nasbench.training.steps.precision", lambda device: torch.autocast("cpu", torch.bfloat16))
    settings = TrainSettings(epochs=6, batch_size=12, learning_rate=0.05)
    data, seeds = noise(60), [0, 1, 2, 3]
    networks = of_space("nb201")
    alone = [train(network, TASK, data, settings, s, CPU) for network, s in zip(of_space("nb201"), seeds, strict=True)]
    histories = train_many(networks, TASK, data, settings, seeds, CPU)
    for history, one in zip(histories, alone, strict=True):
        np.testing.assert_allclose(history["train_loss"], one["train_loss"], rtol=COARSE, atol=COARSE)
    assert all(parameter.dtype == torch.float32 for network in networks for parameter in network.parameters())


@pytest.mark.cuda
def test_cuda_trains_side_by_side():
    device = torch.device("cuda:0")
    data = {split: (x.to(device), y.to(device)) for split, (x, y) in noise(60).items()}
    settings = TrainSettings(epochs=6, batch_size=12, learning_rate=0.05)
    networks = [network.to(device) for network in of_space("nb201")]
    alone = [train(copy.deepcopy(network), TASK, data, settings, 0, device) for network in networks]
    for history, one in zip(train_many(networks, TASK, data, settings, [0] * 4, device), alone, strict=True):
        np.testing.assert_allclose(history["train_loss"], one["train_loss"], rtol=COARSE, atol=COARSE)


def test_losses_and_scores_of_many_by_hand(rounding):
    logits = torch.tensor([[[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [[0.0, 0.0, 3.0], [0.0, 0.0, 0.0]]])  # (b, k, classes)
    targets = torch.tensor([[0, 0], [2, 0]])
    losses = TASK.losses(logits, targets)
    near = rounding(20, "float32")  # exponentials of 3 classes, a logarithm, and a mean of 2 losses
    expected = [float(TASK.loss(logits[:, i], targets[:, i])) for i in range(2)]
    assert losses.tolist() == pytest.approx(expected, rel=near)
    tallies, singles = TASK.tallies(2), [TASK.tally() for _ in range(2)]
    tallies.add(logits, targets, losses)
    for i, single in enumerate(singles):
        single.add(logits[:, i], targets[:, i], losses[i])
    np.testing.assert_allclose(tallies.results(), [single.result() for single in singles], rtol=near)
    assert [score for score, _ in tallies.results()] == [100, 50]
