"""Published tables as benchmarks: one file for each layout, read once and written as one HDF5 file."""

from nasbench.importers.base import Importer
from nasbench.registry import Registry

importers: Registry[Importer] = Registry(
    "source",
    "nasbench.importers.base:Importer",
    {
        "csv": "nasbench.importers.csv:CSV",
        "nasbench101": "nasbench.importers.nasbench101:NASBench101",
    },
)

__all__ = ["Importer", "importers"]
