"""Make a PDF of the LaTeX report (rule report_pdf)."""

from __future__ import annotations

import argparse
from pathlib import Path

from workflow_scripts.common.errors import run_command
from workflow_scripts.report.latex.pdf import make_pdf


def main() -> None:
    """Read the command line, compile the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, required=True, help="folder of the LaTeX report")
    parser.add_argument("--latex-log", type=Path, help="gets what LaTeX says")
    parser.add_argument("--output", type=Path, required=True, help="output .pdf")
    args = parser.parse_args()
    make_pdf(args.sources, args.output, args.latex_log)


if __name__ == "__main__":
    run_command(main)
