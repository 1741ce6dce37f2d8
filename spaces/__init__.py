"""Search spaces: integer genotypes, networkx cell graphs, published strings, canonical keys and networks."""

from nasbench.registry import Registry
from nasbench.spaces.base import Space
from nasbench.spaces.choices import ChoiceSpace
from nasbench.spaces.template import TemplateSpace
from nasbench.spaces.values import AdjacencyArrays, NetworkSettings
from nasbench.types import Architecture, GenotypeArray

spaces: Registry[Space] = Registry(
    "space",
    "nasbench.spaces.base:Space",
    {
        "darts": "nasbench.spaces.darts:DARTS",
        "nasnet": "nasbench.spaces.nasnet:NASNet",
        "nb101": "nasbench.spaces.nb101:NB101",
        "nb201": "nasbench.spaces.nb201:NB201",
        "nats_size": "nasbench.spaces.nats_size:NATSSize",
        "tnb101_micro": "nasbench.spaces.tnb101_micro:TNB101Micro",
        "tnb101_macro": "nasbench.spaces.tnb101_macro:TNB101Macro",
        "macro": "nasbench.spaces.macro:Macro",
        "transformer": "nasbench.spaces.transformer:Transformer",
        "flexibert": "nasbench.spaces.flexibert:FlexiBERT",
        "graph": "nasbench.spaces.graph:Graph",
        "nlp": "nasbench.spaces.nlp:NLP",
        "mobile": "nasbench.spaces.mobile:Mobile",
        "ofa": "nasbench.spaces.ofa:OFA",
        "detection": "nasbench.spaces.detection:Detection",
        "yolo": "nasbench.spaces.yolo:YOLO",
    },
)

__all__ = [
    "AdjacencyArrays",
    "Architecture",
    "ChoiceSpace",
    "GenotypeArray",
    "NetworkSettings",
    "Space",
    "TemplateSpace",
    "spaces",
]
