"""Draw a figure and save it: the same input gives the same bytes."""

from __future__ import annotations

import textwrap
import zlib
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.transforms import Bbox
from PIL import Image

from workflow_scripts.common.atomic import atomic_path
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.figures.cap import cap_note, capped
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.drawing import Drawing
from workflow_scripts.figures.origin import Origin
from workflow_scripts.figures.png import write_png
from workflow_scripts.figures.style import DPI, PAGE_HEIGHT, QUIET, Look, atlas_style

_COMPRESSED = 0.6  # of the bytes of a photograph that are left in a PDF
_TALLEST = 4 / 3 * PAGE_HEIGHT  # inches, above which nobody sees a figure whole
_FORMULA = ("=", "+", "-", "@", "\t")  # how a spreadsheet tells a formula in a CSV file


def draw(drawing: Drawing, data: FigureData, look: Look | None = None) -> Drawn:
    """Draw a figure; of the studies' modules only that of this figure is imported.

    Raises:
        AtlasError: there is nothing to draw, or a file that the figure reads was not given.
    """
    if not any(not model.random for model in data.models):
        raise AtlasError(f"figure '{drawing.key}': no model but the random baseline is given; add a model's file")
    for option, wanted, given in (("--maps", drawing.maps, data.maps), ("--pairs", drawing.pairs, data.pairs)):
        for analysis in wanted:
            if not given.get(analysis):
                raise AtlasError(f"figure '{drawing.key}' is drawn from the {option[2:]} of {analysis}: give {option}")
    for model in data.models if drawing.tables else ():
        lacking = [analysis for analysis in drawing.tables if analysis not in data.table(model).files]
        if lacking:
            raise AtlasError(
                f"figure '{drawing.key}': no table of analysis '{lacking[0]}' of model '{model.id}' is given (only "
                f"{data.table(model).source}); add it to --tables"
            )
    with atlas_style(look):
        return _of_few_pages(drawing, data)


def _of_few_pages(drawing: Drawing, data: FigureData) -> Drawn:
    """Draw a figure; one that would be taller than `_TALLEST`, of as many models alone as are not, with a note that says so."""
    drawn, shown = drawing.draw(data), data
    trained = [model for model in data.models if not model.random]
    count = len(trained)
    while (height := drawn.figure.get_size_inches()[1]) > _TALLEST and count > 1:
        count = max(1, min(count - 1, int(count * PAGE_HEIGHT / height)))
        kept = capped(trained, count)
        shown = data.of([model for model in data.models if model.random or model in kept])
        drawn = drawing.draw(shown)
    notes = [drawn.note, "" if shown is data else cap_note(count, len(trained))]
    return replace(drawn, note=" ".join(filter(None, notes)))


def save_figure(figure: Figure, pdf: Path, png: Path) -> None:
    """Save a figure of one page as PDF and PNG."""
    save_pages(Drawn(figure, pd.DataFrame()), pdf, png)


def save_pages(drawn: Drawn, pdf: Path, png: Path, origin: Origin | None = None, look: Look | None = None) -> None:
    """Save all pages as one PDF and the first as PNG, each whole or not at all and without dates or program versions.

    Below each page of several stands which it is, and the drawing's note; the PNG's says where the others are.
    """
    boxes = [_add_foot(page, drawn, number) for number, page in enumerate(drawn.pages, 1)]
    with atlas_style(look):
        number = drawn.figure.texts[-1] if drawn.more else None
        if number:
            number.set_text(f"page 1 of {len(drawn.pages)}; the others are in the PDF")
        _save_png(drawn.figure, boxes[0], png, origin)
        if number:
            number.set_text(f"page 1 of {len(drawn.pages)}")
        for page in drawn.more:
            page.draw_without_rendering()
        for page in drawn.pages:
            page.set_layout_engine("none")  # everything has its place now
        _save_pdf(drawn.pages, boxes, pdf, origin)


def _save_pdf(pages: Sequence[Figure], boxes: Sequence[Bbox | None], pdf: Path, origin: Origin | None) -> None:
    """Save pages with their images as they are; those finer than `DPI` would only be heavy, and get as many pixels."""
    metadata = {"CreationDate": None, "Creator": None, "Producer": None} | (origin.pdf() if origin else {})
    with atomic_path(pdf) as path, PdfPages(path, metadata=metadata) as file:
        for page, box in zip(pages, boxes, strict=True):
            for image in page.findobj(AxesImage):  # patches stay patches; fewer pixels than patches would average them
                image.set_interpolation("auto" if _is_fine(image) else "none")
            page.savefig(file, format="pdf", dpi=DPI, bbox_inches=box)


def _save_png(page: Figure, box: Bbox | None, png: Path, origin: Origin | None) -> None:
    for image in page.findobj(AxesImage):
        image.set_interpolation("auto")
    pixels = BytesIO()
    page.savefig(pixels, format="png", dpi=DPI, bbox_inches=box, pil_kwargs={"compress_level": 0})
    with atomic_path(png) as path, Image.open(pixels) as image:
        write_png(path, image, origin.png() if origin else {}, DPI)


def _is_fine(image: AxesImage) -> bool:
    """Return whether an image would be lighter with the pixels of its place on the page at `DPI` than with its own.

    A photograph would; patches of one colour are compressed well however many pixels they have.
    """
    place, own = image.get_window_extent(), np.ma.getdata(image.get_array())
    n_bytes = 3 * place.width * place.height * (DPI / image.get_figure().dpi) ** 2
    return own.size > n_bytes and len(zlib.compress(np.ascontiguousarray(own), 1)) > _COMPRESSED * n_bytes


def _add_foot(page: Figure, drawn: Drawn, number: int) -> Bbox | None:
    """Write the drawing's note and the page's number below a page; return the box of both, None if there is neither."""
    several = len(drawn.pages) > 1
    if not several and not drawn.note:
        return None
    width, height = page.get_size_inches()
    look = {"fontsize": 6, "color": QUIET, "va": "top", "in_layout": False}
    lines = textwrap.wrap(drawn.note, max(20, int((width - 0.1 - (2.0 if several else 0)) * 72 / 3.3)))
    page.text(0.04 / width, -0.03 / height, "\n".join(lines), linespacing=1.2, **look)
    if several:
        page.text(1 - 0.04 / width, -0.03 / height, f"page {number} of {len(drawn.pages)}", ha="right", **look)
    return Bbox([[0, -0.06 - 0.1 * max(1, len(lines))], [width, height]])


def save_drawn(drawn: Drawn, pdf: Path, png: Path, csv: Path, origin: Origin | None = None, look: Look | None = None) -> None:
    """Save a drawn figure with the numbers it shows, to 8 significant digits.

    A text that a spreadsheet would take for a formula gets an apostrophe in front: a display name is anybody's to choose.
    """
    save_pages(drawn, pdf, png, origin, look)
    with atomic_path(csv) as path:
        without_formulas(drawn.data).to_csv(path, index=False, lineterminator="\n", float_format="%.8g")


def without_formulas(data: pd.DataFrame) -> pd.DataFrame:
    """Return `data` with an apostrophe before every text that begins as a formula does (=, +, -, @, tab); numbers stay."""
    texts = data.select_dtypes(exclude="number")
    return data.assign(**{name: texts[name].map(_guarded, na_action="ignore") for name in texts})


def _guarded(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
