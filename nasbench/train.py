"""Training: Nesterov momentum (Sutskever et al., 2013) with a cosine schedule (Loshchilov & Hutter, 2017)."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from nasbench.errors import InputError
from nasbench.spaces.base import FloatArray

SPLITS = ("train", "validation", "test")
CURVES = (*(f"{split}_{quantity}" for split in SPLITS for quantity in ("accuracy", "loss")), "train_seconds")
"""Names of what is measured after each epoch; the rows of `History.values`."""
EVALUATION_BATCH = 1024


@dataclass(frozen=True)
class TrainSettings:
    """How a network is trained.

    Attributes:
        epochs: Passes over the training images.
        batch_size: Most images in a step; an epoch is cut into equal steps (within one image).
        learning_rate: Highest learning rate; the cosine ends at 0 after the last step.
        momentum: Nesterov momentum.
        weight_decay: L2 penalty on all parameters, in the gradient.
        warmup_epochs: Length of a linear warm-up at the start of the schedule; may be a fraction.
    """

    epochs: int = 12
    batch_size: int = 64
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup_epochs: float = 0.0

    def __post_init__(self) -> None:
        rules = {
            "epochs": ("an integer of at least 1", _is_count(self.epochs)),
            "batch_size": ("an integer of at least 1", _is_count(self.batch_size)),
            "learning_rate": ("a positive number", 0 < self.learning_rate < math.inf),
            "momentum": ("between 0 (excluded: Nesterov momentum needs some) and 1 (excluded)", 0 < self.momentum < 1),
            "weight_decay": ("0 or a positive number", 0 <= self.weight_decay < math.inf),
            "warmup_epochs": ("between 0 and epochs", 0 <= self.warmup_epochs <= self.epochs),
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
        values: One row for each name in `CURVES`, one column for each epoch; shape `(7, epochs)`. Accuracies in
            percent, losses (mean cross-entropy) in nats, `train_seconds` cumulative and without evaluation: wall-clock
            time on CUDA, processor time of the thread on the CPU (which other load does not lengthen). Training
            accuracy and loss are running: over the epoch's batches as they were trained on. NaN from `diverged` on.
        diverged: Epoch (from 1) in which a loss stopped being finite, at which training ended; None where none did.
    """

    values: FloatArray
    diverged: int | None = None

    def __getitem__(self, name: str) -> FloatArray:
        """One curve by its name in `CURVES`; shape `(epochs,)`."""
        curve: FloatArray = self.values[CURVES.index(name)]
        return curve


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
    data: Mapping[str, tuple[torch.Tensor, torch.Tensor]],
    settings: TrainSettings,
    seed: int,
    device: torch.device,
) -> History:
    """Train a network and evaluate it after each epoch.

    The order of the images depends on `seed` alone; build the network within `seeded` to fix its initialisation too.
    On the CPU arithmetic is float32 (and the result repeats exactly on one thread), on CUDA bfloat16 with float32
    accumulation and deterministic convolutions, in channels-last layout.

    Args:
        network: Maps images `(b, channels, height, width)` to logits `(b, classes)`; trained in place, on `device`.
        data: By split: images `(n, channels, height, width)` and labels `(n,)`, on `device`.
        settings: How to train.
        seed: Seed of the order of the images, and of whatever the network itself draws.
        device: Where to train.
    """
    cuda = device.type == "cuda"
    layout = torch.channels_last if cuda else torch.contiguous_format
    network.to(device=device, memory_format=layout)  # type: ignore[call-overload]
    data = {split: (images.to(memory_format=layout), labels) for split, (images, labels) in data.items()}
    deterministic = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)
    with seeded(seed, device), deterministic:
        return _train(network, data, settings, torch.Generator().manual_seed(seed), device)


def _train(
    network: torch.nn.Module,
    data: Mapping[str, tuple[torch.Tensor, torch.Tensor]],
    settings: TrainSettings,
    generator: torch.Generator,
    device: torch.device,
) -> History:
    images, labels = data["train"]
    batches = math.ceil(len(images) / settings.batch_size)
    optimiser = torch.optim.SGD(
        network.parameters(),
        lr=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        nesterov=True,
        foreach=True,
    )
    values = np.full((len(CURVES), settings.epochs), np.nan)
    seconds, step = 0.0, 0
    for epoch in range(settings.epochs):
        start = _clock(device)
        network.train()
        total, correct = torch.zeros((), device=device), torch.zeros((), device=device, dtype=torch.int64)
        order = torch.randperm(len(images), generator=generator).to(device)
        for rows in order.tensor_split(batches):
            x, y = images[rows], labels[rows]
            factor = schedule(step, settings.epochs * batches, settings.warmup_epochs * batches)
            optimiser.param_groups[0]["lr"] = settings.learning_rate * factor
            with _precision(device):
                logits = network(x)
                loss = cross_entropy(logits, y)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += loss.detach() * len(y)
            correct += (logits.detach().argmax(1) == y).sum()
            step += 1
        seconds += _clock(device) - start
        measured = [100 * correct.item() / len(images), total.item() / len(images)]
        for split in SPLITS[1:]:
            measured += evaluate(network, *data[split])
        if not all(math.isfinite(value) for value in measured):
            return History(values, diverged=epoch + 1)
        values[:, epoch] = [*measured, seconds]
    return History(values)


@torch.inference_mode()
def evaluate(network: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
    """Accuracy in percent and mean cross-entropy in nats of a network on images `(n, ...)` with labels `(n,)`."""
    network.eval()
    with _precision(images.device):
        logits = torch.cat([network(batch) for batch in torch.split(images, EVALUATION_BATCH)])
    logits = logits.float()  # (n, classes)
    accuracy = 100 * (logits.argmax(1) == labels).sum().item() / len(labels)
    return accuracy, cross_entropy(logits, labels).item()


def _precision(device: torch.device) -> torch.autocast:
    """The arithmetic of one forward pass; to be left before the weights change, of which it keeps copies."""
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")


def _clock(device: torch.device) -> float:
    """Seconds: of wall-clock time once CUDA has finished, of this thread's processor time on the CPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.thread_time()
