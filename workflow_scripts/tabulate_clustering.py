"""Clustering of image, object and part features of one model at every layer (rule tabulate_clustering)."""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

from workflow_scripts.common.errors import run_command
from workflow_scripts.common.table import make_table, write_table
from workflow_scripts.onepass.states import read_metadata, read_state
from workflow_scripts.studies.model_facts import model_facts
from workflow_scripts.studies.thesis_clustering import clustering_rows


def main() -> None:
    """Read the command line, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image-pass", required=True, help="pass over the labelled images")
    parser.add_argument("--image-samples", required=True, help="parquet of their crops")
    for kind in ("object", "part"):
        for setting in ("normal", "dense"):
            text = f"pass and grid masks, {setting} features of {kind}s"
            parser.add_argument(f"--{kind}-{setting}", nargs=2, metavar=("PASS", "MASKS"), help=text)
    for kind in ("image", "object", "part"):
        parser.add_argument(f"--{kind}-clusters", type=int, required=True, help="k")
    parser.add_argument("--restarts", type=int, required=True, help="of k-means")
    parser.add_argument("--seed", type=int, required=True, help="seed of k-means and of the resampling of images")
    parser.add_argument("--table", required=True, help="output .parquet")
    args = parser.parse_args()

    made = read_metadata(args.image_pass)
    common = {"restarts": args.restarts, "seed": args.seed}
    pooled = read_state(args.image_pass, "pooled_features")
    labels = pd.read_parquet(args.image_samples)["label"].to_numpy()
    rows = []
    for facet in ("cls", "mean_patch"):
        columns = {"facet": facet, "setting": "normal", "dataset": made["dataset"]}
        rows += clustering_rows(pooled[facet], labels, np.arange(len(labels)), args.image_clusters, **common, **columns)
    for kind, clusters in (("object", args.object_clusters), ("part", args.part_clusters)):
        for setting in ("normal", "dense"):
            files = getattr(args, f"{kind}_{setting}")
            if files:
                masks = load_file(files[1])
                features = read_state(files[0], "region_features")[kind]
                columns = {"facet": kind, "setting": setting, "dataset": read_metadata(files[0])["dataset"]}
                truth, images = masks[f"{kind}_label"], masks[f"{kind}_image"]
                rows += clustering_rows(features, truth, images, clusters, **common, **columns)
    table = make_table(rows, study="thesis", analysis="clustering", model=made["model"])
    write_table(args.table, table, model_facts(made) | {"seed": args.seed, "restarts": args.restarts})


if __name__ == "__main__":
    run_command(main)
