"""How much memory a network needs at once, to be trained and to answer."""

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

from nasbench.tasks import Task
from nasbench.training.loop import train
from nasbench.training.settings import TrainSettings

CPU = torch.device("cpu")


def inference_memory(network: torch.nn.Module, inputs: torch.Tensor, device: torch.device = CPU) -> int:
    """Most bytes held at once while a network answers one batch, in float32.

    On the CPU: the bytes of all tensors that are alive at one moment, looked at after each operation of torch. These
    are weights and buffers, the batch, and what lies between layers. What a kernel borrows within one operation, and
    what Python and the allocator add, is not counted: the number is the same in every run. On CUDA: what torch's
    allocator has handed out at most (`torch.cuda.max_memory_allocated`) beyond what it had before.

    Args:
        network: On the CPU; left in evaluation mode.
        inputs: A batch `(b, ...)`, on the CPU.
        device: Where it answers.
    """
    network.eval()
    with torch.no_grad(), _watched(device, [*network.parameters(), *network.buffers(), inputs]) as peak:
        there = network if device == CPU else copy.deepcopy(network).to(device)
        there(inputs.to(device))
    return peak.bytes


def training_memory(network: torch.nn.Module, task: Task, settings: TrainSettings, device: torch.device = CPU) -> int:
    """Most bytes held at once while `train` trains a network: in two steps, each on a whole batch.

    Counted as in `inference_memory`. Here these are weights and buffers, the batch, what the backward pass needs,
    gradients, and what the optimiser keeps, which is there from the second step on; not the data that batches are
    taken from.

    Args:
        network: On the CPU; a copy of it is trained.
        task: Its inputs, targets and loss.
        settings: The optimiser and the size of a batch.
        device: Where it is trained.
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
def _watched(device: torch.device, held: Sequence[torch.Tensor]) -> Iterator[_Peak]:
    """Within the block, the most bytes of tensors; on the CPU `held` are those that are there from the start."""
    peak = _Peak()
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        yield peak
        peak.bytes = torch.cuda.max_memory_allocated(device) - before
    else:
        with _Alive(peak, held):
            yield peak


class _Alive(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds the storage of each tensor that comes up, once, and takes it away when torch gives it back."""

    def __init__(self, peak: _Peak, held: Sequence[torch.Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak, self.now = peak, 0
        self.storages: set[int] = set()
        self._add(held)

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
                self.now += storage.nbytes()
                weakref.finalize(storage, self._remove, address, storage.nbytes())
        self.peak.bytes = max(self.peak.bytes, self.now)

    def _remove(self, address: int, size: int) -> None:
        self.storages.remove(address)
        self.now -= size
