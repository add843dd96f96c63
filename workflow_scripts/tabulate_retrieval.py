"""Image retrieval by one model at every layer (rule tabulate_retrieval)."""

from __future__ import annotations

import argparse
import json

import pandas as pd

from workflow_scripts.common.errors import AtlasError, run_command
from workflow_scripts.common.table import make_table, write_table
from workflow_scripts.data.reader import open_reader
from workflow_scripts.onepass.states import read_metadata, read_state
from workflow_scripts.studies.model_facts import model_facts
from workflow_scripts.studies.thesis_retrieval import kept_judgements, retrieval_rows


def main() -> None:
    """Read the command line, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pass", dest="passed", required=True, help="pass over the retrieval dataset")
    parser.add_argument("--samples", required=True, help="parquet of its crops")
    parser.add_argument("--reader", required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--options", default="{}", help="JSON: options of the reader")
    parser.add_argument("--seed", type=int, required=True, help="seed of the resampling of queries")
    parser.add_argument("--table", required=True, help="output .parquet")
    args = parser.parse_args()

    made = read_metadata(args.passed)
    reader = open_reader(args.reader, args.path, json.loads(args.options))
    row_of = {int(position): row for row, position in enumerate(pd.read_parquet(args.samples)["position"])}
    database = [row_of[position] for position in reader.database() if position in row_of]
    judged = kept_judgements(reader.judgements(), row_of)
    features = read_state(args.passed, "pooled_features")["cls"]
    rows = retrieval_rows(features, database, judged, args.seed)
    if not rows:
        raise AtlasError(f"dataset '{made['dataset']}': no query has a right answer in the database; check its ground truth")
    table = make_table(rows, study="thesis", analysis="retrieval", dataset=made["dataset"], model=made["model"])
    write_table(args.table, table, model_facts(made) | {"seed": args.seed})


if __name__ == "__main__":
    run_command(main)
