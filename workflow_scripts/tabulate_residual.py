"""Norm ratios of the residual connections of one model (rule tabulate_residual)."""

from __future__ import annotations

import argparse

from workflow_scripts.common.errors import run_command
from workflow_scripts.common.table import write_table
from workflow_scripts.onepass.states import read_metadata, read_state
from workflow_scripts.studies.model_facts import model_facts
from workflow_scripts.studies.thesis_residual import residual_table


def main() -> None:
    """Read the command line, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pass", dest="passed", required=True, help="pass over the dataset of the similarity analysis")
    parser.add_argument("--seed", type=int, required=True, help="seed of the resampling of images")
    parser.add_argument("--table", required=True, help="output .parquet")
    args = parser.parse_args()

    made = read_metadata(args.passed)
    table = residual_table(read_state(args.passed, "residual_ratio"), made["dataset"], made["model"], args.seed)
    write_table(args.table, table, model_facts(made) | {"seed": args.seed})


if __name__ == "__main__":
    run_command(main)
