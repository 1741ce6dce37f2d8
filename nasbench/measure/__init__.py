"""What a network costs, and how it holds up: counts, times, memory, energy, and accuracy on corrupted images."""

from nasbench.measure.counts import flops, parameters
from nasbench.measure.energy import Energy, EnergyMeter
from nasbench.measure.memory import inference_memory, training_memory
from nasbench.measure.onnx_runtime import onnx_latency
from nasbench.measure.robustness import Robustness, robustness
from nasbench.measure.timing import inference_seconds, latency

__all__ = [
    "Energy",
    "EnergyMeter",
    "Robustness",
    "flops",
    "inference_memory",
    "inference_seconds",
    "latency",
    "onnx_latency",
    "parameters",
    "robustness",
    "training_memory",
]
