"""`from nasbench import api`, as in code written for NAS-Bench-101; our own interface is `nasbench.load`."""

from nasbench.adapters.nasbench101 import *  # noqa: F403
from nasbench.adapters.nasbench101 import __all__  # noqa: F401
