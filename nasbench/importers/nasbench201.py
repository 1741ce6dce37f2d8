"""NAS-Bench-201: the published file `NAS-Bench-201-v1_*.pth`, or a folder of `000000-FULL.pth` files.

The layout is that of NATS-Bench, whose importer documents the table; the schedules `less` and `full` are hp 12 and 200.
Architectures have different seeds. The single file takes about ten times its size in memory; a folder is read one
architecture at a time. Files with weights are refused.
"""

from __future__ import annotations

from nasbench.importers.nats_bench import NATSBench


class NASBench201(NATSBench):
    """One `.pth` file of NAS-Bench-201 without weights, or a folder of them.

    Args:
        schedule: Schedule to read, `12` or `200`; both by default.
        dataset: Names of the data sets to read as in the source, separated by commas; all by default.
    """

    name = "nasbench201"
    paper = "Dong & Yang (2020), NAS-Bench-201, arXiv:2001.00326; github.com/D-X-Y/NAS-Bench-201"
    licence = "MIT"
    expected = "one file or folder of NAS-Bench-201"
