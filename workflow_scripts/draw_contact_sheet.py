"""Draw the demo world on one page: images by class, ground truth, a clip (rule draw_contact_sheet)."""

from __future__ import annotations

import argparse
from pathlib import Path

from workflow_scripts.common.errors import run_command
from workflow_scripts.figures.contact_sheet import draw, load_world
from workflow_scripts.figures.save import save_figure
from workflow_scripts.figures.style import atlas_style


def main() -> None:
    """Parse the command line, draw, save."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m workflow_scripts.draw_contact_sheet")
    parser.add_argument("--images", type=Path, required=True, help="a split of the demo world, .safetensors")
    parser.add_argument("--clips", type=Path, required=True, help="the clips of the demo world, .safetensors")
    parser.add_argument("--pdf", type=Path, required=True, help="where to write the PDF")
    parser.add_argument("--png", type=Path, required=True, help="where to write the PNG")
    args = parser.parse_args()
    with atlas_style():
        figure = draw(load_world(args.images, args.clips))
    save_figure(figure, args.pdf, args.png)


if __name__ == "__main__":
    run_command(main)
