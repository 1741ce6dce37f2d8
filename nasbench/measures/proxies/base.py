"""Base class of zero-cost proxies: one number of an untrained network, which is left unchanged."""

from __future__ import annotations

import copy
import math
import sys
from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from nasbench.errors import InputError
from nasbench.measures.base import Measure, Measurement, Quantity, Subject

if TYPE_CHECKING:
    import torch

    from nasbench.tasks import Task

RECORDED_BATCH = 64
"""Training inputs on which a table records a proxy."""
Needs: TypeAlias = Literal["nothing", "inputs", "targets"]
"""Requirements of a proxy besides the network: nothing, a batch of inputs, or inputs with their targets."""


class Proxy(Measure):
    """Base class: `score` returns one number of a network. A subclass writes `_score`.

    `_score` receives a copy of the network, which it may change. In the copy, batch normalisation uses batch statistics
    (there are no others before training), and everything else that differs between training and evaluation, such as
    dropout, is in evaluation mode: the same network and batch always give the same number.
    """

    name: ClassVar[str]
    """Name of its column."""
    paper: ClassVar[str]
    """Authors, year, and title or identifier of the paper that proposes it."""
    needs: ClassVar[Needs]
    """Requirements besides the network."""
    units: ClassVar[str] = "none"
    """Unit of the number."""
    direction: ClassVar[Literal["maximise", "minimise"]] = "maximise"
    """Direction of its column."""
    description: ClassVar[str] = ""
    """Description of its column; by default the first line of its module."""

    @property
    def quantities(self) -> tuple[Quantity, ...]:  # type: ignore[override]
        """Its score."""
        first_line = (sys.modules[type(self).__module__].__doc__ or "").partition("\n")[0]
        description = self.description or f"Before training: {first_line}"
        return (Quantity(self.name, self.units, self.direction, description),)

    def _take(self, subject: Subject) -> Measurement:
        """The score on the first training inputs; missing if it does not apply to the network."""
        inputs, targets = (part[:RECORDED_BATCH] for part in subject.tensors["train"])
        try:
            value = self.score(subject.network, subject.task, inputs, targets)
        except InputError as error:
            return Measurement(None, f"absent: {error}" if self.name in str(error) else f"absent: {self.name}: {error}")
        if math.isnan(value):
            return Measurement(None, f"absent: the formula of {self.name} has no finite value")
        return Measurement.of(value)

    def score(
        self,
        network: torch.nn.Module,
        task: Task,
        inputs: torch.Tensor | None = None,
        targets: torch.Tensor | None = None,
    ) -> float:
        """Score of one network, which is not changed; NaN if its formula has no finite value.

        Args:
            network: Untrained, as `Space.network` makes it for `task`.
            task: The task that the network is built for.
            inputs: A batch `(n, ...)` with n at least 2, if the proxy `needs` it.
            targets: Targets `(n, ...)` of the inputs, if the proxy needs them.

        Raises:
            InputError: Inputs or targets are missing, or the proxy does not apply to this network or task.
        """
        import torch

        from nasbench.measures.proxies.parts import batch_norms

        batch = self._batch(task, inputs, targets)
        subject = copy.deepcopy(network).eval()
        for norm in batch_norms(subject):
            norm.train()
        device = next((weight.device for weight in subject.parameters()), None)
        with torch.enable_grad():
            value = self._score(subject, task, *(part.to(device) for part in batch))
        return value if math.isfinite(value) else math.nan

    def _batch(
        self, task: Task, inputs: torch.Tensor | None, targets: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The required inputs and targets; those not required come from the task, for one input if none is."""
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
        """The score of a copy of the network, which may be changed; may be infinite or NaN.

        Inputs and targets that the proxy does not need are those of `Task.inputs` and `Task.targets`.
        """
