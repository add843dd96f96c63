"""Set every published number of the studies beside that of a run (rule write_scorecard)."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.common.atomic import atomic_path
from workflow_scripts.common.errors import AtlasError, run_command
from workflow_scripts.common.run_messages import published_line
from workflow_scripts.common.run_model import read_models
from workflow_scripts.common.table import make_table, read_table
from workflow_scripts.studies.published import read_published
from workflow_scripts.studies.scorecard import Run, scorecard


def main() -> None:
    """Read the command line, write the scorecard and say its counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--published", nargs="*", default=[], metavar="STUDY=FILE", help="the studies' claims and numbers, .yaml"
    )
    parser.add_argument("--models", type=Path, required=True, help="description of the run's models, .json")
    parser.add_argument(
        "--sizes", default="{}", help="JSON: study/analysis -> which size of its images is not its study's, in words"
    )
    parser.add_argument("--tables", nargs="*", type=Path, default=[], help="tables of all models and analyses")
    parser.add_argument("--parquet", type=Path, required=True, help="output .parquet")
    parser.add_argument("--csv", type=Path, required=True, help="output .csv, the same")
    args = parser.parse_args()

    files = dict(given.split("=", 1) for given in args.published)
    numbers = [number for study, file in files.items() for number in read_published(study, file)]
    sizes = {tuple(key.split("/", 1)): said for key, said in json.loads(args.sizes).items()}
    run = Run(read_models(args.models), read_tables(args.tables, {number.analysis for number in numbers}), sizes)
    if run.foreign:
        print(f"note: tables of models that are not of this run are left out: {', '.join(run.foreign)}", file=sys.stderr)
    card = scorecard(numbers, run)
    with atomic_path(args.parquet) as path:
        pq.write_table(pa.Table.from_pandas(card, preserve_index=False), path)
    with atomic_path(args.csv) as path:
        card.to_csv(path, index=False)
    print(published_line(args.csv))


def read_tables(files: Iterable[Path], analyses: set[str]) -> pd.DataFrame:
    """Return the rows of those analyses.

    A table that cannot be read is said and left out: its numbers then count as not run.
    """
    found = [make_table([])]
    for file in files:
        try:
            table = read_table(file)
        except AtlasError as error:
            print(f"note: left out: {error}", file=sys.stderr)
            continue
        found.append(table[table["analysis"].isin(analyses)])
    return pd.concat(found, ignore_index=True)


if __name__ == "__main__":
    run_command(main)
