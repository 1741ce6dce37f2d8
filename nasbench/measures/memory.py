"""Peak memory of a network, in inference and in training."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from nasbench.measures.base import Measure, Measurement, Quantity, Subject
from nasbench.tasks import Task
from nasbench.training.loop import train
from nasbench.training.settings import TrainSettings

CPU = torch.device("cpu")


def inference_memory(network: torch.nn.Module, inputs: torch.Tensor, device: torch.device = CPU) -> int:
    """Peak bytes of tensors while a network answers one batch, in float32.

    On the CPU: the bytes of all live tensors, counted after each operation of torch: weights and buffers, the batch,
    and activations. Temporary memory of kernels, Python and the allocator are not counted, so the number is the same in
    every run. On CUDA: the peak of torch's allocator (`torch.cuda.max_memory_allocated`) beyond its earlier level.

    Args:
        network: On the CPU; left in evaluation mode.
        inputs: A batch `(b, ...)`, on the CPU.
        device: Where to run it.
    """
    network.eval()
    with torch.no_grad(), _watched(device, [*network.parameters(), *network.buffers(), inputs]) as peak:
        placed = network if device == CPU else copy.deepcopy(network).to(device)
        placed(inputs.to(device))
    return peak.bytes


def training_memory(network: torch.nn.Module, task: Task, settings: TrainSettings, device: torch.device = CPU) -> int:
    """Peak bytes of tensors while `train` trains a network for two steps, each on a whole batch.

    Counted as in `inference_memory`: weights and buffers, the batch, activations kept for the backward pass, gradients,
    and the optimiser's state, which exists from the second step on. The data set itself is not counted.

    Args:
        network: On the CPU; a copy of it is trained.
        task: Its inputs, targets and loss.
        settings: Optimiser and batch size.
        device: Where to train.
    """
    network = copy.deepcopy(network)
    sizes = {"train": 2 * settings.batch_size, "validation": 1, "test": 1}
    data = {part: (task.inputs(size).to(device), task.targets(size).to(device)) for part, size in sizes.items()}
    with _watched(device, [*network.parameters(), *network.buffers()]) as peak:
        train(network, task, data, replace(settings, epochs=1, warmup_epochs=0), 0, device)
    return peak.bytes


@dataclass
class _Peak:
    bytes: int = 0


@contextmanager
def _watched(device: torch.device, initial: Sequence[torch.Tensor]) -> Iterator[_Peak]:
    """Context that records the peak bytes of tensors; on the CPU `initial` are alive from the start."""
    peak = _Peak()
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        yield peak
        peak.bytes = torch.cuda.max_memory_allocated(device) - before
    else:
        with _LiveStorages(peak, initial):
            yield peak


class _LiveStorages(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds the storage of each new tensor once, and subtracts it when torch frees it."""

    def __init__(self, peak: _Peak, initial: Sequence[torch.Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak, self.live = peak, 0
        self.storages: set[int] = set()
        self._add(initial)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        self._add(leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor))
        return result

    def _add(self, tensors: Iterable[torch.Tensor]) -> None:
        for tensor in tensors:
            storage = tensor.untyped_storage()
            address = storage._cdata
            if address not in self.storages:
                self.storages.add(address)
                self.live += storage.nbytes()
                weakref.finalize(storage, self._remove, address, storage.nbytes())
        self.peak.bytes = max(self.peak.bytes, self.live)

    def _remove(self, address: int, size: int) -> None:
        self.storages.remove(address)
        self.live -= size


class Memory(Measure):
    """Peak memory in inference and in training, counted on the CPU."""

    quantities = (
        Quantity("inference_memory", "bytes", "minimise", "Most bytes of tensors at once while one input is answered."),
        Quantity("training_memory", "bytes", "minimise", "Most bytes of tensors at once in a step of training."),
    )

    def _take(self, subject: Subject) -> Measurement:
        network, task = subject.network, subject.task
        return Measurement.of(
            inference_memory(network, task.inputs(1)), training_memory(network, task, subject.training)
        )
