"""The line `from nasbench import api` of code that was written for NAS-Bench-101; see `nasbench.adapters`."""

from nasbench.adapters.nasbench101 import *  # noqa: F403
from nasbench.adapters.nasbench101 import __all__  # noqa: F401
