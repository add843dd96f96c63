"""Write the report of a run: one folder that opens offline (rule write_report)."""

from __future__ import annotations

import argparse
from pathlib import Path

from workflow_scripts.common.errors import AtlasError, run_command
from workflow_scripts.figures import catalogue
from workflow_scripts.report.build import write_report
from workflow_scripts.report.claims import read_claims
from workflow_scripts.report.neighbours import read_neighbours
from workflow_scripts.report.run_info import read_run_info


def main() -> None:
    """Parse the command line, write the report."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m workflow_scripts.write_report")
    parser.add_argument("--figures-dir", type=Path, required=True, help="folder with <study>/<name>.png, .pdf, .csv")
    parser.add_argument("--figure", nargs="+", action="extend", default=[], help="figures to show, study/name, in order")
    parser.add_argument("--knn", type=Path, help="table of the demo models' k-NN accuracies, .parquet")
    parser.add_argument("--summary-dir", type=Path, help="folder with the thesis study's summary tables, .html and .tex")
    parser.add_argument("--claims", type=Path, help="verdicts on the thesis study's claims, .json")
    parser.add_argument("--run-info", type=Path, required=True, help="facts of the run, JSON")
    parser.add_argument("--contact-sheet", type=Path, help="PNG of the demo world")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the report")
    args = parser.parse_args()
    entries = []
    for key in args.figure:
        study, slash, name = key.partition("/")
        if not slash:
            raise AtlasError(f"--figure {key}: give it as study/name, for example thesis/attention_distance")
        entries.append(catalogue.figure(study, name))
    write_report(
        args.output_dir,
        read_run_info(args.run_info),
        entries,
        args.figures_dir,
        args.contact_sheet,
        read_neighbours(args.knn) if args.knn else None,
        args.summary_dir,
        read_claims(args.claims) if args.claims else None,
    )


if __name__ == "__main__":
    run_command(main)
