"""Simulation: what answers a search strategy, and runs it on simulated workers in simulated time."""
