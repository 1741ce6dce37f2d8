"""Importers of published tables: each reads one layout of files and returns a `Table`."""

from nasbench.importers.base import Importer
from nasbench.registry import Registry

importers: Registry[Importer] = Registry(
    "source",
    "nasbench.importers.base:Importer",
    {
        "accel-nasbench": "nasbench.importers.accel_nasbench:AccelNASBench",
        "analog-nasbench": "nasbench.importers.analog_nasbench:AnalogNASBench",
        "csv": "nasbench.importers.csv:CSV",
        "ec-nas": "nasbench.importers.ec_nas:ECNAS",
        "hat": "nasbench.importers.hat:HAT",
        "hw-nas-bench": "nasbench.importers.hw_nas_bench:HWNASBench",
        "nas-bench-bert": "nasbench.importers.nas_bench_bert:NASBenchBERT",
        "nas-bench-graph": "nasbench.importers.nas_bench_graph:NASBenchGraph",
        "nas-bench-macro": "nasbench.importers.nas_bench_macro:NASBenchMacro",
        "nas-bench-nlp": "nasbench.importers.nas_bench_nlp:NASBenchNLP",
        "nasbench101": "nasbench.importers.nasbench101:NASBench101",
        "nasbench201": "nasbench.importers.nasbench201:NASBench201",
        "nasbench301": "nasbench.importers.nasbench301:NASBench301",
        "nats-bench": "nasbench.importers.nats_bench:NATSBench",
        "transnas101": "nasbench.importers.transnas101:TransNAS101",
        "yolobench": "nasbench.importers.yolobench:YOLOBench",
    },
)

__all__ = ["Importer", "importers"]
