"""Draw up a study's tables for reading from tables of its analyses (rules of all studies' summaries)."""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path

import pandas as pd

from workflow_scripts.common.atomic import atomic_path, write_text
from workflow_scripts.common.errors import run_command
from workflow_scripts.common.run_model import read_models
from workflow_scripts.common.study import Score
from workflow_scripts.common.table import COLUMNS, make_table, read_table, write_table
from workflow_scripts.report.fragments import to_html
from workflow_scripts.report.latex.tables import to_latex


def main() -> None:
    """Read the command line, write each table as parquet, HTML and LaTeX."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study")
    parser.add_argument("--tables", nargs="*", type=Path, default=[], help="tables of the analyses that the summary reads")
    parser.add_argument("--models", type=Path, required=True, help="description of the run's models, .json")
    parser.add_argument("--scores", required=True, help="JSON: the study's scores by name")
    parser.add_argument("--output-dir", type=Path, required=True, help="gets <table>.parquet, .html and .tex")
    args = parser.parse_args()

    summary = importlib.import_module(f"workflow_scripts.studies.{args.study}.summary")
    scores = {name: Score(**score) for name, score in json.loads(args.scores).items()}
    rows = pd.concat([make_table([]), *map(read_table, args.tables)], ignore_index=True)
    for table, fragment in summary.tables(rows, read_models(args.models), scores):
        file = args.output_dir / f"{fragment.label}.parquet"
        if list(table.columns) == list(COLUMNS):
            write_table(file, table, {})
        else:
            with atomic_path(file) as path:
                table.to_parquet(path, index=False)
        write_text(file.with_suffix(".html"), to_html(fragment))
        write_text(file.with_suffix(".tex"), to_latex(fragment, f"{args.study}-"))


if __name__ == "__main__":
    run_command(main)
