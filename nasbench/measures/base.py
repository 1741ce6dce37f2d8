"""What a table records of a network besides its training curves; a new measure is one class here and one line below."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch

from nasbench.datasets import Data
from nasbench.datasets.base import ImageData
from nasbench.datasets.transforms.corruptions import CORRUPTIONS, corrupted
from nasbench.errors import InputError, MissingExtraError
from nasbench.measures import (
    EnergyMeter,
    flops,
    inference_memory,
    inference_seconds,
    latency,
    onnx_latency,
    parameters,
    robustness,
    training_memory,
)
from nasbench.measures.proxies import proxies
from nasbench.tasks import Task
from nasbench.training.loop import train
from nasbench.training.settings import TrainSettings
from nasbench.types import Direction, FloatArray, Subset

CPU = torch.device("cpu")
ROBUSTNESS_IMAGES = 200
"""Test images, of each corruption, on which robustness is measured."""
PROXY_BATCH = 64


class Measurement(NamedTuple):
    """What became of one piece of work.

    Attributes:
        values: Measured numbers, shape `(names,)` or `(names, epochs)`, NaN where there is none; None where nothing
            was measured.
        reason: Why numbers are missing, or None.
    """

    values: FloatArray | None
    reason: str | None = None


class Quantity(NamedTuple):
    """One number: its name within the data set, unit, which way is better, one sentence, and the part it is of."""

    name: str
    units: str
    direction: Direction
    description: str
    split: Subset = "none"


@dataclass(frozen=True)
class Subject:
    """A network and what it is measured with.

    Attributes:
        network: On the CPU: with the initial weights of the first seed, or trained.
        data: What it is made for.
        tensors: By split: inputs `(n, ...)` and targets `(n, ...)`; of an untrained network on the CPU.
        training: How networks are trained.
        repeats: Timed passes of which a latency is the median.
    """

    network: torch.nn.Module
    data: Data
    tensors: Mapping[str, tuple[torch.Tensor, torch.Tensor]]
    training: TrainSettings
    repeats: int

    @property
    def task(self) -> Task:
        """What the network is made for."""
        return self.data.task


class Measure(ABC):
    """One or more numbers of a network."""

    trained: ClassVar[bool] = False
    """Whether they are of a trained network, one for each training, and not of what it is before."""
    alone: ClassVar[bool] = False
    """Whether other work on the machine would disturb it."""
    quantities: tuple[Quantity, ...]
    """What its numbers are, in order."""

    def ready(self) -> None:
        """See that it can be taken here.

        Raises:
            MissingExtraError: A package is missing.
        """

    @abstractmethod
    def __call__(self, subject: Subject) -> Measurement:
        """The numbers, shape `(quantities,)`, and why some are missing; whatever is raised is a failure."""


class Costs(Measure):
    """Parameters, multiply-adds, latency."""

    alone = True
    quantities = (
        Quantity("parameters", "count", "minimise", "Trainable parameters."),
        Quantity(
            "flops", "count", "minimise", "Multiply-adds of convolutions, matrix products and biases for one input."
        ),
        Quantity(
            "latency",
            "milliseconds",
            "minimise",
            "Time of answering one input on one thread of the CPU in float32: median.",
        ),
    )

    def __call__(self, subject: Subject) -> Measurement:
        """On one input."""
        network, one = subject.network, subject.task.inputs(1)
        return _found(parameters(network), flops(network, one), latency(network, one, subject.repeats))


class Inference(Measure):
    """Time of answering many inputs."""

    alone = True
    quantities = (
        Quantity(
            "inference_seconds",
            "seconds",
            "minimise",
            "Processor time of answering the validation part on one thread of the CPU in float32: median.",
        ),
    )

    def __call__(self, subject: Subject) -> Measurement:
        """On the validation part."""
        return _found(inference_seconds(subject.network, subject.tensors["validation"][0]))


class OnnxLatency(Measure):
    """Latency where networks are deployed."""

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
        """See that ONNX Runtime is there."""
        try:
            import onnx  # noqa: F401
            import onnxruntime  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("the measure onnx needs ONNX Runtime: pip install 'nasbench[onnx]'") from error

    def __call__(self, subject: Subject) -> Measurement:
        """On one input."""
        return _found(onnx_latency(subject.network, subject.task.inputs(1), subject.repeats))


class Memory(Measure):
    """Memory of answering and of training."""

    quantities = (
        Quantity("inference_memory", "bytes", "minimise", "Most bytes of tensors at once while one input is answered."),
        Quantity("training_memory", "bytes", "minimise", "Most bytes of tensors at once in a step of training."),
    )

    def __call__(self, subject: Subject) -> Measurement:
        """Counted on the CPU."""
        network, task = subject.network, subject.task
        return _found(inference_memory(network, task.inputs(1)), training_memory(network, task, subject.training))


class EnergyUse(Measure):
    """Energy of the processor packages, all other load included, where the platform tells."""

    alone = True
    quantities = (
        Quantity(
            "inference_energy", "joules", "minimise", "Energy of the processors for answering the validation part."
        ),
        Quantity("training_energy", "joules", "minimise", "Energy of the processors for an epoch of training."),
    )

    def __call__(self, subject: Subject) -> Measurement:
        """On the CPU; absent where there are no counters or they cannot be read."""
        meter, network = EnergyMeter(CPU), subject.network
        once = TrainSettings(**{**vars(subject.training), "epochs": 1, "warmup_epochs": 0})
        start = meter.read()
        if isinstance(start, str):
            return Measurement(None, f"absent: {start}")
        inference_seconds(network, subject.tensors["validation"][0], repeats=1, warmup=0)
        answered, start = meter.since(start), meter.read()
        train(network, subject.task, {**subject.tensors, **_few(subject.tensors)}, once, 0, CPU)
        trained = meter.since(start)
        reason = answered.reason or trained.reason
        if answered.joules is None or trained.joules is None:
            return Measurement(None, f"absent: {reason}")
        return _found(answered.joules, trained.joules)


class Proxies(Measure):
    """Zero-cost proxies of the network before training; parameters and multiply-adds are among the costs."""

    names = tuple(name for name in proxies if name not in ("params", "flops"))

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:  # type: ignore[override]
        """Each of `nasbench.measures.proxies`."""
        kinds = {name: proxies.resolve(name)[0] for name in self.names}
        return tuple(
            Quantity(name, kind.units, kind.direction, f"Before training: {proxies.describe(name)}")
            for name, kind in kinds.items()
        )

    def __call__(self, subject: Subject) -> Measurement:
        """On the first training inputs; one that does not apply to the network is missing."""
        inputs, targets = (part[:PROXY_BATCH] for part in subject.tensors["train"])
        values, reasons = [], []
        for name in self.names:
            try:
                values.append(proxies.create(name)(subject.network, subject.task, inputs, targets))
                if np.isnan(values[-1]):
                    reasons.append(f"the formula of {name} has no finite value")
            except InputError as error:
                values.append(np.nan)
                reasons.append(str(error) if name in str(error) else f"{name}: {error}")
        return Measurement(np.array(values), f"absent: {'; '.join(reasons)}" if reasons else None)


class Robustness(Measure):
    """Accuracy of a trained network on corrupted test images."""

    trained = True
    quantities = (
        Quantity(
            "corrupted_accuracy",
            "percent",
            "maximise",
            f"Mean over {len(CORRUPTIONS)} corruptions, of up to {ROBUSTNESS_IMAGES} images, severity 3, at the end.",
            "test",
        ),
        *(
            Quantity(
                f"corrupted_accuracy_{name}",
                "percent",
                "maximise",
                f"Up to {ROBUSTNESS_IMAGES} test images with {name.replace('_', ' ')} at severity 3, at the end.",
                "test",
            )
            for name in CORRUPTIONS
        ),
    )

    def __init__(self) -> None:
        self._corrupted: dict[int, Any] = {}

    def __call__(self, subject: Subject) -> Measurement:
        """Of images only."""
        data = subject.data
        if not isinstance(data, ImageData):
            return Measurement(None, f"absent: corruptions are of images, not of {subject.task.name}")
        if id(data) not in self._corrupted:
            self._corrupted[id(data)] = corrupted(data, CPU, limit=ROBUSTNESS_IMAGES)
        found = robustness(subject.network, subject.task, self._corrupted[id(data)])
        return _found(found.mean, *(found.scores[name] for name in CORRUPTIONS))


MEASURES: Mapping[str, type[Measure]] = {
    "costs": Costs,
    "inference": Inference,
    "onnx": OnnxLatency,
    "memory": Memory,
    "energy": EnergyUse,
    "proxies": Proxies,
    "robustness": Robustness,
}


def measure(name: str) -> Measure:
    """The measure of that name.

    Raises:
        InputError: There is none.
    """
    if name not in MEASURES:
        raise InputError(f"unknown measure {name!r}: known are {', '.join(MEASURES)}")
    return MEASURES[name]()


def _found(*values: float) -> Measurement:
    return Measurement(np.array(values, dtype=np.float64))


def _few(tensors: Mapping[str, tuple[torch.Tensor, torch.Tensor]]) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """One validation and one test input: an epoch is to be training and nothing else."""
    return {split: (tensors[split][0][:1], tensors[split][1][:1]) for split in ("validation", "test")}
