"""The report: one self-contained HTML page, with the same figures as PNG, from benchmarks and result files."""
