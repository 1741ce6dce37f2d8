"""What a network costs, and how it holds up: counts, times, memory, energy, and accuracy on corrupted images."""

from nasbench.measures.counts import flops, parameters
from nasbench.measures.energy import Energy, EnergyMeter
from nasbench.measures.memory import inference_memory, training_memory
from nasbench.measures.onnx_runtime import onnx_latency
from nasbench.measures.robustness import Robustness, robustness
from nasbench.measures.timing import inference_seconds, latency

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
