"""`python -m nasbench`."""

from nasbench.cli import app

app()
