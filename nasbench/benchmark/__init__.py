"""Benchmarks: what was measured (tabular) or learnt (surrogate) about architectures, behind one interface."""
