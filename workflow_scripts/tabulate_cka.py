"""CKA between all models and layers, from Gram blocks alone (rule tabulate_cka)."""

from __future__ import annotations

import argparse

from workflow_scripts.common.errors import AtlasError, run_command
from workflow_scripts.common.table import write_table
from workflow_scripts.onepass.states import read_metadata, read_state
from workflow_scripts.studies.model_facts import model_facts
from workflow_scripts.studies.thesis_cka import cka_table


def main() -> None:
    """Read the command line, write the table of all models."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passes", nargs="+", required=True, help="passes over one dataset, one per model, in order")
    parser.add_argument("--seed", type=int, required=True, help="seed of the resampling of blocks of images")
    parser.add_argument("--table", required=True, help="output .parquet")
    args = parser.parse_args()

    made = {path: read_metadata(path) for path in args.passes}
    first = made[args.passes[0]]
    for path, facts in made.items():
        if (facts["dataset"], facts["n_images"]) != (first["dataset"], first["n_images"]):
            raise AtlasError(f"{path}: over other images than {args.passes[0]}; CKA compares models on the same images")
    grams = {facts["model"]: read_state(path, "gram_blocks") for path, facts in made.items()}
    table = cka_table(grams, first["dataset"], args.seed)
    write_table(args.table, table, {"models": {f["model"]: model_facts(f) for f in made.values()}, "seed": args.seed})


if __name__ == "__main__":
    run_command(main)
