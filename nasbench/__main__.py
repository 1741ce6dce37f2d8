"""The program `nasbench`, also as `python -m nasbench`: it stops in one line from its first import on."""

from __future__ import annotations

import sys

from nasbench.stopping import exit_status, stoppable


def main() -> None:
    """Import and run the command line."""
    try:
        with stoppable():
            from nasbench.cli import main as run

            run()
    except KeyboardInterrupt as interrupt:
        print("nasbench: stopped", file=sys.stderr)
        sys.exit(exit_status(interrupt))


if __name__ == "__main__":
    main()
