"""Object masks on a patch grid (rule grid_masks)."""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.errors import AtlasError, run_command
from workflow_scripts.common.progress import Progress
from workflow_scripts.data.geometry import Geometry
from workflow_scripts.data.reader import open_reader


def main() -> None:
    """Read the command line, write the union of all object masks of every sample on the patch grid."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True, help="id of the dataset, for messages")
    parser.add_argument("--reader", required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--geometry", required=True)
    parser.add_argument("--grid", required=True, help="rows x columns of the patch grid, as 14x14")
    parser.add_argument("--samples", required=True, help="parquet of the crops, so that both hold the same samples")
    parser.add_argument("--output", required=True, help="output .safetensors: object_mask [n, N], has_object [n]")
    args = parser.parse_args()

    reader = open_reader(args.reader, args.path)
    geometry = Geometry.parse(args.geometry)
    rows, columns = (int(side) for side in args.grid.split("x"))
    positions = pd.read_parquet(args.samples)["position"]
    progress = Progress(f"{args.dataset} masks {args.grid}", len(positions), "images")
    union = np.zeros((len(positions), rows * columns), np.uint8)
    for done, position in enumerate(positions):
        for mask in reader.object_masks(position):
            # A patch is foreground as soon as any object leaves a trace in it (the study's rule, not a 50 % rule).
            union[done] |= (geometry.soft_mask(mask, (rows, columns)) > 0).ravel().astype(np.uint8)
        progress(done + 1)
    if not union.any():
        raise AtlasError(f"dataset '{args.dataset}' has no object masks; choose a mask_dataset that has them")
    write_arrays(args.output, {"object_mask": union, "has_object": union.any(1).astype(np.uint8)}, {})


if __name__ == "__main__":
    run_command(main)
