"""Scores of the key points that every layer of one model finds again (rule tabulate_keypoints)."""

from __future__ import annotations

import argparse
import json

from safetensors import safe_open

from workflow_scripts.common.errors import run_command
from workflow_scripts.common.table import make_table, write_table
from workflow_scripts.onepass.states import read_metadata, read_state
from workflow_scripts.studies.model_facts import model_facts
from workflow_scripts.studies.thesis_keypoints import keypoint_rows


def main() -> None:
    """Read the command line, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pass", dest="passed", required=True, help="pass over the images of the pairs")
    parser.add_argument("--pairs", required=True, help="key-point pairs in pixels of the crops")
    parser.add_argument("--alphas", type=float, nargs="+", required=True, help="shares of the target object's size")
    parser.add_argument("--seed", type=int, required=True, help="seed of the resampling of categories and pairs")
    parser.add_argument("--table", required=True, help="output .parquet")
    args = parser.parse_args()

    made = read_metadata(args.passed)
    with safe_open(args.pairs, framework="numpy") as file:
        pairs = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 not a mapping
        categories = json.loads(file.metadata()["categories"])
    rows = keypoint_rows(read_state(args.passed, "matched_keypoints"), pairs, categories, args.alphas, args.seed)
    table = make_table(rows, study="thesis", analysis="keypoints", dataset=made["dataset"], model=made["model"])
    write_table(args.table, table, model_facts(made) | {"seed": args.seed})


if __name__ == "__main__":
    run_command(main)
