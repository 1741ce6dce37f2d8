"""Training by stochastic gradients, with a linear warm-up and a cosine schedule (Loshchilov & Hutter, 2017)."""

from __future__ import annotations

import copy
import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from nasbench.errors import InputError
from nasbench.tasks import Outputs, Tallies, Tally, Task
from nasbench.training.fusion import FusedNetwork
from nasbench.types import FloatArray

SPLITS = ("train", "validation", "test")
CURVE_COUNT = 2 * len(SPLITS) + 1
"""Number of quantities that are measured after each epoch."""
EVALUATION_BATCH = 1024
TIMED = 3
"""Steps of a network by itself that are timed where it trains beside others."""
CACHED = 256
"""Images, counted for each network, that are answered at once on the CPU: what its caches hold."""
OPTIMISERS = {"sgd": "SGD with Nesterov momentum", "adamw": "AdamW"}
"""What `TrainSettings.optimiser` can be: SGD (Sutskever et al., 2013), and AdamW (Loshchilov & Hutter, 2019)."""


@dataclass(frozen=True)
class TrainSettings:
    """How a network is trained.

    Attributes:
        epochs: Passes over the training inputs.
        batch_size: Most inputs in a step; an epoch is cut into equal steps (within one input).
        learning_rate: Highest learning rate; the cosine ends at 0 after the last step.
        momentum: Nesterov momentum; of AdamW the decay of the mean gradient (beta 1).
        weight_decay: L2 penalty on all parameters, in the gradient; of AdamW decoupled from it.
        warmup_epochs: Length of a linear warm-up at the start of the schedule; may be a fraction.
        optimiser: One of `OPTIMISERS`.
    """

    epochs: int = 12
    batch_size: int = 64
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup_epochs: float = 0.0
    optimiser: str = "sgd"

    def __post_init__(self) -> None:
        rules = {
            "epochs": ("an integer of at least 1", _is_count(self.epochs)),
            "batch_size": ("an integer of at least 1", _is_count(self.batch_size)),
            "learning_rate": ("a positive number", 0 < self.learning_rate < math.inf),
            "momentum": ("between 0 (excluded: Nesterov momentum needs some) and 1 (excluded)", 0 < self.momentum < 1),
            "weight_decay": ("0 or a positive number", 0 <= self.weight_decay < math.inf),
            "warmup_epochs": ("between 0 and epochs", 0 <= self.warmup_epochs <= self.epochs),
            "optimiser": (f"one of {', '.join(OPTIMISERS)}", self.optimiser in OPTIMISERS),
        }
        for name, (rule, holds) in rules.items():
            if not holds:
                raise InputError(f"training setting {name} must be {rule}, got {getattr(self, name)!r}")


def _is_count(value: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


@dataclass(frozen=True)
class History:
    """What one training run measured.

    Attributes:
        names: What the rows of `values` are: score and loss of each part, as `validation_accuracy`, `train_seconds`.
        values: One row for each name, one column for each epoch; shape `(7, epochs)`. Scores in percent, losses as the
            task has them, `train_seconds` cumulative and without evaluation: wall-clock time on CUDA, processor time
            of the thread on the CPU (which other load does not lengthen). Training score and loss are running: over
            the epoch's batches as they were trained on. NaN from `diverged` on.
        diverged: Epoch (from 1) in which a loss stopped being finite, at which training ended; None where none did.
    """

    names: tuple[str, ...]
    values: FloatArray
    diverged: int | None = None

    def __getitem__(self, name: str) -> FloatArray:
        """One curve by its name; shape `(epochs,)`."""
        curve: FloatArray = self.values[self.names.index(name)]
        return curve


def curves(task: Task) -> tuple[str, ...]:
    """Names of what is measured after each epoch of a task; the rows of `History.values`."""
    return (*(f"{split}_{quantity}" for split in SPLITS for quantity in (task.score, "loss")), "train_seconds")


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Within the block torch's global generators start from `seed`; afterwards they are as they were before."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def schedule(step: int, steps: int, warmup: float) -> float:
    """Factor of the learning rate at a step (from 0) of a run: linear over `warmup` steps, then half a cosine to 0."""
    if step < warmup:
        return (step + 1) / (math.floor(warmup) + 1)
    return 0.5 + 0.5 * math.cos(math.pi * (step - warmup) / (steps - warmup))


def train(
    network: torch.nn.Module,
    task: Task,
    data: Mapping[str, tuple[torch.Tensor, torch.Tensor]],
    settings: TrainSettings,
    seed: int,
    device: torch.device,
) -> History:
    """Train a network and evaluate it after each epoch.

    The order of the inputs depends on `seed` alone; build the network within `seeded` to fix its initialisation too.
    On the CPU arithmetic is float32 (and the result repeats exactly on one thread), on CUDA bfloat16 with float32
    accumulation and deterministic convolutions, in channels-last layout.

    Args:
        network: Maps a batch of inputs to outputs; trained in place, on `device`.
        task: Loss and score.
        data: By split: inputs `(n, ...)` and targets `(n, ...)`, on `device`.
        settings: How to train.
        seed: Seed of the order of the inputs, and of whatever the network itself draws.
        device: Where to train.
    """
    network.to(device)
    if data["train"][0].dim() == 4:
        layout = _layout(device)
        network.to(memory_format=layout)  # type: ignore[call-overload]
        data = {split: (x.contiguous(memory_format=layout), y) for split, (x, y) in data.items()}
    with seeded(seed, device), _deterministic():
        return _train(_One(network, task), data, settings, [seed], curves(task), device)[0]


def train_many(
    networks: Sequence[torch.nn.Module],
    task: Task,
    data: Mapping[str, tuple[torch.Tensor, torch.Tensor]],
    settings: TrainSettings,
    seeds: Sequence[int],
    device: torch.device,
) -> list[History]:
    """Train networks side by side, each as `train` would by itself, but for rounding; see `nasbench.training.fusion`.

    `train_seconds` is what the network takes by itself: the median time of a few steps of a copy of it, for each step.
    A network that diverges does not touch the others; its weights are as they are when all have finished.

    Args:
        networks: Map images `(b, channels, height, width)` to features; trained in place.
        task: Loss and score.
        data: By split: inputs `(n, channels, height, width)` and targets `(n, ...)`, on `device`.
        settings: How to train.
        seeds: Seed of the order of the inputs, for each network.
        device: Where to train.

    Raises:
        Unfusable: A network does what cannot be done side by side, such as drawing random numbers; the message says
            what. None is changed.
    """
    learner = _many(networks, task, data, device)
    seconds = [_epoch_seconds(network, task, data, settings, device) for network in networks]
    with _deterministic():
        histories = _train(learner, data, settings, seeds, curves(task), device)
    learner.network.unstack(networks)
    for history, each in zip(histories, seconds, strict=True):
        passed = each * np.arange(1, settings.epochs + 1)
        history.values[-1] = np.where(np.isnan(history.values[-1]), np.nan, passed)
    return histories


def time_training(
    networks: Sequence[torch.nn.Module],
    task: Task,
    data: Mapping[str, tuple[torch.Tensor, torch.Tensor]],
    settings: TrainSettings,
    device: torch.device,
    steps: int = 3,
) -> float:
    """Seconds that an epoch of `train_many`, or of `train` for a single network, takes with its evaluation, estimated.

    From the median times of `steps` steps of training and of one batch of evaluation, each after one to warm up. The
    networks are trained a little by it.

    Raises:
        Unfusable: As `train_many`.
    """
    if len(networks) > 1:
        learner: _Learner = _many(networks, task, data, device)
    else:
        learner = _One(networks[0].to(device), task)
    with _deterministic():
        training = _step_seconds(learner, data, settings, device, steps)
        size = _evaluation_batch(data["validation"][0], learner.count)
        inputs, targets = (part[:size] for part in data["validation"])
        times = []
        for _ in range(2):
            start = _clock(device)
            _evaluate(learner, inputs, targets)
            times.append(_clock(device) - start)
    evaluated = sum(len(data[split][0]) for split in SPLITS[1:])
    return _batches(data, settings) * training + evaluated / len(inputs) * times[-1]


def _many(
    networks: Sequence[torch.nn.Module],
    task: Task,
    data: Mapping[str, tuple[torch.Tensor, torch.Tensor]],
    device: torch.device,
) -> _Many:
    layout = _layout(device)
    fused = FusedNetwork(networks, data["train"][0][:1]).to(device)
    fused.to(memory_format=layout)  # type: ignore[call-overload]
    return _Many(fused, task, layout)


def _epoch_seconds(
    network: torch.nn.Module,
    task: Task,
    data: Mapping[str, tuple[torch.Tensor, torch.Tensor]],
    settings: TrainSettings,
    device: torch.device,
) -> float:
    """Seconds of an epoch of training of one network, without evaluation; a copy is trained."""
    learner = _One(copy.deepcopy(network).to(device), task)
    with _deterministic():
        return _batches(data, settings) * _step_seconds(learner, data, settings, device, TIMED)


def _step_seconds(
    learner: _Learner,
    data: Mapping[str, tuple[torch.Tensor, torch.Tensor]],
    settings: TrainSettings,
    device: torch.device,
    steps: int,
) -> float:
    """Median seconds of a step, of `steps` after one to warm up."""
    inputs, targets = data["train"]
    size = math.ceil(len(inputs) / _batches(data, settings))
    rows = torch.arange(size, device=device)[:, None].expand(-1, learner.count)
    optimiser = _optimiser(learner.network, settings)
    learner.network.train()
    times = []
    for _ in range(1 + steps):
        start = _clock(device)
        x, y = learner.batch(inputs, targets, rows)
        _step(learner, optimiser, x, y, device)
        times.append(_clock(device) - start)
    return statistics.median(times[1:])


def _batches(data: Mapping[str, tuple[torch.Tensor, torch.Tensor]], settings: TrainSettings) -> int:
    return math.ceil(len(data["train"][0]) / settings.batch_size)


class _Learner(Protocol):
    """One network, or many side by side, with what differs between the two."""

    count: int

    @property
    def network(self) -> torch.nn.Module:
        """What is trained."""

    def batch(self, inputs: torch.Tensor, targets: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Rows `(b, k)` of inputs and targets `(n, ...)`, as the network and the loss take them."""

    def shared(self, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Inputs and targets `(b, ...)` for all networks, as the network and the loss take them."""

    def loss(self, outputs: Outputs, targets: torch.Tensor) -> torch.Tensor:
        """Loss of the network, or of each of the networks `(k,)`."""

    def tally(self) -> Tally | Tallies:
        """An empty collection of scores and losses."""

    def results(self, tally: Any) -> list[tuple[float, float]]:
        """Score and loss of each of the networks."""


class _One:
    count = 1

    def __init__(self, network: torch.nn.Module, task: Task) -> None:
        self.network, self.loss, self.tally = network, task.loss, task.tally

    def batch(self, inputs: torch.Tensor, targets: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return inputs[rows[:, 0]], targets[rows[:, 0]]

    def shared(self, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return inputs, targets

    def results(self, tally: Tally) -> list[tuple[float, float]]:
        return [tally.result()]


class _Many:
    def __init__(self, network: FusedNetwork, task: Task, layout: torch.memory_format) -> None:
        self.network, self.count, self.task, self.layout = network, network.count, task, layout

    def batch(self, inputs: torch.Tensor, targets: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        images = inputs[rows].flatten(1, 2).contiguous(memory_format=self.layout)
        return images, targets[rows]  # (b, k * c, h, w), (b, k, ...)

    def shared(self, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x, y = (part[:, None].expand(-1, self.count, *part.shape[1:]) for part in (inputs, targets))
        return x.flatten(1, 2).contiguous(memory_format=self.layout), y

    def loss(self, outputs: Outputs, targets: torch.Tensor) -> torch.Tensor:
        assert not isinstance(outputs, list), "networks side by side answer with one tensor"
        return self.task.losses(outputs, targets)

    def tally(self) -> Tallies:
        return self.task.tallies(self.count)

    def results(self, tally: Tallies) -> list[tuple[float, float]]:
        return tally.results()


def _train(
    learner: _Learner,
    data: Mapping[str, tuple[torch.Tensor, torch.Tensor]],
    settings: TrainSettings,
    seeds: Sequence[int],
    names: tuple[str, ...],
    device: torch.device,
) -> list[History]:
    """A history for each of the seeds, which are as many as the networks."""
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    inputs, targets = data["train"]
    batches = _batches(data, settings)
    optimiser = _optimiser(learner.network, settings)
    values = np.full((len(seeds), len(names), settings.epochs), np.nan)
    diverged: dict[int, int] = {}
    seconds, step = 0.0, 0
    for epoch in range(settings.epochs):
        start = _clock(device)
        learner.network.train()
        tally = learner.tally()
        orders = torch.stack([torch.randperm(len(inputs), generator=g) for g in generators], dim=1).to(device)
        for rows in orders.tensor_split(batches):
            x, y = learner.batch(inputs, targets, rows)
            factor = schedule(step, settings.epochs * batches, settings.warmup_epochs * batches)
            optimiser.param_groups[0]["lr"] = settings.learning_rate * factor
            tally.add(*_step(learner, optimiser, x, y, device))  # by no name: the next step needs the memory
            step += 1
        seconds += _clock(device) - start
        parts = [learner.results(tally), *(_evaluate(learner, *data[split]) for split in SPLITS[1:])]
        measured = np.concatenate(parts, axis=1)  # (k, 2 * splits)
        sound = np.isfinite(measured).all(axis=1)
        for index in np.flatnonzero(~sound).tolist():
            diverged.setdefault(index, epoch + 1)
        going = [index for index in range(len(seeds)) if index not in diverged]
        if not going:
            break
        values[going, :-1, epoch] = measured[going]
        values[going, -1, epoch] = seconds
    return [History(names, values[index], diverged.get(index)) for index in range(len(seeds))]


def _step(
    learner: _Learner, optimiser: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor, device: torch.device
) -> tuple[Any, torch.Tensor, torch.Tensor]:
    """Learn from one batch; returns what was answered, what was right, and the loss."""
    with _precision(device):
        outputs = learner.network(x)
        loss = learner.loss(outputs, y)
    optimiser.zero_grad(set_to_none=True)
    (loss.sum() if loss.dim() else loss).backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return outputs, y, loss


def _deterministic() -> AbstractContextManager[None]:
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)
    return flags


def _optimiser(network: torch.nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    rate, decay, momentum = settings.learning_rate, settings.weight_decay, settings.momentum
    if settings.optimiser == "adamw":
        return torch.optim.AdamW(network.parameters(), rate, (momentum, 0.999), weight_decay=decay, foreach=True)
    return torch.optim.SGD(network.parameters(), rate, momentum, weight_decay=decay, nesterov=True, foreach=True)


def evaluate(network: torch.nn.Module, task: Task, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[float, float]:
    """Score in percent and mean loss of a network on inputs `(n, ...)` with targets `(n, ...)`."""
    return _evaluate(_One(network, task), inputs, targets)[0]


@torch.inference_mode()
def _evaluate(learner: _Learner, inputs: torch.Tensor, targets: torch.Tensor) -> list[tuple[float, float]]:
    learner.network.eval()
    tally = learner.tally()
    size = _evaluation_batch(inputs, learner.count)
    for batch in zip(torch.split(inputs, size), torch.split(targets, size), strict=True):
        x, y = learner.shared(*batch)
        with _precision(inputs.device):
            outputs = learner.network(x)
            tally.add(outputs, y, learner.loss(outputs, y))
    return learner.results(tally)


def _evaluation_batch(inputs: torch.Tensor, networks: int) -> int:
    """Inputs `(n, ...)` that so many networks answer at once."""
    in_cache = inputs.dim() == 4 and inputs.device.type != "cuda"
    return max(1, CACHED // networks) if in_cache else EVALUATION_BATCH


def _precision(device: torch.device) -> torch.autocast:
    """The arithmetic of one forward pass; to be left before the weights change, of which it keeps copies."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")


def _layout(device: torch.device) -> torch.memory_format:
    """How images lie in memory where convolutions are fastest."""
    return torch.channels_last if device.type == "cuda" else torch.contiguous_format


def _clock(device: torch.device) -> float:
    """Seconds: of wall-clock time once CUDA has finished, of this thread's processor time on the CPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.thread_time()
