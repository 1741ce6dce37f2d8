"""Training by stochastic gradients, with a linear warm-up and a cosine schedule (Loshchilov & Hutter, 2017)."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from nasbench.errors import InputError
from nasbench.spaces.base import FloatArray
from nasbench.tasks import Task

SPLITS = ("train", "validation", "test")
CURVE_COUNT = 2 * len(SPLITS) + 1
"""Number of quantities that are measured after each epoch."""
EVALUATION_BATCH = 1024
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


def pick_device(name: str = "auto") -> torch.device:
    """The device that `"auto"` (CUDA where there is one, else the CPU), `"cpu"`, `"cuda"` or `"cuda:1"` stands for.

    Raises:
        InputError: There is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    known = ["cpu", *(f"cuda:{index}" for index in range(count))]
    device = {"cuda": "cuda:0"}.get(name, name)
    if device not in known:
        raise InputError(f"no device {name!r} here; available are {', '.join(known)}; 'auto' takes the best of them")
    return torch.device(device)


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
    cuda = device.type == "cuda"
    network.to(device)
    if cuda and data["train"][0].dim() == 4:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        data = {split: (x.contiguous(memory_format=torch.channels_last), y) for split, (x, y) in data.items()}
    deterministic = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)
    with seeded(seed, device), deterministic:
        return _train(network, task, data, settings, torch.Generator().manual_seed(seed), device)


def _train(
    network: torch.nn.Module,
    task: Task,
    data: Mapping[str, tuple[torch.Tensor, torch.Tensor]],
    settings: TrainSettings,
    generator: torch.Generator,
    device: torch.device,
) -> History:
    inputs, targets = data["train"]
    batches = math.ceil(len(inputs) / settings.batch_size)
    optimiser = _optimiser(network, settings)
    names = curves(task)
    values = np.full((len(names), settings.epochs), np.nan)
    seconds, step = 0.0, 0
    for epoch in range(settings.epochs):
        start = _clock(device)
        network.train()
        tally = task.tally()
        order = torch.randperm(len(inputs), generator=generator).to(device)
        for rows in order.tensor_split(batches):
            x, y = inputs[rows], targets[rows]
            factor = schedule(step, settings.epochs * batches, settings.warmup_epochs * batches)
            optimiser.param_groups[0]["lr"] = settings.learning_rate * factor
            with _precision(device):
                outputs = network(x)
                loss = task.loss(outputs, y)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            tally.add(outputs, y, loss)
            step += 1
        seconds += _clock(device) - start
        measured = [*tally.result()]
        for split in SPLITS[1:]:
            measured += evaluate(network, task, *data[split])
        if not all(math.isfinite(value) for value in measured):
            return History(names, values, diverged=epoch + 1)
        values[:, epoch] = [*measured, seconds]
    return History(names, values)


def _optimiser(network: torch.nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    rate, decay, momentum = settings.learning_rate, settings.weight_decay, settings.momentum
    if settings.optimiser == "adamw":
        return torch.optim.AdamW(network.parameters(), rate, (momentum, 0.999), weight_decay=decay, foreach=True)
    return torch.optim.SGD(network.parameters(), rate, momentum, weight_decay=decay, nesterov=True, foreach=True)


@torch.inference_mode()
def evaluate(network: torch.nn.Module, task: Task, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[float, float]:
    """Score in percent and mean loss of a network on inputs `(n, ...)` with targets `(n, ...)`."""
    network.eval()
    tally = task.tally()
    for x, y in zip(*(torch.split(part, EVALUATION_BATCH) for part in (inputs, targets)), strict=True):
        with _precision(inputs.device):
            outputs = network(x)
            tally.add(outputs, y, task.loss(outputs, y))
    return tally.result()


def _precision(device: torch.device) -> torch.autocast:
    """The arithmetic of one forward pass; to be left before the weights change, of which it keeps copies."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")


def _clock(device: torch.device) -> float:
    """Seconds: of wall-clock time once CUDA has finished, of this thread's processor time on the CPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.thread_time()
