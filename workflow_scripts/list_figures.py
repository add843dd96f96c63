"""List the figures of all studies, from their descriptions, for people to read (docs/figures.md)."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from workflow_scripts.common.atomic import write_text
from workflow_scripts.common.errors import run_command
from workflow_scripts.common.study import Study
from workflow_scripts.studies.found import find_study, study_names

_HEAD = """\
# The figures of the studies

Every figure is a target of its own: `uv run snakemake` with the name of its file makes it, with a PNG and the CSV of what is
drawn beside it. A figure without a number is not one of the study's.

What exceeds a page has several in its PDF; the PNG shows the first and says so. The CSV of maps has a row a map: its range, and
the array of which file of `results/maps/` holds its numbers. Both say in their metadata of which figure, commit and data they
are. For a paper: `--config 'figures={width: column, font: DejaVu Serif, models: {<study>/<figure>: [<model>, <model>]}}'`.

`uv run python -m workflow_scripts.list_figures` writes this page from the studies' descriptions
(`workflow_scripts/studies/<study>/`).
"""


def main() -> None:
    """Read the command line, write the list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("docs/figures.md"), help="output .md")
    args = parser.parse_args()
    write_text(args.output, page(find_study(name) for name in study_names()))


def page(studies: Iterable[Study]) -> str:
    """Return the page, in Markdown: of each study that has figures a heading and a table."""
    return "\n".join([_HEAD, *(_section(study) for study in studies if study.figures)])


def _section(study: Study) -> str:
    paper = study.reference["short"]
    if "arxiv" in study.reference:
        paper += f", [arXiv {study.reference['arxiv']}](https://arxiv.org/abs/{study.reference['arxiv']})"
    rows = [
        ("study's number", "figure", "what it shows"),
        ("---",) * 3,
        *((figure.number, f"`results/figures/{figure.key}.pdf`", figure.title) for figure in study.figures),
    ]
    table = "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows)
    return f"## {study.name}\n\n{study.title} ({paper})\n\n{table}\n"


if __name__ == "__main__":
    run_command(main)
