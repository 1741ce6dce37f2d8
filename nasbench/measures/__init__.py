"""Measures: what a table records of a network besides its training curves, one registry for all of them."""

from nasbench.measures.base import Measure, Measurement, Quantity, Subject
from nasbench.registry import Registry

PROXIES = {
    "synflow": "nasbench.measures.proxies.synflow:SynFlow",
    "snip": "nasbench.measures.proxies.snip:SNIP",
    "grasp": "nasbench.measures.proxies.grasp:GraSP",
    "fisher": "nasbench.measures.proxies.fisher:Fisher",
    "jacov": "nasbench.measures.proxies.jacov:JacobianCovariance",
    "naswot": "nasbench.measures.proxies.naswot:NASWOT",
    "zen": "nasbench.measures.proxies.zen:Zen",
    "grad_norm": "nasbench.measures.proxies.grad_norm:GradientNorm",
    "l2_norm": "nasbench.measures.proxies.l2_norm:WeightNorm",
    "parameters": "nasbench.measures.parameters:Parameters",
    "flops": "nasbench.measures.flops:FLOPs",
}
measures: Registry[Measure] = Registry(
    "measure",
    "nasbench.measures.base:Measure",
    {
        **PROXIES,
        "params": "parameters",
        "latency": "nasbench.measures.latency:Latency",
        "inference": "nasbench.measures.inference:Inference",
        "onnx": "nasbench.measures.onnx_runtime:OnnxLatency",
        "memory": "nasbench.measures.memory:Memory",
        "energy": "nasbench.measures.energy:EnergyUse",
        "robustness": "nasbench.measures.robustness:Robustness",
    },
    groups={
        "costs": ("parameters", "flops", "latency"),
        "counts": ("parameters", "flops"),
        "proxies": tuple(PROXIES),
    },
)

__all__ = ["PROXIES", "Measure", "Measurement", "Quantity", "Subject", "measures"]
