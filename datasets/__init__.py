"""Training data sets as whole arrays with fixed splits."""

from nasbench.datasets.base import Data, Dataset, ImageData
from nasbench.registry import Registry

datasets: Registry[Dataset] = Registry(
    "data set",
    "nasbench.datasets.base:Dataset",
    {
        "digits": "nasbench.datasets.digits:Digits",
        "mnist5k": "nasbench.datasets.mnist5k:MNIST5k",
        "cifar10": "nasbench.datasets.cifar10:CIFAR10",
        "torchvision": "nasbench.datasets.torchvision:Torchvision",
        "digit_scenes": "nasbench.datasets.digit_scenes:DigitScenes",
        "text": "nasbench.datasets.text:Text",
        "karate": "nasbench.datasets.karate:Karate",
        "digits_graph": "nasbench.datasets.digits_graph:DigitsGraph",
        "huggingface": "nasbench.datasets.huggingface:HuggingFace",
    },
)

DEFAULTS = {
    "masked_language": "text",
    "image_classification": "digits",
    "object_detection": "digit_scenes",
    "node_classification": "digits_graph",
}
"""Default data set by task."""

__all__ = ["DEFAULTS", "Data", "Dataset", "ImageData", "datasets"]
