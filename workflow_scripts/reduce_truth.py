"""The ground truth of a dataset as a pass over its crops needs it (rules reduce_truth and align_truth)."""

from __future__ import annotations

import argparse
import json

import pandas as pd

from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.errors import AtlasError, run_command
from workflow_scripts.common.progress import Progress
from workflow_scripts.data.ground_truth import KINDS
from workflow_scripts.data.reader import open_reader
from workflow_scripts.data.truth_files import ON_GRID
from workflow_scripts.data.views import parse_view


def main() -> None:
    """Read the command line, write one kind of ground truth of every sample."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=list(KINDS), required=True)
    parser.add_argument("--dataset", required=True, help="id of the dataset, for messages")
    parser.add_argument("--reader", required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--options", default="{}", help="JSON: options of the reader")
    parser.add_argument("--view", required=True)
    parser.add_argument("--grid", help="rows x columns of the patch grid of a crop, as 14x14; not for what is in pixels")
    parser.add_argument("--samples", required=True, help="parquet of the crops, so that both hold the same samples")
    parser.add_argument("--output", required=True, help="output .safetensors")
    args = parser.parse_args()
    if (args.kind in ON_GRID) != bool(args.grid):
        parser.error(f"--grid is for the kinds {', '.join(ON_GRID)}, and these need it")

    reader = open_reader(args.reader, args.path, json.loads(args.options))
    samples = pd.read_parquet(args.samples)
    grid = tuple(int(side) for side in args.grid.split("x")) if args.grid else None
    view = parse_view(args.view)
    progress = Progress(f"{args.dataset} {args.kind} {args.grid or ''}".rstrip(), len(samples), "images")
    try:
        arrays, metadata = KINDS[args.kind](reader, samples, view, grid, progress)
    except AtlasError as error:
        raise AtlasError(f"dataset '{args.dataset}': {error}") from error
    write_arrays(args.output, arrays, metadata)


if __name__ == "__main__":
    run_command(main)
