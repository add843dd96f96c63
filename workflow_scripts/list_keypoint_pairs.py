"""The key-point pairs of a dataset in pixels of its crops (rule list_keypoint_pairs)."""

from __future__ import annotations

import argparse
import json

import pandas as pd

from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.errors import run_command
from workflow_scripts.data.geometry import parse_geometry
from workflow_scripts.data.ground_truth import category_names, keypoint_pairs
from workflow_scripts.data.reader import open_reader


def main() -> None:
    """Read the command line, write the pairs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reader", required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--options", default="{}", help="JSON: options of the reader")
    parser.add_argument("--geometry", required=True)
    parser.add_argument("--samples", required=True, help="parquet of the crops, so that both hold the same samples")
    parser.add_argument("--output", required=True, help="output .safetensors")
    args = parser.parse_args()

    reader = open_reader(args.reader, args.path, json.loads(args.options))
    samples = pd.read_parquet(args.samples)
    arrays = keypoint_pairs(reader, samples, parse_geometry(args.geometry))
    write_arrays(args.output, arrays, {"categories": json.dumps(category_names(reader))})


if __name__ == "__main__":
    run_command(main)
