"""Image data sets that cells are trained on, as whole arrays with fixed splits."""

from nasbench.datasets.base import Dataset, ImageData
from nasbench.registry import Registry

datasets: Registry[Dataset] = Registry(
    "data set",
    "nasbench.datasets.base:Dataset",
    {
        "digits": "nasbench.datasets.digits:Digits",
        "mnist5k": "nasbench.datasets.mnist5k:MNIST5k",
        "cifar10": "nasbench.datasets.cifar10:CIFAR10",
        "torchvision": "nasbench.datasets.torchvision:Torchvision",
        "huggingface": "nasbench.datasets.huggingface:HuggingFace",
    },
)

__all__ = ["Dataset", "ImageData", "datasets"]
