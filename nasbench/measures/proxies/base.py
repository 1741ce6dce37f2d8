"""What a zero-cost proxy is: a number of a network at initialisation, which is left exactly as it was."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from nasbench.errors import InputError

if TYPE_CHECKING:
    import torch

    from nasbench.tasks import Task

Needs: TypeAlias = Literal["nothing", "inputs", "targets"]
"""What a proxy looks at besides the network: nothing, a batch of inputs, or inputs with their targets."""


class Proxy(ABC):
    """Base class: called on a network, it answers with one number. A subclass writes `_score`.

    `_score` is given a copy of the network, with which it may do what it likes. In the copy batch normalisation uses
    the statistics of the batch (there are no others before training), and whatever else differs between training and
    evaluation, such as dropout, is as in evaluation: the same network and batch always give the same number.
    """

    paper: ClassVar[str]
    """Authors, year, title or identifier of the paper that proposes it."""
    needs: ClassVar[Needs]
    """What it looks at besides the network."""
    units: ClassVar[str] = "none"
    """Unit of the number, as a table states it."""
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    """Which way is taken to be better."""

    def __call__(
        self,
        network: torch.nn.Module,
        task: Task,
        inputs: torch.Tensor | None = None,
        targets: torch.Tensor | None = None,
    ) -> float:
        """The number of one network, which is not changed; NaN where its formula has no finite value.

        Args:
            network: As `Space.network` makes it for `task`, not yet trained.
            task: What the network is made for.
            inputs: A batch `(n, ...)`, n being at least 2, where the proxy `needs` it.
            targets: Targets `(n, ...)` of the inputs, where it needs them too.

        Raises:
            InputError: What is needed is missing, or the proxy does not apply to this network or task.
        """
        import torch

        from nasbench.measures.proxies.parts import batch_norms

        given = self._needed(task, inputs, targets)
        subject = copy.deepcopy(network).eval()
        for norm in batch_norms(subject):
            norm.train()
        device = next((weight.device for weight in subject.parameters()), None)
        with torch.enable_grad():
            value = self._score(subject, task, *(part.to(device) for part in given))
        return value if math.isfinite(value) else math.nan

    def _needed(
        self, task: Task, inputs: torch.Tensor | None, targets: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What it needs; what it does not, as the task makes it, for one input if it needs none."""
        name = type(self).__name__
        if self.needs == "nothing":
            return task.inputs(1), task.targets(1)
        if inputs is None or len(inputs) < 2:
            got = "none" if inputs is None else len(inputs)
            raise InputError(f"{name} needs a batch of at least 2 inputs, got {got}")
        if self.needs == "inputs":
            return inputs, task.targets(len(inputs))
        if targets is None or len(targets) != len(inputs):
            got = "none" if targets is None else len(targets)
            raise InputError(f"{name} needs a target for each of the {len(inputs)} inputs, got {got}")
        return inputs, targets

    @abstractmethod
    def _score(self, network: torch.nn.Module, task: Task, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        """The number, from a copy of the network, which it may change; may be infinite or NaN.

        What it does not need is as `Task.inputs` and `Task.targets` make it: of one input where it needs none.
        """
