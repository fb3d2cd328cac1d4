"""Runs modelwright against other tools; see README.md, and ``python benchmarks/bench.py --help``."""

import sys

from contest.command import main

if __name__ == "__main__":
    sys.exit(main())
