"""Figures of the LaTeX report: PDFs scaled to the page, or cut into pieces where they would be too small to read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from workflow_scripts.common.errors import AtlasError, made_here
from workflow_scripts.common.study import Figure
from workflow_scripts.report.latex.page import CHARACTERS_A_LINE, LINE, TEXT_HEIGHT, TEXT_WIDTH
from workflow_scripts.report.latex.text import escape_latex
from workflow_scripts.report.pdf_file import is_heavy, n_pages
from workflow_scripts.report.references import in_the_study

SMALLEST = 0.72  # of its size, to which a figure is scaled; a taller one is cut
_ROOM = 70.0  # points for what stands around a figure: ends of paragraphs, the heading of a section
_SIZE = re.compile(rb"/MediaBox\s*\[\s*([\d.]+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)\s*\]")


@dataclass(frozen=True)
class Piece:
    """What of a figure's PDF stands on one page of the report: a page of it, or a strip, in points from its top."""

    page: int
    top: float
    bottom: float


@dataclass(frozen=True)
class Drawing:
    """A figure's PDF: its name in the report, its size in points, the pieces that it is shown in, the height it may have.

    `file` is its PNG where the PDF is heavy.
    """

    file: Path
    name: str
    width: float
    height: float
    pieces: tuple[Piece, ...]
    room: float


def drawing(file: Path, name: str, words: int) -> Drawing:
    """Return how the PDF `file` is shown; of a tall one the PNG beside it says where it can be cut, of a heavy one it is shown.

    Args:
        file: of the figure.
        name: of its copy, without the suffix.
        words: characters that stand below it on its page.

    Raises:
        AtlasError: there is no such file, or it is no PDF of this project.
    """
    if not file.is_file():
        raise AtlasError(f"{file}: this figure has not been drawn; draw it by naming it as the target of snakemake")
    content = file.read_bytes()
    size = _SIZE.search(content)
    if not size:
        raise made_here(file, "a figure", "it says no size of its page")
    left, low, right, high = map(float, size.groups())
    width, height = right - left, high - low
    pages = n_pages(content)
    room = _room(words)
    png = file.with_suffix(".png")
    shown = png if png.is_file() and is_heavy(file) else file
    name += shown.suffix
    if pages > 1:
        return Drawing(shown, name, width, height, tuple(Piece(page, 0, height) for page in range(1, pages + 1)), room)
    if height * SMALLEST * _to_width(width) <= room:
        return Drawing(shown, name, width, height, (Piece(1, 0, height),), room)
    ends = _cuts(file.with_suffix(".png"), height, room / _to_width(width))
    return Drawing(shown, name, width, height, tuple(Piece(1, top, bottom) for top, bottom in pairwise(ends)), room)


def figure_block(figure: Figure, shown: Drawing, notes: Sequence[str] = ()) -> str:
    """Return a figure with its caption, and `notes` in LaTeX below it."""
    title, caption = (escape_latex(text) for text in (figure.title, figure.caption))
    number = f" ({escape_latex(in_the_study(figure.number))})" if figure.number else ""
    lines = []
    for place, piece in enumerate(shown.pieces):
        first = place == 0
        lines += [
            r"\begin{figure}[H]",
            r"\centering",
            _include(shown, piece),
            *([] if first else [r"\ContinuedFloat"]),
            rf"\caption[{{{title}}}]{{\textbf{{{title}}}{number}. {caption}}}" if first else r"\caption[]{Continued.}",
            *([rf"\label{{{label(figure)}}}", r"\raggedright", *notes] if first else []),
            r"\end{figure}",
        ]
    return "\n".join([*lines, ""])


def label(figure: Figure) -> str:
    """Return the label that references to a figure name."""
    return f"fig:{figure.study}-{figure.name.replace('_', '-')}"


def file_name(figure: Figure) -> str:
    """Return the name of a figure's copy in the folder of figures, without the suffix."""
    return f"{figure.study}_{figure.name}"


def _include(shown: Drawing, piece: Piece) -> str:
    height = piece.bottom - piece.top
    scale = min(1.0, _to_width(shown.width), shown.room / height)
    options = [f"width={scale * shown.width:.1f}pt"]
    if piece.page > 1:
        options.append(f"page={piece.page}")
    if (piece.top, piece.bottom) != (0, shown.height):
        options.append(f"trim=0pt {shown.height - piece.bottom:.1f}pt 0pt {piece.top:.1f}pt, clip")
    return rf"\includegraphics[{', '.join(options)}]{{{shown.name}}}"


def _to_width(width: float) -> float:
    return min(1.0, TEXT_WIDTH / width)


def _room(words: int) -> float:
    """Return the height that `words` characters below a figure leave of a page."""
    return TEXT_HEIGHT - (words / CHARACTERS_A_LINE + 1) * LINE - _ROOM


def _cuts(png: Path, height: float, most: float) -> list[float]:
    """Return where a figure of `height` is cut into strips no higher than `most`: through rows where nothing is drawn."""
    strips = int(-(-height // most))
    blank = _blank_rows(png, height) if png.is_file() else np.array([])
    ends = [0.0]
    for place in range(1, strips):
        even = ends[-1] + (height - ends[-1]) / (strips + 1 - place)
        near = blank[(blank > ends[-1] + most / 2) & (blank <= ends[-1] + most) & (height - blank <= most * (strips - place))]
        ends.append(float(near[np.abs(near - even).argmin()]) if len(near) else even)
    return [*ends, height]


def _blank_rows(png: Path, height: float) -> np.ndarray:
    """Return the middles of a picture's bands of rows of one colour, in points from the top of a figure of `height`."""
    with Image.open(png) as image:
        rows = np.asarray(image.convert("L"))
    blank = rows.max(axis=1) == rows.min(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], blank.astype(int), [0]])))
    return (edges[::2] + edges[1::2]) / 2 * height / len(rows)
