"""Weighted k-NN classification of one model at every layer (rule tabulate_knn)."""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from workflow_scripts.common.errors import run_command
from workflow_scripts.common.table import make_table, write_table
from workflow_scripts.onepass.states import FileRows, read_metadata
from workflow_scripts.studies.model_facts import model_facts
from workflow_scripts.studies.thesis_knn import knn_rows


def main() -> None:
    """Read the command line, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bank-pass", required=True, help="pass over the images that vote")
    parser.add_argument("--query-pass", required=True, help="pass over the images to classify")
    parser.add_argument("--bank-samples", required=True)
    parser.add_argument("--query-samples", required=True)
    parser.add_argument("--neighbours", type=int, nargs="+", required=True, help="k, several")
    parser.add_argument("--seed", type=int, required=True, help="seed of the resampling of queries")
    parser.add_argument("--table", required=True, help="output .parquet")
    args = parser.parse_args()

    made = read_metadata(args.query_pass)
    # The classes of both datasets by name: their numbers may differ.
    names = [pd.read_parquet(path)["class"] for path in (args.bank_samples, args.query_samples)]
    classes = np.unique(np.concatenate(names))
    rows = knn_rows(
        FileRows(args.bank_pass, "pooled_features", "cls"),
        FileRows(args.query_pass, "pooled_features", "cls"),
        *(np.searchsorted(classes, name.to_numpy(str)) for name in names),
        args.neighbours,
        args.seed,
    )
    table = make_table(rows, study="thesis", analysis="knn", dataset=made["dataset"], model=made["model"])
    bank = read_metadata(args.bank_pass)["dataset"]
    write_table(args.table, table, model_facts(made) | {"seed": args.seed, "bank": bank})


if __name__ == "__main__":
    run_command(main)
