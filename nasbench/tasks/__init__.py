"""Tasks that networks are trained for: inputs, outputs, loss, and the score that a table records."""

from nasbench.registry import Registry
from nasbench.tasks.base import Outputs, Tallies, Tally, Task

tasks: Registry[Task] = Registry(
    "task",
    "nasbench.tasks.base:Task",
    {
        "image_classification": "nasbench.tasks.images:ImageClassification",
        "masked_language": "nasbench.tasks.language:MaskedLanguage",
        "node_classification": "nasbench.tasks.nodes:NodeClassification",
        "object_detection": "nasbench.tasks.detection:ObjectDetection",
    },
)

__all__ = ["Outputs", "Tallies", "Tally", "Task", "tasks"]
