"""Draw one figure of a study from tables, maps and comparisons of models (rules of all figures)."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from workflow_scripts.common.checkout import commit
from workflow_scripts.common.errors import AtlasError, run_command
from workflow_scripts.common.run_model import read_models
from workflow_scripts.figures.drawing import Drawing
from workflow_scripts.figures.origin import Origin, digest
from workflow_scripts.figures.read import load
from workflow_scripts.figures.save import draw, save_drawn
from workflow_scripts.figures.style import FONT, WIDTHS, Look


def main() -> None:
    """Read the command line, draw, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drawing", required=True, help="JSON: what decides the drawing (common.study.Study.drawing)")
    parser.add_argument("--run-models", type=Path, required=True, help="description of the run's models, .json")
    parser.add_argument("--models", nargs="*", default=[], help="ids of the models to draw, in order; else all")
    parser.add_argument("--width", choices=WIDTHS, default=WIDTHS[0], help="of a two-column page: all of it, or one column")
    parser.add_argument("--font", default=FONT, help="a font family of this machine")
    parser.add_argument("--tables", nargs="*", type=Path, default=[], help="parquet tables of one model and analysis each")
    parser.add_argument("--maps", nargs="*", default=[], metavar="ANALYSIS=FILE", help="maps of one model each")
    parser.add_argument("--pairs", nargs="*", default=[], metavar="ANALYSIS=FILE", help="tables of comparisons")
    for kind in ("pdf", "png", "csv"):
        parser.add_argument(f"--{kind}", type=Path, required=True, help=f"where to write the {kind.upper()}")
    args = parser.parse_args()

    drawing, look = Drawing.from_json(json.loads(args.drawing)), Look(args.width, args.font)
    maps, compared = by_analysis("--maps", args.maps), by_analysis("--pairs", args.pairs)
    models = read_models(args.run_models, args.models)
    data = load(models, args.tables, maps, {analysis: files[0] for analysis, files in compared.items()}, drawing.scores)
    files = [*args.tables, *(file for kind in (maps, compared) for own in kind.values() for file in own)]
    origin = Origin(drawing.key, commit(), made_by(drawing.key, look), digest(files))
    save_drawn(draw(drawing, data, look), args.pdf, args.png, args.csv, origin, look)


def made_by(key: str, look: Look) -> str:
    """Return the command that makes a figure again, in a run whose results lie in ``results``."""
    chosen = {"width": look.width, "font": look.font} if look != Look() else {}
    config = f" --config 'figures={json.dumps(chosen)}'" if chosen else ""
    return f"uv run snakemake results/figures/{key}.pdf{config}"


def by_analysis(option: str, words: Sequence[str]) -> dict[str, list[Path]]:
    """Return the files of an option's words ``analysis=file`` by analysis.

    Raises:
        AtlasError: a word has another form.
    """
    found: dict[str, list[Path]] = {}
    for word in words:
        analysis, equals, file = word.partition("=")
        if not equals:
            raise AtlasError(f"{option} {word}: expected ANALYSIS=FILE")
        found.setdefault(analysis, []).append(Path(file))
    return found


if __name__ == "__main__":
    run_command(main)
