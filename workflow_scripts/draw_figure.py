"""Draw one figure of the atlas from the models' tables and maps, and from their similarities (rule draw_thesis_figure)."""

from __future__ import annotations

import argparse
from pathlib import Path

from workflow_scripts.common.errors import AtlasError, run_command
from workflow_scripts.figures import catalogue
from workflow_scripts.figures.save import draw, save_drawn


def main() -> None:
    """Parse the command line, draw, save."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m workflow_scripts.draw_figure")
    parser.add_argument("figure", help="study/name, as in workflow_scripts/figures/catalogue.py")
    parser.add_argument("--tables", nargs="*", type=Path, default=[], help="parquet tables of one model and analysis each")
    parser.add_argument("--maps", nargs="*", type=Path, default=[], help="one safetensors file of maps per model")
    parser.add_argument("--cka", type=Path, help="the parquet table with the similarities of all models")
    parser.add_argument("--models", nargs="*", default=[], help="ids of the models to draw, in order; else those of the files")
    for kind in ("pdf", "png", "csv"):
        parser.add_argument(f"--{kind}", type=Path, required=True, help=f"where to write the {kind.upper()}")
    args = parser.parse_args()
    study, slash, name = args.figure.partition("/")
    if not slash:
        raise AtlasError(f"figure '{args.figure}': give it as study/name, for example thesis/attention_distance")
    drawn = draw(catalogue.figure(study, name), args.tables, args.maps, args.cka, args.models)
    save_drawn(drawn, args.pdf, args.png, args.csv)


if __name__ == "__main__":
    run_command(main)
