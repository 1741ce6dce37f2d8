"""One self-contained HTML page, and the same figures as PNG, from benchmarks and result files."""
