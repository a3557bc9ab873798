"""What scripts/compare runs: the suite, then the jobs on real data; writes compare.json and compare.html.

Exit codes are those of `crosscheck run`; a job whose columns disagree, or that learns too little, counts as divergence.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from crosscheck.settings import one_thread


def main(words: Sequence[str] | None = None) -> int:
    one_thread()
    parser = argparse.ArgumentParser(prog="scripts/compare", description="Check every case, then train on real data.")
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="part of a case's name; none: every case")
    parser.add_argument("--folder", type=Path, default=Path("reports"), help="where the reports go (%(default)s)")
    options = parser.parse_args(words)
    from crosscheck.jobs.compare import compare  # after one_thread: it imports the frameworks

    try:
        return compare(options.patterns, options.folder)
    except typer.Exit as refusal:
        return refusal.exit_code


if __name__ == "__main__":
    sys.exit(main())
