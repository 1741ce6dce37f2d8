"""Interfaces of other suites over our benchmarks, so that code written for them runs unchanged."""
