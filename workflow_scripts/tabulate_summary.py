"""Summary tables of the thesis study: models, best layers, dense against normal (rule tabulate_summary)."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from workflow_scripts.common.atomic import atomic_path, write_text
from workflow_scripts.common.errors import run_command
from workflow_scripts.common.table import make_table, read_table, write_table
from workflow_scripts.report.fragments import to_html, to_latex
from workflow_scripts.report.thesis_tables import best_layers_fragment, dense_against_normal_fragment, models_fragment
from workflow_scripts.studies.run_models import read_models
from workflow_scripts.studies.thesis_summary import best_layers, dense_against_normal, inventory


def main() -> None:
    """Read the command line, write each table as parquet, HTML and LaTeX."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", nargs="*", type=Path, default=[], help="tables of k-NN, retrieval, video, keypoints")
    parser.add_argument("--models-json", required=True, help="registry entries of the models, as JSON {id: entry}")
    parser.add_argument("--output-dir", type=Path, required=True, help="gets <table>.parquet, .html and .tex")
    args = parser.parse_args()

    models = read_models(args.models_json)
    table = pd.concat([make_table([]), *map(read_table, args.tables)], ignore_index=True)
    metadata = {"models": {model.id: asdict(model) for model in models}}
    best, dense = best_layers(table, models), dense_against_normal(table, models)
    write_table(args.output_dir / "best_layers.parquet", best, metadata)
    write_table(args.output_dir / "dense_against_normal.parquet", dense, metadata)
    with atomic_path(args.output_dir / "models.parquet") as path:
        inventory(models).to_parquet(path, index=False)
    for fragment in (
        models_fragment(models),
        best_layers_fragment(best, models),
        dense_against_normal_fragment(dense, models),
    ):
        write_text(args.output_dir / f"{fragment.label}.html", to_html(fragment))
        write_text(args.output_dir / f"{fragment.label}.tex", to_latex(fragment))


if __name__ == "__main__":
    run_command(main)
