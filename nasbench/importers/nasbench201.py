"""NAS-Bench-201 as it is published: `NAS-Bench-201-v1_*.pth`, or a folder of `000000-FULL.pth` files.

The layout inside is that of NATS-Bench, whose importer says how it becomes a table; schedules `less` and `full` are hp
12 and 200. The seeds of an architecture are uneven. The one file of all architectures is held in memory while it is
read (some ten times its size); the folder is read one architecture after another. Files with weights are refused.
"""

from __future__ import annotations

from nasbench.importers.nats_bench import NATSBench


class NASBench201(NATSBench):
    """One `.pth` file of NAS-Bench-201 without weights, or a folder of them.

    Args:
        schedule: The only one to read: `12` or `200`. Both if not given.
        dataset: Names of the data sets to read, as the source has them. All if not given.
    """

    name = "nasbench201"
    paper = "Dong & Yang (2020), NAS-Bench-201, arXiv:2001.00326; github.com/D-X-Y/NAS-Bench-201"
    licence = "MIT"
    what = "one file or folder of NAS-Bench-201"
