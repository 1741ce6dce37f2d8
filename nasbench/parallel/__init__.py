"""Parallel execution: processes, threads, and engines for this machine or a cluster."""
