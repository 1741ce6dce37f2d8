"""One thread for each worker, and properties tested on the same examples in every run, however slow."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; workers would take cores from each other

from hypothesis import HealthCheck, settings

settings.register_profile("repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")
