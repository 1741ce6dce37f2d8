"""Zen-score: response of a network with random weights to a small change of random images (Lin et al., 2021)."""

from typing import Any

import torch

from nasbench.errors import InputError
from nasbench.measures.proxies.base import Proxy
from nasbench.measures.proxies.parts import batch_norms, weights
from nasbench.tasks import Task
from nasbench.tasks.images import ImageClassification

ALPHA = 0.01
"""Size of the change in standard deviations of the images."""


class Zen(Proxy):
    """`log E |f(x) - f(x + 0.01 e)| + sum of log s`, with `x`, `e` and all weights drawn from the standard normal.

    `f(x)` is the last feature map before global average pooling; its absolute differences are summed. A batch
    normalisation hides the growth of its input; `s` restores it: the root of the mean over channels of the running
    variance after both passes. Sums and running variances follow the published code; the paper has the Frobenius norm
    and the batch variance. Residual connections stay, because in cells they belong to the architecture.

    Args:
        n: Number of images.
        seed: Seed of weights and images, so that networks are compared under the same noise.
    """

    name = "zen"
    paper = "Lin et al. (2021), Zen-NAS: A zero-shot NAS for high-performance image recognition, arXiv:2102.01063"
    needs = "nothing"
    units = "nats"

    def __init__(self, n: int = 32, seed: int = 0) -> None:
        self.n, self.seed = n, seed

    def _score(self, network: torch.nn.Module, task: Task, inputs: torch.Tensor, targets: torch.Tensor) -> float:
        if not isinstance(task, ImageClassification):
            raise InputError(f"zen compares feature maps of classified images, not of {task.name}")
        generator = torch.Generator().manual_seed(self.seed)

        def normal(*size: int) -> torch.Tensor:
            return torch.randn(size, generator=generator).to(inputs.device)

        maps: list[torch.Tensor] = []

        def keep(module: torch.nn.Module, inputs: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor) and output.dim() == 4:
                maps[:] = [output]

        for module in network.modules():
            if not isinstance(module, torch.nn.AdaptiveAvgPool2d):
                module.register_forward_hook(keep)
        with torch.no_grad():
            for weight in weights(network):
                weight.copy_(normal(*weight.shape))
            x, e = normal(self.n, *task.shape), normal(self.n, *task.shape)
            network(x)
            (before,) = maps
            network(x + ALPHA * e)
            (after,) = maps
        growth = [norm.running_var.mean().log() / 2 for norm in batch_norms(network) if norm.running_var is not None]
        return ((after - before).abs().sum() / self.n).log().item() + sum(part.item() for part in growth)
