"""The thesis' attention analysis of one model: statistics of its passes -> table and maps (rule tabulate_attention)."""

from __future__ import annotations

import argparse
import json

import numpy as np
import pandas as pd

from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.errors import run_command
from workflow_scripts.common.table import write_table
from workflow_scripts.data.crops import read_crops
from workflow_scripts.onepass.states import read_metadata, read_state
from workflow_scripts.studies.model_facts import model_facts
from workflow_scripts.studies.thesis_attention import attention_maps, attention_table

COLLECTORS = (
    "average_attention",
    "aligned_attention",
    "attention_distance",
    "spatial_to_cls",
    "attention_deviation",
    "top_token_share",
    "chosen_attention",
)


def main() -> None:
    """Read the command line, write the table and the maps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attention-pass", required=True, help="pass over the attention dataset")
    parser.add_argument("--mask-pass", required=True, help="pass over the dataset with object masks; may be the same file")
    parser.add_argument("--crops", required=True, help="crops of the attention dataset, for the chosen images")
    parser.add_argument("--samples", required=True, help="samples of the attention dataset, for the chosen images' ids")
    parser.add_argument("--seed", type=int, required=True, help="seed of the resampling of images")
    parser.add_argument("--table", required=True, help="output .parquet")
    parser.add_argument("--maps", required=True, help="output .safetensors")
    args = parser.parse_args()

    made = read_metadata(args.attention_pass)
    states = {name: read_state(args.attention_pass, name) for name in COLLECTORS}
    masks = read_metadata(args.mask_pass)
    rows, columns = (int(side) for side in made["grid"].split("x"))
    table = attention_table(
        states,
        read_state(args.mask_pass, "mask_iou"),
        (rows, columns),
        made["dataset"],
        masks["dataset"],
        made["model"],
        args.seed,
    )
    entry = json.loads(made["entry"])
    described = {key: entry[key] for key in ("display_name", "supervision", "method", "architecture")}
    write_table(args.table, table, model_facts(made) | {"seed": args.seed})
    chosen = states["chosen_attention"]["cls.index"]
    ids = pd.read_parquet(args.samples)["id"]
    maps = attention_maps(states)
    maps["single_image"] = np.concatenate([read_crops(args.crops, int(i), int(i) + 1) for i in chosen])
    metadata = {
        **described,
        "model": made["model"],
        "n_images": made["n_images"],
        "n_prefix": made["n_prefix"],
        "rows": str(rows),
        "cols": str(columns),
        "image_ids": json.dumps([str(ids.iloc[int(i)]) for i in chosen]),
    }
    write_arrays(args.maps, maps, metadata)


if __name__ == "__main__":
    run_command(main)
