"""Object and part masks on a patch grid (rule grid_masks)."""

from __future__ import annotations

import argparse
import json

import pandas as pd

from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.errors import AtlasError, run_command
from workflow_scripts.common.progress import Progress
from workflow_scripts.data.geometry import parse_geometry
from workflow_scripts.data.ground_truth import region_masks
from workflow_scripts.data.reader import open_reader


def main() -> None:
    """Read the command line, write the masks of every sample on the patch grid."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True, help="id of the dataset, for messages")
    parser.add_argument("--reader", required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--options", default="{}", help="JSON: options of the reader")
    parser.add_argument("--geometry", required=True)
    parser.add_argument("--grid", required=True, help="rows x columns of the patch grid of a crop, as 14x14")
    parser.add_argument("--samples", required=True, help="parquet of the crops, so that both hold the same samples")
    parser.add_argument("--output", required=True, help="output .safetensors")
    args = parser.parse_args()

    reader = open_reader(args.reader, args.path, json.loads(args.options))
    rows, columns = (int(side) for side in args.grid.split("x"))
    samples = pd.read_parquet(args.samples)
    progress = Progress(f"{args.dataset} masks {args.grid}", len(samples), "images")
    arrays = region_masks(reader, samples, parse_geometry(args.geometry), (rows, columns), progress)
    if not any(len(value) for name, value in arrays.items() if name.endswith("_label")):
        raise AtlasError(f"dataset '{args.dataset}' has no masks; choose a dataset that has them")
    write_arrays(args.output, arrays, {})


if __name__ == "__main__":
    run_command(main)
